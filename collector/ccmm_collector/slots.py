"""Stated slots of one center's measures, and their sums by civil day.

A sum over a span is made of sums over days of the center's zone, in order, whether a day was summed before or not: so
it has the same bits each time.
"""

import json
from collections.abc import Iterator

from ccmm_collector import projection_sql as sql
from ccmm_collector.day_sums import Slot, Tally, add, by_day, stated
from ccmm_collector.packing import is_gauge, unpack_buckets, unpack_gauge
from ccmm_collector.projection import View
from ccmm_proto.period import DAY_MS
from ccmm_rules.civil import civil_days
from ccmm_rules.evidence import MeasureRow, Span

Series = tuple[str, str, tuple[tuple[str, str | int], ...], int]  # agent, source, dimensions, period


def stamp_of(view: View, measure: str, span: Span) -> tuple[int, int] | None:
    """Names what the slots of a span rest on; None where more is in the store than the view may know."""
    days = (span.from_ms - 2 * DAY_MS, span.to_ms)  # the day of a slot begins less than two days before it, anywhere
    count, index = view.projection.rows(sql.SLOTS_STAMP, view.center, measure, *days)[0]
    return (count, index or 0) if (index or 0) <= view.index else None


class Figures:
    """The measures of one center as known at an index."""

    def __init__(self, view: View, zone: str) -> None:
        """`zone`: of the civil days, as known then. Kept sums serve where they are of the same days."""
        self._view = view
        self._days = civil_days(zone)
        self._are_kept = view.projection.sums.zone(view.center) == zone
        self._series: dict[str, list[tuple[int, Series]]] = {}

    def _of(self, measure: str) -> list[tuple[int, Series]]:
        if measure not in self._series:
            self._series[measure] = [
                (number, (agent, source, tuple((name, value) for name, value in json.loads(dimensions)), period_s))
                for number, agent, source, dimensions, period_s in self._view.projection.rows(
                    sql.SERIES_OF, self._view.center, measure
                )
            ]
        return self._series[measure]

    def slots(self, measure: str, span: Span) -> list[MeasureRow]:
        """One row per slot that starts in the span, oldest first."""
        rows = [
            _row(series, slot[0], Tally(slot[1], 1, *slot[2:]))
            for number, series in self._of(measure)
            for slot in self._stated(number, span.from_ms, span.to_ms)
        ]
        return sorted(rows, key=lambda row: row.start_ms)  # stable: sources and dimensions stay in order

    def days(self, measure: str, span: Span) -> list[MeasureRow]:
        """One row per civil day with slots that start in the span, oldest first; the first and last may be cut off."""
        rows = [
            _row(series, day_ms, tally)
            for number, series in self._of(measure)
            for day_ms, tally in self._tallies(number, span)
        ]
        return sorted(rows, key=lambda row: row.start_ms)

    def totals(self, measure: str, span: Span) -> list[MeasureRow]:
        """One row per source and dimensions that has slots starting in the span."""
        rows = []
        for number, series in self._of(measure):
            tallies = [tally for _, tally in self._tallies(number, span)]
            if tallies:
                rows.append(_row(series, span.from_ms, add(tallies)))
        return rows

    def _stated(self, number: int, from_ms: int, to_ms: int) -> list[Slot]:
        return stated(self._view.projection.rows(sql.SLOTS, number, from_ms, to_ms, self._view.index))

    def _tallies(self, number: int, span: Span) -> Iterator[tuple[int, Tally]]:
        """The beginning and sum of each day of the span that has slots."""
        if not self._are_kept:
            yield from by_day(self._stated(number, span.from_ms, span.to_ms), self._days)
            return
        projection, index = self._view.projection, self._view.index
        first = self._days.start_of(span.from_ms)
        for day_ms, *kept in projection.rows(sql.TALLIES, number, first, span.to_ms):
            from_ms, to_ms = max(day_ms, span.from_ms), min(self._days.end_of(day_ms), span.to_ms)
            is_whole = from_ms == day_ms and to_ms == self._days.end_of(day_ms)
            tally = Tally(*kept)
            if is_whole and tally.slots and tally.log_index <= index:
                yield day_ms, tally
                continue
            found = list(by_day(self._stated(number, from_ms, to_ms), self._days))
            if is_whole and found and self._view.is_newest:
                projection.sums.keep(number, *found[0])
            yield from found


def _row(series: Series, start_ms: int, tally: Tally) -> MeasureRow:
    agent, source, dimensions, period_s = series
    more = tally.more
    return MeasureRow(
        agent=agent,
        source=source,
        dimensions=dimensions,
        start_ms=start_ms,
        period_s=period_s,
        count=tally.count,
        total=tally.total,
        unfinished=tally.unfinished,
        gauge=unpack_gauge(more) if more is not None and is_gauge(more) else None,
        buckets=unpack_buckets(more) if more is not None and not is_gauge(more) else (),
    )
