"""Readings of gauges. A sensor that shows the same for hours is dead or faked: it was not read then."""

from collections.abc import Iterator, Sequence

from ccmm_rules.evidence import MeasureRow, Span
from ccmm_rules.operators.view import View
from ccmm_rules.vocabulary.tables import Metric


def readings(metric: Metric, measure: str, view: View, span: Span) -> Sequence[MeasureRow]:
    """The measure's slots that start in the span, without those in which a reading stood still for too long."""
    if not metric.flat_ms:
        return view.slots(measure, span)
    earlier = Span(span.from_ms - metric.flat_ms, span.to_ms)  # a reading may have stood still since before the span
    read = view.once(("read", measure, metric.flat_ms, earlier), lambda: _moving(view.slots(measure, earlier), metric))
    return [row for row in read if row.start_ms >= span.from_ms]


def _moving(rows: Sequence[MeasureRow], metric: Metric) -> list[MeasureRow]:
    """Oldest first, as they were."""
    series: dict[object, list[MeasureRow]] = {}
    for row in rows:
        series.setdefault((row.agent, row.source, row.dimensions), []).append(row)
    kept = [row for found in series.values() for run in _runs(found) if not _is_flat(run, metric) for row in run]
    return sorted(kept, key=lambda row: row.start_ms)


def _runs(rows: Sequence[MeasureRow]) -> Iterator[list[MeasureRow]]:
    """Neighbours that show one and the same value throughout; what moves is a run of its own."""
    run: list[MeasureRow] = []
    for row in rows:
        if run and _value(row) is not None and _value(row) == _value(run[-1]):
            run.append(row)
            continue
        if run:
            yield run
        run = [row]
    if run:
        yield run


def _value(row: MeasureRow) -> float | None:
    return row.gauge[2] if row.gauge is not None and row.gauge[0] == row.gauge[1] else None


def _is_flat(run: Sequence[MeasureRow], metric: Metric) -> bool:
    return run[-1].start_ms + run[-1].period_s * 1000 - run[0].start_ms > metric.flat_ms
