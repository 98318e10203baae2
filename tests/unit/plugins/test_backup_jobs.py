"""Jobs of backups: due when, which copy is which, verified or not, counted by day; by hand."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ccmm_agent.testing import read_all
from ccmm_plugin_facilities.backup_due import Copy, decided, dues
from ccmm_plugin_facilities.backup_list import Noted, Snapshot
from tests.support.backup_lists import HOUR, NOON, SHANGHAI, Store, jobs, line, snapshot, store

__all__ = ["store"]

BERLIN = ZoneInfo("Europe/Berlin")


def test_a_job_is_verified_by_a_check_that_began_after_its_copy_and_passed(store: Store) -> None:
    """Due at 01:30 on the 17th to 20th: checked, check failed, no copy, checked too late."""
    day = datetime(2026, 11, 17, 1, 31, tzinfo=UTC)
    store.tell([snapshot(day), snapshot(day + 24 * HOUR), snapshot(day + 72 * HOUR)], as_of=NOON + 24 * HOUR)
    store.note(
        line("check", day - HOUR),
        line("check", day + HOUR),
        line("check", day + 25 * HOUR, code=1),
    )
    observations, done = read_all(store.source(), now=NOON + 24 * HOUR, zone=SHANGHAI)
    stated = {"2026-11-18": False, "2026-11-19": False, "2026-11-20": False, "2026-11-21": False}
    assert jobs(observations) == stated  # the 17th lies before the four days that the first run looks back
    assert done.covers == (NOON - 72 * HOUR, NOON + 24 * HOUR)
    earlier, _ = read_all(store.source(look_back="5d"), now=NOON + 24 * HOUR, zone=SHANGHAI)
    assert jobs(earlier) == {"2026-11-17": True, **stated}


def test_what_is_not_yet_known_is_not_vouched_for(store: Store) -> None:
    due = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
    store.tell([snapshot(due)], as_of=NOON)
    observations, done = read_all(store.source(look_back="2d"), now=NOON, zone=SHANGHAI)
    assert jobs(observations) == {"2026-11-19": False}
    assert done.covers == (NOON - 48 * HOUR, due)
    store.note(line("check", NOON))
    store.tell([snapshot(due)], as_of=NOON + HOUR)
    later, after = read_all(store.source(look_back="2d"), cursor=done.cursor, now=NOON + HOUR, zone=SHANGHAI)
    assert jobs(later) == {"2026-11-20": True}
    assert after.covers == (due, NOON + HOUR)


def test_a_copy_without_a_check_in_time_is_a_failed_job(store: Store) -> None:
    due = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
    store.tell([snapshot(due)], as_of=due + 24 * HOUR)
    observations, _ = read_all(store.source(look_back="2d"), now=due + 24 * HOUR, zone=SHANGHAI)
    assert jobs(observations)["2026-11-20"] is False


def test_jobs_are_counted_by_day_once_the_day_is_over(store: Store) -> None:
    day = datetime(2026, 11, 18, tzinfo=UTC)
    store.tell([snapshot(day + 2 * HOUR)], as_of=NOON)
    store.note(line("check", day + 3 * HOUR))
    source = store.source(look_back="3d")
    observations, done = read_all(source, now=NOON, zone=SHANGHAI)
    counted = {
        (one.measure.id, one.measure.start_ms): one.measure.count for one in observations if one.HasField("measure")
    }
    at = round(day.timestamp() * 1000)
    assert counted == {
        ("backup_jobs", at): 1,
        ("backup_jobs_verified", at): 1,
        ("backup_jobs", at + 86_400_000): 1,
        ("backup_jobs_verified", at + 86_400_000): 0,
    }
    again, _ = read_all(source, cursor=done.cursor, now=NOON, zone=SHANGHAI)
    assert [one for one in again if one.HasField("measure")] == []


def test_after_a_long_absence_it_begins_anew_and_vouches_for_no_hole(store: Store) -> None:
    _, done = read_all(store.source(), now=NOON, zone=SHANGHAI)
    store.tell([], as_of=NOON + 480 * HOUR)
    _, after = read_all(store.source(), cursor=done.cursor, now=NOON + 480 * HOUR, zone=SHANGHAI)
    assert after.covers == (NOON + 384 * HOUR, NOON + 480 * HOUR)


def test_due_times_follow_the_clock_of_the_center_over_its_changes() -> None:
    """Berlin: 02:30 is not there on 2026-03-29, and twice on 2026-10-25."""
    copy = Copy(name="a", due=time(2, 30), weekdays=frozenset(range(7)), within=timedelta(hours=6))
    for day, hours in ((datetime(2026, 3, 28, tzinfo=UTC), [1, 1, 0]), (datetime(2026, 10, 24, tzinfo=UTC), [0, 0, 1])):
        found = [at for at, _ in dues([copy], BERLIN, day, day + timedelta(days=3))]
        assert [(at.day - day.day, at.hour, at.minute) for at in found] == [(n, h, 30) for n, h in enumerate(hours)]


def test_only_the_weekdays_named_are_due() -> None:
    copy = Copy(name="a", due=time(2, 30), weekdays=frozenset({6}), within=timedelta(hours=6))
    found = list(dues([copy], ZoneInfo("UTC"), NOON, NOON + timedelta(days=21)))
    assert [at.weekday() for at, _ in found] == [6, 6, 6]


def test_a_check_that_began_while_the_copy_was_made_verifies_nothing() -> None:
    copy = Copy(name="a", due=time(12), weekdays=frozenset(range(7)), within=timedelta(hours=6))
    made = Snapshot(at=NOON, ended=NOON + 2 * HOUR)
    during = Noted(action="check", started=NOON + HOUR, ended=NOON + 3 * HOUR, passed=True)
    after = Noted(action="check", started=NOON + 2 * HOUR, ended=NOON + 3 * HOUR, passed=True)
    day = timedelta(days=1)
    assert decided(NOON, copy, [made], [during], NOON + 4 * HOUR, day) is None
    job = decided(NOON, copy, [made], [during, after], NOON + 4 * HOUR, day)
    assert job is not None
    assert job.verified
