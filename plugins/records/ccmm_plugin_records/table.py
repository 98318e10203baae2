"""The `table` source: one CSV or XLSX file as facts of one kind, or as counts of one measure.

What a run vouches for ends when the file was exported (its time of change, or the newest time in its `as_of` column),
never now: a forgotten export gets old. A row that cannot be read makes the whole run UNAVAILABLE: a list without it
would be a smaller list.
"""

import hashlib
import mimetypes
import os
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, ClassVar, Self
from zoneinfo import ZoneInfo

from ccmm_agent.delimited import BadTable, Dialect, LocalTimes, time_formats, zone_option
from ccmm_agent.facts import inventory
from ccmm_agent.plugin import (
    BadOption,
    CheckLine,
    Done,
    Manifest,
    Observation,
    Options,
    Reason,
    Source,
    SourceUnavailable,
    Window,
    hookimpl,
)
from ccmm_plugin_records.counts import state
from ccmm_plugin_records.mapping import TableMapping
from ccmm_plugin_records.sheet import csv_rows, has_workbooks, workbook_rows
from ccmm_plugin_records.table_rows import Stated, TableReading, covers, parse_stated
from ccmm_proto.kinds import Form

MAX_FILE_BYTES = 128 * 1024 * 1024
BATCH_ROWS = 100_000  # occurrences stated by one run; the rest follows at once
WORKBOOKS = (".xlsx", ".xlsm")
MIME_TYPES = tuple(Path(name) for name in mimetypes.knownfiles)  # openpyxl reads them when it is imported
OLD = timedelta(days=2)
PLANNED = ("forecast_contacts",)  # measures of days that are still to come


class Table(Source):
    """Anything that a center exports as a table."""

    plugin: ClassVar[str] = "table"
    value: ClassVar[int] = 60
    example: ClassVar[str] = """
# One exported table (CSV, XLSX) as a list, as occurrences or as counts: docs/plugins/table.md.
[[source]]
name = "roster"
plugin = "table"
every = "1d"
path = "/srv/hr/roster.csv"        # .csv, .tsv, .txt, or .xlsx
kind = "person"                    # an inventory or occurrence kind, or a counted measure (survey_answered ...)
key = "staff no"                   # one column, or several: ["line", "call id", "date"]; not for measures
# started = ["date", "time"]       # occurrences and measures: when; a date and a clock time may stand apart
# ended = ["date", "end"]          # occurrences
# lasted = "duration"              # instead of `ended`: H:MM:SS or seconds
# count = "contacts"               # measures: the column to add up; without it each row counts 1
# as_of = "exported at"            # a column with the time of the export; without it the file's time of change
# sheet = "2026"                   # of a workbook; without it the first
# encoding = "gb18030"             # utf-8 gb18030 big5 cp1252
# delimiter = ";"
# header_row = 1
# zone = "Asia/Shanghai"           # of times without a zone; without it the center's
# time_formats = ["%d.%m.%Y %H:%M"]
# separator = ";"                  # between the words of one cell

[source.columns]                   # attribute = "column", or attribute = ["column", "column"]
active = "status"
joined = "hire date"
left = "leave date"

[source.values.active]             # words of the file; "*" stands for every other word
"在职" = true
"离职" = false

# [source.constants]               # the same for every row
# site = "Chengdu"
# [source.absent]                  # texts that mean "nothing", in a column or in any
# "*" = ["-", "n/a"]
# "leave date" = ["1970-01-01"]
# [source.where]                   # only rows with one of these texts
# "department" = ["contact center"]
# [source.durations]               # columns with H:MM:SS, counted in s, min, h or d
# worked_days = "d"
"""

    def __init__(
        self,
        path: Path,
        mapping: TableMapping,
        dialect: Dialect,
        *,
        sheet: str | None,
        zone: ZoneInfo | None,
        formats: tuple[str, ...],
    ) -> None:
        self._path = path
        self._mapping = mapping
        self._dialect = dialect
        self._sheet = sheet
        self._zone = zone
        self._formats = formats

    @property
    def feeds(self) -> tuple[str, ...]:
        return (self._mapping.word,)

    @classmethod
    def from_options(cls, options: Options) -> Self:
        path = options.path("path")
        if path.suffix.lower() in WORKBOOKS and not has_workbooks():
            raise BadOption("path", "a CSV file: reading workbooks needs the extra ccmm-plugin-records[xlsx]")
        if path.suffix.lower() == ".xls":
            raise BadOption("path", "a CSV or XLSX file: save the old .xls form as .xlsx")
        dialect = Dialect.from_options(options)
        return cls(
            path,
            TableMapping.from_options(options),
            dialect,
            sheet=options.text("sheet", None),
            zone=zone_option(options),
            formats=time_formats(options),
        )

    def manifest(self) -> Manifest:
        if self._path.suffix.lower() in WORKBOOKS:
            return Manifest(files=(self._path, *MIME_TYPES))
        return Manifest(files=(self._path,))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        stated = parse_stated(window.cursor)
        with self._opened() as (file, digest, exported):
            reading = self._reading(file, exported, window)
            if self._mapping.form is Form.INVENTORY:
                done = yield from self._inventory(reading, stated, digest)
            elif self._mapping.form is Form.OCCURRENCE:
                done = yield from self._occurrences(reading, stated, digest)
            else:
                done = yield from self._counts(reading, stated, digest)
        yield done

    def check(self, window: Window) -> Iterator[CheckLine]:
        try:
            with self._opened() as (file, _, exported):
                reading = self._reading(file, exported, window)
                reading.read_all()
                as_of = reading.as_of
        except SourceUnavailable as error:
            if not isinstance(error.__cause__, BadTable):
                raise
            yield CheckLine("failed", self._path.name, error.__cause__.told_here())
            return
        yield CheckLine("ok", "table", f"{reading.rows} rows of {self._path.name} can be read as {self._mapping.word}")
        if reading.left_out:
            yield CheckLine("ok", "where", f"{reading.left_out} rows are left out by `where`")
        if window.now - as_of > OLD:
            yield CheckLine("warning", "export", f"exported {as_of:%Y-%m-%d %H:%M} UTC: is it still exported?")
        else:
            yield CheckLine("ok", "export", f"exported {as_of:%Y-%m-%d %H:%M} UTC")

    def _reading(self, file: BinaryIO, exported: datetime, window: Window) -> TableReading:
        rows = csv_rows(file, self._dialect, self._mapping.columns())
        if self._path.suffix.lower() in WORKBOOKS:
            rows = workbook_rows(file, self._sheet, self._dialect, self._mapping.columns())
        times = LocalTimes(self._zone or window.zone, self._formats)
        return TableReading(rows, self._mapping, times, min(exported, window.now))

    def _inventory(self, reading: TableReading, stated: Stated, digest: str) -> Generator[Observation, None, Done]:
        entries = list(reading.entries())
        yield inventory(self._mapping.word, reading.as_of, entries)
        return _done(stated, reading, digest)

    def _occurrences(self, reading: TableReading, stated: Stated, digest: str) -> Generator[Observation, None, Done]:
        """A file that changed is stated anew, whole: same id, newest words."""
        same = stated.digest == digest
        begin, is_new = (stated.next_row if same else 0), not same or stated.next_row > 0
        end = begin + BATCH_ROWS
        for at, observation in enumerate(reading.occurrences()):
            if is_new and begin <= at < end:
                yield observation
        if not is_new or reading.rows <= end:
            return _done(stated, reading, digest)
        # Vouched for is the whole only: a crash here, and the rest follows from `next_row` on.
        instant = min(stated.as_of or reading.as_of, reading.as_of)
        after = Stated(as_of=stated.as_of, digest=digest, rows=stated.rows, next_row=end)
        return Done((instant, instant), after.to_cursor(), more=True)

    def _counts(self, reading: TableReading, stated: Stated, digest: str) -> Generator[Observation, None, Done]:
        """A plan is stated for the days to come too; of what happened only days that are over."""
        counts = reading.counts()
        if self._mapping.word in PLANNED:
            until = reading.as_of
            found, days = state(self._mapping.word, counts, stated.days, None)
        else:
            until = reading.as_of.replace(hour=0, minute=0, second=0, microsecond=0)
            found, days = state(self._mapping.word, counts, stated.days, until)
        yield from found
        return _done(stated, reading, digest, until, days)

    @contextmanager
    def _opened(self) -> Iterator[tuple[BinaryIO, str, datetime]]:
        """The file, its SHA-256 and when it was exported. Whatever goes wrong inside becomes SourceUnavailable.

        So does a file that is written meanwhile; therefore Done is yielded after it.
        """
        try:
            with self._path.open("rb") as file:
                before = os.fstat(file.fileno())
                if before.st_size > MAX_FILE_BYTES:
                    raise SourceUnavailable(Reason.LIMITED, f"{self._path.name} is larger than {MAX_FILE_BYTES} bytes")
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                file.seek(0)
                yield file, digest, datetime.fromtimestamp(before.st_mtime, UTC)
                after = os.fstat(file.fileno())
        except FileNotFoundError as error:
            raise SourceUnavailable(Reason.NOT_FOUND, f"{self._path} is not there") from error
        except OSError as error:
            raise SourceUnavailable(
                Reason.REFUSED, f"{self._path} cannot be read: {error.strerror or error}"
            ) from error
        except BadTable as error:
            raise SourceUnavailable(Reason.UNREADABLE, f"{self._path.name}: {error}") from error
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise SourceUnavailable(Reason.UNREADABLE, f"{self._path.name} was written while it was read")


def _done(
    stated: Stated,
    reading: TableReading,
    digest: str,
    until: datetime | None = None,
    days: Mapping[int, tuple[str, int]] | None = None,
) -> Done:
    span = covers(stated, reading, until or reading.as_of)
    return Done(span, Stated(as_of=span[1], digest=digest, rows=reading.rows, days=days or {}).to_cursor())


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Table)
