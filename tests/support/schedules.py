"""A center's forecast, plan and time worked as tables, and how the tests of `schedule` read them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import Done, Observation, Options, Reason, SourceUnavailable, Window
from ccmm_agent.testing import read_all
from ccmm_plugin_records.schedule import Schedule
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
