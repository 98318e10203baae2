"""Stretches of time and frozen forecasts: the parts of the `schedule` source that do no reading."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from ccmm_plugin_records.schedule_frozen import Frozen, Slot, frozen, published
from ccmm_plugin_records.schedule_seen import Seen, newest_plans, parse_seen
from ccmm_plugin_records.schedule_spans import Stretch, both, by_day, difference_s, painted
from ccmm_plugin_records.schedule_tables import Told

T0 = datetime(2026, 11, 16, 1, 0, tzinfo=UTC)
STATES = st.sampled_from(["work", "break", "training"])


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def stretch(begin: float, end: float, state: str = "work") -> Stretch:
    return Stretch(at(begin), at(end), state)


STRETCHES = st.lists(
    st.builds(
        lambda begin, length, state: stretch(begin, begin + length, state),
        st.integers(0, 600),
        st.integers(0, 90),
        STATES,
    ),
    max_size=12,
)


def state_at(stretches: list[Stretch], when: datetime) -> str | None:
    """By looking at each, the last one first."""
    return next((one.state for one in reversed(stretches) if one.start <= when < one.end), None)


@given(STRETCHES)
def test_what_is_painted_last_holds_at_every_minute_and_nothing_overlaps(stretches: list[Stretch]) -> None:
    found = painted(stretches)
    assert all(left.end <= right.start for left, right in pairwise(found))
    for minute in range(0, 700, 7):
        assert state_at(found, at(minute)) == state_at(stretches, at(minute))


@given(STRETCHES, STRETCHES)
def test_every_piece_of_one_account_meets_the_state_of_the_other(left: list[Stretch], right: list[Stretch]) -> None:
    one, other = painted(left), painted(right)
    pieces = list(both(one, other))
    assert sum(piece.seconds for piece, _ in pieces) == sum(piece.seconds for piece in one)
    for piece, state in pieces:
        assert piece.start < piece.end
        assert state_at(one, piece.start) == piece.state
        assert state_at(other, piece.start) == state
    minutes = range(700)
    unlike = sum(60 for minute in minutes if state_at(one, at(minute)) != state_at(other, at(minute)))
    assert difference_s(one, other) == difference_s(other, one) == unlike


def test_a_night_is_cut_at_midnight_of_the_zone_on_the_days_of_clock_changes_too() -> None:
    zone = ZoneInfo("Europe/Berlin")
    night = Stretch(datetime(2026, 10, 24, 20, tzinfo=UTC), datetime(2026, 10, 26, 5, tzinfo=UTC), "work")
    assert [piece.seconds / 3600 for piece in by_day(night, zone)] == [2, 25, 6]  # the 25th has 25 hours


# Forecasts


def told(hour: int, value: float, *, published: datetime | None = None, measure: str = "forecast_contacts") -> Told:
    return Told(measure=measure, start=at(60 * hour), dimensions=(("queue", "a"),), value=value, published=published)


def slot(hour: int, measure: str = "forecast_contacts") -> Slot:
    return measure, round(at(60 * hour).timestamp()) * 1000, (("queue", "a"),)


def test_the_first_publication_of_an_interval_decides_and_rows_of_one_publication_are_added() -> None:
    first, second = at(-9000), at(-3000)
    rows = [told(0, 70, published=second), told(0, 30, published=first), told(0, 12, published=first), told(1, 5)]
    assert published(rows) == {slot(0): 42, slot(1): 5}


def test_fractions_of_contacts_are_not_lost_and_people_are_rounded_up() -> None:
    quarters = [
        Told(measure="forecast_contacts", start=at(15 * n), dimensions=(), value=0.3, published=None) for n in range(40)
    ]
    assert sum(published(quarters).values()) == 12
    assert published([told(0, 9.2, measure="staff_required")]) == {slot(0, "staff_required"): 10}


def changed(
    known: Mapping[Slot, Frozen], values: Mapping[Slot, int]
) -> tuple[list[tuple[int, int, str]], dict[Slot, Frozen]]:
    found, after = frozen(known, values, at(0), is_first=not known)
    return [(one.measure.count, one.measure.revision, one.measure.revision_reason) for one in found], after


def test_a_published_figure_stands_and_each_later_change_is_a_revision_that_says_so() -> None:
    later = {slot(hour): 10 for hour in (24, 25, 48)}
    stated, known = changed({}, later)
    assert stated == [(10, 0, "")] * 3
    assert changed(known, later)[0] == []
    stated, known = changed(known, {**later, slot(48): 25})
    assert stated == [(10, 1, "changed to 25 after publication; the published 10 stands")]
    assert changed(known, {**later, slot(48): 25})[0] == []
    stated, known = changed(known, later)
    assert stated == [(10, 2, "changed after publication and back; the published 10 stands")]
    without = {slot(24): 10, slot(49): 7}
    stated, known = changed(known, without)
    assert sorted(stated) == [(7, 0, ""), (10, 3, "left out after publication; the published 10 stands")]
    assert known[slot(25)].revision == 0  # of the table's first day nothing is taken back


def test_forecasts_of_long_ago_are_stated_at_the_first_look_only() -> None:
    old = {slot(-24 * 60): 4}
    stated, known = changed({}, old)
    assert stated == [(4, 0, "")]
    assert known == {}
    assert frozen(known, old, at(0), is_first=False)[0] == []


# The cursor


def test_a_cursor_is_what_was_written() -> None:
    plans = {("abc", T0.toordinal()): (stretch(0, 60), stretch(60, 75, "break"), stretch(90, 200))}
    forecasts = {slot(3): Frozen(7, -1, 2), ("staff_required", 900_000, ()): Frozen(1, 1, 0)}
    seen = Seen(until=T0, days={20_000: ("d", 1)}, forecasts=forecasts, plans=plans)
    assert parse_seen(seen.to_cursor()) == seen
    assert newest_plans(plans, T0) == plans
    assert newest_plans(plans, T0 + timedelta(days=50)) == {}


@given(st.binary(max_size=200))
def test_any_other_bytes_are_a_cursor_of_nothing(cursor: bytes) -> None:
    assert parse_seen(cursor) == Seen()
