"""The slots of a window by their number: of one length, or the units of a calendar."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ccmm_rules.evidence import Span
from ccmm_rules.operators.windows import (
    GRAIN_UNITS,
    QUARTER_HOUR_MS,
    floor_unit,
    local_date,
    midnight_ms,
    units_between,
)
from ccmm_rules.spec import UNIT_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Slots next to each other. Of one length they need not be held: a year has 100,000 of five minutes."""

    begin_ms: int
    length_ms: int  # 0: `units` says
    count: int
    units: Sequence[Span] = ()

    def slot(self, place: int) -> Span:
        if not self.length_ms:
            return self.units[place]
        begin = self.begin_ms + place * self.length_ms
        return Span(begin, begin + self.length_ms)

    def place(self, at_ms: int) -> int:
        """The number of the slot that holds an instant of the grid."""
        if not self.length_ms:
            return bisect_right(self.units, at_ms, key=_begin) - 1
        return (at_ms - self.begin_ms) // self.length_ms

    def span(self) -> Span:
        """All of it; not of an empty grid."""
        return Span(self.slot(0).from_ms, self.slot(self.count - 1).to_ms)

    def within(self, part: Span) -> range:
        """The slots that touch a part of it."""
        first = self.place(max(part.from_ms, self.slot(0).from_ms))
        return range(first, min(self.place(max(part.to_ms - 1, part.from_ms)) + 1, self.count))


def _begin(slot: Span) -> int:
    return slot.from_ms


def grid_of(span: Span, every: str, period_ms: int, zone: ZoneInfo) -> Grid:
    """The slots that are closed by the end of the span; those of one length begin with a period of the measures."""
    if every in GRAIN_UNITS:
        unit = GRAIN_UNITS[every]
        end = floor_unit(local_date(max(span.to_ms, span.from_ms), zone), unit)
        units = units_between(local_date(span.from_ms, zone), end, unit, zone)
        return Grid(begin_ms=span.from_ms, length_ms=0, count=len(units), units=units)
    length, period = int(every[:-1]) * UNIT_MS[every[-1]], min(period_ms, QUARTER_HOUR_MS)
    begin = -(-span.from_ms // period) * period
    return Grid(begin_ms=begin, length_ms=length, count=max((span.to_ms - begin) // length, 0))


def whole_from(span: Span, every: str, zone: ZoneInfo) -> Span:
    """The span, from the beginning of the calendar unit that it begins in."""
    if every not in GRAIN_UNITS:
        return span
    return Span(midnight_ms(floor_unit(local_date(span.from_ms, zone), GRAIN_UNITS[every]), zone), span.to_ms)
