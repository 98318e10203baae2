"""Rows of a database, from the options: where it is, what is asked, how many rows are believed."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from ccmm_agent.delimited import BadTable
from ccmm_agent.plugin import CheckLine, Manifest, Options, Reason, SourceUnavailable, Window
from ccmm_agent.secret_file import password_line
from ccmm_tables.columns import Cell, Row
from ccmm_tables.opened import Opened, Span, Written
from ccmm_tables.sql_database import Database, Wanted
from ccmm_tables.sql_place import Place
from ccmm_tables.sql_query import Growing, Mark, Query

MAX_ROWS = 1_000_000
_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])", re.ASCII)
MARGIN = timedelta(days=1)  # round a span: more than zones and clock changes move a day


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseRows:
    """Rows of one query or table. `growing`: only what is new along a column is asked for (source `sql`)."""

    place: Place
    query: Query
    growing: Growing | None
    row_limit: int
    written: Written

    @classmethod
    def from_options(
        cls, options: Options, *, growing: Growing | None = None, spans: bool = False, rows: int = 100_000
    ) -> Self:
        """`spans`: rows are asked for by days, so that the query may have :since and :until. Raises BadOption."""
        return cls(
            place=Place.from_options(options),
            query=Query.from_options(options, growing, spans=spans),
            growing=growing,
            row_limit=options.whole("row_limit", min(rows, 100_000), least=1, most=rows),
            written=Written.from_options(options),
        )

    @property
    def name(self) -> str:
        """For people."""
        return self.place.name

    def manifest(self) -> Manifest:
        """What reading them needs."""
        return self.place.manifest()

    def database(self, window: Window) -> Database:
        """A snapshot, to be entered."""
        return Database(self.place, self.query, window.now, self.written.zone_in(window))

    @contextmanager
    def opened(self, window: Window, columns: tuple[str, ...], span: Span | None = None) -> Iterator[Opened]:
        """The rows of these columns. Whatever goes wrong inside becomes SourceUnavailable."""
        with self.database(window) as database, self.told():
            yield self._opened(database, window, columns, span)

    @contextmanager
    def told(self) -> Iterator[None]:
        """A BadTable inside becomes SourceUnavailable."""
        try:
            yield
        except BadTable as error:
            raise SourceUnavailable(Reason.UNREADABLE, f"{self.name}: {error}") from error

    def within_limit(self, rows: Iterable[Row]) -> Iterator[Row]:
        """More rows than `row_limit` are LIMITED, never a shorter list."""
        for row in rows:
            if row.number > self.row_limit:
                what = f"more than {self.row_limit} rows: a narrower query, `row_limit`, or `since_column`"
                raise SourceUnavailable(Reason.LIMITED, f"{self.name}: {what}")
            yield row

    def check(
        self,
        window: Window,
        columns: tuple[str, ...],
        look: Callable[[Opened], Iterable[CheckLine]],
        span: Span | None = None,
    ) -> Iterator[CheckLine]:
        """Reachable, what `look` says of the rows, rights."""

        def look_into(database: Database) -> Iterable[CheckLine]:
            return look(self._opened(database, window, columns, span))

        return self.check_database(window, columns, look_into)

    def check_database(
        self, window: Window, columns: tuple[str, ...], look: Callable[[Database], Iterable[CheckLine]]
    ) -> Iterator[CheckLine]:
        """As `check`, where `look` asks the database itself."""
        place = self.place
        if place.password_file is not None:
            yield password_line(place.password_file)
            if not place.tls:
                yield CheckLine("warning", "TLS", "password and rows cross the network as they are: leave out `tls`")
        with self.database(window) as database:
            yield CheckLine("ok", "log-in", f"{place.name} answers: {place.make} {database.version}".rstrip())
            told = database.clock_told
            yield CheckLine("warning" if told else "ok", "clock", told or "the database's clock agrees with ours")
            try:
                yield from list(look(database))
            except BadTable as error:
                yield CheckLine("failed", "rows", error.told_here())
                return
            yield CheckLine("ok", "columns", f"read are {', '.join(columns)}, and no other")
            yield _rights_line(database.rights_to_write(), place)

    def _opened(self, database: Database, window: Window, columns: tuple[str, ...], span: Span | None) -> Opened:
        ends = None
        wanted = Wanted(columns=columns, limit=self.row_limit + 1)
        if span is not None:
            low, high = self._marks(span, self.written.zone_in(window))
            if database.has_null(span.column, low, high):
                raise BadTable("a row has no cell here: no run would ever read it", column=span.column)
            if cells := tuple(database.ends(span.column, low, high).cells.values()):
                ends = cells[0], cells[-1]
                for cell in ends:
                    self._refuse_other_order(cell, span.column)
            wanted = Wanted(columns=columns, limit=self.row_limit + 1, growing=span.column, low=low, high=high)
        rows = self.within_limit(database.rows(wanted))
        return Opened(rows, self.written.times(window), database.as_of, detail=database.clock_told, ends=ends)

    def _refuse_other_order(self, cell: Cell, column: str) -> None:
        """Cells that do not compare as their times do: a database would silently leave rows out."""
        if self.written.is_epoch:
            if isinstance(cell, str):
                raise BadTable('a text is not "epoch" or "epoch_ms": convert it in the query', column=column)
        elif isinstance(cell, str):
            if not _ISO_DAY.match(cell):
                raise BadTable("a text that is no ISO time is not in the order of time: convert it", column=column)
        elif not isinstance(cell, date):
            raise BadTable('a number is no time: time_formats = ["epoch"], or "epoch_ms"', column=column)

    def _marks(self, span: Span, zone: ZoneInfo) -> tuple[Mark, Mark]:
        """Whole days round the span: so texts of the ISO form compare as times do, and a column of days may stand."""
        low, high = (_midnight(span.low - MARGIN, zone), _midnight(span.high + 2 * MARGIN, zone))
        if self.written.is_epoch:
            scale = 1000 if "epoch_ms" in self.written.formats else 1
            return round(low.timestamp()) * scale, round(high.timestamp()) * scale
        return low.replace(tzinfo=None), high.replace(tzinfo=None)


def _midnight(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


def _rights_line(rights: int | None, place: Place) -> CheckLine:
    if place.path is not None:
        return CheckLine("ok", "rights", "the file is opened for reading only")
    if rights is None:
        return CheckLine("warning", "rights", "the database does not tell what else this account may do")
    if rights:
        return CheckLine("warning", "too many rights", f"this account may write ({rights} rights): GRANT SELECT only")
    return CheckLine("ok", "rights", "this account may only read")
