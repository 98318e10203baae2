"""A folder with many centers alike: one is projected from signed statements, the others are its rows under other names.

Every row of a clone is its own, lists included (no two centers share a body), and log indexes interleave as if all
centers had spoken in turn.
"""

import itertools
import json
import shutil
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.grown_center import Day, days_of, grown_sources
from ccmm_collector.fold import Fold, KeptFolds
from ccmm_collector.log import EvidenceLog
from ccmm_collector.packs import activate_pack, built_in
from ccmm_collector.projection import FILE, Projection
from ccmm_collector.schema import LOG_FILE
from ccmm_collector.transaction import Transaction
from ccmm_proto.chain import SCHEMA, ZERO
from ccmm_proto.envelope import STATEMENT_TYPE, parse_envelope, sign_envelope
from ccmm_proto.period import DAY_MS
from ccmm_proto.v1 import statement_pb2 as pb
from ccmm_proto.v1.service_pb2 import Act, ScopeAnswer
from tests.unit.rules.center_facts import NOW, SCOPE, ms

CENTER = "center-0000"


def name_of(number: int) -> str:
    """The name of a clone; 0 is the center that was projected."""
    return f"center-{number:04d}"


def one_center(folder: Path, profile: Mapping[str, object] = SCOPE) -> str:
    """A folder with a log and the projection of one grown center, the pack cc_cmm in force; the log's id."""
    folder.mkdir(parents=True)
    with EvidenceLog.create(folder, clock=lambda: ms(NOW) - 400 * DAY_MS) as log:
        activate_pack(folder, log, built_in())
        for key, value in profile.items():
            log.append_act(Act(scope_answer=ScopeAnswer(center=CENTER, key=key, value_json=json.dumps(value))))
        days = list(days_of(grown_sources()))
        log.write(lambda transaction: _append(transaction, days)).result()
        projection = Projection.open(folder, log_id=log.log_id)
        while entries := log.entries(after=projection.position, limit=200):
            projection.apply(entries)
        while projection.tend():
            pass
        projection.close()
        return log.log_id


def _append(transaction: Transaction, days: Iterable[Day]) -> None:
    key, previous = Ed25519PrivateKey.generate(), ZERO
    for sequence, day in enumerate(days):
        statement = pb.Statement(schema=SCHEMA, center=CENTER, agent="a1", sequence=sequence, previous=previous)
        statement.created_ms = day.to_ms
        statement.run.CopyFrom(run_of(day, sequence))
        envelope = sign_envelope(STATEMENT_TYPE, statement.SerializeToString(), key)
        opened = parse_envelope(envelope)
        transaction.recorded_ms = max(transaction.recorded_ms, day.to_ms + 300_000)
        transaction.append_statement(envelope, opened, statement, counted=True, holds=True)
        previous = opened.digest


def run_of(day: Day, number: int) -> pb.Run:
    """A run that says what a day says."""
    return pb.Run(
        source=day.source,
        plugin="bench",
        run_id=str(number),
        part=1,
        parts=1,
        outcome=pb.OBSERVED,
        due_ms=day.to_ms,
        started_ms=day.to_ms,
        finished_ms=day.to_ms,
        covers=pb.Span(from_ms=day.from_ms, to_ms=day.to_ms),
        every_s=86_400,
        feeds=day.feeds,
        pseudonym_key_id="k1",
        observations=day.observations,
    )


def clone(folder: Path, one: Path, centers: int) -> None:
    """The log and pack of `one` with the rows of its center under so many names."""
    folder.mkdir(parents=True)
    for name in ("packs", "keys"):
        (folder / name).symlink_to(one / name)
    _copy_log(folder / LOG_FILE, one / LOG_FILE, centers)
    with sqlite3.connect(one / FILE) as source:
        (log_id,) = source.execute("SELECT log_id FROM position").fetchone()
    Projection.open(folder, log_id=log_id).close()
    connection = sqlite3.connect(folder / FILE, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("ATTACH ? AS one", (str(one / FILE),))
    connection.execute("BEGIN")
    tables = connection.execute(
        "SELECT name FROM one.sqlite_master WHERE type = 'table'"
        " AND substr(name, 1, 1) <> '_' AND name NOT LIKE 'sqlite%' AND name <> 'position'"
    ).fetchall()
    for (table,), number in itertools.product(tables, range(centers)):
        connection.execute(_copying(connection, table, number, centers))
    _fold_anew(connection, centers)
    connection.execute(f"UPDATE position SET log_index = (SELECT log_index FROM one.position) * {centers} + {centers}")
    connection.execute("COMMIT")
    connection.close()


def _copy_log(path: Path, one: Path, centers: int) -> None:
    """The newest entry alone, at an index above all rows of the clones: what is appended comes after them."""
    shutil.copyfile(one, path)
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM entry WHERE log_index < (SELECT max(log_index) FROM entry)")
        connection.execute(f"UPDATE entry SET log_index = log_index * {centers} + {centers}")


def _fold_anew(connection: sqlite3.Connection, centers: int) -> None:
    """The folds again, for they hold numbers of sources and log indexes."""
    connection.execute("DELETE FROM fold")
    kept = KeptFolds(connection)
    for number in range(centers):
        fold = Fold()
        fold.up_to(connection, name_of(number), 1 << 62)
        (fold.index,) = connection.execute(
            "SELECT max(log_index) FROM entry WHERE center = ?", (name_of(number),)
        ).fetchone()
        kept.keep(name_of(number), fold)
    kept.write()


def _copying(connection: sqlite3.Connection, table: str, number: int, centers: int) -> str:
    """One table's rows under another name and other numbers; those of no center are copied once."""
    chosen = []
    for _, name, type_, *_ in connection.execute(f"PRAGMA one.table_info({table})").fetchall():
        if type_ == "INTEGER" and name in ("log_index", "series", "source", "id"):
            chosen.append(f"{name} * {centers} + {number}")
        elif name == "center":
            chosen.append(f"CASE center WHEN '' THEN '' ELSE '{name_of(number)}' END")
        elif (table, name) in (("listing", "body"), ("body", "sha256")):
            chosen.append(f"CAST({name} || x'{number:08x}' AS BLOB)")
        else:
            chosen.append(name)
    only = {"activation": "0", "entry": "center <> ''"}.get(table, "1") if number else "1"
    return f"INSERT INTO main.{table} SELECT {', '.join(chosen)} FROM one.{table} WHERE {only}"
