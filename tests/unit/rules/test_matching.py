"""Ways of joining two row sets: who is picked, a third set, groups and lags. Counted by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ccmm_rules.evaluate import judge
from ccmm_rules.memory import Fact, MemoryEvidence
from ccmm_rules.model import Outcome
from ccmm_rules.verdict import Verdict
from tests.unit.rules.examples import happened, listed, ms, one_rule

NOW = "2026-03-20T03:00"
Rows = Sequence[tuple[str, str | None, Mapping[str, object]]]


def verdict_on(read: str, require: str, *facts: Fact) -> Verdict:
    evidence = MemoryEvidence(facts, {"zone": "Asia/Shanghai"}, at_ms=ms(NOW))
    return judge(one_rule(read, require), evidence, ms(NOW))["D-SEC-01"]


def told(kind: str, rows: Rows) -> Fact:
    return replace(happened(kind, rows, NOW, source=kind), agent=kind, sequence=0)


ALARMS: Rows = [
    ("2026-03-10T10:00", None, {"system": "acd", "service": "voice"}),
    ("2026-03-10T10:05", None, {"system": "acd", "service": "chat"}),
    ("2026-03-11T10:00", None, {"system": "crm", "service": "voice"}),
]
CHANGES: Rows = [
    ("2026-03-10T09:30", None, {"system": "acd", "approved": False}),
    ("2026-03-10T09:58", None, {"system": "acd", "approved": True}),
]
JOIN = (
    "{match: {occurrences: alert}, with: {occurrences: change, same: {system: system}, time: [-1h, 0h]}, over: 30d, %s}"
)


def both(more: str, require: str) -> Verdict:
    return verdict_on(JOIN % more, require, told("alert", ALARMS), told("change", CHANGES))


def test_nearest_gives_each_partner_once_and_the_nearest_first() -> None:
    verdict = both(
        'pick: nearest, good: "b.approved", lag: [b.started, a.started], in: minutes', "x.both == 2 && x.good == 1"
    )
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen
    assert (verdict.seen["x.p50"], verdict.seen["x.max"], verdict.seen["x.only_a"]) == (2.0, 35.0, 1)


def test_first_gives_each_its_first_partner_however_many_it_serves() -> None:
    verdict = both('pick: first, good: "b.approved"', "x.both == 2 && x.good == 0 && x.only_b == 1")
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen


def test_best_prefers_pairs_that_are_good_over_nearer_ones() -> None:
    rows: Rows = [
        ("2026-03-10T09:30", None, {"system": "acd", "approved": True}),
        (*CHANGES[1][:2], {"system": "acd", "approved": False}),
    ]
    read = JOIN % 'pick: best, good: "b.approved"'
    verdict = verdict_on(read, "x.good == 1 && x.both == 2", told("alert", ALARMS), told("change", rows))
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen
    alone = verdict_on(read, "x.good == 1 && x.both == 1", told("alert", ALARMS[:1]), told("change", rows))
    assert alone.outcome == Outcome.SATISFIED, alone.seen


def test_all_makes_every_pair_that_joins() -> None:
    verdict = both('pick: all, good: "b.approved"', "x.both == 2 && x.good == 2")
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen
    assert verdict.seen["x.good_share"] == 50.0  # two of four pairs


def test_groups_show_the_worst_the_mean_and_how_far_they_lie_apart() -> None:
    verdict = both("pick: all, by: service", "x.groups == 2")
    assert (verdict.seen["x.worst"], verdict.seen["x.mean"], verdict.seen["x.spread"]) == (50.0, 75.0, 50.0)


def test_a_lag_in_working_days_leaves_out_the_weekend() -> None:
    read = "{match: {occurrences: alert}, with: {occurrences: review, time: [0h, 7d]}, over: 30d, %s}"
    read %= "lag: [a.started, b.started], in: workdays"
    friday = told("alert", [("2026-03-06T10:00", None, {})])
    tuesday = told("review", [("2026-03-10T09:00", None, {})])
    assert verdict_on(read, "x.max == 2.0", friday, tuesday).outcome == Outcome.SATISFIED


def test_a_third_set_keeps_those_that_join_it_as_far_away_as_it_says() -> None:
    read = (
        "{match: {occurrences: alert, also: {occurrences: incident, same: {service: service}, time: [-10d, 0h]}}, "
        "with: {occurrences: change, time: [-1m, 1m]}, over: 11d, empty: 0}"
    )
    incident = told("incident", [("2026-03-03T00:00", "2026-03-03T01:00", {"service": "voice"})])  # before the window
    verdict = verdict_on(read, "x.a == 2 && x.only_a == 2", told("alert", ALARMS), told("change", []), incident)
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen


def test_a_row_of_which_the_third_set_says_nothing_sure_leaves_all_open() -> None:
    read = (
        "{match: {occurrences: alert, also: {occurrences: incident, of: \"grade == 'I'\", time: [-10d, 0h]}}, "
        "with: {occurrences: change, time: [-1m, 1m]}, over: 11d, empty: 0}"
    )
    incident = told("incident", [("2026-03-03T00:00", None, {})])
    verdict = verdict_on(read, "x.a <= 3", told("alert", ALARMS), told("change", []), incident)
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "undecidable")


CALLS: Rows = [
    ("2026-03-10T10:00", None, {"agent": 1, "answered": True}),
    ("2026-03-09T10:00", None, {"agent": 1, "answered": True}),
    ("2026-03-11T10:00", None, {"agent": 2, "answered": True}),
    ("2026-03-12T10:00", None, {"agent": 3, "answered": True}),
]
NEWCOMERS = (
    "{match: {occurrences: call, of: answered, first_by: agent, "
    "also: {inventory: person, of: 'joined_days <= 90', same: {agent: key}}}, "
    "with: {occurrences: training, of: \"course == 'security' && passed\", same: {agent: person}, time: [-400d, 0h]}, "
    "over: 90d, empty: 0}"
)


def test_the_first_call_of_everyone_who_joined_lately_comes_after_the_training() -> None:
    joined: dict[str | int, Mapping[str, object]] = {
        1: {"joined": ms("2026-03-01T00:00")},
        2: {"joined": ms("2026-02-01T00:00")},
        3: {"joined": ms("2020-01-01T00:00")},
    }
    people = listed("person", joined, NOW)
    passed = {"course": "security", "passed": True}
    trained = told(
        "training",
        [("2026-03-09T12:00", None, {**passed, "person": 1}), ("2025-04-01T00:00", None, {**passed, "person": 2})],
    )
    verdict = verdict_on(NEWCOMERS, "x.a == 2 && x.only_a == 1", told("call", CALLS), people, trained)
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen  # agent 1 took a call at 10:00 and was trained at noon


def test_a_third_set_under_another_key_is_not_compared() -> None:
    people = listed("person", {1: {"joined": ms("2026-03-01T00:00")}}, NOW, key_id="other")
    verdict = verdict_on(NEWCOMERS, "x.a == 0", told("call", CALLS), people, told("training", []))
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "keys")
