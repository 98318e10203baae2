"""Stated slots of measures, and their sums.

A sum over a span is made of sums over UTC days, in order, whether a day was summed before or not: so it has the same
bits each time.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ccmm_collector import projection_sql as sql
from ccmm_collector.packing import is_gauge, pack_buckets, pack_gauge, unpack_buckets, unpack_gauge
from ccmm_collector.projection import View
from ccmm_proto.period import DAY_MS, floor_to
from ccmm_rules.evidence import MeasureRow, Span

Slot = tuple[int, int, int, float, int, bytes | None]  # start, log index, count, total, unfinished, more

Series = tuple[str, str, tuple[tuple[str, str | int], ...], int]  # agent, source, dimensions, period


@dataclass(frozen=True, slots=True)
class Tally:
    """A sum over the slots of one day, or of a part of it."""

    log_index: int
    slots: int
    count: int
    total: float
    unfinished: int
    more: bytes | None


def stated(slots: Sequence[Slot]) -> list[Slot]:
    """Of each slot the statement to read: the first of its rows, which come highest revision first."""
    read: list[Slot] = []
    for slot in slots:
        if not read or read[-1][0] != slot[0]:
            read.append(slot)
    return read


def _series(view: View, measure: str) -> list[tuple[int, Series]]:
    rows = view.projection.rows(sql.SERIES_OF, view.center, measure)
    return [
        (number, (agent, source, tuple((name, value) for name, value in json.loads(dimensions)), period_s))
        for number, agent, source, dimensions, period_s in rows
    ]


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


def stamp_of(view: View, measure: str, span: Span) -> tuple[int, int] | None:
    """Names what the slots of a span rest on; None where more is in the store than the view may know."""
    days = (floor_to(span.from_ms, DAY_MS), span.to_ms)
    count, index = view.projection.rows(sql.SLOTS_STAMP, view.center, measure, *days)[0]
    return (count, index or 0) if (index or 0) <= view.index else None


def slots_of(view: View, measure: str, span: Span) -> list[MeasureRow]:
    """One row per slot that starts in the span, oldest first."""
    rows = []
    for number, series in _series(view, measure):
        found = view.projection.rows(sql.SLOTS, number, span.from_ms, span.to_ms, view.index)
        for start_ms, log_index, count, total, unfinished, more in stated(found):
            tally = Tally(log_index, 1, count, total, unfinished, more)
            rows.append(_row(series, start_ms, tally))
    return sorted(rows, key=lambda row: row.start_ms)  # stable: sources and dimensions stay in order


def totals_of(view: View, measure: str, span: Span) -> list[MeasureRow]:
    """One row per source and dimensions that has slots starting in the span."""
    rows = []
    for number, series in _series(view, measure):
        days = list(_days(view, number, span))
        if days:
            rows.append(_row(series, span.from_ms, add(days)))
    return rows


def _days(view: View, number: int, span: Span) -> Iterator[Tally]:
    """The sum of each UTC day of the span that has slots; whole days are kept for the next time."""
    kept = {
        row[0]: Tally(*row[1:])
        for row in view.projection.rows(sql.TALLIES, number, span.from_ms, span.to_ms, view.index)
        if row[0] + DAY_MS <= span.to_ms
    }
    for from_ms, to_ms in _gaps(kept, span):
        by_day: dict[int, list[Slot]] = {}
        for slot in stated(view.projection.rows(sql.SLOTS, number, from_ms, to_ms, view.index)):
            by_day.setdefault(floor_to(slot[0], DAY_MS), []).append(slot)
        for day_ms, slots in by_day.items():
            tally = kept[day_ms] = add([Tally(slot[1], 1, *slot[2:]) for slot in slots])
            if view.is_newest and span.from_ms <= day_ms and day_ms + DAY_MS <= span.to_ms:
                view.projection.keep_tally(
                    *(tally.slots, tally.count, tally.total, tally.unfinished, tally.more), *(number, day_ms)
                )
    return (kept[day_ms] for day_ms in sorted(kept))


def _gaps(kept: dict[int, Tally], span: Span) -> Iterator[tuple[int, int]]:
    """The stretches of the span that no kept day sums."""
    from_ms = span.from_ms
    for day_ms in sorted(kept):
        if from_ms < day_ms:
            yield from_ms, day_ms
        from_ms = day_ms + DAY_MS
    if from_ms < span.to_ms:
        yield from_ms, span.to_ms


def add(tallies: Sequence[Tally]) -> Tally:
    """The sum of at least one tally, oldest first; of gauges the extremes and the last."""
    mores = [tally.more for tally in tallies if tally.more is not None]
    more = None
    if mores and is_gauge(mores[0]):
        lows, highs, lasts = zip(*(unpack_gauge(packed) for packed in mores), strict=True)
        more = pack_gauge(min(lows), max(highs), lasts[-1])
    elif mores:
        more = pack_buckets([sum(column) for column in zip(*map(unpack_buckets, mores), strict=True)])
    return Tally(
        log_index=max(tally.log_index for tally in tallies),
        slots=sum(tally.slots for tally in tallies),
        count=sum(tally.count for tally in tallies),
        total=math.fsum(tally.total for tally in tallies),
        unfinished=sum(tally.unfinished for tally in tallies),
        more=more,
    )
