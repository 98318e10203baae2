"""The evidence log's file (`log.sqlite`): its schema, its migrations, and how a connection to it is set up."""

import sqlite3
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.db import Table
from sqlite_utils.migrations import Migrations

LOG_FILE = "log.sqlite"
BUSY_SECONDS = 10.0
WAL_PAGES = 4000  # between checkpoints: about 16 MiB

migrations = Migrations("evidence_log")


@migrations(name="0001_first")
def _first(db: Database) -> None:
    entry = _table(db, "entry")
    entry.create(
        {
            "log_index": int,
            "recorded_ms": int,
            "kind": str,
            "counted": int,
            "center": str,
            "agent": str,
            "epoch": int,
            "sequence": int,
            "holds": int,
            "created_ms": int,
            "digest": bytes,
            "previous": bytes,
            "leaf": bytes,
            "envelope": bytes,  # last: what stands before it is read without its overflow pages
        },
        pk="log_index",
        not_null={"recorded_ms", "kind", "counted", "center", "agent", "digest", "leaf", "envelope"},
    )
    # Every look into a chain is one seek, forks included, however long the log grows. Acts are in no chain.
    db.execute(
        "CREATE INDEX entry_chain ON entry (center, agent, epoch, holds, sequence, digest) WHERE kind = 'statement'"
    )
    # One statement per number of a chain holds it, whatever a bug or a race would have.
    db.execute("CREATE UNIQUE INDEX entry_number ON entry (center, agent, epoch, sequence) WHERE holds = 1")
    _create_chains(db)
    _create_agents(db)
    token = {"token_sha256": bytes, "center": str, "agent": str, "expires_ms": int, "spent_key": bytes}
    _table(db, "token").create(token, pk="token_sha256")
    refusal = {"center": str, "agent": str, "name": str, "count": int, "last_ms": int}
    _table(db, "refusal").create(refusal, pk=("center", "agent", "name"))
    _table(db, "setting").create({"name": str, "value": str}, pk="name")


def _create_chains(db: Database) -> None:
    chain = {"center": str, "agent": str, "epoch": int, "next_sequence": int, "counted": int, "uncounted": int}
    _table(db, "chain").create({**chain, "last_recorded_ms": int}, pk=("center", "agent", "epoch"))
    hole = {"center": str, "agent": str, "epoch": int, "from_sequence": int, "to_sequence": int}
    _table(db, "hole").create(hole, pk=("center", "agent", "epoch", "from_sequence"))


def _create_agents(db: Database) -> None:
    _table(db, "agent").create(
        {
            "center": str,
            "agent": str,
            "evidence_key": bytes,
            "certificate_serial": str,
            "not_after_ms": int,
            "enrolled_index": int,
            "revoked_index": int,  # NULL: not revoked
            "revoked_reason": str,
            "changed_index": int,
        },
        pk=("center", "agent"),
        not_null={"evidence_key", "enrolled_index", "changed_index"},
    )
    _table(db, "agent").create_index(["evidence_key"], unique=True)
    _table(db, "agent").create_index(["changed_index"])


def _table(db: Database, name: str) -> Table:
    table = db[name]
    assert isinstance(table, Table)
    return table


def create(path: Path, log_id: str) -> None:
    """An empty store for this log at `path`, readable by its owner only."""
    path.touch(mode=0o600)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    migrate(path)
    connection = connect(path)
    connection.execute("INSERT INTO setting (name, value) VALUES ('log_id', ?)", (log_id,))
    connection.close()


def migrate(path: Path) -> None:
    """Bring the store's schema to this version."""
    db = Database(path)
    migrations.apply(db)
    db.close()


def connect(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode that any one thread at a time may use; the file must exist."""
    uri = f"{path.resolve().as_uri()}?mode={'ro' if readonly else 'rw'}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = FULL")  # a committed transaction survives a power cut
    connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
    return connection
