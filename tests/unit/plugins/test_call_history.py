import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ccmm_agent.plugin import Done, Observation, Window
from tests.support.calls import CALLS, LAST, NOW, ZONE, csv_of, figures, read, source, sqlite_of


def test_nothing_is_stated_twice_and_a_change_gets_a_revision(tmp_path: Path) -> None:
    for write in (csv_of, sqlite_of):
        _, done = read(source(write(tmp_path, [*CALLS, LAST])))
        again, after = read(source(write(tmp_path, [*CALLS, LAST])), done.cursor)
        assert again == []
        assert after.covers is None
        changed = [CALLS[0], (*CALLS[1][:4], "2", *CALLS[1][5:]), *CALLS[2:], LAST]
        found, after = read(source(write(tmp_path, changed)), after.cursor)
        assert {one.measure.revision for one in found if one.WhichOneof("fact") == "measure"} == {1}
        assert figures(found)["calls_answered", "sales", "09:00"] == 2
        assert [one.roll.revision for one in found if one.WhichOneof("fact") == "roll"] == [1]
        assert read(source(write(tmp_path, changed)), after.cursor)[0] == []


def test_rows_that_are_gone_are_taken_back_once(tmp_path: Path) -> None:
    _, done = read(source(sqlite_of(tmp_path, [*CALLS, LAST])))
    left = [CALLS[0], CALLS[3], LAST]
    found, after = read(source(sqlite_of(tmp_path, left)), done.cursor)
    told = figures(found)
    assert told["calls_offered", "sales", "09:00"] == 1
    assert told["calls_offered", "sales", "09:15"] == 0
    assert told["talk_time", "sales", "09:15"] == (0.0, 0)
    assert read(source(sqlite_of(tmp_path, left)), after.cursor)[0] == []
    back, _ = read(source(sqlite_of(tmp_path, [*CALLS, LAST])), after.cursor)
    assert figures(back)["calls_offered", "sales", "09:15"] == 1
    assert {one.measure.revision for one in back if one.WhichOneof("fact") == "measure"} == {2}


def test_an_hour_whose_calls_are_all_gone_is_taken_back_once(tmp_path: Path) -> None:
    _, done = read(source(sqlite_of(tmp_path, [*CALLS, LAST])))
    found, after = read(source(sqlite_of(tmp_path, [*CALLS[:3], LAST])), done.cursor)
    (roll,) = [one.roll for one in found if one.WhichOneof("fact") == "roll"]
    assert (list(roll.clear_key), roll.revision) == ([], 1)
    assert read(source(sqlite_of(tmp_path, [*CALLS[:3], LAST])), after.cursor)[0] == []


def test_a_file_that_no_longer_reaches_back_takes_nothing_back(tmp_path: Path) -> None:
    _, done = read(source(csv_of(tmp_path, [*CALLS, LAST])))
    found, after = read(source(csv_of(tmp_path, [CALLS[3], LAST])), done.cursor)
    assert found == []
    assert after.covers is None


def test_the_time_between_two_files_that_do_not_meet_is_vouched_for_by_nobody(tmp_path: Path) -> None:
    _, done = read(source(csv_of(tmp_path, CALLS)))
    assert done.covers == (datetime(2026, 11, 22, 1, tzinfo=UTC), datetime(2026, 11, 22, 2, tzinfo=UTC))
    later = [("d1", "2026-11-22 11:30:00", *CALLS[0][2:]), ("d2", "2026-11-22 13:05:00", *CALLS[0][2:])]
    found, after = read(source(csv_of(tmp_path, later)), done.cursor)
    assert after.covers == (datetime(2026, 11, 22, 3, tzinfo=UTC), datetime(2026, 11, 22, 5, tzinfo=UTC))
    assert figures(found)["calls_offered", "sales", "11:30"] == 1


def test_a_file_of_whole_days_vouches_from_midnight_to_midnight(tmp_path: Path) -> None:
    yesterday = [("y1", "2026-11-21 09:00:00", *CALLS[0][2:]), ("y2", "2026-11-21 18:00:00", *CALLS[0][2:])]
    days = source(csv_of(tmp_path, yesterday), until="day")
    _, done = read(days)
    assert done.covers == (datetime(2026, 11, 20, 16, tzinfo=UTC), datetime(2026, 11, 21, 16, tzinfo=UTC))
    tomorrow = NOW + timedelta(days=1)
    path = Path(str(csv_of(tmp_path, CALLS)["path"]))
    os.utime(path, (tomorrow.timestamp(), tomorrow.timestamp()))
    found, after = read(days, done.cursor, tomorrow)
    assert after.covers == (datetime(2026, 11, 21, 16, tzinfo=UTC), datetime(2026, 11, 22, 16, tzinfo=UTC))
    assert figures(found)["calls_offered", "help", "10:15"] == 1


def test_history_comes_in_batches_each_slot_once(tmp_path: Path) -> None:
    days = [(f"c{day}", f"2026-11-{day:02} 09:00:00", *CALLS[0][2:]) for day in range(2, 22)]
    for write in (csv_of, sqlite_of):
        one = source(write(tmp_path, days), batch="3d")
        cursor, spans, offered = b"", [], 0
        while True:
            given = list(one.read(Window(cursor=cursor, now=NOW, zone=ZONE)))
            found, done = [each for each in given if isinstance(each, Observation)], given[-1]
            assert isinstance(done, Done)
            offered += sum(one.measure.count for one in found if one.measure.id == "calls_offered")
            spans.append(done.covers)
            cursor = done.cursor
            if not done.more:
                break
        assert offered == (19 if write is csv_of else 20)  # the hour of a file's newest row is not whole yet
        assert spans[0] is not None
        assert spans[0][0] == datetime(2026, 11, 2, 1, tzinfo=UTC)
        assert [one[1] for one in spans[:-1] if one] == [two[0] for two in spans[1:] if two]


def test_an_empty_table_vouches_for_nothing(tmp_path: Path) -> None:
    for write in (csv_of, sqlite_of):
        assert read(source(write(tmp_path, []))) == ([], Done(None, b""))


def test_a_queue_may_be_called_as_what_else_is_stated(tmp_path: Path) -> None:
    rows = [(f"c{at}", f"2026-11-22 {at:02}:00:00", "call", *CALLS[0][3:]) for at in (9, 10, 13)]
    found, done = read(source(sqlite_of(tmp_path, rows)))
    assert figures(found)["calls_offered", "call", "09:00"] == 1
    assert read(source(sqlite_of(tmp_path, rows)), done.cursor)[0] == []
    found, _ = read(source(sqlite_of(tmp_path, rows[1:])), done.cursor)
    assert figures(found)["calls_offered", "call", "09:00"] == 0


def test_a_clock_that_goes_back_states_nothing_and_loses_nothing(tmp_path: Path) -> None:
    one = source(sqlite_of(tmp_path, [*CALLS, LAST]))
    _, done = read(one)
    found, after = read(one, done.cursor, NOW - timedelta(hours=3))
    assert (found, after.covers) == ([], None)
    assert read(one, after.cursor)[0] == []
