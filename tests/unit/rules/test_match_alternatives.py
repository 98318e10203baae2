"""Alternatives of one join, rows that look alike, rows without a key, and how far back a third set is looked for."""

import pytest

from ccmm_rules.model import Outcome
from ccmm_rules.operators.joining import before_ms
from ccmm_rules.spec import DAY_MS, HOUR_MS, MatchSpec
from tests.unit.rules.examples import one_rule
from tests.unit.rules.test_match_edges import at, joined
from tests.unit.rules.test_matching import told, verdict_on

TWICE = (
    "{match: {occurrences: alert}, over: 30d, pick: %s, "
    "with: [{occurrences: incident, of: \"grade == 'I'\", time: [-1h, 1h]}, {occurrences: incident, time: [-1h, 1h]}]}"
)


@pytest.mark.parametrize(("pick", "both"), [("nearest", 1), ("best", 1), ("first", 2), ("all", 2)])
def test_what_one_alternative_took_the_next_does_not_get_where_each_serves_one(pick: str, both: int) -> None:
    facts = told("alert", [at("10:00"), at("10:02")]), told("incident", [at("10:00", grade="I")])
    assert verdict_on(TWICE % pick, "x.a == 2", *facts).seen["x.both"] == both


def test_what_the_first_alternative_did_not_take_the_next_gets() -> None:
    facts = (
        told("alert", [at("10:00"), at("10:02")]),
        told("incident", [at("10:00", grade="I"), at("10:01", grade="II")]),
    )
    seen = verdict_on(TWICE % "nearest", "x.a == 2", *facts).seen
    assert (seen["x.both"], seen["x.only_a"], seen["x.only_b"]) == (2, 0, 0)


def test_two_rivals_for_one_partner_leave_one_alone_whatever_else_is_paired() -> None:
    first = [at("10:00"), at("10:04"), at("12:00")]
    second = [at("10:03"), at("12:01"), at("12:03")]
    lag = ", lag: [a.started, b.started], in: minutes"
    seen = joined("time: [-10m, 10m]", first, second, more=lag).seen
    assert (seen["x.both"], seen["x.only_a"], seen["x.only_b"]) == (2, 1, 1)
    assert (seen["x.p50"], seen["x.max"]) == (-1.0, 1.0)


def test_nearest_asks_for_no_goodness() -> None:
    second = [at("10:01", lost_minutes=60.0), at("10:09", lost_minutes=1.0)]
    more = ', good: "b.lost_minutes <= 10.0"'
    assert joined("time: [0m, 10m]", [at("10:00")], second, more=more).seen["x.good"] == 0
    assert joined("time: [0m, 10m]", [at("10:00")], second, more=more + ", pick: best").seen["x.good"] == 1


def test_first_is_the_earliest_however_they_arrived() -> None:
    lag = ", lag: [a.started, b.started], in: minutes, pick: first"
    second = [at("10:09", service="voice"), at("10:05", service="voice"), at("10:07", service="voice")]
    first = [at("10:00", service="voice")]
    assert joined("time: [0m, 10m]", first, second, more=lag).seen["x.max"] == 5.0
    assert joined("same: {service: service}", first, second, more=lag).seen["x.max"] == 5.0
    assert joined("same: {service: service}", first, second[:2], more=lag).seen["x.max"] == 5.0


def test_by_two_keys_both_must_agree_and_be_known() -> None:
    first = [at("10:00", service="voice", **{"class": "platform"}), at("11:00", service="voice")]
    second = [
        at("10:30", service="voice", **{"class": "platform"}),
        at("10:40", service="chat", **{"class": "platform"}),
        at("10:50", service="voice"),
    ]
    lag = ", lag: [a.started, b.started], in: minutes"
    seen = joined("same: {service: service, class: class}", first, second, more=lag).seen
    assert (seen["x.both"], seen["x.only_a"], seen["x.only_b"], seen["x.max"]) == (1, 1, 2, 30.0)


def test_a_text_that_is_empty_is_no_key() -> None:
    read = "{match: {occurrences: change}, with: {occurrences: case, same: {ref: ref}}, over: 30d}"
    facts = (
        told("change", [at("10:00", ref=""), at("10:10", ref="c1")]),
        told("case", [at("10:20", ref=""), at("10:30", ref="c1")]),
    )
    seen = verdict_on(read, "x.a == 2", *facts).seen
    assert (seen["x.both"], seen["x.only_a"], seen["x.only_b"]) == (1, 1, 1)


def test_partners_are_looked_for_as_far_back_as_they_or_the_third_set_join() -> None:
    def before(partner: str, third: str) -> int:
        also = f", also: {{occurrences: incident, {third}}}" if third else ""
        read = f"{{match: {{occurrences: alert{also}}}, with: {{occurrences: change, {partner}}}, over: 30d}}"
        spec = one_rule(read, "x.only_a == 0").rules["D-SEC-01"].reads[0].spec
        assert isinstance(spec, MatchSpec)
        return before_ms(spec)

    assert before("time: [-2h, 5h]", "") == 2 * HOUR_MS
    assert before("time: [-2h, 5h]", "time: [-3d, 4d]") == 3 * DAY_MS
    assert before("time: [-2h, 5h]", "time: [-1h, 4d]") == 2 * HOUR_MS


def test_a_group_of_which_nothing_is_enough_gives_no_share() -> None:
    more = ", by: service, sample: 1"
    seen = joined("time: [-1m, 1m]", [at("10:00", service="voice")], [], more=more).seen
    assert (seen["x.groups"], seen["x.worst"]) == (1, 0.0)


def test_looks_that_differ_leave_what_has_no_worse_side_without_a_value() -> None:
    how = 'time: [-1m, 1m], if: "b.lost_minutes <= 10.0"'
    more = ", by: service, lag: [a.started, b.started], in: minutes"
    first = [at("10:00", service="voice"), at("11:00", service="voice"), at("12:00", service="chat")]
    second = [at("10:00", lost_minutes=5.0), at("11:01"), at("12:01")]
    verdict = joined(how, first, second, more=more, require="x.worst >= 100.0")
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "undecidable")
    assert (verdict.seen["x.worst"], verdict.hoped["x.worst"]) == (0.0, 100.0)
    assert (verdict.seen["x.mean"], verdict.hoped["x.mean"]) == (25.0, 100.0)
    assert (verdict.seen["x.spread"], verdict.hoped["x.spread"]) == (50.0, 0.0)
    assert "x.max" not in verdict.seen
    assert verdict.seen["x.groups"] == 2
