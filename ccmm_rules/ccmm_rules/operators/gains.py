"""What a project gained, from the raw figures before and after it: what the center claims is only compared with it.

Before: the 13 weeks up to the day on which the measure was set, or the project began. After: up to 13 weeks from the
day after it went live, or was closed, and 4 weeks at least. A unit of gain is one of the metric, above 0 is better.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from ccmm_rules.evidence import AttributeValue, Happening, Span
from ccmm_rules.operators.figures import figure, settled_ms, weekly
from ccmm_rules.operators.trend import chart_of
from ccmm_rules.operators.view import View
from ccmm_rules.operators.windows import local_date, midnight_ms
from ccmm_rules.vocabulary.tables import Metric

WINDOW_DAYS = 91
LEAST_AFTER_DAYS = 28
WEEKS = 52  # of the time before, whose weekly figures show what varies by itself
BEYOND_SIGMA = 1_000_000.0  # shown for a gain where nothing ever varied
SIDES = ("csat", "complaint_rate")  # beside the center's key indicators in percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """None: not known."""

    gain: float | None = None
    gain_sigma: float | None = None
    claim_error: float | None = None
    same_definition: bool | None = None
    side_worst: float | None = None


def gains(rows: Sequence[Happening], view: View) -> list[Gain]:
    """One per project."""
    return [gain_of(row, view) for row in rows]


def gain_of(row: Happening, view: View) -> Gain:
    """A metric that is none of ours has no definition to compare."""
    metric = view.vocabulary.metrics.get(str(row.attributes.get("metric", "")))
    if metric is None or metric.better == "band":
        return Gain(same_definition=False)
    begun = _time(row.attributes.get("measure_set")) or row.started_ms
    turned = _time(row.attributes.get("live")) or _time(row.attributes.get("closed")) or row.ended_ms
    if turned is None or view.zone is None or turned < begun:
        return Gain()
    before = _days(local_date(begun, view.zone) - timedelta(days=WINDOW_DAYS), WINDOW_DAYS, view.zone)
    after = _days(local_date(turned, view.zone) + timedelta(days=1), WINDOW_DAYS, view.zone)
    gain = _change(metric, before, after, view)
    if gain is None:
        return Gain()
    claimed = row.attributes.get("claimed")
    return Gain(
        gain=gain,
        gain_sigma=_sigmas(gain, metric, before, view),
        claim_error=_error(gain, claimed),
        same_definition=not _redefined(metric, Span(before.from_ms, after.to_ms), view),
        side_worst=_side_worst(metric, before, after, view),
    )


def side_metrics(metric: Metric, view: View) -> list[Metric]:
    """What must not have suffered: those that the center has figures of."""
    listed = view.answers.get("key_kpis")
    names = (*SIDES, *(listed if isinstance(listed, list) else ()))
    known = [view.vocabulary.metrics[name] for name in dict.fromkeys(names) if name in view.vocabulary.metrics]
    return [
        other
        for other in known
        if other.id != metric.id
        and other.unit == "%"
        and other.better != "band"
        and all(view.feeding(measure) for measure in other.measures)
    ]


def _time(value: AttributeValue | None) -> int | None:
    return value if type(value) is int else None


def _days(first: date, count: int, zone: ZoneInfo) -> Span:
    return Span(midnight_ms(first, zone), midnight_ms(first + timedelta(days=count), zone))


def _change(metric: Metric, before: Span, after: Span, view: View) -> float | None:
    """After less before, toward the better side."""
    known = Span(after.from_ms, min(after.to_ms, settled_ms(metric, view)))
    assert view.zone is not None
    if known.to_ms < midnight_ms(local_date(after.from_ms, view.zone) + timedelta(days=LEAST_AFTER_DAYS), view.zone):
        return None
    old, new = figure(metric, before, view), figure(metric, known, view)
    if old is None or new is None:
        return None
    return new - old if metric.better == "up" else old - new


def _sigmas(gain: float, metric: Metric, before: Span, view: View) -> float | None:
    """The gain in sigmas of the weekly figures of the year before."""
    values = weekly(metric, before.to_ms, WEEKS, view)
    if len(values) < WINDOW_DAYS // 7:
        return None
    sigma = chart_of(values).sigma
    if sigma == 0:
        return math.copysign(BEYOND_SIGMA, gain) if gain else 0.0
    return gain / sigma


def _error(gain: float, claimed: AttributeValue | None) -> float | None:
    """How far the gain lies from what was claimed, in percent of the claim."""
    if not isinstance(claimed, int | float) or isinstance(claimed, bool) or claimed == 0:
        return None
    return 100.0 * abs(gain - claimed) / abs(claimed)


def _side_worst(metric: Metric, before: Span, after: Span, view: View) -> float | None:
    """The worst change of another metric, in points; negative is worse."""
    changes = [_change(other, before, after, view) for other in side_metrics(metric, view)]
    known = [change for change in changes if change is not None]
    return min(known) if known and len(known) == len(changes) else None


def _redefined(metric: Metric, span: Span, view: View) -> bool:
    """Whether the center's register of indicators gave the metric another definition meanwhile."""
    found = view.once(("alterations", "register", span), lambda: view.evidence.alterations("register", span))
    for change in found:
        entry = change.after or change.before or {}
        names = entry.get("metrics")
        mine = metric.id in (entry.get("ref"), *(names if isinstance(names, tuple) else ()))
        values = [side.get("value") for side in (change.before, change.after) if side is not None]
        if entry.get("register") == "kpi" and mine and len(set(values)) > 1:
            return True
    return False
