"""`series`: one metric in time, and lists of metrics, with values computed by hand."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ccmm_rules.evaluate import judge
from ccmm_rules.evidence import Answer, MeasureRow, Span
from ccmm_rules.filling import measure_values
from ccmm_rules.memory import Fact, MemoryEvidence
from ccmm_rules.model import Outcome
from ccmm_rules.vocabulary.tables import load_vocabulary
from tests.unit.rules.examples import listed, ms, one_rule
from tests.unit.rules.test_measures import verdict_on

NOW = "2026-01-02T03:00"
QUARTERS = ("2025-01-15T10:00", "2025-04-15T10:00", "2025-07-15T10:00", "2025-10-15T10:00")
SINGLE = "{series: answer_rate, over: 4q, every: quarter}"
LIST = "{series: {each: key_kpis}, over: 4q, every: quarter, good: '%s'}"
ZONE: dict[str, object] = {"zone": "Asia/Shanghai"}
KPIS: dict[str, object] = ZONE | {"key_kpis": ["answer_rate"], "target.answer_rate": 92.0}


def points(
    answered: Sequence[int], offered: int = 100, *, number: int = 0, starts: Sequence[str] = QUARTERS, source: str = "q"
) -> Fact:
    """One quarter hour with calls in each quarter; all the time is vouched for."""

    def rows(values: Sequence[int]) -> list[MeasureRow]:
        return [
            MeasureRow(
                agent="pbx", source=source, dimensions=(("queue", "a"),), start_ms=ms(start), period_s=900, count=n
            )
            for start, n in zip(starts, values, strict=True)
        ]

    return Fact(
        agent="pbx",
        sequence=number,
        recorded_ms=ms(NOW),
        source=source,
        feeds=("calls_offered", "calls_answered"),
        covers=Span(ms("2023-12-31T00:00"), ms(NOW)),
        rows={"calls_offered": rows([offered] * len(starts)), "calls_answered": rows(answered)},
    )


def told(name: str, over: Sequence[int], under: int, number: int = 1) -> Fact:
    """Any metric by its two counts in each quarter, from a source of its own."""
    vocabulary = load_vocabulary()
    metric = vocabulary.metrics[name]
    rows: dict[str, list[MeasureRow]] = {measure: [] for measure in metric.measures}
    for start, value in zip(QUARTERS, over, strict=True):
        for measure, (count, total, buckets) in measure_values(metric, value, under, vocabulary).items():
            rows[measure].append(
                MeasureRow(
                    agent="pbx", source=name, dimensions=(), start_ms=ms(start), period_s=900,
                    count=count, total=total, buckets=buckets,
                )
            )  # fmt: skip
    return Fact(
        agent="pbx", sequence=number, recorded_ms=ms(NOW), source=name, feeds=metric.measures,
        covers=Span(ms("2023-12-31T00:00"), ms(NOW)), rows=rows,
    )  # fmt: skip


def benchmark(**changes: object) -> Fact:
    """An outside table: a quarter of the others answer 90 % or less, a quarter 95 % or more."""
    table: dict[str, object] = {
        "class": "benchmark", "independent": True, "metric": "answer_rate",
        "definition": load_vocabulary().metrics["answer_rate"].hash, "q25": 90.0, "q50": 92.0, "q75": 95.0, "q90": 97.0,
    }  # fmt: skip
    return listed("attestation", {"t": table | changes}, NOW, source="papers")


def test_a_series_binds_its_newest_point_steps_changes_and_trend() -> None:
    seen = verdict_on(SINGLE, "x >= 94.0", [points([91, 92, 93, 94])], ZONE, at=NOW).seen
    assert seen == {
        "x": 94.0, "x.n": 4, "x.median": 92.5, "x.step": 1.0, "x.change": 3.0,
        "x.step_pct": pytest.approx(100 / 93), "x.change_pct": pytest.approx(300 / 91),
        "x.p_better": pytest.approx(1 / 24), "x.p_worse": 1.0,
    }  # fmt: skip
    verdict = verdict_on(SINGLE, "x.p_better < 0.05 && x.step > 0.0", [points([91, 92, 93, 94])], ZONE, at=NOW)
    assert verdict.outcome == Outcome.SATISFIED
    assert verdict_on(SINGLE, "x.p_better < 0.05", [points([91, 93, 92, 94])], ZONE, at=NOW).outcome == (
        Outcome.NOT_SATISFIED
    )


def test_two_years_are_compared_by_steps_of_four_quarters() -> None:
    starts = ("2024-05-15T10:00", "2025-05-15T10:00")
    seen = verdict_on(
        "{series: answer_rate, over: 8q, every: 4q}",
        "x.change_pct >= 10.0",
        [points([80, 88], starts=starts)],
        ZONE,
        at=NOW,
    ).seen
    assert (seen["x.n"], seen["x"]) == (2, 88.0)
    assert seen["x.change_pct"] == pytest.approx(10.0)


def test_growth_from_nothing_is_beyond_any_percentage() -> None:
    seen = verdict_on(SINGLE, "x.step_pct > 10.0", [points([0, 0, 0, 5])], ZONE, at=NOW).seen
    assert (seen["x.step_pct"], seen["x.change_pct"]) == (1_000_000.0, 1_000_000.0)
    assert verdict_on(SINGLE, "x.step_pct > 10.0", [points([0, 0, 0, 0])], ZONE, at=NOW).seen["x.step_pct"] == 0.0


def test_one_uncovered_quarter_hour_undecides_a_series() -> None:
    whole = points([91, 92, 93, 94])
    gap = ms("2025-02-01T10:00")
    assert whole.covers is not None
    parts = [
        replace(whole, covers=Span(whole.covers.from_ms, gap)),
        replace(whole, sequence=1, covers=Span(gap + 900_000, ms(NOW))),
    ]
    verdict = verdict_on(SINGLE, "x >= 1.0", parts, ZONE, at=NOW)
    assert (verdict.outcome, verdict.reason, verdict.seen) == (Outcome.INCONCLUSIVE, "uncovered", {})


def test_what_rests_on_a_point_below_the_sample_is_unbound() -> None:
    thin = SINGLE.replace("quarter}", "quarter, sample: 30}")
    few = points([91, 92, 93, 94])
    rows = {
        measure: [row._replace(count=2) if row.start_ms == ms(QUARTERS[0]) else row for row in found]
        for measure, found in few.rows.items()
    }
    verdict = verdict_on(thin, "x.step >= 1.0 && x.n >= 3", [replace(few, rows=rows)], ZONE, at=NOW)
    assert verdict.outcome == Outcome.SATISFIED
    assert "x.change" not in verdict.seen
    change = verdict_on(thin, "x.change >= 1.0", [replace(few, rows=rows)], ZONE, at=NOW)
    assert (change.outcome, change.reason) == (Outcome.INCONCLUSIVE, "sample")


def test_a_series_not_heard_lately_is_missing() -> None:
    late = "2026-01-09T03:00"
    verdict = verdict_on(SINGLE, "x >= 1.0", [points([91, 92, 93, 94])], ZONE, at=late)
    assert (verdict.outcome, verdict.reason) == (Outcome.MISSING, "stale")


@pytest.mark.parametrize(
    ("test", "answered", "good"),
    [
        ("met >= 3", [91, 92, 93, 94], 1),
        ("met >= 4", [91, 92, 93, 94], 0),
        ("on_target", [99, 99, 99, 91], 0),
        ("on_target", [0, 0, 0, 92], 1),
        ("change > 0.0 && change_pct > 3.0", [91, 92, 93, 94], 1),
        ("p_better < 0.05", [91, 92, 93, 94], 1),
        ("p_worse < 0.05", [91, 92, 93, 94], 0),
        ("value >= 94.0 && n == 4", [91, 92, 93, 94], 1),
    ],
)
def test_a_list_counts_the_metrics_whose_test_holds(test: str, answered: list[int], good: int) -> None:
    verdict = verdict_on(LIST % test, "x.good == 1", [points(answered)], KPIS, at=NOW)
    assert verdict.seen == {"x.n": 1, "x.good": good, "x.bad": 1 - good, "x.share": 100.0 * good}


def test_changes_in_a_list_count_toward_the_better_side() -> None:
    assert load_vocabulary().metrics["repeat_contact_rate"].better == "down"
    profile = ZONE | {"key_kpis": ["answer_rate", "repeat_contact_rate"]}
    facts = [points([91, 92, 93, 94]), told("repeat_contact_rate", [9, 8, 7, 6], 100)]
    verdict = verdict_on(LIST % "change > 0.0 && change_pct > 3.0", "x.bad == 0", facts, profile, at=NOW)
    assert verdict.outcome == Outcome.SATISFIED
    worse = [facts[0], told("repeat_contact_rate", [6, 7, 8, 9], 100)]
    assert verdict_on(LIST % "change > 0.0", "x.good == 1", worse, profile, at=NOW).outcome == Outcome.SATISFIED
    alone = verdict_on(SINGLE.replace("answer_rate", "repeat_contact_rate"), "x.change < 0.0", facts, ZONE, at=NOW)
    assert alone.seen["x.change"] == -3.0  # one metric alone: as measured


def test_a_metric_of_the_list_that_cannot_be_known_has_two_looks() -> None:
    profile = KPIS | {"key_kpis": ["answer_rate", "no_such_metric"]}
    verdict = verdict_on(LIST % "met >= 3", "x.share >= 60.0", [points([91, 92, 93, 94])], profile, at=NOW)
    assert (verdict.outcome, verdict.seen["x.good"], verdict.hoped["x.good"]) == (Outcome.INCONCLUSIVE, 1, 2)
    half = verdict_on(LIST % "met >= 3", "x.share >= 50.0", [points([91, 92, 93, 94])], profile, at=NOW)
    assert half.outcome == Outcome.SATISFIED


def test_a_silent_metric_of_the_list_is_missing_and_hides_no_bad_news() -> None:
    profile = KPIS | {"key_kpis": ["answer_rate", "aht"]}
    fine = verdict_on(LIST % "n == 4", "x.good >= 1", [points([91, 92, 93, 94])], profile, at=NOW)
    assert (fine.outcome, fine.reason) == (Outcome.MISSING, "never")
    bad = verdict_on(LIST % "met >= 4", "x.bad == 0", [points([91, 92, 93, 94])], profile | {"target.aht": 1.0}, at=NOW)
    assert bad.outcome == Outcome.NOT_SATISFIED


def test_an_unanswered_target_is_missing_where_the_test_needs_it() -> None:
    profile = ZONE | {"key_kpis": ["answer_rate"]}
    facts = [points([91, 92, 93, 94])]
    for test in ("met >= 3", "on_target || p_better < 0.05"):
        assert verdict_on(LIST % test, "x.bad == 0", facts, profile, at=NOW).reason == "unanswered"
    assert verdict_on(LIST % "p_better < 0.05", "x.bad == 0", facts, profile, at=NOW).outcome == Outcome.SATISFIED
    ended = profile | {"target.answer_rate": Answer(value=92.0, until_ms=ms(NOW) - 1, log_index=3)}
    assert verdict_on(LIST % "met >= 3", "x.bad == 0", facts, ended, at=NOW).outcome == Outcome.MISSING
    open_end = profile | {"target.answer_rate": Answer(value=92.0, until_ms=ms(NOW) + 5, log_index=3)}
    verdict = verdict_on(LIST % "met >= 3", "x.bad == 0", facts, open_end, at=NOW)
    assert (verdict.outcome, verdict.valid_until_ms, verdict.log_index) == (Outcome.SATISFIED, ms(NOW) + 5, 3)


def test_a_list_without_entries_and_one_never_stated() -> None:
    facts = [points([91, 92, 93, 94])]
    empty = verdict_on(LIST % "met >= 3", "x.n >= 1 && x.bad == 0", facts, ZONE | {"key_kpis": []}, at=NOW)
    assert empty.outcome == Outcome.NOT_SATISFIED
    assert verdict_on(LIST % "met >= 3", "x.bad == 0", facts, ZONE | {"key_kpis": []}, at=NOW).reason == "empty"
    assert verdict_on(LIST % "met >= 3", "x.bad == 0", facts, ZONE, at=NOW).reason == "unanswered"


def test_a_process_is_good_where_any_of_its_metrics_is() -> None:
    read = "{series: {each: queues}, over: 4q, every: quarter, any_of: metrics, good: 'met == 4'}"
    profile = ZONE | {
        "queues": ["calls"], "metrics.calls": ["answer_rate", "repeat_contact_rate"],
        "target.answer_rate": 95.0, "target.repeat_contact_rate": 8.0,
    }  # fmt: skip
    facts = [points([91, 92, 93, 94]), told("repeat_contact_rate", [8, 7, 8, 7], 100)]
    assert verdict_on(read, "x.bad == 0", facts, profile, at=NOW).outcome == Outcome.SATISFIED
    slow = [points([91, 92, 93, 94]), told("repeat_contact_rate", [8, 8, 8, 9], 100)]
    assert verdict_on(read, "x.bad == 0", slow, profile, at=NOW).outcome == Outcome.NOT_SATISFIED
    unnamed = {name: value for name, value in profile.items() if name != "metrics.calls"}
    assert verdict_on(read, "x.bad == 0", facts, unnamed, at=NOW).reason == "unanswered"


@pytest.mark.parametrize(
    ("table", "good"),
    [
        ({}, 1),
        ({"q75": 95.5}, 0),
        ({"definition": "another"}, 0),
        ({"metric": "csat"}, 0),
        ({"independent": False}, 0),
        ({"until": ms("2026-01-01T00:00")}, 0),
        ({"class": "workplace"}, 0),
    ],
)
def test_a_rank_needs_an_outside_table_in_date_with_the_same_definition(table: dict[str, object], good: int) -> None:
    read = "{series: {each: key_kpis}, over: 4q, every: quarter, against: benchmark, good: 'rank >= 75.0'}"
    verdict = verdict_on(read, "x.share >= 60.0", [points([91, 92, 93, 95]), benchmark(**table)], KPIS, at=NOW)
    assert (verdict.seen["x.good"], verdict.outcome) == (
        good,
        Outcome.SATISFIED if good else Outcome.NOT_SATISFIED,
    )


def test_without_any_look_at_the_tables_a_rank_is_missing() -> None:
    read = "{series: {each: key_kpis}, over: 4q, every: quarter, against: benchmark, good: 'rank >= 75.0'}"
    verdict = verdict_on(read, "x.share >= 60.0", [points([91, 92, 93, 95])], KPIS, at=NOW)
    assert (verdict.outcome, verdict.reason) == (Outcome.MISSING, "never")


def test_a_band_metric_has_no_better_side_and_a_target_with_two_ends() -> None:
    profile = ZONE | {"key_kpis": ["aht"]}
    for test in ("change > 0.0", "p_better < 0.05"):
        assert verdict_on(
            LIST % test, "x.bad == 0", [told("aht", [9, 8, 7, 6], 1, number=0)], profile, at=NOW
        ).outcome == (Outcome.INCONCLUSIVE)
    band = profile | {"target.aht.low": 6.0, "target.aht.high": 8.0}
    met = verdict_on(LIST % "met == 3", "x.bad == 0", [told("aht", [9, 8, 7, 6], 1, number=0)], band, at=NOW)
    assert met.outcome == Outcome.SATISFIED


def test_reads_of_a_list_look_at_each_metric_once() -> None:
    asked: list[str] = []

    class Counting(MemoryEvidence):
        def totals(self, measure: str, span: Span) -> Sequence[MeasureRow]:
            asked.append(f"{measure} {span.from_ms}")
            return super().totals(measure, span)

    evidence = Counting([points([91, 92, 93, 94])], KPIS, at_ms=ms(NOW))
    judge(one_rule(LIST % "met >= 3", "x.bad == 0"), evidence, ms(NOW))
    assert len(asked) == len(set(asked)) == 8
