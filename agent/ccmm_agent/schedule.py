"""When a source is due, and what becomes of every due time: a run, or a signed MISSED or SKIPPED (FORMATS §4).

    schedule = Schedule.parse(every="15m")
    plan(schedule, last_due, now, running=False)     # -> Plan(steps=(Missed(...), Run(...)), last_due=...)

Pure: no clock, no timer. `every` is due at the multiples of its span since the epoch, so that a restart changes
nothing; `cron` is five fields on the wall clock of the center's zone.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, Self, TypeAlias

from apscheduler.triggers.cron import CronTrigger

from ccmm_agent.config import QuietHours
from ccmm_agent.cron import longest_gap_s, parse_cron
from ccmm_agent.options import parse_seconds
from ccmm_proto.reasons import Reason

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT: Final = timedelta(microseconds=1)
_NONE: Final = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Due times, strictly ascending, in UTC. Without a trigger: the multiples of `every_s` seconds."""

    every_s: int  # the longest gap between two due times
    zone: tzinfo
    trigger: CronTrigger | None = None

    @classmethod
    def parse(cls, *, every: str | None = None, cron: str | None = None, zone: tzinfo = UTC) -> Self:
        """From every="15m" or cron="0 6 * * mon-fri"; raises ValueError saying what was expected."""
        if every is not None and cron is None:
            return cls(every_s=parse_seconds(every), zone=zone)
        if cron is not None and every is None:
            return cls(every_s=longest_gap_s(cron), zone=zone, trigger=parse_cron(cron, zone))
        raise ValueError("either every or cron is expected")

    def next_after(self, after: datetime) -> datetime:
        """The first due time after an instant."""
        if self.trigger is None:
            # Arithmetic, not APScheduler's interval: a year of missed minutes is listed in a moment.
            gone = (after - _EPOCH) // timedelta(seconds=self.every_s)
            return _EPOCH + timedelta(seconds=self.every_s * (gone + 1))
        # A local time that comes twice when clocks go back is due twice; ascending in UTC it stays in any case.
        ahead = _INSTANT
        while (due := self.trigger.get_next_fire_time(None, (after + ahead).astimezone(self.zone))) is not None:
            if due > after:
                return datetime.fromtimestamp(due.timestamp(), UTC)
            ahead += timedelta(minutes=1)
        raise ValueError("a cron that never comes true does not parse")

    def due_between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """All due times with after < due <= until, ascending."""
        due = self.next_after(after)
        while due <= until:
            yield due
            due = self.next_after(due)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Read now, for this due time."""

    due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Nobody was there at these due times."""

    first: datetime
    last: datetime
    count: int
    reason: Reason = Reason.AGENT_DOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """On purpose nothing is read for these due times."""

    first: datetime
    last: datetime
    count: int
    reason: Reason


Step: TypeAlias = Run | Missed | Skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do now, oldest due time first, and the last due time that is accounted for when it is done."""

    steps: tuple[Step, ...]
    last_due: datetime | None
    clock_went_back: bool = False  # by more than one gap: the series of due times starts anew


def plan(
    schedule: Schedule,
    last_due: datetime | None,
    now: datetime,
    running: bool,
    *,
    quiet: QuietHours | None = None,
    blocked: Reason | None = None,
    delay: timedelta = _NONE,
) -> Plan:
    """Every due time since `last_due` becomes part of exactly one step; the newest is the one that may run.

    `running`: the run before is still going. `blocked`: another reason not to read (SPOOL_FULL). `delay`: the source's
    jitter, so long after a due time it is acted upon. A source never read before (`last_due` None) is due at once. A
    clock that went back by less than one gap is waited for: those due times are accounted for already.
    """
    clock_went_back = last_due is not None and now < last_due - timedelta(seconds=schedule.every_s)
    if last_due is None or clock_went_back:
        dues = _Dues(first=now, before_newest=None, newest=now, count=1)
    else:
        found = _dues(schedule.due_between(last_due, now - delay))
        if found is None:
            return Plan(steps=(), last_due=last_due)
        dues = found
    steps: tuple[Step, ...]
    if running:
        steps = (Skipped(first=dues.first, last=dues.newest, count=dues.count, reason=Reason.STILL_RUNNING),)
    else:
        steps = (*_missed(dues), _newest(schedule, dues.newest, now, quiet, blocked))
    return Plan(steps=steps, last_due=dues.newest, clock_went_back=clock_went_back)


def jitter(agent: str, source: str, spread: timedelta) -> timedelta:
    """How much later than due this source of this agent starts: always the same, evenly spread over the agents."""
    number = int.from_bytes(hashlib.sha256(f"{agent}\0{source}".encode()).digest()[:8], "big")
    return spread * (number / 2**64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dues:
    first: datetime
    before_newest: datetime | None
    newest: datetime
    count: int


def _dues(times: Iterator[datetime]) -> _Dues | None:
    """First, last but one, last and count, without a list: an agent may have been down for a year."""
    first = before = newest = None
    count = 0
    for due in times:
        first, before, newest = first or due, newest, due
        count += 1
    if first is None or newest is None:
        return None
    return _Dues(first=first, before_newest=before, newest=newest, count=count)


def _missed(dues: _Dues) -> tuple[Missed, ...]:
    if dues.before_newest is None:
        return ()
    return (Missed(first=dues.first, last=dues.before_newest, count=dues.count - 1),)


def _newest(
    schedule: Schedule, due: datetime, now: datetime, quiet: QuietHours | None, blocked: Reason | None
) -> Run | Skipped:
    if quiet is not None and any(quiet.contains(at.astimezone(schedule.zone).time()) for at in (due, now)):
        return Skipped(first=due, last=due, count=1, reason=Reason.QUIET_HOURS)
    if blocked is not None:
        return Skipped(first=due, last=due, count=1, reason=blocked)
    return Run(due=due)
