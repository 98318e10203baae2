"""The `table` source: one CSV or XLSX file as facts of one kind, or as counts of one measure.

What a run vouches for ends when the file was exported (its time of change, or the newest time in its `as_of` column),
never now: a forgotten export gets old. A row that cannot be read makes the whole run UNAVAILABLE: a list without it
would be a smaller list.
"""

from collections.abc import Callable, Generator, Iterator
from typing import ClassVar, Self

from ccmm_agent.plugin import CheckLine, Done, Manifest, Observation, Options, Source, Window, hookimpl
from ccmm_proto.kinds import Form
from ccmm_tables.export import FileRows
from ccmm_tables.mapping import TableMapping
from ccmm_tables.opened import Opened
from ccmm_tables.table_rows import Stated, TableReading, counted, done_of, parse_stated, whole_list

BATCH_ROWS = 100_000  # occurrences stated by one run; the rest follows at once


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

    def __init__(self, mapping: TableMapping, rows: FileRows) -> None:
        self._mapping = mapping
        self._rows = rows

    @property
    def feeds(self) -> tuple[str, ...]:
        return (self._mapping.word,)

    @classmethod
    def from_options(cls, options: Options) -> Self:
        return cls(TableMapping.from_options(options), FileRows.from_options(options))

    def manifest(self) -> Manifest:
        return self._rows.manifest()

    def read(self, window: Window) -> Iterator[Observation | Done]:
        stated = parse_stated(window.cursor)
        with self._rows.opened(window, self._mapping.columns()) as opened:
            reading = TableReading(opened, self._mapping)
            if self._mapping.form is Form.INVENTORY:
                done = yield from whole_list(self._mapping.word, reading, stated, opened.digest)
            elif self._mapping.form is Form.OCCURRENCE:
                done = yield from self._occurrences(reading, stated, opened.digest)
            else:
                done = yield from counted(self._mapping.word, reading, stated, opened.digest)
        yield done

    def check(self, window: Window) -> Iterator[CheckLine]:
        return self._rows.check(window, self._mapping.columns(), self._look)

    def _look(self, opened: Opened) -> Iterator[CheckLine]:
        reading = TableReading(opened, self._mapping)
        reading.read_all()
        opened.as_of = reading.as_of
        yield CheckLine("ok", "table", f"{reading.rows} rows of {self._rows.name} can be read as {self._mapping.word}")
        if reading.left_out:
            yield CheckLine("ok", "where", f"{reading.left_out} rows are left out by `where`")

    def _occurrences(self, reading: TableReading, stated: Stated, digest: str) -> Generator[Observation, None, Done]:
        """A file that changed is stated anew, whole: same id, newest words."""
        same = stated.digest == digest
        begin, is_new = (stated.next_row if same else 0), not same or stated.next_row > 0
        end = begin + BATCH_ROWS
        for at, observation in enumerate(reading.occurrences()):
            if is_new and begin <= at < end:
                yield observation
        if not is_new or reading.rows <= end:
            return done_of(stated, reading, digest)
        # Vouched for is the whole only: a crash here, and the rest follows from `next_row` on.
        instant = min(stated.as_of or reading.as_of, reading.as_of)
        after = Stated(as_of=stated.as_of, digest=digest, rows=stated.rows, next_row=end)
        return Done((instant, instant), after.to_cursor(), more=True)


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Table)
