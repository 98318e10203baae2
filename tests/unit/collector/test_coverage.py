from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ccmm_collector.coverage import Coverage, RunRow, merge, subtract
from ccmm_proto.period import DAY_MS, HOUR_MS
from ccmm_rules.evidence import Span

spans = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: Span(min(pair), max(pair)))


def merged(parts: list[Span]) -> list[Span]:
    found: list[Span] = []
    for span in parts:
        merge(found, span)
    return found


def points(parts: list[Span]) -> set[int]:
    return {point for span in parts for point in range(span.from_ms, span.to_ms)}


@given(st.lists(spans), st.lists(spans))
def test_merged_spans_are_sorted_apart_and_hold_the_same_points(covered: list[Span], holes: list[Span]) -> None:
    whole = merged(covered)
    assert points(whole) == points(covered)
    assert all(a.to_ms < b.from_ms for a, b in pairwise(whole))
    assert points(subtract(whole, merged(holes))) == points(covered) - points(holes)


def row(ord_: int, from_ms: int, to_ms: int, recorded_ms: int) -> RunRow:
    return (ord_, ord_, recorded_ms, "asterisk", 1, "", to_ms, from_ms, to_ms, 900, '["calls_offered"]')


def test_what_was_recorded_two_days_after_its_end_is_backfilled() -> None:
    coverage = Coverage()
    coverage.add(row(0, 0, 30 * DAY_MS, 30 * DAY_MS + HOUR_MS))
    facts = coverage.facts("pbx", "queue")
    assert facts.covered == (Span(0, 30 * DAY_MS),)
    assert facts.backfilled == (Span(0, 28 * DAY_MS + HOUR_MS),)


def test_what_was_vouched_for_in_time_stays_timely_when_it_is_read_again() -> None:
    coverage = Coverage()
    coverage.add(row(0, 0, DAY_MS, DAY_MS))
    coverage.add(row(1, 0, 10 * DAY_MS, 10 * DAY_MS))
    assert coverage.facts("pbx", "queue").backfilled == (Span(DAY_MS, 8 * DAY_MS),)


def test_the_newest_run_is_the_one_last_due() -> None:
    coverage = Coverage()
    coverage.add((5, 9, 0, "asterisk", 3, "unreachable", 900, None, None, 900, "[]"))
    coverage.add((7, 10, 0, "asterisk", 2, "", 600, 0, 600, 300, "[]"))
    facts = coverage.facts("pbx", "queue")
    assert (facts.newest_outcome, facts.newest_reason, facts.every_s, facts.log_index) == (
        "UNAVAILABLE",
        "unreachable",
        900,
        10,
    )
