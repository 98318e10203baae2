"""Where pairs begin and end: tolerances to the second, alternatives, groups just large enough, lags that go on."""

from collections.abc import Mapping

import pytest

from ccmm_rules.model import Outcome
from ccmm_rules.operators.pairing import LONG_MS, tolerance_ms
from ccmm_rules.spec import HOUR_MS, MatchSpec
from ccmm_rules.verdict import Verdict
from tests.unit.rules.examples import listed, one_rule
from tests.unit.rules.test_matching import NOW, Rows, told, verdict_on

DAY = "2026-03-10T"


def joined(how: str, first: Rows, second: Rows, *, more: str = "", require: str = "x.a >= 0") -> Verdict:
    """Alerts with incidents."""
    read = f"{{match: {{occurrences: alert}}, with: {{occurrences: incident, {how}}}, over: 30d, empty: 0{more}}}"
    return verdict_on(read, require, told("alert", first), told("incident", second))


def at(time: str, end: str | None = None, **attributes: object) -> tuple[str, str | None, Mapping[str, object]]:
    return DAY + time, DAY + end if end is not None else None, attributes


@pytest.mark.parametrize(
    ("how", "start", "end", "both"),
    [
        ("time: [-1h, 2h]", "09:00", None, 1),
        ("time: [-1h, 2h]", "08:59", None, 0),
        ("time: [-1h, 2h]", "12:00", None, 1),
        ("time: [-1h, 2h]", "12:01", None, 0),
        # The alert, at ten, begins inside what lasts from start to end, or a slack beside it.
        ("inside: 5m", "10:05", "10:30", 1),
        ("inside: 5m", "10:06", "10:30", 0),
        ("inside: 5m", "09:00", "09:55", 1),
        ("inside: 5m", "09:00", "09:54", 0),
        ("inside: 0m", "10:00", "10:30", 1),
        ("inside: 0m", "09:00", "10:00", 1),
        ("inside: 0m", "10:01", "10:30", 0),
        # It lasts until half past ten itself.
        ("overlap: 5m", "10:35", "11:00", 1),
        ("overlap: 5m", "10:36", "11:00", 0),
        ("overlap: 5m", "09:00", "09:55", 1),
        ("overlap: 5m", "09:00", "09:54", 0),
        ("overlap: 0m", "10:30", "11:00", 1),
        ("overlap: 0m", "10:31", "11:00", 0),
        ("inside: 0m", "10:20", "11:00", 0),
    ],
)
def test_partners_are_found_up_to_the_edge_of_the_tolerance(how: str, start: str, end: str | None, both: int) -> None:
    verdict = joined(how, [at("10:00", "10:30")], [at(start, end)])
    assert verdict.seen["x.both"] == both


def test_a_long_partner_is_found_behind_many_short_ones() -> None:
    short = [at(f"0{hour}:30", f"0{hour}:40") for hour in range(3, 10)]
    verdict = joined("inside: 0m", [at("10:00", "10:30")], [at("02:00", "12:00"), *short])
    assert (verdict.seen["x.both"], verdict.seen["x.only_b"], verdict.seen["x.b"]) == (1, 7, 8)


def test_what_goes_on_lasts_until_now() -> None:
    verdict = joined("inside: 0m", [at("10:00")], [at("02:00", None)])
    assert verdict.seen["x.both"] == 1
    assert joined("overlap: 0m", [at("02:00", None)], [at("10:00", "11:00")]).seen["x.both"] == 1
    assert joined("overlap: 0m", [at("02:00", "03:00")], [at("10:00", "11:00")]).seen["x.both"] == 0


def test_of_two_as_near_the_earlier_is_the_partner_and_of_equals_the_first_by_name() -> None:
    lag = ", lag: [a.started, b.started], in: minutes"
    assert joined("time: [-1h, 1h]", [at("10:00")], [at("10:20"), at("09:40")], more=lag).seen["x.max"] == -20.0
    assert joined("time: [-1h, 1h]", [at("10:00")], [at("10:20"), at("09:41")], more=lag).seen["x.max"] == -19.0
    many = joined("time: [-1h, 1h]", [at("10:00"), at("10:10")], [at("10:06")], more=lag)
    assert (many.seen["x.both"], many.seen["x.max"]) == (1, -4.0)


def test_the_first_alternative_that_fits_wins_and_what_it_took_is_gone() -> None:
    read = (
        "{match: {occurrences: alert}, over: 30d, lag: [a.started, b.started], in: minutes, "
        "with: [{occurrences: incident, of: \"grade == 'I'\", time: [-1h, 1h]}, "
        "{occurrences: incident, time: [-1h, 1h]}]}"
    )
    second = [at("10:30", grade="I"), at("10:05", grade="II")]
    alone = verdict_on(read, "x.a == 1", told("alert", [at("10:00")]), told("incident", second))
    assert (alone.seen["x.max"], alone.seen["x.only_b"], alone.seen["x.b"]) == (30.0, 1, 2)
    two = verdict_on(read, "x.a == 2", told("alert", [at("10:00"), at("10:02")]), told("incident", second))
    assert (two.seen["x.both"], two.seen["x.only_b"], two.seen["x.p50"], two.seen["x.max"]) == (2, 0, 5.0, 28.0)


def test_each_share_is_percent_of_its_own_side() -> None:
    verdict = joined(
        "time: [-1m, 1m]", [at("10:00"), at("11:00"), at("12:00"), at("13:00")], [at("10:00"), at("15:00")]
    )
    wanted = {"a": 4, "b": 2, "both": 1, "only_a": 3, "only_b": 1, "share": 25.0, "only_a_share": 75.0}
    assert {name: verdict.seen[f"x.{name}"] for name in wanted} == wanted
    assert verdict.seen["x.only_b_share"] == 50.0
    assert joined("time: [-1m, 1m]", [at("10:00")], []).seen["x.only_b_share"] == 0.0


def test_a_test_of_pairs_counts_either_side_of_the_pairs_that_were_made() -> None:
    first, second = (
        [at("10:00"), at("11:00"), at("12:00")],
        [at("10:00", lost_minutes=5.0), at("11:00", lost_minutes=50.0)],
    )
    good = joined("time: [-1m, 1m]", first, second, more=', good: "b.lost_minutes <= 10.0"')
    assert (good.seen["x.good"], good.seen["x.good_share"]) == (1, 50.0)
    bad = joined(
        "time: [-1m, 1m]", first, [*second, at("12:00", lost_minutes=60.0)], more=', bad: "b.lost_minutes > 10.0"'
    )
    assert bad.seen["x.bad"] == 2
    assert bad.seen["x.bad_share"] == pytest.approx(200 / 3)
    none = joined("time: [-1m, 1m]", first, [], more=', bad: "b.lost_minutes > 10.0"')
    assert none.seen["x.bad"] == 0
    assert "x.bad_share" not in none.seen


@pytest.mark.parametrize(
    ("require", "outcome"),
    [
        ("x.bad <= 1", Outcome.SATISFIED),
        ("x.bad == 0", Outcome.INCONCLUSIVE),
        ("x.bad >= 2", Outcome.NOT_SATISFIED),
        ("x.bad_share <= 50.0", Outcome.SATISFIED),
        ("x.bad_share < 50.0", Outcome.INCONCLUSIVE),
        ("x.both == 2", Outcome.SATISFIED),
    ],
)
def test_a_pair_that_cannot_be_decided_is_bad_in_the_worst_look_only(require: str, outcome: Outcome) -> None:
    second = [at("10:00", lost_minutes=5.0), at("11:00")]
    verdict = joined(
        "time: [-1m, 1m]", [at("10:00"), at("11:00")], second, more=', bad: "b.lost_minutes > 10.0"', require=require
    )
    assert verdict.outcome == outcome, (verdict.seen, verdict.hoped)


@pytest.mark.parametrize(
    ("require", "outcome"),
    [
        ("x.both >= 1", Outcome.INCONCLUSIVE),  # it has no worse side: where the looks differ it has no value
        ("x.a == 2", Outcome.SATISFIED),
        ("x.only_a == 0", Outcome.INCONCLUSIVE),
        ("x.only_a <= 1", Outcome.SATISFIED),
        ("x.share >= 50.0", Outcome.SATISFIED),
        ("x.share >= 51.0", Outcome.INCONCLUSIVE),
        ("x.only_a_share <= 49.0", Outcome.INCONCLUSIVE),
        ("x.only_b <= 0", Outcome.INCONCLUSIVE),
        ("x.only_b_share <= 0.0", Outcome.INCONCLUSIVE),
        ("x.good >= 1", Outcome.SATISFIED),
        ("x.good >= 2", Outcome.INCONCLUSIVE),
    ],
)
def test_a_condition_that_cannot_be_decided_makes_a_pair_in_the_best_look_only(require: str, outcome: Outcome) -> None:
    how = 'time: [-1m, 1m], if: "b.lost_minutes <= 10.0"'
    second = [at("10:00", lost_minutes=5.0), at("11:00")]
    more = ', good: "b.lost_minutes <= 10.0"' if "good" in require else ""
    verdict = joined(how, [at("10:00"), at("11:00")], second, more=more, require=require)
    assert verdict.outcome == outcome, (verdict.seen, verdict.hoped)


def test_groups_below_the_sample_are_judged_together_where_they_are_enough_together() -> None:
    def shares(sample: int, *services: str) -> Mapping[str, object]:
        first = [at(f"1{number}:00", service=service) for number, service in enumerate(services)]
        second = [at(row[0][11:]) for row in first if row[2]["service"] == "voice"]
        return joined("time: [-1m, 1m]", first, second, more=f", by: service, sample: {sample}").seen

    two = shares(2, "voice", "voice", "chat", "mail")
    assert (two["x.groups"], two["x.worst"], two["x.mean"], two["x.spread"]) == (2, 0.0, 50.0, 100.0)
    three = shares(2, "voice", "voice", "voice", "chat")
    assert (three["x.groups"], three["x.worst"], three["x.spread"]) == (1, 100.0, 0.0)
    rest = shares(3, "voice", "voice", "chat", "mail")
    assert (rest["x.groups"], rest["x.worst"]) == (1, 50.0)
    exact = shares(3, "voice", "chat", "mail")
    assert exact["x.groups"] == 1
    assert exact["x.worst"] == pytest.approx(100 / 3)
    none = shares(0, "voice", "chat")
    assert (none["x.groups"], none["x.worst"], none["x.mean"]) == (2, 0.0, 50.0)


def test_fewer_than_the_sample_say_only_how_many_they_are() -> None:
    verdict = joined("time: [-1m, 1m]", [at("10:00"), at("11:00")], [], more=", sample: 3", require="x.only_a == 0")
    assert (verdict.outcome, verdict.reason, verdict.seen) == (Outcome.INCONCLUSIVE, "sample", {"x.a": 2})
    enough = joined("time: [-1m, 1m]", [at("10:00"), at("11:00")], [], more=", sample: 2", require="x.only_a == 0")
    assert enough.outcome == Outcome.NOT_SATISFIED


def test_lags_are_ordered_and_taken_by_nearest_rank() -> None:
    first = [at(f"{hour}:00") for hour in range(10, 20)]
    second = [at(f"{hour}:{hour - 9:02}") for hour in range(10, 20)]
    more = ", lag: [a.started, b.started], in: minutes"
    seen = joined("time: [0m, 30m]", first, second, more=more).seen
    assert [seen[f"x.{name}"] for name in ("p50", "p90", "p95", "max")] == [5.0, 9.0, 10.0, 10.0]
    back = joined("time: [-30m, 0m]", second, first, more=more + ", abs: true").seen
    assert [back[f"x.{name}"] for name in ("p50", "p90", "max")] == [5.0, 9.0, 10.0]


def test_a_lag_without_any_pair_is_what_the_read_says_of_none() -> None:
    more = ", lag: [a.started, b.started], in: minutes"
    assert joined("time: [0m, 1m]", [at("10:00")], [], more=more, require="x.max <= 0.0").outcome == Outcome.SATISFIED
    assert joined("time: [0m, 1m]", [], [], require="x.only_a == 0").outcome == Outcome.SATISFIED
    read = "{match: {occurrences: alert}, with: {occurrences: incident, time: [0m, 1m]}, over: 30d}"
    verdict = verdict_on(read, "x.only_a == 0", told("alert", []), told("incident", []))
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "empty")
    assert verdict.seen == {"x.a": 0, "x.b": 0}


def test_who_is_too_young_waits_and_is_not_called_unmatched() -> None:
    rows: Rows = [("2026-03-20T01:30", None, {}), ("2026-03-20T01:00", None, {}), ("2026-03-19T10:00", None, {})]
    seen = joined("time: [0h, 2h]", rows, []).seen
    assert (seen["x.a"], seen["x.only_a"]) == (2, 2)  # the newest may yet find its partner until half past three
    found = joined("time: [0h, 2h]", rows, [("2026-03-20T01:40", None, {})]).seen
    assert (found["x.a"], found["x.both"], found["x.only_a"]) == (3, 1, 2)


def test_a_row_is_not_its_own_partner() -> None:
    read = "{match: {occurrences: alert}, with: {occurrences: alert, time: [-1h, 1h]}, over: 30d, pick: all}"
    assert verdict_on(read, "x.a == 1", told("alert", [at("10:00")])).seen["x.both"] == 0
    assert verdict_on(read, "x.a == 2", told("alert", [at("10:00"), at("10:30")])).seen["x.both"] == 2


def test_rows_whose_key_is_not_known_find_no_partner() -> None:
    people = listed("person", {1: {}, 2: {}, 3: {}}, NOW)
    accounts = listed("account", {11: {"person": 1}, 12: {}, 13: {"person": 1}}, NOW, source="idm", sequence=1)
    read = "{match: {inventory: account}, with: {inventory: person, same: {person: key}}%s}"
    assert [
        verdict_on(read % "", "x.a == 3", people, accounts).seen[f"x.{n}"] for n in ("both", "only_a", "only_b")
    ] == [2, 1, 2]
    nearest = verdict_on(read % ", pick: nearest", "x.a == 3", people, accounts).seen
    assert (nearest["x.both"], nearest["x.only_a"]) == (1, 2)


def test_how_far_partners_may_lie_outside_the_window() -> None:
    def tolerance(*hows: str) -> tuple[int, int]:
        partners = ", ".join(f"{{occurrences: incident, {how}}}" for how in hows)
        pack = one_rule(f"{{match: {{occurrences: alert}}, with: [{partners}], over: 30d}}", "x.only_a == 0")
        spec = pack.rules["D-SEC-01"].reads[0].spec
        assert isinstance(spec, MatchSpec)
        return tolerance_ms(spec.partners, 4 * HOUR_MS)

    assert tolerance("time: [-1h, 2h]") == (HOUR_MS, 2 * HOUR_MS)
    assert tolerance("same: {service: service}") == (4 * HOUR_MS, 4 * HOUR_MS)
    assert tolerance("inside: 1h") == (LONG_MS, HOUR_MS)
    assert tolerance("overlap: 10d") == (240 * HOUR_MS, 240 * HOUR_MS)
    assert tolerance("time: [-1h, 2h]", "time: [-3h, 1h]") == (3 * HOUR_MS, 2 * HOUR_MS)
    assert tolerance("time: [1h, 2h]") == (0, 2 * HOUR_MS)
