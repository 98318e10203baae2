"""What a metric needs of its measures, added up, and then divided (or compared) once.

A tally is (over, under) for ratio, mean, count and gap; the buckets for a percentile; (min, max, last, readings, start
of the last) for a gauge; and (drawn, population) cell after cell for chi-square.
"""

import math
from collections.abc import Iterable, Sequence

from ccmm_rules.evidence import MeasureRow
from ccmm_rules.operators.chi_square import sample_p
from ccmm_rules.vocabulary.tables import Metric, Term, load_vocabulary

Tally = tuple[float, ...]
Where = Sequence[tuple[str, str]]
BEYOND_S = 86_400.0  # shown for a percentile in the last, open bucket
FROM_NOTHING = 1_000_000.0  # shown for a gap to nothing, which has no percentage


def fits(row: MeasureRow, where: Where) -> bool:
    """Whether a row has all these dimensions."""
    return not where or all(pair in row.dimensions for pair in where)


def width(metric: Metric) -> int:
    """Of the metric's tallies; chi-square has as many cells as there are."""
    if metric.formula == "percentile":
        return len(load_vocabulary().wait_bounds_s) + 1
    return 5 if metric.is_gauge else 2


def contributions(metric: Metric, measure: str, rows: Sequence[MeasureRow]) -> list[Sequence[float]]:
    """What rows of the measure add: one column for each part of a tally."""
    if metric.is_gauge:
        return _gauges(rows)
    if metric.formula == "percentile":
        empty = (0,) * width(metric)
        filled = [row.buckets or empty for row in rows]
        return [[float(buckets[place]) for buckets in filled] for place in range(width(metric))]
    known: dict[object, tuple[float, float]] = {}  # most slots look like others
    found = []
    for row in rows:
        told = row[5:8]  # count, total, buckets
        if told not in known:
            known[told] = (_added(metric.over, measure, row), _added(metric.under, measure, row))
        found.append(known[told])
    return list(zip(*found, strict=True)) if found else [(), ()]


def _gauges(rows: Sequence[MeasureRow]) -> list[Sequence[float]]:
    readings = [row.gauge or (0.0, 0.0, 0.0) for row in rows]
    columns: list[Sequence[float]] = [[reading[part] for reading in readings] for part in range(3)]
    counts = [float(max(row.count, 1)) if row.gauge else 0.0 for row in rows]
    return [*columns, counts, [float(row.start_ms) for row in rows]]


def _added(terms: Sequence[Term], measure: str, row: MeasureRow) -> float:
    return sum((_part(term, row) for term in terms if term.measure == measure), 0.0)


def _part(term: Term, row: MeasureRow) -> float:
    if term.part == "total":
        return term.sign * row.total
    if term.part == "count":
        return term.sign * (sum(row.buckets) if row.buckets else row.count)
    return term.sign * sum(row.buckets[: load_vocabulary().wait_bounds_s.index(term.bound_s) + 1])


def add(tallies: Iterable[Tally], size: int) -> Tally:
    return tuple(math.fsum(column) for column in zip(*tallies, strict=True)) or (0.0,) * size


def joined(metric: Metric, tallies: Iterable[Tally]) -> Tally:
    """One tally of many: sums, or of a gauge the extremes, and the last where several are last the worse one."""
    if not metric.is_gauge:
        return add(tallies, width(metric))
    read = [tally for tally in tallies if tally[3] > 0]
    if not read:
        return (0.0,) * width(metric)
    lows, highs, lasts, counts, starts = zip(*read, strict=True)
    newest = max(starts)
    if starts.count(newest) == 1:
        worse = lasts[starts.index(newest)]
    else:
        worse = (min if metric.better == "up" else max)(tally[2] for tally in read if tally[4] == newest)
    return (min(lows), max(highs), worse, math.fsum(counts), newest)


def apart(tally: Tally) -> Tally:
    """Of a gap: as far from what it is compared with, but always above it."""
    return (tally[1] + abs(tally[0] - tally[1]), tally[1])


def sample_of(metric: Metric, tally: Tally) -> int:
    """The denominator: waits, readings, what was drawn, what is divided by; of a gap the larger side."""
    if metric.formula == "percentile":
        return round(sum(tally))
    if metric.formula == "chi2_p":
        return round(sum(tally[::2]))
    if metric.is_gauge:
        return round(tally[3])
    if metric.formula == "gap":
        return round(max(tally))
    if metric.formula == "count":
        return max(round(tally[0]), 0)  # of a difference, none where the other side is the larger one
    return round(tally[1])


def value_of(metric: Metric, tally: Tally) -> float | None:
    """None where there is nothing to divide by."""
    if metric.formula == "count":
        return metric.scale * tally[0]
    if metric.formula == "percentile":
        return _percentile(tally, metric.percentile)
    if metric.formula == "chi2_p":
        return sample_p(list(zip(tally[::2], tally[1::2], strict=True)))
    if metric.is_gauge:
        low, high = ends_of(metric, tally)
        return None if tally[3] <= 0 else tally[2] if low != high else low
    if tally[1] <= 0:
        return FROM_NOTHING if metric.formula == "gap" and tally[0] > 0 else None
    over = abs(tally[0] - tally[1]) if metric.formula == "gap" else tally[0]
    return metric.scale * over / tally[1]


def ends_of(metric: Metric, tally: Tally) -> tuple[float, float]:
    """What of a gauge is compared: of a range both ends, else one of them twice."""
    if metric.formula == "range":
        return tally[0], tally[1]
    place = ("min", "max", "last").index(metric.formula)
    return tally[place], tally[place]


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
