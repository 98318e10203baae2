"""`metric`: a KPI over a window of closed units, or over the part of it that counts."""

from collections.abc import Mapping

from ccmm_rules.conclude import Bound
from ccmm_rules.expression import Scalar
from ccmm_rules.model import Read
from ccmm_rules.operators.groups import expected_of, judged_values, median, worst_of
from ccmm_rules.operators.masking import masked, settled_window
from ccmm_rules.operators.spans import parts_within
from ccmm_rules.operators.tallies import tallies_over
from ccmm_rules.operators.tally import Tally, joined, sample_of, value_of, width
from ccmm_rules.operators.view import FeedState, Reading, View, backfill_share, uncovered
from ccmm_rules.spec import MetricSpec
from ccmm_rules.verdict import Spot
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
    tallies, disputed = tallies_over(metric, spec.where, by, view, span, mask.spans)
    if disputed:
        return unknown("inconclusive", "disputed", feed)
    for name in expected or ():
        tallies.setdefault(name, (0.0,) * width(metric))
    silent = metric.formula != "count" and any(sample_of(metric, tallies[name]) <= 0 for name in expected or ())
    values = judged_values(metric, tallies, spec.sample) if spec.group is not None else []
    return Reading(
        bound=_bound(metric, spec, tallies, [value for _, value in values], silent=silent),
        log_index=feed.log_index,
        deadline_ms=feed.deadline_ms,
        backfill=backfill_share(feed.sources, span),
        span=span,
        spot=Spot(group=worst_of(metric, values)[0]) if values else None,
    )


def _bound(
    metric: Metric, spec: MetricSpec, tallies: Mapping[object, Tally], values: list[float], *, silent: bool
) -> Bound:
    """`values`: of the groups that are judged. `silent`: one that is expected told nothing that could be divided."""
    total = joined(metric, tallies.values())
    n = sample_of(metric, total)
    names: dict[str, Scalar] = {"n": n}
    value = value_of(metric, total)
    if metric.is_gauge and any(sample_of(metric, tally) == 0 for tally in tallies.values()):
        return Bound(state="inconclusive", reason="uncovered", worst=names, best=names)  # expected, and never read
    if metric.formula != "count" and n <= 0:
        return Bound(state="inconclusive", reason="empty", worst=names, best=names)
    if (n < spec.sample and metric.formula != "count") or (spec.group and not values) or value is None:
        return Bound(state="inconclusive", reason="sample", worst=names, best=names)
    if spec.group is None:
        return Bound(worst=names | {"": value}, best=names | {"": value})
    names |= {
        "": min(values) if metric.better == "up" else max(values),
        "median": median(values),
        "mean": sum(values) / len(values),
    }
    names |= {"spread": max(values) - min(values), "groups": len(values)}
    if silent:  # whatever it would say, no worst group is better for it
        hoped = {"n": n} | ({"": names[""]} if metric.better != "band" else {})
        return Bound(state="inconclusive", reason="uncovered", worst={"n": n}, best=hoped)
    return Bound(worst=names, best=names)
