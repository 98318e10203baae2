"""A table of calls as a file and as a database, and how the tests of `call_table` read them."""

import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import Done, Observation, Options, Reason, SourceUnavailable, Window
from ccmm_agent.testing import read_all
from ccmm_plugin_telephony.call_table import CallTable

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)  # 14:00 in Shanghai
HEADER = ("id", "entered", "skill", "agent", "result", "wait", "talk", "hold", "wrap", "by", "caller", "rings", "name")
NAME = "Li"  # a column that is not mapped
CALLS = [
    (
        "c1",
        "2026-11-22 09:01:10",
        "sales",
        "2001",
        "2",
        "12",
        "0:03:00",
        "20",
        "30",
        "caller",
        "13800000001",
        "1",
        "Li",
    ),
    ("c2", "2026-11-22 09:14:59", "sales", "", "3", "0:00:41", "0", "", "", "caller", "13800000002", "0", "Wu"),
    ("c3", "2026-11-22 09:15:00", "sales", "2002", "2", "20", "9", "0", "5", "agent", "13800000003", "0", "He"),
    ("c4", "2026-11-22 10:20:00", "help", "", "4", "300", "", "", "", "system", "13800000004", "2", "Xu"),
]
OPTIONS: Mapping[str, object] = {
    "started": "entered",
    "columns": {
        "call": "id",
        "queue": "skill",
        "agent": "agent",
        "outcome": "result",
        "wait": "wait",
        "talk": "talk",
        "hold": "hold",
        "after_call": "wrap",
        "ended_by": "by",
        "number": "caller",
        "rings": "rings",
    },
    "values": {"outcome": {"2": "answered", "3": "abandoned", "4": "left"}},
}
LAST = ("c9", "2026-11-22 12:10:00", "sales", "2001", "2", "1", "60", "0", "0", "caller", "", "0", "")


def csv_of(folder: Path, rows: Sequence[Sequence[object]]) -> Mapping[str, object]:
    path = folder / "calls.csv"
    lines = [HEADER, *rows]
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in lines), "utf-8")
    os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    return {"path": str(path)}


def sqlite_of(folder: Path, rows: Sequence[Sequence[object]]) -> Mapping[str, object]:
    path = folder / "calls.db"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE calls ({})".format(", ".join(f'"{name}" TEXT' for name in HEADER)))
        connection.executemany(f"INSERT INTO calls VALUES ({', '.join('?' * len(HEADER))})", rows)
    return {"url": f"sqlite:///{path}", "table": "calls", "since": "2026-11-01"}


def source(place: Mapping[str, object], options: Mapping[str, object] = OPTIONS, **changed: object) -> CallTable:
    given = Options({name: value for name, value in {**place, **options, **changed}.items() if value is not None})
    built = CallTable.from_options(given)
    given.refuse_unknown()
    return built


def read(one: CallTable, cursor: bytes = b"", now: datetime = NOW) -> tuple[list[Observation], Done]:
    return read_all(one, cursor=cursor, now=now, zone=ZONE)


def problem(one: CallTable, reason: Reason = Reason.UNREADABLE) -> str:
    with pytest.raises(SourceUnavailable) as caught:
        list(one.read(Window(cursor=b"", now=NOW, zone=ZONE)))
    assert caught.value.reason is reason, caught.value
    return caught.value.detail


def figures(found: list[Observation]) -> dict[tuple[str, str, str], object]:
    """(measure, queue, local start) -> its value."""
    told: dict[tuple[str, str, str], object] = {}
    for one in found:
        if one.WhichOneof("fact") != "measure":
            continue
        measure = one.measure
        queue = " ".join(dimension.text for dimension in measure.dimensions)
        at = datetime.fromtimestamp(measure.start_ms / 1000, ZONE)
        word = measure.WhichOneof("value")
        value: object = measure.count
        if word == "sum":
            value = (measure.sum.total, measure.sum.count)
        if word == "histogram":
            value = measure.histogram
        told[measure.id, queue, f"{at:%H:%M}"] = value
    return told


def calls(found: list[Observation]) -> dict[str, dict[str, object]]:
    """Call id -> attributes."""
    told: dict[str, dict[str, object]] = {}
    for one in found:
        for at, key in enumerate(one.roll.clear_key):
            row: dict[str, object] = {}
            for column in one.roll.columns:
                if column.clear:
                    row[column.name] = column.clear[at]
                elif column.dictionary:
                    number = column.number[at]
                    row[column.name] = column.dictionary[number] if number < len(column.dictionary) else None
                else:
                    row[column.name] = column.number[at]
            told[key] = row
    return told
