"""Quality checks, recordings and calibrations of one center in tables, and the source that reads them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from ccmm_agent.plugin import Done, Observation, Options
from ccmm_agent.testing import read_all
from ccmm_plugin_records.quality import Quality
from tests.support.stated import attributes
from tests.support.tables import written

ZONE = ZoneInfo("Asia/Shanghai")
SCORES = """质检单号,质检时间,坐席工号,通话编号,质检员,抽样方式,评分表,得分,满分,致命错误,流程,步骤数,符合步骤
Q1,2026-11-17 10:00,a1,c1,s1,随机,售后,90,100,否,退款,5,5
Q2,2026-11-17 11:00,a1,c2,s1,随机,售后,60,100,是,退款,5,3
Q3,2026-11-17 12:00,a2,c9,s2,定向,售后,70,100,否,退款,4,4
Q4,2026-11-18 10:00,a2,c3,s2,,售后,80,100,否,退款,5,5
"""
RECORDED = """通话编号,工号,开始,时长秒
c1,a1,2026-11-16 09:00:00,45
c2,a1,2026-11-16 13:30:00,61
c3,a2,2026-11-16 23:00:00,900
c4,a2,2026-11-16 03:00:00,300
c4,a2,2026-11-16 03:00:00,300
c5,a1,2026-11-16 09:10:00,59
"""
CALIBRATION = """场次,日期,质检员,评分,基准,盲评,评分表
K1,2026-11-18 15:00,s1,85,90,是,售后
K1,2026-11-18 15:00,s2,93,90,是,售后
K2,2026-11-19 15:00,s1,80,90,否,售后
"""
EXPORTED = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 19, 0, tzinfo=UTC)
YES = {"是": True, "否": False}


def options(folder: Path) -> dict[str, dict[str, object]]:
    return {
        "scores": {
            "path": str(folder / "scores.csv"),
            "key": "质检单号",
            "started": "质检时间",
            "columns": {
                "agent": "坐席工号",
                "call": "通话编号",
                "scorer": "质检员",
                "random": "抽样方式",
                "form": "评分表",
                "points": "得分",
                "possible": "满分",
                "critical": "致命错误",
                "process": "流程",
                "steps": "步骤数",
                "steps_right": "符合步骤",
            },
            "values": {"random": {"随机": True, "定向": False}, "critical": YES},
        },
        "recorded": {
            "path": str(folder / "recorded.csv"),
            "started": "开始",
            "columns": {"call": "通话编号", "agent": "工号", "length": "时长秒"},
        },
        "calibration": {
            "path": str(folder / "calibration.csv"),
            "key": "场次",
            "started": "日期",
            "columns": {"scorer": "质检员", "score": "评分", "reference": "基准", "blind": "盲评", "form": "评分表"},
            "values": {"blind": YES},
        },
    }


def write(folder: Path, scores: str = SCORES, recorded: str = RECORDED, calibration: str = CALIBRATION) -> None:
    for name, table in (("scores", scores), ("recorded", recorded), ("calibration", calibration)):
        written(folder / f"{name}.csv", table, EXPORTED)


def source(table: Mapping[str, object]) -> Quality:
    asked = Options(table)
    built = Quality.from_options(asked)
    asked.refuse_unknown()
    return built


def read(table: Mapping[str, object], cursor: bytes = b"", now: datetime = NOW) -> tuple[list[Observation], Done]:
    return read_all(source(table), cursor=cursor, now=now, zone=ZONE)


def totals(observations: list[Observation], id: str, **where: str) -> float:
    """Summed over days and the other dimensions."""
    found = 0.0
    for one in observations:
        if one.HasField("measure") and one.measure.id == id:
            named = {dimension.name: dimension.text for dimension in one.measure.dimensions}
            if where.items() <= named.items():
                found += one.measure.count or one.measure.sum.total
    return found


def cells(observations: list[Observation], id: str) -> dict[tuple[str, ...], int]:
    return {
        tuple(dimension.text for dimension in one.measure.dimensions): one.measure.count
        for one in observations
        if one.HasField("measure") and one.measure.id == id
    }


def samples(observations: list[Observation], class_: str) -> dict[str, dict[str, object]]:
    told = {x.occurrence.id.text: attributes(x.occurrence) for x in observations if x.HasField("occurrence")}
    return {key: values for key, values in told.items() if values["class"] == class_}
