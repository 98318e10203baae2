"""Generated histories of one center, and a small pack that touches every operator with short windows."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from ccmm_rules.evidence import Entry, Happening, Listing, MeasureRow, Span
from ccmm_rules.load import pack_of
from ccmm_rules.memory import Fact
from ccmm_rules.model import Pack
from ccmm_rules.scenario_facts import pseudonym
from ccmm_rules.spec import DAY_MS, HOUR_MS
from ccmm_rules.standard import LevelNumbers
from tests.unit.rules.history_derived import DERIVED
from tests.unit.rules.history_standing import HOLDS, STANDING

START_MS = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1000)
DAYS = 7
KEY = "key"
PROFILE = {
    "zone": "Asia/Shanghai",
    "queues": ["support", "sales"],
    "systems": ["crm", "acd"],
    "gov_hotline": True,
    "key_kpis": ["answer_rate"],
    "target.answer_rate": 75.0,
}

_HEAD = """
id: {id}
title: {{en: "{id}", zh: "{id}"}}
remedy: {{en: "Mend it.", zh: "改进。"}}
heading: H
level: 1
{more}
fresh_for: 12h
reads: {reads}
require: "{require}"
cases: [{{outcome: satisfied}}]
"""
_RULES = {
    "M-KPI-01": ("{rate: {metric: answer_rate, over: 3d, by: queue, expect: queues, sample: 5}}", "rate >= limit"),
    "M-KPI-02": ("{any: {slots: answer_rate, over: 3d, every: 24h, step: 1h, meets: 75, sample: 5}}", "any.bad == 0"),
    "M-KPI-03": ("{wait: {metric: wait_p90, over: 2d}}", "wait <= 60.0"),
    "M-KPI-04": ("{hour: {slots: service_level, over: 2d, every: 6h, meets: limit}}", "hour.share >= 50.0"),
    "M-DAT-01": (
        "{there: {coverage: [calls_offered], over: 2d, every: 1h}}",
        "there.share >= limit && there.gaps <= 30",
    ),
    "D-SEC-01": ("{idle: {inventory: account, of: 'enabled', bad: 'last_login_days > 1'}}", "idle.bad <= 1"),
    "D-SEC-02": (
        (
            "{seen: {occurrences: alert, lag: [started, acked], in: minutes, over: 3d, empty: 0.0},"
            " acted: {occurrences: alert, of: \"colour == 'red'\", bad: 'acked_minutes > 90.0', over: 3d, empty: 0}}"
        ),
        "seen.p90 <= 120.0 && acted.bad == 0",
    ),
    "D-SEC-03": ("{alerts: {occurrences: alert, over: 3d, by: day}}", "alerts.absent <= 2 && alerts.n >= 2"),
    "D-EMG-01": (
        "{plan: {documents: emergency_plan, of: 'live', good: 'reviewed_days <= 4', by: scope}}",
        "plan.good >= 1 && plan.share >= 50.0",
    ),
    "D-SEC-09": (
        (
            "{closed: {match: {inventory: person, of: 'has_left'}, with: {inventory: account, same: {key: person}},"
            " pick: all, lag: [a.left, b.disabled], in: hours, empty: 0.0},"
            " used: {match: {inventory: person, of: 'has_left'}, with: {occurrences: session, same: {key: person},"
            " if: 'b.started > a.left'}, over: 3d, empty: 0}}"
        ),
        "closed.p95 <= 30.0 && used.both == 0",
    ),
    "M-DAT-03": (
        (
            "{kept: {match: {occurrences: call, of: 'answered'}, with: [{occurrences: recording, same: {call: call},"
            " if: 'b.length >= 0.9 * a.talk'}, {occurrences: recording, same: {agent: agent}, time: [-3s, 3s]}],"
            " over: 2d, sample: 3}}"
        ),
        "kept.share >= 60.0 && kept.only_b_share <= 60.0",
    ),
    **DERIVED,
    **STANDING,
}
_LIMITS = {
    "M-KPI-01": 'limits: {unit: "%", L1: 70, L3: 78}',
    "M-KPI-04": 'limits: {unit: "%", L1: 50, L4: 80}',
    "M-DAT-01": 'limits: {unit: "%", L1: 80, L3: 99}',
    **HOLDS,
}
_PACK = """
id: small
version: "1"
title: {en: small, zh: 小}
effective_from: "2026-01-01"
scoring: {model: cumulative_levels, min_pass_share: 0.9, min_dimension_share: 0.75, min_fresh_share: 0.95,
  max_backfill_share: 1.0}
dimensions: {M: {en: M, zh: M}}
headings: {H: {dimension: M, title: {en: H, zh: H}}}
"""


def small_pack() -> Pack:
    """Every operator, windows of days."""
    files = {"pack.yaml": _PACK.encode()}
    for name, (reads, require) in _RULES.items():
        text = _HEAD.format(id=name, reads=reads, require=require, more=_LIMITS.get(name, ""))
        files[f"{name}.yaml"] = text.encode()
    return pack_of(files)


GATES = ("D-SEC-03", "D-SEC-06", "M-DAT-01", "M-RES-01")


def leveled_pack() -> Pack:
    """The same rules at the levels one to four in two dimensions, some of them gates; half of them are enough."""
    pack = small_pack()
    assert isinstance(pack.scoring, LevelNumbers)
    rules = {
        name: replace(rule, level=1 + place % 4, gate=name in GATES, heading="HG"[place % 2])
        for place, (name, rule) in enumerate(sorted(pack.rules.items()))
    }
    return replace(
        pack,
        rules=rules,
        headings={"H": pack.headings["H"], "G": replace(pack.headings["H"], dimension="D")},
        dimensions=dict.fromkeys(("M", "D"), pack.dimensions["M"]),
        scoring=replace(pack.scoring, min_pass_share=0.5, min_dimension_share=0.4, min_fresh_share=0.6),
    )


@dataclass(slots=True)
class Story:
    """Builds statements of agents in time."""

    rng: random.Random
    facts: list[Fact] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)

    def run(self, agent: str, source: str, at_ms: int, feeds: tuple[str, ...], **parts: object) -> None:
        """One run; one in twenty finds its source unreachable, and half of those never catch up."""
        number = self.numbers.get(agent, -1) + 1
        self.numbers[agent] = number
        begin = self.marks.get(source, START_MS - DAY_MS)
        failed = self.rng.random() < self.trouble
        covers = Span(begin, at_ms)
        if not failed or self.rng.random() < 0.5:
            self.marks[source] = at_ms
        self.facts.append(
            Fact(
                agent=agent,
                sequence=number,
                recorded_ms=at_ms + 60_000,
                source=source,
                feeds=feeds,
                covers=covers,
                outcome="UNAVAILABLE" if failed else "OBSERVED",
                every_s=6 * 3600,
                **({} if failed else parts),  # type: ignore[arg-type]  # keyword parts of Fact
            )
        )

    @property
    def trouble(self) -> float:
        return 0.01


def history(seed: int) -> list[Fact]:
    """About a week of statements of four agents, every six hours."""
    rng = random.Random(seed)
    story = Story(rng)
    quality = rng.choice((0.7, 0.8, 0.95))
    people = [f"p{i}" for i in range(4)]
    left = {person: START_MS + int(rng.uniform(3, 6.5) * DAY_MS) for person in people if rng.random() < 0.3}
    lag = {person: int(rng.choice((2, 20, 60)) * HOUR_MS) for person in people}
    reviewed = START_MS + int(rng.uniform(-1, 5) * DAY_MS)
    for step in range(1, DAYS * 4 + 1):
        at_ms, since = START_MS + step * 6 * HOUR_MS, START_MS + (step - 1) * 6 * HOUR_MS
        _measures(story, rng, at_ms, since, quality)
        _calls(story, rng, at_ms, since, people, left, quality)
        _lists(story, rng, at_ms, people, left, lag)
        _alerts(story, rng, at_ms, since, quality)
        if step % 2 == 0:
            _papers(story, rng, at_ms, reviewed)
    return story.facts


def _measures(story: Story, rng: random.Random, at_ms: int, since: int, quality: float) -> None:
    rows: dict[str, list[MeasureRow]] = {
        name: [] for name in ("calls_offered", "calls_answered", "wait_answered", "wait_abandoned")
    }
    for queue in ("support", "sales"):
        for start in range(since, at_ms, HOUR_MS):
            offered = rng.randrange(0, 12)
            answered = sum(rng.random() < quality + rng.uniform(-0.1, 0.1) for _ in range(offered))
            quick = sum(rng.random() < quality for _ in range(answered))
            shared = {"agent": "pbx", "source": "queue_log", "dimensions": (("queue", queue),), "start_ms": start}
            quick_buckets = (*(0,) * 4, quick, *(0,) * 7, answered - quick, *(0,) * 4)
            lost_buckets = (0, 0, offered - answered, *(0,) * 14)
            rows["calls_offered"].append(MeasureRow(**shared, period_s=900, count=offered))  # type: ignore[arg-type]
            rows["calls_answered"].append(MeasureRow(**shared, period_s=900, count=answered))  # type: ignore[arg-type]
            rows["wait_answered"].append(MeasureRow(**shared, period_s=900, buckets=quick_buckets))  # type: ignore[arg-type]
            rows["wait_abandoned"].append(MeasureRow(**shared, period_s=900, buckets=lost_buckets))  # type: ignore[arg-type]
    story.run("pbx", "queue_log", at_ms, tuple(rows), rows=rows)


def _calls(
    story: Story, rng: random.Random, at_ms: int, since: int, people: list[str], left: dict[str, int], quality: float
) -> None:
    calls, recordings, sessions = [], [], []
    for _ in range(rng.randrange(1, 4)):
        start = rng.randrange(since, at_ms)
        name = f"c{start}"
        person = pseudonym("@person", rng.choice(people))
        facts = {"answered": rng.random() < 0.9, "talk": 60, "call": pseudonym("@call", name), "agent": person}
        calls.append(_happening("pbx", "calls", name, start, start + 60_000, facts))
        if rng.random() < quality:
            kept = {"length": rng.choice((60, 30)), "call": pseudonym("@call", name), "agent": person}
            recordings.append(_happening("pbx", "calls", f"r{start}", start + 500, start + 60_000, kept))
    for name in people:
        start = rng.randrange(since, at_ms)
        if start < left.get(name, at_ms) or rng.random() < 0.03:
            seat: dict[str, object] = {"person": pseudonym("@person", name), "system": "acd"}
            sessions.append(_happening("pbx", "calls", f"s{name}{start}", start, start + HOUR_MS, seat))
    found = {"call": calls, "recording": recordings, "session": sessions}
    story.run("pbx", "calls", at_ms, tuple(found), happenings=found)


def _happening(agent: str, source: str, id: str, start: int, end: int | None, facts: Mapping[str, object]) -> Happening:
    return Happening(
        agent=agent,
        source=source,
        id=id,
        started_ms=start,
        ended_ms=end,
        key_id=KEY,
        attributes=facts,  # type: ignore[arg-type]
    )


def _lists(
    story: Story, rng: random.Random, at_ms: int, people: list[str], left: dict[str, int], lag: dict[str, int]
) -> None:
    persons, accounts = [], []
    for name in people:
        gone = left.get(name)
        person = pseudonym("@person", name)
        persons.append(
            Entry(key=person, attributes={"left": gone} if gone is not None and gone < at_ms else {"active": True})
        )
        closed = gone is not None and gone + lag[name] < at_ms
        facts: dict[str, object] = {"person": person, "enabled": not closed}
        facts["last_login"] = at_ms - rng.randrange(0, 3 * DAY_MS) if gone is None else gone
        if closed and gone is not None:
            facts["disabled"] = gone + lag[name]
        accounts.append(Entry(key=pseudonym("@account", name), attributes=facts))  # type: ignore[arg-type]
    both = [("hr", "person", persons), ("idm", "account", accounts)]
    for source, kind, entries in rng.sample(both, 2):
        listing = Listing(agent="it", source=source, as_of_ms=at_ms, log_index=0, key_id=KEY, entries=tuple(entries))
        story.run("it", source, at_ms, (kind,), listings={kind: listing})


def _alerts(story: Story, rng: random.Random, at_ms: int, since: int, quality: float) -> None:
    alerts = []
    if rng.random() < 0.5:
        start = rng.randrange(since, at_ms)
        facts: dict[str, object] = {"colour": rng.choice(("red", "yellow"))}
        acked = start + int(rng.expovariate(1 / 20) * 60_000)
        if rng.random() < quality + 0.1 and acked < at_ms:
            facts["acked"] = acked
        alerts.append(_happening("noc", "noc", f"a{start}", start, None, facts))
    story.run("noc", "noc", at_ms, ("alert",), happenings={"alert": alerts})


def _papers(story: Story, rng: random.Random, at_ms: int, reviewed: int) -> None:
    entries = []
    for scope in ("overall", "power"):
        seen = reviewed if reviewed < at_ms else START_MS - DAY_MS
        facts: dict[str, object] = {"class": "emergency_plan", "live": True, "scope": scope, "reviewed": seen}
        entries.append(Entry(key=scope, attributes=facts))  # type: ignore[arg-type]
    listing = Listing(agent="office", source="papers", as_of_ms=at_ms, log_index=0, key_id="", entries=tuple(entries))
    story.run("office", "papers", at_ms, ("document",), listings={"document": listing})
