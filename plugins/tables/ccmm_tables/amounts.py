"""Figures added up by slot. Each day is stated once; changed later, again with the next revision. Pure.

A slot of 15 or 5 minutes holds what began in it. A figure of a day stands in the one slot that starts, at midnight UTC,
within that civil day of the center: so it is read with the right day in every time zone.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from ccmm_agent.facts import count, gauge, histogram, seconds
from ccmm_agent.plugin import Observation
from ccmm_proto.histogram import BUCKETS, bucket_of
from ccmm_proto.measures import MEASURES, Shape
from ccmm_proto.period import DAY_MS, floor_to, from_ms, to_ms
from ccmm_tables.counts import MAX_DAYS, REASON, Days, Dimensions

DAY_S = 86_400
Slot = tuple[int, str, Dimensions]  # start in ms, measure, dimensions


@dataclass(slots=True)
class Amount:
    """What one slot holds, of a measure of any shape."""

    n: int = 0
    total: float = 0.0
    low: float = 0.0
    high: float = 0.0
    last: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * BUCKETS)

    def add(self, value: float, shape: Shape) -> None:
        """One more: a count adds `value`, a sum adds it, a gauge was read so, a histogram has one case of it."""
        self.low = value if not self.n else min(self.low, value)
        self.high = value if not self.n else max(self.high, value)
        self.last = value
        self.total += value
        self.n += int(value) if shape is Shape.COUNT else 1
        if shape is Shape.HISTOGRAM:
            self.buckets[bucket_of(value)] += 1


@dataclass(slots=True)
class Amounts:
    """Amounts by UTC day and slot."""

    zone: ZoneInfo
    days: dict[int, dict[Slot, Amount]] = field(default_factory=dict)
    seen: set[tuple[str, Dimensions]] = field(default_factory=set)

    def add(self, measure: str, at: datetime, dimensions: Dimensions, value: float) -> None:
        """Adds a value to the measure's slot of an instant."""
        shape = MEASURES[measure].shape
        start = slot_start(at, MEASURES[measure].period_s, self.zone)
        self.seen.add((measure, dimensions))
        day = self.days.setdefault(start // DAY_MS, {})
        day.setdefault((start, measure, dimensions), Amount()).add(value, shape)


def slot_start(at: datetime, period_s: int, zone: ZoneInfo) -> int:
    """Start, in ms, of the slot that an instant belongs to."""
    if period_s < DAY_S:
        return floor_to(to_ms(at), period_s * 1000)
    midnight = at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return -(-to_ms(midnight) // DAY_MS) * DAY_MS


def state(amounts: Amounts, stated: Days, before: datetime | None, until: datetime) -> tuple[list[Observation], Days]:
    """What is new or changed in slots that end by `until`, and what is stated then. `before`: the `until` of last time.

    A day that changed is stated again, with zero for every count and sum of the dimensions seen that went away.
    """
    found: list[Observation] = []
    after = dict(stated)
    oldest = min(stated, default=0)
    for day in sorted({*amounts.days, *stated}):
        slots = _ended(amounts.days.get(day, {}), to_ms(until))
        if day < oldest or not (slots or day in stated):
            continue
        known = _ended(slots, to_ms(before)) if before is not None else {}
        digest, revision = stated.get(day, (_digest(known), 0))
        if _digest(known) == digest:
            found.extend(_observations({slot: slots[slot] for slot in slots.keys() - known.keys()}, 0))
        else:
            revision += 1
            zeros = {slot: none for slot, none in _zeros(day, amounts) if slot[0] < to_ms(until)}
            found.extend(_observations({**zeros, **slots}, revision))
        after[day] = (_digest(slots), revision)
    return found, dict(sorted(after.items())[-MAX_DAYS:])


def _ended(slots: Mapping[Slot, Amount], until_ms: int) -> dict[Slot, Amount]:
    return {slot: amount for slot, amount in slots.items() if slot[0] + MEASURES[slot[1]].period_s * 1000 <= until_ms}


def _zeros(day: int, amounts: Amounts) -> Iterator[tuple[Slot, Amount]]:
    for measure, dimensions in sorted(amounts.seen):
        if MEASURES[measure].shape is not Shape.GAUGE:  # a reading that went away was no zero
            for start in range(day * DAY_MS, (day + 1) * DAY_MS, MEASURES[measure].period_s * 1000):
                yield (start, measure, dimensions), Amount()


def _observations(rows: Mapping[Slot, Amount], revision: int) -> Iterator[Observation]:
    for slot in sorted(rows):
        yield observation_of(slot, rows[slot], revision)


def observation_of(slot: Slot, amount: Amount, revision: int) -> Observation:
    """What a slot holds of its measure, as a fact."""
    start, measure, dimensions = from_ms(slot[0]), slot[1], cast(dict[str, Any], dict(slot[2]))
    reason = REASON if revision else ""
    match MEASURES[measure].shape:
        case Shape.COUNT:
            return count(measure, start, amount.n, revision=revision, reason=reason, **dimensions)
        case Shape.SUM:
            return seconds(
                measure, start, amount.total, amount.n, revision=revision, revision_reason=reason, **dimensions
            )
        case Shape.HISTOGRAM:
            stated = {"buckets": amount.buckets, "total": amount.total}
            return histogram(measure, start, **stated, revision=revision, reason=reason, **dimensions)  # type: ignore[arg-type]
        case Shape.GAUGE:
            return gauge(
                measure,
                start,
                amount.low,
                amount.high,
                amount.last,
                amount.n,
                revision=revision,
                revision_reason=reason,
                **dimensions,
            )
    raise AssertionError(measure)


def _digest(slots: Mapping[Slot, Amount]) -> str:
    """Of amounts above nothing: a zero that is written and one that is not are the same."""
    told = sorted((slot, repr(amount)) for slot, amount in slots.items() if amount.n or amount.total)
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]
