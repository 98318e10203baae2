import itertools

from hypothesis import given
from hypothesis import strategies as st

from ccmm_collector.holes import Chains, forks
from ccmm_proto.chain import MAX_AHEAD_MS
from ccmm_rules.evidence import Hole


def chains(*links: tuple[int, int], claims: tuple[int, int] = (0, 0)) -> Chains:
    """Statements by (epoch, sequence), created at 1000 x epoch + 10 x sequence + 10."""
    found = Chains()
    for epoch, sequence in links:
        claimed = claims if sequence == 0 and epoch else (0, 0)
        found.add(("pbx", epoch, sequence, 1000 * epoch + 10 * sequence + 10, *claimed))
    return found


def test_a_whole_chain_has_no_hole() -> None:
    assert chains((0, 0), (0, 1), (0, 2)).holes() == []


def test_a_missing_number_is_a_hole_between_its_neighbours() -> None:
    assert chains((0, 0), (0, 1), (0, 4)).holes() == [Hole(agent="pbx", from_ms=20, to_ms=50)]


def test_a_chain_that_does_not_begin_at_zero_lacks_its_beginning() -> None:
    assert chains((0, 3)).holes() == [Hole(agent="pbx", from_ms=0, to_ms=40)]


@given(st.permutations(range(7)), st.sets(st.integers(0, 6)))
def test_holes_do_not_depend_on_the_order_of_arrival(order: list[int], missing: set[int]) -> None:
    kept = [number for number in order if number not in missing]
    assert chains(*((0, n) for n in kept)).holes() == chains(*((0, n) for n in sorted(kept))).holes()


def test_a_clock_set_back_behind_a_missing_statement_hides_no_hole() -> None:
    found = Chains()
    for sequence, created_ms in ((0, 9000), (2, 1)):
        found.add(("pbx", 0, sequence, created_ms, 0, 0))
    assert found.holes() == [Hole(agent="pbx", from_ms=9000, to_ms=9001 + MAX_AHEAD_MS)]


def test_a_late_statement_closes_its_hole() -> None:
    assert chains((0, 0), (0, 2), (0, 1), (0, 1)).holes() == []


def test_an_honest_restore_is_no_hole() -> None:
    assert chains((0, 0), (0, 1), (1, 0), claims=(0, 2)).holes() == []


def test_a_receipt_for_a_number_that_is_not_here_is_a_hole() -> None:
    assert chains((0, 0), (0, 1), (1, 0), claims=(0, 5)).holes() == [Hole(agent="pbx", from_ms=20, to_ms=1010)]


def test_a_skipped_epoch_is_a_hole() -> None:
    assert chains((0, 0), (2, 0)).holes() == [Hole(agent="pbx", from_ms=10, to_ms=2010)]


def test_a_fork_disputes_the_time_between_the_neighbours() -> None:
    whole = chains((0, 0), (0, 1), (0, 2))
    created = {("pbx", 0, n): 10 * n + 10 for n in range(3)}
    assert forks(whole, created, [("pbx", 0, 1)]) == [Hole(agent="pbx", from_ms=10, to_ms=30, disputed=True)]


def test_a_fork_at_the_head_disputes_up_to_the_statement_that_is_there() -> None:
    whole = chains((0, 0), (0, 1))
    created = {("pbx", 0, n): 10 * n + 10 for n in range(2)}
    assert forks(whole, created, [("pbx", 0, 1)]) == [Hole(agent="pbx", from_ms=10, to_ms=20, disputed=True)]


def test_every_missing_set_gives_one_hole_for_each_run_of_missing_numbers() -> None:
    for missing in itertools.chain.from_iterable(itertools.combinations(range(5), n) for n in range(5)):
        kept = [n for n in range(6) if n not in missing]
        runs = sum(1 for n in missing if n == 0 or n - 1 not in missing)
        assert len(chains(*((0, n) for n in kept)).holes()) == runs
