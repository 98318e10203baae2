"""When which copy is due, which snapshot is it, and whether it was verified: pure.

A job is due at a time of day on the center's clock. The first snapshot in its time is the one; verified means that a
check of the repository began after it had ended, and passed. A job without a snapshot, or without a check in time, is
a job that failed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from ccmm_plugin_facilities.backup_list import Noted, Snapshot

EARLY: Final = timedelta(minutes=10)  # a snapshot that much before its time is of a clock that runs ahead


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What has to be copied, when, and which snapshots are it."""

    name: str
    due: time
    weekdays: frozenset[int]  # Monday is 0
    within: timedelta
    host: str | None = None
    tags: frozenset[str] = frozenset()
    path: str | None = None
    prefix: str = ""
    project: str | None = None
    rto_minutes: float | None = None
    rpo_minutes: float | None = None

    def is_of(self, snapshot: Snapshot) -> bool:
        return (
            self.host in (None, snapshot.host)
            and self.tags <= snapshot.tags
            and (self.path is None or self.path in snapshot.paths)
            and snapshot.name.startswith(self.prefix)
        )


@dataclass(frozen=True, slots=True)
class Job:
    """One copy that was due, and what became of it."""

    copy: Copy
    due: datetime
    snapshot: Snapshot | None
    verified: bool


def dues(copies: Sequence[Copy], zone: ZoneInfo, since: datetime, until: datetime) -> Iterator[tuple[datetime, Copy]]:
    """What is due from `since` to before `until`, in order of time."""
    day, last = since.astimezone(zone).date() - timedelta(days=1), until.astimezone(zone).date()
    found = []
    while day <= last:
        for copy in copies:
            at = _due(copy, day, zone)
            if day.weekday() in copy.weekdays and since <= at < until:
                found.append((at, copy))
        day += timedelta(days=1)
    yield from sorted(found, key=lambda one: (one[0], one[1].name))


def decided(
    due: datetime,
    copy: Copy,
    snapshots: Sequence[Snapshot],
    checks: Sequence[Noted],
    as_of: datetime,
    verify_within: timedelta,
) -> Job | None:
    """None: it is not yet known. `snapshots` in order of time, `checks` too."""
    snapshot = _snapshot(due, copy, snapshots)
    if snapshot is None:
        return None if as_of < due + copy.within else Job(copy, due, None, verified=False)
    until = snapshot.ended + verify_within
    check = next((one for one in checks if snapshot.ended <= one.started < until), None)
    if check is None:
        return None if as_of < until else Job(copy, due, snapshot, verified=False)
    return Job(copy, due, snapshot, verified=check.passed)


def waits_for_check(due: datetime, copy: Copy, snapshots: Sequence[Snapshot], checks: Sequence[Noted]) -> bool:
    """Its snapshot is there, and no check of it is known yet."""
    snapshot = _snapshot(due, copy, snapshots)
    return snapshot is not None and not any(snapshot.ended <= one.started for one in checks)


def _snapshot(due: datetime, copy: Copy, snapshots: Sequence[Snapshot]) -> Snapshot | None:
    begin, end = due - EARLY, due + copy.within
    return next((one for one in snapshots if begin <= one.at < end and copy.is_of(one)), None)


def _due(copy: Copy, day: date, zone: ZoneInfo) -> datetime:
    """In the hour that a clock change leaves out: an hour later, as timers do."""
    return datetime.combine(day, copy.due, zone).astimezone(UTC)
