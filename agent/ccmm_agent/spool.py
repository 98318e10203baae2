"""The agent's durable queue: signed statements, each source's cursor, and where the chain stands. One SQLite file.

Commit points are small methods, each one transaction: `put`, `hold`, `acknowledge`, `send_again`, `set_aside`,
`note_stream_end`, `open_epoch`. Two processes may use a spool at once (`run` and `attest`): a statement gets its number
and its signature inside the transaction that stores it, so numbers never collide.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ccmm_agent import clock
from ccmm_agent import spool_sql as sql
from ccmm_agent.outbox import Draft, Place, Seal, draft_of
from ccmm_agent.source_state import Change, SourceState, source_state
from ccmm_agent.spool_file import SpoolFull, named_errors
from ccmm_proto.envelope import parse_envelope
from ccmm_proto.period import to_ms
from ccmm_proto.v1.statement_pb2 import EpochStart, Run, Statement
from ccmm_proto.wire import parse_message

WAITING, ACKNOWLEDGED, SET_ASIDE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Chain:
    """Where the agent's own chain stands."""

    epoch: int
    next_sequence: int
    digest: bytes
    epoch_start: bytes  # serialised EpochStart; empty in epoch 0
    last_receipt: bytes  # envelope, or empty
    boot_id: str
    pseudonym_key_id: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A statement without a receipt."""

    epoch: int
    sequence: int
    digest: bytes
    stream_ends: int
    envelope: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """A receipt that was verified, and the statement it names."""

    epoch: int
    sequence: int
    digest: bytes
    receipt: bytes


class Spool:
    """An open spool. All methods may be called from any thread."""

    def __init__(self, connection: sqlite3.Connection, *, limit_bytes: int) -> None:
        self._connection = connection
        self._lock = threading.RLock()
        self.limit_bytes = limit_bytes
        ((_, _, path),) = connection.execute("PRAGMA database_list").fetchall()[:1]
        self._log_path = Path(f"{path}-wal")

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._connection.close()

    # --- reading -------------------------------------------------------------------------------------------------

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of one of spool_sql's statements. Raises SpoolCorrupt or StoreFull."""
        with self._lock, named_errors():
            return self._connection.execute(statement, values).fetchall()

    def written_ns(self) -> int:
        """When any process last wrote to the spool, as its file system tells."""
        with suppress(FileNotFoundError):
            return self._log_path.stat().st_mtime_ns
        return 0

    def chain(self) -> Chain:
        """The head of our own chain."""
        return Chain(*self.query(sql.CHAIN)[0])

    def waiting(self, after: tuple[int, int] = (-1, -1), limit: int = 100) -> list[Waiting]:
        """Statements without a receipt, in sending order, after (epoch, sequence)."""
        return [Waiting(*row) for row in self.query(sql.WAITING, *after, limit)]

    def waiting_bytes(self) -> int:
        """Bytes of all envelopes that wait for a receipt."""
        return int(self.query(sql.WAITING_BYTES)[0][0])

    def used_bytes(self) -> int:
        """Bytes of the file that are in use."""
        return int(self.query(sql.USED_PAGES)[0][0])

    def source(self, name: str) -> SourceState | None:
        """None for a source that was never due."""
        rows = self.query(sql.SOURCE, name)
        return source_state(rows[0]) if rows else None

    def sources(self) -> list[SourceState]:
        """All sources that were ever due, by name."""
        return [source_state(row) for row in self.query(sql.SOURCES)]

    def digest_at(self, epoch: int, sequence: int) -> bytes | None:
        """The digest of our statement under a number; None where it is not kept any more."""
        rows = self.query(sql.DIGEST_AT, epoch, sequence)
        return rows[0][0] if rows else None

    # --- commit points -------------------------------------------------------------------------------------------

    def put(
        self,
        drafts: Sequence[Draft],
        seal: Seal,
        source: str = "",
        change: Change | None = None,
        *,
        bounded: bool = False,
    ) -> None:
        """All parts of a run (or a note) and the source's new state, in one transaction.

        `change` gets the state as it is inside the transaction: another thread or process may have changed it.
        Raises StoreFull, and SpoolFull where it is `bounded` and does not fit: notes and the like always fit.

        Durable when it returns: the statements will be sent, and the source resumes behind them. A crash before leaves
        neither statements nor cursor: the next start finds the due time and reads the same again.
        """
        with self._transaction():
            for draft in drafts:
                self._append(draft, seal, source)
                if isinstance(draft.body, Run) and draft.body.pseudonym_key_id:
                    self._connection.execute(sql.SET_KEY_ID, (draft.body.pseudonym_key_id,))
            if change is not None:
                self._change(source, change)
            if not self._make_room() and bounded:
                raise SpoolFull("what this run found does not fit into the spool any more")

    def hold(self, source: str, change: Change) -> None:
        """Remember a due time of a stopped source. A crash before: the next start finds the due time again."""
        with self._transaction():
            self._change(source, change)

    def acknowledge(self, batch: Sequence[Acknowledgement], at: datetime) -> int:
        """Let go of statements whose receipts were verified; how many were ours.

        Durable when it returns: they are not sent again. A crash before: they are, and the receipt is repeated.
        """
        with self._transaction():
            known = 0
            for one in batch:
                values = (one.receipt, to_ms(at), one.epoch, one.sequence, one.digest)
                if self._connection.execute(sql.ACKNOWLEDGE, values).rowcount:
                    known += 1
                    self._connection.execute(sql.SET_LAST_RECEIPT, (one.receipt,))
            return known

    def send_again(self, epoch: int, from_sequence: int, note: Draft, seal: Seal) -> None:
        """The collector lost what it had promised to keep: everything from its head on waits again, and a note says so.

        A crash before: the next stream start compares heads again. After: the same comparison finds nothing to do.
        """
        with self._transaction():
            self._connection.execute(sql.SEND_AGAIN, (epoch, from_sequence))
            self._append(note, seal, "")

    def note_stream_end(self, epoch: int, sequence: int) -> int:
        """Count a stream that ended while this statement alone was in flight; how often that happened."""
        with self._transaction():
            rows = self._connection.execute(sql.STREAM_ENDED, (epoch, sequence)).fetchall()
            return int(rows[0][0]) if rows else 0

    def set_aside(self, epoch: int, sequence: int, note: Draft | None, seal: Seal) -> bool:
        """A statement that can never arrive stops waiting, and a note says so; it stays in the spool. False: it had.

        A crash before: it is tried, and counted, again.
        """
        with self._transaction():
            moved = self._connection.execute(sql.SET_ASIDE, (epoch, sequence)).rowcount > 0
            if moved and note is not None:
                self._append(note, seal, "")
            return moved

    def open_epoch(self, epoch: int, start: EpochStart, seal: Seal) -> int:
        """Begin a new chain; what waits is sealed again in it, in order. How many were.

        EpochFile names the new epoch already. A crash before: the spool is older than that file, and the next start
        opens yet another epoch. After: the waiting statements exist once, in the new epoch.
        """
        with self._transaction():
            places = self._connection.execute(sql.NEVER_RECEIVED).fetchall()
            taken = [self._connection.execute(sql.TAKE_WAITING, place).fetchone() for place in places]
            self._connection.execute(sql.NEW_EPOCH, (epoch, start.SerializeToString()))
            for envelope, source in taken:
                # As it was sealed: a later version that checks more must not stumble here.
                self._append(draft_of(parse_message(Statement, parse_envelope(envelope).payload)), seal, source)
            return len(taken)

    def set_boot_id(self, boot_id: str) -> None:
        """Remember on which boot of the machine the agent runs."""
        with self._transaction():
            self._connection.execute(sql.SET_BOOT_ID, (boot_id,))

    def change_key(self, key_id: str, note: Draft, seal: Seal) -> None:
        """The center's pseudonym key is another one from now on, and a note says so. A crash before: the next start."""
        with self._transaction():
            self._connection.execute(sql.SET_KEY_ID, (key_id,))
            self._append(note, seal, "")

    def put_refusal(self, digest: bytes, name: str, message: str) -> None:
        """Keep what the collector refused, for `status`."""
        with self._transaction():
            self._connection.execute(sql.PUT_REFUSAL, (digest, name[:100], message[:500], to_ms(clock.now())))
            self._connection.execute(sql.KEEP_REFUSALS)

    def prune(self, keep: timedelta, at: datetime) -> None:
        """Forget acknowledged statements older than `keep`, and older ones where the bound needs it."""
        with self._transaction():
            self._connection.execute(sql.PRUNE_OLD, (to_ms(at - keep),))
            self._make_room()

    # --- inside a transaction ------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock, named_errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _change(self, name: str, change: Change) -> None:
        row = self._connection.execute(sql.SOURCE, (name,)).fetchone()
        after = change(source_state(row) if row else SourceState(name))
        self._connection.execute(sql.PUT_SOURCE, astuple(after))

    def _append(self, draft: Draft, seal: Seal, source: str) -> None:
        chain = Chain(*self._connection.execute(sql.CHAIN).fetchone())
        opens = chain.epoch > 0 and chain.next_sequence == 0
        place = Place(
            epoch=chain.epoch,
            sequence=chain.next_sequence,
            previous=chain.digest,
            epoch_start=EpochStart.FromString(chain.epoch_start) if opens else None,
        )
        sealed = seal(draft, place)
        created = to_ms(clock.now())
        values = (place.epoch, place.sequence, sealed.digest, len(sealed.envelope), created, source, sealed.envelope)
        self._connection.execute(sql.PUT, values)
        self._connection.execute(sql.ADVANCE, (place.sequence + 1, sealed.digest))

    def _make_room(self) -> bool:
        """Unsent statements go first into the bound: acknowledged ones leave, oldest first. False: still too much."""
        while self._connection.execute(sql.USED_PAGES).fetchone()[0] > self.limit_bytes:
            if not self._connection.execute(sql.PRUNE_SOME).rowcount:
                return False
        return True
