"""Attributes that the engine computes: gains of projects, gaps of reports, lateness. Counted by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from ccmm_rules.evaluate import judge
from ccmm_rules.evidence import MeasureRow, Span
from ccmm_rules.memory import Fact, MemoryEvidence
from ccmm_rules.model import Outcome
from ccmm_rules.operators.needed import feeds_as_known, needed_feeds
from ccmm_rules.operators.view import View
from ccmm_rules.verdict import Verdict
from tests.unit.rules.examples import happened, listed, ms, one_rule

DAY_MS = 86_400_000
NOW = "2026-06-01T12:00"
SINCE = "2024-01-01T00:00"
PROFILE: dict[str, object] = {"zone": "Asia/Shanghai"}
PROJECT = {
    "metric": "answer_rate",
    "claimed": 8.0,
    "live": ms("2026-01-10T15:00"),
    "measure_set": ms("2025-10-06T09:00"),
}


def verdict_on(
    read: str, require: str, facts: Sequence[Fact], profile: Mapping[str, object] = PROFILE, *, at: str = NOW
) -> Verdict:
    return judge(one_rule(read, require), MemoryEvidence(facts, profile, at_ms=ms(at)), ms(at))["D-SEC-01"]


def daily(measure: str, counts: Mapping[str, int | tuple[int, int]], **more: str) -> list[MeasureRow]:
    """One slot a day at noon: from each day on so many; of two numbers, one in even weeks and one in odd ones."""
    turns = sorted((ms(f"{day}T00:00"), count) for day, count in counts.items())
    rows = []
    for number, start in enumerate(range(ms("2024-01-01T12:00"), ms(NOW), DAY_MS)):
        count = next((found for begin, found in reversed(turns) if begin <= start), 0)
        shown = count if isinstance(count, int) else count[number // 7 % 2]
        dimensions = (("queue", "support"), *sorted(more.items()))
        rows.append(
            MeasureRow(agent="pbx", source="acd", dimensions=dimensions, start_ms=start, period_s=900, count=shown)
        )
    return rows


def figures(**measures: Sequence[MeasureRow]) -> Fact:
    return Fact(
        agent="pbx",
        sequence=0,
        recorded_ms=ms(NOW),
        source="acd",
        feeds=tuple(measures),
        covers=Span(ms(SINCE), ms(NOW)),
        rows=measures,
    )


# 78 % and 82 % in turn until the end of 2025, then 90 %: 91 days before 2025-10-06 are 13 weeks from a Monday.
ANSWERED: dict[str, int | tuple[int, int]] = {"2024-01-01": (78, 82), "2026-01-01": 90}
RATE = figures(calls_offered=daily("o", {"2024-01-01": 100}), calls_answered=daily("a", ANSWERED))


def projects(*facts: Mapping[str, object]) -> Fact:
    rows = [("2025-09-01T09:00", None, fact) for fact in facts]
    return happened("project", rows, NOW, source="log")


def test_the_gain_is_what_the_raw_figures_say() -> None:
    read = "{occurrences: project, of: 'gain > 0.0', over: 365d, number: gain}"
    verdict = verdict_on(read, "x.n == 1", [RATE, projects(PROJECT)])
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen
    # Monday 2025-07-07 to Sunday 2025-10-05: week 79 after 2024-01-01 begins it: seven odd weeks at 82, six even at 78
    assert verdict.seen["x.max"] == pytest.approx(90 - (7 * 82 + 6 * 78) / 13)
    assert verdict.log_index == 1


def test_the_gain_is_weighed_against_the_weeks_of_the_year_before() -> None:
    read = "{occurrences: project, over: 365d, number: gain_sigma}"
    verdict = verdict_on(read, "x.max >= 2.0", [RATE, projects(PROJECT)])
    assert verdict.seen["x.max"] == pytest.approx((90 - (7 * 82 + 6 * 78) / 13) / (4 / 1.128))  # each week moves by 4


def test_the_claim_is_compared_with_the_gain() -> None:
    read = "{occurrences: project, over: 365d, good: 'claim_error <= 24.0 && same_definition', number: claim_error}"
    gain = 90 - (7 * 82 + 6 * 78) / 13
    verdict = verdict_on(read, "x.good == 1", [RATE, projects(PROJECT, {**PROJECT, "claimed": 20.0})])
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen
    assert (verdict.seen["x.min"], verdict.seen["x.max"]) == pytest.approx(
        ((gain - 8) / 8 * 100, (20 - gain) / 20 * 100)
    )


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"live": ms("2026-05-10T00:00")}, "less than four weeks have passed since it went live"),
        ({"live": ms("2025-09-01T00:00")}, "it went live before its measure was set"),
        ({"metric": "answer_rate", "live": None}, "it is not live and not closed"),
    ],
)
def test_a_gain_that_cannot_be_known_yet_decides_nothing(changed: Mapping[str, object], why: str) -> None:
    project = {name: value for name, value in {**PROJECT, **changed}.items() if value is not None}
    verdict = verdict_on(
        "{occurrences: project, over: 365d, good: 'gain > 0.0'}", "x.good == 1", [RATE, projects(project)]
    )
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "undecidable"), why


def test_a_project_on_no_metric_of_ours_has_no_definition() -> None:
    read = "{occurrences: project, over: 365d, bad: '!same_definition || gain <= 0.0'}"
    verdict = verdict_on(read, "x.bad == 0", [RATE, projects({**PROJECT, "metric": "happiness"})])
    assert verdict.outcome == Outcome.NOT_SATISFIED


def test_a_definition_changed_in_the_centers_register_is_another_one() -> None:
    def register(as_of: str, sequence: int, words: str) -> Fact:
        entry = {"register": "kpi", "ref": "answer_rate", "value": words}
        return listed("register", {"r1": entry}, as_of, source="kpis", sequence=sequence)

    read = "{occurrences: project, over: 365d, good: 'same_definition'}"
    same = [register("2025-08-01T00:00", 0, "a"), register("2025-12-01T00:00", 1, "a")]
    other = [register("2025-08-01T00:00", 0, "a"), register("2025-12-01T00:00", 1, "b")]
    facts = [RATE, projects(PROJECT)]
    assert verdict_on(read, "x.good == 1", [*facts, *same]).outcome == Outcome.SATISFIED
    assert verdict_on(read, "x.good == 1", [*facts, *other]).outcome == Outcome.NOT_SATISFIED


def test_what_must_not_suffer_is_the_worst_of_the_other_indicators() -> None:
    told = daily("s", {"2024-01-01": 10}, channel="voice")
    favourable = daily("f", {"2024-01-01": 9, "2026-01-01": 6}, channel="voice")
    survey = figures(survey_asked=told, survey_answered=told, survey_favourable=favourable)
    read = "{occurrences: project, over: 365d, number: side_worst}"
    verdict = verdict_on(
        read, "x.max <= -2.0", [replace(survey, source="survey", agent="crm"), RATE, projects(PROJECT)]
    )
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen
    assert verdict.seen["x.max"] == pytest.approx(-30.0)  # 60 % favourable after 90 %


def test_a_lost_statement_since_leaves_the_gain_open() -> None:
    later = replace(RATE, sequence=2, source="other", feeds=("alert",), rows={})
    read = "{occurrences: project, over: 365d, good: 'gain > 0.0'}"
    assert verdict_on(read, "x.good >= 1", [RATE, projects(PROJECT)]).outcome == Outcome.SATISFIED
    verdict = verdict_on(read, "x.good >= 1", [RATE, projects(PROJECT), later])
    assert verdict.outcome == Outcome.INCONCLUSIVE


REPORT = {"class": "kpi", "metric": "answer_rate", "unit": "%", "value": 90.4, "published": ms("2026-05-04T00:00")}


def reports(*facts: Mapping[str, object], started: str = "2026-05-04T00:00", ended: str | None = None) -> Fact:
    return happened("report", [(started, ended, fact) for fact in facts], NOW)


def test_a_reported_rate_is_compared_with_the_month_before_in_points() -> None:
    read = "{occurrences: report, over: 3mo, number: gap, bad: 'over > 0.3'}"
    verdict = verdict_on(read, "x.bad == 1", [RATE, reports(REPORT, {**REPORT, "value": 89.5})])
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen
    assert (verdict.seen["x.min"], verdict.seen["x.max"]) == pytest.approx((0.4, 0.5))


def test_a_report_with_an_end_speaks_of_its_own_time() -> None:
    told = reports({**REPORT, "value": 80.0}, started="2025-12-08T00:00", ended="2025-12-22T00:00")  # one week each
    verdict = verdict_on("{occurrences: report, over: 365d, number: gap}", "x.max <= 0.0", [RATE, told])
    assert (verdict.outcome, verdict.seen["x.max"]) == (Outcome.SATISFIED, 0.0)


def test_a_reported_quantity_is_compared_in_percent() -> None:
    read = "{occurrences: report, over: 3mo, number: over}"
    told = reports({"class": "invoice", "metric": "answered_calls", "value": 2727})  # 30 days of 90 are 2,700
    verdict = verdict_on(read, "x.max <= 1.0", [RATE, told])
    assert (verdict.outcome, verdict.seen["x.max"]) == (Outcome.SATISFIED, 1.0)


@pytest.mark.parametrize("changed", [{"metric": "happiness"}, {"value": None}, {"metric": "aht"}])
def test_a_report_that_cannot_be_recomputed_has_no_gap(changed: Mapping[str, object]) -> None:
    report = {name: value for name, value in {**REPORT, **changed}.items() if value is not None}
    verdict = verdict_on("{occurrences: report, over: 3mo, number: gap}", "x.max <= 99.0", [RATE, reports(report)])
    assert verdict.outcome == Outcome.INCONCLUSIVE
    assert "x.max" not in verdict.seen


def test_an_action_is_late_once_its_date_has_passed_and_was_late_if_closed_after_it() -> None:
    due = {"due": ms("2026-06-01T18:00")}
    rows: list[tuple[str, str | None, Mapping[str, object]]] = [
        ("2026-05-01T00:00", None, {"due": ms("2026-05-20T00:00"), "closed": ms("2026-05-20T00:01")}),
        ("2026-05-02T00:00", None, {"due": ms("2026-05-20T00:00"), "closed": ms("2026-05-20T00:00")}),
        ("2026-05-03T00:00", None, due),
    ]
    read = "{occurrences: action, over: 60d, bad: 'late'}"
    before = verdict_on(read, "x.bad == 1", [happened("action", rows, NOW)])
    assert before.outcome == Outcome.SATISFIED, before.seen
    assert before.look_again_ms == due["due"] + 1
    after = verdict_on(read, "x.bad == 2", [happened("action", rows, NOW)], at="2026-06-01T18:01")
    assert after.outcome == Outcome.SATISFIED, after.seen
    undated = verdict_on(read, "x.bad == 0", [happened("action", [("2026-05-01T00:00", None, {})], NOW)])
    assert undated.reason == "undecidable"


def test_what_is_told_of_a_computed_attribute_is_not_believed() -> None:
    lie = {**REPORT, "value": 99.0, "gap": 0.0}
    verdict = verdict_on("{occurrences: report, over: 3mo, number: gap}", "x.max <= 0.5", [RATE, reports(lie)])
    assert verdict.outcome == Outcome.NOT_SATISFIED
    assert verdict.seen["x.max"] == pytest.approx(9.0)


def test_a_read_of_computed_attributes_is_fed_by_measures_and_others_are_not() -> None:
    gap = one_rule("{occurrences: report, over: 3mo, number: gap}", "x.max <= 0.5").rules["D-SEC-01"].reads[0]
    late = one_rule("{occurrences: action, over: 3mo, bad: late}", "x.bad == 0").rules["D-SEC-01"].reads[0]
    assert {"report", "calls_answered", "register"} <= set(gap.feeds)
    assert late.feeds == ("action",)
    joined = (
        "{match: {occurrences: project}, with: {occurrences: review, time: [0d, 9d], if: 'a.gain > 0.0'}, over: 90d}"
    )
    pair = one_rule(joined, "x.only_a == 0").rules["D-SEC-01"].reads[0]
    assert {"project", "review", "calls_answered"} <= set(pair.feeds)


def test_of_all_that_may_change_a_read_only_what_it_names_is_needed() -> None:
    def needed(read: str) -> tuple[str, ...]:
        pack = one_rule(read, "x.n >= 0")
        return needed_feeds(pack.rules["D-SEC-01"].reads[0], pack.vocabulary)

    assert needed("{occurrences: report, over: 3mo, number: gap}") == ("report",)
    assert needed("{occurrences: silence, over: 3mo}") == ()
    assert needed("{occurrences: breach.key_kpis, every: day, meets: target, over: 30d}") == ()
    assert needed("{occurrences: breach.answer_rate, every: day, meets: 80, over: 30d}") == (
        "calls_answered",
        "calls_offered",
    )
    assert needed("{occurrences: change.setting, over: 30d}") == ("setting",)
    everyone = "{occurrences: training, over: 30d, by: person, expect: {inventory: person, of: active, key: key}}"
    assert needed(everyone) == ("person", "training")


def test_a_read_rests_on_the_measures_of_the_metrics_that_are_named_now() -> None:
    answered = PROFILE | {"key_kpis": ["answer_rate"], "key_processes": ["care"], "metrics.care": ["aht"]}
    reported = "{occurrences: report, over: 3mo, number: gap}"
    rate, beside = {"calls_answered", "calls_offered"}, {"survey_favourable", "survey_answered"}

    def known(read: str, *facts: Fact, profile: Mapping[str, object] = answered) -> frozenset[str]:
        pack = one_rule(read, "x.n >= 0")
        view = View(MemoryEvidence(facts, profile), ms(NOW), pack.vocabulary)
        return feeds_as_known(pack.rules["D-SEC-01"].reads[0], view)

    assert known("{series: {each: key_kpis}, over: 4q, every: quarter, good: 'met >= 3'}") == rate
    assert known("{occurrences: breach.key_kpis, every: day, meets: target, over: 30d}") == rate
    assert known("{occurrences: breach.key_kpis, every: day, meets: target, over: 30d}", profile=PROFILE) == frozenset()
    by_process = "{series: {each: key_processes}, any_of: metrics, over: 4q, every: quarter, good: 'met >= 3'}"
    assert known(by_process) == {"after_call_time", "calls_answered", "hold_time", "talk_time"}
    without = known(reported, profile=PROFILE)
    assert {"report", "register"} | beside <= without
    assert "calls_answered" not in without
    assert rate <= known(reported, reports(REPORT), profile=PROFILE)
    assert rate <= known(reported)
    everything = known("{occurrences: silence, over: 3mo}")
    assert {"calls_answered", "account"} <= everything
    assert known("{occurrences: breach.answer_rate, every: day, meets: 80, over: 30d}") == rate
