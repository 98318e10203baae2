"""The log and the clock of a ZKTeco terminal over time: each record once, and nothing vanishes unsaid."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import BadOption
from ccmm_plugin_access_control import zkteco
from tests.support.doors import hours, rows_of, utc
from tests.support.zk_morning import MORNING, NOW, local, read, read_at, source, terminal
from tests.support.zk_terminals import Record


def test_from_the_cursor_on_only_new_hours_are_stated() -> None:
    box = terminal()
    _, done = read_at(box, NOW)
    box.records.append(Record("1002", local(13, 59), 0))
    found, again = read_at(box, NOW + timedelta(hours=1), done.cursor)
    assert hours(found) == {5: (1, 0)}
    assert again.covers == (utc(5), utc(6))
    found, third = read_at(box, NOW + timedelta(hours=1), again.cursor)
    assert hours(found) == {}
    assert third.covers == (utc(6), utc(6))


def test_an_hour_that_grew_is_stated_again_as_a_revision() -> None:
    box = terminal()
    _, done = read_at(box, NOW)
    box.records.insert(2, Record("1002", local(8, 59), 0))
    found, again = read_at(box, NOW, done.cursor)
    assert hours(found) == {0: (3, 1)}
    found, _ = read_at(box, NOW, again.cursor)
    assert hours(found) == {}


def test_old_records_that_the_terminal_overwrote_are_told_and_cost_nothing_else() -> None:
    box = terminal()
    _, done = read_at(box, NOW)
    del box.records[:2]
    found, again = read_at(box, NOW + timedelta(hours=1), done.cursor)
    assert hours(found) == {}
    assert again.detail == "2 records stated before are no longer on the terminal"
    assert again.covers == (utc(5), utc(6))


def test_a_cleared_log_leaves_the_time_open_in_which_nobody_knows_what_was_lost() -> None:
    box = terminal()
    _, done = read_at(box, NOW)
    box.records[:] = [Record("1002", local(15, 40), 0), Record("1002", local(16, 10), 1)]
    found, again = read_at(box, NOW + timedelta(hours=3), done.cursor)
    assert hours(found) == {7: (1, 0)}
    assert [one.roll.complete for one in found if one.HasField("roll")] == [False]
    assert again.covers == (utc(8), utc(8))
    assert "3 records stated before are no longer on the terminal" in again.detail
    assert "the time between is not vouched for" in again.detail
    _, third = read_at(box, NOW + timedelta(hours=4), again.cursor)
    assert (third.covers, third.detail) == ((utc(8), utc(9)), "")


def test_a_log_that_was_cleared_and_is_empty_vouches_for_nothing() -> None:
    box = terminal()
    _, done = read_at(box, NOW)
    box.records.clear()
    _, again = read_at(box, NOW + timedelta(hours=3), done.cursor)
    assert again.covers == (utc(8), utc(8))
    assert "3 records stated before" in again.detail


def test_another_terminal_in_its_place_begins_anew_and_revises_nothing() -> None:
    box = terminal()
    _, done = read_at(box, NOW)
    other = terminal([Record("1001", local(8, 30)), *MORNING, Record("1001", local(14, 10))], serial="OTHER")
    found, again = read_at(other, NOW + timedelta(hours=3), done.cursor)
    assert hours(found) == {6: (1, 0)}
    assert again.covers == (utc(7), utc(8))
    assert "the time between is not vouched for" in again.detail
    _, third = read_at(other, NOW + timedelta(hours=4), again.cursor)
    assert (third.covers, third.detail) == ((utc(8), utc(9)), "")


def test_an_empty_log_is_looked_at_and_found_empty() -> None:
    with terminal([]).running() as port:
        found, done = read(source(port))
    assert rows_of(found) == []
    assert done.covers == (utc(5), utc(5))


def test_records_that_stand_twice_are_stated_once_and_told() -> None:
    with terminal([*MORNING[:1], *MORNING]).running() as port:
        found, done = read(source(port))
    assert hours(found) == {0: (2, 0), 4: (1, 0)}
    assert done.detail == "1 records stand twice and are stated once"


def test_a_second_punch_a_moment_later_is_another_passage() -> None:
    with terminal([MORNING[0], Record("1001", local(8, 1, 8), 0)]).running() as port:
        found, _ = read(source(port))
    assert hours(found) == {0: (2, 0)}


def test_a_clock_that_had_stopped_leaves_records_without_a_date_and_their_time_open() -> None:
    box = terminal()
    _, done = read_at(box, NOW)
    box.records += [Record("1002", 5), Record("1002", local(13, 30))]
    found, again = read_at(box, NOW + timedelta(hours=1), done.cursor)
    assert hours(found) == {5: (1, 0)}
    assert again.covers == (utc(6), utc(6))
    assert "1 records without a date" in again.detail
    _, third = read_at(box, NOW + timedelta(hours=2), again.cursor)
    assert third.covers == (utc(6), utc(7))


def test_a_record_that_is_no_date_is_counted_and_never_a_time() -> None:
    no_such_day = ((26 * 12 + 1) * 31 + 29) * 86400  # 30 February 2026
    with terminal([*MORNING, Record("1001", no_such_day)]).running() as port:
        found, done = read(source(port))
    assert len(rows_of(found)) == 3
    assert "1 records without a date" in done.detail


def test_records_from_the_future_and_a_clock_that_went_back_are_told() -> None:
    with terminal([*MORNING, Record("1001", local(23, 0)), Record("1001", local(13, 0))]).running() as port:
        found, done = read(source(port, settle="15m"))
    assert hours(found) == {0: (2, 0), 4: (1, 0)}
    assert "1 records lie in the future" in done.detail
    assert "1 times the terminal's clock went back" in done.detail


def test_the_hour_that_a_clock_change_repeats_goes_by_the_order_of_the_log() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    night = [datetime(2026, 10, 25, 2, 40), datetime(2026, 10, 25, 2, 10), datetime(2026, 10, 25, 3, 5)]  # noqa: DTZ001
    box = terminal([Record("1001", at) for at in night], clock=datetime(2026, 10, 25, 9, 0))  # noqa: DTZ001
    with box.running() as port:
        found, _ = read(source(port), now=datetime(2026, 10, 25, 8, 0, tzinfo=UTC), zone=berlin)
    assert [at.strftime("%H:%M") for _, at, _ in rows_of(found)] == ["00:40", "01:10", "02:05"]


def test_within_the_repeated_hour_the_clock_is_not_an_hour_off() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for now in (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)):
        with terminal([], clock=datetime(2026, 10, 25, 2, 30)).running() as port:  # noqa: DTZ001
            read(source(port), now=now, zone=berlin)


def test_the_zone_of_the_terminal_may_be_another_than_the_center_s() -> None:
    with terminal(clock=datetime(2026, 11, 22, 6, 0)).running() as port:  # noqa: DTZ001
        found, _ = read(source(port, zone="UTC", settle="1h"))
    assert [at.hour for _, at, _ in rows_of(found)] == []  # its morning is not yet over
    with pytest.raises(BadOption, match="zone"):
        source(1, zone="Mars/Olympus")


def test_history_comes_in_batches_and_each_passage_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zkteco, "BATCH", 4)
    records = [Record("1001", local(0, number % 60) + timedelta(hours=number % 12)) for number in range(30)]
    with terminal(sorted(records, key=lambda one: str(one.time))).running() as port:
        found, done = read(source(port))
    assert len(rows_of(found)) == 30
    assert done.covers is not None
    assert done.covers[1] == utc(5)
