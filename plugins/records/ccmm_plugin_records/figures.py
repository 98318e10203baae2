"""The `figures` source: one CSV or XLSX file as figures of several measures: payroll, plans, surveys, sensors.

Each row has a time and dimensions; each measure names the column that holds its figure, or counts rows. What a run
vouches for ends when the file was exported. A row that cannot be read makes the whole run UNAVAILABLE.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Self
from zoneinfo import ZoneInfo

from ccmm_agent.delimited import BadTable
from ccmm_agent.plugin import BadOption, CheckLine, Done, Manifest, Observation, Options, Source, Window, hookimpl
from ccmm_proto.kinds import Sort
from ccmm_proto.measures import MEASURES, Shape
from ccmm_proto.period import floor_to, from_ms, to_ms
from ccmm_tables.amounts import Amounts, state
from ccmm_tables.columns import Row, duration_of, text_of
from ccmm_tables.declared import texts_by_column
from ccmm_tables.export import FileRows
from ccmm_tables.mapping import TableMapping
from ccmm_tables.opened import Opened
from ccmm_tables.table_rows import Stated, TableReading, covers, parse_stated

EACH_ROW = "*"
PLANNED = frozenset(("forecast_contacts", "staff_required"))  # of days that are still to come
MAX_FIGURE = 1e15
FOR_EVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A measure and where its figure stands: a column, or "*" where each row counts 1; only rows with these texts."""

    measure: str
    column: str
    only: Mapping[str, frozenset[str]]

    def value(self, row: Row) -> float | None:
        """None where the row says nothing of it. Raises BadTable."""
        if any(text_of(row.cells.get(column, "")) not in words for column, words in self.only.items()):
            return None
        if self.column == EACH_ROW:
            return 1.0
        if self.column not in row.cells:
            return None
        try:
            return self._number(text_of(row.cells[self.column]).strip(), row)
        except BadTable as error:
            raise BadTable(error.args[0], row=row.number, column=self.column) from error

    def _number(self, text: str, row: Row) -> float:
        declared = MEASURES[self.measure]
        if declared.shape is Shape.COUNT:
            if not (text.isascii() and text.isdecimal() and len(text) <= 9):
                raise BadTable("no count")
            return float(text)
        if ":" in text and declared.unit == "s":
            return duration_of(row.cells[self.column])
        try:
            value = float(text)
        except ValueError as error:
            raise BadTable("no number (digits with a decimal point)") from error
        if not abs(value) < MAX_FIGURE or (value < 0 and declared.shape is not Shape.GAUGE):
            raise BadTable("a number below zero, or beyond all measure")
        return value


class Figures(Source):
    """Anything that a center exports as figures by day, quarter hour or reading."""

    plugin: ClassVar[str] = "figures"
    value: ClassVar[int] = 60
    example: ClassVar[str] = """
# One exported table of figures (CSV, XLSX): docs/plugins/figures.md.
[[source]]
name = "workforce"
plugin = "figures"
every = "1d"
path = "/srv/wfm/days.csv"         # .csv, .tsv, .txt, or .xlsx
started = "day"                    # or ["date", "time"]
# as_of = "exported at"            # a column with the time of the export; without it the file's time of change
# sheet = "2026"                   # of a workbook; without it the first
# encoding = "gb18030"             # utf-8 gb18030 big5 cp1252
# delimiter = ";"
# header_row = 1
# zone = "Asia/Shanghai"           # of times without a zone; without it the center's
# time_formats = ["%d.%m.%Y %H:%M"]
# separator = ";"

[source.columns]                   # dimension = "column", of the dimensions that all the measures have
agent = "staff no"

[source.measures]                  # measure = "column", or "*": each row counts 1
login_time = "logged in"           # seconds, or H:MM:SS
paid_time = "paid"

# [source.only.hires_lost]         # this measure only of rows with one of these texts
# "status" = ["left in training"]
# [source.constants]               # the same for every row
# site = "Chengdu"
# [source.absent]                  # texts that mean "nothing", in a column or in any
# "*" = ["-", "n/a"]
# [source.where]                   # only rows with one of these texts
# "department" = ["contact center"]
# [source.values.drawn]            # words of the file; "*" stands for every other word
# "随机" = "random"
# [source.durations]
"""

    def __init__(self, mapping: TableMapping, figures: tuple[Figure, ...], rows: FileRows) -> None:
        self._mapping = mapping
        self._figures = figures
        self._rows = rows

    @property
    def feeds(self) -> tuple[str, ...]:
        return tuple(figure.measure for figure in self._figures)

    @classmethod
    def from_options(cls, options: Options) -> Self:
        figures = _figures(options)
        mapping = TableMapping.of_figures(options, _shared_dimensions(figures))
        return cls(mapping, figures, FileRows.from_options(options))

    def manifest(self) -> Manifest:
        return self._rows.manifest()

    def read(self, window: Window) -> Iterator[Observation | Done]:
        stated = parse_stated(window.cursor)
        with self._rows.opened(window, self._columns()) as opened:
            reading = TableReading(opened, self._mapping)
            amounts, of_none = self._amounts(reading, opened.times.zone)
            end = from_ms(floor_to(to_ms(reading.as_of), self._longest_ms))
            before = FOR_EVER if self._is_planned and stated.as_of is not None else stated.as_of
            found, days = state(amounts, stated.days, before, FOR_EVER if self._is_planned else end)
            yield from found
            span = covers(stated, reading, end)
            after = Stated(as_of=end, digest=opened.digest, rows=reading.rows, days=days)
            told = (reading.told, f"{of_none} rows hold none of the measures" if of_none else "")
            done = Done(span, after.to_cursor(), detail="; ".join(filter(None, told)))
        yield done

    def check(self, window: Window) -> Iterator[CheckLine]:
        return self._rows.check(window, self._columns(), self._look)

    def _look(self, opened: Opened) -> Iterator[CheckLine]:
        reading = TableReading(opened, self._mapping)
        self._amounts(reading, opened.times.zone)
        opened.as_of = reading.as_of
        yield CheckLine("ok", "figures", f"{reading.rows} rows of {self._rows.name} hold {', '.join(self.feeds)}")
        if reading.left_out:
            yield CheckLine("ok", "where", f"{reading.left_out} rows are left out by `where`")

    @property
    def _longest_ms(self) -> int:
        """What happened is vouched for up to the end of the longest slot."""
        return max(MEASURES[figure.measure].period_s for figure in self._figures) * 1000

    @property
    def _is_planned(self) -> bool:
        return all(figure.measure in PLANNED for figure in self._figures)

    def _columns(self) -> tuple[str, ...]:
        asked = [figure.column for figure in self._figures if figure.column != EACH_ROW]
        asked += [column for figure in self._figures for column in figure.only]
        return tuple(dict.fromkeys((*self._mapping.columns(), *asked)))

    def _amounts(self, reading: TableReading, zone: ZoneInfo) -> tuple[Amounts, int]:
        """All figures, and how many rows hold none: `only` drops rows, too."""
        amounts, of_none = Amounts(zone), 0
        for row, at, dimensions in reading.dated():
            values = [figure.value(row) for figure in self._figures]
            of_none += all(value is None for value in values)
            for figure, value in zip(self._figures, values, strict=True):
                if value is not None:
                    amounts.add(figure.measure, at, dimensions, value)
        return amounts, of_none


def _figures(options: Options) -> tuple[Figure, ...]:
    """Raises BadOption."""
    table, only = options.table("measures"), options.table("only", None)
    figures = []
    for measure in table.keys():  # noqa: SIM118 - Options is no mapping
        if measure not in MEASURES:
            raise BadOption(f"measures.{measure}", f"one of {', '.join(sorted(MEASURES))}")
        column = table.text(measure)
        if column == EACH_ROW and MEASURES[measure].shape is not Shape.COUNT:
            raise BadOption(f"measures.{measure}", f"a column: a {MEASURES[measure].shape} does not count rows")
        wanted = texts_by_column(only, measure) if only is not None else {}
        figures.append(Figure(measure=measure, column=column, only=wanted))
    if not figures:
        raise BadOption("measures", "at least one measure")
    planned = [figure.measure for figure in figures if figure.measure in PLANNED]
    if planned and len(planned) < len(figures):
        raise BadOption(f"measures.{planned[0]}", "a source of its own: a plan is stated for days that are to come")
    for measure in only.keys() if only is not None else ():
        if measure not in {figure.measure for figure in figures}:
            raise BadOption(f"only.{measure}", "one of the measures of this source")
    return tuple(figures)


def _shared_dimensions(figures: tuple[Figure, ...]) -> Mapping[str, Sort | None]:
    first, *others = (MEASURES[figure.measure].dimensions for figure in figures)
    return {name: sort for name, sort in first.items() if all(name in other for other in others)}


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Figures)
