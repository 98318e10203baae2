import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_proto.histogram import BUCKETS, WAIT_BOUNDS_S, bucket_of, percentile_bracket, within


def histogram(waits: list[int]) -> list[int]:
    buckets = [0] * BUCKETS
    for wait in waits:
        buckets[bucket_of(wait)] += 1
    return buckets


@given(st.lists(st.integers(0, 5000)), st.sampled_from(WAIT_BOUNDS_S))
def test_within_a_bound_counts_waits_up_to_and_including_it(waits: list[int], bound: int) -> None:
    assert within(histogram(waits), bound) == sum(wait <= bound for wait in waits)


@given(st.lists(st.integers(0, 5000), min_size=1), st.integers(1, 100))
def test_the_nearest_rank_percentile_lies_in_its_bracket(waits: list[int], percent: int) -> None:
    exact = sorted(waits)[-(-len(waits) * percent // 100) - 1]
    above, up_to = percentile_bracket(histogram(waits), percent)
    assert above < exact <= up_to or (above == 0 and exact == 0)


def test_what_is_no_bound_no_wait_or_no_histogram_is_refused() -> None:
    with pytest.raises(ValueError, match="not a histogram bound"):
        within([0] * BUCKETS, 19)
    with pytest.raises(ValueError, match="negative"):
        bucket_of(-1)
    with pytest.raises(ValueError, match="at least one wait"):
        percentile_bracket([0] * BUCKETS, 90)
