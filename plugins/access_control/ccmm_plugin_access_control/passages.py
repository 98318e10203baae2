"""Passages at doors, whatever they were read from: one passage, hours of them, and what is remembered of an hour.

Pure, and shared by the door log and the terminals.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from ccmm_agent.facts import roll
from ccmm_agent.plugin import Observation
from ccmm_proto.period import HOUR_MS, from_ms

NO_BADGE = "-"  # the key of a passage without a badge: a forced door, a failed attempt
UNKNOWN = "unknown"  # in place of a word that is not mapped; the system's own text never leaves
RETAINED_HOURS = 35 * 24  # changes of older hours are not looked for

Attributes = dict[str, object]


@dataclass(frozen=True, slots=True)
class Passage:
    """One badge at one door. `badge` is NO_BADGE where the system names none."""

    badge: str
    at: datetime
    attributes: Attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedHour:
    """What was last stated of one hour."""

    count: int
    digest: str
    revision: int


@dataclass(slots=True)
class Hours:
    """Passages by UTC hour, of the earliest hours only where they are many."""

    most: int  # passages to keep; above twice as many the latest hours are let go
    limit: int  # hours from here on are not kept
    kept: dict[int, list[Passage]] = field(default_factory=dict)
    total: int = 0

    def add(self, hour: int, passage: Passage) -> None:
        """Keeps it, unless its hour is beyond the limit."""
        if hour < self.limit:
            self.kept.setdefault(hour, []).append(passage)
            self.total += 1
            if self.total > 2 * self.most:
                self._let_go()

    def finish(self) -> None:
        """At most `most` passages stay, or the first hour alone."""
        if self.total > self.most:
            self._let_go()

    def _let_go(self) -> None:
        kept = 0
        for hour in sorted(self.kept):
            if kept and kept + len(self.kept[hour]) > self.most:
                self.limit = min(self.limit, hour)
                break
            kept += len(self.kept[hour])
        self.kept = {hour: passages for hour, passages in self.kept.items() if hour < self.limit}
        self.total = sum(map(len, self.kept.values()))


def hour_roll(hour: int, passages: Iterable[Passage], *, complete: bool, revision: int, reason: str) -> Observation:
    """All passages of one hour since the epoch. `reason` says why there is a `revision` above 0."""
    rows = [(one.badge, one.at, one.attributes) for one in passages]
    told = reason if revision else ""
    return roll("passage", from_ms(hour * HOUR_MS), rows, complete=complete, revision=revision, reason=told)
