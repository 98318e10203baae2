"""Texts with a card number and a code in them, and how the tests of `card_data` read them."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import Done, Observation, Options, Reason, SourceUnavailable, Window
from ccmm_agent.testing import read_all
from ccmm_plugin_access_control.card_data import CardData
from tests.support.cards import card, spoken
from tests.support.stated import attributes

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
UNION = card()


def source(folder: Path, **changed: object) -> CardData:
    asked = Options({"place": "notes", "folder": str(folder), **changed})
    built = CardData.from_options(asked)
    asked.refuse_unknown()
    return built


def read(one: CardData, cursor: bytes = b"", now: datetime = NOW) -> tuple[list[Observation], Done]:
    return read_all(one, cursor=cursor, now=now, zone=ZONE)


def told(observations: list[Observation]) -> list[tuple[object, ...]]:
    """(class, subject, item, hits) of every sample."""
    found = [attributes(one.occurrence) for one in observations]
    return [(one["class"], one["subject"], one.get("call"), one["hits"]) for one in found]


def result(observations: list[Observation]) -> tuple[object, object]:
    """How many codes and numbers the scan says are there."""
    by_class = {class_: hits for class_, _, _, hits in told(observations)}
    return by_class["security_code"], by_class["card_number"]


def problem(one: CardData, cursor: bytes = b"") -> tuple[Reason, str]:
    with pytest.raises(SourceUnavailable) as caught:
        list(one.read(Window(cursor=cursor, now=NOW, zone=ZONE)))
    return caught.value.reason, caught.value.detail


def texts(folder: Path) -> Path:
    (folder / "day").mkdir()
    (folder / "day" / "1763812401.22.txt").write_text(f"客户：卡号{spoken(UNION)}\n坐席：安全码？\n客户：三八五\n")
    (folder / "clean.txt").write_text("一共三笔，谢谢。\n")
    return folder
