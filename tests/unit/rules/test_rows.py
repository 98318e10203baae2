"""Rows and matches from evidence, and the states of docs/rule-reference.md."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ccmm_rules.evaluate import judge
from ccmm_rules.evidence import Answer, Span
from ccmm_rules.memory import Fact, MemoryEvidence
from ccmm_rules.model import Outcome
from ccmm_rules.verdict import Verdict
from tests.unit.rules.examples import happened, listed, ms, one_rule

PROFILE: dict[str, object] = {"zone": "Asia/Shanghai", "systems": ["crm", "acd"]}
NOW = "2026-03-20T03:00"
DORMANT = "{inventory: account, of: 'enabled', bad: 'last_login_days > 90'}"


def verdict_on(read: str, require: str, facts: Sequence[Fact], *, at: str = NOW, more: str = "") -> Verdict:
    pack = one_rule(read, require, more=more)
    return judge(pack, MemoryEvidence(facts, PROFILE, at_ms=ms(at)), ms(at))["D-SEC-01"]


def accounts(*logins: str | None, as_of: str = NOW) -> Fact:
    entries: dict[str | int, dict[str, object]] = {
        number: {"enabled": True} | ({"last_login": ms(login)} if login else {}) for number, login in enumerate(logins)
    }
    return listed("account", entries, as_of)


def test_entries_are_tested_by_their_age() -> None:
    verdict = verdict_on(DORMANT, "x.bad == 0", [accounts("2026-03-19T00:00", "2025-12-20T03:00")])
    assert verdict.seen == {"x.bad": 0, "x.n": 2, "x.share": 0.0}
    assert verdict.look_again_ms == ms("2026-03-21T00:00")
    assert verdict_on(DORMANT, "x.bad == 0", [accounts("2025-12-19T02:00")]).outcome == Outcome.NOT_SATISFIED


def test_an_entry_that_cannot_be_tested_is_bad_in_one_look_and_good_in_the_other() -> None:
    verdict = verdict_on(DORMANT, "x.bad == 0", [accounts("2026-03-19T00:00", None)])
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "undecidable")
    assert (verdict.seen["x.bad"], verdict.hoped["x.bad"]) == (1, 0)


def test_an_age_counts_as_of_the_list_and_as_of_now() -> None:
    fact = accounts("2025-12-18T20:00", as_of="2026-03-19T05:00")
    assert verdict_on(DORMANT, "x.bad == 0", [fact], at="2026-03-19T06:00").outcome == Outcome.SATISFIED
    assert verdict_on(DORMANT, "x.bad == 0", [fact], at="2026-03-20T06:00").outcome == Outcome.NOT_SATISFIED
    fact = accounts("2025-12-19T20:00", as_of="2026-03-19T05:00")
    young = verdict_on(
        "{inventory: account, good: 'last_login_days >= 90'}", "x.good >= 1", [fact], at="2026-03-19T21:00"
    )
    assert young.outcome == Outcome.NOT_SATISFIED


def test_states_never_stale_silent_and_incomplete() -> None:
    assert verdict_on(DORMANT, "x.bad == 0", []).reason == "never"
    old = accounts("2026-03-18T00:00", as_of="2026-03-19T00:59")
    assert verdict_on(DORMANT, "x.bad == 0", [old]).reason == "stale"
    tried = replace(old, sequence=1, outcome="UNAVAILABLE", recorded_ms=ms(NOW), listings={})
    assert verdict_on(DORMANT, "x.bad == 0", [old, tried]).reason == "silent"
    part = replace(accounts(), listings={})
    verdict = verdict_on(DORMANT, "x.bad == 0", [part])
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "incomplete")
    assert verdict_on(DORMANT, "x.bad == 0", [part], at="2026-03-21T05:01").reason == "stale"


def test_a_slow_source_is_given_two_of_its_runs_but_never_three_times_the_freshness() -> None:
    fact = replace(accounts("2026-03-18T00:00", as_of="2026-03-18T12:00"), every_s=24 * 3600)
    assert verdict_on(DORMANT, "x.bad == 0", [fact]).valid_until_ms == ms("2026-03-18T12:00") + 48 * 3_600_000 + 120_000
    slower = replace(fact, every_s=90 * 86400)
    assert verdict_on(DORMANT, "x.bad == 0", [slower]).valid_until_ms == ms("2026-03-18T12:00") + 78 * 3_600_000


def test_an_empty_base_proves_nothing_unless_the_rule_says_so() -> None:
    verdict = verdict_on(DORMANT, "x.bad == 0", [accounts()])
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "empty")
    said = DORMANT.replace("}", ", empty: 0}")
    assert verdict_on(said, "x.bad == 0", [accounts()]).outcome == Outcome.SATISFIED
    assert verdict_on("{documents: any}", "x.good >= 1", [listed("document", {}, NOW)]).outcome == Outcome.NOT_SATISFIED


def test_a_look_that_found_nothing_replaces_the_older_list() -> None:
    full = listed("document", {"p": {"class": "emergency_plan"}}, "2026-03-20T01:00")
    empty = replace(
        full,
        sequence=1,
        recorded_ms=ms(NOW),
        outcome="EMPTY",
        listings={},
        covers=Span(ms("2026-03-20T01:00"), ms(NOW)),
    )
    read = "{documents: emergency_plan}"
    assert verdict_on(read, "x.good >= 1", [full]).outcome == Outcome.SATISFIED
    assert verdict_on(read, "x.good >= 1", [full, empty]).outcome == Outcome.NOT_SATISFIED


def test_a_quiet_source_of_two_kinds_has_not_emptied_its_list() -> None:
    full = replace(listed("badge", {1: {"enabled": True}}, "2026-03-20T01:00"), feeds=("badge", "passage"))
    quiet = replace(full, sequence=1, recorded_ms=ms(NOW), outcome="EMPTY", listings={})
    read = "{inventory: badge, of: enabled, bad: '!has_person', empty: 0}"
    assert verdict_on(read, "x.bad == 0", [full]).outcome == Outcome.NOT_SATISFIED
    assert verdict_on(read, "x.bad == 0", [full, quiet]).outcome == Outcome.NOT_SATISFIED
    alone = replace(quiet, feeds=("badge",), covers=Span(0, ms(NOW)))
    assert verdict_on(read, "x.bad == 0", [replace(full, feeds=("badge",)), alone]).outcome == Outcome.SATISFIED


def test_a_lost_statement_after_the_list_unbinds_it_and_one_before_does_not() -> None:
    before = accounts("2026-03-18T00:00", as_of="2026-03-19T12:00")
    later = replace(accounts("2026-03-19T00:00"), sequence=5)
    assert verdict_on(DORMANT, "x.bad == 0", [before, later], at="2026-03-20T03:10").outcome == Outcome.SATISFIED
    tail = replace(
        later, sequence=7, source="other", feeds=("person",), recorded_ms=ms("2026-03-20T04:00"), listings={}
    )
    assert verdict_on(DORMANT, "x.bad == 0", [before, later, tail], at="2026-03-20T04:10").reason == "hole"


def test_under_a_hole_only_what_more_evidence_could_raise_stays() -> None:
    rows = [("2026-03-18T10:00", "2026-03-18T11:00", {"class": "access", "subject": "crm"})] * 3
    first = happened("review", rows, "2026-03-19T00:00")
    last = replace(happened("review", [], NOW), sequence=2, covers=Span(ms("2026-03-19T00:00"), ms(NOW)))
    read = "{occurrences: review, over: 30d}"
    assert verdict_on(read, "x.n >= 3", [first, last]).outcome == Outcome.SATISFIED
    assert verdict_on(read, "x.n <= 3", [first, last]).outcome == Outcome.INCONCLUSIVE
    assert verdict_on(read, "x.n >= 4", [first, last]).outcome == Outcome.INCONCLUSIVE
    assert verdict_on(read, "x.last_days <= 10", [first, last]).outcome == Outcome.SATISFIED


def test_open_alarms_keep_growing_and_tell_when_to_look_again() -> None:
    fact = happened("alert", [("2026-03-20T02:50", None, {})], NOW)
    read = "{occurrences: alert, lag: [started, acked], in: minutes, over: 30d}"
    verdict = verdict_on(read, "x.p90 <= limit", [fact], more="limits: {unit: min, L1: 15, L3: 12}")
    assert (verdict.seen["x.p90"], verdict.reached) == (10.0, 5)
    assert verdict.look_again_ms == ms("2026-03-20T03:02") + 1


def test_every_expected_group_and_every_closed_week_must_have_a_row() -> None:
    rows = [(f"2026-03-{day:02}T10:00", None, {"class": "access", "subject": "crm"}) for day in (2, 9, 18)]
    fact = happened("review", rows, NOW)
    by_system = verdict_on("{occurrences: review, over: 30d, by: subject, expect: systems}", "x.absent == 0", [fact])
    assert (by_system.seen["x.absent"], by_system.seen["x.least"], by_system.seen["x.covered"]) == (1, 0, 50.0)
    by_week = verdict_on("{occurrences: review, over: 3w, by: week}", "x.absent == 0", [fact])
    assert (by_week.seen["x.absent"], by_week.seen["x.groups"]) == (1, 2)


def test_the_newest_of_each_group_are_judged() -> None:
    rows = [(f"2026-03-{day:02}T10:00", None, {"subject": "crm", "changes": day % 2}) for day in range(1, 6)]
    read = "{occurrences: review, good: 'changes > 0', newest: 2, by: subject, expect: [crm]}"
    assert verdict_on(read, "x.least >= 1", [happened("review", rows, NOW)]).seen["x.least"] == 1


def test_shares_by_group_pool_small_groups() -> None:
    rows = [
        ("2026-03-18T10:00", None, {"project": p, "passed": good})
        for p, good in (("a", True), ("a", True), ("b", False))
    ]
    read = "{occurrences: sample, good: 'passed', over: 30d, by: project, sample: 2}"
    verdict = verdict_on(read, "x.worst >= 50.0", [happened("sample", rows, NOW)])
    assert verdict.seen["x.worst"] == 100.0
    assert verdict.seen["x.share"] == pytest.approx(66.666666)


def test_an_attestation_counts_while_it_is_in_date() -> None:
    entry: dict[str | int, dict[str, object]] = {
        "w": {"class": "workplace", "until": ms("2026-03-20T12:00"), "rest_area": True}
    }
    fact = listed("attestation", entry, NOW)
    read = "{attestations: workplace, good: 'rest_area'}"
    verdict = verdict_on(read, "x.good >= 1", [fact])
    assert (verdict.outcome, verdict.look_again_ms) == (Outcome.SATISFIED, ms("2026-03-20T12:00") + 1)
    assert verdict_on(read, "x.good >= 1", [fact], at="2026-03-20T13:00").outcome == Outcome.NOT_SATISFIED


def test_numbers_of_entries_give_their_range() -> None:
    entries: dict[str | int, dict[str, object]] = {
        str(days): {"class": "log", "kept_days": days} for days in (90, 180, 400)
    }
    read = """{inventory: holding, of: "class == 'log'", number: kept_days}"""
    verdict = verdict_on(read, "x.min >= 90", [listed("holding", entries, NOW)])
    assert (verdict.seen["x.min"], verdict.seen["x.p50"], verdict.seen["x.max"]) == (90, 180, 400)


CALLS = "{match: {occurrences: call, of: 'answered'}, with: {occurrences: recording, same: {call: call}}, over: 5d, %s}"


def calls(*names: int, start: str = "2026-03-18T10:00") -> Fact:
    return happened(
        "call", [(start, start, {"call": name, "answered": True, "talk": 60, "queue": "q"}) for name in names], NOW
    )


def recordings(*names: int, key_id: str = "k") -> Fact:
    rows = [("2026-03-18T10:00", None, {"call": name, "length": 60}) for name in names]
    return happened("recording", rows, NOW, source="rec", key_id=key_id)


def test_a_recording_serves_one_call_and_both_sides_are_counted() -> None:
    verdict = verdict_on(CALLS % "by: queue", "x.share >= 60.0", [calls(1, 2, 3), recordings(1, 1, 3, 9)])
    seen = {name: verdict.seen[f"x.{name}"] for name in ("a", "b", "both", "only_a", "only_b", "only_b_share", "worst")}
    assert seen == {
        "a": 3,
        "b": 4,
        "both": 2,
        "only_a": 1,
        "only_b": 2,
        "only_b_share": 50.0,
        "worst": pytest.approx(66.666666),
    }


def test_a_call_too_young_to_have_its_recording_waits() -> None:
    young = calls(7, start="2026-03-20T01:00")
    verdict = verdict_on(CALLS % "sample: 1", "x.only_a == 0", [young, recordings(1)])
    assert verdict.reason == "empty"


def test_facts_under_different_pseudonym_keys_never_join() -> None:
    verdict = verdict_on(CALLS % "sample: 1", "x.share >= 50.0", [calls(1), recordings(1, key_id="other")])
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "keys")


def test_the_nearest_partner_in_time_is_taken_each_once() -> None:
    fact = happened(
        "call",
        [
            ("2026-03-18T10:00:00", None, {"answered": True, "agent": 5}),
            ("2026-03-18T10:00:02", None, {"answered": True, "agent": 5}),
        ],
        NOW,
    )
    rec = happened("recording", [("2026-03-18T10:00:03", None, {"agent": 5})], NOW, source="rec")
    read = (
        "{match: {occurrences: call}, with: {occurrences: recording, same: {agent: agent}, time: [-3s, 3s]}, over: 5d}"
    )
    assert verdict_on(read, "x.both == 1", [fact, rec]).seen["x.only_a"] == 1
    every = read.replace("over: 5d", "over: 5d, pick: all")
    assert verdict_on(every, "x.both == 2", [fact, rec]).outcome == Outcome.SATISFIED


def test_an_entry_is_a_state_and_serves_all_that_name_it() -> None:
    entries: dict[str | int, dict[str, object]] = {1: {"person": 9, "enabled": True}, 2: {"person": 9, "enabled": True}}
    people = replace(listed("person", {9: {"active": True}}, NOW, source="hr"), sequence=1)
    read = "{match: {inventory: account, of: 'enabled'}, with: {inventory: person, of: 'active', same: {person: key}}}"
    assert verdict_on(read, "x.only_a == 0", [listed("account", entries, NOW), people]).outcome == Outcome.SATISFIED


def test_sessions_overlap_by_person_and_a_row_is_not_its_own_partner() -> None:
    rows = [
        ("2026-03-18T10:00", "2026-03-18T12:00", {"account": 1, "place": "a"}),
        ("2026-03-18T11:00", "2026-03-18T13:00", {"account": 1, "place": "b"}),
    ]
    partner = "{occurrences: session, same: {account: account}, overlap: 0m, if: 'a.place != b.place'}"
    read = f"{{match: {{occurrences: session}}, with: {partner}, over: 5d}}"
    assert verdict_on(read, "x.both == 0", [happened("session", rows, NOW)]).seen["x.both"] == 2
    assert verdict_on(read, "x.both == 0", [happened("session", rows[:1], NOW)]).outcome == Outcome.SATISFIED


def test_scope_decides_first_and_runs_out() -> None:
    pack = one_rule(DORMANT, "x.bad == 0", more="applies: profile.cards")
    fact, at = accounts("2026-03-19T00:00"), ms(NOW)

    def outcome(answer: object) -> tuple[str, int | None]:
        profile = PROFILE | ({"cards": answer} if answer is not None else {})
        verdict = judge(pack, MemoryEvidence([fact], profile), at)["D-SEC-01"]
        return verdict.outcome.value, verdict.valid_until_ms

    assert outcome(False)[0] == "not_applicable"
    assert outcome(None)[0] == "missing"
    assert outcome("yes")[0] == "missing"
    assert outcome(Answer(value=True, until_ms=at - 1, log_index=3))[0] == "missing"
    assert outcome(Answer(value=True, until_ms=at + 5, log_index=3)) == ("satisfied", at + 5)


def test_a_pair_whose_condition_cannot_be_decided_is_a_pair_in_one_look_only() -> None:
    read = CALLS.replace("same: {call: call}", "same: {call: call}, if: 'b.length >= a.talk'") % "sample: 1"
    rec = happened("recording", [("2026-03-18T10:00", None, {"call": 1})], NOW, source="rec")
    verdict = verdict_on(read, "x.only_a == 0", [calls(1), rec])
    assert (verdict.outcome, verdict.seen["x.only_a"], verdict.hoped["x.only_a"]) == (Outcome.INCONCLUSIVE, 1, 0)
    assert "x.both" not in verdict.seen


def test_a_recording_taken_by_its_call_serves_no_other_by_time() -> None:
    two = [
        ("2026-03-18T10:00:00", None, {"call": 1, "agent": 5}),
        ("2026-03-18T10:00:01", None, {"call": 2, "agent": 5}),
    ]
    rec = happened("recording", [("2026-03-18T10:00:01", None, {"call": 1, "agent": 5})], NOW, source="rec")
    near = "{occurrences: recording, same: {agent: agent}, time: [-3s, 3s]}"
    ways = f"[{{occurrences: recording, same: {{call: call}}}}, {near}]"
    verdict = verdict_on(
        f"{{match: {{occurrences: call}}, with: {ways}, over: 5d}}", "x.only_a == 0", [happened("call", two, NOW), rec]
    )
    assert {name: verdict.seen[f"x.{name}"] for name in ("a", "b", "both", "only_b")} == {
        "a": 2,
        "b": 1,
        "both": 1,
        "only_b": 0,
    }
