"""Whether values in time rise, and which stand out: the exact Mann-Kendall test and the limits of an XmR chart.

>>> p_rising([91.0, 92.0, 93.5, 94.0])      # four points reach p < 0.05 only if strictly rising: 1 of 24 orders
0.041666666666666664
>>> signals([10.0, 11.0, 10.0, 11.0, 30.0, 10.0, 11.0, 10.0, 11.0, 10.0])
[4]
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, combinations, pairwise

EXACT_POINTS = 60  # beyond it the normal approximation stands in for the count of orders
XMR = 2.66  # 3 / d2 for ranges of two points (Shewhart; Wheeler): natural process limits round the mean
_D2 = 1.128
_DIGITS = 9  # values that differ less are tied
TINY = 1e-9
LEAST_POINTS = 8  # of a chart: fewer give no limits worth the name


def p_rising(values: Sequence[float]) -> float:
    """Chance of at least so much rise if all orders of these same values, ties kept, were equally likely."""
    return _tail(_score(values), _ties(values))


def p_falling(values: Sequence[float]) -> float:
    return _tail(-_score(values), _ties(values))


def _score(values: Sequence[float]) -> int:
    """Kendall's S: pairs that rise less pairs that fall; a tie adds nothing."""
    pairs = combinations([round(value, _DIGITS) for value in values], 2)
    return sum((late > early) - (late < early) for early, late in pairs)


def _ties(values: Sequence[float]) -> tuple[int, ...]:
    """How many values share each place, largest group first."""
    return tuple(sorted(Counter(round(value, _DIGITS) for value in values).values(), reverse=True))


def _tail(score: int, ties: tuple[int, ...]) -> float:
    count = sum(ties)
    if count < 2:
        return 1.0
    if count > EXACT_POINTS:
        return _approximate(score, ties)
    below = _orders(ties)
    untied = len(below) - 1  # pairs that can rise or fall: S = untied - 2 * falling pairs
    falling = (untied - score) // 2
    return below[falling] / below[-1] if falling >= 0 else 0.0


@lru_cache(maxsize=1024)
def _orders(ties: tuple[int, ...]) -> tuple[int, ...]:
    """How many orders have at most 0, 1, 2 ... falling pairs.

    The orders of a multiset by falling pairs are the Gaussian multinomial (MacMahon 1916): the product of
    1 + q + ... + q^(i-1) over all i up to n, divided by the same product of each tied group.
    """
    counts = [1]
    for size in range(2, sum(ties) + 1):
        sums = [0, *accumulate(counts + [0] * (size - 1))]
        counts = [sums[at + 1] - sums[max(at + 1 - size, 0)] for at in range(len(sums) - 1)]
    for size in [size for tied in ties for size in range(2, tied + 1)]:
        counts = _divided(counts, size)
    return tuple(accumulate(counts))


def _divided(counts: list[int], size: int) -> list[int]:
    """Without the factor 1 + q + ... + q^(size-1)."""
    found: list[int] = []
    for at in range(len(counts) - size + 1):
        step = counts[at] - (counts[at - 1] if at else 0)
        found.append(step + (found[at - size] if at >= size else 0))
    return found


def _approximate(score: int, ties: tuple[int, ...]) -> float:
    """Normal, corrected for ties and continuity (Kendall 1975)."""
    n = sum(ties)
    variance = (n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in ties)) / 18
    if variance <= 0:
        return 1.0
    return math.erfc((score - 1) / math.sqrt(2 * variance)) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Natural process limits of an XmR chart over all its points; `sigma` is one third of the way to a limit."""

    mean: float
    sigma: float

    def is_signal(self, value: float) -> bool:
        return abs(value - self.mean) > XMR * _D2 * self.sigma + TINY


def chart_of(values: Sequence[float]) -> Chart:
    """`values` oldest first, not empty."""
    ranges = [abs(late - early) for early, late in pairwise(values)]
    mean_range = math.fsum(ranges) / len(ranges) if ranges else 0.0
    return Chart(mean=math.fsum(values) / len(values), sigma=mean_range / _D2)


def signals(values: Sequence[float]) -> list[int]:
    """Places of the points beyond the limits."""
    if not values:
        return []
    chart = chart_of(values)
    return [at for at, value in enumerate(values) if chart.is_signal(value)]
