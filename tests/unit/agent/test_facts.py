"""Builders refuse what is not declared, name it, and never show the value."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent import facts
from ccmm_agent.values import BadFact
from ccmm_proto.shape import check_observations
from ccmm_proto.v1.statement_pb2 import Observation

QUARTER = datetime(2026, 11, 2, 8, 15, tzinfo=UTC)
HOUR = datetime(2026, 11, 2, 8, tzinfo=UTC)
DAY = datetime(2026, 11, 2, tzinfo=UTC)
SECRET = "13800138000"

GOOD: list[Callable[[], Observation]] = [
    lambda: facts.count("calls_offered", QUARTER, 3, queue="support", unfinished=1),
    lambda: facts.count("calls_offered", QUARTER, 3, revision=1, reason="a late line"),
    lambda: facts.seconds("talk_time", QUARTER, 12.5, 2, queue="support"),
    lambda: facts.seconds("pause_time", DAY, 600, 1, agent="E1007", reason="lunch"),
    lambda: facts.histogram("wait_answered", QUARTER, [1, 20, 21, 4000], queue="support"),
    lambda: facts.histogram("wait_answered", QUARTER, buckets=[0] * 17, total=0),
    lambda: facts.gauge("reading", QUARTER, 20.5, 22.0, 21.0, 15, sensor="s1", quantity="temperature"),
    lambda: facts.inventory("account", HOUR, []),
    lambda: facts.inventory("person", HOUR, [("E1", {"active": True, "joined": DAY, "post": None})], complete=False),
    lambda: facts.occurrence("sample", "qa-1", HOUR, HOUR, class_="listening", passed=True, score=3),
    lambda: facts.document("policy-7", bytes(32), class_="policy", topics=["privacy"], approved=DAY),
    lambda: facts.attestation("a-1", bytes(32), class_="drill"),
    lambda: facts.roll("session", HOUR, [("E1", HOUR, {"system": "pbx", "lasted": 60})]),
    lambda: facts.roll("call", HOUR, [], complete=False),
]

BAD: list[tuple[Callable[[], Observation], str]] = [
    (lambda: facts.count("calls", QUARTER, 1), "measure calls"),
    (lambda: facts.count("talk_time", QUARTER, 1), "measure talk_time"),
    (lambda: facts.count("calls_offered", HOUR + timedelta(minutes=1), 1), "multiples"),
    (lambda: facts.count("calls_offered", QUARTER, -1), "not negative"),
    (lambda: facts.count("calls_offered", QUARTER, True), "whole number"),
    (lambda: facts.count("calls_offered", QUARTER, 1, colour=SECRET), "calls_offered.colour"),
    (lambda: facts.count("calls_offered", QUARTER, 1, queue=""), "calls_offered.queue"),
    (lambda: facts.count("calls_offered", QUARTER, 1, revision=1), "a reason"),
    (lambda: facts.count("calls_offered", QUARTER, 1, reason="why"), "a reason"),
    (lambda: facts.seconds("talk_time", QUARTER, float("nan"), 1), "not a number"),
    (lambda: facts.seconds("talk_time", QUARTER, 1e300, 1), "beyond"),
    (lambda: facts.seconds("talk_time", QUARTER, -1.0, 1), "less than nothing"),
    (lambda: facts.occurrence("sample", "qa-1", HOUR, HOUR, score=1e300), "a number"),
    (lambda: facts.gauge("reading", QUARTER, -1e300, 22.0, 21.0, 15, sensor="s1"), "beyond"),
    (lambda: facts.seconds("login_time", QUARTER, 1, 1, agent="E1"), "multiples"),
    (lambda: facts.histogram("wait_answered", QUARTER, buckets=[1, 2]), "17 buckets"),
    (lambda: facts.gauge("reading", QUARTER, 5, 4, 4.5, 1), "min <= last <= max"),
    (lambda: facts.inventory("call", HOUR, []), "inventory call"),
    (lambda: facts.inventory("account", HOUR, [("a", {})]), "account.system"),
    (lambda: facts.inventory("account", HOUR, [("a", {"system": "x", "phone": SECRET})]), "account.phone"),
    (lambda: facts.inventory("account", HOUR, [("a", {"system": "x", "enabled": SECRET})]), "account.enabled"),
    (lambda: facts.inventory("account", HOUR, [("a", {"system": "x", "created": SECRET})]), "account.created"),
    (lambda: facts.inventory("account", HOUR, [("a", {"system": "x", "groups": SECRET})]), "account.groups"),
    (lambda: facts.inventory("account", HOUR, [("a", {"system": "x"}), ("a", {"system": "y"})]), "twice"),
    (lambda: facts.inventory("account", HOUR, [("\ud800", {"system": "x"})]), "account key"),
    (lambda: facts.occurrence("sample", "", HOUR), "sample id"),
    (lambda: facts.occurrence("sample", "x", HOUR, DAY), "at or after"),
    (lambda: facts.occurrence("sample", "x", HOUR, score=float("inf")), "sample.score"),
    (lambda: facts.occurrence("training", "x", HOUR, attempts=2**63), "training.attempts"),
    (lambda: facts.occurrence("person", "x", HOUR), "occurrence person"),
    (lambda: facts.document("d", b"short", class_="policy"), "32 bytes"),
    (lambda: facts.document("d", bytes(32)), "document.class"),
    (lambda: facts.roll("case", HOUR, []), "roll case"),
    (lambda: facts.roll("call", QUARTER, []), "full UTC hour"),
    (lambda: facts.roll("call", HOUR, [("c", DAY, {"system": "x"})]), "within the hour"),
    (lambda: facts.roll("call", HOUR, [("c", HOUR, {})]), "call.system"),
    (lambda: facts.roll("call", HOUR, [("c", HOUR, {"system": "x", "talk": -1})]), "call.talk"),
    (lambda: facts.roll("call", HOUR, [("c", HOUR, {"system": "x", "fee": 1})]), "call.fee"),
]


@pytest.mark.parametrize("number", range(len(GOOD)))
def test_declared_facts_are_built_in_the_shape_both_sides_check(number: int) -> None:
    check_observations([GOOD[number]()], clear=True)


@pytest.mark.parametrize("number", range(len(BAD)))
def test_undeclared_facts_are_refused_by_name_without_their_value(number: int) -> None:
    build, told = BAD[number]
    with pytest.raises(BadFact, match=re.escape(told)) as error:
        build()
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("zone", [None, ZoneInfo("Asia/Shanghai")])
def test_times_that_are_not_aware_utc_are_refused(zone: ZoneInfo | None) -> None:
    with pytest.raises(BadFact, match="UTC"):
        facts.count("calls_offered", QUARTER.replace(tzinfo=zone), 1)
    with pytest.raises(BadFact, match=r"account\.created"):
        facts.inventory("account", HOUR, [("a", {"system": "x", "created": DAY.replace(tzinfo=zone)})])


def test_waits_fall_into_the_bucket_whose_bound_they_reach() -> None:
    histogram = facts.histogram("wait_answered", QUARTER, [2, 2.1, 20, 1800, 1801]).measure.histogram
    assert list(histogram.buckets) == [1, 1, 0, 0, 1, *[0] * 10, 1, 1]
    assert histogram.total == pytest.approx(3625.1)


def test_rows_of_a_roll_are_sorted_and_absent_values_are_marked() -> None:
    rows: list[facts.Row] = [
        ("b", HOUR + timedelta(seconds=9), {"system": "x", "talk": 5}),
        ("a", HOUR, {"system": "x", "queue": "q"}),
    ]
    roll = facts.roll("call", HOUR, rows).roll
    assert (list(roll.clear_key), list(roll.start_s)) == (["a", "b"], [0, 9])
    columns = {column.name: list(column.number) for column in roll.columns}
    assert columns == {"system": [0, 0], "queue": [0, -1], "talk": [-1, 5]}


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.datetimes()
NAMES = st.sampled_from(["system", "person", "enabled", "created", "groups", "phone"])


@given(st.text(max_size=3), st.dictionaries(NAMES, VALUES, max_size=5))
def test_any_attributes_are_built_in_shape_or_refused(key: str, attributes: dict[str, object]) -> None:
    try:
        built = facts.inventory("account", HOUR, [(key, attributes)])
    except BadFact:
        return
    check_observations([built], clear=True)
