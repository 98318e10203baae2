"""Badge exports, and how the tests of the door log read them."""

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import Done, Observation, Options, Reason, SourceUnavailable, Window
from ccmm_agent.testing import read_all
from ccmm_plugin_access_control.door_log import DoorLog
from ccmm_proto.kinds import KINDS, Type
from ccmm_proto.v1 import statement_pb2 as pb

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)  # 14:00 in Shanghai
EXPORTED = datetime(2026, 11, 22, 5, 50, tzinfo=UTC)
HEAD = " 刷卡时间, 卡号,门 ,进出, 事件\r\n"
COLUMNS = {"time": "刷卡时间", "badge": "卡号", "door": "门", "direction": "进出", "result": "事件"}
WORDS = {"进": "in", "出": "out", "正常开门": "open", "无效卡": "refused"}
BASE: Mapping[str, object] = {"columns": COLUMNS, "words": WORDS, "encoding": "gb18030", "zone": "Asia/Shanghai"}
MORNING = [
    "2026-11-22 08:01,1001,前门,进,正常开门",
    "2026-11-22 08:01,1002,前门,进,正常开门",
    "2026-11-22 09:30,1001,前门,出,正常开门",
]


def write(path: Path, rows: Iterable[str], exported: datetime = EXPORTED, head: str = HEAD) -> Path:
    path.write_bytes((head + "".join(f"{row}\r\n" for row in rows)).encode("gb18030"))
    os.utime(path, (exported.timestamp(), exported.timestamp()))
    return path


def source(events: Path, **changed: object) -> DoorLog:
    options = Options({"events": str(events), **BASE, **changed})
    built = DoorLog.from_options(options)
    options.refuse_unknown()
    return built


def read(one: DoorLog, cursor: bytes = b"", now: datetime = NOW) -> tuple[list[Observation], Done]:
    return read_all(one, cursor=cursor, now=now, zone=ZoneInfo("UTC"))


Row = tuple[str, datetime, dict[str, object]]


def rows_of(found: Iterable[Observation]) -> list[Row]:
    """(badge, start, attributes) of all rolls; absent attributes left out."""
    return [row for one in found if one.HasField("roll") for row in _rows(one.roll)]


def _rows(roll: pb.Roll) -> Iterable[Row]:
    for at, (key, start) in enumerate(zip(roll.clear_key, roll.start_s, strict=True)):
        values: dict[str, object] = {}
        for column in roll.columns:
            kind = KINDS["passage"].attributes[column.name].type
            if kind is Type.PSEUDONYM:
                values[column.name] = column.clear[at]
            elif column.number[at] >= 0:
                number = column.number[at]
                values[column.name] = column.dictionary[number] if kind is Type.TEXT else bool(number)
        shown = {name: value for name, value in values.items() if value != ""}
        yield key, datetime.fromtimestamp(roll.hour_ms / 1000 + start, UTC), shown


def hours(found: Iterable[Observation]) -> dict[int, tuple[int, int]]:
    """UTC hour of the day -> (rows, revision)."""
    rolls = [one.roll for one in found if one.HasField("roll")]
    return {roll.hour_ms // 3_600_000 % 24: (len(roll.start_s), roll.revision) for roll in rolls}


def problem(one: DoorLog) -> tuple[Reason, str]:
    with pytest.raises(SourceUnavailable) as caught:
        list(one.read(Window(cursor=b"", now=NOW, zone=ZONE)))
    return caught.value.reason, caught.value.detail


def utc(hour: int, minute: int = 0, day: int = 22) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)
