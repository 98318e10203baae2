"""Vectors of the scoring models without levels: every edge, and what silence and secrecy do to them."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmm_rules.level import level_json, level_of
from ccmm_rules.memory import MemoryEvidence
from ccmm_rules.model import Outcome
from ccmm_rules.scoring.items import cure_until, standing_of
from ccmm_rules.scoring.result import ConformityScore, ItemScore, StarScore, ThresholdScore
from ccmm_rules.standard import ItemNumbers
from tests.unit.rules.scored import CONFORMITY, ITEMS, STARS, THRESHOLDS, control, result_of, scored_pack, verdicts_on

BAD, GONE, OPEN, ASIDE, OUT = (
    Outcome.NOT_SATISFIED,
    Outcome.MISSING,
    Outcome.INCONCLUSIVE,
    Outcome.WAIVED,
    Outcome.NOT_APPLICABLE,
)
COPC = ItemNumbers(
    model="item_count_with_cure",
    items_total=34,
    certified_at=34,
    short_cure_from=28,
    short_cure_days=90,
    long_cure_months=18,
)


@pytest.mark.parametrize(
    ("points", "standing"),
    [
        (0.01, "fail"),
        (59.99, "fail"),
        (60.0, "plain"),
        (69.99, "plain"),
        (70.0, "four"),
        (84.99, "four"),
        (85.0, "five"),
        (99.99, "five"),
    ],
)
def test_points_give_stars_from_each_edge_on(points: float, standing: str) -> None:
    weights = [control(1, weight=points), control(2, weight=round(100 - points, 2))]
    result = result_of(scored_pack(STARS.replace("TOTAL", "2"), weights, 2), {2: BAD})
    assert isinstance(result.score, StarScore)
    assert result.score.points == pytest.approx(points)
    assert (result.standing, result.level, result.model) == (standing, None, "points_to_stars")


def test_seven_equal_items_of_ten_stand_on_the_edge_and_count() -> None:
    pack = scored_pack(STARS.replace("TOTAL", "10"), [control(number) for number in range(1, 11)], 10)
    assert result_of(pack, dict.fromkeys((1, 2, 3), BAD)).standing == "four"
    assert result_of(pack, dict.fromkeys((1, 2, 3, 4), BAD)).standing == "plain"


def test_the_way_to_the_next_band_takes_the_heaviest_items_first() -> None:
    weights = [control(1, weight=60), control(2, weight=9.5), control(3, weight=20.5), control(4, weight=10)]
    pack = scored_pack(STARS.replace("TOTAL", "4"), weights, 4)
    result = result_of(pack, dict.fromkeys((2, 3, 4), BAD))
    assert (result.distance, result.path) == (1, ("c3",))
    assert result.sentence["en"] == "60.00 of 100 points: no star; 1 item from four stars"
    assert result.sentence["zh"] == "60.00 分（满分 100）：无星级；距四星级还差 1 个条目"
    top = result_of(pack)
    assert (top.distance, top.path, top.held_down_by, top.next_level_gaps) == (0, (), (), ())
    assert top.sentence["en"] == "100.00 of 100 points: five stars"


def test_items_that_are_not_public_count_as_missing_and_are_told() -> None:
    controls = [control(1), control(2, unpublished=True, items=9), control(3, [2], items=0)]
    result = result_of(scored_pack(STARS.replace("TOTAL", "10"), controls, 2))
    assert isinstance(result.score, StarScore)
    assert (result.score.points, result.score.items_passed, result.unpublished) == (10.0, 1, 9)
    assert (result.standing, result.claims_certificate) == ("fail", False)
    assert "; 9 items not public, taken as missing" in result.sentence["en"]
    assert "其中 9 项原文未公开，按缺失计" in result.sentence["zh"]
    assert result.path == ()  # what is not public cannot be mended
    assert result.distance == 5


def test_an_item_outside_the_scope_leaves_the_points_but_is_no_item_passed() -> None:
    pack = scored_pack(STARS.replace("TOTAL", "2"), [control(1), control(2)], 2)
    result = result_of(pack, {2: OUT})
    assert isinstance(result.score, StarScore)
    assert (result.score.points, result.score.items_passed) == (100.0, 1)
    outside = result_of(pack, otherwise=OUT)
    assert isinstance(outside.score, StarScore)
    assert (outside.standing, outside.score.points) == ("fail", 0.0)


@pytest.mark.parametrize(
    ("passed", "standing"),
    [
        (0, "cure_long"),
        (27, "cure_long"),
        (28, "cure_short"),
        (33, "cure_short"),
        (34, "certifiable"),
    ],
)
def test_items_passed_decide_between_certificate_and_two_cures(passed: int, standing: str) -> None:
    pack = scored_pack(ITEMS.replace("TOTAL", "34"), [control(number) for number in range(1, 35)], 34)
    result = result_of(pack, dict.fromkeys(range(passed + 1, 35), BAD))
    assert isinstance(result.score, ItemScore)
    assert (result.standing, result.score.items_passed, result.distance) == (standing, passed, 34 - passed)
    assert standing_of(COPC, passed) == standing
    assert len(result.path) == 34 - passed
    cure = {"cure_long": (None, 18), "cure_short": (90, None), "certifiable": (None, None)}[standing]
    assert (result.score.cure_days, result.score.cure_months) == cure


def test_the_last_day_of_a_cure_is_told() -> None:
    pack = scored_pack(ITEMS.replace("TOTAL", "34"), [control(number) for number in range(1, 35)], 34)
    at_ms = int(datetime(2026, 8, 31, 23, 0, tzinfo=UTC).timestamp() * 1000)
    short = result_of(pack, {1: BAD}, at_ms=at_ms)
    assert short.sentence["en"] == "33 of 34 items met; 90 days to cure the rest, until 2026-11-29"
    assert short.sentence["zh"] == "34 项中满足 33 项；其余须在 90 天内改进，至 2026-11-29"
    long = result_of(pack, otherwise=GONE, at_ms=at_ms)
    assert isinstance(long.score, ItemScore)
    assert long.score.cure_until == "2028-02-29"
    assert "18 months to cure the rest, until 2028-02-29" in long.sentence["en"]
    december = cure_until(COPC, "cure_long", datetime(2026, 6, 15, tzinfo=UTC).date())
    assert str(december) == "2027-12-15"
    assert cure_until(COPC, "certifiable", datetime(2026, 6, 15, tzinfo=UTC).date()) is None


def test_an_item_outside_the_scope_does_not_count_as_passed() -> None:
    pack = scored_pack(ITEMS.replace("TOTAL", "34"), [control(number) for number in range(1, 35)], 34)
    assert result_of(pack, {1: OUT}).standing == "cure_short"


@pytest.mark.parametrize("outcome", [GONE, OPEN, ASIDE])
def test_a_clause_without_proof_conforms_in_nothing(outcome: Outcome) -> None:
    pack = scored_pack(CONFORMITY, [control(1), control(2)], 2)
    result = result_of(pack, {2: outcome})
    assert isinstance(result.score, ConformityScore)
    assert (result.standing, result.score.conform, result.score.undecided) == ("undecided", ("c1",), ("c2",))


@pytest.mark.parametrize(
    ("failing", "standing"),
    [((), "conform"), ((2,), "minor"), ((2, 3), "minor"), ((2, 3, 4), "major"), ((1,), "major")],
)
def test_a_clause_fails_in_a_major_way_by_a_gate_or_by_more_than_half(failing: tuple[int, ...], standing: str) -> None:
    pack = scored_pack(CONFORMITY, [control(1, [1, 2, 3, 4])], 4, gates=[1])
    result = result_of(pack, dict.fromkeys(failing, BAD))
    assert result.standing == standing
    assert isinstance(result.score, ConformityScore)
    assert (result.score.cycle_months, result.score.surveillance_months) == (36, (12, 24))


def test_rules_outside_the_scope_are_no_part_of_the_half() -> None:
    pack = scored_pack(CONFORMITY, [control(1, [1, 2, 3])], 3)
    assert result_of(pack, {1: BAD}).standing == "minor"
    assert result_of(pack, {1: BAD, 2: OUT, 3: OUT}).standing == "major"
    assert result_of(pack, otherwise=OUT).standing == "undecided"


def test_bad_news_of_a_clause_is_not_hidden_by_what_is_missing() -> None:
    pack = scored_pack(CONFORMITY, [control(1, [1, 2]), control(2, untested=True), control(3, unpublished=True)], 2)
    result = result_of(pack, {1: BAD, 2: GONE})
    assert isinstance(result.score, ConformityScore)
    assert (result.standing, result.score.minor, result.score.undecided) == ("undecided", ("c1",), ("c2", "c3"))
    assert result.sentence["en"] == (
        "clauses: 0 conform, 0 major, 1 minor, 2 undecided; 1 item not public, taken as missing; "
        "1 item without a rule, taken as missing"
    )
    assert (result.distance, result.path) == (3, ("c1",))
    assert [gap.rule for gap in result.next_level_gaps] == ["ABC-ITM-01", "ABC-ITM-02"]
    assert [obstacle.subject for obstacle in result.held_down_by] == ["c1", "c2", "c3"]


def test_every_limit_of_a_table_must_be_met_and_advice_decides_nothing() -> None:
    pack = scored_pack(THRESHOLDS, [control(1), control(2), control(3, binding=False), control(4)], 4)
    done = result_of(pack)
    assert isinstance(done.score, ThresholdScore)
    assert (done.standing, done.score.advice, done.distance) == ("met", (), 0)
    missed = result_of(pack, {1: BAD, 2: GONE})
    assert isinstance(missed.score, ThresholdScore)
    assert (missed.standing, missed.score.not_met, missed.score.undecided) == ("not_met", ("c1",), ("c2",))
    assert (missed.distance, missed.score.met, missed.path) == (2, ("c4",), ("c2", "c1"))
    assert missed.sentence["en"] == "1 of 3 limits met, 1 not met, 1 undecided"
    assert missed.sentence["zh"] == "3 项限值中满足 1 项，不满足 1 项，无法判定 1 项"
    assert result_of(pack, {2: OPEN}).standing == "undecided"
    advised = result_of(pack, {3: BAD})
    assert isinstance(advised.score, ThresholdScore)
    assert (advised.standing, advised.score.advice) == ("met", ("c3",))
    assert advised.sentence["en"] == "3 of 3 limits met, 0 not met, 0 undecided; 1 recommendation open"
    assert advised.sentence["zh"].endswith("；另有 1 项建议未落实")
    assert result_of(pack, otherwise=OUT).standing == "undecided"


def test_a_recommendation_counts_in_no_model() -> None:
    controls = [control(1), control(2, binding=False)]
    stars = result_of(scored_pack(STARS.replace("TOTAL", "1"), controls, 2), {2: BAD})
    assert isinstance(stars.score, StarScore)
    assert (stars.score.points, stars.score.items_passed, stars.held_down_by) == (100.0, 1, ())
    items = result_of(scored_pack(ITEMS.replace("TOTAL", "1").replace("28", "0"), controls, 2), {1: BAD})
    assert isinstance(items.score, ItemScore)
    assert (items.score.items_passed, items.standing) == (0, "cure_short")
    clauses = result_of(scored_pack(CONFORMITY, controls, 2), {2: BAD})
    assert (clauses.standing, clauses.next_level_gaps) == ("conform", ())


def test_a_waived_control_is_not_met_and_the_worst_of_its_rules_speaks_for_it() -> None:
    pack = scored_pack(THRESHOLDS, [control(1, [1, 2, 3, 4, 5])], 5)
    worst = {5: ASIDE}
    for number, outcome in ((4, OPEN), (3, GONE), (2, BAD)):
        assert result_of(pack, worst).controls[0].outcome == worst[min(worst)]
        worst[number] = outcome
    assert result_of(pack, worst).controls[0].failed == ("ABC-ITM-02",)
    assert result_of(pack, {5: ASIDE}).standing == "undecided"


def test_the_json_of_every_model_is_one_line_with_its_score() -> None:
    for scoring in (STARS.replace("TOTAL", "34"), ITEMS.replace("TOTAL", "34"), CONFORMITY, THRESHOLDS):
        pack = scored_pack(scoring, [control(number) for number in range(1, 35)], 34)
        told = json.loads(level_json(result_of(pack, {1: BAD})))
        assert (told["level"], told["next_level"], told["shares"]) == (None, None, {})
        assert told["model"] == pack.scoring.model
        assert told["score"]
        assert set(told["sentence"]) == {"en", "zh"}
        assert len(told["controls"]) == 34


WORSE = st.sampled_from((BAD, GONE, OPEN, ASIDE))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_nothing_that_gets_worse_ever_improves_a_score(data: st.DataObject) -> None:
    every = st.sampled_from((Outcome.SATISFIED, BAD, GONE, OPEN, ASIDE, OUT))
    outcomes = data.draw(st.fixed_dictionaries(dict.fromkeys(range(1, 5), every)))
    turned = data.draw(st.sampled_from((1, 2, 3, 4)))
    if outcomes[turned] != Outcome.SATISFIED:
        outcomes[turned] = Outcome.SATISFIED
    worse = {**outcomes, turned: data.draw(WORSE)}
    controls = [control(1, [1, 2]), control(2, [2, 3]), control(3, [4])]
    order = {
        "points_to_stars": ("fail", "plain", "four", "five"),
        "item_count_with_cure": ("cure_long", "cure_short", "certifiable"),
        "threshold_table": ("not_met", "undecided", "met"),
    }
    items = ITEMS.replace("TOTAL", "3").replace("28", "1")
    for scoring in (STARS.replace("TOTAL", "3"), items, THRESHOLDS):
        pack = scored_pack(scoring, controls, 4)
        words = order[pack.scoring.model]
        assert words.index(result_of(pack, worse).standing) <= words.index(result_of(pack, outcomes).standing)
    clauses = scored_pack(CONFORMITY, controls, 4)
    before, after = result_of(clauses, outcomes), result_of(clauses, worse)
    assert isinstance(before.score, ConformityScore)
    assert isinstance(after.score, ConformityScore)
    assert set(after.score.conform) <= set(before.score.conform)
    assert set(after.score.major) >= set(before.score.major)
    assert (before.standing == "conform") >= (after.standing == "conform")


def test_what_is_common_to_all_models_is_counted_over_what_applies() -> None:
    pack = scored_pack(THRESHOLDS, [control(number) for number in range(1, 5)], 4, gates=[4])
    result = result_of(pack, {1: GONE, 2: OUT, 4: BAD})
    assert result.coverage == pytest.approx(200 / 3)
    assert [gap.rule for gap in result.next_level_gaps] == ["ABC-ITM-04", "ABC-ITM-01"]  # the gate first
    assert [gap.gate for gap in result.next_level_gaps] == [True, False]
    assert [(obstacle.subject, obstacle.found, obstacle.needed) for obstacle in result.held_down_by] == [
        ("c1", 0.0, 1.0),
        ("c4", 0.0, 1.0),
    ]
    assert result_of(pack, otherwise=OUT).coverage == 0.0


def test_the_gate_stands_first_among_the_rules_that_fail_a_control() -> None:
    pack = scored_pack(THRESHOLDS, [control(1, [1, 2, 3])], 3, gates=[3])
    assert result_of(pack, otherwise=BAD).controls[0].failed == ("ABC-ITM-03", "ABC-ITM-01", "ABC-ITM-02")


def test_backfill_is_the_mean_over_the_rules_that_are_satisfied_and_a_rule_not_judged_was_never_heard() -> None:
    pack = scored_pack(THRESHOLDS, [control(1), control(2), control(3)], 3)
    verdicts = verdicts_on(pack, {3: BAD}, Outcome.SATISFIED)
    verdicts["ABC-ITM-01"] = replace(verdicts["ABC-ITM-01"], backfill_share=0.5)
    verdicts["ABC-ITM-03"] = replace(verdicts["ABC-ITM-03"], backfill_share=1.0, reason="values")
    result = level_of(pack, verdicts, MemoryEvidence([], {}), 0)
    assert (result.backfill_percent, result.provisional) == (25, True)
    assert result.next_level_gaps[0].reason == "values"
    silent = level_of(pack, {}, MemoryEvidence([], {}), 0)
    assert (silent.backfill_percent, silent.provisional, silent.log_index) == (0, False, -1)
    assert {gap.reason for gap in silent.next_level_gaps} == {"never"}
