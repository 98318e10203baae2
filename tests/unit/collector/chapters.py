"""A small world for the tests of projections and verdicts: agents that sign, a log that records when it is told to."""

from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ccmm_collector import store
from ccmm_collector.log import EvidenceLog, LogEntry
from ccmm_collector.transaction import Transaction
from ccmm_proto.chain import SCHEMA, ZERO
from ccmm_proto.envelope import STATEMENT_TYPE, parse_envelope, sign_envelope
from ccmm_proto.period import HOUR_MS, QUARTER_MS
from ccmm_proto.v1.service_pb2 import Act, ScopeAnswer
from ccmm_proto.v1.statement_pb2 import (
    EMPTY,
    OBSERVED,
    Dimension,
    Measure,
    Note,
    Observation,
    Outcome,
    Run,
    Span,
    Statement,
)
from ccmm_proto.wire import parse_statement

START = 1_767_225_600_000  # 2026-01-01T00:00Z
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@dataclass
class Clock:
    """The collector's clock, set by the test."""

    now: int = START

    def __call__(self) -> int:
        return self.now


@dataclass
class Agent:
    """Signs statements of one chain, one after the other."""

    center: str = "north"
    name: str = "pbx"
    epoch: int = 0
    sequence: int = 0
    previous: bytes = ZERO
    made: list[bytes] = field(default_factory=list)

    def sign(self, statement: Statement) -> bytes:
        """The next envelope of the chain."""
        statement.schema, statement.center, statement.agent = SCHEMA, self.center, self.name
        statement.epoch, statement.sequence, statement.previous = self.epoch, self.sequence, self.previous
        payload = statement.SerializeToString(deterministic=True)
        parse_statement(payload)
        envelope = sign_envelope(STATEMENT_TYPE, payload, KEY)
        self.previous = parse_envelope(envelope).digest
        self.sequence += 1
        self.made.append(envelope)
        return envelope

    def note(self, created_ms: int = START) -> bytes:
        """A note about the agent itself."""
        return self.sign(Statement(created_ms=created_ms, note=Note(kind=Note.SPOOL_FULL, detail="full")))

    def run(
        self,
        covers: tuple[int, int] | None,
        observations: list[Observation] | None = None,
        *,
        source: str = "queue",
        feeds: tuple[str, ...] = ("calls_offered",),
        outcome: Outcome.ValueType | None = None,
        part: int = 1,
        parts: int = 1,
        run_id: str = "",
        created_ms: int | None = None,
        due_ms: int | None = None,
    ) -> bytes:
        """One run, or a part of one."""
        at = created_ms or (covers[1] if covers else START)
        looked = OBSERVED if observations or parts > 1 else EMPTY
        run = Run(
            source=source,
            plugin="asterisk",
            run_id=run_id or f"{source}-{self.epoch}-{self.sequence}",
            part=part,
            parts=parts,
            outcome=looked if outcome is None else outcome,
            reason="" if outcome is None or outcome in (OBSERVED, EMPTY) else "unreachable",
            due_ms=due_ms or at,
            started_ms=at,
            finished_ms=at,
            covers=Span(from_ms=covers[0], to_ms=covers[1]) if covers else None,
            feeds=feeds,
            every_s=900,
            pseudonym_key_id="k1",
            observations=observations,
        )
        return self.sign(Statement(created_ms=at, run=run))


def offered(start_ms: int, count: int, *, queue: str = "support", revision: int = 0) -> Observation:
    """So many calls entered the queue in the quarter hour."""
    return Observation(
        measure=Measure(
            id="calls_offered",
            start_ms=start_ms,
            period_s=QUARTER_MS // 1000,
            dimensions=[Dimension(name="queue", text=queue)],
            count=count,
            revision=revision,
            revision_reason="corrected" if revision else "",
        )
    )


def append(log: EvidenceLog, envelope: bytes, *, counted: bool = True) -> LogEntry:
    """What ingest does once a statement is verified."""
    opened = parse_envelope(envelope)
    statement = Statement.FromString(opened.payload)

    def job(transaction: Transaction) -> LogEntry:
        chain, sequence = (statement.center, statement.agent, statement.epoch), statement.sequence
        head = store.next_sequence(transaction.connection, chain) or 0
        following = sequence + 1 if counted else 0
        store.advance_chain(transaction.connection, chain, following, transaction.recorded_ms, counted=counted)
        if counted and sequence < head:
            store.fill_hole(transaction.connection, chain, sequence)
        elif counted and sequence > head:
            store.open_hole(transaction.connection, chain, head, sequence)
        return transaction.append_statement(envelope, opened, statement, counted=counted, holds=counted)

    return log.write(job).result()


def answer(
    log: EvidenceLog, key: str, value_json: str, *, center: str = "north", until_ms: int | None = None
) -> LogEntry:
    """A scope answer in the log."""
    return log.append_act(
        Act(scope_answer=ScopeAnswer(center=center, key=key, value_json=value_json, until_ms=until_ms))
    )


def new_log(folder: Path, clock: Clock) -> EvidenceLog:
    """An empty log."""
    folder.mkdir(exist_ok=True)
    return EvidenceLog.create(folder, clock=clock)


def hour(number: int) -> int:
    """The start of an hour after the beginning."""
    return START + number * HOUR_MS
