"""Readings of sensors: in a window, in slots, and when they stand still."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from ccmm_rules.memory import Fact
from ccmm_rules.model import Outcome
from tests.unit.rules.examples import ms
from tests.unit.rules.figures import Value, Values, each, stated, verdict_on

HOUR_MS = 3_600_000
Reading = tuple[float, float, float]


def living(low: float, high: float) -> Values:
    """Never the same twice in a row."""
    return lambda start_ms: (low, high, low if start_ms // 900_000 % 2 else high)


def sensors(quantity: str, by: Mapping[str, Values], dimension: str = "sensor") -> Fact:
    named = {tuple(sorted(((dimension, name), ("quantity", quantity)))): values for name, values in by.items()}
    return stated({"reading": named})


HEAT = "{slots: rack_temperature, over: 7d, every: 15m, meets: [18, 27], by: sensor, expect: sensors}"
RACKS = {"sensors": ["r1", "r2"]}


def test_a_slot_meets_a_band_if_its_lowest_and_its_highest_do() -> None:
    good, warm, cold = living(18.0, 27.0), living(20.0, 27.1), living(17.9, 20.0)
    for other, bad in ((good, 0), (warm, 7 * 96), (cold, 7 * 96)):
        facts = [sensors("rack_temperature", {"r1": good, "r2": other})]
        verdict = verdict_on(HEAT, "x.bad == 0", facts, RACKS)
        assert (verdict.seen["x.n"], verdict.seen["x.bad"]) == (2 * 7 * 96, bad)
        assert "x.worst" not in verdict.seen


def test_another_quantity_of_the_same_sensor_is_left_out() -> None:
    facts = [sensors("rack_humidity", {"r1": living(30.0, 60.0), "r2": living(40.0, 60.0)})]
    assert verdict_on(HEAT, "x.bad == 0", facts, RACKS).reason == "uncovered"
    damp = HEAT.replace("rack_temperature", "rack_humidity").replace("[18, 27]", "[40, 60]")
    assert verdict_on(damp, "x.share >= 50.0", facts, RACKS).outcome == Outcome.SATISFIED


def test_a_slot_without_a_reading_is_bad_in_the_worst_look_and_good_in_the_best() -> None:
    def silent(start_ms: int) -> Value:
        return None if start_ms == ms("2026-03-18T10:00") else living(20.0, 25.0)(start_ms)

    facts = [sensors("rack_temperature", {"r1": living(20.0, 25.0), "r2": silent})]
    verdict = verdict_on(HEAT, "x.bad == 0", facts, RACKS)
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "uncovered")
    assert (verdict.seen["x.bad"], verdict.hoped["x.bad"]) == (1, 0)
    assert verdict_on(HEAT, "x.share >= 99.0", facts, RACKS).outcome == Outcome.SATISFIED


def test_an_expected_sensor_that_never_spoke_is_not_read() -> None:
    facts = [sensors("rack_temperature", {"r1": living(20.0, 25.0)})]
    verdict = verdict_on(HEAT, "x.bad == 0", facts, RACKS)
    assert (verdict.seen["x.share"], verdict.hoped["x.share"]) == (50.0, 100.0)


@pytest.mark.parametrize(("hours", "bad"), [(6.0, 0), (6.25, 25), (10.0, 40)])
def test_a_reading_that_stands_still_for_more_than_six_hours_was_not_read(hours: float, bad: int) -> None:
    begin = ms("2026-03-18T10:00")

    def stuck(start_ms: int) -> Value:
        still = begin <= start_ms < begin + hours * HOUR_MS
        return (22.0, 22.0, 22.0) if still else living(20.0, 25.0)(start_ms)

    facts = [sensors("rack_temperature", {"r1": living(20.0, 25.0), "r2": stuck})]
    verdict = verdict_on(HEAT, "x.bad == 0", facts, RACKS)
    assert verdict.seen["x.bad"] == bad
    assert verdict.outcome == (Outcome.INCONCLUSIVE if bad else Outcome.SATISFIED)


def test_a_reading_that_stood_still_since_before_the_window_is_known_to_stand_still() -> None:
    begin = ms("2026-03-13T00:00")  # of the window

    def stuck(start_ms: int) -> Value:
        still = begin - 5 * HOUR_MS <= start_ms < begin + 2 * HOUR_MS
        return (22.0, 22.0, 22.0) if still else living(20.0, 25.0)(start_ms)

    facts = [sensors("rack_temperature", {"r1": living(20.0, 25.0), "r2": stuck})]
    assert verdict_on(HEAT, "x.bad == 0", facts, RACKS).seen["x.bad"] == 8


def test_a_metric_over_readings_is_the_worst_of_the_window_and_of_the_groups() -> None:
    def dipped(start_ms: int) -> Reading:
        return (12.0, 25.0, 25.0) if start_ms == ms("2026-03-15T10:00") else (20.0, 25.0, 21.0)

    facts = [sensors("ups_runtime", {"u1": dipped, "u2": each((30.0, 31.0, 30.0))}, "ups")]
    read = "{metric: ups_runtime, over: 30d, by: ups, expect: ups}"
    verdict = verdict_on(read, "x >= 15.0", facts, {"ups": ["u1", "u2"]})
    assert (verdict.outcome, verdict.seen["x"], verdict.seen["x.groups"]) == (Outcome.NOT_SATISFIED, 12.0, 2)
    assert (verdict.seen["x.median"], verdict.seen["x.spread"]) == (21.0, 18.0)
    assert verdict_on("{metric: ups_runtime, over: 3d}", "x >= 15.0", facts).seen["x"] == 20.0


def test_an_expected_group_without_a_reading_leaves_the_metric_undecided() -> None:
    facts = [sensors("ups_runtime", {"u1": each((30.0, 31.0, 30.0))}, "ups")]
    read = "{metric: ups_runtime, over: 30d, by: ups, expect: ups}"
    verdict = verdict_on(read, "x >= 15.0", facts, {"ups": ["u1", "u2"]})
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "uncovered")
    alone = verdict_on(read, "x >= 15.0", facts, {"ups": ["u1"]})
    assert alone.outcome == Outcome.SATISFIED


def test_no_reading_at_all_is_empty() -> None:
    facts = [sensors("fuel", {})]
    verdict = verdict_on("{metric: fuel_hours, over: 30d}", "x >= 8.0", facts)
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "empty")


def test_a_clock_must_be_compared_every_day() -> None:
    def daily(start_ms: int) -> Value:
        hour = (start_ms // HOUR_MS + 8) % 24
        return (5.0, 40.0, 7.0) if hour == 3 and start_ms < ms("2026-03-18T00:00") else None

    facts = [sensors("clock_offset", {"pbx": daily}, "source")]
    read = "{slots: clock_offset_ms, over: 7d, every: 24h, meets: limit, by: source, expect: evidence_systems}"
    more = "limits: {unit: ms, L1: 100, L4: 30}"
    verdict = verdict_on(read, "x.bad == 0", facts, {"evidence_systems": ["pbx"]}, more=more)
    assert (verdict.seen["x.n"], verdict.seen["x.bad"], verdict.hoped["x.bad"]) == (7, 2, 0)
    assert [verdict.outcomes[level].value for level in (1, 3, 4)] == ["inconclusive", "inconclusive", "not_satisfied"]


def test_an_alarm_may_watch_a_floor_while_it_is_open() -> None:
    def air(start_ms: int) -> Value:
        return living(600.0, 900.0)(start_ms) if 8 <= (start_ms // HOUR_MS + 8) % 24 < 20 else (900.0, 1500.0, 900.0)

    facts = [sensors("floor_co2", {"north": air}, "place")]
    read = "{slots: floor_co2, over: 7d, every: 15m, meets: 1000, during: open_hours}"
    verdict = verdict_on(read, "x.share >= 95.0", facts, {"open_hours": ["mon-sun 08:00-20:00"]})
    assert (verdict.outcome, verdict.seen["x.worst"], verdict.seen["x.n"]) == (Outcome.SATISFIED, 900.0, 7 * 48)


def test_a_lost_statement_may_show_that_a_sensor_stood_still() -> None:
    facts = [replace(sensors("rack_temperature", {"r1": living(20.0, 25.0)}), sequence=1)]  # the statement 0 is lost
    read = HEAT.replace(", by: sensor, expect: sensors", "")
    verdict = verdict_on(read, "x.good >= 10", facts)
    assert (verdict.outcome, verdict.reason, verdict.seen) == (Outcome.INCONCLUSIVE, "hole", {})
    firm = read.replace("rack_temperature", "ups_runtime").replace("[18, 27]", "15")
    facts = [replace(sensors("ups_runtime", {"u1": living(20.0, 25.0)}, "ups"), sequence=1)]
    assert verdict_on(firm, "x.good >= 10", facts).outcome == Outcome.SATISFIED
