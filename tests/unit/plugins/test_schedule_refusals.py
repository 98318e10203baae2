"""What the `schedule` source refuses: rows that cannot be read, options that cannot be meant."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from ccmm_agent.plugin import BadOption, Options, Reason, Window
from ccmm_plugin_records.schedule import Schedule
from tests.support.schedules import EXPORTED, FORECAST, NOW, PLAN, WORKED, ZONE, options, problem, source, write
from tests.support.tables import written


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
