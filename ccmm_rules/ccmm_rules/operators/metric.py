"""`metric`: a KPI over a window of closed units."""

from collections.abc import Sequence

from ccmm_rules.conclude import Bound
from ccmm_rules.evidence import MeasureRow, Span
from ccmm_rules.expression import Scalar
from ccmm_rules.model import Read
from ccmm_rules.operators.groups import expected_of, judged_values, median, worst_of
from ccmm_rules.operators.tally import Tally, add, contributions, sample_of, value_of, width
from ccmm_rules.operators.view import FeedState, Reading, View, backfill_share, uncovered
from ccmm_rules.operators.windows import closed_window
from ccmm_rules.spec import MetricSpec
from ccmm_rules.vocabulary.tables import Metric


def unknown(state: str, reason: str, feed: FeedState) -> Reading:
    """A read that binds nothing."""
    return Reading(bound=Bound(state=state, reason=reason), log_index=feed.log_index, deadline_ms=feed.deadline_ms)


def read_metric(read: Read, view: View) -> Reading:
    spec = read.spec
    assert isinstance(spec, MetricSpec)
    metric = view.vocabulary.metrics[spec.metric]
    feed = view.feed_state(metric.measures, read.fresh_for_ms)
    if feed.state:
        return unknown(feed.state, feed.reason, feed)
    if view.zone is None:
        return unknown("missing", "zone", feed)
    span = closed_window(spec.over, feed.watermark_ms - metric.settle_ms, view.zone)
    hole = view.hole_after(span.from_ms)
    if hole or uncovered(feed.sources, span):
        return unknown("inconclusive", hole or "uncovered", feed)
    expected, why = expected_of(spec.group, view)
    if why:
        return unknown("missing" if why == "unanswered" else "inconclusive", why, feed)
    tallies, disputed = tallies_over(metric, spec.where, spec.group.by if spec.group else "", view, span)
    if disputed:
        return unknown("inconclusive", "disputed", feed)
    for name in expected or ():
        tallies.setdefault(name, (0.0,) * width(metric))
    return Reading(
        bound=_bound(metric, spec, tallies),
        log_index=feed.log_index,
        deadline_ms=feed.deadline_ms,
        backfill=backfill_share(feed.sources, span),
    )


def _bound(metric: Metric, spec: MetricSpec, tallies: dict[object, Tally]) -> Bound:
    total = add(tallies.values(), width(metric))
    n = sample_of(metric, total)
    names: dict[str, Scalar] = {"n": n}
    values = judged_values(metric, tallies, spec.sample) if spec.group else []
    value = value_of(metric, total)
    if metric.formula != "count" and (n <= 0 or value is None):
        return Bound(state="inconclusive", reason="empty", worst=names, best=names)
    if (n < spec.sample and metric.formula != "count") or (spec.group and not values):
        return Bound(state="inconclusive", reason="sample", worst=names, best=names)
    assert value is not None
    if spec.group is None:
        return Bound(worst=names | {"": value}, best=names | {"": value})
    names |= {"": worst_of(metric, values), "median": median(values), "mean": sum(values) / len(values)}
    names |= {"spread": max(values) - min(values), "groups": len(values)}
    return Bound(worst=names, best=names)


def fits(row: MeasureRow, where: Sequence[tuple[str, str]]) -> bool:
    return not where or all(pair in row.dimensions for pair in where)


def tallies_over(
    metric: Metric, where: Sequence[tuple[str, str]], by: str, view: View, span: Span
) -> tuple[dict[object, Tally], bool]:
    """Sums by group; and whether two sources state the same thing."""
    parts: dict[object, list[Tally]] = {}
    disputed = False
    for measure in metric.measures:
        owners: dict[object, tuple[str, str]] = {}
        rows = [row for row in view.totals(measure, span) if fits(row, where)]
        for row, tally in zip(rows, zip(*contributions(metric, measure, rows), strict=True), strict=True):
            owner = (row.agent, row.source)
            disputed = disputed or owners.setdefault(row.dimensions, owner) != owner
            group = dict(row.dimensions).get(by, "") if by else ""
            parts.setdefault(group, []).append(tally)
    return {group: add(tallies, width(metric)) for group, tallies in sorted(parts.items(), key=str)}, disputed
