"""Tables of a schedule that change after they were read: late edits show, nothing is taken back or stated twice."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.schedules import EXPORTED, FORECAST, NOW, PLAN, WORKED, counts, here, hours, options, read, write


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
