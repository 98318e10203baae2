import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_proto.histogram import BUCKETS, WAIT_BOUNDS_S, bucket_of, within


def histogram(waits: list[int]) -> list[int]:
    buckets = [0] * BUCKETS
    for wait in waits:
        buckets[bucket_of(wait)] += 1
    return buckets


@given(st.lists(st.integers(0, 5000)), st.sampled_from(WAIT_BOUNDS_S))
def test_within_a_bound_counts_waits_up_to_and_including_it(waits: list[int], bound: int) -> None:
    assert within(histogram(waits), bound) == sum(wait <= bound for wait in waits)


def test_what_is_no_bound_or_no_wait_is_refused() -> None:
    with pytest.raises(ValueError, match="not a histogram bound"):
        within([0] * BUCKETS, 19)
    with pytest.raises(ValueError, match="negative"):
        bucket_of(-1)
