"""What a join says when a statement is lost, or time between two runs is not vouched for."""

from dataclasses import replace

import pytest

from ccmm_rules.evidence import Span
from ccmm_rules.memory import Fact
from ccmm_rules.model import Outcome
from ccmm_rules.spec import HOUR_MS
from tests.unit.rules.examples import listed, ms
from tests.unit.rules.test_match_edges import at
from tests.unit.rules.test_matching import NOW, told, verdict_on

LISTS = "{match: {inventory: account}, with: {inventory: person, same: {person: key}}}"
TIMED = "{match: {occurrences: alert}, with: {occurrences: change, time: [-1h, 0h]}, over: 2d, empty: 0}"
FINE, OPEN = Outcome.SATISFIED, Outcome.INCONCLUSIVE


def lists(numbers: tuple[int, int]) -> list[Fact]:
    """Two lists of one agent under these numbers."""
    people = listed("person", {1: {}}, "2026-03-20T02:00", sequence=numbers[0])
    return [people, listed("account", {11: {"person": 1}}, "2026-03-20T02:00", source="idm", sequence=numbers[1])]


def beat(sequence: int, time: str, agent: str = "it") -> Fact:
    """A word of an agent that tells nothing."""
    return Fact(agent=agent, sequence=sequence, recorded_ms=ms(time), source="beat", feeds=(), covers=None)


def test_a_number_lost_after_the_lists_leaves_the_join_open_and_one_before_does_not() -> None:
    assert verdict_on(LISTS, "x.only_a == 0", *lists((0, 1))).outcome == FINE
    lost = verdict_on(LISTS, "x.only_a == 0", *lists((0, 1)), beat(3, "2026-03-20T03:00"))
    assert (lost.outcome, lost.reason, lost.blamed) == (OPEN, "hole", "x")
    earlier = verdict_on(LISTS, "x.only_a == 0", beat(0, "2026-03-19T03:00"), *lists((2, 3)))
    assert earlier.outcome == FINE


@pytest.mark.parametrize(
    ("hour", "outcome"),
    [("2026-03-19T12:00", OPEN), ("2026-03-18T00:00", OPEN), ("2026-03-17T12:00", FINE)],
)
def test_a_number_lost_within_the_window_or_shortly_before_leaves_the_join_open(hour: str, outcome: Outcome) -> None:
    facts = [told("alert", [("2026-03-19T10:00", None, {})]), told("change", [("2026-03-19T09:30", None, {})])]
    known = [beat(0, "2026-03-10T00:00", "noc"), beat(2, hour, "noc"), beat(3, NOW, "noc")]
    verdict = verdict_on(TIMED, "x.only_a == 0", *facts, *known)
    assert (verdict.outcome, verdict.reason) == (outcome, "hole" if outcome == OPEN else "")


@pytest.mark.parametrize(
    ("begins", "outcome"), [("2026-03-18T00:00", FINE), ("2026-03-18T01:00", OPEN), ("2026-03-17T00:00", FINE)]
)
@pytest.mark.parametrize("side", ["alert", "change"])
def test_time_of_the_window_that_no_run_vouched_for_leaves_the_join_open(
    side: str, begins: str, outcome: Outcome
) -> None:
    facts = {
        "alert": told("alert", [("2026-03-19T10:00", None, {})]),
        "change": told("change", [("2026-03-19T09:30", None, {})]),
    }
    facts[side] = replace(facts[side], covers=Span(ms(begins), ms(NOW)))
    verdict = verdict_on(TIMED, "x.only_a == 0", *facts.values())
    assert (verdict.outcome, verdict.reason) == (outcome, "uncovered" if outcome == OPEN else "")


def test_a_lag_that_has_not_ended_counts_so_far_and_one_without_a_beginning_has_no_value() -> None:
    lag = "lag: [a.left, b.disabled], in: hours"
    read = f"{{match: {{inventory: person}}, with: {{inventory: account, same: {{key: person}}}}, {lag}}}"
    accounts = listed("account", {11: {"person": 1}}, NOW, source="idm", sequence=1)
    left = listed("person", {1: {"left": ms(NOW) - 5 * HOUR_MS}}, NOW)
    assert verdict_on(read, "x.max <= 4.0", left, accounts).seen["x.max"] == 5.0
    closed = listed("account", {11: {"person": 1, "disabled": ms(NOW) - 3 * HOUR_MS}}, NOW, source="idm", sequence=1)
    assert verdict_on(read, "x.max <= 4.0", left, closed).seen["x.max"] == 2.0
    unknown = verdict_on(read, "x.max <= 4.0", listed("person", {1: {}}, NOW), closed)
    assert (unknown.outcome, "x.max" in unknown.seen) == (OPEN, False)


def test_what_more_evidence_could_only_raise_stands_under_a_hole() -> None:
    facts = [told("alert", [at("10:00")]), told("change", [at("09:30")])]
    read = TIMED.replace("over: 2d", "over: 30d")
    hole = [beat(0, "2026-03-09T00:00", "noc"), beat(2, "2026-03-12T00:00", "noc"), beat(3, NOW, "noc")]
    assert verdict_on(read, "x.both >= 1", *facts, *hole).outcome == FINE
    assert verdict_on(read, "x.share >= 100.0", *facts, *hole).outcome == OPEN


LOST = [beat(0, "2026-03-09T00:00", "noc"), beat(2, "2026-03-12T00:00", "noc"), beat(3, NOW, "noc")]
MONTH = "{match: {occurrences: alert}, with: {occurrences: change, time: [-1h, 0h]%s}, over: 30d%s}"


@pytest.mark.parametrize(("pick", "outcome"), [("nearest", OPEN), ("first", OPEN), ("best", FINE), ("all", FINE)])
def test_good_pairs_stand_under_a_hole_only_where_a_lost_partner_could_not_be_nearer(
    pick: str, outcome: Outcome
) -> None:
    facts = [told("alert", [at("10:00")]), told("change", [at("09:30", approved=True)])]
    read = MONTH % ("", f", pick: {pick}, good: b.approved")
    assert verdict_on(read, "x.good >= 1", *facts, *LOST).outcome == outcome
    assert verdict_on(read, "x.good >= 1", *facts).outcome == FINE


def test_what_is_unsure_does_not_stand_under_a_hole() -> None:
    facts = [told("alert", [at("10:00")]), told("change", [at("09:30")])]
    sure = MONTH % (', if: "b.started < a.started"', "")
    unsure = MONTH % (", if: b.approved", "")
    assert verdict_on(sure, "x.both >= 1", *facts, *LOST).outcome == FINE
    assert verdict_on(unsure, "x.both >= 1", *facts, *LOST).outcome == OPEN


def test_of_joined_lists_nothing_stands_under_a_hole() -> None:
    lost = beat(3, "2026-03-20T03:00")
    verdict = verdict_on(LISTS, "x.both >= 1", *lists((0, 1)), lost)
    assert (verdict.outcome, verdict.seen) == (OPEN, {})
    mixed = "{match: {occurrences: session}, with: {inventory: person, same: {person: key}}, over: 2d}"
    session = replace(told("session", [("2026-03-19T10:00", None, {"person": 1})]), agent="acd")
    people = listed("person", {1: {}}, "2026-03-20T02:00")
    assert verdict_on(mixed, "x.both >= 1", session, people).outcome == FINE
    after = verdict_on(mixed, "x.only_a == 0", session, people, replace(lost, sequence=2))
    assert (after.outcome, after.reason) == (OPEN, "hole")


def test_in_the_look_where_more_is_paired_fewer_are_left_alone() -> None:
    first = [at("10:00", service="voice"), at("11:00", service="voice"), at("12:00", service="chat")]
    changes = [at("09:50", approved=True), at("10:50"), at("11:50")]
    read = MONTH % (", if: b.approved", ", by: service")
    verdict = verdict_on(read, "x.share >= 90.0", told("alert", first), told("change", changes))
    names = ("share", "only_a", "only_a_share", "only_b", "only_b_share", "worst", "mean", "spread")
    assert [verdict.seen[f"x.{name}"] for name in ("only_a", "only_b", "worst")] == [2, 2, 0.0]
    assert [verdict.hoped[f"x.{name}"] for name in names] == [100.0, 0, 0.0, 0, 0.0, 100.0, 100.0, 0.0]
    assert {"x.both"} & set(verdict.seen) == set()
    assert (verdict.seen["x.a"], verdict.seen["x.groups"]) == (3, 2)
