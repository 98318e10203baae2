"""A log that was rotated and packed in several ways, and how the tests of `log_store` read it."""

import bz2
import gzip
import lzma
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import Options
from ccmm_agent.testing import read_all
from ccmm_plugin_facilities.log_store import LogStore
from tests.support.stated import values_of

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def source(*stores: dict[str, object]) -> LogStore:
    options = Options({"stores": list(stores)})
    built = LogStore.from_options(options)
    options.refuse_unknown()
    return built


def of_files(folder: Path, **changed: object) -> dict[str, object]:
    given: dict[str, object] = {"name": "messages", "source": "acd", "kind": "files", "folder": str(folder)}
    return {**given, "pattern": "messages*", **changed}


def holding(*stores: dict[str, object], now: datetime = NOON) -> dict[str, object]:
    (one,), _ = read_all(source(*stores), now=now, zone=ZONE)
    (entry,) = one.inventory.entries
    return values_of(entry)


def lines(times: Iterable[datetime]) -> bytes:
    return b"".join(f"{when.isoformat()} host app: canary-line\n".encode() for when in times)


def hours(begin: datetime, end: datetime, *without: datetime) -> list[datetime]:
    found, when = [], begin
    while when < end:
        found += [] if when in without else [when]
        when += HOUR
    return found


def write(path: Path, content: bytes, written: datetime) -> None:
    path.write_bytes(content)
    os.utime(path, (written.timestamp(),) * 2)


@pytest.fixture
def rotated(tmp_path: Path) -> Path:
    """A log since 200 days ago, an hour of it missing twice in the last 30 days, rotated and packed in four ways."""
    folder = tmp_path / "log"
    folder.mkdir()
    gaps = (NOON - timedelta(days=3), NOON - timedelta(days=20))
    parts: list[tuple[int, int, str, Callable[[bytes], bytes]]] = [
        (200, 40, "messages.4.gz", gzip.compress),
        (40, 25, "messages-20261026.xz", lzma.compress),
        (25, 10, "messages.2.bz2", bz2.compress),
        (10, 1, "messages.1", bytes),
        (1, 0, "messages", bytes),
    ]
    for begin, end, name, pack in parts:
        content = lines(hours(NOON - timedelta(days=begin), NOON - timedelta(days=end), *gaps))
        write(folder / name, pack(content), NOON - timedelta(days=end))
    write(folder / "other.log", b"not of this log\n", NOON)
    return folder
