"""What is left out, misspelt or set ahead never makes a verdict better than what was told would."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from ccmm_rules.evaluate import judge
from ccmm_rules.evidence import Answer
from ccmm_rules.memory import Fact, MemoryEvidence
from ccmm_rules.model import Outcome
from ccmm_rules.verdict import Verdict
from tests.unit.rules.examples import counted, happened, listed, ms, one_rule

NOW = "2026-03-20T03:00"
PROFILE: dict[str, object] = {"zone": "Asia/Shanghai", "queues": ["support", "sales"]}


def verdict_on(
    read: str, require: str, facts: Sequence[Fact], profile: Mapping[str, object] = PROFILE, *, more: str = ""
) -> Verdict:
    return judge(one_rule(read, require, more=more), MemoryEvidence(facts, profile, at_ms=ms(NOW)), ms(NOW))["D-SEC-01"]


def answered(**queues: int) -> Fact:
    """Of ten calls a quarter hour so many were answered."""
    told = {queue: [right] for queue, right in queues.items()}
    return counted(
        {"calls_offered": {queue: [10] for queue in queues}, "calls_answered": told}, "2026-01-01T00:00", NOW
    )


BY_QUEUE = "{metric: answer_rate, over: 7d, by: queue, expect: queues, sample: 30}"
EACH_DAY = "{slots: answer_rate, over: 7d, every: 24h, meets: 85, by: queue, expect: queues, sample: 30}"


def test_a_queue_that_is_left_out_of_the_figures_is_not_known_to_be_good() -> None:
    assert verdict_on(BY_QUEUE, "x >= 85.0", [answered(support=9, sales=9)]).outcome == Outcome.SATISFIED
    assert verdict_on(BY_QUEUE, "x >= 85.0", [answered(support=9, sales=8)]).outcome == Outcome.NOT_SATISFIED
    lacking = verdict_on(BY_QUEUE, "x >= 85.0", [answered(support=9)])
    assert (lacking.outcome, lacking.reason) == (Outcome.INCONCLUSIVE, "uncovered")
    assert verdict_on(BY_QUEUE, "x >= 85.0", [answered(support=9, sales=9)]).seen["x.groups"] == 2


def test_a_queue_that_is_left_out_hides_no_other() -> None:
    assert verdict_on(BY_QUEUE, "x >= 85.0", [answered(support=8)]).outcome == Outcome.NOT_SATISFIED


def test_the_slots_of_a_queue_that_is_left_out_are_not_known() -> None:
    assert verdict_on(EACH_DAY, "x.bad == 0", [answered(support=9, sales=9)]).outcome == Outcome.SATISFIED
    lacking = verdict_on(EACH_DAY, "x.bad == 0", [answered(support=9)])
    assert (lacking.outcome, lacking.seen["x.bad"], lacking.hoped["x.bad"]) == (Outcome.INCONCLUSIVE, 7, 0)
    assert verdict_on(EACH_DAY, "x.bad == 0", [answered(support=8)]).outcome == Outcome.NOT_SATISFIED


NEVER = ms("9999-12-31T23:59") + 8 * 3_600_000  # in UTC


@pytest.mark.parametrize(
    ("read", "require"),
    [
        ("{occurrences: case, good: 'closed_workdays <= 5', over: 30d}", "x.good >= 1"),
        ("{occurrences: case, lag: [started, closed], in: workdays, over: 30d}", "x.p90 <= 5.0"),
        ("{occurrences: case, bad: 'nights > 1', over: 30d}", "x.bad == 0"),
    ],
)
def test_the_end_of_all_calendars_is_a_time_like_any_other(read: str, require: str) -> None:
    facts = [happened("case", [("2026-03-10T10:00", "2026-03-11T10:00", {"closed": NEVER})], NOW)]
    facts = [
        replace(fact, happenings={"case": [replace(row, ended_ms=NEVER) for row in fact.happenings["case"]]})
        for fact in facts
    ]
    assert verdict_on(read, require, facts).outcome == Outcome.NOT_SATISFIED


DRILL = {"class": "restore", "passed": True}


def drills(*rows: tuple[str, dict[str, object]], until: str = NOW, sequence: int = 0) -> Fact:
    return replace(happened("exercise", [(at, at, told) for at, told in rows], until), sequence=sequence)


def with_a_hole(fact: Fact) -> list[Fact]:
    """A statement of its agent is lost before the newest."""
    return [fact, replace(fact, sequence=2, happenings={}, source="other", feeds=("person",))]


PASSED = [(f"2026-03-{day:02}T10:00", DRILL) for day in (10, 11, 12)]


@pytest.mark.parametrize(
    ("read", "require"),
    [
        ("{occurrences: exercise, good: passed, newest: 3, over: 90d}", "x.good >= 3"),  # a newer one may have failed
        ("{occurrences: exercise, by: site, over: 90d}", "x.least >= 1"),  # of another site there may be fewer
        ("{occurrences: exercise, by: site, over: 90d}", "x.last_days <= 20"),
    ],
)
def test_what_was_lost_may_take_the_place_of_what_is_there(read: str, require: str) -> None:
    assert verdict_on(read, require, [drills(*PASSED)]).outcome == Outcome.SATISFIED
    assert verdict_on(read, require, with_a_hole(drills(*PASSED))).outcome == Outcome.INCONCLUSIVE


def test_what_can_but_rise_stays_under_a_hole() -> None:
    read = "{occurrences: exercise, good: passed, by: site, expect: queues, over: 90d}"
    facts = [(at, {**DRILL, "site": site}) for at, _ in PASSED for site in ("support", "sales")]
    assert verdict_on(read, "x.good >= 6 && x.least >= 3", with_a_hole(drills(*facts))).outcome == Outcome.SATISFIED


def test_rows_that_say_not_what_they_are_push_no_bad_one_out_of_the_newest() -> None:
    read = "{occurrences: exercise, of: \"class == 'restore'\", bad: '!passed', newest: 2, over: 90d}"
    failed = ("2026-03-01T10:00", {"class": "restore", "passed": False})
    other: list[tuple[str, dict[str, object]]] = [(f"2026-03-{day:02}T10:00", {"passed": True}) for day in (10, 11)]
    assert verdict_on(read, "x.bad == 0", [drills(failed)]).outcome == Outcome.NOT_SATISFIED
    assert verdict_on(read, "x.bad == 0", [drills(failed, *other)]).outcome == Outcome.INCONCLUSIVE


def test_two_references_that_say_nothing_are_not_the_same() -> None:
    read = "{match: {occurrences: change}, with: {occurrences: incident, same: {ref: service}}, over: 30d}"
    at = "2026-03-10T10:00"

    def joined(ref: str) -> Verdict:
        changes = happened("change", [(at, at, {"ref": ref})], NOW)
        incidents = replace(happened("incident", [(at, at, {"service": ref})], NOW, source="tickets"))
        return verdict_on(read, "x.share >= 100.0", [changes, incidents])

    assert joined("C-1").outcome == Outcome.SATISFIED
    assert joined("").outcome == Outcome.NOT_SATISFIED


def test_of_rows_that_name_no_group_nobody_knows_how_many_groups_they_are() -> None:
    read = "{occurrences: exercise, by: site, over: 90d}"
    at = "2026-03-10T10:00"
    two, nameless = drills((at, {"site": "a"}), (at, {"site": "b"})), drills((at, {"site": "a"}), (at, {}))
    assert verdict_on(read, "x.groups >= 2", [two]).outcome == Outcome.SATISFIED
    assert verdict_on(read, "x.groups >= 2", [nameless]).outcome == Outcome.INCONCLUSIVE
    assert verdict_on(read, "x.n >= 2", [nameless]).outcome == Outcome.SATISFIED


PAPER = {"class": "emergency_plan", "live": True}
AHEAD = ms("2062-03-01T00:00")


@pytest.mark.parametrize("told", [{"approved": AHEAD, "reviewed": ms("2020-03-01T00:00")}, {"reviewed": AHEAD}])
def test_what_is_said_to_have_happened_in_the_future_is_not_believed(told: dict[str, object]) -> None:
    papers = listed("document", {"plan": {**PAPER, **told}}, NOW)
    read = "{documents: emergency_plan, good: 'reviewed_days <= 365'}"
    assert verdict_on(read, "x.good >= 1", [papers]).outcome != Outcome.SATISFIED
    of_age = "{documents: emergency_plan}"
    assert verdict_on(of_age, "x.last_days <= 365", [papers]).outcome != Outcome.SATISFIED
    young = listed("document", {"plan": {**PAPER, "approved": ms(NOW), "reviewed": ms(NOW)}}, NOW)
    assert verdict_on(read, "x.good >= 1", [young]).outcome == Outcome.SATISFIED
    assert verdict_on(of_age, "x.last_days <= 365", [young]).outcome == Outcome.SATISFIED


def test_a_case_that_will_be_closed_is_open() -> None:
    def cases(closed: int) -> Fact:
        return happened("case", [("2026-03-10T10:00", None, {"class": "complaint", "closed": closed})], NOW)

    read = "{occurrences: case, good: 'has_closed && closed_days <= 365', over: 30d}"
    assert verdict_on(read, "x.good >= 1", [cases(AHEAD)]).outcome == Outcome.NOT_SATISFIED
    assert verdict_on(read, "x.good >= 1", [cases(ms("2026-03-11T00:00"))]).outcome == Outcome.SATISFIED


def test_plans_may_lie_ahead() -> None:
    contract = listed("endpoint", {"sip": {"protocol": "sip", "expires": AHEAD}}, NOW)
    assert verdict_on("{inventory: endpoint, good: 'expires_days < -30'}", "x.good >= 1", [contract]).outcome == (
        Outcome.SATISFIED
    )


def at_instant(read: str, require: str, facts: Sequence[Fact], at_ms: int) -> Verdict:
    return judge(one_rule(read, require), MemoryEvidence(facts, PROFILE, at_ms=ms(NOW)), at_ms)["D-SEC-01"]


@pytest.mark.parametrize(
    "rows",
    [
        [("2026-03-10T04:00", {"site": "a"}), ("2026-03-19T20:00", {"site": "b"})],  # the older group passes first
        [("2026-03-10T04:00", {"site": "a", "passed": True}), ("2026-03-19T20:00", {"site": "a", "passed": False})],
    ],
)
def test_the_day_on_which_the_newest_of_any_group_is_too_old_is_foretold(
    rows: list[tuple[str, dict[str, object]]],
) -> None:
    good = ", good: passed" if "passed" in rows[0][1] else ""
    read, facts = f"{{occurrences: exercise{good}, by: site, over: 90d}}", [drills(*rows)]
    before = at_instant(read, "x.last_days <= 9", facts, ms(NOW))
    turns = ms("2026-03-20T04:00")
    assert before.outcome == Outcome.SATISFIED
    assert at_instant(read, "x.last_days <= 9", facts, turns).outcome == Outcome.NOT_SATISFIED
    assert before.look_again_ms is not None
    assert before.look_again_ms <= turns


@pytest.mark.parametrize("name", ["retired_sources", "feeds.calls_offered"])
def test_a_verdict_rests_on_the_answers_that_say_which_sources_are_expected(name: str) -> None:
    ends = ms(NOW) + 3_600_000
    said = Answer(value=["old/switch"], until_ms=ends, log_index=900)
    read, facts = "{metric: answer_rate, over: 7d}", [answered(support=9)]
    verdict = verdict_on(read, "x >= 85.0", facts, {**PROFILE, name: said})
    assert (verdict.outcome, verdict.log_index, verdict.look_again_ms) == (Outcome.SATISFIED, 900, ends + 1)
    other = verdict_on(read, "x >= 85.0", facts, {**PROFILE, "feeds.person": said})
    assert (other.log_index, other.look_again_ms) == (0, ms(NOW) + 26 * 3_600_000 + 1)


def test_where_perhaps_nobody_is_expected_nobody_knows_the_least() -> None:
    expect = "expect: {inventory: person, of: 'active', key: key}"
    read = f"{{occurrences: report, over: 30d, by: subject, {expect}}}"
    cards = happened("report", [("2026-03-10T10:00", None, {"subject": who}) for who in (1, 1, 2)], NOW)
    for entry, outcome in (({"active": True}, Outcome.SATISFIED), ({}, Outcome.INCONCLUSIVE)):
        assert verdict_on(read, "x.least >= 2", [listed("person", {1: entry}, NOW), cards]).outcome == outcome


def alerts(quick: int, unsure_slow: int, unsure_quick: int) -> Fact:
    """Acknowledged within a minute, or after 100; of the unsure nobody says which signal they were."""
    rows: list[tuple[str, str | None, dict[str, object]]] = []
    for count, minutes, told in ((quick, 1, {"signal": "power"}), (unsure_slow, 100, {}), (unsure_quick, 1, {})):
        rows += [
            ("2026-03-10T10:00", None, {**told, "acked": ms("2026-03-10T10:00") + minutes * 60_000})
            for _ in range(count)
        ]
    return happened("alert", rows, NOW)


def test_a_percentile_holds_whichever_of_the_unsure_rows_belong() -> None:
    read = "{occurrences: alert, of: \"signal == 'power'\", lag: [started, acked], in: minutes, over: 30d}"
    assert verdict_on(read, "x.p90 <= 5.0", [alerts(17, 0, 3)]).outcome == Outcome.SATISFIED
    # 17 quick ones, or all 22: within 5 minutes. Were the slow ones to belong, and the quick ones not: 100 minutes.
    assert verdict_on(read, "x.p90 <= 5.0", [alerts(17, 2, 3)]).outcome == Outcome.INCONCLUSIVE
    assert verdict_on(read, "x.p50 <= 5.0", [alerts(17, 2, 3)]).outcome == Outcome.SATISFIED


@pytest.mark.parametrize("row", [[], [("2026-03-10T10:00", {"site": "a", "passed": True})]])
def test_a_list_on_which_nobody_stands_owes_nothing_and_proves_nothing(
    row: list[tuple[str, dict[str, object]]],
) -> None:
    read = "{occurrences: exercise, good: passed, by: site, expect: queues, over: 90d}"
    nobody = {**PROFILE, "queues": []}
    for require in ("x.absent == 0", "x.least >= 0", "x.covered >= 0.0"):
        verdict = verdict_on(read, require, [drills(*row)], nobody)
        assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "empty")
        assert verdict_on(read, require, with_a_hole(drills(*row)), nobody).outcome == Outcome.INCONCLUSIVE
    assert verdict_on(read, "x.absent == 0", [drills(*row)]).outcome == Outcome.NOT_SATISFIED
    said = read.replace("}", ", empty: 0}")
    assert verdict_on(said, "x.absent == 0", [drills(*row)], nobody).outcome == Outcome.SATISFIED
