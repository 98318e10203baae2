"""Who must have a row: the people of a list, every client in every month, and what follows where they have none."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from ccmm_rules.errors import PackErrors
from ccmm_rules.evaluate import judge
from ccmm_rules.memory import Fact, MemoryEvidence
from ccmm_rules.model import Outcome
from ccmm_rules.verdict import Verdict
from tests.unit.rules.examples import happened, listed, ms, one_rule

NOW = "2026-04-10T03:00"
PROFILE: dict[str, object] = {"zone": "Asia/Shanghai", "clients": ["acme", "zenith"]}
PEOPLE = "expect: {inventory: person, of: 'active', key: key}"
CARDS = "{occurrences: report, of: \"class == 'scorecard'\", over: 3mo, by: [subject, month], " + PEOPLE + "}"
SEEN = "{occurrences: report, of: \"class == 'scorecard'\", over: 30d, by: subject, " + PEOPLE + "}"
MET = "{occurrences: review, good: 'decisions > 0', over: 3mo, by: [client, month], expect: clients}"


def verdict_on(read: str, require: str, facts: Sequence[Fact]) -> Verdict:
    return judge(one_rule(read, require), MemoryEvidence(facts, PROFILE, at_ms=ms(NOW)), ms(NOW))["D-SEC-01"]


def people(entries: Mapping[str | int, Mapping[str, object]], *, key_id: str = "k") -> Fact:
    return listed("person", entries, NOW, source="hr", key_id=key_id)


def cards(*rows: tuple[str, int]) -> Fact:
    made = [(at, at, {"class": "scorecard", "subject": subject}) for at, subject in rows]
    return happened("report", made, NOW)


def reviews(*rows: tuple[str, str, int]) -> Fact:
    made = [(at, at, {"client": client, "decisions": decisions}) for at, client, decisions in rows]
    return happened("review", made, NOW)


MONTHS = ("2026-01-31T10:00", "2026-02-27T10:00", "2026-03-31T10:00")
BOTH: Mapping[str | int, Mapping[str, object]] = {1: {"active": True}, 2: {"active": True}}


def test_everyone_of_the_list_is_expected_in_every_closed_month() -> None:
    facts = [people(BOTH), cards(*((month, subject) for month in MONTHS for subject in (1, 2)))]
    verdict = verdict_on(CARDS, "x.absent == 0 && x.covered >= 100.0", facts)
    assert verdict.outcome == Outcome.SATISFIED
    assert verdict.seen == {"x.absent": 0, "x.covered": 100.0} | dict(verdict.seen)


def test_a_month_without_a_card_of_one_of_them_is_absent() -> None:
    facts = [people(BOTH), cards(*((month, 1) for month in MONTHS), (MONTHS[0], 2), (MONTHS[2], 2))]
    verdict = verdict_on(CARDS, "x.absent == 0", facts)
    assert (verdict.outcome, verdict.seen["x.absent"]) == (Outcome.NOT_SATISFIED, 1)
    assert verdict_on(CARDS, "x.covered >= 83.0", facts).outcome == Outcome.SATISFIED


def test_the_month_that_is_still_running_stands_for_none() -> None:
    facts = [people({1: {"active": True}}), cards((MONTHS[0], 1), (MONTHS[1], 1), ("2026-04-02T10:00", 1))]
    assert verdict_on(CARDS, "x.absent == 0", facts).seen["x.absent"] == 1
    assert verdict_on(CARDS, "x.groups >= 3", facts).outcome == Outcome.NOT_SATISFIED


def test_whoever_is_filtered_out_is_not_expected() -> None:
    facts = [people({1: {"active": True}, 2: {"active": False}}), cards((MONTHS[2], 1))]
    assert verdict_on(SEEN, "x.absent == 0", facts).outcome == Outcome.SATISFIED


def test_the_least_is_that_of_those_who_are_expected() -> None:
    facts = [people({1: {"active": True}, 2: {"active": False}}), cards((MONTHS[2], 1), (MONTHS[2], 1), (MONTHS[2], 2))]
    assert verdict_on(SEEN, "x.least >= 2", facts).outcome == Outcome.SATISFIED
    assert verdict_on(SEEN, "x.least >= 3", facts).outcome == Outcome.NOT_SATISFIED


def test_whether_someone_is_expected_may_be_unknown() -> None:
    verdict = verdict_on(SEEN, "x.absent == 0", [people({1: {"active": True}, 2: {}}), cards((MONTHS[2], 1))])
    assert (verdict.outcome, verdict.seen["x.absent"], verdict.hoped["x.absent"]) == (Outcome.INCONCLUSIVE, 1, 0)
    facts = [people({1: {"active": True}, 2: {}}), cards()]
    assert verdict_on(SEEN, "x.absent == 0", facts).outcome == Outcome.NOT_SATISFIED
    assert verdict_on(SEEN, "x.absent == 0", [people({2: {}}), cards()]).outcome == Outcome.INCONCLUSIVE


def test_a_list_with_nobody_in_it_proves_nothing() -> None:
    verdict = verdict_on(SEEN, "x.covered >= 90.0", [people({1: {"active": False}}), cards((MONTHS[2], 1))])
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "empty")


def test_the_list_must_be_there_and_fresh() -> None:
    assert verdict_on(SEEN, "x.absent == 0", [cards((MONTHS[2], 1))]).outcome == Outcome.MISSING
    old = listed("person", {1: {"active": True}}, "2026-04-08T03:00", source="hr")
    verdict = verdict_on(SEEN, "x.absent == 0", [old, cards((MONTHS[2], 1))])
    assert (verdict.outcome, verdict.reason) == (Outcome.MISSING, "stale")


def test_pseudonyms_of_two_keys_are_not_compared() -> None:
    facts = [people({1: {"active": True}}, key_id="other"), cards((MONTHS[2], 1))]
    assert verdict_on(SEEN, "x.absent == 0", facts).reason == "keys"


def test_a_lost_statement_may_have_held_a_longer_list() -> None:
    last = replace(cards(), sequence=2, recorded_ms=ms(NOW))
    facts = [people({1: {"active": True}}), cards((MONTHS[2], 1)), last]
    assert verdict_on(SEEN, "x.least >= 1", facts).reason == "hole"
    assert verdict_on(SEEN, "x.absent == 0", facts).outcome == Outcome.INCONCLUSIVE


def test_every_client_is_expected_in_every_month_with_a_good_row() -> None:
    good = [(month, client, 1) for month in MONTHS for client in ("acme", "zenith")]
    assert verdict_on(MET, "x.absent == 0", [reviews(*good)]).outcome == Outcome.SATISFIED
    spoilt = [*good[:-1], (MONTHS[2], "zenith", 0)]
    assert verdict_on(MET, "x.absent == 0", [reviews(*spoilt)]).seen["x.absent"] == 1
    other = [*good[:-1], (MONTHS[2], "acme", 3)]
    assert verdict_on(MET, "x.absent == 0", [reviews(*other)]).seen["x.absent"] == 1


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (CARDS.replace("[subject, month]", "[month, subject]"), "an attribute and a calendar grain"),
        (CARDS.replace(", " + PEOPLE, ""), "who is expected in every month"),
        (CARDS.replace("key: key", "key: team"), "person.team is string, subject is @person"),
        (CARDS.replace("key: key", "key: badge"), "'badge' is no attribute of person"),
        (CARDS.replace("key: key", "key: key, over: 3mo"), "unknown key 'over'"),
        (SEEN.replace(PEOPLE, "expect: clients"), "subject is @person, a list holds text"),
        ("{occurrences: change.person, over: 30d, by: team, " + PEOPLE + "}", "derived rows are expected of no list"),
        ("{inventory: account, by: [system, month], expect: systems}", "an attribute and a calendar grain"),
    ],
)
def test_an_expectation_that_cannot_be_met_is_refused(read: str, said: str) -> None:
    with pytest.raises(PackErrors, match=said):
        one_rule(read, "x.absent == 0")
