"""All SQL on the entries and chains of the evidence log's file (`log.sqlite`): one function per question.

The `entry` table is the truth: statements as they were received, and the collector's own acts. `chain` and `hole` (and
`agent`, see `enrolled`) are derived from it in the same transaction; `token` and `refusal` are in no log.
"""

import sqlite3
from dataclasses import dataclass
from typing import Literal

PAGE_BYTES = 16 << 20  # of envelopes: however large statements are, a reader holds no more than this and one of them
MOST_HEADS = 1000  # told at a stream's start: no honest agent lost its head so often
EntryKind = Literal["statement", "act"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One entry of the evidence log; for acts `epoch`, `sequence` are 0 and `center`, `agent` are those it is about."""

    index: int  # gapless, from 0
    recorded_ms: int  # never falls from one entry to the next
    kind: EntryKind
    counted: bool  # False: kept as proof, never projected
    envelope: bytes  # as received
    leaf: bytes  # RFC 6962 leaf hash, 32 bytes
    center: str
    agent: str
    epoch: int
    sequence: int
    digest: bytes  # SHA-256 of the PAE, 32 bytes
    created_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an entry stands in its chain; acts stand nowhere."""

    epoch: int = 0
    sequence: int = 0
    previous: bytes = b""
    holds: bool = False  # it is the one that its number belongs to


def begin(connection: sqlite3.Connection) -> None:
    """Start a writing transaction; other processes wait their turn."""
    connection.execute("BEGIN IMMEDIATE")


def log_id(connection: sqlite3.Connection) -> str:
    """The id of the one log in this store."""
    (value,) = connection.execute("SELECT value FROM setting WHERE name = 'log_id'").fetchone()
    return str(value)


def tail(connection: sqlite3.Connection) -> tuple[int, int]:
    """The next free index and the newest recorded time: (0, 0) for an empty log."""
    row = connection.execute("SELECT log_index + 1, recorded_ms FROM entry ORDER BY log_index DESC LIMIT 1").fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


_COLUMNS = """
    log_index, recorded_ms, kind, counted, envelope, leaf, center, agent, epoch, sequence, digest, created_ms
"""


def _entry(row: tuple[int, int, EntryKind, int, bytes, bytes, str, str, int, int, bytes, int]) -> LogEntry:
    return LogEntry(
        index=row[0],
        recorded_ms=row[1],
        kind=row[2],
        counted=bool(row[3]),
        envelope=row[4],
        leaf=row[5],
        center=row[6],
        agent=row[7],
        epoch=row[8],
        sequence=row[9],
        digest=row[10],
        created_ms=row[11],
    )


def entries(connection: sqlite3.Connection, after: int, limit: int, upto: int | None) -> list[LogEntry]:
    """At most `limit` entries with after < index <= upto, in order; fewer once they are PAGE_BYTES large."""
    highest = (1 << 62) if upto is None else upto
    sql = f"SELECT {_COLUMNS} FROM entry WHERE log_index > ? AND log_index <= ? ORDER BY log_index LIMIT ?"  # noqa: S608 - constant columns
    page: list[LogEntry] = []
    size_bytes = 0
    for row in connection.execute(sql, (after, highest, limit)):
        page.append(_entry(row))
        size_bytes += len(page[-1].envelope)
        if size_bytes >= PAGE_BYTES:
            break
    return page


def insert_entry(connection: sqlite3.Connection, entry: LogEntry, place: Place) -> None:
    """Append one entry; its index must be the next free one."""
    connection.execute(
        "INSERT INTO entry (log_index, recorded_ms, kind, counted, center, agent, epoch, sequence, holds, created_ms,"
        " digest, previous, leaf, envelope) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(entry.index, entry.recorded_ms, entry.kind, entry.counted, entry.center, entry.agent, place.epoch),
            *(place.sequence, place.holds, entry.created_ms, entry.digest, place.previous, entry.leaf, entry.envelope),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What stands under one number of a chain."""

    index: int
    recorded_ms: int
    sequence: int
    digest: bytes
    previous: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainHead:
    """Where a chain stands."""

    center: str
    agent: str
    epoch: int
    next_sequence: int  # the highest number used, plus one
    first_missing: int  # the first number not held without a gap
    digest: bytes  # held under first_missing - 1; empty at 0


def neighbours(connection: sqlite3.Connection, chain: tuple[str, str, int], sequence: int) -> dict[int, Held]:
    """What holds the numbers before, at and after `sequence`, by number."""
    rows = connection.execute(
        "SELECT log_index, recorded_ms, sequence, digest, previous FROM entry WHERE kind = 'statement'"
        " AND center = ? AND agent = ? AND epoch = ? AND holds = 1 AND sequence BETWEEN ? AND ?",
        (*chain, sequence - 1, sequence + 1),
    )
    return {
        row[2]: Held(index=row[0], recorded_ms=row[1], sequence=row[2], digest=row[3], previous=row[4]) for row in rows
    }


def aside(connection: sqlite3.Connection, chain: tuple[str, str, int], sequence: int, digest: bytes) -> Held | None:
    """The statement of this digest that is kept beside the chain (a fork) under this number."""
    row = connection.execute(
        "SELECT log_index, recorded_ms, sequence, digest, previous FROM entry WHERE kind = 'statement'"
        " AND center = ? AND agent = ? AND epoch = ? AND holds = 0 AND sequence = ? AND digest = ?",
        (*chain, sequence, digest),
    ).fetchone()
    return Held(index=row[0], recorded_ms=row[1], sequence=row[2], digest=row[3], previous=row[4]) if row else None


def next_sequence(connection: sqlite3.Connection, chain: tuple[str, str, int]) -> int | None:
    """The highest number used plus one; None for a chain not seen before."""
    row = connection.execute(
        "SELECT next_sequence FROM chain WHERE center = ? AND agent = ? AND epoch = ?", chain
    ).fetchone()
    return int(row[0]) if row else None


def advance_chain(
    connection: sqlite3.Connection, chain: tuple[str, str, int], next_sequence: int, recorded_ms: int, *, counted: bool
) -> None:
    """Note an arrival; `next_sequence` only ever raises what is there."""
    connection.execute(
        "INSERT INTO chain (center, agent, epoch, next_sequence, counted, uncounted, last_recorded_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (center, agent, epoch) DO UPDATE SET"
        " next_sequence = max(next_sequence, excluded.next_sequence), counted = counted + excluded.counted,"
        " uncounted = uncounted + excluded.uncounted, last_recorded_ms = excluded.last_recorded_ms",
        (*chain, next_sequence, int(counted), int(not counted), recorded_ms),
    )


def open_hole(
    connection: sqlite3.Connection, chain: tuple[str, str, int], from_sequence: int, to_sequence: int
) -> None:
    """Numbers from_sequence <= n < to_sequence are missing."""
    connection.execute("INSERT INTO hole VALUES (?, ?, ?, ?, ?)", (*chain, from_sequence, to_sequence))


def fill_hole(connection: sqlite3.Connection, chain: tuple[str, str, int], sequence: int) -> None:
    """A missing number arrived: the hole it lies in shrinks, splits or goes."""
    row = connection.execute(
        "SELECT from_sequence, to_sequence FROM hole WHERE center = ? AND agent = ? AND epoch = ?"
        " AND from_sequence <= ? ORDER BY from_sequence DESC LIMIT 1",
        (*chain, sequence),
    ).fetchone()
    if row is None or sequence >= row[1]:
        return
    connection.execute(
        "DELETE FROM hole WHERE center = ? AND agent = ? AND epoch = ? AND from_sequence = ?", (*chain, row[0])
    )
    for start, end in ((row[0], sequence), (sequence + 1, row[1])):
        if start < end:
            open_hole(connection, chain, start, end)


def chain_heads(connection: sqlite3.Connection, center: str, agent: str) -> list[ChainHead]:
    """The heads of an agent's newest chains, newest epoch last."""
    rows = connection.execute(
        "SELECT c.epoch, c.next_sequence, coalesce(min(h.from_sequence), c.next_sequence) FROM chain AS c"
        " LEFT JOIN hole AS h USING (center, agent, epoch) WHERE c.center = ? AND c.agent = ?"
        " GROUP BY c.epoch ORDER BY c.epoch DESC LIMIT ?",
        (center, agent, MOST_HEADS),
    ).fetchall()
    heads = []
    for epoch, following, first_missing in reversed(rows):
        last = neighbours(connection, (center, agent, epoch), first_missing).get(first_missing - 1)
        heads.append(
            ChainHead(
                center=center,
                agent=agent,
                epoch=epoch,
                next_sequence=following,
                first_missing=first_missing,
                digest=last.digest if last else b"",
            )
        )
    return heads


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """How often something was refused, by the name of the error."""

    center: str  # empty: before anyone was known
    agent: str
    name: str
    count: int
    last_ms: int


def count_refusal(connection: sqlite3.Connection, center: str, agent: str, name: str, at_ms: int) -> None:
    """One more refusal of this name."""
    connection.execute(
        "INSERT INTO refusal (center, agent, name, count, last_ms) VALUES (?, ?, ?, 1, ?)"
        " ON CONFLICT (center, agent, name) DO UPDATE SET count = count + 1, last_ms = excluded.last_ms",
        (center, agent, name, at_ms),
    )


def refusals(connection: sqlite3.Connection) -> list[Refused]:
    """All counters, by center, agent and name."""
    rows = connection.execute("SELECT center, agent, name, count, last_ms FROM refusal ORDER BY center, agent, name")
    return [Refused(center=row[0], agent=row[1], name=row[2], count=row[3], last_ms=row[4]) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainCount:
    """How much of one chain is in the log."""

    center: str
    agent: str
    epoch: int
    next_sequence: int
    missing: int  # numbers not held below next_sequence
    counted: int
    uncounted: int
    last_recorded_ms: int


def chain_counts(connection: sqlite3.Connection) -> list[ChainCount]:
    """Every chain, by center, agent and epoch."""
    rows = connection.execute(
        "SELECT c.center, c.agent, c.epoch, c.next_sequence, coalesce(sum(h.to_sequence - h.from_sequence), 0),"
        " c.counted, c.uncounted, c.last_recorded_ms FROM chain AS c LEFT JOIN hole AS h USING (center, agent, epoch)"
        " GROUP BY c.center, c.agent, c.epoch ORDER BY c.center, c.agent, c.epoch"
    )
    return [
        ChainCount(
            center=row[0],
            agent=row[1],
            epoch=row[2],
            next_sequence=row[3],
            missing=row[4],
            counted=row[5],
            uncounted=row[6],
            last_recorded_ms=row[7],
        )
        for row in rows
    ]
