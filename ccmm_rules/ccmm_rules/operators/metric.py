"""`metric`: a KPI over a window of closed units, or over the part of it that counts."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from ccmm_rules.conclude import Bound
from ccmm_rules.evidence import MeasureRow, Span
from ccmm_rules.expression import Scalar
from ccmm_rules.model import Read
from ccmm_rules.operators.gauges import readings
from ccmm_rules.operators.groups import expected_of, judged_values, median, worst_of
from ccmm_rules.operators.masking import Masked, masked, parts_within, settled_window, whole_periods
from ccmm_rules.operators.tally import Tally, Where, add, apart, contributions, fits, joined, sample_of, value_of, width
from ccmm_rules.operators.view import FeedState, Reading, View, backfill_share, uncovered
from ccmm_rules.operators.windows import calendar_slots
from ccmm_rules.spec import MetricSpec
from ccmm_rules.vocabulary.tables import Metric


def unknown(state: str, reason: str, feed: FeedState) -> Reading:
    """A read that binds nothing."""
    return Reading(bound=Bound(state=state, reason=reason), log_index=feed.log_index, deadline_ms=feed.deadline_ms)


def read_metric(read: Read, view: View) -> Reading:
    spec = read.spec
    assert isinstance(spec, MetricSpec)
    metric = view.vocabulary.metrics[spec.metric]
    feed = view.feed_state(read.feeds, read.fresh_for_ms)
    if feed.state:
        return unknown(feed.state, feed.reason, feed)
    if view.zone is None:
        return unknown("missing", "zone", feed)
    span = settled_window(metric, spec, feed.watermark_ms, view.zone)
    mask = masked(view, spec.during, span)
    if mask.state:
        return unknown(mask.state, mask.reason, feed)
    hole = view.hole_after(span.from_ms)
    if hole or any(parts_within(uncovered(feed.sources, span), part) for part in mask.spans):
        return unknown("inconclusive", hole or "uncovered", feed)
    expected, why = expected_of(spec.group, view)
    if why:
        return unknown("missing" if why == "unanswered" else "inconclusive", why, feed)
    by = spec.group.by if spec.group else ""
    tallies, disputed = tallies_over(metric, spec.where, by, view, span, mask)
    if disputed:
        return unknown("inconclusive", "disputed", feed)
    for name in expected or ():
        tallies.setdefault(name, (0.0,) * width(metric))
    return Reading(
        bound=_bound(metric, spec, tallies),
        log_index=feed.log_index,
        deadline_ms=feed.deadline_ms,
        backfill=backfill_share(feed.sources, span),
        span=span,
    )


def _bound(metric: Metric, spec: MetricSpec, tallies: Mapping[object, Tally]) -> Bound:
    total = joined(metric, tallies.values())
    n = sample_of(metric, total)
    names: dict[str, Scalar] = {"n": n}
    value = value_of(metric, total)
    if metric.is_gauge and any(sample_of(metric, tally) == 0 for tally in tallies.values()):
        return Bound(state="inconclusive", reason="uncovered", worst=names, best=names)  # expected, and never read
    values = judged_values(metric, tallies, spec.sample) if spec.group else []
    if metric.formula != "count" and n <= 0:
        return Bound(state="inconclusive", reason="empty", worst=names, best=names)
    if (n < spec.sample and metric.formula != "count") or (spec.group and not values) or value is None:
        return Bound(state="inconclusive", reason="sample", worst=names, best=names)
    if spec.group is None:
        return Bound(worst=names | {"": value}, best=names | {"": value})
    names |= {"": worst_of(metric, values), "median": median(values), "mean": sum(values) / len(values)}
    names |= {"spread": max(values) - min(values), "groups": len(values)}
    return Bound(worst=names, best=names)


def tallies_over(
    metric: Metric, where: Where, by: str, view: View, span: Span, mask: Masked | None = None
) -> tuple[dict[object, Tally], bool]:
    """Tallies by group of the span, or of its parts that count; and whether two sources state the same thing."""
    spans = counted_spans(metric, span, mask)
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


def counted_spans(metric: Metric, span: Span, mask: Masked | None) -> list[Span]:
    """The parts of the span that count, in whole periods; without a mask the span."""
    if mask is None or mask.spans == (span,):
        return [span]
    return whole_periods(parts_within(mask.spans, span), metric.period_ms)


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
