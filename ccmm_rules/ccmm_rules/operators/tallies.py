"""Tallies of a metric over a span: by group, and of the parts of it that count."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from ccmm_rules.evidence import MeasureRow, Span
from ccmm_rules.operators.gauges import readings
from ccmm_rules.operators.spans import parts_within, whole_periods
from ccmm_rules.operators.tally import Tally, Where, add, apart, contributions, fits, joined
from ccmm_rules.operators.view import View
from ccmm_rules.operators.windows import calendar_slots
from ccmm_rules.vocabulary.tables import Metric


def tallies_over(
    metric: Metric, where: Where, by: str, view: View, span: Span, counted: Sequence[Span] | None = None
) -> tuple[dict[object, Tally], bool]:
    """Tallies by group of the span, or of its parts that count; and whether two sources state the same thing."""
    spans = counted_spans(metric, span, counted)
    rows = {measure: _rows(metric, measure, (*metric.where, *where), view, spans) for measure in metric.measures}
    disputed = any(_contradict(found, summed=not _by_slot(metric)) for found in rows.values())
    if metric.formula == "chi2_p":
        return ({"": _cells(metric, rows)} if any(rows.values()) else {}), disputed
    days = calendar_slots(span, metric.grain, view.zone) if metric.grain and view.zone is not None else []
    begins = [day.from_ms for day in days]
    parts: dict[object, dict[int, list[Tally]]] = {}
    for measure, found in rows.items():
        for row, tally in zip(found, zip(*contributions(metric, measure, found), strict=True), strict=True):
            group = dict(row.dimensions).get(by, "") if by else ""
            day = bisect_right(begins, row.start_ms) if begins else 0
            parts.setdefault(group, {}).setdefault(day, []).append(tally)
    return {group: _over_days(metric, days) for group, days in sorted(parts.items(), key=str)}, disputed


def counted_spans(metric: Metric, span: Span, counted: Sequence[Span] | None) -> list[Span]:
    """The parts of the span that count, in whole periods; None: all of it."""
    if counted is None or tuple(counted) == (span,):
        return [span]
    return whole_periods(parts_within(counted, span), metric.period_ms)


def _rows(metric: Metric, measure: str, where: Where, view: View, spans: Sequence[Span]) -> list[MeasureRow]:
    if _by_slot(metric):
        found = [row for part in spans for row in readings(metric, measure, view, part)]
    else:
        found = [row for part in spans for row in view.totals(measure, part)]
    return [row for row in found if fits(row, where)]


def _by_slot(metric: Metric) -> bool:
    """Sums are enough, but where it matters on which day it was, or when something was read."""
    return bool(metric.grain) or metric.flat_ms > 0 or metric.formula == "last"


def _contradict(rows: Sequence[MeasureRow], *, summed: bool) -> bool:
    """Whether two sources speak of one thing: of sums at all, of slots at one time."""
    owners: dict[object, tuple[str, str]] = {}
    return any(
        owners.setdefault((row.dimensions, 0 if summed else row.start_ms), (row.agent, row.source))
        != (row.agent, row.source)
        for row in rows
    )


def _over_days(metric: Metric, days: Mapping[int, Sequence[Tally]]) -> Tally:
    """A gap by the day is added up without its sign, so that what is too much on one day mends nothing on another."""
    tallies = [joined(metric, days[day]) for day in sorted(days)]
    return joined(metric, [apart(tally) for tally in tallies] if metric.grain else tallies)


def _cells(metric: Metric, rows: Mapping[str, Sequence[MeasureRow]]) -> Tally:
    """(drawn, population) of each cell, in the order of their dimensions."""
    cells: dict[object, list[Tally]] = {}
    for measure, found in rows.items():
        for row, tally in zip(found, zip(*contributions(metric, measure, found), strict=True), strict=True):
            cells.setdefault(row.dimensions, []).append(tally)
    return tuple(value for key in sorted(cells, key=str) for value in add(cells[key], 2))
