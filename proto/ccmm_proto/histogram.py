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
