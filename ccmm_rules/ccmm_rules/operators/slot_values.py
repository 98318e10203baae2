"""A metric's value slot by slot: what breaches and signals are made of."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from zoneinfo import ZoneInfo

from ccmm_rules.evidence import MeasureRow, Span
from ccmm_rules.operators.tally import Tally, contributions, sample_of, value_of
from ccmm_rules.operators.view import View
from ccmm_rules.operators.windows import GRAIN_UNITS, floor_unit, local_date, midnight_ms, units_between
from ccmm_rules.spec import UNIT_MS
from ccmm_rules.vocabulary.tables import Metric

Group = str | int
_Sums = dict[int, Tally]  # by start of period


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotValue:
    """One slot of one group. `place` numbers the slots of the window: neighbours differ by one."""

    place: int
    slot: Span
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotValues:
    """By group, oldest first; slots with nothing to divide are left out."""

    groups: dict[Group, tuple[SlotValue, ...]]
    slots: int  # in the window
    until_ms: int  # end of the last closed slot
    disputed: bool


def slot_values(metric: Metric, every: str, by: str, view: View, span: Span) -> SlotValues:
    """Of all slots that are closed by the end of the span; made once for each metric, grain, group and span."""
    key = ("slot values", metric.id, every, by, span)
    return view.once(key, lambda: _slot_values(metric, every, by, view, span))


def whole_from(span: Span, every: str, zone: ZoneInfo) -> Span:
    """The span, from the beginning of the calendar unit that it begins in."""
    if every not in GRAIN_UNITS:
        return span
    return Span(midnight_ms(floor_unit(local_date(span.from_ms, zone), GRAIN_UNITS[every]), zone), span.to_ms)


def _slot_values(metric: Metric, every: str, by: str, view: View, span: Span) -> SlotValues:
    assert view.zone is not None
    slots = _slots(span, every, view.zone)
    if not slots:
        return SlotValues(groups={}, slots=0, until_ms=span.from_ms, disputed=False)
    closed = Span(slots[0].from_ms, slots[-1].to_ms)
    sums, disputed = _sums(metric, by, view, closed)
    sums = sums or ({"": {}} if metric.formula == "count" and not by else {})
    groups = {group: tuple(_values(metric, sums[group], slots)) for group in sorted(sums, key=str)}
    return SlotValues(groups=groups, slots=len(slots), until_ms=closed.to_ms, disputed=disputed)


def _slots(span: Span, every: str, zone: ZoneInfo) -> list[Span]:
    if every in GRAIN_UNITS:
        unit = GRAIN_UNITS[every]
        return units_between(
            local_date(span.from_ms, zone),
            floor_unit(local_date(max(span.to_ms, span.from_ms), zone), unit),
            unit,
            zone,
        )
    length = int(every[:-1]) * UNIT_MS[every[-1]]
    return [Span(start, start + length) for start in range(span.from_ms, span.to_ms - length + 1, length)]


def _sums(metric: Metric, by: str, view: View, span: Span) -> tuple[dict[Group, _Sums], bool]:
    """Sums by group and start of period; and whether two sources state one slot of one group."""
    found: dict[Group, _Sums] = {}
    disputed = False
    for measure in metric.measures:
        rows = view.slots(measure, span)
        disputed = disputed or _contradict(rows)
        for row, part in zip(rows, zip(*contributions(metric, measure, rows), strict=True), strict=True):
            group = dict(row.dimensions).get(by, "") if by else ""
            held = found.setdefault(group, {})
            before = held.get(row.start_ms)
            held[row.start_ms] = part if before is None else tuple(map(float.__add__, before, part))
    return found, disputed


def _contradict(rows: Sequence[MeasureRow]) -> bool:
    if len(set(map(attrgetter("agent", "source"), rows))) < 2:
        return False
    owners: dict[object, tuple[str, str]] = {}
    return any(
        owners.setdefault((row.dimensions, row.start_ms), (row.agent, row.source)) != (row.agent, row.source)
        for row in rows
    )


def _values(metric: Metric, sums: _Sums, slots: Sequence[Span]) -> Iterator[SlotValue]:
    begins = [slot.from_ms for slot in slots]
    by_slot: dict[int, list[Tally]] = {}
    for start in sorted(sums):
        by_slot.setdefault(bisect_right(begins, start) - 1, []).append(sums[start])
    counted = metric.formula == "count"  # nothing is a count of zero
    for place in range(len(slots)) if counted else by_slot:
        tallies = by_slot.get(place)
        if tallies is None:
            yield SlotValue(place=place, slot=slots[place], value=0.0)
            continue
        tally = tallies[0] if len(tallies) == 1 else tuple(map(sum, zip(*tallies, strict=True)))
        value = value_of(metric, tally)
        if value is not None and (counted or sample_of(metric, tally) >= 1):
            yield SlotValue(place=place, slot=slots[place], value=value)
