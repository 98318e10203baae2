"""The `schedule` source: figures computed by hand, publication and late edits, and what it refuses."""

import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import BadOption, Done, Observation, Options, Reason, SourceUnavailable, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_records.schedule import Schedule
from ccmm_proto.v1.statement_pb2 import OBSERVED
from tests.support.tables import written

ZONE = ZoneInfo("Asia/Shanghai")
WORDS = {"接线": "work", "培训": "training", "会议": "meeting", "用餐": "break", "请假": "leave", "离线": "off"}
# Monday the 16th is the first day that the tables hold: it may be cut. Facts begin on Tuesday the 17th.
PLAN = """工号,班组,日期,开始,结束,活动,发布时间,录入时间
a1,甲组,2026-11-16,09:00,18:00,接线,2026-11-01 10:00,
a1,甲组,2026-11-17,09:00,12:00,接线,2026-11-01 10:00,
a1,甲组,2026-11-17,12:00,13:00,用餐,2026-11-01 10:00,
a1,甲组,2026-11-17,13:00,18:00,接线,2026-11-01 10:00,
a1,甲组,2026-11-17,14:00,15:00,培训,,2026-11-17 09:30
a2,甲组,2026-11-17,22:00,06:00,接线,2026-11-10 22:00,
a2,甲组,2026-11-18,00:00,02:00,请假,,2026-11-20 11:00
"""
WORKED = """工号,技能组,状态,起,止
a1,热线,接线,2026-11-16 09:00:00,2026-11-16 18:00:00
a1,热线,接线,2026-11-17 09:10:00,2026-11-17 12:00:00
a1,热线,接线,2026-11-17 13:00:00,2026-11-17 14:30:00
a1,热线,培训,2026-11-17 14:30:00,2026-11-17 15:00:00
a1,热线,接线,2026-11-17 15:00:00,2026-11-17 17:00:00
a2,热线,接线,2026-11-17 22:00:00,2026-11-18 06:00:00
a2,热线,接线,2026-11-20 08:00:00,2026-11-20 09:00:00
"""
FORECAST = """日期,时段,技能组,预测量,需求,发布时间
2026-11-17,09:00,热线,37,2,2026-11-01 10:00
2026-11-17,09:30,热线,20,1,2026-11-01 10:00
2026-11-25,09:00,热线,50,3,2026-11-20 10:00
2026-11-26,09:00,热线,60,3,
"""
EXPORTED = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 19, 0, tzinfo=UTC)


def options(folder: Path) -> dict[str, dict[str, object]]:
    return {
        "forecast": {
            "path": str(folder / "forecast.csv"),
            "started": ["日期", "时段"],
            "interval": "30m",
            "published": "发布时间",
            "columns": {"queue": "技能组", "contacts": "预测量", "required": "需求"},
        },
        "plan": {
            "path": str(folder / "plan.csv"),
            "started": ["日期", "开始"],
            "ended": ["日期", "结束"],
            "published": "发布时间",
            "entered": "录入时间",
            "columns": {"agent": "工号", "state": "活动", "team": "班组"},
            "values": {"state": WORDS},
        },
        "worked": {
            "path": str(folder / "worked.csv"),
            "started": "起",
            "ended": "止",
            "columns": {"agent": "工号", "state": "状态", "queue": "技能组"},
            "values": {"state": WORDS},
        },
    }


def write(folder: Path, exported: datetime = EXPORTED, **tables: str) -> None:
    for name, table in {"forecast": FORECAST, "plan": PLAN, "worked": WORKED, **tables}.items():
        written(folder / f"{name}.csv", table, exported)


def source(table: Mapping[str, object]) -> Schedule:
    asked = Options(table)
    built = Schedule.from_options(asked)
    asked.refuse_unknown()
    return built


def read(table: Mapping[str, object], cursor: bytes = b"", now: datetime = NOW) -> tuple[list[Observation], Done]:
    return read_all(source(table), cursor=cursor, now=now, zone=ZONE)


def problem(table: Mapping[str, object]) -> tuple[Reason, str]:
    with pytest.raises(SourceUnavailable) as caught:
        list(source(table).read(Window(cursor=b"", now=NOW, zone=ZONE)))
    return caught.value.reason, caught.value.detail


def hours(observations: list[Observation], id: str) -> dict[tuple[str, int], float]:
    """Hours by person and day of November."""
    found = {}
    for one in observations:
        if one.measure.id == id:
            named = {dimension.name: dimension.text for dimension in one.measure.dimensions}
            day = datetime.fromtimestamp(one.measure.start_ms / 1000, UTC).day
            found[named["agent"], day] = round(one.measure.sum.total / 3600, 4)
    return found


def counts(observations: list[Observation], id: str, *, zeros: bool = False) -> dict[datetime, int]:
    """By the center's time."""
    return {
        datetime.fromtimestamp(one.measure.start_ms / 1000, ZONE): one.measure.count
        for one in observations
        if one.measure.id == id and (zeros or one.measure.count)
    }


def here(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE)


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


def test_a_forecast_that_is_made_fit_afterwards_stays_as_published_and_shows(tmp_path: Path) -> None:
    write(tmp_path)
    _, done = read(options(tmp_path))
    write(tmp_path, forecast=FORECAST.replace("09:00,热线,37,2", "09:00,热线,70,1"))
    found, after = read(options(tmp_path), done.cursor)
    told = [(x.measure.id, x.measure.count, x.measure.revision, x.measure.revision_reason) for x in found]
    assert told == [
        ("forecast_contacts", 19, 1, "changed to 35 after publication; the published 19 stands"),
        ("forecast_contacts", 18, 1, "changed to 35 after publication; the published 18 stands"),
        ("staff_required", 2, 1, "changed to 1 after publication; the published 2 stands"),
        ("staff_required", 2, 1, "changed to 1 after publication; the published 2 stands"),
    ]
    assert read(options(tmp_path), after.cursor)[0] == []


def test_a_plan_that_is_changed_after_its_day_adds_to_late_exceptions_though_no_row_says_so(tmp_path: Path) -> None:
    write(tmp_path)
    _, done = read(options(tmp_path))
    lenient = PLAN.replace("2026-11-17,13:00,18:00,接线", "2026-11-17,13:00,17:00,接线")
    write(tmp_path, plan=lenient)
    found, after = read(options(tmp_path), done.cursor)
    assert hours(found, "late_exception_time")["a1", 17] == 1.0
    assert hours(found, "plan_time")["a1", 17] == 8.0
    assert {x.measure.revision for x in found if x.measure.id == "plan_time"} == {1}
    write(tmp_path, plan="".join(line for line in PLAN.splitlines(True) if not line.startswith("a1,甲组,2026-11-17")))
    gone, _ = read(options(tmp_path), after.cursor)
    assert hours(gone, "late_exception_time")["a1", 17] == 9.0
    assert hours(gone, "plan_time")["a1", 17] == 0.0


def test_a_table_that_keeps_the_last_days_only_takes_nothing_back(tmp_path: Path) -> None:
    write(tmp_path)
    _, done = read(options(tmp_path))
    rolling = [line for line in PLAN.splitlines(True) if "2026-11-16" not in line and "2026-11-17,09" not in line]
    worked = [line for line in WORKED.splitlines(True) if "2026-11-16" not in line and " 09:10" not in line]
    write(tmp_path, plan="".join(rolling), worked="".join(worked))
    found, done = read(options(tmp_path), done.cursor)
    assert found == []
    write(tmp_path)
    assert read(options(tmp_path), done.cursor)[0] == []


def test_a_table_of_yesterday_only_states_no_quarter_hour_twice(tmp_path: Path) -> None:
    header, *_ = WORKED.splitlines(True)
    rows = [f"a1,热线,接线,2026-11-{day} 09:00:00,2026-11-{day} 23:00:00\n" for day in (17, 18, 19, 20)]
    write(tmp_path, worked=header + "".join(rows))
    only = {"worked": options(tmp_path)["worked"]}
    found, done = read(only)
    assert here(20, 7, 45) in counts(found, "staff_staffed", zeros=True)
    write(tmp_path, worked=header + "".join(rows[2:]))
    found, done = read(only, done.cursor)
    assert found == []
    write(tmp_path, worked=header + "".join(rows))
    assert read(only, done.cursor)[0] == []


def test_an_export_without_new_work_vouches_for_no_later_day(tmp_path: Path) -> None:
    write(tmp_path)
    _, done = read(options(tmp_path))
    write(tmp_path, exported=EXPORTED + timedelta(days=3))
    found, after = read(options(tmp_path), done.cursor, NOW + timedelta(days=3))
    assert found == []
    assert after.covers == (datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC))


def test_an_older_export_and_a_clock_that_went_back_state_nothing_and_forget_nothing(tmp_path: Path) -> None:
    write(tmp_path)
    _, done = read(options(tmp_path))
    found, after = read(options(tmp_path), done.cursor, NOW - timedelta(days=2))
    assert (found, after.cursor) == ([], done.cursor)
    write(tmp_path, exported=EXPORTED - timedelta(days=1))
    found, after = read(options(tmp_path), done.cursor)
    assert (found, after.cursor) == ([], done.cursor)
    assert after.covers == (EXPORTED - timedelta(days=1),) * 2


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


@pytest.mark.parametrize(
    ("name", "old", "new", "why"),
    [
        ("plan", "用餐", "午休", "values.state"),
        ("plan", "09:00,12:00", "09:00,12:0x", "no time"),
        ("plan", "a1,甲组,2026-11-17,09:00", ",甲组,2026-11-17,09:00", "the cell is empty"),
        ("worked", "2026-11-17 12:00:00", "2026-11-27 12:00:00", "more than 36 hours"),
        ("worked", "2026-11-17 12:00:00", "2026-11-17 09:00:00", "it ends before it starts"),
        ("forecast", "09:30,热线,20", "09:31,热线,20", "does not begin with a quarter hour"),
        ("forecast", "09:30,热线,20", "09:30,热线,-2", "below nothing"),
        ("forecast", "09:30,热线,20", "09:30,热线,二十", "no number"),
    ],
)
def test_a_row_that_cannot_be_read_makes_the_whole_run_unavailable(
    tmp_path: Path, name: str, old: str, new: str, why: str
) -> None:
    table = {"plan": PLAN, "worked": WORKED, "forecast": FORECAST}[name]
    assert old in table
    write(tmp_path)
    written(tmp_path / f"{name}.csv", table.replace(old, new, 1), EXPORTED)
    reason, detail = problem(options(tmp_path))
    assert reason is Reason.UNREADABLE
    assert why in detail
    lines = list(source(options(tmp_path)).check(Window(cursor=b"", now=NOW, zone=ZONE)))
    assert any(line.verdict == "failed" and why in line.detail for line in lines)


def test_work_that_has_not_ended_goes_on_until_the_export(tmp_path: Path) -> None:
    write(tmp_path, worked=WORKED.replace("2026-11-20 09:00:00", ""), exported=datetime(2026, 11, 21, 1, 0, tzinfo=UTC))
    found, done = read(options(tmp_path), now=NOW + timedelta(days=1))
    assert done.covers is not None
    assert done.covers[1] == datetime(2026, 11, 21, tzinfo=UTC)
    assert counts(found, "staff_staffed")[here(20, 23, 45)] == 1


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"forecast": {"path": "/a.csv", "started": "t"}},
        {"forecast": {"path": "/a.csv", "started": "t", "interval": "20m", "columns": {"contacts": "n"}}},
        {"plan": {"path": "/a.csv", "started": "t", "ended": "u", "columns": {"agent": "a"}}},
        {"plan": {"path": "/a.csv", "started": "t", "columns": {"agent": "a", "state": "s"}}},
        {
            "worked": {
                "path": "/a.csv",
                "started": "t",
                "ended": "u",
                "columns": {"agent": "a", "state": "s", "team": "x"},
            }
        },
    ],
)
def test_options_that_cannot_be_meant_are_refused(broken: Mapping[str, object]) -> None:
    with pytest.raises(BadOption):
        Schedule.from_options(Options(broken))


def test_it_is_read_in_a_reader_process_with_all_that_it_needs(tmp_path: Path) -> None:
    write(tmp_path)
    spec = SourceSpec(name="wfm", plugin="schedule", options=dict(options(tmp_path)))
    reading = read_source(spec, cursor=b"", now=NOW, zone=ZONE)
    assert (reading.outcome, reading.reason, reading.detail) == (OBSERVED, "", "")
    assert b"a1" not in (reading.cursor or b"")
    (tmp_path / "plan.csv").unlink()
    assert read_source(spec, cursor=b"", now=NOW, zone=ZONE).reason == "not_found"
