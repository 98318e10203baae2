"""Puts a verified statement where it belongs in its chain: the table of FORMATS §1, inside one writing transaction."""

from dataclasses import dataclass

from ccmm_collector import enrolled, store
from ccmm_collector.store import Held
from ccmm_collector.transaction import Transaction
from ccmm_proto.chain import ZERO, Arrival, Head, classify
from ccmm_proto.envelope import Opened
from ccmm_proto.errors import Malformed, Revoked
from ccmm_proto.v1.service_pb2 import Act, ChainRaised
from ccmm_proto.v1.statement_pb2 import Note, Statement

MAX_SEQUENCE = (1 << 40) - 1  # a statement a second for 34,000 years
MAX_EPOCH = (1 << 22) - 1
_ASIDE = frozenset({Arrival.FORK, Arrival.FUTURE, Arrival.SCHEMA})  # stored, not counted
_RAISED = {
    Arrival.FORK: ChainRaised.FORK,
    Arrival.FUTURE: ChainRaised.FROM_THE_FUTURE,
    Arrival.SCHEMA: ChainRaised.UNKNOWN_SCHEMA,
}
_DETAIL = {
    ChainRaised.FORK: "two statements claim one place of the chain",
    ChainRaised.FROM_THE_FUTURE: "created more than 5 minutes ahead of the collector's clock",
    ChainRaised.UNKNOWN_SCHEMA: "of a schema that this collector does not know",
    ChainRaised.HEAD_BEHIND_RECEIPT: "the agent holds a receipt for more than this log had",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where a statement stands in the log: what its receipt promises."""

    arrival: Arrival
    index: int
    recorded_ms: int
    center: str
    agent: str
    epoch: int
    sequence: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class _Around:
    """What the chain holds round the number of an arriving statement."""

    next_sequence: int | None
    before: Held | None
    at: Held | None
    after: Held | None
    same: Held | None  # the very same statement, counted or not
    follows_fork: bool  # it continues a statement that was set aside as a fork


def place(transaction: Transaction, envelope: bytes, opened: Opened, statement: Statement) -> Placed:
    """Append the statement and what must be raised about it; the very same one again only gives its place.

    Raises Revoked and Malformed before anything is written.
    """
    if statement.sequence > MAX_SEQUENCE or statement.epoch > MAX_EPOCH:
        raise Malformed(f"statement: a number above {MAX_SEQUENCE} or an epoch above {MAX_EPOCH} is beyond all chains")
    if enrolled.is_revoked(transaction.connection, statement.center, statement.agent):
        raise Revoked(f"agent {statement.agent} of {statement.center} is revoked")
    around = _look_around(transaction, statement, opened.digest)
    if around.same is not None:
        return _placed(Arrival.REPEAT, statement, opened, around.same.index, around.same.recorded_ms)
    arrival = _classify(transaction, statement, opened.digest, around)
    holds = arrival is not Arrival.FORK and _fits(statement, opened.digest, around)
    entry = transaction.append_statement(envelope, opened, statement, counted=arrival not in _ASIDE, holds=holds)
    _advance(transaction, statement, around, arrival, holds=holds)
    _raise_about(transaction, statement, opened.digest, arrival)
    return _placed(arrival, statement, opened, entry.index, entry.recorded_ms)


def _look_around(transaction: Transaction, statement: Statement, digest: bytes) -> _Around:
    connection, sequence = transaction.connection, statement.sequence
    chain = _chain(statement)
    next_sequence = store.next_sequence(connection, chain)
    if next_sequence is None:
        return _Around(None, None, None, None, None, follows_fork=False)
    held = store.neighbours(connection, chain, sequence)
    at, before = held.get(sequence), held.get(sequence - 1)
    same = at if at is not None and at.digest == digest else store.aside(connection, chain, sequence, digest)
    follows_fork = before is None and store.aside(connection, chain, sequence - 1, statement.previous) is not None
    return _Around(next_sequence, before, at, held.get(sequence + 1), same, follows_fork)


def _classify(transaction: Transaction, statement: Statement, digest: bytes, around: _Around) -> Arrival:
    arrival = classify(
        statement,
        digest,
        head=None if around.next_sequence is None else Head(around.next_sequence, b""),
        held_digest=around.at.digest if around.at else None,
        previous_digest=around.before.digest if around.before else None,
        following_previous=around.after.previous if around.after else None,
        now_ms=transaction.recorded_ms,
    )
    return Arrival.FORK if around.follows_fork and arrival in (Arrival.NEXT, Arrival.GAP) else arrival


def _fits(statement: Statement, digest: bytes, around: _Around) -> bool:
    """Is its number free, and does it join what stands beside it?

    One from the future or of an unknown schema that fits takes its number, although it does not count: the honest
    agent's next statement names it as the one before.
    """
    if around.at is not None or around.follows_fork:
        return False
    if statement.sequence == 0:
        expected: bytes | None = ZERO
    else:
        expected = around.before.digest if around.before else None
    joins_before = expected is None or statement.previous == expected
    return joins_before and (around.after is None or around.after.previous == digest)


def _advance(transaction: Transaction, statement: Statement, around: _Around, arrival: Arrival, *, holds: bool) -> None:
    """Bring the chain's head and holes up to this arrival, and raise a gap once, when it opens."""
    connection, chain, sequence = transaction.connection, _chain(statement), statement.sequence
    head = around.next_sequence or 0
    following = sequence + 1 if holds else head
    store.advance_chain(connection, chain, following, transaction.recorded_ms, counted=arrival not in _ASIDE)
    if not holds:
        return
    if sequence < head:
        store.fill_hole(connection, chain, sequence)
    elif sequence > head:
        store.open_hole(connection, chain, head, sequence)
        missing = f"numbers {head} to {sequence - 1} are missing"
        transaction.append_act(_raised(statement, ChainRaised.GAP, sequence, statement.previous, missing))


def _raise_about(transaction: Transaction, statement: Statement, digest: bytes, arrival: Arrival) -> None:
    kinds = [_RAISED[arrival]] if arrival in _RAISED else []
    if statement.note.kind == Note.HEAD_BEHIND_RECEIPT and arrival not in _ASIDE:
        kinds.append(ChainRaised.HEAD_BEHIND_RECEIPT)
    for kind in kinds:
        transaction.append_act(_raised(statement, kind, statement.sequence, digest, _DETAIL[kind]))


def _raised(statement: Statement, kind: ChainRaised.Kind.ValueType, sequence: int, digest: bytes, detail: str) -> Act:
    raised = ChainRaised(
        kind=kind,
        center=statement.center,
        agent=statement.agent,
        epoch=statement.epoch,
        sequence=sequence,
        digest=digest,
        detail=detail,
    )
    return Act(chain_raised=raised)


def _chain(statement: Statement) -> tuple[str, str, int]:
    return statement.center, statement.agent, statement.epoch


def _placed(arrival: Arrival, statement: Statement, opened: Opened, index: int, recorded_ms: int) -> Placed:
    return Placed(
        arrival=arrival,
        index=index,
        recorded_ms=recorded_ms,
        center=statement.center,
        agent=statement.agent,
        epoch=statement.epoch,
        sequence=statement.sequence,
        digest=opened.digest,
    )
