"""Forecasts as they stood when they were published: what is known first stays. Pure.

A figure that was changed or left out afterwards is stated again as the next revision, with a reason and the same value.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ccmm_agent.facts import count
from ccmm_agent.plugin import Observation
from ccmm_plugin_records.schedule_tables import Dimensions, Told
from ccmm_proto.period import DAY_MS, from_ms, to_ms

KEPT_DAYS = 40  # of the past: changes of older days are not looked for

Slot = tuple[str, int, Dimensions]  # measure, start in ms, dimensions


@dataclass(frozen=True, slots=True)
class Frozen:
    """`value` was published; `last` stood in the table at the newest look (-1: it was left out)."""

    value: int
    last: int
    revision: int


def published(told: Iterable[Told]) -> dict[Slot, int]:
    """Whole numbers by slot. Where a slot is told of more than one publication the first one counts.

    What several rows of one publication tell of a slot is added up, as where a queue has several skills.
    """
    first: dict[Slot, tuple[datetime, float]] = {}
    for one in told:
        slot = (one.measure, to_ms(one.start), one.dimensions)
        when = one.published or datetime.min.replace(tzinfo=UTC)
        before = first.get(slot)
        if before is None or when < before[0]:
            first[slot] = (when, one.value)
        elif when == before[0]:
            first[slot] = (when, before[1] + one.value)
    return _whole({slot: value for slot, (_, value) in first.items()})


def _whole(values: Mapping[Slot, float]) -> dict[Slot, int]:
    """Contacts rounded so that no day loses any: each quarter takes what the ones before left; people rounded up."""
    found: dict[Slot, int] = {}
    left: dict[tuple[int, Dimensions], float] = {}
    for slot in sorted(values, key=lambda slot: (slot[0], slot[2], slot[1])):
        measure, start, dimensions = slot
        if measure != "forecast_contacts":
            found[slot] = math.ceil(values[slot] - 1e-9)
            continue
        day = (start // DAY_MS, dimensions)
        exact = values[slot] + left.get(day, 0.0)
        found[slot] = max(0, math.floor(exact + 0.5))
        left[day] = exact - found[slot]
    return found


def frozen(
    known: Mapping[Slot, Frozen], told: Mapping[Slot, int], as_of: datetime, *, is_first: bool
) -> tuple[list[Observation], dict[Slot, Frozen]]:
    """What is to be stated now, and what is known then. A table that no longer reaches a day takes nothing back."""
    oldest = (to_ms(as_of) // DAY_MS - KEPT_DAYS) * DAY_MS
    stated: list[Observation] = []
    after = {slot: one for slot, one in known.items() if slot[1] >= oldest}
    for slot, value in sorted(told.items()):
        before = known.get(slot)
        if before is None:
            if is_first or slot[1] >= oldest:
                after[slot] = Frozen(value, value, 0)
                stated.append(_count(slot, after[slot], ""))
        elif before.last != value and slot in after:
            after[slot] = Frozen(before.value, value, before.revision + 1)
            stated.append(_count(slot, after[slot], _reason(before.value, value)))
    stated += _left_out(after, told)
    return stated, {slot: one for slot, one in after.items() if slot[1] >= oldest}


def _left_out(after: dict[Slot, Frozen], told: Mapping[Slot, int]) -> Iterator[Observation]:
    """Slots within the days of the table that it has no more."""
    starts = [start for _, start, _ in told]
    if not starts:
        return
    first, last = (min(starts) // DAY_MS + 1) * DAY_MS, max(starts)
    for slot in sorted(after.keys() - told.keys()):
        before = after[slot]
        if first <= slot[1] <= last and before.last != -1:
            after[slot] = Frozen(before.value, -1, before.revision + 1)
            yield _count(slot, after[slot], f"left out after publication; the published {before.value} stands")


def _reason(before: int, value: int) -> str:
    if value == before:
        return f"changed after publication and back; the published {before} stands"
    return f"changed to {value} after publication; the published {before} stands"


def _count(slot: Slot, one: Frozen, reason: str) -> Observation:
    measure, start, dimensions = slot
    named: dict[str, str | None] = dict(dimensions)
    return count(measure, from_ms(start), one.value, revision=one.revision, reason=reason, **named)  # type: ignore[arg-type]
