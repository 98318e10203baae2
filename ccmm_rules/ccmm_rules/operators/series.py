"""`series`: the points of a metric in time, and what one or each of a profile list shows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ccmm_rules.conclude import Bound
from ccmm_rules.evidence import Span
from ccmm_rules.expression import Scalar
from ccmm_rules.model import Read, Rule
from ccmm_rules.operators.groups import median
from ccmm_rules.operators.masking import Masked, feeds_of, masked, settled_window
from ccmm_rules.operators.spans import parts_within
from ccmm_rules.operators.tallies import tallies_over
from ccmm_rules.operators.tally import joined, sample_of, value_of
from ccmm_rules.operators.trend import LEAST_POINTS, p_falling, p_rising, signals
from ccmm_rules.operators.view import FeedState, Reading, View, backfill_share, uncovered
from ccmm_rules.operators.windows import back, calendar_slots, local_date, midnight_ms
from ccmm_rules.spec import GRAIN_WINDOWS, SeriesSpec, parse_window_text
from ccmm_rules.vocabulary.tables import Metric

FROM_NOTHING_PCT = 1_000_000.0  # shown for growth from zero, which has no percentage


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A metric's points, oldest first; None: below the sample. With a state nothing is known."""

    metric: Metric
    feed: FeedState
    state: str = ""
    reason: str = ""
    values: tuple[float | None, ...] = ()
    slots: tuple[Span, ...] = ()
    span: Span | None = None
    backfill: float = 0.0

    @property
    def judged(self) -> list[float]:
        return [value for value in self.values if value is not None]


def curve_of(metric: Metric, spec: SeriesSpec, view: View, fresh_ms: int) -> Curve:
    """Each computed once: reads of several rules and lists look at the same metrics."""
    key = ("curve", metric.id, spec.where, spec.over, spec.every, spec.sample, spec.during, fresh_ms)
    return view.once(key, lambda: _curve(metric, spec, view, fresh_ms))


def _curve(metric: Metric, spec: SeriesSpec, view: View, fresh_ms: int) -> Curve:
    feed = view.feed_state(feeds_of(metric, spec.during), fresh_ms)
    if feed.state or view.zone is None:
        state, reason = (feed.state, feed.reason) if feed.state else ("missing", "zone")
        return Curve(metric=metric, feed=feed, state=state, reason=reason)
    span = settled_window(metric, spec, feed.watermark_ms, view.zone)
    mask = masked(view, spec.during, span)
    if mask.state:
        return Curve(metric=metric, feed=feed, state=mask.state, reason=mask.reason, span=span)
    hole = view.hole_after(span.from_ms)
    if hole or any(parts_within(uncovered(feed.sources, span), part) for part in mask.spans):
        return Curve(metric=metric, feed=feed, state="inconclusive", reason=hole or "uncovered", span=span)
    slots = points_in(span, spec.every, view.zone)
    values = []
    for slot in slots:
        value, disputed = _value(metric, spec, view, slot, mask)
        if disputed:
            return Curve(metric=metric, feed=feed, state="inconclusive", reason="disputed", span=span)
        values.append(value)
    return Curve(
        metric=metric,
        feed=feed,
        values=tuple(values),
        slots=tuple(slots),
        span=span,
        backfill=backfill_share(feed.sources, span),
    )


def points_in(span: Span, every: str, zone: ZoneInfo) -> Sequence[Span]:
    """Whole grains inside the span; `4q` steps are counted back from its end."""
    if every in GRAIN_WINDOWS:
        return calendar_slots(span, every, zone)
    step = parse_window_text(every)
    assert step is not None
    found, end = [], local_date(span.to_ms, zone)
    while midnight_ms(begin := back(end, step.count, step.unit), zone) >= span.from_ms:
        found.append(Span(midnight_ms(begin, zone), midnight_ms(end, zone)))
        end = begin
    return found[::-1]


def _value(metric: Metric, spec: SeriesSpec, view: View, slot: Span, mask: Masked) -> tuple[float | None, bool]:
    tallies, disputed = tallies_over(
        metric, spec.where, "", view, slot, mask.spans if spec.during is not None else None
    )
    total = joined(metric, tallies.values())
    least = 0 if metric.formula == "count" else max(spec.sample, 1)
    return (value_of(metric, total) if sample_of(metric, total) >= least else None), disputed


def read_series(read: Read, view: View, rule: Rule) -> Reading:
    """One metric. What rests on a point below the sample is unbound; `n` counts the points that are not.

    `signals` needs eight of them.
    """
    spec = read.spec
    assert isinstance(spec, SeriesSpec)
    curve = curve_of(view.vocabulary.metrics[spec.metric], spec, view, read.fresh_for_ms)
    bound = Bound(state=curve.state, reason=curve.reason)
    if not curve.state:
        kept = {name: value for name, value in _names(curve).items() if name in read.names}
        whole, thin = len(kept) == len(read.names), "sample" if curve.judged else "empty"
        bound = Bound(state="" if whole else "inconclusive", reason="" if whole else thin, worst=kept, best=kept)
    return Reading(
        bound=bound,
        log_index=curve.feed.log_index,
        deadline_ms=curve.feed.deadline_ms,
        backfill=curve.backfill,
        span=curve.span,
    )


def _names(curve: Curve) -> dict[str, Scalar]:
    """As measured: `step` and `change` are the newest point less the one before, and less the oldest."""
    values, judged = curve.values, curve.judged
    names: dict[str, Scalar] = {"n": len(judged)}
    if not judged:
        return names
    names["median"] = median(judged)
    if len(judged) >= LEAST_POINTS:
        names["signals"] = len(signals(judged))
    if curve.metric.better != "band":
        rising, falling = p_rising(judged), p_falling(judged)
        better = (rising, falling) if curve.metric.better == "up" else (falling, rising)
        names |= {"p_better": better[0], "p_worse": better[1]}
    newest = values[-1]
    if newest is not None:
        names[""] = newest
        for name, older in (("step", values[-2] if len(values) > 1 else None), ("change", values[0])):
            if older is not None and len(values) > 1:
                names |= {name: newest - older, f"{name}_pct": _percent(newest - older, older)}
    return names


def _percent(change: float, older: float) -> float:
    if change == 0:
        return 0.0
    return 100.0 * change / abs(older) if older else math.copysign(FROM_NOTHING_PCT, change)


def row_names(curve: Curve, meets: tuple[float, float] | None) -> dict[str, Scalar]:
    """What the test of a list sees of one metric; changes count toward its better side, above 0 is better."""
    names = _names(curve)
    found: dict[str, Scalar] = {name: names[name] for name in ("n", "signals", "p_better", "p_worse") if name in names}
    if "" in names:
        found["value"] = names[""]
    if "signals" in names:
        found["in_control_share"] = 100.0 * (1 - int(names["signals"]) / len(curve.judged))
    if curve.metric.better != "band":
        sign = 1.0 if curve.metric.better == "up" else -1.0
        found |= {name: sign * float(names[name]) for name in ("change", "change_pct") if name in names}
    if meets is not None:
        found["met"] = sum(1 for value in curve.judged if meets[0] <= value <= meets[1])
        newest = curve.values[-1] if curve.values else None
        if newest is not None:
            found["on_target"] = meets[0] <= newest <= meets[1]
    return found
