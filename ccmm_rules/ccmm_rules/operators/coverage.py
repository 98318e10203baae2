"""`coverage`: the share of slots that sources vouched for. A gap older than two days is a fact, a younger may fill."""

from ccmm_rules.conclude import Bound
from ccmm_rules.evidence import Span
from ccmm_rules.expression import Scalar
from ccmm_rules.model import Read, Rule
from ccmm_rules.operators.groups import expected_of
from ccmm_rules.operators.holes import holed
from ccmm_rules.operators.metric import unknown
from ccmm_rules.operators.view import Reading, View, backfill_share, uncovered
from ccmm_rules.operators.windows import closed_window
from ccmm_rules.spec import HOUR_MS, CoverageSpec

SETTLED_MS = 48 * HOUR_MS
SETTLE_MS = 2 * HOUR_MS


def read_coverage(read: Read, view: View, rule: Rule) -> Reading:
    spec = read.spec
    assert isinstance(spec, CoverageSpec)
    feed = view.feed_state(spec.feeds, read.fresh_for_ms)
    if feed.state:
        return unknown(feed.state, feed.reason, feed)
    if view.zone is None:
        return unknown("missing", "zone", feed)
    span = closed_window(spec.over, feed.watermark_ms - SETTLE_MS, view.zone)
    expected, why = expected_of(spec.group, view)
    if why:
        return unknown("missing" if why == "unanswered" else "inconclusive", why, feed)
    worst = _look(spec, view, span, span.to_ms)
    best = _look(spec, view, span, feed.watermark_ms - SETTLED_MS)
    groups = _groups(spec, view, span)
    if spec.group is not None:
        known: dict[str, Scalar] = {"groups": len(groups), "absent": len(set(expected or ()) - groups)}
        worst, best = worst | known, best | known
    hole = view.hole_after(span.from_ms)
    return Reading(
        bound=holed(read, rule, hole, worst) if hole else Bound(worst=worst, best=best),
        log_index=feed.log_index,
        deadline_ms=feed.deadline_ms,
        backfill=backfill_share(feed.sources, span),
        span=span,
    )


def _look(spec: CoverageSpec, view: View, span: Span, facts_until_ms: int) -> dict[str, Scalar]:
    """Gaps that end by `facts_until_ms` count; later ones are given the benefit."""
    slots = max((span.to_ms - span.from_ms) // spec.every_ms, 1)
    bad = 0
    for name in spec.feeds:
        missing = [gap for gap in uncovered(view.feeding(name), span) if gap.from_ms < facts_until_ms]
        hit: set[int] = set()
        for gap in missing:
            last = min(gap.to_ms, facts_until_ms) - 1
            hit.update(range((gap.from_ms - span.from_ms) // spec.every_ms, (last - span.from_ms) // spec.every_ms + 1))
        bad += len(hit)
    n = slots * len(spec.feeds)
    return {"n": n, "share": 100.0 * (n - bad) / n, "gaps": bad}


def _groups(spec: CoverageSpec, view: View, span: Span) -> set[object]:
    """Groups that every feed has rows of."""
    if spec.group is None:
        return set()
    by = spec.group.by
    found: list[set[object]] = [
        {dict(row.dimensions).get(by, "") for row in view.totals(name, span)} for name in spec.feeds
    ]
    return set.intersection(*found)
