"""What is remembered from run to run: up to when jobs are decided, the counts of the days that are open, restores.

Jobs are decided in order of time, and the first that is not yet known holds up those after it: so what a run vouches
for has no holes.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from ccmm_agent.facts import count, occurrence
from ccmm_agent.plugin import Observation, Reason, SourceUnavailable
from ccmm_plugin_facilities.backup_due import Copy, Job, decided, dues
from ccmm_plugin_facilities.backup_list import Noted, Snapshot
from ccmm_proto.period import DAY_MS, floor_to, from_ms, to_ms

VERSION: Final = 1
OLDEST_RESTORE: Final = timedelta(days=400)
Span = tuple[datetime, datetime]


@dataclass(slots=True, kw_only=True)
class State:
    """The content of a cursor. Milliseconds since the epoch."""

    since_ms: int | None = None  # from here to `until_ms` every job that was due is decided
    until_ms: int = 0
    counted_ms: int = 0  # days before it are stated
    days: dict[int, list[int]] = field(default_factory=dict)  # day -> jobs due, of them verified
    restores: dict[str, int] = field(default_factory=dict)  # id -> when it began

    def resume(self, as_of_ms: int, look_back_ms: int) -> None:
        """Begins anew where more time went by than the repository remembers."""
        if as_of_ms < self.until_ms:
            told = f"up to {from_ms(self.until_ms):%Y-%m-%d %H:%M} UTC it is stated, and the list is older"
            raise SourceUnavailable(Reason.UNREADABLE, f"{told}: an old list came back, or the clock went back")
        earliest = as_of_ms - look_back_ms
        if self.since_ms is None or self.until_ms < earliest:
            self.since_ms = self.until_ms = earliest
            self.counted_ms = floor_to(earliest + DAY_MS - 1, DAY_MS)
            self.days = {}

    def decide(
        self,
        copies: Sequence[Copy],
        snapshots: Sequence[Snapshot],
        checks: Sequence[Noted],
        as_of: datetime,
        zone: ZoneInfo,
        verify_within: timedelta,
    ) -> tuple[list[Job], Span | None]:
        """All jobs up to the first that is not yet known, and the time they fill."""
        begin, end, jobs = from_ms(self.until_ms), as_of, []
        for due, copy in dues(copies, zone, begin, as_of):
            job = decided(due, copy, snapshots, checks, as_of, verify_within)
            if job is None:
                end = due
                break
            jobs.append(job)
        # More than one copy may be due at that instant: none of them is told before all are known.
        jobs = [job for job in jobs if job.due < end]
        for job in jobs:
            day = self.days.setdefault(floor_to(to_ms(job.due), DAY_MS), [0, 0])
            day[0] += 1
            day[1] += job.verified
        self.until_ms = to_ms(end)
        return jobs, (begin, end) if begin < end else None

    def counts(self, system: str) -> Iterator[Observation]:
        """The days that are over: with none due, too."""
        while self.counted_ms + DAY_MS <= self.until_ms:
            due, verified = self.days.pop(self.counted_ms, (0, 0))
            start = from_ms(self.counted_ms)
            yield count("backup_jobs", start, due, system=system)
            yield count("backup_jobs_verified", start, verified, system=system)
            self.counted_ms += DAY_MS
        self.days = {day: counted for day, counted in self.days.items() if day >= self.counted_ms}

    def exercises(
        self, copies: Sequence[Copy], restores: Sequence[Noted], snapshots: Sequence[Snapshot], as_of: datetime
    ) -> Iterator[Observation]:
        """Restore tests that were not stated yet."""
        oldest_ms = to_ms(as_of - OLDEST_RESTORE)
        self.restores = {id: began for id, began in self.restores.items() if began >= oldest_ms}
        named = {copy.name: copy for copy in copies}
        for one in restores:
            id = f"restore {one.copy} {one.started:%Y-%m-%dT%H:%M:%SZ}"
            if id in self.restores or to_ms(one.started) < oldest_ms:
                continue
            self.restores[id] = to_ms(one.started)
            yield occurrence(
                "exercise",
                id,
                one.started,
                one.ended,
                class_="restore",
                ref=one.copy,
                passed=one.passed,
                full=one.full,
                minutes=(one.ended - one.started).total_seconds() / 60,
                rto_minutes=named[one.copy].rto_minutes,
                rpo_minutes=named[one.copy].rpo_minutes,
                lost_minutes=_lost_minutes(one, tuple(filter(named[one.copy].is_of, snapshots))),
            )

    def to_cursor(self) -> bytes:
        """For `parse_state`."""
        held = [VERSION, self.since_ms, self.until_ms, self.counted_ms, self.days, self.restores]
        return json.dumps(held, separators=(",", ":")).encode()


def _lost_minutes(restore: Noted, snapshots: Sequence[Snapshot]) -> float | None:
    """What would be missing had all been lost when the restore began: the time since the newest whole copy began.

    None where nothing came back, or no copy of that time is listed any more.
    """
    whole = [one.at for one in snapshots if one.ended <= restore.started]
    return (restore.started - max(whole)).total_seconds() / 60 if restore.passed and whole else None


def parse_state(cursor: bytes) -> State:
    """From a cursor; from anything else a new one."""
    try:
        version, since_ms, until_ms, counted_ms, days, restores = json.loads(cursor)
        if version != VERSION:
            return State()
        for instant in (since_ms, until_ms, counted_ms):
            from_ms(instant)
        return State(
            since_ms=int(since_ms),
            until_ms=int(until_ms),
            counted_ms=int(counted_ms),
            days={int(day): [int(due), int(verified)] for day, (due, verified) in days.items()},
            restores={str(id): int(began) for id, began in restores.items()},
        )
    except (ValueError, TypeError, AttributeError, OverflowError, OSError, RecursionError):
        return State()


def job_of(job: Job, system: str) -> Observation:
    """A job as it is stated: at its snapshot, or where there is none, when it was due."""
    started = job.snapshot.at if job.snapshot else job.due
    return occurrence(
        "job",
        f"{system} {job.copy.name} {job.due:%Y-%m-%dT%H:%M:%SZ}",
        started,
        job.snapshot.ended if job.snapshot else None,
        class_="backup",
        copy=job.copy.name,
        verified=job.verified,
        due=job.due,
    )


def holding_of(
    copy: Copy, snapshots: Sequence[Snapshot], encrypted: bool | None, system: str
) -> tuple[str, dict[str, object]]:
    """What lies there of one copy, `snapshots` in order of time.

    Where nothing is there, neither a copy is named nor an age: jobs that claim one find none in the store.
    """
    told: dict[str, object] = {"class": "backup", "source": system, "files": len(snapshots), "encrypted": encrypted}
    if snapshots:
        oldest, newest = snapshots[0], snapshots[-1]
        told |= {"copy": copy.name, "oldest": oldest.at, "newest": newest.at, "size_bytes": newest.size_bytes}
    return f"{system} {copy.name}", told | {"project": copy.project}
