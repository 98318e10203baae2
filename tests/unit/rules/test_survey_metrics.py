"""Rules on recommendation and effort: counts are added up and divided once, and few answers decide nothing."""

from collections.abc import Sequence

from ccmm_rules.memory import Fact
from ccmm_rules.model import Outcome
from tests.unit.rules.examples import counted
from tests.unit.rules.test_measures import NOW, verdict_on


def answers(promoters: Sequence[int], passives: Sequence[int], detractors: Sequence[int]) -> Fact:
    """So many in each quarter hour."""
    given = {"nps_promoters": promoters, "nps_passives": passives, "nps_detractors": detractors}
    return counted({measure: {"support": numbers} for measure, numbers in given.items()}, "2026-01-01T00:00", NOW)


def test_the_score_is_promoters_less_detractors_of_all_who_answered() -> None:
    verdict = verdict_on("{metric: nps, over: 7d}", "x >= 20.0", [answers([5], [2], [3])])
    assert (verdict.outcome, verdict.seen) == (Outcome.SATISFIED, {"x": 20.0, "x.n": 7 * 96 * 10})


def test_no_score_of_a_quarter_hour_is_averaged() -> None:
    """Now one promoter, now nine detractors: (1 - 9) / 10; the mean of the scores would be nought."""
    verdict = verdict_on("{metric: nps, over: 7d}", "x >= 0.0", [answers([1, 0], [0], [0, 9])])
    assert (verdict.outcome, verdict.seen["x"]) == (Outcome.NOT_SATISFIED, -80.0)


def test_a_score_of_few_answers_is_no_score() -> None:
    verdict = verdict_on("{metric: nps, over: 7d, sample: 99999}", "x >= 20.0", [answers([5], [2], [3])])
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "sample")


def test_a_score_without_an_answer_is_empty() -> None:
    verdict = verdict_on("{metric: nps, over: 7d}", "x >= -100.0", [answers([0], [0], [0])])
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "empty")
