"""Sources that are plain functions, and what a real spool holds after their runs."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ccmm_agent.config import USUAL_PACE, QuietHours
from ccmm_agent.facts import count
from ccmm_agent.home import Home
from ccmm_agent.pace import Pace
from ccmm_agent.plugin import Observation
from ccmm_agent.reading import Reading
from ccmm_agent.runner import Runner
from ccmm_agent.schedule import Schedule
from ccmm_agent.sources import PlannedSource
from ccmm_agent.spool import Spool
from ccmm_agent.veto import Veto
from ccmm_proto.envelope import parse_envelope
from ccmm_proto.period import to_ms
from ccmm_proto.v1.statement_pb2 import (
    EMPTY,
    ISOLATION_LANDLOCK,
    OBSERVED,
    UNAVAILABLE,
    Run,
    Software,
    Statement,
)
from ccmm_proto.wire import parse_statement
from tests.support.homes import NOON

NO_VETO = Veto()
UTC_ZONE = ZoneInfo("UTC")


@dataclass
class Fake:
    """A source with behaviour: what each reading gives, in order; the last one again and again."""

    batches: list[list[Observation]] = field(default_factory=lambda: [[]])
    more: int = 0  # so many readings say that history remains
    unavailable: bool = False
    seconds: float = 0.0
    backfill: timedelta | None = None
    feeds: tuple[str, ...] = ("calls_offered",)
    veto: Veto = NO_VETO
    cursors: list[bytes] = field(default_factory=list)
    started: threading.Event = field(default_factory=threading.Event)

    def read(self, cursor: bytes, now: datetime) -> Reading:
        number = len(self.cursors)
        self.cursors.append(cursor)
        self.started.set()
        time.sleep(self.seconds)
        found = [] if self.unavailable else self.batches[min(number, len(self.batches) - 1)]
        outcome = UNAVAILABLE if self.unavailable else OBSERVED if found else EMPTY
        return Reading(
            outcome=outcome,
            reason="unreachable" if self.unavailable else "",
            detail="",
            covers=None if self.unavailable else (now, now),
            cursor=None if self.unavailable else b"cursor-%d" % (number + 1),
            more=number < self.more,
            observations=found,
            isolation=ISOLATION_LANDLOCK,
            plugin_software=Software(name="fake", version="1"),
            feeds=self.feeds,
        )

    def planned(
        self, every: str = "15m", value: int = 50, quiet: QuietHours | None = None, pace: Pace = USUAL_PACE
    ) -> PlannedSource:
        return PlannedSource(
            name="pbx",
            plugin="fake",
            schedule=Schedule.parse(every=every, zone=UTC_ZONE),
            quiet=quiet,
            pace=pace,
            backfill=self.backfill,
            veto=self.veto,
            read=self.read,
            describe=lambda: (self.feeds, value),
        )


def calls(n: int) -> Observation:
    return count("calls_offered", NOON, n, queue="support")


def statements(spool: Spool) -> list[Statement]:
    return [parse_statement(parse_envelope(one.envelope).payload) for one in spool.waiting(limit=10_000)]


def runs(spool: Spool) -> list[Run]:
    return [one.run for one in statements(spool) if one.WhichOneof("body") == "run"]


def run_until(home: Home, source: PlannedSource, done: Callable[[], bool], seconds: float = 10.0) -> None:
    async def work() -> None:
        leaving = asyncio.Event()
        task = asyncio.create_task(Runner(home, [source], bell=lambda: None).run(leaving))
        until = time.monotonic() + seconds
        while not done() and time.monotonic() < until and not task.done():
            await asyncio.sleep(0.02)
        leaving.set()
        await task

    asyncio.run(work())
    assert done(), "the condition did not come true in time"


def with_last_due(home: Home, last_due: datetime) -> None:
    home.spool.hold("pbx", lambda state: replace(state, last_due_ms=to_ms(last_due)))


def without_jitter(home: Home) -> Home:
    return replace(home, config=replace(home.config, jitter=timedelta(0)))
