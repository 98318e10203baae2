"""A folder with many centers alike: one is projected from signed statements, the others are its rows under other names.

Every row of a clone is its own, lists included (no two centers share a body), and log indexes interleave as if all
centers had spoken in turn.
"""

import json
import shutil
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.grown_center import Day, days_of, grown_sources
from ccmm_collector.fold import KeptFolds, kept_fold
from ccmm_collector.judging import Judge
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
# What is lost with the power is made again.
FOR_BULK = ("journal_mode = OFF", "synchronous = OFF", "cache_size = -262144")


def name_of(number: int) -> str:
    """The name of a clone; 0 is the center that was projected."""
    return f"center-{number:04d}"


def one_center(folder: Path, profile: Mapping[str, object] = SCOPE) -> str:
    """A folder with a log and the projection of one grown center, judged once by the pack cc_cmm; the log's id."""
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
        _note_days(folder, log)
        return log.log_id


def _note_days(folder: Path, log: EvidenceLog) -> None:
    """The projection keeps what the rules made of past days, as it does wherever a center was ever judged."""
    with Judge(folder, log) as judge:
        judge.judge_center(CENTER)
        while judge.projection.tend():
            pass


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
    for pragma in FOR_BULK:
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("ATTACH ? AS one", (str(one / FILE),))
    connection.execute("BEGIN")
    indexes = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql <> '' AND substr(tbl_name, 1, 1) <> '_'"
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    _copy_rows(connection, centers)
    for _, sql in indexes:
        connection.execute(sql)
    _keep_folds(connection, one, centers)
    connection.execute(f"UPDATE position SET log_index = (SELECT log_index FROM one.position) * {centers} + {centers}")
    connection.execute("COMMIT")
    connection.close()


def _copy_log(path: Path, one: Path, centers: int) -> None:
    """The newest entry alone, at an index above all rows of the clones: what is appended comes after them."""
    shutil.copyfile(one, path)
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM entry WHERE log_index < (SELECT max(log_index) FROM entry)")
        connection.execute(f"UPDATE entry SET log_index = log_index * {centers} + {centers}")


def _keep_folds(connection: sqlite3.Connection, one: Path, centers: int) -> None:
    """The center's kept fold for each clone, with its numbers of sources and its log indexes."""
    kept = KeptFolds(connection)
    (sources,) = connection.execute("SELECT max(id) FROM one.source").fetchone()
    (newest,) = connection.execute("SELECT max(log_index) FROM one.fold").fetchone()
    with sqlite3.connect(one / FILE) as source:
        for number in range(centers):
            fold = kept_fold(source, CENTER, newest)
            fold.index = newest * centers + number
            fold.runs = {number * sources + own: runs for own, runs in fold.runs.items()}
            for coverage in [coverage for runs in fold.runs.values() for coverage in runs.by_feeds.values()]:
                coverage.log_index = coverage.log_index * centers + number
            kept.keep(name_of(number), fold)
        kept.write()


def _copy_rows(connection: sqlite3.Connection, centers: int) -> None:
    """All rows of the center under each name, every table in the order of its key: appended, never put in between."""
    connection.execute("CREATE TEMP TABLE clone (number INTEGER PRIMARY KEY, name TEXT, tag BLOB)")
    named = [(number, name_of(number), number.to_bytes(4, "big")) for number in range(centers)]
    connection.executemany("INSERT INTO clone VALUES (?,?,?)", named)
    tables = connection.execute(
        "SELECT name FROM one.sqlite_master WHERE type = 'table'"
        " AND substr(name, 1, 1) <> '_' AND name NOT LIKE 'sqlite%' AND name NOT IN ('position', 'fold')"
    ).fetchall()
    for (table,) in tables:
        connection.execute(_copying(connection, table, centers))


def _copying(connection: sqlite3.Connection, table: str, centers: int) -> str:
    """One table's rows under other names and other numbers; those of no center are copied once.

    Sources and series of a center have numbers of their own in a row, log indexes those of all centers in turn.
    """
    columns = connection.execute(f"PRAGMA one.table_info({table})").fetchall()
    chosen = ", ".join(_column(table, name, type_, centers) for _, name, type_, *_ in columns)
    only = {"activation": "number = 0", "entry": "number = 0 OR center <> ''"}.get(table, "TRUE")
    is_in_turn = table in ("entry", "body")
    joined = f"one.{table} CROSS JOIN clone" if is_in_turn else f"clone CROSS JOIN one.{table}"
    order = "ORDER BY sha256, number" if table == "body" else ""
    return f"INSERT INTO main.{table} SELECT {chosen} FROM {joined} WHERE {only} {order}"


def _column(table: str, name: str, type_: str, centers: int) -> str:
    if (table, name) in (("listing", "body"), ("body", "sha256")):
        return f"CAST({name} || tag AS BLOB)"
    if name == "center":
        return "CASE center WHEN '' THEN '' ELSE name END"
    if type_ == "INTEGER" and name == "log_index":
        return f"log_index * {centers} + number"
    numbered = {"id": table, "source": "source", "series": "series"}.get(name) if type_ == "INTEGER" else None
    return f"number * (SELECT max(id) FROM one.{numbered}) + {name}" if numbered else name
