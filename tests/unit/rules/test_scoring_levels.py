"""The way to the next level: the sentence, the shortest choice of rules, waivers, and the same for every small pack."""

import json
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmm_rules.level import level_json, level_of
from ccmm_rules.memory import MemoryEvidence
from ccmm_rules.model import Outcome, Pack
from ccmm_rules.scoring.cumulative import obstacles_to
from ccmm_rules.scoring.result import LevelResult
from ccmm_rules.standard import LevelNumbers
from tests.unit.rules.test_judge import found, level_pack

BAD, GONE, ASIDE, FINE = Outcome.NOT_SATISFIED, Outcome.MISSING, Outcome.WAIVED, Outcome.SATISFIED


def reached(outcomes: dict[str, Outcome], backfill: float = 0.0) -> LevelResult:
    pack = level_pack()
    return level_of(pack, found(pack, outcomes, backfill), MemoryEvidence([], {}), 0)


def test_a_level_says_how_many_rules_are_left_in_both_languages() -> None:
    one = reached({"M-AAA-01": BAD})
    assert one.sentence == {"en": "1 rule from L2", "zh": "距 L2 还差 1 条规则"}
    assert (one.distance, one.path, one.standing) == (1, ("M-AAA-01",), "L1")
    all_open = reached(dict.fromkeys(level_pack().rules, BAD))
    assert all_open.sentence["en"] == "1 rule from L1"
    assert (all_open.path, all_open.standing) == (("D-AAA-01",), "none")
    top = reached({})
    assert (top.sentence, top.distance, top.path) == ({"en": "L5 is the highest level", "zh": "L5 为最高等级"}, 0, ())


def test_two_rules_are_two_rules() -> None:
    pack = level_pack()
    assert isinstance(pack.scoring, LevelNumbers)
    strict = replace(pack, scoring=replace(pack.scoring, min_pass_share=1.0))
    outcomes = {"D-AAA-01": BAD, "D-AAA-02": BAD}
    result = level_of(strict, found(strict, outcomes), MemoryEvidence([], {}), 0)
    assert result.sentence == {"en": "2 rules from L1", "zh": "距 L1 还差 2 条规则"}
    assert result.path == ("D-AAA-01", "D-AAA-02")  # the gate first


def test_a_level_that_only_late_evidence_holds_down_names_no_rule() -> None:
    result = reached({}, backfill=0.7)
    assert [obstacle.condition for obstacle in result.held_down_by] == ["backfill"]
    assert (result.distance, result.path) == (0, ())
    assert result.sentence["en"] == "no rule is open for L1, it waits for evidence"
    assert result.sentence["zh"] == "L1 无待改进规则，尚待证据"


def waived_on_evidence(rule: str) -> LevelResult:
    """Set aside although something is known."""
    pack = level_pack()
    verdicts = found(pack, {rule: ASIDE})
    return level_of(pack, verdicts | {rule: replace(verdicts[rule], blamed="")}, MemoryEvidence([], {}), 0)


def test_a_waived_rule_lowers_the_share_of_passed_rules_and_not_that_of_fresh_ones() -> None:
    waived = waived_on_evidence("D-AAA-02")
    assert (waived.level, waived.held_down_by) == (5, ())
    assert waived.shares[1] == 0.5
    assert [obstacle.condition for obstacle in reached({"D-AAA-02": GONE}).held_down_by] == ["fresh_share"]
    assert [obstacle.condition for obstacle in waived_on_evidence("D-AAA-01").held_down_by] == ["gate"]


def test_a_waiver_makes_silence_no_fresher() -> None:
    silent, missing = reached({"D-AAA-02": ASIDE}), reached({"D-AAA-02": GONE})  # both rest on a read that is missing
    assert [obstacle.condition for obstacle in silent.held_down_by] == ["fresh_share"]
    assert (silent.level, silent.coverage, silent.path) == (missing.level, missing.coverage, missing.path)


def test_the_json_of_a_level_keeps_its_keys_and_names_its_model() -> None:
    told = json.loads(level_json(reached({"M-AAA-01": BAD})))
    assert {"level", "next_level", "provisional", "backfill_percent", "coverage", "shares"} <= set(told)
    assert (told["level"], told["next_level"]) == (1, 2)
    assert (told["model"], told["claims_certificate"], told["score"]) == ("cumulative_levels", False, None)
    assert told["held_down_by"] == [{"condition": "dimension_share", "found": 0.0, "needed": 0.4, "subject": "M"}]
    assert told["next_level_gaps"][0]["rule"] == "M-AAA-01"


def reaches(pack: Pack, outcomes: dict[str, Outcome], mended: tuple[str, ...], level: int) -> bool:
    assert isinstance(pack.scoring, LevelNumbers)
    verdicts = found(pack, {**outcomes, **dict.fromkeys(mended, FINE)})
    return not obstacles_to(pack, pack.scoring, verdicts, level)


def test_what_fails_at_the_highest_level_only_leaves_one_level_to_reach() -> None:
    pack = level_pack()
    verdicts = found(pack, {})
    gate = verdicts["D-AAA-01"]
    verdicts["D-AAA-01"] = replace(gate, outcomes={**gate.outcomes, 5: BAD})
    result = level_of(pack, verdicts, MemoryEvidence([], {}), 0)
    assert (result.level, result.next_level, result.sentence["en"]) == (4, 5, "1 rule from L5")
    (obstacle,) = result.held_down_by
    assert (obstacle.condition, obstacle.subject, obstacle.found, obstacle.needed) == ("gate", "D-AAA-01", 0.0, 1.0)


def test_gates_come_first_among_what_is_to_be_mended() -> None:
    pack = level_pack()
    rules = dict(pack.rules) | {"M-AAA-01": replace(pack.rules["M-AAA-01"], gate=True)}
    pack = replace(pack, rules=rules)
    result = level_of(pack, found(pack, {"D-AAA-02": BAD, "M-AAA-01": BAD}), MemoryEvidence([], {}), 0)
    assert [gap.rule for gap in result.next_level_gaps] == ["M-AAA-01", "D-AAA-02"]


def test_backfill_up_to_the_share_counts_and_a_level_not_reached_tells_that_of_the_first() -> None:
    assert reached({}, backfill=0.6).level == 5
    pack = level_pack()
    verdicts = found(pack, {"D-AAA-01": BAD})
    verdicts["D-AAA-02"] = replace(verdicts["D-AAA-02"], backfill_share=0.5)
    result = level_of(pack, verdicts, MemoryEvidence([], {}), 0)
    assert (result.level, result.provisional, result.backfill_percent) == (0, False, 50)


def test_a_level_without_any_rule_is_not_reached() -> None:
    pack = level_pack()
    pack = replace(pack, rules={name: rule for name, rule in pack.rules.items() if rule.level > 1})
    result = level_of(pack, found(pack, {}), MemoryEvidence([], {}), 0)
    (obstacle,) = result.held_down_by
    assert (result.level, obstacle.condition, obstacle.found, obstacle.needed) == (0, "pass_share", 0.0, 0.5)


@pytest.mark.parametrize(
    ("outcomes", "shares", "level", "way"),
    [
        # One more must pass and all must be fresh: the silent one serves both.
        ({"M-AAA-01": BAD, "M-AAA-02": GONE}, (0.6, 0.0, 1.0), 2, ("M-AAA-02",)),
        # The gate is not enough: the other silent one is needed too.
        ({"D-AAA-01": GONE, "D-AAA-02": GONE}, (0.5, 0.0, 1.0), 0, ("D-AAA-01", "D-AAA-02")),
        # Enough is fresh already, so the silent one may stay silent.
        ({"D-AAA-02": GONE, "M-AAA-01": BAD}, (0.5, 0.4, 0.5), 1, ("M-AAA-01",)),
    ],
)
def test_the_way_takes_silent_rules_first_and_only_as_many_as_it_needs(
    outcomes: dict[str, Outcome], shares: tuple[float, float, float], level: int, way: tuple[str, ...]
) -> None:
    pack = level_pack()
    assert isinstance(pack.scoring, LevelNumbers)
    numbers = replace(pack.scoring, min_pass_share=shares[0], min_dimension_share=shares[1], min_fresh_share=shares[2])
    pack = replace(pack, scoring=numbers)
    result = level_of(pack, found(pack, outcomes), MemoryEvidence([], {}), 0)
    assert (result.level, result.path) == (level, way)


SHARES = st.sampled_from((0.0, 0.3, 0.5, 0.75, 0.9, 1.0))


@settings(max_examples=80, deadline=None)
@given(
    st.fixed_dictionaries({name: st.sampled_from((FINE, BAD, GONE, ASIDE)) for name in level_pack().rules}),
    st.tuples(SHARES, SHARES, SHARES),
)
def test_the_way_leads_to_the_next_level_and_no_shorter_one_does(
    outcomes: dict[str, Outcome], shares: tuple[float, float, float]
) -> None:
    pack = level_pack()
    assert isinstance(pack.scoring, LevelNumbers)
    numbers = replace(pack.scoring, min_pass_share=shares[0], min_dimension_share=shares[1], min_fresh_share=shares[2])
    pack = replace(pack, scoring=numbers)
    result = level_of(pack, found(pack, outcomes), MemoryEvidence([], {}), 0)
    if result.next_level is None:
        assert result.path == ()
        return
    assert reaches(pack, outcomes, result.path, result.next_level)
    for fewer in range(len(result.path)):
        for others in combinations(pack.rules, fewer):
            assert not reaches(pack, outcomes, others, result.next_level)
