"""What each formula makes of its measures: ratio, mean, percentile, count, gap, chi-square, gauges."""

from dataclasses import replace

import pytest

from ccmm_rules.errors import PackErrors
from ccmm_rules.evidence import MeasureRow
from ccmm_rules.model import Outcome
from ccmm_rules.operators.tally import apart, contributions, joined, sample_of, value_of
from ccmm_rules.vocabulary.tables import Metric, load_vocabulary
from tests.unit.rules.examples import ms, one_rule
from tests.unit.rules.figures import each, stated, verdict_on

METRICS = load_vocabulary().metrics
DAY_MS = 86_400_000
QUEUE = (("queue", "support"),)


def row(**parts: object) -> MeasureRow:
    whole: dict[str, object] = {"agent": "a", "source": "s", "dimensions": (), "start_ms": 0, "period_s": 900}
    return MeasureRow(**{**whole, **parts})  # type: ignore[arg-type]  # of the test's own choice


def figure(metric: Metric, rows: dict[str, list[MeasureRow]]) -> float | None:
    """Of all measures at once."""
    tallies = [
        tally for measure, found in rows.items() for tally in zip(*contributions(metric, measure, found), strict=True)
    ]
    return value_of(metric, joined(metric, tallies))


VECTORS: list[tuple[str, dict[str, list[MeasureRow]], float | None]] = [
    ("absence_rate", {"absent_time": [row(total=30.0)], "plan_time": [row(total=600.0)]}, 5.0),
    ("absence_rate", {"absent_time": [row(total=30.0)], "plan_time": [row(total=0.0)]}, None),
    ("time_to_proficiency", {"proficiency_time": [row(total=18.0, count=2), row(total=9.0, count=1)]}, 9.0),
    ("agent_attrition", {"leavers": [row(count=30)], "headcount": [row(count=100)] * 365}, 30.0),
    ("training_hours", {"training_time": [row(total=3600.0 * 40)], "headcount": [row(count=1)] * 365}, 40.0),
    ("contacts_per_customer", {"contacts_handled": [row(count=300)], "customers": [row(count=1000)] * 73}, 1.5),
    ("complaint_rate", {"complaints": [row(count=3)], "contacts_handled": [row(count=20_000)]}, 1.5),
    ("over_presence_minutes", {"onsite_login_time": [row(total=600.0)], "presence_time": [row(total=300.0)]}, 5.0),
    ("over_presence_minutes", {"onsite_login_time": [row(total=300.0)], "presence_time": [row(total=600.0)]}, -5.0),
    ("platform_availability", {"probe_watched": [row(total=1000.0)], "probe_down": [row(total=10.0)]}, 99.0),
    ("paid_time_gap", {"login_time": [row(total=95.0)], "paid_time": [row(total=100.0)]}, 5.0),
    ("paid_time_gap", {"login_time": [row(total=105.0)], "paid_time": [row(total=100.0)]}, 5.0),
    ("paid_time_gap", {"login_time": [row(total=105.0)], "paid_time": [row(total=0.0)]}, 1_000_000.0),
    ("paid_time_gap", {"login_time": [row(total=0.0)], "paid_time": [row(total=0.0)]}, None),
    (
        "volume_gap",
        {
            "ivr_entered": [row(count=60)],
            "calls_direct": [row(count=30)],
            "carrier_blocked": [row(count=8)],
            "carrier_attempts": [row(count=100)],
        },
        2.0,
    ),
    (
        "unexplained_loss",
        {
            "ivr_entered": [row(count=60)],
            "calls_direct": [row(count=30)],
            "carrier_blocked": [row(count=8)],
            "carrier_attempts": [row(count=100)],
        },
        2.0,
    ),
    (
        "ups_runtime",
        {"reading": [row(gauge=(20.0, 25.0, 22.0), count=2), row(gauge=(18.0, 30.0, 30.0), count=1)]},
        18.0,
    ),
    ("clock_offset_ms", {"reading": [row(gauge=(1.0, 25.0, 2.0), count=2), row(gauge=(3.0, 9.0, 4.0), count=1)]}, 25.0),
    ("clock_offset_ms", {"reading": []}, None),
]


@pytest.mark.parametrize(("metric", "rows", "value"), VECTORS)
def test_a_metric_is_divided_once(metric: str, rows: dict[str, list[MeasureRow]], value: float | None) -> None:
    assert figure(METRICS[metric], rows) == (None if value is None else pytest.approx(value))


def test_the_last_reading_counts_where_a_metric_asks_for_it_and_of_several_the_worse() -> None:
    fuel = replace(METRICS["fuel_hours"], formula="last")
    rows = [row(gauge=(1.0, 9.0, 5.0), count=1, start_ms=900_000), row(gauge=(1.0, 9.0, 2.0), count=1)]
    assert figure(fuel, {"reading": rows}) == 5.0
    rows.append(row(gauge=(1.0, 9.0, 4.0), count=1, start_ms=900_000))
    assert figure(fuel, {"reading": rows}) == 4.0
    assert figure(replace(fuel, better="down"), {"reading": rows}) == 5.0


def test_readings_are_counted_and_an_empty_slot_is_none() -> None:
    metric = METRICS["ups_runtime"]
    assert sample_of(metric, joined(metric, [])) == 0
    tallies = list(zip(*contributions(metric, "reading", [row(gauge=(1.0, 2.0, 1.5), count=7), row()]), strict=True))
    assert sample_of(metric, joined(metric, tallies)) == 7


def test_what_is_too_much_on_one_day_mends_nothing_on_another() -> None:
    assert apart((80.0, 100.0)) == (120.0, 100.0) == apart((120.0, 100.0))

    def forecast(start_ms: int) -> int:
        return 8 if start_ms // DAY_MS % 2 else 12

    facts = [stated({"forecast_contacts": {QUEUE: forecast}, "calls_offered": {QUEUE: each(10)}})]
    local = {"zone": "UTC"}
    assert verdict_on("{metric: forecast_wape, over: 30d}", "x <= 15.0", facts, local).seen["x"] == pytest.approx(20.0)
    assert (
        verdict_on("{slots: forecast_wape, over: 30d, every: day, meets: 15}", "x.bad == 0", facts, local).seen["x.bad"]
        == 30
    )


def test_a_gap_to_nothing_is_not_left_out() -> None:
    paid, unpaid, idle = ((("agent", number),) for number in (1, 2, 3))
    login = {paid: each(28_800.0), unpaid: each(28_800.0), idle: each(0.0)}
    facts = [stated({"login_time": login, "paid_time": {paid: each(28_800.0)}})]
    verdict = verdict_on(
        "{slots: paid_time_gap, over: 2mo, every: month, meets: 5, by: agent}", "x.share >= 95.0", facts
    )
    assert (verdict.seen["x.n"], verdict.seen["x.bad"], verdict.seen["x.worst"]) == (4, 2, 1_000_000.0)


def test_a_random_sample_passes_chi_square_and_a_picked_one_does_not() -> None:
    cells = [(("cell", name),) for name in ("early", "late", "night")]
    population = {cell: each(100 * size) for cell, size in zip(cells, (1, 2, 3), strict=True)}
    like = {cell: each(size) for cell, size in zip(cells, (1, 2, 3), strict=True)}
    picked = {cell: each(size) for cell, size in zip(cells, (4, 1, 1), strict=True)}
    read = "{metric: qa_randomness, over: 30d, sample: 100}"
    drawn = verdict_on(read, "x >= 0.01", [stated({"qa_cells": like, "recorded_cells": population})])
    assert (drawn.outcome, drawn.seen) == (Outcome.SATISFIED, {"x": 1.0, "x.n": 180})
    chosen = verdict_on(read, "x >= 0.01", [stated({"qa_cells": picked, "recorded_cells": population})])
    assert chosen.outcome == Outcome.NOT_SATISFIED
    few = verdict_on(
        read.replace("100", "200"), "x >= 0.01", [stated({"qa_cells": like, "recorded_cells": population})]
    )
    assert (few.outcome, few.reason, few.seen) == (Outcome.INCONCLUSIVE, "sample", {"x.n": 180})


def test_one_cell_alone_decides_nothing() -> None:
    facts = [stated({"qa_cells": {(("cell", "early"),): each(9)}, "recorded_cells": {(("cell", "early"),): each(90)}})]
    verdict = verdict_on("{metric: qa_randomness, over: 30d}", "x >= 0.01", facts)
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "sample")


def test_a_definition_fixes_its_dimensions() -> None:
    text, mail = (("channel", "text"),), (("channel", "mail"),)
    facts = [stated({"reply_time": {text: each(60.0), mail: each(7200.0)}})]
    assert verdict_on("{metric: text_first_response, over: 7d}", "x <= 180.0", facts).seen["x"] == 60.0
    assert verdict_on("{metric: mailbox_first_response, over: 7d}", "x <= 180.0", facts).seen["x"] == 7200.0
    slots = "{slots: text_first_response, over: 7d, every: 1d, meets: 180}"
    assert verdict_on(slots, "x.bad == 0", facts).seen["x.worst"] == 60.0


def test_figures_that_settle_late_are_read_late() -> None:
    def resolved(start_ms: int) -> int:
        return 8 if start_ms < ms("2026-03-12T08:00") else 0  # of the last week nobody knows yet

    facts = [stated({"issues": {(): each(10)}, "issues_resolved_first": {(): resolved}})]
    verdict = verdict_on("{metric: fcr, over: 30d}", "x >= 80.0", facts)
    assert verdict.seen == {"x": 80.0, "x.n": 300}


def test_figures_by_the_day_end_with_a_whole_day() -> None:
    """At 20:00 UTC the UTC day is not over, though in Shanghai a new day began at 16:00."""
    at = "2026-03-20T04:00"
    facts = [stated({"absent_time": {(): each(6.0)}, "plan_time": {(): each(100.0)}}, until=at)]
    verdict = verdict_on("{metric: absence_rate, over: 7d}", "x <= 6.0", facts, at=at)
    assert verdict.seen == {"x": 6.0, "x.n": 700}


def test_people_who_hardly_worked_are_judged_together() -> None:
    agents = {(("agent", number),): each(10) for number in (1, 2)} | {
        (("agent", 3),): each(1),
        (("agent", 4),): each(1),
    }
    short = {(("agent", 1),): each(0), (("agent", 2),): each(1), (("agent", 3),): each(1)}
    facts = [stated({"agent_calls": agents, "agent_short_calls": short})]
    verdict = verdict_on(
        "{metric: agent_short_call_rate, over: 30d, by: agent, sample: 50}", "x <= 3.0 * x.median", facts
    )
    assert verdict.seen["x.groups"] == 3
    assert (verdict.seen["x"], verdict.seen["x.median"]) == (50.0, 10.0)


@pytest.mark.parametrize(
    ("read", "said"),
    [
        ("{metric: rack_temperature, over: 7d}", "has two ends"),
        ("{metric: qa_randomness, over: 7d, by: cell}", "compares one table of cells"),
        ("{slots: qa_randomness, over: 7d, every: 1d, meets: 1}", "compares one table of cells"),
        ("{slots: forecast_wape, over: 4w, every: week, meets: 10}", "write every: day"),
        ("{slots: forecast_wape, over: 30d, every: 10d, meets: 10}", "is taken by the day"),
        ("{slots: absence_rate, over: 30d, every: 1h, meets: 5}", "multiples of 1440 minutes"),
        ("{slots: platform_availability, over: 30d, every: 1m, meets: 5}", "multiples of 5 minutes"),
        ("{slots: rack_temperature, over: 30d, every: 1h, meets: 27}", "has no better side"),
    ],
)
def test_what_a_formula_cannot_do_is_refused(read: str, said: str) -> None:
    with pytest.raises(PackErrors) as caught:
        one_rule(read, "x.bad == 0" if "slots" in read else "x >= 1.0")
    assert said in str(caught.value)


def test_a_count_of_a_difference_is_none_where_the_other_side_is_larger() -> None:
    metric = load_vocabulary().metrics["over_presence_minutes"]
    assert sample_of(metric, (-600.0,)) == 0
    assert sample_of(metric, (600.0,)) == 600
