"""What looks add up to: each reading in one gauge, each alert begun and ended once, whatever a cursor holds."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import Observation
from ccmm_agent.testing import identity
from ccmm_plugin_facilities.look_state import AlertWords, LookState, parse_look_state
from ccmm_proto.period import to_ms

NOON_MS = to_ms(datetime(2026, 11, 20, 4, 0, tzinfo=UTC))
PANEL = AlertWords(name="panel", system="fire_panel")
WARM = {"quantity": "rack_temperature", "sensor": "r1"}


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(-40, 90), st.booleans()), max_size=40))
def test_every_reading_is_in_one_gauge_and_every_alert_begins_and_ends_once(
    looks: list[tuple[int, int, bool]],
) -> None:
    cursor, now_ms = b"", NOON_MS
    told: list[Observation] = []
    for gap, value, is_raised in looks:
        now_ms += gap * 60_000
        state = parse_look_state(cursor)
        state.watch = state.watch.look(now_ms, gap_ms=720_000)
        state.gather(WARM, value, now_ms)
        readings, _ = state.close()
        told += [*readings, *state.alarms({PANEL: is_raised}, now_ms)]
        cursor = state.to_cursor()
    state = parse_look_state(cursor)
    pending = sum(int(held[3]) for quarter in state.quarters.values() for held in quarter.values())
    assert sum(one.measure.gauge.count for one in told) + pending == len(looks)
    assert len({identity(one) for one in told}) == len(told)
    alerts = [one.occurrence for one in told if one.WhichOneof("fact") == "occurrence"]
    ended = sum(one.HasField("ended_ms") for one in alerts)
    assert len(alerts) == 2 * ended + len(state.alerts)


def test_noise_is_summed_and_a_reading_has_its_lowest_highest_and_last() -> None:
    state = LookState()
    state.watch = state.watch.look(NOON_MS, gap_ms=900_000)
    for value in (61.0, 65.0, 60.0):
        state.gather({"quantity": "noise", "place": "hall"}, value, NOON_MS)
        state.gather(WARM, value, NOON_MS)
    state.watch = state.watch.look(NOON_MS + 900_000, gap_ms=900_000)
    noise, warm = (one.measure for one in state.close()[0])
    assert (noise.id, noise.sum.total, noise.sum.count) == ("noise", 186.0, 3)
    assert (warm.id, warm.gauge.min, warm.gauge.max, warm.gauge.last) == ("reading", 60.0, 65.0, 60.0)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_a_cursor_holds_it_is_a_state(cursor: bytes) -> None:
    assert parse_look_state(parse_look_state(cursor).to_cursor()) == parse_look_state(cursor)
