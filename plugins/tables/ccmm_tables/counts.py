"""From rows to counts per quarter hour. Each day is stated once; changed later, again with the next revision."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ccmm_agent.facts import count
from ccmm_agent.plugin import Observation
from ccmm_proto.period import DAY_MS, QUARTER_MS, floor_to, from_ms, to_ms

MAX_DAYS = 1100  # as many days' digests stay in the cursor; changes of older days are not looked for
REASON = "the table changed"

Dimensions = tuple[tuple[str, str], ...]
Days = Mapping[int, tuple[str, int]]  # UTC day number -> digest of its counts, revision last stated


@dataclass(slots=True)
class Counts:
    """Counts by UTC day, quarter hour and dimensions."""

    days: dict[int, dict[tuple[int, Dimensions], int]] = field(default_factory=dict)
    seen: set[Dimensions] = field(default_factory=set)

    def add(self, at: datetime, dimensions: Mapping[str, object], n: int) -> None:
        """Counts `n` in the quarter hour of an instant."""
        start = floor_to(to_ms(at), QUARTER_MS)
        key = tuple(sorted((name, str(value)) for name, value in dimensions.items()))
        self.seen.add(key)
        day = self.days.setdefault(start // DAY_MS, {})
        day[start, key] = day.get((start, key), 0) + n


def state(measure: str, counts: Counts, stated: Days, until: datetime | None) -> tuple[list[Observation], Days]:
    """What is new or changed in days that end by `until` (None: all), and what is stated then.

    A day that is stated again names every quarter hour of every dimension seen, so that what went away becomes zero.
    Days that the table no longer reaches back to stay as they were stated, and so does the day that it begins in then.
    """
    found: list[Observation] = []
    after = dict(stated)
    oldest = min(stated, default=0)
    first = min(counts.days, default=None)
    for day in sorted({*counts.days, *(day for day in stated if day not in counts.days)}):
        if (until is not None and (day + 1) * DAY_MS > to_ms(until)) or day < oldest:
            continue
        if day in stated and (first is None or day < first or day == first > oldest):
            continue
        slots = counts.days.get(day, {})
        digest = _digest(slots)
        if day in stated and stated[day][0] == digest:
            continue
        revision = stated[day][1] + 1 if day in stated else 0
        rows = slots if revision == 0 else {**_zeros(day, counts.seen), **slots}
        found.extend(_observations(measure, rows, revision))
        after[day] = (digest, revision)
    return found, dict(sorted(after.items())[-MAX_DAYS:])


def _observations(measure: str, slots: Mapping[tuple[int, Dimensions], int], revision: int) -> Iterator[Observation]:
    for (start, dimensions), n in sorted(slots.items()):
        named: dict[str, Any] = dict(dimensions)
        yield count(measure, from_ms(start), n, revision=revision, reason=REASON if revision else "", **named)


def _zeros(day: int, seen: set[Dimensions]) -> dict[tuple[int, Dimensions], int]:
    starts = range(day * DAY_MS, (day + 1) * DAY_MS, QUARTER_MS)
    return {(start, dimensions): 0 for start in starts for dimensions in seen}


def _digest(slots: Mapping[tuple[int, Dimensions], int]) -> str:
    """Of counts above zero: a zero that is written and one that is not are the same."""
    return hashlib.sha256(repr(sorted(item for item in slots.items() if item[1])).encode()).hexdigest()[:16]
