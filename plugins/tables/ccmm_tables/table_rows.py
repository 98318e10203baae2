"""One reading of a table: its rows as entries, occurrences or counts; and what the cursor remembers of it."""

import json
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ccmm_agent.delimited import BadTable
from ccmm_agent.facts import inventory, occurrence
from ccmm_agent.plugin import Done, Observation
from ccmm_proto.kinds import Form
from ccmm_tables.columns import Row
from ccmm_tables.counts import Counts, Dimensions, state
from ccmm_tables.declared import left_out_told
from ccmm_tables.mapping import TableMapping
from ccmm_tables.opened import Opened

INSTANT = timedelta(seconds=1)  # what a first list vouches for before its export
CURSOR_VERSION = 1
PLANNED = ("forecast_contacts",)  # measures of days that are still to come


class TableReading:
    """Goes over the rows once. Every method raises BadTable; `rows`, `as_of` and `earliest` are whole at the end."""

    def __init__(self, opened: Opened, mapping: TableMapping) -> None:
        self.rows = 0
        self.left_out = 0
        self.earliest: datetime | None = None
        self._rows = opened.rows
        self._mapping = mapping
        self._times = opened.times
        self._exported = opened.as_of
        self._newest: datetime | None = None
        self._keys: dict[str, int] = {}

    @property
    def as_of(self) -> datetime:
        """When the table was exported: the file's time of change, or the newest time of its `as_of` column before."""
        if self._mapping.as_of is None or not self.rows:
            return self._exported
        if self._newest is None:
            raise BadTable("no row says when it was exported", column=self._mapping.as_of)
        return min(self._newest, self._exported)

    @property
    def told(self) -> str:
        """For the detail of a run: how many rows it did not take; whole at the end."""
        return left_out_told(self.left_out)

    def entries(self) -> Iterator[tuple[str, Mapping[str, object]]]:
        """(key, attributes) of an inventory; a key that stands twice is an error."""
        for row in self._wanted():
            yield self._key(row), self._mapping.declared.attributes(row, self._times)

    def occurrences(self) -> Iterator[Observation]:
        """One occurrence a row; an id that stands twice is an error."""
        for row in self._wanted():
            key, started = self._key(row), self._start(row)
            ended = self._mapping.end_of(row, self._times, started)
            attributes = self._mapping.declared.attributes(row, self._times)
            yield occurrence(self._mapping.word, key, started, ended, **attributes)

    def counts(self) -> Counts:
        """All rows, counted."""
        counts = Counts()
        for row in self._wanted():
            counts.add(
                self._start(row), self._mapping.declared.attributes(row, self._times), self._mapping.count_of(row)
            )
        return counts

    def dated(self) -> Iterator[tuple[Row, datetime, Dimensions]]:
        """Each row with its time and its dimensions, sorted by name."""
        for row in self._wanted():
            found = self._mapping.declared.attributes(row, self._times)
            yield row, self._start(row), tuple(sorted((name, str(value)) for name, value in found.items()))

    def read_all(self) -> None:
        """Every row, for its errors."""
        if self._mapping.form is Form.INVENTORY:
            for _ in self.entries():
                pass
        elif self._mapping.form is Form.OCCURRENCE:
            for _ in self.occurrences():
                pass
        else:
            self.counts()

    def _wanted(self) -> Iterator[Row]:
        for raw in self._rows:
            row = self._mapping.declared.cleaned(raw)
            if not self._mapping.declared.is_wanted(row):
                self.left_out += 1
                continue
            self.rows += 1
            told = self._mapping.exported(row, self._times)
            self._newest = max(filter(None, (self._newest, told)), default=None)
            yield row

    def _key(self, row: Row) -> str:
        key = self._mapping.key_of(row)
        spelled = key.strip().casefold()
        if spelled in self._keys:
            raise BadTable(f"row {self._keys[spelled]} has the same key: name more columns in `key`", row=row.number)
        self._keys[spelled] = row.number
        return key

    def _start(self, row: Row) -> datetime:
        started = self._mapping.start_of(row, self._times)
        self.earliest = min(filter(None, (self.earliest, started)))
        return started


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What earlier runs stated. `next_row` > 0: the rows of this file from there on are still to be stated."""

    as_of: datetime | None = None  # the time up to which was vouched
    digest: str = ""  # SHA-256 of the file
    rows: int = 0
    next_row: int = 0
    days: Mapping[int, tuple[str, int]] = field(default_factory=dict)

    def to_cursor(self) -> bytes:
        """For `parse_stated`."""
        as_of = None if self.as_of is None else self.as_of.timestamp()
        days = {str(day): list(stated) for day, stated in self.days.items()}
        return json.dumps([CURSOR_VERSION, as_of, self.digest, self.rows, self.next_row, days]).encode()


def parse_stated(cursor: bytes) -> Stated:
    """From a cursor; from anything else that nothing was stated yet: it is stated again then, which harms nothing."""
    try:
        version, as_of, digest, rows, next_row, days = json.loads(cursor)
        if version != CURSOR_VERSION:
            return Stated()
        return Stated(
            as_of=None if as_of is None else datetime.fromtimestamp(as_of, UTC),
            digest=str(digest),
            rows=int(rows),
            next_row=int(next_row),
            days={int(day): (str(digest), int(revision)) for day, (digest, revision) in days.items()},
        )
    except (ValueError, TypeError, AttributeError, OverflowError, OSError, RecursionError):
        return Stated()


def covers(stated: Stated, reading: TableReading, until: datetime) -> tuple[datetime, datetime]:
    """The time that this run vouches for: from where the last one ended, or from the first row, up to the export.

    A table that only keeps the last weeks, and begins after the last run's end, leaves the time between uncovered.
    """
    if stated.as_of is None:
        begin = reading.earliest or until - INSTANT
    else:
        begin = stated.as_of
        if stated.rows and reading.earliest is not None:
            begin = max(begin, reading.earliest)
    return min(begin, until), until


def whole_list(kind: str, reading: TableReading, stated: Stated, digest: str) -> Generator[Observation, None, Done]:
    """An inventory: all rows as of the export."""
    entries = list(reading.entries())
    yield inventory(kind, reading.as_of, entries)
    return done_of(stated, reading, digest)


def counted(measure: str, reading: TableReading, stated: Stated, digest: str) -> Generator[Observation, None, Done]:
    """A plan is stated for the days to come too; of what happened only days that are over."""
    counts = reading.counts()
    if measure in PLANNED:
        until = reading.as_of
        found, days = state(measure, counts, stated.days, None)
    else:
        until = reading.as_of.replace(hour=0, minute=0, second=0, microsecond=0)
        found, days = state(measure, counts, stated.days, until)
    yield from found
    return done_of(stated, reading, digest, until, days)


def done_of(
    stated: Stated,
    reading: TableReading,
    digest: str,
    until: datetime | None = None,
    days: Mapping[int, tuple[str, int]] | None = None,
) -> Done:
    """All was read: what this run vouches for, and what it stated."""
    span = covers(stated, reading, until or reading.as_of)
    after = Stated(as_of=span[1], digest=digest, rows=reading.rows, days=days or {})
    return Done(span, after.to_cursor(), detail=reading.told)
