"""`during`: the time that counts."""

from dataclasses import replace

import pytest

from ccmm_rules.errors import PackErrors
from ccmm_rules.evidence import Answer, Span
from ccmm_rules.memory import Fact, MemoryEvidence
from ccmm_rules.model import Outcome
from ccmm_rules.operators.masking import masked, parse_hours
from ccmm_rules.operators.spans import parts_within, united, whole_periods
from ccmm_rules.operators.view import View
from ccmm_rules.spec import During
from ccmm_rules.vocabulary.tables import load_vocabulary
from tests.unit.rules.examples import happened, ms, one_rule
from tests.unit.rules.figures import NOW, SINCE, Values, each, stated, verdict_on

OPEN = {"open_hours": ["mon-sun 08:00-20:00"]}
QUARTER_MS = 900_000
Rows = list[tuple[str, str | None, dict[str, object]]]


def by_hour(day: int, night: int) -> Values:
    """One value from 8 to 20 o'clock in Shanghai, another in the night."""
    return lambda start_ms: day if 8 <= (start_ms // 3_600_000 + 8) % 24 < 20 else night


def calls(day: int = 9, night: int = 1) -> Fact:
    queue = (("queue", "support"),)
    return stated({"calls_offered": {queue: each(10)}, "calls_answered": {queue: by_hour(day, night)}})


def spans_of(answers: object, first: str, last: str, zone: str = "Asia/Shanghai") -> tuple[Span, ...]:
    view = View(MemoryEvidence([], {"zone": zone, "open_hours": answers}), ms(last), load_vocabulary())
    return masked(view, During(open_hours=True), Span(ms(first), ms(last))).spans


def test_opening_hours_are_read_by_day_in_any_order() -> None:
    week = parse_hours(["mon-fri 08:00-20:00", "sat,sun 09:30-17:00", "mon 21:00-24:00"])
    assert week is not None
    assert week[0] == ((480, 1200), (1260, 1440))
    assert week[4] == ((480, 1200),)
    assert week[5] == week[6] == ((570, 1020),)
    across = parse_hours(["fri-mon 00:00-24:00"])
    assert across is not None
    assert [bool(day) for day in across] == [True, False, False, False, True, True, True]


@pytest.mark.parametrize(
    "answers",
    [
        ["mon-sun 8:00-20:00"],
        ["mon-sun 08:00-25:00"],
        ["mon-sun 08:60-20:00"],
        ["mon-sun 20:00-08:00"],
        ["mon-sun 08:00-08:00"],
        ["monday 08:00-20:00"],
        ["mon-tue-wed 08:00-20:00"],
        ["mon-fri 08:00-20:00", "weekends too"],
        ["always"],
        [],
        "mon-sun 08:00-20:00",
        None,
    ],
)
def test_a_malformed_answer_makes_all_of_them_unanswered(answers: object) -> None:
    assert parse_hours(answers) is None


def test_open_time_is_cut_to_the_window_and_joined_where_it_touches() -> None:
    assert spans_of(["mon-sun 00:00-24:00"], "2026-03-02T05:00", "2026-03-05T07:00") == (
        Span(ms("2026-03-02T05:00"), ms("2026-03-05T07:00")),
    )
    assert spans_of(["mon 08:00-12:00", "mon 11:00-13:00"], "2026-03-02T09:00", "2026-03-09T00:00") == (
        Span(ms("2026-03-02T09:00"), ms("2026-03-02T13:00")),
    )


def test_opening_hours_are_on_the_clock_where_clocks_change() -> None:
    (span,) = spans_of(["sun 00:00-24:00"], "2026-03-29T00:00", "2026-03-30T12:00", zone="Europe/Berlin")
    assert span.to_ms - span.from_ms == 23 * 3_600_000


def test_parts_are_cut_joined_and_held_to_whole_periods() -> None:
    assert parts_within([Span(0, 5), Span(8, 12), Span(20, 30)], Span(4, 10)) == [Span(4, 5), Span(8, 10)]
    assert united([Span(8, 9), Span(0, 5), Span(5, 7), Span(1, 2)]) == [Span(0, 7), Span(8, 9)]
    assert whole_periods([Span(1, 2000), Span(2100, 2900)], 900) == [Span(900, 1800)]


def test_a_ratio_counts_open_hours_only() -> None:
    read = "{metric: answer_rate, over: 7d, during: open_hours}"
    verdict = verdict_on(read, "x >= 90.0", [calls()], OPEN)
    assert verdict.seen == {"x": 90.0, "x.n": 7 * 48 * 10}
    assert verdict_on(read.replace(", during: open_hours", ""), "x >= 90.0", [calls()], OPEN).seen["x"] == 50.0


def test_without_a_well_formed_answer_the_read_is_missing() -> None:
    for read in ("{metric: answer_rate, over: 7d, during: open_hours}",):
        for answer in ({}, {"open_hours": ["day and night"]}):
            verdict = verdict_on(read, "x >= 1.0", [calls()], answer)
            assert (verdict.outcome, verdict.reason) == (Outcome.MISSING, "unanswered")


def test_the_answer_ends_the_verdict_with_it() -> None:
    until = ms("2026-03-20T09:00")
    answer = Answer(value=["mon-sun 08:00-20:00"], until_ms=until, log_index=0)
    verdict = verdict_on(
        "{metric: answer_rate, over: 7d, during: open_hours}", "x >= 90.0", [calls()], {"open_hours": answer}
    )
    assert verdict.valid_until_ms == until


def test_slots_in_the_night_are_no_slots() -> None:
    read = "{slots: answer_rate, over: 7d, every: 15m, meets: 90, during: open_hours}"
    verdict = verdict_on(read, "x.bad == 0", [calls()], OPEN)
    assert (verdict.outcome, verdict.seen["x.n"]) == (Outcome.SATISFIED, 7 * 48)
    days = verdict_on(read.replace("15m", "24h"), "x.bad == 0", [calls()], OPEN)
    assert (days.seen["x.n"], days.seen["x.worst"]) == (7, 90.0)


def test_a_gap_in_the_night_leaves_open_hours_whole() -> None:
    whole = calls()
    assert whole.covers is not None
    verdicts = []
    for gap in ("2026-03-18T02:00", "2026-03-18T10:00"):
        parts = [
            _over(whole, 0, Span(whole.covers.from_ms, ms(gap))),
            _over(whole, 1, Span(ms(gap) + QUARTER_MS, whole.covers.to_ms)),
        ]
        read = "{metric: answer_rate, over: 7d, during: open_hours}"
        verdicts.append(verdict_on(read, "x >= 90.0", parts, OPEN).reason)
        slots = verdict_on(
            read.replace("metric", "slots").replace("7d", "7d, every: 1h, meets: 90"), "x.bad == 0", parts, OPEN
        )
        verdicts.append(slots.reason)
    assert verdicts == ["", "", "uncovered", "uncovered"]


def _over(fact: Fact, sequence: int, covers: Span) -> Fact:
    return replace(fact, sequence=sequence, covers=covers)


DRILL = """{metric: standby_share, over: 30d, sample: 50,
  during: {occurrences: exercise, of: "class == 'failover' && passed"}}"""


def drilled(rows: Rows) -> list[Fact]:
    queue = (("queue", "support"),)
    begin, end = ms("2026-03-10T10:00"), ms("2026-03-10T12:00")
    standby: Values = lambda start_ms: 9 if begin <= start_ms < end else 0  # noqa: E731
    figures = stated({"calls_offered": {queue: each(10)}, "calls_on_standby": {queue: standby}})
    return [figures, happened("exercise", rows, NOW, since=SINCE)]


def test_a_share_is_taken_while_an_exercise_lasts_in_whole_quarter_hours() -> None:
    passed: dict[str, object] = {"class": "failover", "passed": True}
    facts = drilled(
        [
            ("2026-03-10T09:50", "2026-03-10T12:07", passed),
            ("2026-03-12T10:00", "2026-03-12T11:00", passed | {"passed": False}),
        ]
    )
    verdict = verdict_on(DRILL, "x >= 90.0", facts)
    assert verdict.seen == {"x": 90.0, "x.n": 80}


def test_an_exercise_without_an_end_or_of_unknown_class_leaves_the_time_undecided() -> None:
    passed: dict[str, object] = {"class": "failover", "passed": True}
    odd: Rows = [("2026-03-11T10:00", None, passed), ("2026-03-11T10:00", "2026-03-11T12:00", {"class": "failover"})]
    for row in odd:
        verdict = verdict_on(DRILL, "x >= 1.0", drilled([("2026-03-10T10:00", "2026-03-10T12:00", passed), row]))
        assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "undecided")


def test_under_a_hole_nothing_is_known_of_the_slots_of_an_exercise() -> None:
    passed: dict[str, object] = {"class": "failover", "passed": True}
    figures, drills = drilled([("2026-03-10T10:00", "2026-03-10T12:00", passed)])
    read = "{slots: standby_share, over: 30d, every: 15m, meets: 90, during: {occurrences: exercise}}"
    assert verdict_on(read, "x.good >= 8", [figures, drills]).outcome == Outcome.SATISFIED
    lost = verdict_on(read, "x.good >= 8", [figures, replace(drills, sequence=1)])
    assert (lost.outcome, lost.reason, lost.seen) == (Outcome.INCONCLUSIVE, "hole", {})


def test_no_exercise_at_all_is_empty_and_unheard_of_ones_are_missing() -> None:
    assert verdict_on(DRILL, "x >= 1.0", drilled([])).reason == "empty"
    alone = drilled([])[:1]
    assert verdict_on(DRILL, "x >= 1.0", alone).reason == "never"


def test_exercises_must_be_covered_over_the_whole_window() -> None:
    figures = drilled([])[0]
    passed: dict[str, object] = {"class": "failover", "passed": True}
    late = happened("exercise", [("2026-03-10T10:00", "2026-03-10T12:00", passed)], NOW, since="2026-03-05T00:00")
    assert verdict_on(DRILL, "x >= 1.0", [figures, late]).reason == "uncovered"


def test_a_series_may_be_masked_too() -> None:
    read = "{series: answer_rate, over: 4w, every: week, during: open_hours}"
    assert verdict_on(read, "x >= 90.0", [calls()], OPEN).seen["x"] == 90.0


@pytest.mark.parametrize(
    ("read", "said"),
    [
        ("{metric: answer_rate, over: 7d, during: working_hours}", "'working_hours' is no time"),
        ("{metric: answer_rate, over: 7d, during: {occurrences: exercises}}", "is no kind of occurrences"),
        ("{metric: answer_rate, over: 7d, during: {occurrences: exercise, if: passed}}", "unknown key 'if'"),
        ("{metric: answer_rate, over: 7d, during: {occurrences: exercise, of: 'passd'}}", "nothing is called"),
        ("{metric: absence_rate, over: 7d, during: open_hours}", "told by the day"),
    ],
)
def test_what_cannot_mask_is_refused(read: str, said: str) -> None:
    with pytest.raises(PackErrors) as caught:
        one_rule(read, "x >= 1.0")
    assert said in str(caught.value)
