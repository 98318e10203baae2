"""Cases of Request Tracker: what changes afterwards, and how it is followed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ccmm_agent.testing_http import Simulator, http_simulator
from tests.support.fake_request_tracker import FakeRequestTracker
from tests.support.rt_center import NOON, cases, counted, read, server, source, tracker

__all__ = ["server", "tracker"]


def test_a_complaint_that_gets_another_name_stays_one_that_was_made(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path
) -> None:
    complaint = tracker.tickets[2]
    tracker.change(complaint, "Set", "2026-11-18 08:00:00", "Queue", "5", "3")
    complaint.queue = "3"
    complaint2 = tracker.create("5", "2026-11-19 08:00:00")
    found, _ = read(source(server.url, tmp_path))
    told = cases(found)
    assert (told["2"]["relabelled"], "class" in told["2"]) == ("flag: true", False)
    assert told[str(complaint2.id)]["relabelled"] == "flag: false"
    assert counted(found)["complaints 15 Support"] == 1


def test_a_deleted_ticket_is_never_closed_and_keeps_its_due_time(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path
) -> None:
    tracker.set_status(tracker.tickets[2], "deleted", "2026-11-16 08:00:00")
    tracker.create("5", "2026-11-16 08:00:00")
    tracker.create("3", "2026-11-16 08:00:00", type="reminder")
    told = cases(read(source(server.url, tmp_path))[0])
    assert sorted(told) == ["1", "2", "3", "4"]
    assert ("due" in told["2"], "closed" in told["2"]) == (True, False)


def test_a_ticket_that_was_closed_before_it_was_deleted_stays_closed_and_was_not_opened_again(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path
) -> None:
    tracker.set_status(tracker.tickets[3], "deleted", "2026-11-17 08:00:00")
    found, _ = read(source(server.url, tmp_path))
    assert "closed" in cases(found)["3"]
    assert not any(told.startswith("cases_reopened") for told in counted(found))


def test_only_a_due_time_that_is_put_off_or_taken_away_was_moved(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path
) -> None:
    never, day = "1970-01-01 00:00:00", "2026-11-{} 08:00:00"
    ticket = tracker.tickets[2]
    for old, new in ((never, day.format(19)), (day.format(19), day.format(18)), (day.format(18), day.format(17))):
        tracker.change(ticket, "Set", "2026-11-15 09:00:00", "Due", old, new)
    assert cases(read(source(server.url, tmp_path))[0])["2"]["due_moves"] == "whole: 0"
    tracker.change(ticket, "Set", "2026-11-15 10:00:00", "Due", day.format(17), never)
    tracker.change(ticket, "Set", "2026-11-15 10:00:00", "Due", never, day.format(17))
    assert cases(read(source(server.url, tmp_path))[0])["2"]["due_moves"] == "whole: 1"


def test_a_ticket_older_than_the_first_reading_counts_from_its_first_change_on(tmp_path: Path) -> None:
    tracker = FakeRequestTracker({"3": "Support", "5": "Complaints"}, clock=lambda: NOON)
    old = tracker.create("3", "2026-11-01 08:00:00", due="2026-11-19 08:00:00")
    tracker.create("5", "2026-11-16 08:00:00")
    with http_simulator(tracker.answer) as server:
        given = source(server.url, tmp_path, since="5d")
        found, done = read(given)
        assert (list(cases(found)), counted(found)["cases_due 19 Support"]) == (["2"], 0)
        tracker.set_status(old, "open", "2026-11-20 09:00:00")
        found, done = read(given, done.cursor)
        assert (list(cases(found)), counted(found)["cases_due 19 Support"]) == (["1"], 1)
        tracker.set_status(old, "stalled", "2026-11-20 10:00:00")
        found, _ = read(given, done.cursor)
        assert (list(cases(found)), counted(found)) == (["1"], {})


def test_a_change_of_this_very_minute_waits_and_is_not_lost(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path
) -> None:
    given = source(server.url, tmp_path)
    _, done = read(given)
    fresh = tracker.create("3", "2026-11-20 11:59:50")
    found, done = read(given, done.cursor)
    assert found == []
    tracker.clock = lambda: NOON + timedelta(minutes=1)
    found, done = read(given, done.cursor, NOON + timedelta(minutes=1))
    assert list(cases(found)) == [str(fresh.id)]


def test_more_changes_than_one_answer_holds_are_all_read(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccmm_plugin_crm.request_tracker.BATCH_TICKETS", 90)
    for minute in range(450):
        tracker.create("3", f"2026-11-19 {8 + minute // 60:02}:{minute % 60:02}:00")
    found, done = read(source(server.url, tmp_path))
    assert len(cases(found)) == 453
    assert counted(found)["issues 19 Support"] == 450
    assert done.covers == (datetime(2026, 11, 6, tzinfo=UTC), NOON - timedelta(seconds=30))


def test_a_tracker_that_went_back_in_time_is_said_and_read_on(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path
) -> None:
    given = source(server.url, tmp_path)
    for _ in range(3):
        tracker.create("3", "2026-11-19 08:00:00")
    _, done = read(given)
    del tracker.changes[-2:]
    _, done = read(given, done.cursor)
    assert "restored from a backup" in done.detail
    newer = tracker.create("3", "2026-11-19 09:00:00")
    assert list(cases(read(given, done.cursor)[0])) == [str(newer.id)]
