"""Rows that the engine makes: breaches, signals, changes (silences: test_silence). Each number is counted by hand."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from ccmm_rules.errors import PackErrors
from ccmm_rules.evidence import Span
from ccmm_rules.memory import Fact
from ccmm_rules.model import Outcome
from tests.unit.rules.derived import NOW, PROFILE, verdict_on
from tests.unit.rules.examples import counted, happened, listed, ms, one_rule

SLOTS = "occurrences: breach.answer_rate, every: 15m, meets: 80"


def answered(dips: Mapping[str, int], *, queue: str = "support", since: str = "2026-01-01T00:00") -> Fact:
    """Ten calls offered in each quarter hour, nine answered; from each instant on, other numbers until the next."""
    fact = counted({"calls_offered": {queue: [10]}, "calls_answered": {queue: [9]}}, since, NOW)
    turns = sorted((ms(at), count) for at, count in dips.items())

    def count(start_ms: int) -> int:
        return next((number for begin, number in reversed(turns) if begin <= start_ms), 9)

    rows = dict(fact.rows)
    rows["calls_answered"] = [row._replace(count=count(row.start_ms)) for row in rows["calls_answered"]]
    return replace(fact, rows=rows)


DIP = {
    "2026-03-18T10:00": 7,
    "2026-03-18T10:30": 5,
    "2026-03-18T10:45": 9,
    "2026-03-19T20:00": 0,
    "2026-03-19T20:15": 9,
}


def test_a_breach_is_a_run_of_slots_beyond_what_they_should_meet() -> None:
    read = f"{{{SLOTS}, over: 7d, good: 'lasted_minutes > 30.0 && worst < 60.0 && slots == 3'}}"
    verdict = verdict_on(read, "x.good == 1 && x.n == 2", [answered(DIP)])
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen
    assert verdict.seen["x.last_days"] == 1  # the long one began 2026-03-18 10:00, 1 day 17 hours ago


def test_split_gives_a_row_for_every_slot() -> None:
    verdict = verdict_on(f"{{{SLOTS}, split: true, over: 7d}}", "x.n == 4", [answered(DIP)])
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen


def test_a_breach_that_goes_on_is_open_and_lasts_as_long_as_is_known() -> None:
    fact = answered({"2026-03-20T00:15": 5})
    read = f"{{{SLOTS}, over: 7d, good: 'open && !has_ended && lasted_minutes == 45.0'}}"
    verdict = verdict_on(read, "x.good == 1", [fact])  # until 3:00, less two hours in which late facts may come
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen


def test_a_breach_that_began_before_the_window_counts_from_its_beginning() -> None:
    fact = answered({"2026-03-01T00:00": 5, "2026-03-13T01:00": 9})
    verdict = verdict_on(f"{{{SLOTS}, over: 7d, number: lasted_minutes}}", "x.max == 60.0", [fact])
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen


def test_slots_with_nothing_to_divide_end_a_run_and_are_no_breach() -> None:
    quiet = counted(
        {"calls_offered": {"support": [10, 0, 10, 0]}, "calls_answered": {"support": [5, 0]}}, "2026-03-19T00:00", NOW
    )
    quiet = replace(quiet, covers=Span(ms("2026-01-01T00:00"), ms(NOW)))
    verdict = verdict_on(f"{{{SLOTS}, over: 7d, number: slots}}", "x.max == 1 && x.n == 50", [quiet])
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen  # 00:00 to 01:00 of the next day: every other quarter


def test_breaches_by_queue_are_rows_of_the_queue() -> None:
    sales = answered({"2026-03-19T12:00": 1, "2026-03-19T13:00": 9}, queue="sales")
    support = answered(DIP)
    both = replace(support, rows={name: [*rows, *sales.rows[name]] for name, rows in support.rows.items()})
    read = f"{{{SLOTS}, over: 7d, by: queue, expect: queues, of: 'lasted_minutes >= 45.0'}}"
    verdict = verdict_on(read, "x.groups == 2 && x.absent == 0 && x.most == 1", [both])
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen
    together = verdict_on(f"{{{SLOTS}, over: 7d}}", "x.n == 3", [both])
    assert together.outcome == Outcome.SATISFIED, together.seen  # 14, 18, 9 and 10 of 20: three runs of the center


def test_the_centers_own_target_decides_and_must_be_there() -> None:
    read = "{occurrences: breach.answer_rate, every: day, meets: target, over: 7d, empty: 0}"
    fact = answered({"2026-03-16T00:00": 7, "2026-03-18T00:00": 9})
    verdict = verdict_on(read.replace("empty: 0", "number: worst"), "x.n == 1 && x.min == 70.0", [fact])
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen
    missing = verdict_on(read, "x.n == 0", [fact], {"zone": "Asia/Shanghai"})
    assert (missing.outcome, missing.reason) == (Outcome.MISSING, "unanswered")


def test_breaches_of_a_list_of_metrics_name_the_metric() -> None:
    profile = {**PROFILE, "key_kpis": ["answer_rate", "agent_release_rate"], "target.agent_release_rate": 5.0}
    fact = answered({"2026-02-01T00:00": 7, "2026-03-01T00:00": 9})
    lost = [row._replace(count=0) for row in fact.rows["calls_answered"]]
    fact = replace(fact, rows={**fact.rows, "agent_releases": lost}, feeds=(*fact.feeds, "agent_releases"))
    read = "{occurrences: breach.key_kpis, every: month, meets: target, over: 2mo, by: metric}"
    verdict = verdict_on(read, "x.n == 1 && x.groups == 1", [fact], profile)
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen
    nothing = verdict_on(read, "x.n == 0", [fact], {**profile, "key_kpis": []})
    assert (nothing.outcome, nothing.reason) == (Outcome.INCONCLUSIVE, "empty")
    unknown = verdict_on(read, "x.n == 0", [fact], {**profile, "key_kpis": ["answer_rate", "happiness"]})
    assert (unknown.outcome, unknown.reason) == (Outcome.INCONCLUSIVE, "undecidable")


def test_a_breach_may_hide_where_nothing_was_vouched_for() -> None:
    late = replace(answered(DIP), covers=Span(ms("2026-03-16T00:00"), ms(NOW)))
    verdict = verdict_on(f"{{{SLOTS}, over: 7d, empty: 0}}", "x.n <= 5", [late])
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "uncovered")
    assert verdict.seen == {}


def test_breaches_and_alarms_are_joined_by_time_and_group() -> None:
    alarms = happened(
        "alert",
        [
            ("2026-03-18T09:50", "2026-03-18T10:00", {"system": "support"}),
            ("2026-03-19T19:00", None, {"system": "sales"}),
        ],
        NOW,
    )
    read = (
        f"{{match: {{{SLOTS}, by: queue}}, with: {{occurrences: alert, same: {{group: system}}, time: [-1h, 0h]}}, "
        "over: 7d, lag: [b.started, a.started], in: minutes}"
    )
    verdict = verdict_on(read, "x.a == 2 && x.both == 1 && x.only_b == 1 && x.max == 10.0", [answered(DIP), alarms])
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen


def test_a_signal_lies_beyond_the_limits_of_its_chart() -> None:
    fact = answered({"2026-03-17T00:00": 5, "2026-03-18T00:00": 9})
    read = "{occurrences: signal.answer_rate, every: day, over: 21d, good: 'sigma < -3.0', number: sigma}"
    verdict = verdict_on(read, "x.n == 1 && x.good == 1", [fact])
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen
    # 21 days and the running one's predecessor: 20 days at 90 %, one at 50 %: mean 88.095, mean range 80/20 = 4
    assert verdict.seen["x.min"] == pytest.approx((50 - (20 * 90 + 50) / 21) / (4 / 1.128))


def test_too_few_points_tell_no_signal_from_noise() -> None:
    verdict = verdict_on(
        "{occurrences: signal.answer_rate, every: day, over: 7d, empty: 0}", "x.n == 0", [answered(DIP)]
    )
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "sample")


def targets(as_of: str, sequence: int, **numbers: float) -> Fact:
    entries: dict[str | int, Mapping[str, object]] = {
        name: {"register": "target", "metrics": (name,), "number": number, "owner": 7}
        for name, number in numbers.items()
    }
    return listed("register", entries, as_of, source="targets", sequence=sequence)


def test_a_change_is_a_row_for_each_attribute_that_differs() -> None:
    facts = [
        targets("2026-03-01T00:00", 0, answer_rate=90.0, abandonment_rate=5.0),
        targets("2026-03-10T00:00", 1, answer_rate=85.0, abandonment_rate=5.0),
        targets("2026-03-15T00:00", 2, answer_rate=85.0, abandonment_rate=8.0),
        targets(NOW, 3, answer_rate=85.0, aht=300.0),
    ]
    read = (
        "{occurrences: change.register, of: \"register == 'target'\", over: 30d, by: metric, "
        "good: \"lowered && attribute in ['number', 'entry_removed']\"}"
    )
    verdict = verdict_on(read, "x.n == 4 && x.good == 3 && x.groups == 3 && x.most == 2", facts)
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen
    text = read.replace("good: \"lowered && attribute in ['number', 'entry_removed']\"", 'good: "!has_before"')
    assert verdict_on(text, "x.good == 2", facts).outcome == Outcome.SATISFIED


def test_a_lost_list_leaves_nothing_of_its_changes() -> None:
    facts = [targets("2026-03-01T00:00", 0, aht=1.0), targets("2026-03-10T00:00", 1, aht=1.0), targets(NOW, 3, aht=2.0)]
    verdict = verdict_on("{occurrences: change.register, over: 5d}", "x.n >= 1", facts)
    assert (verdict.outcome, verdict.reason, verdict.seen) == (Outcome.INCONCLUSIVE, "hole", {})
    whole = [*facts[:2], replace(facts[2], sequence=2)]
    assert verdict_on("{occurrences: change.register, over: 5d}", "x.n >= 1", whole).outcome == Outcome.SATISFIED


def test_a_look_that_found_nothing_shows_that_all_went() -> None:
    full = targets("2026-03-15T00:00", 0, answer_rate=90.0, aht=300.0)
    none = replace(
        full, sequence=1, recorded_ms=ms(NOW), outcome="EMPTY", listings={}, covers=Span(full.recorded_ms, ms(NOW))
    )
    read = "{occurrences: change.register, over: 5d, good: \"attribute == 'entry_removed' && lowered\"}"
    assert verdict_on(read, "x.good == 2 && x.n == 2", [full, none]).outcome == Outcome.SATISFIED


@pytest.mark.parametrize(
    ("read", "problem"),
    [
        ("{occurrences: breach.answer_rat, every: 15m, meets: 80, over: 7d}", "'answer_rat' is no metric"),
        ("{occurrences: breach.answer_rate, every: 10m, meets: 80, over: 7d}", "multiples of 15 minutes"),
        ("{occurrences: breach.answer_rate, every: 15m, over: 7d}", "'meets' is not there"),
        ("{occurrences: breach.answer_rate, every: 15m, meets: limit, over: 7d}", "do not depend on the level"),
        ("{occurrences: breach.aht, every: 15m, meets: 80, over: 7d}", "has no better side"),
        ("{occurrences: breach.answer_rate, every: 15m, meets: 80}", "'over' is not there"),
        ("{occurrences: breach.answer_rate, every: 15m, meets: 80, over: 7d, by: colour}", "nothing to group by"),
        ("{occurrences: breach.key_kpis, every: 15m, meets: target, over: 7d}", "no slot in common"),
        ("{occurrences: breach.key_kpis, every: month, meets: 80, over: 7d}", "no limit in common"),
        ("{occurrences: signal.answer_rate, over: 7d}", "'every' is not there"),
        ("{occurrences: signal.answer_rate, every: day, meets: 3, over: 7d}", "unknown key 'meets'"),
        ("{occurrences: change.call, over: 7d}", "'call' is no inventory"),
        ("{occurrences: change.register, over: 7d, of: \"register == 'aim'\"}", "'aim' is no word"),
        ("{occurrences: change.register, over: 7d, of: \"attribute == 'size'\"}", "'size' is no word"),
        ("{occurrences: silence, every: day, over: 7d}", "unknown key 'every'"),
        ("{occurrences: silence.noc, over: 7d}", "write silence"),
        ("{occurrences: alert, every: day, over: 7d}", "unknown key 'every'"),
    ],
)
def test_a_broken_read_of_derived_rows_is_refused(read: str, problem: str) -> None:
    with pytest.raises(PackErrors) as caught:
        one_rule(read, "x.n == 0")
    assert problem in str(caught.value)
