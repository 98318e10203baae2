"""The `schedule` source: figures computed by hand, from files and from a database."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ccmm_agent.plugin import Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_proto.v1.statement_pb2 import OBSERVED
from tests.support.schedules import NOW, PLAN, WORKED, ZONE, counts, here, hours, options, read, source, write


def test_the_source_keeps_the_contract(tmp_path: Path) -> None:
    write(tmp_path)
    broken = options(tmp_path)
    broken["worked"]["path"] = str(tmp_path / "gone.csv")
    check_source(source(options(tmp_path)), source(broken), window=Window(cursor=b"", now=NOW, zone=ZONE))


def test_planned_kept_and_absent_time_are_computed_from_the_stretches(tmp_path: Path) -> None:
    write(tmp_path)
    found, done = read(options(tmp_path))
    # a1 on the 17th: nine hours planned, of them the training from 14 to 15 as the exception says. Worked as planned:
    # 9:10-12:00, the meal, 13-14, 14:30-15 in training, 15-17. Absent 9:00-9:10 and 17-18; 14-14:30 another state.
    # a2: two hours before midnight; after it 2-6, because the leave until 2 was entered, though two days late.
    assert hours(found, "plan_time") == {("a1", 17): 9.0, ("a2", 17): 2.0, ("a2", 18): 4.0}
    assert hours(found, "plan_kept_time") == {("a1", 17): 7.3333, ("a2", 17): 2.0, ("a2", 18): 4.0}
    assert hours(found, "absent_time") == {("a1", 17): 1.1667, ("a2", 17): 0.0, ("a2", 18): 0.0}
    assert hours(found, "late_exception_time") == {("a1", 17): 0.0, ("a2", 17): 0.0, ("a2", 18): 2.0}
    assert done.covers == (datetime(2026, 11, 16, 16, 0, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC))


def test_notice_is_the_days_from_publication_to_the_shift_and_exceptions_are_none(tmp_path: Path) -> None:
    write(tmp_path)
    gauges = {
        tuple(dimension.text for dimension in one.measure.dimensions): round(one.measure.gauge.min, 3)
        for one in read(options(tmp_path))[0]
        if one.measure.id == "schedule_notice"
    }
    assert gauges == {("a1", "甲组"): 15.958, ("a2", "甲组"): 7.0}


def test_people_at_work_are_counted_by_the_quarter_hour_and_nobody_there_is_nought(tmp_path: Path) -> None:
    write(tmp_path)
    found, _ = read(options(tmp_path))
    staffed = counts(found, "staff_staffed", zeros=True)
    at = {moment: here(17, *moment) for moment in ((9, 0), (9, 15), (12, 0), (14, 30), (17, 0), (22, 0))}
    assert {moment: staffed[when] for moment, when in at.items()} == {
        (9, 0): 0,  # five of fifteen minutes
        (9, 15): 1,
        (12, 0): 0,
        (14, 30): 0,  # in training
        (17, 0): 0,
        (22, 0): 1,
    }
    assert len(staffed) == (here(20, 8) - here(17)) / timedelta(minutes=15)


def test_whoever_is_in_two_queues_is_counted_once(tmp_path: Path) -> None:
    both = WORKED + "a1,贵宾,接线,2026-11-17 10:00:00,2026-11-17 11:00:00\n"
    write(tmp_path, worked=both)
    found, _ = read(options(tmp_path))
    ten = round(datetime(2026, 11, 17, 10, tzinfo=ZONE).timestamp() * 1000)
    by_queue = {
        one.measure.dimensions[0].text: one.measure.count
        for one in found
        if one.measure.id == "staff_staffed" and one.measure.start_ms == ten
    }
    assert by_queue == {"热线": 0, "贵宾": 1}


def test_a_published_forecast_is_stated_for_days_to_come_and_an_unpublished_one_is_not(tmp_path: Path) -> None:
    write(tmp_path)
    found, _ = read(options(tmp_path))
    assert counts(found, "forecast_contacts") == {
        here(17, 9, 0): 19,
        here(17, 9, 15): 18,
        here(17, 9, 30): 10,
        here(17, 9, 45): 10,
        here(25, 9, 0): 25,
        here(25, 9, 15): 25,
    }
    assert counts(found, "staff_required")[here(17, 9, 15)] == 2


def test_each_table_alone_feeds_what_it_can(tmp_path: Path) -> None:
    write(tmp_path)
    tables = options(tmp_path)
    assert source({"forecast": tables["forecast"]}).feeds == ("forecast_contacts", "staff_required")
    assert source({"plan": tables["plan"]}).feeds == ("plan_time", "late_exception_time", "schedule_notice")
    assert source({"worked": tables["worked"]}).feeds == ("staff_staffed",)
    for name, table in tables.items():
        found, done = read({name: table})
        assert {one.measure.id for one in found} == set(source({name: table}).feeds)
        assert done.covers is not None
        assert done.covers[0] < done.covers[1]


def test_a_database_is_read_like_files(tmp_path: Path) -> None:
    write(tmp_path)
    with sqlite3.connect(tmp_path / "wfm.db") as database:
        for name, text in (("plan", PLAN), ("worked", WORKED)):
            header, *lines = [line.split(",") for line in text.splitlines()]
            database.execute(f"CREATE TABLE {name} ({', '.join(header)})")
            marks = ", ".join("?" for _ in header)
            cells = [[cell or None for cell in line] for line in lines]
            database.executemany(f"INSERT INTO {name} VALUES ({marks})", cells)
    tables = options(tmp_path)
    for name in ("plan", "worked"):
        tables[name] = {key: value for key, value in tables[name].items() if key != "path"}
        tables[name] |= {"url": f"sqlite:///{tmp_path}/wfm.db", "table": name}
    now = datetime.now(UTC)
    found, _ = read_all(source(tables), now=now, zone=ZONE)
    assert hours(found, "plan_kept_time")["a1", 17] == 7.3333
    checked = list(source(tables).check(Window(cursor=b"", now=now, zone=ZONE)))
    assert ("ok", "plan", "7 stretches of 2 people") in [(one.verdict, one.subject, one.detail) for one in checked]


def test_work_that_has_not_ended_goes_on_until_the_export(tmp_path: Path) -> None:
    write(tmp_path, worked=WORKED.replace("2026-11-20 09:00:00", ""), exported=datetime(2026, 11, 21, 1, 0, tzinfo=UTC))
    found, done = read(options(tmp_path), now=NOW + timedelta(days=1))
    assert done.covers is not None
    assert done.covers[1] == datetime(2026, 11, 21, tzinfo=UTC)
    assert counts(found, "staff_staffed")[here(20, 23, 45)] == 1


def test_it_is_read_in_a_reader_process_with_all_that_it_needs(tmp_path: Path) -> None:
    write(tmp_path)
    spec = SourceSpec(name="wfm", plugin="schedule", options=dict(options(tmp_path)))
    reading = read_source(spec, cursor=b"", now=NOW, zone=ZONE)
    assert (reading.outcome, reading.reason, reading.detail) == (OBSERVED, "", "")
    assert b"a1" not in (reading.cursor or b"")
    (tmp_path / "plan.csv").unlink()
    assert read_source(spec, cursor=b"", now=NOW, zone=ZONE).reason == "not_found"
