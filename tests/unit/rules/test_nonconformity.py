from dataclasses import replace

import pytest

from ccmm_rules.model import Outcome, Rule
from ccmm_rules.nonconformity import nonconformity
from tests.unit.rules.examples import example_pack

BAD, GONE, ASIDE, FINE = Outcome.NOT_SATISFIED, Outcome.MISSING, Outcome.WAIVED, Outcome.SATISFIED
OPEN, OUT = Outcome.INCONCLUSIVE, Outcome.NOT_APPLICABLE
GRACE = 1000


def rule(*, gate: bool = False) -> Rule:
    return replace(example_pack().rules["M-KPI-02"], gate=gate, grace_ms=GRACE)


def test_it_opens_when_the_grace_is_over_and_not_before() -> None:
    assert nonconformity(rule(), [(0, FINE), (500, BAD)], 500 + GRACE) is None
    found = nonconformity(rule(), [(0, FINE), (500, BAD)], 501 + GRACE)
    assert found is not None
    assert (found.rule, found.grade, found.since_ms, found.opened_ms) == ("M-KPI-02", "minor", 500, 1500)


def test_a_gate_makes_it_major() -> None:
    found = nonconformity(rule(gate=True), [(0, BAD)], GRACE + 1)
    assert found is not None
    assert found.grade == "major"


@pytest.mark.parametrize("silence", [GONE, OPEN])
def test_silence_neither_ends_it_nor_begins_it(silence: Outcome) -> None:
    found = nonconformity(rule(), [(0, BAD), (10, silence)], 5000)
    assert found is not None
    assert found.since_ms == 0
    assert nonconformity(rule(), [(0, silence)], 5000) is None


def test_only_satisfied_ends_it_and_what_comes_later_counts_from_then() -> None:
    history = [(0, BAD), (100, FINE), (4000, BAD)]
    assert nonconformity(rule(), history, 4500) is None
    found = nonconformity(rule(), history, 6000)
    assert found is not None
    assert found.since_ms == 4000


@pytest.mark.parametrize("aside", [ASIDE, OUT])
def test_a_waiver_or_another_scope_sets_it_aside_and_stops_no_clock(aside: Outcome) -> None:
    assert nonconformity(rule(), [(0, BAD), (100, aside)], 5000) is None
    found = nonconformity(rule(), [(0, BAD), (100, aside), (5000, BAD)], 5001)
    assert found is not None
    assert found.since_ms == 0


def test_what_happened_after_the_instant_is_not_known_at_it() -> None:
    assert nonconformity(rule(), [(0, BAD), (9000, FINE)], 5000) is not None
    assert nonconformity(rule(), [(0, BAD), (5000, FINE)], 5000) is None
    assert nonconformity(rule(), [(6000, BAD)], 5000) is None
    assert nonconformity(rule(), [], 5000) is None
