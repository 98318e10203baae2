"""Sums that a metric needs, added up and divided once."""

import math
from collections.abc import Iterable

from ccmm_rules.evidence import MeasureRow
from ccmm_rules.vocabulary.tables import Metric, Term, load_vocabulary

Tally = tuple[float, ...]
BEYOND_S = 86_400.0  # shown for a percentile in the last, open bucket


def width(metric: Metric) -> int:
    """Ratio, mean and count: over and under. Percentile: one per bucket."""
    return len(load_vocabulary().wait_bounds_s) + 1 if metric.formula == "percentile" else 2


def contribution(metric: Metric, measure: str, row: MeasureRow) -> Tally:
    """What one row adds."""
    if metric.formula == "percentile":
        used = [term for term in metric.over if term.measure == measure]
        empty = (0,) * width(metric)
        return tuple(float(count) for count in (row.buckets or empty)) if used else tuple(map(float, empty))
    over = sum(_part(term, row) for term in metric.over if term.measure == measure)
    under = sum(_part(term, row) for term in metric.under if term.measure == measure)
    return (over, under)


def _part(term: Term, row: MeasureRow) -> float:
    if term.part == "total":
        return term.sign * row.total
    if term.part == "count":
        return term.sign * float(sum(row.buckets) if row.buckets else row.count)
    bounds = load_vocabulary().wait_bounds_s
    upto = bounds.index(term.bound_s) + 1
    return term.sign * float(sum(row.buckets[:upto]))


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
