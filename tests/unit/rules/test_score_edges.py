"""Scores at their edges: the very sentence, the very number, one item more or less."""

from dataclasses import replace
from typing import Any

from ccmm_rules.level import level_of
from ccmm_rules.memory import MemoryEvidence
from ccmm_rules.model import Outcome
from ccmm_rules.scoring.result import ItemScore, LevelResult, StarScore
from tests.unit.rules.scored import ITEMS, STARS, THRESHOLDS, control, result_of, scored_pack, verdicts_on
from tests.unit.rules.test_judge import found, level_pack

BAD, GONE, OUT, FINE = Outcome.NOT_SATISFIED, Outcome.MISSING, Outcome.NOT_APPLICABLE, Outcome.SATISFIED


def test_of_three_items_of_different_weight_the_way_is_as_long_as_it_must_be() -> None:
    weights = [control(1, weight=55), control(2, weight=5), control(3, weight=10), control(4, weight=30)]
    pack = scored_pack(STARS.replace("TOTAL", "4"), weights, 4)
    result = result_of(pack, {2: BAD, 3: BAD, 4: BAD})
    score = result.score
    assert isinstance(score, StarScore)
    assert (score.points, score.next_band, score.next_points, score.items_passed) == (55.0, "plain", 60.0, 1)
    assert (result.standing, result.distance, result.path) == ("fail", 1, ("c4",))
    nearly = result_of(pack, {1: BAD, 2: BAD, 3: BAD})
    assert (nearly.distance, nearly.path) == (1, ("c1",))
    assert nearly.sentence["en"] == "30.00 of 100 points: not passed; 1 item from no star"
    assert [obstacle.subject for obstacle in nearly.held_down_by] == ["c1", "c2", "c3"]
    assert {(obstacle.condition, obstacle.found, obstacle.needed) for obstacle in nearly.held_down_by} == {
        ("control", 0.0, 1.0)
    }
    assert [gap.rule for gap in nearly.next_level_gaps] == ["ABC-ITM-01", "ABC-ITM-02", "ABC-ITM-03"]


def test_at_the_top_nothing_holds_down_though_an_item_is_open() -> None:
    weights = [control(1, weight=90), control(2, weight=10)]
    result = result_of(scored_pack(STARS.replace("TOTAL", "2"), weights, 2), {2: BAD})
    score = result.score
    assert isinstance(score, StarScore)
    assert (result.standing, score.next_band, score.next_points) == ("five", "", None)
    assert (result.held_down_by, result.next_level_gaps, result.distance, result.path) == ((), (), 0, ())


def test_items_that_cannot_be_shown_weigh_as_many_as_they_are() -> None:
    weights = [control(1, weight=6), control(2, weight=1, items=4, unpublished=True), control(3, [2], weight=2)]
    pack = scored_pack(STARS.replace("TOTAL", "6"), weights, 2)
    result = result_of(pack, {2: BAD})
    assert isinstance(result.score, StarScore)
    assert (result.score.points, result.score.items_passed) == (50.0, 1)
    assert (result.standing, result.distance, result.path) == ("fail", 1, ("c3",))
    low = result_of(pack, {1: BAD, 2: BAD})
    assert (low.distance, low.path) == (2, ("c1", "c3"))
    assert low.sentence["en"].startswith("0.00 of 100 points: not passed; 2 items from no star")


def test_of_equal_items_those_that_a_rule_could_show_come_first() -> None:
    controls = [control(1, [3]), control(2, untested=True), control(3, [2]), control(4, [1])]
    result = result_of(scored_pack(STARS.replace("TOTAL", "4"), controls, 3), {1: BAD, 2: BAD, 3: BAD})
    assert (result.distance, result.path) == (3, ("c1", "c3", "c4"))
    assert (result.untested, result.unpublished) == (1, 0)


def test_items_that_cannot_be_shown_are_counted_in_both_languages() -> None:
    controls = [control(1), control(2, untested=True, items=2), control(3, unpublished=True, items=3)]
    result = result_of(scored_pack(THRESHOLDS, controls, 1))
    assert (result.untested, result.unpublished) == (2, 3)
    assert result.sentence["en"] == (
        "1 of 3 limits met, 0 not met, 2 undecided; 3 items not public, taken as missing; "
        "2 items without a rule, taken as missing"
    )
    assert result.sentence["zh"] == (
        "3 项限值中满足 1 项，不满足 0 项，无法判定 2 项；"
        "其中 3 项原文未公开，按缺失计；其中 2 项尚无规则可查，按缺失计"
    )


def test_two_pieces_of_advice_are_recommendations() -> None:
    controls = [control(1), control(2, binding=False), control(3, binding=False)]
    result = result_of(scored_pack(THRESHOLDS, controls, 3), {2: BAD, 3: BAD})
    assert result.sentence["en"] == "1 of 1 limits met, 0 not met, 0 undecided; 2 recommendations open"
    assert result.sentence["zh"] == "1 项限值中满足 1 项，不满足 0 项，无法判定 0 项；另有 2 项建议未落实"


def test_items_short_of_a_certificate_have_a_way_and_those_with_one_have_none() -> None:
    scoring = ITEMS.replace("TOTAL", "4").replace("certified_at: 4", "certified_at: 3").replace("28", "2")
    pack = scored_pack(scoring, [control(number) for number in range(1, 5)], 4)
    done = result_of(pack, {4: BAD})
    assert isinstance(done.score, ItemScore)
    assert (done.standing, done.distance, done.path, done.held_down_by, done.next_level_gaps) == (
        "certifiable",
        0,
        (),
        (),
        (),
    )
    assert (done.score.cure_days, done.score.cure_months, done.score.cure_until) == (None, None, "")
    assert done.sentence == {"en": "3 of 4 items met", "zh": "4 项中满足 3 项"}
    short = result_of(pack, {3: BAD, 4: BAD})
    assert isinstance(short.score, ItemScore)
    assert (short.standing, short.distance, short.path) == ("cure_short", 1, ("c3", "c4"))
    assert [obstacle.subject for obstacle in short.held_down_by] == ["c3", "c4"]
    assert [gap.rule for gap in short.next_level_gaps] == ["ABC-ITM-03", "ABC-ITM-04"]
    assert (short.score.cure_days, short.score.cure_months, short.score.cure_until) == (90, None, "1970-04-01")
    assert short.sentence["en"] == "2 of 4 items met; 90 days to cure the rest, until 1970-04-01"
    long = result_of(pack, {2: BAD, 3: BAD, 4: OUT})
    assert isinstance(long.score, ItemScore)
    assert (long.standing, long.distance, long.path) == ("cure_long", 2, ("c2", "c3"))
    assert (long.score.cure_days, long.score.cure_months, long.score.cure_until) == (None, 18, "1971-07-01")
    assert long.sentence["en"] == "1 of 4 items met; 18 months to cure the rest, until 1971-07-01"
    assert long.sentence["zh"] == "4 项中满足 1 项；其余须在 18 个月内改进，至 1971-07-01"


def test_one_rule_that_applies_is_the_whole() -> None:
    pack = scored_pack(THRESHOLDS, [control(1), control(2)], 2)
    assert result_of(pack, {2: OUT}).coverage == 100.0
    assert result_of(pack, {1: GONE, 2: OUT}).coverage == 0.0


def leveled(outcomes: dict[str, Outcome], **shares: Any) -> LevelResult:
    pack = level_pack()
    pack = replace(pack, scoring=replace(pack.scoring, **shares))
    return level_of(pack, found(pack, outcomes), MemoryEvidence([], {}), 0)


def test_a_share_on_the_edge_is_enough_and_each_condition_names_what_it_found() -> None:
    wide = {"min_pass_share": 0.5, "min_dimension_share": 0.5, "min_fresh_share": 0.5}
    assert leveled({"D-AAA-02": GONE}, **wide).level == 5
    (obstacle,) = leveled({"D-AAA-02": GONE}, **{**wide, "min_fresh_share": 0.51}).held_down_by
    assert (obstacle.condition, obstacle.subject, obstacle.found, obstacle.needed) == ("fresh_share", "", 0.5, 0.51)
    only = leveled({"D-AAA-02": OUT, "M-AAA-01": OUT, "M-AAA-02": OUT}, min_pass_share=1.0)
    assert (only.level, only.shares[1], only.coverage) == (5, 1.0, 100.0)
    none = leveled(dict.fromkeys(level_pack().rules, OUT))
    (obstacle,) = none.held_down_by
    assert (none.level, obstacle.condition, obstacle.subject) == (0, "pass_share", "")


def test_the_way_mends_each_dimension_by_its_own_rules() -> None:
    result = leveled(
        {"D-AAA-02": BAD, "M-AAA-01": BAD}, min_pass_share=0.0, min_dimension_share=1.0, min_fresh_share=0.0
    )
    assert (result.level, result.path) == (0, ("D-AAA-02",))
    second = leveled({"M-AAA-01": BAD}, min_pass_share=0.0, min_dimension_share=1.0, min_fresh_share=0.0)
    assert (second.level, second.path) == (1, ("M-AAA-01",))
    silent = leveled(
        {"D-AAA-01": BAD, "D-AAA-02": GONE}, min_pass_share=0.5, min_dimension_share=0.0, min_fresh_share=0.5
    )
    assert silent.path == ("D-AAA-01",)


def test_backfill_is_told_in_percent_of_the_rules_that_carry_the_level() -> None:
    pack = scored_pack(THRESHOLDS, [control(1), control(2)], 2)
    verdicts = {name: replace(verdict, backfill_share=0.495) for name, verdict in verdicts_on(pack, {}, FINE).items()}
    assert level_of(pack, verdicts, MemoryEvidence([], {}), 0).backfill_percent == 50
    assert (
        level_of(
            pack, {n: replace(v, backfill_share=1.0) for n, v in verdicts.items()}, MemoryEvidence([], {}), 0
        ).backfill_percent
        == 100
    )
