"""Facts in memory: sources, what each of them says, and the evidence made of them. For tests of a pack."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ccmm_rules.evidence import AttributeValue, Entry, Happening, Listing, MeasureRow, Span
from ccmm_rules.memory import Fact, MemoryEvidence

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)  # 17:00 in Shanghai, a Sunday
AGENTS = tuple(range(101, 107))
OFFICERS = tuple(range(201, 213))
LEAVER = 301
QUEUES = ("support", "sales")
ROLES = ("commander", "operations", "it", "facilities", "communication", "security")
RISKS = ("power", "network", "platform", "people", "surge", "security", "disaster")
PLANS = ("overall", "power", "network", "platform", "surge", "fire")
SCOPE: Mapping[str, object] = {
    "zone": "Asia/Shanghai",
    "queues": list(QUEUES),
    "systems": ["directory"],
    "clients": ["acme"],
    "gov_hotline": False,
    "third_party": True,
    "recording_days": 30,
    "home_agents": False,
    "risk_classes": list(RISKS),
    "target.floor_exits": 20.0,
    "digital": False,
    "key_processes": ["answering"],
    "metrics.answering": ["service_level", "answer_rate"],
    "target.service_level": 80.0,
    "target.answer_rate": 90.0,
}
CALLS_A_DAY = 24
DETAIL_DAYS = 62  # single calls, recordings, log-ins and passages go back so far


def ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def ago(days: float, hour: int = 2, minute: int = 0) -> int:
    """That many days before today, at an hour of UTC."""
    midnight = NOW.replace(hour=0, minute=0)
    return ms(midnight - timedelta(days=days) + timedelta(hours=hour, minutes=minute))


@dataclass(slots=True, kw_only=True)
class SourceFile:
    """What one source says."""

    name: str
    from_ms: int
    entries: dict[str, list[Entry]] = field(default_factory=dict)
    rows: dict[str, list[Happening]] = field(default_factory=dict)
    measures: dict[str, list[MeasureRow]] = field(default_factory=dict)

    def enter(self, kind: str, key: str | int, /, **attributes: AttributeValue) -> None:
        self.entries.setdefault(kind, []).append(Entry(key=key, attributes=attributes))

    def happen(
        self, kind: str, key: str | int, started: int, ended: int | None = None, /, **attributes: AttributeValue
    ) -> None:
        row = Happening(
            agent="a1",
            source=self.name,
            id=key,
            started_ms=started,
            ended_ms=started if ended is None else ended,
            key_id="k1",
            attributes=attributes,
        )
        self.rows.setdefault(kind, []).append(row)

    def count(
        self, measure: str, start: int, n: int, buckets: tuple[int, ...] = (), *, period_s: int = 900, **by: str
    ) -> None:
        row = MeasureRow(
            agent="a1",
            source=self.name,
            dimensions=tuple(sorted(by.items())),
            start_ms=start,
            period_s=period_s,
            count=n,
            total=5.0 * n,
            buckets=buckets,
        )
        self.measures.setdefault(measure, []).append(row)

    def read(self, measure: str, start: int, value: float, **by: str) -> None:
        row = MeasureRow(
            agent="a1",
            source=self.name,
            dimensions=tuple(sorted(by.items())),
            start_ms=start,
            period_s=900,
            count=1,
            gauge=(value, value, value),
        )
        self.measures.setdefault(measure, []).append(row)


Sources = dict[str, SourceFile]


def evidence_of(sources: Sources, profile: Mapping[str, object] = SCOPE) -> MemoryEvidence:
    """One run per source, minutes ago."""
    facts = []
    for number, (name, file) in enumerate(sorted(sources.items())):
        covers = Span(file.from_ms, ms(NOW) - 600_000)
        lists = {
            kind: Listing(
                agent="a1", source=name, as_of_ms=covers.to_ms, log_index=number, key_id="k1", entries=tuple(entries)
            )
            for kind, entries in file.entries.items()
        }
        facts.append(
            Fact(
                agent="a1",
                sequence=number,
                recorded_ms=ms(NOW) - 300_000,
                source=name,
                feeds=tuple(sorted({*file.entries, *file.rows, *file.measures})),
                covers=covers,
                listings=lists,
                happenings=file.rows,
                rows=file.measures,
            )
        )
    return MemoryEvidence(facts, profile)


def single_calls(days: int) -> Iterable[tuple[int, int, str, int]]:
    """(call id, start, queue, agent) of the calls kept one by one."""
    for day in range(1, min(days, DETAIL_DAYS)):
        for number in range(CALLS_A_DAY):
            start = ago(day, 1 + number % 8, 7 * (number % 8))
            yield 10_000 + day * 100 + number, start, QUEUES[number % 2], AGENTS[(number + day) % len(AGENTS)]
