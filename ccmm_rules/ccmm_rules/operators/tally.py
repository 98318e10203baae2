"""Sums that a metric needs, added up and divided once."""

import math
from collections.abc import Iterable, Sequence

from ccmm_rules.evidence import MeasureRow
from ccmm_rules.vocabulary.tables import Metric, Term, load_vocabulary

Tally = tuple[float, ...]
BEYOND_S = 86_400.0  # shown for a percentile in the last, open bucket


def width(metric: Metric) -> int:
    """Ratio, mean and count: over and under. Percentile: one per bucket."""
    return len(load_vocabulary().wait_bounds_s) + 1 if metric.formula == "percentile" else 2


def contributions(metric: Metric, measure: str, rows: Sequence[MeasureRow]) -> list[Sequence[float]]:
    """What rows of the measure add: one column for each part of a tally."""
    if metric.formula == "percentile":
        empty = (0,) * width(metric)
        filled = [row.buckets or empty for row in rows]
        return [[float(buckets[place]) for buckets in filled] for place in range(width(metric))]
    return [
        _added([_part(term, rows) for term in terms if term.measure == measure], len(rows))
        for terms in (metric.over, metric.under)
    ]


def _added(columns: Sequence[Sequence[float]], count: int) -> list[float]:
    if len(columns) == 1:
        return [0.0 + value for value in columns[0]]
    return [sum(values, 0.0) for values in zip(*columns, strict=True)] if columns else [0.0] * count


def _part(term: Term, rows: Sequence[MeasureRow]) -> Sequence[float]:
    sign = term.sign
    if term.part == "total":
        return [sign * row.total for row in rows]
    if term.part == "count":
        return [sign * (sum(row.buckets) if row.buckets else row.count) for row in rows]
    upto = load_vocabulary().wait_bounds_s.index(term.bound_s) + 1
    return [sign * sum(row.buckets[:upto]) for row in rows]


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
