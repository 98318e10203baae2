"""A metric's value slot by slot: what breaches and signals are made of."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ccmm_rules.evidence import Span
from ccmm_rules.operators.slot_cells import Cells, cells_of, nothing
from ccmm_rules.operators.stillness import restless
from ccmm_rules.operators.tally import ends_of, sample_of, value_of
from ccmm_rules.operators.view import View
from ccmm_rules.operators.windows import (
    GRAIN_UNITS,
    QUARTER_HOUR_MS,
    floor_unit,
    local_date,
    midnight_ms,
    units_between,
)
from ccmm_rules.spec import UNIT_MS
from ccmm_rules.vocabulary.tables import Metric, load_vocabulary

Group = str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotValue:
    """One slot of one group. `place` numbers the slots of the window: neighbours differ by one."""

    place: int
    slot: Span
    value: float
    ends: tuple[float, float]  # of a gauge its range in the slot, else the value twice


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotValues:
    """By group, oldest first; slots with nothing to divide are left out."""

    groups: dict[Group, tuple[SlotValue, ...]]
    until_ms: int  # end of the last closed slot
    trouble: str = ""  # disputed; uncovered, where a gauge was not read


def slot_values(
    metric: Metric, every: str, by: str, view: View, span: Span, within: tuple[float, float] | None = None
) -> SlotValues:
    """Of all slots that are closed by the end of the span; made once for all that ask alike.

    Days on which no slot can lie outside `within` are left out.
    """
    key = ("slot values", metric.id, every, by, span, within)
    return view.once(key, lambda: _slot_values(metric, every, by, view, span, within))


def whole_from(span: Span, every: str, zone: ZoneInfo) -> Span:
    """The span, from the beginning of the calendar unit that it begins in."""
    if every not in GRAIN_UNITS:
        return span
    return Span(midnight_ms(floor_unit(local_date(span.from_ms, zone), GRAIN_UNITS[every]), zone), span.to_ms)


def _slot_values(
    metric: Metric, every: str, by: str, view: View, span: Span, within: tuple[float, float] | None
) -> SlotValues:
    assert view.zone is not None
    slots = _slots(metric, Span(span.from_ms, span.to_ms // metric.period_ms * metric.period_ms), every, view.zone)
    if not slots:
        return SlotValues(groups={}, until_ms=span.from_ms)
    closed = Span(slots[0].from_ms, slots[-1].to_ms)
    parts = [closed] if within is None or every in GRAIN_UNITS else restless(metric, closed, within, view)
    groups: dict[Group, list[SlotValue]] = {}
    trouble = ""
    for part in parts:
        first = bisect_right(slots, part.from_ms, key=_end)
        due = slots[first : bisect_left(slots, part.to_ms, key=_begin)]
        cells, disputed = cells_of(metric, (), by, view, [Span(due[0].from_ms, due[-1].to_ms)], due)
        for group in sorted(cells or ({} if by else {"": nothing(metric)}), key=str):
            values = list(_values(metric, cells.get(group, nothing(metric)), due, first))
            groups.setdefault(group, []).extend(values)  # type: ignore[arg-type]  # of a dimension
            trouble = trouble or ("uncovered" if metric.is_gauge and len(values) < len(due) else "")
        trouble = "disputed" if disputed else trouble
    return SlotValues(
        groups={group: tuple(values) for group, values in groups.items()}, until_ms=closed.to_ms, trouble=trouble
    )


def _begin(slot: Span) -> int:
    return slot.from_ms


def _end(slot: Span) -> int:
    return slot.to_ms


def _slots(metric: Metric, span: Span, every: str, zone: ZoneInfo) -> list[Span]:
    """Not of a calendar grain: they begin with a period of the metric's measures, however the window begins."""
    if every in GRAIN_UNITS:
        unit = GRAIN_UNITS[every]
        end = floor_unit(local_date(max(span.to_ms, span.from_ms), zone), unit)
        return units_between(local_date(span.from_ms, zone), end, unit, zone)
    length = int(every[:-1]) * UNIT_MS[every[-1]]
    period = min(metric.period_ms, QUARTER_HOUR_MS)
    begin = -(-span.from_ms // period) * period
    return [Span(start, start + length) for start in range(begin, span.to_ms - length + 1, length)]


def _values(metric: Metric, cells: Cells, slots: Sequence[Span], first: int) -> Iterator[SlotValue]:
    """A count of nothing is zero; of all else only slots in which something was told have a value."""
    counted = metric.formula == "count"
    begins = [slot.from_ms for slot in slots]
    finest_ms = min(load_vocabulary().measures[measure].period_s for measure in metric.measures) * 1000
    told = dict.fromkeys(bisect_right(begins, start) - 1 for start in cells.starts)
    for place in range(len(slots)) if counted else told:
        slot = slots[place]
        alone = slot.to_ms - slot.from_ms <= finest_ms and slot.from_ms in cells.parts[0]
        tally = tuple([part[slot.from_ms] for part in cells.parts]) if alone else cells.tally(slot)
        value = value_of(metric, tally)
        if value is not None and (counted or sample_of(metric, tally) >= 1):
            ends = ends_of(metric, tally) if metric.is_gauge else (value, value)
            yield SlotValue(place=first + place, slot=slot, value=value, ends=ends)
