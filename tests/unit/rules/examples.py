"""The eight example rules of the language's design, and facts to judge them and others with."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from ccmm_rules.evidence import Entry, Happening, Listing, MeasureRow, Span
from ccmm_rules.load import load_pack, pack_of
from ccmm_rules.memory import Fact
from ccmm_rules.model import Pack

FOLDER = Path(__file__).parent / "pack12"
ZONE = ZoneInfo("Asia/Shanghai")
QUARTER_MS = 900_000

RULE = """
id: D-SEC-01
title: {{en: "A rule", zh: "一条规则"}}
remedy: {{en: "Mend it.", zh: "改进。"}}
heading: D6_security
level: {level}
fresh_for: 26h
{more}
reads: {{x: {read}}}
require: "{require}"
cases: [{{outcome: satisfied}}]
"""


@lru_cache(maxsize=1)
def example_pack() -> Pack:
    return load_pack(FOLDER)


def example_files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(FOLDER.glob("*.yaml"))}


def one_rule(read: str, require: str, *, more: str = "", level: int = 1) -> Pack:
    """A pack of one rule with one read named x."""
    text = RULE.format(read=read, require=require, more=more, level=level)
    return pack_of({"pack.yaml": (FOLDER / "pack.yaml").read_bytes(), "D-SEC-01.yaml": text.encode()})


def ms(text: str) -> int:
    """A local time in Shanghai."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)


def listed(
    kind: str,
    entries: Mapping[str | int, Mapping[str, object]],
    as_of: str,
    *,
    source: str = "list",
    key_id: str = "k",
    sequence: int = 0,
) -> Fact:
    """One complete list."""
    made = tuple(Entry(key=key, attributes=facts) for key, facts in entries.items())  # type: ignore[arg-type]
    listing = Listing(agent="it", source=source, as_of_ms=ms(as_of), log_index=0, key_id=key_id, entries=made)
    covers = Span(ms("2025-01-01T00:00"), ms(as_of))
    return Fact(
        agent="it",
        sequence=sequence,
        recorded_ms=ms(as_of),
        source=source,
        feeds=(kind,),
        covers=covers,
        listings={kind: listing},
    )


def happened(
    kind: str,
    rows: Sequence[tuple[str, str | None, Mapping[str, object]]],
    until: str,
    *,
    source: str = "log",
    since: str = "2025-01-01T00:00",
    key_id: str = "k",
) -> Fact:
    """Occurrences (started, ended, attributes), vouched for until then."""
    made = [
        Happening(
            agent="noc",
            source=source,
            id=f"{source}{number}",
            started_ms=ms(started),
            ended_ms=ms(ended) if ended is not None else None,
            key_id=key_id,
            attributes=facts,  # type: ignore[arg-type]
        )
        for number, (started, ended, facts) in enumerate(rows)
    ]
    return Fact(
        agent="noc", sequence=0 if source == "log" else 1, recorded_ms=ms(until), source=source, feeds=(kind,),
        covers=Span(ms(since), ms(until)), happenings={kind: made},
    )  # fmt: skip


def counted(measures: Mapping[str, Mapping[str, Sequence[object]]], since: str, until: str) -> Fact:
    """`measures`: id -> queue -> one value per quarter hour (a count, or buckets), repeated over the span."""
    rows: dict[str, list[MeasureRow]] = {}
    for measure, queues in measures.items():
        rows[measure] = []
        for queue, values in queues.items():
            for number, start in enumerate(range(ms(since), ms(until), QUARTER_MS)):
                value = values[number % len(values)]
                count, buckets = (value, ()) if isinstance(value, int) else (0, value)
                rows[measure].append(
                    MeasureRow(
                        agent="pbx", source="queue_log", dimensions=(("queue", queue),), start_ms=start, period_s=900,
                        count=count, buckets=buckets,  # type: ignore[arg-type]
                    )
                )  # fmt: skip
    return Fact(
        agent="pbx", sequence=0, recorded_ms=ms(until), source="queue_log", feeds=tuple(measures),
        covers=Span(ms(since), ms(until)), rows=rows,
    )  # fmt: skip
