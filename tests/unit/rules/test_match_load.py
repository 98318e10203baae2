"""Every way in which a `match` can be written wrongly, and what is said about it."""

import pytest

from ccmm_rules.errors import PackErrors
from ccmm_rules.model import Read
from ccmm_rules.spec import HOUR_MS, MatchSpec
from tests.unit.rules.examples import one_rule

LATER = "{occurrences: incident, time: [0h, 1h]}"
# Joins of alerts: what they are joined with, what stands beside it, and what is said.
JOINS = [
    ("[]", "", "no partner"),
    ("{occurrences: incident, time: [1h, -1h]}", "", "the lower first"),
    ("{occurrences: incident, time: [1h]}", "", "two ends"),
    ("{occurrences: incident, time: [1h, 2h, 3h]}", "", "two ends"),
    ("{occurrences: incident}", "", "nothing to join by"),
    ("{occurrences: incident, time: [0h, 1h], inside: 5m}", "", "one of time, inside, overlap"),
    ("{occurrences: incident, inside: 5m, overlap: 5m}", "", "one of time, inside, overlap"),
    ("{inventory: account, time: [0h, 1h]}", "", "only occurrences have a start"),
    ("{inventory: setting, same: {service: colour}}", "", "'colour' is no attribute of setting"),
    ("{occurrences: incident, same: {color: service}}", "", "'color' is no attribute of alert"),
    ("{occurrences: incident, same: {acked: declared}}", "", "a time is no key"),
    ("{occurrences: incident, same: {service: service}}", ", pick: any", "'any' is no way to pick"),
    (LATER, ", by: colours", "'colours' is nothing to group by"),
    (LATER, ", lag: [a.started, b.acked], in: hours", "a lag goes between two times of the pair"),
    (LATER, ", lag: [a.started], in: hours", "a lag goes between two times of the pair"),
    (f"[{LATER}, {{occurrences: change, time: [0h, 1h]}}]", ", good: b.open", "needs partners of one kind"),
    ("{occurrences: incident, time: [0h, 1h], iff: open}", "", "unknown key 'iff'"),
    (LATER, ", sort: a", "unknown key 'sort'"),
    (
        "[{occurrences: incident, same: {service: service}}, {inventory: endpoint, same: {key: key}}]",
        ", lag: [a.started, a.acked], in: hours",
        "partners of one form only",
    ),
]
OTHERS = [
    (
        "{match: {inventory: account}, with: {occurrences: alert, inside: 5m}, over: 1d}",
        "only occurrences have a start",
    ),
    ("{match: {inventory: account}, with: {inventory: person, same: {person: key}}, by: local_hour}", "to group by"),
    ("{match: {of: enabled}, with: {inventory: person, same: {person: key}}}", "one row set is expected here"),
    ("{match: {inventory: account, where: e}, with: {inventory: person, same: {person: key}}}", "unknown key 'where'"),
    ("{match: {inventory: account}, with: {occurrences: session, same: {key: account}}}", "'over' is not there"),
    ("{match: {occurrences: session}, with: {inventory: account, same: {account: key}}}", "'over' is not there"),
]


@pytest.mark.parametrize(("partners", "more", "said"), JOINS)
def test_a_broken_join_of_alerts_is_refused_with_what_is_wrong(partners: str, more: str, said: str) -> None:
    assert said in refused(f"{{match: {{occurrences: alert}}, with: {partners}, over: 1d{more}}}")


@pytest.mark.parametrize(("read", "said"), OTHERS)
def test_another_broken_join_is_refused_with_what_is_wrong(read: str, said: str) -> None:
    assert said in refused(read)


def refused(read: str) -> str:
    with pytest.raises(PackErrors) as caught:
        one_rule(read, "x.a >= 0")
    return str(caught.value)


def read_of(more: str, partners: str = LATER) -> Read:
    (read,) = (
        one_rule(f"{{match: {{occurrences: alert}}, with: {partners}, over: 1d{more}}}", "x.a >= 0")
        .rules["D-SEC-01"]
        .reads
    )
    return read


def test_a_match_binds_its_names_with_their_types_and_units() -> None:
    plain = read_of("")
    counts, shares = ("a", "b", "both", "only_a", "only_b"), ("share", "only_a_share", "only_b_share")
    assert plain.names == {**dict.fromkeys(counts, "int"), **dict.fromkeys(shares, "double")}
    assert {**plain.units, "n": "count"} == {
        "n": "count",
        **dict.fromkeys(counts, "count"),
        **dict.fromkeys(shares, "%"),
    }
    tested = read_of(", bad: a.open")
    assert (tested.names["bad"], tested.names["bad_share"], "good" in tested.names) == ("int", "double", False)
    assert (tested.units["bad"], tested.units["bad_share"], tested.units["share"]) == ("count", "%", "%")
    late = read_of(", lag: [a.started, b.started], in: hours")
    assert {late.names[name] for name in ("p50", "p90", "p95", "max")} == {"double"}
    assert {late.units[name] for name in ("p50", "p90", "p95", "max")} == {"h"}
    assert late.units["share"] == "%"
    grouped = read_of(", by: service")
    assert [grouped.names[name] for name in ("worst", "mean", "spread", "groups")] == ["double"] * 3 + ["int"]
    assert grouped.units["share"] == "%"
    assert [grouped.units[name] for name in ("worst", "mean", "spread", "groups")] == ["%"] * 3 + ["count"]


def test_what_is_not_said_of_a_match_is_as_the_language_has_it() -> None:
    spec = read_of("").spec
    assert isinstance(spec, MatchSpec)
    assert (spec.pick, spec.lag, spec.lag_unit, spec.absolute, spec.by, spec.sample, spec.empty) == (
        "nearest", None, "", False, "", 0, None
    )  # fmt: skip
    every = read_of(", pick: all").spec
    assert isinstance(every, MatchSpec)
    assert every.pick == "all"
    assert read_of("").feeds == ("alert", "incident")


def test_a_join_is_as_the_file_has_it() -> None:
    spec = read_of(", lag: [a.started, b.ended], in: minutes", "{occurrences: incident, time: [-30m, 1h]}").spec
    assert isinstance(spec, MatchSpec)
    assert (spec.lag, spec.lag_unit) == (("a.started", "b.ended"), "minutes")
    (joining,) = spec.partners
    assert (joining.time_ms, joining.inside_ms, joining.overlap_ms) == ((-HOUR_MS // 2, HOUR_MS), None, None)
    assert (joining.same, joining.pseudonymous, joining.condition) == ((), False, None)
    by_word = read_of("", "{occurrences: incident, same: {service: service}, inside: 5m}").spec
    assert isinstance(by_word, MatchSpec)
    assert (by_word.partners[0].same, by_word.partners[0].pseudonymous) == ((("service", "service"),), False)
    assert (by_word.partners[0].time_ms, by_word.partners[0].inside_ms) == (None, HOUR_MS // 12)


def test_an_entry_serves_every_row_that_names_it_and_people_are_joined_by_pseudonym() -> None:
    read = "{match: {inventory: account}, with: {inventory: person, same: {person: key, project: project}}}"
    spec = one_rule(read, "x.a >= 0").rules["D-SEC-01"].reads[0].spec
    assert isinstance(spec, MatchSpec)
    assert (spec.pick, spec.over, spec.partners[0].pseudonymous) == ("first", None, True)
