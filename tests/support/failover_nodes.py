"""Two nodes of keepalived and a plan of drills, and how the tests of `failover` read them."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import Observation, Options
from ccmm_agent.testing import read_all
from ccmm_plugin_facilities.failover import Failover
from ccmm_plugin_facilities.watch import Span
from tests.support.stated import values_of

ZONE = ZoneInfo("Asia/Shanghai")
TEN = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)  # ten o'clock at the center
PLAN = "ref,from,until\ndrill-4,2026-11-20 10:00,2026-11-20 12:00\n"
Look = tuple[list[Observation], bytes, str, Span | None]  # observations, cursor, detail, covers


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


class Nodes:
    """Two nodes of keepalived that log to one file, and a plan."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "log"
        self.folder.mkdir()
        self.plan = folder / "drills.csv"
        self.plan.write_text(PLAN)
        self.log = self.folder / "keepalived.log"
        self.lines: list[tuple[datetime, str]] = []
        self.says(TEN - timedelta(days=9), "acd-a", "MASTER")

    def says(self, when: datetime, node: str, state: str, instance: str = "VI_1") -> None:
        self.lines.append((when, f"{node} Keepalived_vrrp[812]: ({instance}) Entering {state} STATE"))
        self.write()

    def write(self) -> None:
        text = "".join(f"{when.isoformat()} {what}\n" for when, what in self.lines)
        self.log.write_text(text)
        written = max(when for when, _ in self.lines).timestamp()
        os.utime(self.log, (written, written))

    def options(self, **changed: object) -> dict[str, object]:
        given: dict[str, object] = {"service": "acd", "plan": str(self.plan), "home": "acd-a", "rto": "5m"}
        return {**given, "folder": str(self.folder), "pattern": "keepalived.log*", "keepalived": "VI_1", **changed}

    def source(self, **changed: object) -> Failover:
        options = Options({name: value for name, value in self.options(**changed).items() if value is not None})
        built = Failover.from_options(options)
        options.refuse_unknown()
        return built

    def read(self, cursor: bytes, now: datetime, **changed: object) -> Look:
        found, done = read_all(self.source(**changed), cursor=cursor, now=now, zone=ZONE)
        return found, done.cursor, done.detail, done.covers

    def planned(self) -> bytes:
        """The cursor of a look an hour before the drill."""
        return self.read(b"", TEN - minutes(60))[1]


@pytest.fixture
def nodes(tmp_path: Path) -> Nodes:
    return Nodes(tmp_path)


def told(one: Observation) -> dict[str, object]:
    found = one.occurrence
    ended = found.ended_ms if found.HasField("ended_ms") else None
    return {"id": found.id.text, "started": found.started_ms, "ended": ended, **values_of(found)}
