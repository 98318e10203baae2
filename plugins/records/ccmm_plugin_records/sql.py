"""The `sql` source: rows of any database as facts of one kind, or as counts of one measure.

It is `table` with rows that come from a query. What a run vouches for ends at the snapshot, by the database's clock
where that is behind ours. A row that cannot be read makes the whole run UNAVAILABLE, as in a table.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from datetime import datetime
from typing import ClassVar, Self

from ccmm_agent.delimited import BadTable, LocalTimes
from ccmm_agent.plugin import BadOption, CheckLine, Done, Manifest, Observation, Options, Source, Window, hookimpl
from ccmm_proto.kinds import Form
from ccmm_tables.mapping import TableMapping
from ccmm_tables.opened import Opened
from ccmm_tables.sql_database import Database, Wanted
from ccmm_tables.sql_query import Growing
from ccmm_tables.sql_rows import MAX_ROWS, DatabaseRows
from ccmm_tables.sql_seen import Fresh, Seen, parse_seen
from ccmm_tables.table_rows import INSTANT, Stated, TableReading, counted, covers, parse_stated, whole_list

BATCH_ROWS = 20_000  # of a growing column in one run; the rest follows at once
MAX_OCCURRENCES = 100_000  # without a growing column: as many rows are remembered


class Sql(Source):
    """Anything that a center keeps in a database."""

    plugin: ClassVar[str] = "sql"
    value: ClassVar[int] = 60
    example: ClassVar[str] = """
# Rows of a database as a list, as occurrences or as counts, by an account that may only read: docs/plugins/sql.md.
[[source]]
name = "roster-db"
plugin = "sql"
every = "1d"
url = "postgresql://hr.example:5432/hr"   # postgresql mysql mariadb mssql oracle://HOST:PORT/DATABASE, sqlite:////PATH
user = "ccmm_reader"
password_file = "/etc/ccmm/hr.password"   # readable for the agent's account only
query = "SELECT staff_no, status, hired, left_on FROM staff WHERE department = 'contact center'"
# table = "hr.staff"               # instead of `query`: a table or view
kind = "person"                    # an inventory or occurrence kind, or a counted measure (survey_answered ...)
key = "staff_no"                   # one column, or several; not for measures
# ca_file = "/etc/ccmm/hr-ca.pem"  # without it: the authorities that this machine trusts
# tls = false                      # inside a closed network only: `check` warns
# statement_timeout = "60s"
# row_limit = 100000               # more rows are LIMITED, never a shorter list
# started = "opened"               # occurrences and measures: when
# ended = "closed"                 # occurrences
# lasted = "duration"              # instead of `ended`: seconds, or an interval
# since_column = "changed_at"      # occurrences: an ever-growing column; only what is new is read
# since = "2026-01-01"             # where the first run begins: a time, or a number
# overlap = "2h"                   # how far behind the newest row late rows are looked for; of numbers 1000
# count = "contacts"               # measures: the column to add up; without it each row counts 1
# as_of = "loaded_at"              # a warehouse: a column with the time of its load
# zone = "Asia/Shanghai"           # of times without a zone; without it the center's
# time_formats = ["%d.%m.%Y %H:%M"]
# separator = ";"                  # between the words of one cell

[source.columns]                   # attribute = "column", or attribute = ["column", "column"]
active = "status"
joined = "hired"
left = "left_on"

[source.values.active]             # words of the column; "*" stands for every other word
"A" = true
"L" = false

# [source.constants]               # the same for every row
# site = "Chengdu"
# [source.absent]                  # texts that mean "nothing", in a column or in any
# "left_on" = ["9999-12-31"]
# [source.where]                   # only rows with one of these texts
# "department" = ["contact center"]
# [source.durations]               # columns with durations, counted in s, min, h or d
# worked_days = "d"
"""

    def __init__(self, mapping: TableMapping, rows: DatabaseRows) -> None:
        self._mapping = mapping
        self._rows = rows

    @property
    def feeds(self) -> tuple[str, ...]:
        return (self._mapping.word,)

    @classmethod
    def from_options(cls, options: Options) -> Self:
        mapping = TableMapping.from_options(options)
        growing = Growing.from_options(options)
        if growing is not None and mapping.form is not Form.OCCURRENCE:
            raise BadOption("since_column", "an occurrence kind: lists and counts are read whole")
        if growing is not None and mapping.as_of is not None:
            raise BadOption("as_of", "no `since_column` beside it: new rows do not tell of the load without any")
        whole = mapping.form is Form.OCCURRENCE and growing is None
        rows = MAX_OCCURRENCES if whole else MAX_ROWS
        return cls(mapping, DatabaseRows.from_options(options, growing=growing, rows=rows))

    def manifest(self) -> Manifest:
        return self._rows.manifest()

    def read(self, window: Window) -> Iterator[Observation | Done]:
        with self._rows.database(window) as database, self._rows.told():
            if self._mapping.form is Form.OCCURRENCE:
                done = yield from self._occurrences(database, parse_seen(window.cursor), window)
            else:
                stated, reading = parse_stated(window.cursor), self._reading(database, window)
                state = whole_list if self._mapping.form is Form.INVENTORY else counted
                done = yield from state(self._mapping.word, reading, stated, "")
            done = replace(done, detail="; ".join(filter(None, (database.clock_told, done.detail))))
        yield done

    def check(self, window: Window) -> Iterator[CheckLine]:
        def look(database: Database) -> Iterator[CheckLine]:
            reading = self._reading(database, window)
            reading.read_all()
            yield CheckLine("ok", "rows", f"{reading.rows} rows can be read as {self._mapping.word}")
            if reading.left_out:
                yield CheckLine("ok", "where", f"{reading.left_out} rows are left out by `where`")

        return self._rows.check_database(window, self._columns(), look)

    def _columns(self) -> tuple[str, ...]:
        growing = (self._rows.growing.column,) if self._rows.growing else ()
        return tuple(dict.fromkeys((*self._mapping.columns(), *growing)))

    def _times(self, window: Window) -> LocalTimes:
        return self._rows.written.times(window)

    def _reading(self, database: Database, window: Window) -> TableReading:
        """All rows of the query; with a growing column (in `check`) the first of them."""
        growing, times = self._rows.growing, self._times(window)
        if growing is None:
            rows = self._rows.within_limit(
                database.rows(Wanted(columns=self._columns(), limit=self._rows.row_limit + 1))
            )
            return TableReading(Opened(rows, times, database.as_of), self._mapping)
        fresh = self._fresh(database, Seen(), growing.begin, times)
        return TableReading(Opened(iter(fresh), times, database.as_of), self._mapping)

    def _fresh(self, database: Database, seen: Seen, low: int | datetime | None, times: LocalTimes) -> Fresh:
        """The rows of the query, whole; or along the growing column, as many new ones as one run takes."""
        growing, limit = self._rows.growing, self._rows.row_limit
        wanted = Wanted(columns=self._columns(), limit=limit + 1)
        if growing is None:
            return Fresh(self._rows.within_limit(database.rows(wanted)), seen, None, times, limit)
        if database.has_null(growing.column, low):
            raise BadTable("a row has no cell here: no run would ever read it", column=growing.column)
        limit = min(limit, BATCH_ROWS)
        most = limit + len(seen.known()) + 1  # rows that were stated before may all come again
        wanted = replace(wanted, growing=growing.column, low=low, order=self._mapping.key, limit=most)
        return Fresh(database.rows(wanted), seen, growing, times, limit)

    def _occurrences(self, database: Database, seen: Seen, window: Window) -> Generator[Observation, None, Done]:
        """What is new, and what changed: same id, newest words. Rows that were stated and are the same are not."""
        growing, times = self._rows.growing, self._times(window)
        low = None if growing is None else seen.low(growing)
        fresh = self._fresh(database, seen, low, times)
        reading = TableReading(Opened(iter(fresh), times, database.as_of), self._mapping)
        for observation in reading.occurrences():
            if not fresh.is_known:
                yield observation
        if growing is None:
            span = covers(Stated(as_of=seen.as_of, rows=seen.rows), reading, reading.as_of)
            after = Seen(as_of=span[1], rows=reading.rows, digests=fresh.digests({}, None))
            return Done(span, after.to_cursor(), detail=reading.told)
        return self._grown(growing, fresh, reading, seen, times)

    def _grown(self, growing: Growing, fresh: Fresh, reading: TableReading, seen: Seen, times: LocalTimes) -> Done:
        """The end of a run along a growing column: all of it was read, or a part (vouched for is the whole only)."""
        until, high = reading.as_of, fresh.high
        earliest = min(filter(None, (seen.earliest, reading.earliest)), default=None)
        if isinstance(high, datetime) and not fresh.is_full:
            high = min(high, until.astimezone(times.zone).replace(tzinfo=None))  # a row of the future holds up nothing
        begin = seen.as_of or _first(earliest, growing, times) or until - INSTANT
        if fresh.is_full:
            begin = until = min(seen.as_of or until, until)
        span = min(begin, until), until
        after = Seen(
            as_of=seen.as_of if fresh.is_full else until,
            earliest=earliest,
            rows=reading.rows,
            high=high,
            is_partial=fresh.is_full,
            digests={} if high is None else fresh.digests(seen.digests, growing.before(high)),
        )
        return Done(span, after.to_cursor(), more=fresh.is_full, detail=reading.told)


def _first(earliest: datetime | None, growing: Growing, times: LocalTimes) -> datetime | None:
    """From where the first run vouches: from its earliest row, and never from before `since`."""
    if earliest is None or isinstance(growing.begin, int):
        return earliest
    return max(earliest, times.instant(growing.begin))


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Sql)
