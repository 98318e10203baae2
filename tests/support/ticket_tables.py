"""Cases of a ticket system in a table, as CSV or in a database, and the source that reads them."""

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import pytest

from ccmm_agent.plugin import Done, Observation, Options, Reason, SourceUnavailable, Window
from ccmm_agent.testing import read_all
from ccmm_plugin_crm.tickets_table import TicketsTable
from ccmm_proto.v1 import statement_pb2 as pb
from tests.support.tables import NOW, ZONE

PlaceOf: TypeAlias = Callable[[Path, Sequence[Sequence[str]]], Mapping[str, object]]
HEADER = ("no", "made", "type", "state", "first_due", "due", "done", "told", "before", "again", "who", "about", "text")


def row_of(
    no: str, made: str, kind: str, state: str = "open", *, who: str = "", about: str = "", **at: str
) -> tuple[str, ...]:
    """Times are days of November 2026, perhaps with a clock time."""
    days = {
        name: f"2026-11-{at[name]}" if name in at else ""
        for name in ("first_due", "due", "done", "told", "before", "again")
    }
    return (no, f"2026-11-{made}", kind, state, *days.values(), who, about, "a text about Ms Li")


ROWS = [
    row_of("T1", "10 09:00", "投诉", "shut", due="15 18:00", done="14 09:00", told="16 09:00", who="K1", about="bill"),
    row_of("T2", "10 10:00", "咨询", "shut", due="12 00:00", done="13 10:00", who="K2", about="bill"),
    row_of("T3", "11 10:00", "咨询", "open", due="20 10:00", done="12 10:00", who="K2", about="bill"),
    row_of(
        "T4", "12 10:00", "申请", "shut", done="18 10:00", before="13 10:00", again="15 10:00", who="K3", about="card"
    ),
    row_of(
        "T5", "12 11:00", "申请", "shut", first_due="14 10:00", due="19 10:00", done="18 11:00", who="K3", about="loan"
    ),
    row_of("T6", "22 10:00", "咨询", who="K4", about="card"),
]
OPTIONS: Mapping[str, object] = {
    "started": "made",
    "columns": {
        "case": "no",
        "class": "type",
        "open": "state",
        "first_due": "first_due",
        "due": "due",
        "closed": "done",
        "told": "told",
        "closed_before": "before",
        "reopened_at": "again",
        "customer": "who",
        "topic": "about",
    },
    "values": {
        "class": {"投诉": "complaint", "申请": "request", "咨询": "enquiry"},
        "open": {"open": True, "shut": False},
    },
}


def csv_of(folder: Path, rows: Sequence[Sequence[str]] = ROWS) -> Mapping[str, object]:
    path = folder / "tickets.csv"
    path.write_text("".join(",".join(row) + "\n" for row in [HEADER, *rows]), "utf-8")
    os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    return {"path": str(path)}


def sqlite_of(folder: Path, rows: Sequence[Sequence[str]] = ROWS) -> Mapping[str, object]:
    path = folder / "tickets.db"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE tickets ({})".format(", ".join(f'"{name}" TEXT' for name in HEADER)))
        connection.executemany(f"INSERT INTO tickets VALUES ({', '.join('?' * len(HEADER))})", rows)
    return {"url": f"sqlite:///{path}", "table": "tickets", "since": "2026-11-01"}


both = pytest.mark.parametrize("place_of", [csv_of, sqlite_of])


def source(place: Mapping[str, object], **changed: object) -> TicketsTable:
    given = Options({name: value for name, value in {**OPTIONS, **place, **changed}.items() if value is not None})
    built = TicketsTable.from_options(given)
    given.refuse_unknown()
    return built


def read(one: TicketsTable, cursor: bytes = b"") -> tuple[list[Observation], Done]:
    return read_all(one, cursor=cursor, now=NOW, zone=ZONE)


def figures(found: list[Observation]) -> dict[tuple[str, str, int], int]:
    """(measure, class, day of November) -> count."""
    told = {}
    for one in found:
        if one.WhichOneof("fact") == "measure":
            day = datetime.fromtimestamp(one.measure.start_ms / 1000, UTC).day
            told[one.measure.id, one.measure.dimensions[0].text, day] = one.measure.count
    return told


def cases(found: list[Observation]) -> dict[str, pb.Occurrence]:
    return {one.occurrence.id.text: one.occurrence for one in found if one.WhichOneof("fact") == "occurrence"}


def problem(place: Mapping[str, object], **changed: object) -> str:
    with pytest.raises(SourceUnavailable) as caught:
        list(source(place, **changed).read(Window(cursor=b"", now=NOW, zone=ZONE)))
    assert caught.value.reason is Reason.UNREADABLE
    return caught.value.detail
