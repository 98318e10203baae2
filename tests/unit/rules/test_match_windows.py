"""Which rows a join takes in: at the edges of its window, outside it, unsure ones, and those it is itself made of."""

from dataclasses import replace

import pytest

from ccmm_rules.errors import PackErrors
from ccmm_rules.evaluate import judge
from ccmm_rules.load import pack_of
from ccmm_rules.memory import MemoryEvidence
from ccmm_rules.model import Outcome
from tests.unit.rules.examples import FOLDER, RULE, happened, listed, ms, one_rule
from tests.unit.rules.test_match_edges import at, joined
from tests.unit.rules.test_matching import NOW, told, verdict_on

FIRST = "2026-03-19T00:00"  # where a window of one day begins
YESTERDAY = "{match: {occurrences: alert}, with: {occurrences: change, time: [-1h, 0h]}, over: 1d, empty: 0}"


def test_partners_may_lie_before_the_window_but_are_counted_within() -> None:
    alert = told("alert", [("2026-03-19T00:10", None, {})])
    before = told("change", [("2026-03-18T23:30", None, {}), ("2026-03-18T22:00", None, {})])
    seen = verdict_on(YESTERDAY, "x.a == 1", alert, before).seen
    assert (seen["x.both"], seen["x.b"], seen["x.only_b"]) == (1, 0, 0)
    edge = verdict_on(YESTERDAY, "x.a == 1", alert, told("change", [(FIRST, None, {}), (NOW, None, {})])).seen
    assert (edge["x.both"], edge["x.b"], edge["x.only_b"]) == (1, 2, 1)


def test_entries_have_no_time_and_are_counted_in_any_window() -> None:
    read = "{match: {occurrences: session}, with: {inventory: person, same: {person: key}}, over: 1d}"
    people = listed("person", {1: {"active": True}, 2: {"active": True}}, NOW)
    sessions = told("session", [("2026-03-20T02:30", None, {"person": 1})])  # so young: yet it waits for no entry
    seen = verdict_on(read, "x.a == 1", sessions, people).seen
    assert (seen["x.a"], seen["x.b"], seen["x.both"], seen["x.only_b"]) == (1, 2, 1, 1)
    unknown = verdict_on(read, "x.a == 1", told("session", [("2026-03-20T02:30", None, {"person": 9})]), people).seen
    assert (unknown["x.a"], unknown["x.only_a"]) == (1, 1)


def test_a_row_that_may_or_may_not_belong_leaves_the_join_open() -> None:
    red = "{occurrences: alert, of: \"colour == 'red'\"}"
    read = f"{{match: {red}, with: {{occurrences: change, time: [-1h, 0h]}}, over: 30d}}"
    alerts = told("alert", [at("10:00"), at("11:00", colour="red")])
    verdict = verdict_on(read, "x.a >= 0", alerts, told("change", []))
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "undecidable")


def test_an_unsure_partner_is_one_in_the_best_look_only() -> None:
    read = "{match: {occurrences: alert}, with: {occurrences: change, of: approved, time: [-1h, 0h]}, over: 30d}"
    changes = told("change", [at("09:30"), at("10:30", approved=True)])
    verdict = verdict_on(read, "x.only_a == 0", told("alert", [at("10:00"), at("11:00")]), changes)
    assert (verdict.outcome, verdict.seen["x.only_a"], verdict.hoped["x.only_a"]) == (Outcome.INCONCLUSIVE, 1, 0)


def test_a_row_of_another_choice_of_the_same_kind_is_not_its_own_partner() -> None:
    read = (
        "{match: {occurrences: alert, of: \"colour == 'red'\"}, "
        "with: {occurrences: alert, of: confirmed, time: [-1h, 1h]}, over: 30d, pick: all}"
    )
    own = at("10:00", colour="red", confirmed=True)
    alone = verdict_on(read, "x.a == 1", told("alert", [own]))
    assert (alone.seen["x.both"], alone.seen["x.only_a"]) == (0, 1)
    two = verdict_on(read, "x.a == 1", told("alert", [own, at("10:20", colour="yellow", confirmed=True)]))
    assert two.seen["x.both"] == 1


def test_reads_that_join_alike_and_test_differently_do_not_share_their_pairs() -> None:
    join = "match: {occurrences: alert}, with: {occurrences: incident, time: [-1h, 1h]}, over: 30d"
    tests = {
        "x": f'{{{join}, pick: best, good: "b.lost_minutes > 10.0"}}',
        "y": f'{{{join}, pick: best, good: "b.lost_minutes <= 10.0"}}',
        "z": f'{{{join}, pick: best, bad: "b.lost_minutes <= 10.0"}}',
        "w": f"{{{join}, pick: best}}",
    }
    reads = ", ".join(f"{name}: {read}" for name, read in tests.items())
    require = "x.good == 1 && y.good == 1 && z.bad == 0 && w.both == 1"
    text = RULE.format(read="{}", require=require, more="", level=1).replace("reads: {x: {}}", f"reads: {{{reads}}}")
    pack = pack_of({"pack.yaml": (FOLDER / "pack.yaml").read_bytes(), "D-SEC-01.yaml": text.encode()})
    second = [at("10:10", lost_minutes=60.0), at("10:20", lost_minutes=5.0)]
    facts = [told("alert", [at("10:00")]), told("incident", second)]
    verdict = judge(pack, MemoryEvidence(facts, {"zone": "Asia/Shanghai"}, at_ms=ms(NOW)), ms(NOW))["D-SEC-01"]
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen


def test_a_join_says_what_time_it_read_and_needs_the_zone_of_the_center() -> None:
    facts = [told("alert", [("2026-03-19T00:10", None, {})]), told("change", [])]
    verdict = verdict_on(YESTERDAY, "x.a == 1", *facts)
    assert (verdict.reads["x"].from_ms, verdict.reads["x"].to_ms) == (ms(FIRST), ms(NOW))
    pack = one_rule(YESTERDAY, "x.a == 1")
    nowhere = judge(pack, MemoryEvidence(facts, {}, at_ms=ms(NOW)), ms(NOW))["D-SEC-01"]
    assert (nowhere.outcome, nowhere.reason, nowhere.blamed) == (Outcome.MISSING, "zone", "x")
    lists = "{match: {inventory: account}, with: {inventory: person, same: {person: key}}}"
    people = listed("person", {1: {}}, NOW)
    accounts = listed("account", {11: {"person": 1}}, NOW, source="idm", sequence=1)
    one = verdict_on(lists, "x.a == 1", people, accounts)
    assert (one.outcome, one.reads["x"].from_ms, one.reads["x"].to_ms) == (Outcome.SATISFIED, ms(NOW), ms(NOW))
    assert (one.seen["x.both"], one.backfill_share) == (1, 0.0)


def test_texts_and_numbers_of_one_sort_join_and_people_of_two_keys_do_not() -> None:
    read = "{match: {inventory: setting}, with: {inventory: device, same: {%s}}}"
    with pytest.raises(PackErrors, match="a double is no key"):
        one_rule(read % "number: lock_minutes", "x.a == 1")
    zoned = "{match: {inventory: badge}, with: {inventory: badge, same: {zones: zones}}}"
    with pytest.raises(PackErrors, match="a list is no key"):
        one_rule(zoned, "x.a == 1")
    people = listed("person", {1: {}}, NOW, key_id="one")
    other = listed("account", {11: {"person": 1}}, NOW, source="idm", sequence=1, key_id="two")
    joined_by = "{match: {inventory: account}, with: {inventory: person, same: {person: key}}}"
    assert verdict_on(joined_by, "x.only_a == 0", people, other).reason == "keys"
    alerts = replace(told("alert", [at("10:00")]), agent="alert")
    changes = replace(
        happened("change", [at("09:50")], NOW, source="change", key_id="other"), agent="change", sequence=0
    )
    by_time = "{match: {occurrences: alert}, with: {occurrences: change, time: [-1h, 0h]}, over: 30d}"
    assert verdict_on(by_time, "x.both == 1", alerts, changes).outcome == Outcome.SATISFIED


def test_a_tolerance_of_no_width_is_one() -> None:
    assert joined("time: [5m, 5m]", [at("10:00")], [at("10:05")]).seen["x.both"] == 1
    assert joined("time: [5m, 5m]", [at("10:00")], [at("10:06")]).seen["x.both"] == 0
