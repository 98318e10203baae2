"""Tables to read, and how the tests of the table source read them."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.delimited import LocalTimes
from ccmm_agent.plugin import Done, Observation, Options, Reason, SourceUnavailable, Window
from ccmm_agent.testing import read_all
from ccmm_plugin_records.table import Table

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
EXPORTED = datetime(2026, 11, 21, 18, 30, tzinfo=UTC)
TIMES = LocalTimes(ZONE)
ROSTER = "staff no,status,hire date,leave date,hours\n1001,在职,2024-03-01,-,160\n1002,离职,2023-01-09,2026-10-31,0\n"
ROSTER_OPTIONS: Mapping[str, object] = {
    "kind": "person",
    "key": "staff no",
    "columns": {"active": "status", "joined": "hire date", "left": "leave date", "worked_days": "hours"},
    "values": {"active": {"在职": True, "离职": False}},
    "constants": {"site": "Chengdu"},
    "absent": {"leave date": ["-"]},
}
TICKETS = (
    "id,opened,closed,type,queue\nT-1,2026-11-20 09:00,2026-11-20 17:00,complaint,a\nT-2,2026-11-21 10:00,,question,b\n"
)
TICKET_OPTIONS: Mapping[str, object] = {
    "kind": "case",
    "key": "id",
    "started": "opened",
    "ended": "closed",
    "columns": {"class": "type", "closed": "closed", "topic": "queue"},
}


def written(path: Path, content: str | bytes, exported: datetime = EXPORTED) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    os.utime(path, (exported.timestamp(), exported.timestamp()))
    return path


def source(path: Path, options: Mapping[str, object], **changed: object) -> Table:
    given_options = Options({"path": str(path), **options, **changed})
    built = Table.from_options(given_options)
    given_options.refuse_unknown()
    return built


def read(one: Table, cursor: bytes = b"", now: datetime = NOW) -> tuple[list[Observation], Done]:
    return read_all(one, cursor=cursor, now=now, zone=ZONE)


def problem(one: Table, reason: Reason = Reason.UNREADABLE) -> str:
    with pytest.raises(SourceUnavailable) as caught:
        list(one.read(Window(cursor=b"", now=NOW, zone=ZONE)))
    assert caught.value.reason is reason
    return caught.value.detail
