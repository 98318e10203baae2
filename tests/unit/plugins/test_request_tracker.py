"""Cases of Request Tracker: what is told of a ticket, and what it adds to days."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from ccmm_agent.plugin import Window
from ccmm_agent.testing import check_source, read_all
from ccmm_agent.testing_http import Simulator
from ccmm_proto.period import DAY_MS, from_ms
from tests.support.fake_request_tracker import FakeRequestTracker
from tests.support.rt_center import NOON, ZONE, cases, counted, days_stated, read, server, source, tracker

__all__ = ["server", "tracker"]


def test_the_source_keeps_the_contract(server: Simulator, tmp_path: Path) -> None:
    window = Window(cursor=b"", now=NOON, zone=ZONE)
    check_source(source(server.url, tmp_path), source("http://127.0.0.1:1", tmp_path), window=window)


def test_cases_and_days_are_those_counted_by_hand(server: Simulator, tmp_path: Path) -> None:
    found, done = read(source(server.url, tmp_path))
    assert done.covers == (datetime(2026, 11, 6, tzinfo=UTC), NOON - timedelta(seconds=30))
    told = cases(found)
    assert told["1"]["call"] == 'text: "C1"'
    assert told["1"]["agent"] == 'text: "u7"'
    assert ("closed" in told["2"], told["2"]["class"]) == (False, 'text: "complaint"')
    assert counted(found) == {
        "issues 10 Support": 1,
        "cases_due 12 Support": 1,
        "cases_closed 13 Support": 1,
        "issues 15 Complaints": 1,
        "complaints 15 Complaints": 1,
        "cases_due 17 Complaints": 1,
        "complaints_due 17 Complaints": 1,
        "issues 16 Support": 1,
        "cases_closed 17 Support": 1,  # at 20:00 UTC of the 16th: at 04:00 of the 17th in Shanghai
        "cases_due 18 Support": 1,
        "cases_on_time 18 Support": 1,
    }
    days = {one.measure.start_ms // DAY_MS for one in found if one.WhichOneof("fact") == "measure"}
    assert len(days) == 14  # from the 6th to the 19th, those without any ticket too


def test_a_change_is_stated_once_and_changes_the_days_that_it_touches(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path
) -> None:
    given = source(server.url, tmp_path)
    _, done = read(given)
    first = tracker.tickets[1]
    tracker.set_status(first, "open", "2026-11-20 11:00:00")
    tracker.change(first, "Set", "2026-11-20 11:00:00", "Due", first.due, "2026-11-25 08:00:00")
    first.due = "2026-11-25 08:00:00"
    found, done = read(given, done.cursor)
    told = cases(found)
    assert (list(told), "closed" in told["1"], told["1"]["due_moves"]) == (["1"], False, "whole: 1")
    revised = {
        f"{one.measure.id} {from_ms(one.measure.start_ms):%d}": one.measure.count
        for one in found
        if one.WhichOneof("fact") == "measure" and one.measure.revision == 1
    }
    assert (revised["cases_due 12"], revised["cases_closed 13"], revised["cases_reopened 13"]) == (0, 1, 1)
    assert read(given, done.cursor)[0] == []


def test_days_are_the_civil_days_of_the_center_over_a_change_of_the_clocks(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path
) -> None:
    """New York: until the 1st of November 04:00 UTC is midnight, after it 05:00; the 1st has 25 hours."""
    for created in ("31 03:59:59", "31 04:00:00"):  # the 30th; the 31st
        tracker.create("5", f"2026-10-{created}")
    for created in ("01 03:59:59", "01 04:00:00", "02 04:30:00", "02 05:00:00"):  # the 31st, the 1st twice, the 2nd
        tracker.create("5", f"2026-11-{created}")
    given = source(server.url, tmp_path, since="30d")
    found, done = read_all(given, now=NOON, zone=ZoneInfo("America/New_York"))
    told = {key: n for key, n in counted(found).items() if key.startswith("complaints ") and key[11:13] in "31010203"}
    # The slot of a civil day is the UTC day that starts within it: the evening before the date that UTC writes.
    assert told == {
        "complaints 31 Complaints": 1,
        "complaints 01 Complaints": 2,
        "complaints 02 Complaints": 2,
        "complaints 03 Complaints": 1,
    }
    assert done.covers == (datetime(2026, 10, 23, tzinfo=UTC), NOON - timedelta(seconds=30))


def test_a_day_is_stated_when_the_center_has_seen_its_end(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path
) -> None:
    """The Azores: 25 hours on the 25th of October 2026, from 00:00 UTC until 01:00 UTC of the next day."""
    given, zone = source(server.url, tmp_path, since="15d"), ZoneInfo("Atlantic/Azores")
    for minutes, is_over in ((60, False), (76, True)):
        now = datetime(2026, 10, 26, tzinfo=UTC) + timedelta(minutes=minutes)
        found, _ = read_all(given, now=now, zone=zone)
        days = {from_ms(one.measure.start_ms).date() for one in found if one.WhichOneof("fact") == "measure"}
        assert (date(2026, 10, 25) in days) is is_over


def test_a_day_is_not_vouched_for_to_its_end_before_it_is_stated(server: Simulator, tmp_path: Path) -> None:
    """Its figures come a quarter of an hour after its end: until then nobody may take it for a day without cases."""
    given, midnight = source(server.url, tmp_path), datetime(2026, 11, 20, tzinfo=UTC)
    found, done = read(given, now=midnight + timedelta(minutes=5))
    assert max(days_stated(found)) == midnight - timedelta(days=2)
    assert done.covers is not None
    assert done.covers[1] == midnight - timedelta(seconds=1)
    found, later = read(given, done.cursor, now=midnight + timedelta(minutes=20))
    assert days_stated(found) == {midnight - timedelta(days=1)}
    assert later.covers == (done.covers[1], midnight + timedelta(minutes=20))


def test_figures_of_days_of_another_zone_are_stated_anew_by_revision(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path
) -> None:
    tracker.create("5", "2026-11-10 17:00:00")  # the 11th in Shanghai
    given = source(server.url, tmp_path)
    found, done = read_all(given, now=NOON, zone=ZoneInfo("UTC"))
    assert counted(found)["complaints 10 Complaints"] == 1
    version, *held, zone = json.loads(done.cursor)
    assert (version, zone) == (2, "UTC")
    of_utc_days = json.dumps([1, *held]).encode()  # as it was written before zones were
    for cursor in (done.cursor, of_utc_days):
        again, after = read(given, cursor)
        told = {
            (f"{from_ms(m.start_ms):%d}", m.count): m.revision
            for m in (one.measure for one in again if one.WhichOneof("fact") == "measure")
            if m.id == "complaints" and from_ms(m.start_ms).day in (10, 11) and m.dimensions[-1].text == "Complaints"
        }
        assert told == {("10", 0): 1, ("11", 1): 1}
        assert read(given, after.cursor)[0] == []
