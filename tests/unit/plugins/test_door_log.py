import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ccmm_agent.plugin import Window
from ccmm_agent.testing import check_source
from ccmm_plugin_access_control import door_log as door_log_module
from tests.support.doors import (
    EXPORTED,
    MORNING,
    NOW,
    ZONE,
    hours,
    read,
    rows_of,
    source,
    utc,
    write,
)


def test_badge_exports_as_they_are_become_passages_by_the_hour(tmp_path: Path) -> None:
    """Whole minutes, no zone, header names with leading blanks, CRLF, GB18030."""
    found, done = read(source(write(tmp_path / "events.csv", MORNING)))
    assert hours(found) == {0: (2, 0), 1: (1, 0)}
    assert rows_of(found)[0] == (
        "1001",
        utc(0, 1),
        {"badge": "1001", "door": "前门", "direction": "in", "result": "open"},
    )
    assert done.covers == (utc(1), utc(5))  # the first hour may be cut; the export's last half hour is not settled
    assert [one.roll.complete for one in found] == [False, True]


def test_the_contract_is_kept(tmp_path: Path) -> None:
    window = Window(cursor=b"", now=NOW, zone=ZONE)
    holders = write(tmp_path / "badges.csv", ["1001,10023"], head="卡号,工号\r\n")
    columns = {"badge": "卡号", "person": "工号"}
    one = source(write(tmp_path / "events.csv", MORNING), holders=str(holders), holder_columns=columns)
    found = check_source(one, source(tmp_path / "absent.csv"), window=window)
    assert [observation.WhichOneof("fact") for observation in found] == ["inventory", "roll", "roll"]
    folder = source(tmp_path / "ev*.csv")
    check_source(folder, source(tmp_path / "absent-*.csv"), window=window)


def test_rows_that_are_appended_are_stated_once_their_hour_is_over(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    one = source(write(path, [*MORNING, "2026-11-22 13:10,1001,前门,进,正常开门"]))
    found, done = read(one)
    assert hours(found) == {0: (2, 0), 1: (1, 0)}
    later = [*MORNING, "2026-11-22 13:10,1001,前门,进,正常开门", "2026-11-22 13:55,1002,前门,进,正常开门"]
    write(path, later, EXPORTED + timedelta(hours=1))
    found, again = read(one, done.cursor, NOW + timedelta(hours=1))
    assert hours(found) == {5: (2, 0)}
    assert again.covers == (utc(5), utc(6))
    assert read(one, again.cursor, NOW + timedelta(hours=1))[0] == []


def test_an_export_that_stops_vouches_for_nothing_more(tmp_path: Path) -> None:
    one = source(write(tmp_path / "events.csv", MORNING))
    _, done = read(one)
    found, again = read(one, done.cursor, NOW + timedelta(days=9))
    assert (found, again.covers) == ([], (utc(5), utc(5)))


def test_a_last_line_still_being_written_is_read_the_next_time(tmp_path: Path) -> None:
    path = write(tmp_path / "events.csv", MORNING)
    with path.open("ab") as file:
        file.write("2026-11-22 09:45,10".encode("gb18030"))
    os.utime(path, (EXPORTED.timestamp(), EXPORTED.timestamp()))
    one = source(path)
    found, done = read(one)
    assert len(rows_of(found)) == 3
    write(path, [*MORNING, "2026-11-22 09:45,1002,前门,出,正常开门"], EXPORTED + timedelta(hours=1))
    found, _ = read(one, done.cursor, NOW + timedelta(hours=1))
    assert hours(found) == {1: (2, 1)}  # it came late: its hour again, as a revision


def test_a_rotated_file_is_followed_under_its_new_name(tmp_path: Path) -> None:
    one = source(tmp_path / "events*.csv")
    write(tmp_path / "events.csv", MORNING)
    _, done = read(one)
    write(
        tmp_path / "events.csv", [*MORNING, "2026-11-22 13:05,1002,前门,出,正常开门"], EXPORTED + timedelta(minutes=9)
    )
    (tmp_path / "events.csv").rename(tmp_path / "events-1.csv")
    write(tmp_path / "events.csv", ["2026-11-22 14:05,1002,前门,进,正常开门"], EXPORTED + timedelta(hours=2))
    found, again = read(one, done.cursor, NOW + timedelta(hours=2))
    assert hours(found) == {5: (1, 0), 6: (1, 0)}
    assert again.covers == (utc(5), utc(7))


def test_a_rotation_that_takes_rows_away_leaves_a_hole(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    one = source(write(path, MORNING))
    _, done = read(one)
    write(path, ["2026-11-22 16:05,1002,前门,进,正常开门", "2026-11-22 17:05,1002,前门,出,正常开门"], utc(9, 50))
    found, again = read(one, done.cursor, utc(10))
    assert hours(found) == {8: (1, 0)}
    assert again.covers == (utc(9), utc(9))  # from 05:00 to 09:00 rows may have gone


def test_a_rotation_to_an_empty_file_vouches_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    one = source(write(path, MORNING))
    _, done = read(one)
    write(path, [], utc(9, 50))
    found, again = read(one, done.cursor, utc(10))
    assert (found, again.covers) == ([], (utc(9), utc(9)))


def test_an_export_written_anew_that_overlaps_leaves_no_hole_and_states_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    one = source(write(path, MORNING))
    _, done = read(one)
    rolling = [MORNING[2], "2026-11-22 13:05,1002,前门,出,正常开门"]
    write(path, rolling, EXPORTED + timedelta(hours=1))
    found, again = read(one, done.cursor, NOW + timedelta(hours=1))
    assert hours(found) == {5: (1, 0)}
    assert again.covers == (utc(5), utc(6))


def test_rows_that_vanish_change_nothing_and_rows_that_change_give_a_revision(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    one = source(write(path, MORNING))
    _, done = read(one)
    write(path, [MORNING[0], MORNING[2].replace("1001", "1009")], EXPORTED + timedelta(minutes=5))
    found, again = read(one, done.cursor)
    assert hours(found) == {1: (1, 1)}
    assert rows_of(found)[0][0] == "1009"
    write(path, [MORNING[0], MORNING[2].replace("1001", "1008")], EXPORTED + timedelta(minutes=6))
    assert hours(read(one, again.cursor)[0]) == {1: (1, 2)}


def test_history_comes_in_batches_and_each_hour_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_log_module, "BATCH", 10)
    rows = [
        f"2026-11-{day:02} {hour:02}:{minute:02},{day}{hour},前门,进,正常开门"
        for day in (18, 19, 20)
        for hour in range(24)
        for minute in (5, 35)
    ]
    whole = source(write(tmp_path / "events.csv", rows))
    found, done = read(whole)
    assert len(rows_of(found)) == len(rows)
    assert len(found) == 72
    assert done.covers is not None
    assert done.covers[1] == utc(5)
    astray = [*rows[:2], "2026-11-21 08:00,9,前门,进,正常开门", *rows[2:]]
    found, _ = read(source(write(tmp_path / "events.csv", astray)))
    assert len({observation.roll.hour_ms for observation in found}) == len(found) == 73
    backwards = source(write(tmp_path / "newest-first.csv", reversed(astray)), newest_first=True)
    turned, _ = read(backwards)
    assert sorted(map(str, rows_of(turned))) == sorted(map(str, rows_of(found)))
    assert {observation.roll.revision for observation in turned} == {0}


def test_several_controllers_are_one_list_of_passages(tmp_path: Path) -> None:
    write(tmp_path / "door-1.csv", MORNING[:1], EXPORTED - timedelta(hours=4))
    write(tmp_path / "door-2.csv", MORNING[1:], EXPORTED)
    found, _ = read(source(tmp_path / "door-*.csv"))
    assert hours(found) == {0: (2, 0), 1: (1, 0)}


BERLIN = {"zone": "Europe/Berlin"}


def test_the_hour_that_a_clock_change_repeats_follows_the_order_of_the_file(tmp_path: Path) -> None:
    times = ["02:10", "02:50", "02:10", "02:50", "03:05"]
    rows = [f"2026-10-25 {time},100{at},前门,进,正常开门" for at, time in enumerate(times)]
    starts = [start for _, start, _ in rows_of(read(source(write(tmp_path / "e.csv", rows), **BERLIN))[0])]
    expected = [
        datetime(2026, 10, 25, hour, minute, tzinfo=UTC)
        for hour, minute in ((0, 10), (0, 50), (1, 10), (1, 50), (2, 5))
    ]
    assert starts == expected
    newest = source(write(tmp_path / "n.csv", reversed(rows)), newest_first=True, **BERLIN)
    assert [start for _, start, _ in rows_of(read(newest)[0])] == expected


def test_a_row_with_entry_and_exit_is_two_passages_and_may_cross_midnight(tmp_path: Path) -> None:
    rows = ["2026-11-20,22:30,1:15,1001", "2026-11-21,8:00,17:05,1002", "2026-11-21,9:00,,1003"]
    columns = {"date": "date", "time": "in", "left": "out", "badge": "badge"}
    one = source(write(tmp_path / "e.csv", rows, head="date,in,out,badge\r\n"), columns=columns, zone="UTC")
    found = {(badge, row.get("direction")): start for badge, start, row in rows_of(read(one)[0])}
    assert found == {
        ("1001", "in"): utc(22, 30, day=20),
        ("1001", "out"): utc(1, 15, day=21),
        ("1002", "in"): utc(8, 0, day=21),
        ("1002", "out"): utc(17, 5, day=21),
        ("1003", None): utc(9, 0, day=21),
    }


def test_a_failed_attempt_without_badge_or_person_is_kept(tmp_path: Path) -> None:
    ((badge, _, row),) = rows_of(read(source(write(tmp_path / "e.csv", ["2026-11-22 08:01,,前门,进,无效卡"])))[0])
    assert badge == "-"
    assert row == {"door": "前门", "direction": "in", "result": "refused"}


def test_a_word_that_nobody_declared_leaves_as_unknown(tmp_path: Path) -> None:
    path = write(tmp_path / "e.csv", ["2026-11-22 08:01,1001,前门,进,李娜强行开门"])
    ((_, _, row),) = rows_of(read(source(path))[0])
    assert row["result"] == "unknown"
    lines = {line.subject: line for line in source(path).check(Window(cursor=b"", now=NOW, zone=ZONE))}
    assert lines["words"].verdict == "warning"


def test_without_declared_words_too_no_text_of_the_export_leaves(tmp_path: Path) -> None:
    path = write(tmp_path / "e.csv", ["2026-11-22 08:01,1001,前门,in,李娜强行开门"])
    ((_, _, row),) = rows_of(read(source(path, words={}))[0])
    assert (row["direction"], row["result"]) == ("in", "unknown")
    lines = {line.subject: line for line in source(path, words={}).check(Window(cursor=b"", now=NOW, zone=ZONE))}
    assert lines["words"].detail == "leave as unknown: 李娜强行开门"


def test_doors_have_zones_and_are_controlled_or_dedicated(tmp_path: Path) -> None:
    path = write(
        tmp_path / "e.csv", ["2026-11-22 08:01,1001,机房,进,正常开门", "2026-11-22 08:02,1001,前门,进,正常开门"]
    )
    one = source(path, zones={"机房": "it_room"}, controlled_doors=["机房"], dedicated_doors=["A"])
    first, second = (row for _, _, row in rows_of(read(one)[0]))
    assert (first["zone"], first["controlled"], first["dedicated"]) == ("it_room", True, False)
    assert "zone" not in second
    assert second["controlled"] is False
