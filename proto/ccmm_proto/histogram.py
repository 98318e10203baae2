"""Wait histograms: a bucket counts waits up to and including its bound; nothing is rounded (FORMATS §5)."""

from collections.abc import Sequence

WAIT_BOUNDS_S = (2, 5, 10, 15, 20, 25, 30, 45, 60, 90, 120, 180, 240, 300, 600, 1800)
BUCKETS = len(WAIT_BOUNDS_S) + 1  # the last one counts what is above every bound


def bucket_of(seconds: float) -> int:
    """Index of the bucket that counts this wait; raises ValueError for a negative one."""
    if seconds < 0:
        raise ValueError(f"a wait of {seconds} s is negative")
    for index, bound in enumerate(WAIT_BOUNDS_S):
        if seconds <= bound:
            return index
    return BUCKETS - 1


def within(buckets: Sequence[int], bound_s: int) -> int:
    """How many waits were at most `bound_s`; raises ValueError where that is not a bound."""
    if bound_s not in WAIT_BOUNDS_S:
        raise ValueError(f"{bound_s} s is not a histogram bound; bounds are {WAIT_BOUNDS_S}")
    return sum(buckets[: WAIT_BOUNDS_S.index(bound_s) + 1])


def percentile_bracket(buckets: Sequence[int], percent: float) -> tuple[float, float]:
    """Between which bounds the nearest-rank percentile lies: (above, up to), inf above the last bound.

    Raises ValueError for an empty histogram or a percent outside 0 < percent <= 100.
    """
    total = sum(buckets)
    if total == 0 or not 0 < percent <= 100:
        raise ValueError("a percentile needs at least one wait and 0 < percent <= 100")
    rank = -(-total * percent // 100)
    seen = 0
    bounds = (0.0, *map(float, WAIT_BOUNDS_S), float("inf"))
    for index, count in enumerate(buckets):
        seen += count
        if seen >= rank:
            return bounds[index], bounds[index + 1]
    raise ValueError("counts of a histogram are not negative")
