"""What looks at power supplies add up to: each reading, alert and test once, and no time that nobody watched."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Observation, Options, Reason, SourceUnavailable
from ccmm_agent.testing import identity, options_of_example
from ccmm_plugin_facilities.ups import Ups
from ccmm_plugin_facilities.ups_look import look_of, parse_tested
from ccmm_plugin_facilities.ups_state import State, parse_state
from ccmm_plugin_facilities.watch import Span
from ccmm_proto.errors import Malformed
from ccmm_proto.period import to_ms

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
GAP_MS = 12 * 60_000


def seen(
    cursor: bytes, after: timedelta, **variables: str
) -> tuple[list[Observation], list[Observation], Span | None, bytes]:
    """One look: readings, occurrences, what is vouched for, the next cursor."""
    state, now_ms = parse_state(cursor), to_ms(NOON + after)
    state.watch = state.watch.look(now_ms, gap_ms=GAP_MS)
    looks = {"u1": look_of({name.replace("_", "."): value for name, value in variables.items()})}
    state.gather(looks, now_ms)
    readings, covers = state.close()
    told = [*state.alarms(looks, now_ms), *state.battery_tests(looks, now_ms, ZONE, None)]
    return readings, told, covers, state.to_cursor()


def minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


@given(st.lists(st.tuples(st.integers(1, 30), st.sampled_from(["OL", "OB", "OL RB", "OL OVER"])), max_size=40))
def test_every_look_is_in_one_gauge_and_every_alert_begins_and_ends_once(looks: list[tuple[int, str]]) -> None:
    cursor, at = b"", 0
    spans: list[Span] = []
    readings: list[Observation] = []
    told: list[Observation] = []
    for gap, status in looks:
        at += gap
        more, happened, covers, cursor = seen(cursor, minutes(at), ups_status=status, ups_load="20")
        readings, told, spans = readings + more, told + happened, spans + ([covers] if covers else [])
    assert len({identity(one) for one in readings + told}) == len(readings + told)
    pending = sum(int(held["u1"]["ups_load"][3]) for held in parse_state(cursor).quarters.values())
    assert sum(one.measure.gauge.count for one in readings) + pending == len(looks)
    open_now = len(parse_state(cursor).alerts.get("u1", {}))
    ended = sum(one.occurrence.HasField("ended_ms") for one in told)
    assert len(told) == 2 * ended + open_now
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_the_time_between_looks_far_apart_is_vouched_for_by_nobody() -> None:
    *_, first, cursor = seen(b"", minutes(0), ups_status="OL")
    *_, second, cursor = seen(cursor, minutes(10), ups_status="OL")
    *_, third, cursor = seen(cursor, minutes(60), ups_status="OL")
    *_, fourth, cursor = seen(cursor, minutes(70), ups_status="OL")
    *_, fifth, cursor = seen(cursor, minutes(75), ups_status="OL")
    assert (first, second, third, fourth) == (None, None, None, None)
    assert fifth == (NOON + minutes(60), NOON + minutes(75))


def test_a_clock_that_goes_back_into_what_was_stated_is_said() -> None:
    *_, cursor = seen(b"", minutes(0), ups_status="OL")
    *_, cursor = seen(cursor, minutes(20), ups_status="OL")
    with pytest.raises(SourceUnavailable, match="clock of this machine went back") as caught:
        seen(cursor, minutes(10), ups_status="OL")
    assert caught.value.reason is Reason.UNREADABLE
    assert seen(cursor, minutes(18), ups_status="OL")


def test_the_run_time_counts_again_when_the_battery_is_charged() -> None:
    cursor, looks = b"", (("OL", 32, 100), ("OB", 9, 60), ("OL CHRG", 11, 70), ("OL", 31, 96))
    for at, (status, runtime, charge) in enumerate(looks):
        *_, cursor = seen(
            cursor, minutes(at), ups_status=status, battery_runtime=str(runtime * 60), battery_charge=str(charge)
        )
    assert parse_state(cursor).quarters[to_ms(NOON)]["u1"]["ups_runtime"] == [31.0, 32.0, 31.0, 2]


def test_a_battery_that_never_charges_again_is_read_after_a_day() -> None:
    *_, cursor = seen(b"", minutes(0), ups_status="OB", battery_runtime="600", battery_charge="50")
    *_, cursor = seen(cursor, timedelta(hours=24, minutes=1), ups_status="OL", battery_runtime="300")
    assert [300 / 60, 300 / 60, 300 / 60, 1] in [held["u1"].get("ups_runtime") for held in _quarters(cursor)]


def _quarters(cursor: bytes) -> list[dict[str, dict[str, list[float]]]]:
    return list(parse_state(cursor).quarters.values())


@pytest.mark.parametrize(
    ("variables", "passed"),
    [
        ({"ups_test_result": "Done and passed", "ups_test_date": "2026/11/18"}, True),
        ({"ups_test_result": "Done and error", "ups_test_date": "2026-11-18 10:30"}, False),
    ],
)
def test_a_battery_test_is_stated_once_at_its_date(variables: dict[str, str], passed: bool) -> None:
    _, (told,), _, cursor = seen(b"", minutes(0), ups_status="OL", **variables)
    attributes = {one.name: one.value for one in told.occurrence.attributes}
    assert (attributes["class"].text, attributes["ref"].text, attributes["passed"].flag) == ("battery", "u1", passed)
    assert told.occurrence.started_ms < to_ms(NOON)
    assert seen(cursor, minutes(5), ups_status="OL", **variables)[1] == []


def test_without_a_date_only_a_test_that_was_seen_running_counts() -> None:
    _, none, _, cursor = seen(b"", minutes(0), ups_status="OL", ups_test_result="Done and passed")
    *_, cursor = seen(cursor, minutes(5), ups_status="OL TEST", ups_test_result="In progress")
    _, (told,), _, cursor = seen(cursor, minutes(10), ups_status="OL", ups_test_result="Done and passed")
    _, again, _, _ = seen(cursor, minutes(15), ups_status="OL", ups_test_result="Done and passed")
    assert (none, again) == ([], [])
    assert told.occurrence.started_ms == to_ms(NOON + minutes(10))


@pytest.mark.parametrize("date", ["not set", "11/12/26", "2027-01-01", "1970/01/01", "0001-01-01"])
def test_a_test_without_a_date_that_can_be_meant_is_not_stated(date: str) -> None:
    assert seen(b"", minutes(0), ups_status="OL", ups_test_result="OK", ups_test_date=date)[1] == []


def test_a_date_is_of_the_centers_zone_and_of_the_format_that_the_admin_knows() -> None:
    assert parse_tested("2026-11-18 10:30", ZONE) == datetime(2026, 11, 18, 2, 30, tzinfo=UTC)
    assert parse_tested("11/18/26", ZONE, "%m/%d/%y") == datetime(2026, 11, 17, 16, 0, tzinfo=UTC)


@given(st.dictionaries(st.sampled_from(["ups.status", "battery.runtime", "ups.load", "ups.alarm"]), st.text()))
def test_what_a_ups_tells_is_believed_only_within_reason(variables: dict[str, str]) -> None:
    try:
        look = look_of(variables)
    except Malformed:
        return
    assert all(0 <= value <= 10_080 for value in look.values.values())
    assert {*look.absurd} <= variables.keys()


@given(st.binary(max_size=60))
def test_a_strange_cursor_is_a_new_beginning(cursor: bytes) -> None:
    assert parse_state(cursor) == State()


@pytest.mark.parametrize(
    "changed",
    [
        {"units": {}},
        {"units": {"a b": "u1"}},
        {"units": {"a": "u1", "b": "u1"}},
        {"username": "ccmm"},
        {"port": 0},
        {"host": ""},
    ],
)
def test_options_that_cannot_work_are_refused(changed: dict[str, object]) -> None:
    with pytest.raises(BadOption):
        Ups.from_options(Options({"host": "localhost", "units": {"a": "u1"}, **changed}))


def test_every_option_of_the_example_is_known_and_the_manifest_names_all() -> None:
    class Full(Ups):
        example = Ups.example.replace("\n# ", "\n")[Ups.example.index("\n[[source]]") - 2 :]

    found = options_of_example(Full)
    source = Ups.from_options(found)
    found.refuse_unknown()
    assert source.manifest().endpoints == (("127.0.0.1", 3493),)
    assert [path.name for path in source.manifest().files] == ["upsd.password", "upsd-ca.pem"]
    assert source.feeds == ("reading", "alert", "exercise")
