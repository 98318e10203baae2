"""Sums that a metric needs, added up and divided once."""

import math
from collections.abc import Callable, Iterable

from ccmm_rules.evidence import MeasureRow
from ccmm_rules.vocabulary.tables import Metric, Term, load_vocabulary

Tally = tuple[float, ...]
BEYOND_S = 86_400.0  # shown for a percentile in the last, open bucket


def width(metric: Metric) -> int:
    """Ratio, mean and count: over and under. Percentile: one per bucket."""
    return len(load_vocabulary().wait_bounds_s) + 1 if metric.formula == "percentile" else 2


def contributor(metric: Metric, measure: str) -> Callable[[MeasureRow], Tally]:
    """What one row of the measure adds: a function made once."""
    if metric.formula == "percentile":
        empty = (0.0,) * width(metric)
        return lambda row: tuple(map(float, row.buckets)) if row.buckets else empty
    over = [_part(term) for term in metric.over if term.measure == measure]
    under = [_part(term) for term in metric.under if term.measure == measure]
    return lambda row: (sum([part(row) for part in over], 0.0), sum([part(row) for part in under], 0.0))


def _part(term: Term) -> Callable[[MeasureRow], float]:
    sign = term.sign
    if term.part == "total":
        return lambda row: sign * row.total
    if term.part == "count":
        return lambda row: sign * (sum(row.buckets) if row.buckets else row.count)
    upto = load_vocabulary().wait_bounds_s.index(term.bound_s) + 1
    return lambda row: sign * sum(row.buckets[:upto])


def add(tallies: Iterable[Tally], size: int) -> Tally:
    return tuple(math.fsum(column) for column in zip(*tallies, strict=True)) or (0.0,) * size


def sample_of(metric: Metric, tally: Tally) -> int:
    """The denominator."""
    if metric.formula == "percentile":
        return round(sum(tally))
    return round(tally[0] if metric.formula == "count" else tally[1])


def value_of(metric: Metric, tally: Tally) -> float | None:
    """None where there is nothing to divide by."""
    if metric.formula == "count":
        return tally[0]
    if metric.formula == "percentile":
        return _percentile(tally, metric.percentile)
    return metric.scale * tally[0] / tally[1] if tally[1] > 0 else None


def _percentile(buckets: Tally, percent: float) -> float | None:
    """Nearest rank, shown as the upper bound of its bucket."""
    count = sum(buckets)
    if count <= 0:
        return None
    rank, seen = math.ceil(percent / 100 * count), 0.0
    bounds = (*load_vocabulary().wait_bounds_s, BEYOND_S)
    for bound, size in zip(bounds, buckets, strict=True):
        seen += size
        if seen >= rank:
            return bound
    return BEYOND_S
