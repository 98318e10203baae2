"""What is asked of a database: one SELECT, of the options. Nothing here imports SQLAlchemy.

The query stands inside another SELECT that names the mapped columns only, so that databases themselves refuse anything
but a SELECT there; what is refused here is told before the first connection.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from ccmm_agent.delimited import BadTable, LocalTimes
from ccmm_agent.options import parse_seconds
from ccmm_agent.plugin import BadOption, Options
from ccmm_tables.columns import Cell, Row, time_of

Mark: TypeAlias = int | datetime  # of the growing column: a number, or a time as the database writes it, without zone
SINCE, UNTIL = "since", "until"
OVERLAP = timedelta(hours=2)  # more than a clock change repeats
OVERLAP_NUMBERS = 1000
MAX_QUERY = 20_000
_QUOTED = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/)""", re.DOTALL)
_BOUND = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")
_OTHER = re.compile(
    r"\b(insert|update|delete|merge|replace\s+into|into|drop|alter|create|truncate|grant|revoke|exec|execute|call|lock)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A table (perhaps with its schema) or the text of a SELECT."""

    table: str | None = None
    schema: str | None = None
    text: str | None = None

    @classmethod
    def from_options(cls, options: Options, growing: "Growing | None", *, spans: bool = False) -> "Query":
        """`spans`: both :since and :until are given to it. Raises BadOption for anything but one SELECT."""
        table, text = options.text("table", None), options.text("query", None)
        if (table is None) == (text is None):
            raise BadOption("query", "either `query` or `table`")
        if table is not None:
            schema, _, name = table.rpartition(".")
            return cls(table=name, schema=schema or None)
        assert text is not None
        bound = refuse_other(text)
        if bound and growing is None and not spans:
            raise BadOption("query", "`since_column` where the query has :since or :until")
        if UNTIL in bound and growing is not None and isinstance(growing.begin, int):
            raise BadOption("query", ":until only where `since_column` is a time")
        return cls(text=text.strip().rstrip(";"))

    def bound(self) -> frozenset[str]:
        """Which of :since and :until the text has."""
        return frozenset(_BOUND.findall(_bare(self.text or "")))

    def escaped(self) -> str:
        """The text for SQLAlchemy: a colon inside of quotes binds nothing."""
        parts = _QUOTED.split(self.text or "")
        return "".join(part.replace(":", r"\:") if at % 2 else part for at, part in enumerate(parts))


def refuse_other(text: str) -> frozenset[str]:
    """The names that a SELECT binds. Raises BadOption for what is no single plain SELECT."""
    bare = _bare(text).strip().rstrip(";")
    if len(text) > MAX_QUERY or not re.match(r"(select|with)\b", bare, re.IGNORECASE):
        raise BadOption("query", "one SELECT")
    if ";" in bare:
        raise BadOption("query", "one statement, without a semicolon inside")
    if found := _OTHER.search(bare):
        raise BadOption("query", f"a SELECT that only reads (a column named {found[1].lower()!r} stands in quotes)")
    depth = 0
    for char in bare:
        depth += (char == "(") - (char == ")")
        if depth < 0:
            break
    if depth:
        raise BadOption("query", "as many opening as closing parentheses")
    names = frozenset(_BOUND.findall(bare))
    if names - {SINCE, UNTIL}:
        raise BadOption("query", f"no bound names but :{SINCE} and :{UNTIL}")
    return names


def _bare(text: str) -> str:
    """Without what stands in quotes and comments."""
    return _QUOTED.sub(" ", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Growing:
    """An ever-growing column: where to begin, and how far behind the highest value late rows are still looked for."""

    column: str
    begin: Mark
    overlap: int | timedelta

    @classmethod
    def from_options(cls, options: Options) -> "Growing | None":
        """Raises BadOption."""
        column = options.text("since_column", None)
        if column is None:
            return None
        begin = _begin(options)
        if isinstance(begin, int):
            return cls(column=column, begin=begin, overlap=options.whole("overlap", OVERLAP_NUMBERS))
        overlap = options.text("overlap", None)
        try:
            span = timedelta(seconds=parse_seconds(overlap)) if overlap else OVERLAP
        except ValueError:
            raise BadOption("overlap", 'a span of time such as "2h", as `since` is a time') from None
        return cls(column=column, begin=begin, overlap=span)

    def mark_of(self, row: Row, times: LocalTimes) -> Mark:
        """Where a row stands. Raises BadTable."""
        if self.column not in row.cells:
            raise BadTable("the cell of `since_column` is empty", row=row.number, column=self.column)
        cell = row.cells[self.column]
        try:
            return _number(cell) if isinstance(self.begin, int) else _local(cell, times)
        except BadTable as error:
            raise BadTable(error.args[0], row=row.number, column=self.column) from error

    def before(self, mark: Mark, *, at_once: bool = False) -> Mark:
        """Where the next run begins: an overlap before `mark`, or (in the middle of a backfill) just at it."""
        if isinstance(mark, int):
            assert isinstance(self.overlap, int)
            assert isinstance(self.begin, int)
            return mark if at_once else max(self.begin, mark - self.overlap)
        assert isinstance(self.overlap, timedelta)
        assert isinstance(self.begin, datetime)
        # A second before: texts of one instant may be written with and without its fraction.
        return max(self.begin, mark - (timedelta(seconds=1) if at_once else self.overlap))


def _begin(options: Options) -> Mark:
    try:
        return options.whole("since")
    except BadOption:
        text = options.text("since")
    try:
        begin = datetime.fromisoformat(text)
    except ValueError:
        begin = None
    if begin is None or begin.tzinfo is not None:
        raise BadOption("since", 'a number, or a time such as "2026-01-01", where the first run begins')
    return begin


def _number(cell: Cell) -> int:
    if isinstance(cell, bool) or not isinstance(cell, int):
        raise BadTable("no whole number, as `since` is")
    return cell


def _local(cell: Cell, times: LocalTimes) -> datetime:
    if isinstance(cell, datetime) and cell.tzinfo is None:
        return cell
    return time_of(cell, times).astimezone(times.zone).replace(tzinfo=None)
