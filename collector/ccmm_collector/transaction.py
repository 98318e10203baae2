"""What can be done inside one writing transaction of the evidence log."""

import sqlite3
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ccmm_collector import acts, store
from ccmm_collector.store import LogEntry, Place
from ccmm_proto.envelope import ACT_TYPE, Opened, parse_envelope, sign_envelope
from ccmm_proto.leaf import leaf_hash
from ccmm_proto.v1.service_pb2 import Act
from ccmm_proto.v1.statement_pb2 import Statement


class Transaction:
    """The open transaction: gives out indexes and the recorded time. Nothing is durable before its commit."""

    def __init__(self, connection: sqlite3.Connection, log_key: Callable[[], Ed25519PrivateKey], now_ms: int) -> None:
        """`log_key` is asked for only where an act is signed: a copy of the log without its keys can be looked at."""
        self.connection = connection
        self._log_key = log_key
        self._next_index, newest_ms = store.tail(connection)
        self.recorded_ms = max(now_ms, newest_ms)  # never falls, whatever the clock does

    def append_statement(
        self, envelope: bytes, opened: Opened, statement: Statement, *, counted: bool, holds: bool
    ) -> LogEntry:
        """Append a verified statement."""
        entry = LogEntry(
            index=self._next_index,
            recorded_ms=self.recorded_ms,
            kind="statement",
            counted=counted,
            envelope=envelope,
            leaf=leaf_hash(self.recorded_ms, opened.pae, opened.signature),
            center=statement.center,
            agent=statement.agent,
            epoch=statement.epoch,
            sequence=statement.sequence,
            digest=opened.digest,
            created_ms=statement.created_ms,
        )
        place = Place(epoch=entry.epoch, sequence=entry.sequence, previous=statement.previous, holds=holds)
        return self._append(entry, place)

    def append_act(self, act: Act) -> LogEntry:
        """Sign and append one of the collector's own acts, and apply it; `at_ms` becomes the recorded time."""
        act = acts.at(act, self.recorded_ms)
        envelope = sign_envelope(ACT_TYPE, act.SerializeToString(deterministic=True), self._log_key())
        opened = parse_envelope(envelope)
        center, agent = acts.about(act)
        entry = LogEntry(
            index=self._next_index,
            recorded_ms=self.recorded_ms,
            kind="act",
            counted=True,
            envelope=envelope,
            leaf=leaf_hash(self.recorded_ms, opened.pae, opened.signature),
            center=center,
            agent=agent,
            epoch=0,
            sequence=0,
            digest=opened.digest,
            created_ms=act.at_ms,
        )
        self._append(entry, Place())
        acts.apply_act(self.connection, entry.index, act)
        return entry

    def _append(self, entry: LogEntry, place: Place) -> LogEntry:
        store.insert_entry(self.connection, entry, place)
        self._next_index += 1
        return entry
