"""DIR/projections.sqlite: the log as rows. One writer brings it up to date, any number of readers ask beside it.

projection = Projection.open(dir, log_id=log.log_id)
projection.apply(log.entries(after=projection.position, limit=500, upto=None))
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sqlite_utils import Database

from ccmm_collector import projection_sql as sql
from ccmm_collector.bundles import Bundles
from ccmm_collector.day_notes import DayNotes
from ccmm_collector.day_sums import DaySums
from ccmm_collector.fold import Fold, KeptFolds
from ccmm_collector.log import LogEntry
from ccmm_collector.project import (
    ALL,
    Part,
    Rows,
    SeriesKey,
    SourceKey,
    project_run,
    project_statement,
)
from ccmm_collector.project_acts import project_act
from ccmm_collector.projection_tables import SCHEMA
from ccmm_collector.wal import Wal
from ccmm_proto.envelope import parse_envelope
from ccmm_proto.errors import BadConfig
from ccmm_proto.period import HOUR_MS
from ccmm_proto.v1.service_pb2 import Act
from ccmm_proto.v1.statement_pb2 import Statement
from ccmm_proto.wire import parse_message

FILE = "projections.sqlite"
TENDED = 500  # days of a series, days of rolls, at a time
SETTLED_MS = 30 * HOUR_MS  # after its beginning a day is over, and little of it is still to come
_BUSY_MS = 10_000


class LogMismatch(BadConfig):
    """The projection was made from another log: run `rebuild`."""


def connect(path: Path, *, readonly: bool) -> sqlite3.Connection:
    """A connection in WAL mode whose transactions are written out by hand; read-only needs an existing file."""
    uri = f"{path.absolute().as_uri()}?mode={'ro' if readonly else 'rwc'}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    connection.execute("PRAGMA cache_size = -65536")
    if not readonly:
        connection.execute("PRAGMA journal_mode = WAL")
        # Lost with the power, the last transactions are simply projected again: the log is the truth and fully synced.
        connection.execute("PRAGMA synchronous = NORMAL")
    return connection


@dataclass(frozen=True, slots=True)
class View:
    """One center as known at an index. `is_newest`: nothing more is known of it yet, so results may be kept."""

    projection: "Projection"
    center: str
    index: int
    is_newest: bool


class Projection:
    """The rows made from one log up to `position`."""

    def __init__(self, connection: sqlite3.Connection, *, readonly: bool) -> None:
        """Use `open`."""
        self.connection = connection
        self._sources: dict[SourceKey, int] = {}
        self._series: dict[SeriesKey, int] = {}
        self.sums = DaySums(connection)
        self.bundles = Bundles(connection)
        self.notes = DayNotes(connection, readonly=readonly)
        self._folds = KeptFolds(connection)
        self._readonly = readonly
        self._wal = Wal(connection)

    @classmethod
    def open(cls, folder: Path, *, log_id: str, readonly: bool = False, file: str = FILE) -> Self:
        """The projection in a folder, made or migrated unless read-only; raises LogMismatch."""
        connection = connect(folder / file, readonly=readonly)
        if not readonly:
            SCHEMA.apply(Database(connection))
            connection.execute("INSERT OR IGNORE INTO position VALUES (0, ?, -1)", (log_id,))
        projection = cls(connection, readonly=readonly)
        (found,) = connection.execute("SELECT log_id FROM position").fetchone()
        if found != log_id:
            connection.close()
            raise LogMismatch(f"{folder / file} was made from log {found}, not from {log_id}")
        return projection

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()

    @property
    def position(self) -> int:
        """The index of the last entry projected; -1 for none."""
        return int(self.connection.execute(sql.POSITION).fetchone()[1])

    def apply(self, entries: Sequence[LogEntry]) -> dict[str, set[str]]:
        """Project the entries that come next, in one transaction with the new position.

        Gives the centers they concern, and of each the feeds that something came of, or ALL.
        """
        if not entries:
            return {}
        rows = Rows()
        with self._writing():
            log_id, position = self.connection.execute(sql.POSITION).fetchone()
            self.sums.write()  # before the new rows, which empty those of their days
            self.notes.write()
            for entry in entries:
                if entry.index > position:
                    self._project(rows, entry, log_id)
            self._write(rows)
            self.connection.execute(sql.SET_POSITION, (log_id, max(position, entries[-1].index)))
        self._wal.shorten()
        return {center: feeds for center, feeds in rows.feeds.items() if center}

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction. A crash before its end leaves the old position and none of the rows."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            self._sources.clear()  # numbers given in the lost transaction
            self._series.clear()
            self.sums.forget()
            raise

    def _project(self, rows: Rows, entry: LogEntry, log_id: str) -> None:
        payload = parse_envelope(entry.envelope).payload
        rows.add("entry", entry.index, entry.recorded_ms, entry.center)
        rows.bring(entry.center, (ALL,) if entry.kind == "act" else ())
        if entry.kind == "act":
            project_act(rows, parse_message(Act, payload), entry.index, log_id)
        elif entry.counted:
            part = Part(parse_message(Statement, payload), entry.index, entry.recorded_ms)
            project_statement(rows, part)
            if part.statement.WhichOneof("body") == "run":
                if part.statement.run.parts == 1:
                    project_run(rows, [part])
                else:
                    self._gather(rows, part, payload)

    def _gather(self, rows: Rows, part: Part, payload: bytes) -> None:
        """Keep a part until its run is complete, then project the whole run."""
        statement, run = part.statement, part.statement.run
        key = (statement.center, statement.agent, statement.epoch, f"{run.source}/{run.run_id}")
        execute = self.connection.execute
        execute(
            sql.ADD_PART,
            (*key, run.part, run.parts, part.log_index, part.recorded_ms, statement.sequence, payload),
        )
        if execute(sql.COUNT_PARTS, (*key, run.parts)).fetchone()[0] < run.parts:
            return
        held = execute(sql.PARTS, (*key, run.parts)).fetchall()
        project_run(rows, [Part(parse_message(Statement, row[4]), row[1], row[2]) for row in held])
        execute(sql.DROP_PARTS, key)

    def _write(self, rows: Rows) -> None:
        many = self.connection.executemany
        for table, plain in rows.plain.items():
            many(sql.INSERTS[table], plain)
        for table, pairs in rows.of_source.items():
            many(sql.INSERTS[table], [(self._source(source), *row) for source, row in pairs])
        for center, key, *_ in rows.plain.get("answer", ()):
            if key == "zone":
                self.sums.forget(str(center))
        numbered = [
            (key[0][0], self._series.get(key) or self._new_series(key), found) for key, found in rows.slots.items()
        ]
        many(sql.INSERTS["measure"], [(number, *row) for _, number, found in numbered for row in found])
        self._folds.touch([str(row[2]) for row in rows.plain.get("entry", ()) if row[2]])
        self.bundles.touch([(self._source(source), row) for source, row in rows.of_source.get("roll", ())])
        self.sums.touch((center, number, [(row[0], row[3]) for row in found]) for center, number, found in numbered)

    def _source(self, key: SourceKey) -> int:
        number = self._sources.get(key)
        if number is None:
            found = self.connection.execute(sql.SOURCE_ID, key).fetchone()
            number = found[0] if found else self._insert(sql.ADD_SOURCE, key)
            self._sources[key] = number
        return number

    def _new_series(self, key: SeriesKey) -> int:
        source, measure, period_s, dimensions = key
        row = (source[0], measure, self._source(source), json.dumps(dimensions, ensure_ascii=False), period_s)
        found = self.connection.execute(sql.SERIES_ID, row).fetchone()
        number = self._series[key] = found[0] if found else self._insert(sql.ADD_SERIES, row)
        return number

    def _insert(self, statement: str, row: tuple[object, ...]) -> int:
        number = self.connection.execute(statement, row).lastrowid
        if number is None:
            raise sqlite3.DatabaseError("no row number after an insert")
        return number

    def tend(self, limit: int = TENDED) -> bool:
        """While nothing arrives: write the sums that reading has made, and sum days that are over; False: none is left.

        Nothing that is read depends on it, only how long reading takes.
        """
        if self._readonly:
            return False
        over_ms = self.recorded_ms(self.position) - SETTLED_MS
        self.sums.fill(over_ms, limit)
        self.bundles.fill(over_ms, limit)
        self._folds.fill(self.position)
        return self.keep()

    def keep(self) -> bool:
        """Write what reading has made; False: nothing. Each names what it rests on, so that it is never stale."""
        kept = (self.sums, self.bundles, self._folds, self.notes)
        if not any(one.fresh for one in kept):
            return False
        with self._writing():
            for one in kept:
                one.write()
        return True

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """One look: what another process projects meanwhile is not seen inside, and nothing may be written."""
        self.connection.execute("BEGIN")
        try:
            yield
        finally:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")

    def keep_fold(self, center: str, fold: Fold) -> None:
        """Keep a fold of all that is known of a center; a reader keeps nothing."""
        if not self._readonly:
            self._folds.keep(center, fold)

    def view(self, center: str, index: int) -> View:
        """The center as known at an index of the log; the view's own index is that of the newest entry about it."""
        known = self.center_index(center, index)[0]
        return View(self, center, known, is_newest=known == self.center_index(center, self.position)[0])

    def rows(self, query: str, *values: object) -> list[Any]:
        """All rows of one of the queries in projection_sql."""
        return self.connection.execute(query, values).fetchall()

    def index_at(self, known_ms: int) -> int:
        """The highest index recorded by an instant; -1 for none."""
        (index,) = self.connection.execute(sql.INDEX_AT, (known_ms,)).fetchone()
        return -1 if index is None else int(index)

    def center_index(self, center: str, index: int) -> tuple[int, int]:
        """Index and recorded time of the newest entry about a center, as known at an index; (-1, 0) for none."""
        row = self.connection.execute(sql.CENTER_INDEX, (center, index)).fetchone()
        return (int(row[0]), int(row[1])) if row else (-1, 0)

    def recorded_ms(self, index: int) -> int:
        """When an entry was recorded; 0 where there is none."""
        row = self.connection.execute(sql.RECORDED, (index,)).fetchone()
        return int(row[0]) if row else 0

    def centers(self, index: int) -> list[str]:
        """Every center that an entry concerns, sorted."""
        return [row[0] for row in self.rows(sql.CENTERS, index)]

    def activation(self, index: int) -> tuple[str, str, bytes] | None:
        """Name, version and digest of the pack in force at an index."""
        row = self.connection.execute(sql.ACTIVATION, (index,)).fetchone()
        return (row[0], row[1], row[2]) if row else None
