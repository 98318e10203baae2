"""The generated histories of the engine's tests as a collector has them: signed statements, a log, its projection."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.told import attributes_told, identity_told
from ccmm_collector.known import Known
from ccmm_collector.projection import Projection
from ccmm_collector.transaction import Transaction
from ccmm_proto.envelope import parse_envelope
from ccmm_proto.v1 import statement_pb2 as pb
from ccmm_rules.evaluate import judge
from ccmm_rules.evidence import Entry, Happening, Listing, MeasureRow
from ccmm_rules.memory import Fact
from ccmm_rules.model import Pack
from ccmm_rules.spec import DAY_MS
from ccmm_rules.verdict import Verdict
from tests.unit.collector.chapters import Agent, Clock, answer, new_log
from tests.unit.rules.history import KEY, PROFILE, START_MS

CENTER = "north"
Arrival = tuple[bytes, int]  # envelope, recorded time


def signed(facts: Iterable[Fact]) -> dict[tuple[str, int], bytes]:
    """The envelope of each fact's statement by agent and number; each agent signs one chain."""
    agents: dict[str, Agent] = {}
    envelopes = {}
    for fact in sorted(facts, key=lambda fact: (fact.agent, fact.sequence)):
        agent = agents.setdefault(fact.agent, Agent(center=CENTER, name=fact.agent))
        assert agent.sequence == fact.sequence
        envelopes[fact.agent, fact.sequence] = agent.sign(_statement(fact))
    return envelopes


def in_order(facts: Sequence[Fact], envelopes: Mapping[tuple[str, int], bytes]) -> list[Arrival]:
    """As they were recorded."""
    ordered = sorted(facts, key=lambda fact: (fact.recorded_ms, fact.agent, fact.sequence))
    return [(envelopes[fact.agent, fact.sequence], fact.recorded_ms) for fact in ordered]


class Collected:
    """What a collector knows of the center after these arrivals. Sent again, a statement is stored and not counted."""

    def __init__(self, folder: Path, arrivals: Sequence[Arrival], expected: Mapping[str, Sequence[tuple[str, str]]]):
        self.log = new_log(folder, Clock(START_MS - DAY_MS))
        feeds = {f"feeds.{feed}": [f"{agent}/{source}" for agent, source in names] for feed, names in expected.items()}
        for key, value in {**PROFILE, **feeds}.items():
            answer(self.log, key, json.dumps(value), center=CENTER)
        self.log.write(lambda transaction: _append_all(transaction, arrivals)).result()
        self.projection = Projection.open(folder, log_id=self.log.log_id)
        while entries := self.log.entries(after=self.projection.position, limit=500):
            self.projection.apply(entries)

    def judge(self, pack: Pack, at_ms: int) -> dict[str, Verdict]:
        """The verdicts at an instant, as known then."""
        view = self.projection.view(CENTER, self.projection.index_at(at_ms))
        return judge(pack, Known(view, log_id=self.log.log_id, at_ms=at_ms), at_ms)

    def close(self) -> None:
        self.projection.close()
        self.log.close()


@contextmanager
def collected(
    arrivals: Sequence[Arrival], expected: Mapping[str, Sequence[tuple[str, str]]] | None = None
) -> Iterator[Collected]:
    """A collector's folder for as long as it is looked at."""
    with TemporaryDirectory(prefix="history-") as folder:
        made = Collected(Path(folder), arrivals, expected or {})
        try:
            yield made
        finally:
            made.close()


def _append_all(transaction: Transaction, arrivals: Sequence[Arrival]) -> None:
    there: set[bytes] = set()
    for envelope, recorded_ms in arrivals:
        transaction.recorded_ms = max(transaction.recorded_ms, recorded_ms)
        opened = parse_envelope(envelope)
        counted = opened.digest not in there
        there.add(opened.digest)
        statement = pb.Statement.FromString(opened.payload)
        transaction.append_statement(envelope, opened, statement, counted=counted, holds=counted)


def _statement(fact: Fact) -> pb.Statement:
    looked = fact.outcome == "OBSERVED"
    observations = [_measure(name, row) for name, rows in fact.rows.items() for row in rows]
    observations += [_occurrence(kind, one) for kind, found in fact.happenings.items() for one in found]
    observations += [one for kind, listing in fact.listings.items() for one in _listed(kind, listing)]
    covers = pb.Span(from_ms=fact.covers.from_ms, to_ms=fact.covers.to_ms) if looked and fact.covers else None
    at_ms = fact.covers.to_ms if fact.covers else fact.recorded_ms
    run = pb.Run(
        source=fact.source,
        plugin="test",
        run_id=f"{fact.source}-{fact.sequence}",
        part=1,
        parts=1,
        outcome=pb.Outcome.Value(fact.outcome),
        reason="" if looked else "unreachable",
        due_ms=at_ms,
        started_ms=at_ms,
        finished_ms=at_ms,
        covers=covers,
        feeds=fact.feeds,
        every_s=fact.every_s,
        pseudonym_key_id=KEY,
        observations=observations,
    )
    return pb.Statement(created_ms=fact.recorded_ms, run=run)


def _measure(name: str, row: MeasureRow) -> pb.Observation:
    value: dict[str, object] = {"count": row.count}
    if row.buckets:
        value = {"histogram": pb.Histogram(buckets=row.buckets, total=0.0)}
    dimensions = [pb.Dimension(name=key, text=str(text)) for key, text in row.dimensions]
    measure = pb.Measure(id=name, start_ms=row.start_ms, period_s=row.period_s, dimensions=dimensions, **value)  # type: ignore[arg-type]
    return pb.Observation(measure=measure)


def _occurrence(kind: str, one: Happening) -> pb.Observation:
    return pb.Observation(
        occurrence=pb.Occurrence(
            kind=kind,
            id=identity_told(kind, one.id),
            started_ms=one.started_ms,
            ended_ms=one.ended_ms,
            attributes=attributes_told(kind, one.attributes),
        )
    )


def _listed(kind: str, listing: Listing) -> list[pb.Observation]:
    if kind == "document":
        return [
            pb.Observation(document=pb.Document(id=str(entry.key), sha256=bytes(32), attributes=_facts(kind, entry)))
            for entry in listing.entries
        ]
    entries = [
        pb.Entry(key=identity_told(kind, entry.key), attributes=_facts(kind, entry)) for entry in listing.entries
    ]
    entries.sort(key=lambda entry: entry.key.pseudonym)
    return [
        pb.Observation(inventory=pb.Inventory(kind=kind, as_of_ms=listing.as_of_ms, complete=True, entries=entries))
    ]


def _facts(kind: str, entry: Entry) -> list[pb.Attribute]:
    return attributes_told(kind, entry.attributes)
