"""Stated slots of one center's measures, and their sums by civil day.

A sum over a span is made of sums over days of the center's zone, in order, whether a day was summed before or not: so
it has the same bits each time.
"""

import json
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from operator import attrgetter

from ccmm_collector import projection_sql as sql
from ccmm_collector.day_sums import Slot, Tally, add, by_day, stated
from ccmm_collector.packing import is_gauge, unpack_buckets, unpack_gauge
from ccmm_collector.projection import View
from ccmm_proto.period import DAY_MS
from ccmm_rules.civil import civil_days
from ccmm_rules.evidence import MeasureRow, Span

_START = attrgetter("start_ms")
_MADE = partial(tuple.__new__, MeasureRow)  # of all ten columns, without asking each time whether they are
AHEAD_MS = 90 * DAY_MS  # who asks for earlier days than were read may ask for still earlier ones
Series = tuple[str, str, tuple[tuple[str, str | int], ...], int]  # agent, source, dimensions, period


def stamp_of(view: View, measure: str, span: Span) -> tuple[int, int] | None:
    """Names what the slots of a span rest on; None where more is in the store than the view may know."""
    days = (span.from_ms - 2 * DAY_MS, span.to_ms)  # the day of a slot begins less than two days before it, anywhere
    count, index = view.projection.rows(sql.SLOTS_STAMP, view.center, measure, *days)[0]
    return (count, index or 0) if (index or 0) <= view.index else None


@dataclass(frozen=True, slots=True)
class _Days:
    """The days of one series from some day on, oldest first; None: to be summed from its slots."""

    number: int
    series: Series
    begins: Sequence[int]
    tallies: list[Tally | None]


class Figures:
    """The measures of one center as known at an index. The days of a measure are read once."""

    def __init__(self, view: View, zone: str) -> None:
        """`zone`: of the civil days, as known then. Kept sums serve where they are of the same days."""
        self._view = view
        self._days = civil_days(zone)
        self._are_kept = view.projection.sums.zone(view.center) == zone
        self._series: dict[str, list[tuple[int, Series]]] = {}
        self._read: dict[str, tuple[int, list[_Days]]] = {}  # by measure: from which day on

    def _of(self, measure: str) -> list[tuple[int, Series]]:
        if measure not in self._series:
            self._series[measure] = [
                (number, (agent, source, _dimensions(dimensions), period_s))
                for number, agent, source, dimensions, period_s in self._view.projection.rows(
                    sql.SERIES_OF, self._view.center, measure
                )
            ]
        return self._series[measure]

    def slots(self, measure: str, span: Span) -> list[MeasureRow]:
        """One row per slot that starts in the span, oldest first."""
        rows: list[MeasureRow] = []
        for number, (agent, source, dimensions, period_s) in self._of(measure):
            rows += [
                _MADE((agent, source, dimensions, start_ms, period_s, count, total, *_shape(more), unfinished))
                for start_ms, _, count, total, unfinished, more in self._stated(number, span.from_ms, span.to_ms)
            ]
        return sorted(rows, key=_START)  # stable: sources and dimensions stay in order

    def totals(self, measure: str, span: Span) -> list[MeasureRow]:
        """One row per source and dimensions that has slots starting in the span."""
        if not self._are_kept:
            found = [
                (series, [tally for _, tally in by_day(self._stated(number, span.from_ms, span.to_ms), self._days)])
                for number, series in self._of(measure)
            ]
        else:
            found = [(days.series, self._tallies(days, span)) for days in self._days_of(measure, span.from_ms)]
        return [_row(series, span.from_ms, add(tallies)) for series, tallies in found if tallies]

    def noted(
        self,
        key: str,
        measures: Sequence[str],
        days: Sequence[Span],
        make: Callable[[Sequence[Span]], Sequence[str]],
    ) -> Sequence[str]:
        """What is kept of these days, the rest of it made; all of it where other days are kept than are asked for."""
        if not self._are_kept:
            return make(days)
        return self._view.projection.notes.of(self._view.center, self._view.index, key, measures, days, make)

    def _stated(self, number: int, from_ms: int, to_ms: int) -> Sequence[Slot]:
        return stated(self._view.projection.rows(sql.SLOTS, number, from_ms, to_ms, self._view.index))

    def _days_of(self, measure: str, from_ms: int) -> list[_Days]:
        """All days of the measure that do not end before an instant."""
        first = self._days.start_of(from_ms)
        read_from, days = self._read.get(measure, (first + 1, []))
        if first < read_from:
            first = min(first, read_from - AHEAD_MS) if days else first
            days = [self._read_days(number, series, first) for number, series in self._of(measure)]
            self._read[measure] = (first, days)
        return days

    def _read_days(self, number: int, series: Series, first: int) -> _Days:
        rows, index = self._view.projection.rows(sql.TALLIES, number, first), self._view.index
        tallies = [Tally(*row[1:]) if row[2] and row[1] <= index else None for row in rows]
        return _Days(number, series, [row[0] for row in rows], tallies)

    def _tallies(self, days: _Days, span: Span) -> list[Tally]:
        """The sums of the days of the span, those at its ends maybe cut off."""
        begins = days.begins
        first, end = bisect_left(begins, span.from_ms), bisect_left(begins, span.to_ms)
        if first and self._days.end_of(begins[first - 1]) > span.from_ms:
            first -= 1  # it began before the span
        found = days.tallies[first:end]
        if first == end:
            return []
        cut = begins[first] < span.from_ms or self._days.end_of(begins[end - 1]) > span.to_ms
        if not cut and None not in found:
            return [tally for tally in found if tally is not None]
        summed = (self._day(days, place, span) for place in range(first, end))
        return [tally for tally in summed if tally is not None]

    def _day(self, days: _Days, place: int, span: Span) -> Tally | None:
        """The sum of what of a day lies in the span; None where nothing does that was known."""
        begin = days.begins[place]
        end, kept = self._days.end_of(begin), days.tallies[place]
        is_whole = span.from_ms <= begin and end <= span.to_ms
        if is_whole and kept is not None:
            return kept
        slots = self._stated(days.number, max(begin, span.from_ms), min(end, span.to_ms))
        tally = next((tally for _, tally in by_day(slots, self._days)), None)
        if is_whole and tally is not None and self._view.is_newest:
            days.tallies[place] = tally
            self._view.projection.sums.keep(days.number, begin, tally)
        return tally


@lru_cache(maxsize=10_000)
def _dimensions(text: str) -> tuple[tuple[str, str | int], ...]:
    return tuple((name, value) for name, value in json.loads(text))


def _row(series: Series, start_ms: int, tally: Tally) -> MeasureRow:
    return MeasureRow(*series[:3], start_ms, series[3], tally.count, tally.total, *_shape(tally.more), tally.unfinished)


@lru_cache(maxsize=100_000)
def _shape(more: bytes | None) -> tuple[tuple[int, ...], tuple[float, float, float] | None]:
    """Buckets and gauge. Most quarter hours of a center look like others."""
    if more is None:
        return (), None
    return ((), unpack_gauge(more)) if is_gauge(more) else (unpack_buckets(more), None)
