"""The log of a Hikvision device over time: each event once, and nothing vanishes unsaid."""

from datetime import timedelta
from pathlib import Path

import pytest

from ccmm_plugin_access_control import hik_search
from tests.support.doors import hours, rows_of, utc
from tests.support.hik_morning import CARD, NOW, alerts, morning, read_at
from tests.support.hikvision_devices import HikDevice, every
from tests.support.zk_morning import ms


def test_an_alert_that_came_late_is_stated_once(tmp_path: Path) -> None:
    device = morning()
    _, done = read_at(device, tmp_path)
    device.add(5, 0x1B, utc(4, 59))  # of a controller that had been out of touch
    later, again = read_at(device, tmp_path, NOW + timedelta(hours=1), done.cursor)
    assert [id for id, *_ in alerts(later)] == ["Front door door_forced 1005"]
    third, _ = read_at(device, tmp_path, NOW + timedelta(hours=1), again.cursor)
    assert alerts(third) == []


def test_from_the_cursor_on_nothing_is_stated_twice_and_a_grown_hour_is_revised(tmp_path: Path) -> None:
    device = morning()
    _, done = read_at(device, tmp_path)
    device.add(5, 1, utc(5, 59), **CARD, employeeNoString="1001")
    late = device.add(5, 1, utc(3, 59), **CARD, employeeNoString="1001")
    found, again = read_at(device, tmp_path, NOW + timedelta(hours=1), done.cursor)
    assert hours(found) == {3: (2, 1), 5: (1, 0)}
    assert again.covers == (utc(5), utc(6))
    found, third = read_at(device, tmp_path, NOW + timedelta(hours=1), again.cursor)
    assert (hours(found), third.covers, late["serialNo"]) == ({}, (utc(6), utc(6)), 1006)


def test_a_memory_that_overflowed_leaves_open_what_nobody_can_know(tmp_path: Path) -> None:
    device = morning()
    _, done = read_at(device, tmp_path)
    device.memory = 5
    for at in every(10, 20, utc(7)):
        device.add(5, 1, at, **CARD, employeeNoString="1001")
    found, again = read_at(device, tmp_path, NOW + timedelta(hours=5), done.cursor)  # kept: 9:30 to 10:10
    assert hours(found) == {9: (3, 0)}
    assert again.covers == (utc(10), utc(10))
    assert "1 events stated before are no longer in the log" in again.detail
    assert "the time between is not vouched for" in again.detail
    found, third = read_at(device, tmp_path, NOW + timedelta(hours=6), again.cursor)
    assert (hours(found), third.covers, third.detail) == ({10: (2, 0)}, (utc(10), utc(11)), "")


def test_a_cleared_log_whose_numbers_begin_anew_is_a_break(tmp_path: Path) -> None:
    device = HikDevice()
    device.add(5, 21, utc(1))
    _, done = read_at(device, tmp_path)
    device.events.clear()
    device.add(5, 1, utc(5, 30), **CARD, serialNo=1)
    found, again = read_at(device, tmp_path, NOW + timedelta(hours=1), done.cursor)
    assert hours(found) == {5: (1, 0)}
    assert again.covers == (utc(6), utc(6))
    assert "1 break" in again.detail


def test_events_that_are_missing_between_others_are_told(tmp_path: Path) -> None:
    device = morning()
    del device.events[1]
    _, done = read_at(device, tmp_path)
    assert done.detail == "1 numbers are missing in the log: erased, or not shown to this account"


def test_a_device_that_passes_over_the_offset_asked_for_tells_the_same(tmp_path: Path) -> None:
    device = morning()
    device.ignores_offset = True
    found, _ = read_at(device, tmp_path)
    assert len(rows_of(found)) == 3


def test_history_comes_in_batches_and_each_event_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hik_search, "MOST", 10)
    device = HikDevice()
    for at in every(47, 120, utc(0, day=18)):
        device.add(5, 1, at, **CARD, employeeNoString="1001")
    device.add(5, 0x1B, utc(2, day=20))
    found, done = read_at(device, tmp_path, history="7d")
    assert len(rows_of(found)) == 120
    assert len(alerts(found)) == 1
    assert done.covers is not None
    assert done.covers[1] == utc(5)
    assert sum(one.inventory.kind == "badge" for one in found) == 1


def test_stays_reach_over_runs(tmp_path: Path) -> None:
    device = HikDevice()
    device.add(5, 1, utc(0), **CARD, employeeNoString="1001", attendanceStatus="checkIn")
    first, done = read_at(device, tmp_path, presence=True)
    device.add(5, 1, utc(9), **CARD, employeeNoString="1001", attendanceStatus="checkOut")
    second, _ = read_at(device, tmp_path, NOW + timedelta(hours=5), done.cursor, presence=True)
    stays = [[one.occurrence for one in found if one.occurrence.kind == "presence"] for found in (first, second)]
    assert stays[0] == []
    assert [(one.started_ms, one.ended_ms) for one in stays[1]] == [(ms(utc(0)), ms(utc(9)))]
