"""Generated histories of figures: sensors, payroll, carrier, exercises; and a pack that reads them in every formula."""

import random

from ccmm_rules.evidence import AttributeValue, Happening, MeasureRow
from ccmm_rules.load import pack_of
from ccmm_rules.memory import Fact
from ccmm_rules.model import Pack
from ccmm_rules.spec import DAY_MS, HOUR_MS
from tests.unit.rules.history import DAYS, START_MS, Story

QUARTER_MS = 900_000
PROFILE: dict[str, object] = {
    "zone": "Asia/Shanghai",
    "sensors": ["r1", "r2"],
    "ups": ["u1"],
    "open_hours": ["mon-sun 07:00-21:00"],
    "target.answer_rate": 70.0,
}
RULES = {
    "M-KPI-01": (
        "{slots: rack_temperature, over: 2d, every: 1h, meets: [18, 27], by: sensor, expect: sensors}",
        "x.share >= 80.0",
    ),
    "M-KPI-02": ("{metric: ups_runtime, over: 2d, by: ups, expect: ups}", "x >= 15.0"),
    "M-KPI-03": ("{metric: paid_time_gap, over: 3d}", "x <= 10.0"),
    "M-KPI-04": ("{slots: volume_gap, over: 2d, every: 6h, meets: 8, by: number, sample: 5}", "x.bad <= 1"),
    "M-KPI-05": ("{metric: standby_share, over: 3d, during: {occurrences: exercise, of: passed}}", "x >= 70.0"),
    "M-KPI-06": (
        "{slots: standby_share, over: 3d, every: 15m, meets: 50, during: {occurrences: exercise}}",
        "x.good >= 2",
    ),
    "M-KPI-07": ("{slots: answer_rate, over: 2d, every: 1h, meets: target, during: open_hours}", "x.good >= 10"),
    "M-KPI-08": ("{metric: qa_randomness, over: 3d, sample: 10}", "x >= 0.01"),
    "M-KPI-09": ("{metric: forecast_wape, over: 3d}", "x <= 20.0"),
    "M-RES-01": ("{slots: rack_temperature, over: 2d, every: 1h, meets: [18, 27]}", "x.good >= 20 && x.streak >= 1"),
    "M-RES-02": ("{series: answer_rate, over: 3d, every: day, during: open_hours}", "x >= 70.0"),
    "M-RES-03": ("{metric: agent_short_call_rate, over: 3d, by: agent, sample: 20}", "x <= 30.0 && x.groups >= 1"),
}
_PACK = """
id: figures
version: "1"
title: {en: figures, zh: 数据}
effective_from: "2026-01-01"
scoring: {model: cumulative_levels, min_pass_share: 0.9, min_dimension_share: 0.75, min_fresh_share: 0.95,
  max_backfill_share: 1.0}
dimensions: {M: {en: M, zh: M}}
headings: {H: {dimension: M, title: {en: H, zh: H}}}
"""
_RULE = """
id: {id}
title: {{en: "{id}", zh: "{id}"}}
remedy: {{en: "Mend it.", zh: "改进。"}}
heading: H
level: 1
fresh_for: 30h
reads: {{x: {read}}}
require: "{require}"
cases: [{{outcome: satisfied}}]
"""
QUEUE_FEEDS = ("calls_offered", "calls_answered", "calls_on_standby", "forecast_contacts")
LINE_FEEDS = ("carrier_attempts", "carrier_blocked", "ivr_entered", "calls_direct")
DAY_FEEDS = ("login_time", "paid_time", "agent_calls", "agent_short_calls", "qa_cells", "recorded_cells")


def figures_pack() -> Pack:
    rules = {f"{id}.yaml": _RULE.format(id=id, read=read, require=require) for id, (read, require) in RULES.items()}
    return pack_of({"pack.yaml": _PACK.encode(), **{name: text.encode() for name, text in rules.items()}})


def figures_history(seed: int) -> list[Fact]:
    """About a week of statements of four agents, every six hours; people's days once a day."""
    rng = random.Random(f"figures {seed}")
    story = Story(rng)
    quality = rng.choice((0.7, 0.85, 0.97))
    for step in range(1, DAYS * 4 + 1):
        at_ms, since = START_MS + step * 6 * HOUR_MS, START_MS + (step - 1) * 6 * HOUR_MS
        story.run("sensors", "room", at_ms, ("reading",), rows={"reading": _readings(rng, since, at_ms, quality)})
        story.run("pbx", "queues", at_ms, QUEUE_FEEDS, rows=_queues(rng, since, at_ms, quality))
        story.run("sbc", "lines", at_ms, LINE_FEEDS, rows=_lines(rng, since, at_ms, quality))
        story.run("noc", "drills", at_ms, ("exercise",), happenings={"exercise": _drills(rng, since, quality)})
        if step % 4 == 0:
            story.run("pbx", "people", at_ms, DAY_FEEDS, rows=_people(rng, at_ms - DAY_MS, quality))
    return story.facts


def _row(source: str, start: int, period_s: int, dimensions: dict[str, str | int], **value: object) -> MeasureRow:
    named = tuple(sorted(dimensions.items()))
    whole = {"agent": "a", "source": source, "dimensions": named, "start_ms": start, "period_s": period_s}
    return MeasureRow(**{**whole, **value})  # type: ignore[arg-type]  # keyword parts of a row


def _readings(rng: random.Random, since: int, at_ms: int, quality: float) -> list[MeasureRow]:
    found, stuck = [], rng.random() > 0.5 + quality / 2
    for start in range(since, at_ms, QUARTER_MS):
        for name in ("r1", "r2"):
            low = 22.0 if stuck else rng.uniform(17.0 if rng.random() > quality else 18.5, 22.0)
            gauge = (low, low, low) if stuck else (low, low + 3.0, low + 1.0)
            dimensions: dict[str, str | int] = {"sensor": name, "quantity": "rack_temperature"}
            found.append(_row("room", start, 900, dimensions, gauge=gauge, count=3))
        minutes = rng.uniform(10.0 if rng.random() > quality**0.05 else 16.0, 40.0)
        ups: dict[str, str | int] = {"ups": "u1", "quantity": "ups_runtime"}
        found.append(_row("room", start, 900, ups, gauge=(minutes, minutes, minutes), count=1))
    return found


def _queues(rng: random.Random, since: int, at_ms: int, quality: float) -> dict[str, list[MeasureRow]]:
    rows: dict[str, list[MeasureRow]] = {name: [] for name in QUEUE_FEEDS}
    for start in range(since, at_ms, QUARTER_MS):
        offered = rng.randrange(0, 12)
        counts = (
            offered,
            round(offered * min(rng.uniform(quality - 0.2, quality + 0.2), 1.0)),
            round(offered * min(rng.uniform(quality - 0.3, quality + 0.2), 1.0)),
            max(offered + rng.choice((-2, 0, 0, 1)), 0),
        )
        for name, count in zip(QUEUE_FEEDS, counts, strict=True):
            rows[name].append(_row("queues", start, 900, {"queue": "support"}, count=count))
    return rows


def _lines(rng: random.Random, since: int, at_ms: int, quality: float) -> dict[str, list[MeasureRow]]:
    rows: dict[str, list[MeasureRow]] = {name: [] for name in LINE_FEEDS}
    for start in range(since, at_ms, QUARTER_MS):
        tried = rng.randrange(0, 20)
        blocked = round(tried * rng.uniform(0, 0.1))
        lost = 1 if rng.random() > quality else 0
        direct = rng.randrange(0, 3)
        counts = (tried, blocked, max(tried - blocked - direct - lost, 0), min(direct, max(tried - blocked, 0)))
        for name, count in zip(LINE_FEEDS, counts, strict=True):
            rows[name].append(_row("lines", start, 900, {"number": "95588"}, count=count))
    return rows


def _drills(rng: random.Random, since: int, quality: float) -> list[Happening]:
    if rng.random() > 0.3:
        return []
    begin = since + rng.randrange(0, 4 * HOUR_MS)
    attributes: dict[str, AttributeValue] = {"class": "failover", "passed": rng.random() < quality}
    return [
        Happening(
            agent="noc",
            source="drills",
            id=f"drill {begin}",
            started_ms=begin,
            ended_ms=begin + rng.randrange(0, 2 * HOUR_MS),
            key_id="",
            attributes=attributes,
        )
    ]


def _people(rng: random.Random, day: int, quality: float) -> dict[str, list[MeasureRow]]:
    rows: dict[str, list[MeasureRow]] = {name: [] for name in DAY_FEEDS}
    for agent in (1, 2, 3):
        paid = rng.choice((0.0, 28_800.0, 28_800.0))
        login = paid * rng.uniform(quality, 1.1) + (1000.0 if rng.random() > quality else 0.0)
        calls = rng.randrange(0, 40)
        for name, value in (("login_time", login), ("paid_time", paid)):
            rows[name].append(_row("people", day, 86400, {"agent": agent}, total=value, count=1))
        rows["agent_calls"].append(_row("people", day, 86400, {"agent": agent}, count=calls))
        short = round(calls * rng.uniform(0, 1.2 - quality))
        rows["agent_short_calls"].append(_row("people", day, 86400, {"agent": agent}, count=short))
    for cell, size in (("early", 40), ("late", 60), ("night", 20)):
        drawn = round(size / 10) if rng.random() < quality else rng.randrange(0, 12)
        rows["qa_cells"].append(_row("people", day, 86400, {"cell": cell}, count=drawn))
        rows["recorded_cells"].append(_row("people", day, 86400, {"cell": cell}, count=size))
    return rows
