"""Delimited text as door controllers, HR and ticket systems really export it; a part of the plugin API.

    with path.open("rb") as file:
        for row in read_rows(file, Dialect(encoding="gb18030"), columns=("刷卡时间", "卡号")):
            at = times.parse(row.cell("刷卡时间"))

Handled: byte order marks, CRLF, blanks round header names and cells, `="007"` cells, GB18030, title rows above the
header, blank rows, quoted cells over several lines, a last line still being written, local times without a zone.
`BadTable` names row and column and never the content of a cell, which may be about a person.
"""

import csv
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import BinaryIO, Self
from zoneinfo import ZoneInfo

from ccmm_agent.options import BadOption, Options
from ccmm_proto.errors import Malformed

ENCODINGS = ("utf-8", "gb18030", "big5", "cp1252")  # in all of them the byte 0x0A is a line end and nothing else
TIME_FORMATS = (  # of these no two can disagree
    *("iso", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d"),
)
FIRST_YEAR, LAST_YEAR = 1990, 2099
MAX_COLUMNS = 1000
_INVISIBLE = "\ufeff\u200b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_DURATION = re.compile(r"([0-9]{1,4}):([0-5][0-9]):([0-5][0-9])", re.ASCII)


class BadTable(Malformed):
    """A file, row or cell that cannot be read. `row` counts as spreadsheets do, from 1; 0 where it is the file.

    `there`: the columns or sheets that are there, for `check` alone: a wrong `header_row` makes names of them.
    """

    def __init__(self, what: str, *, row: int = 0, column: str = "", there: Sequence[str] = ()) -> None:
        place = [f"row {row}"] if row else []
        place += [f"column {column!r}"] if column else []
        super().__init__(f"{', '.join(place)}: {what}" if place else what)
        self.row = row
        self.column = column
        self.there = tuple(there)

    def told_here(self) -> str:
        """The message with what is there instead, for the screen of the one who set the option; never signed."""
        there = ", ".join(name[:40] for name in self.there[:30] if name)
        return f"{self}; there are: {there}" if there else str(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a file is written, and how much of it is believed."""

    encoding: str = "utf-8"
    delimiter: str = ","
    header_row: int = 1  # rows above it are titles
    whole_lines: bool = False  # the file is still being written: a last line without its line end is not there yet
    max_bytes: int = 256 * 1024 * 1024
    max_rows: int = 5_000_000
    max_cell: int = 4096  # characters

    @classmethod
    def from_options(cls, options: Options, *, whole_lines: bool = False) -> Self:
        """From `encoding`, `delimiter` ("tab" for a tabulator) and `header_row`. Raises BadOption."""
        encoding = options.text("encoding", "utf-8").lower().replace("_", "-")
        if encoding not in ENCODINGS:
            raise BadOption("encoding", f"one of {', '.join(ENCODINGS)}")
        delimiter = options.text("delimiter", ",")
        delimiter = "\t" if delimiter == "tab" else delimiter
        if len(delimiter) != 1 or delimiter in '"\r\n':
            raise BadOption("delimiter", 'one character, or "tab"')
        header_row = options.whole("header_row", 1, least=1, most=100)
        return cls(encoding=encoding, delimiter=delimiter, header_row=header_row, whole_lines=whole_lines)


@dataclass(frozen=True, slots=True)
class Row:
    """One row below the header. `start` and `end` are its bytes in the file; where reading resumed, `number` is 0."""

    number: int
    start: int
    end: int
    cells: Sequence[str]
    places: Mapping[str, int]

    def cell(self, column: str) -> str:
        """The cell without blanks round it, perhaps empty. Raises BadTable where the row ends before the column."""
        at = self.places[column]
        if at >= len(self.cells):
            raise BadTable("the row ends before this column", row=self.number, column=column)
        return self.cells[at]


def read_rows(file: BinaryIO, dialect: Dialect, *, columns: Collection[str], start: int = 0) -> Iterator[Row]:
    """The rows below the header; from byte `start` on, which is the `end` of a row read before (0: from the header).

    `columns` are those that the caller will ask for: each stands in the header once, else BadTable. Raises BadTable.
    """
    lines = _Lines(file, dialect)
    records = _records(lines, dialect)
    places, width = _header(records, dialect, columns)
    number = dialect.header_row
    if start > lines.end:
        file.seek(start)
        lines = _Lines(file, dialect, start)
        records, number = _records(lines, dialect), 0
    begin, resumed = lines.end, number == 0
    for cells in records:
        number += 1
        if number > dialect.max_rows:
            raise BadTable(f"more than {dialect.max_rows} rows", row=number)
        trimmed = [_trimmed(cell) for cell in cells]
        row = 0 if resumed else number
        if any(len(cell) > dialect.max_cell for cell in trimmed):
            raise BadTable(f"a cell of more than {dialect.max_cell} characters", row=row)
        if any(trimmed[width:]):
            raise BadTable("more cells than the header has: a delimiter inside a cell without quotes?", row=row)
        if any(trimmed):
            yield Row(row, begin, lines.end, trimmed, places)
        begin = lines.end


class _Lines:
    """Decoded lines of a file, counting the bytes that were handed out."""

    def __init__(self, file: BinaryIO, dialect: Dialect, start: int = 0) -> None:
        self.end = start
        self._file = file
        self._dialect = dialect

    def __iter__(self) -> Iterator[str]:
        dialect = self._dialect
        while line := self._file.readline(dialect.max_bytes + 1):
            if dialect.whole_lines and not line.endswith(b"\n"):
                return
            if self.end == 0 and line.startswith(_UTF16):
                raise BadTable("UTF-16: export it as UTF-8, or tell the encoding")
            self.end += len(line)
            if self.end > dialect.max_bytes:
                raise BadTable(f"more than {dialect.max_bytes} bytes")
            try:
                text = line.decode(dialect.encoding)
            except UnicodeDecodeError:
                raise BadTable(f"a line that ends at byte {self.end} is not {dialect.encoding}") from None
            if "\0" in text:
                raise BadTable(f"a line that ends at byte {self.end} is not text")
            yield text


def _records(lines: _Lines, dialect: Dialect) -> Iterator[list[str]]:
    try:
        yield from csv.reader(lines, delimiter=dialect.delimiter, strict=True)
    except csv.Error as error:
        raise BadTable(f"near byte {lines.end}: {error}") from None


def _header(records: Iterator[list[str]], dialect: Dialect, columns: Collection[str]) -> tuple[dict[str, int], int]:
    cells: list[str] | None = None
    for _ in range(dialect.header_row):
        cells = next(records, None)
    if not cells:
        raise BadTable("no header row: the file is empty, or being written", row=dialect.header_row)
    return header_places(cells, columns, row=dialect.header_row), len(cells)


def header_places(cells: Sequence[str], columns: Collection[str], *, row: int) -> dict[str, int]:
    """Where each wanted column stands. Raises BadTable where one is absent or stands twice."""
    names = [_trimmed(cell) for cell in cells]
    if len(names) > MAX_COLUMNS:
        raise BadTable(f"more than {MAX_COLUMNS} columns", row=row)
    for column in columns:
        if names.count(column) != 1:
            what = "stands twice" if column in names else "is not there"
            raise BadTable(f"the column {what}", row=row, column=column, there=names)
    return {column: names.index(column) for column in columns}


def _trimmed(cell: str) -> str:
    """Without blanks and invisible marks round it; `="007"` is how spreadsheets are told to keep the zeros."""
    bare = cell.strip().strip(_INVISIBLE).strip()
    return bare[2:-1].strip() if bare.startswith('="') and bare.endswith('"') and len(bare) > 2 else bare


class LocalTimes:
    """Times as a device or an office wrote them, mostly without a zone.

    `formats` are strptime formats, or "iso" (with or without an offset), "epoch" and "epoch_ms". Two formats that both
    fit and disagree (day and month) are an error, not a guess. A time inside the hour that a clock change skips is
    read with the offset from before the change.
    """

    def __init__(self, zone: ZoneInfo, formats: tuple[str, ...] = TIME_FORMATS) -> None:
        self.zone = zone
        self._formats = formats
        self._first_fits = set(formats) <= set(TIME_FORMATS)
        self._read = lru_cache(maxsize=4096)(self._read_text)

    def parse(self, text: str, *, after: datetime | None = None, before: datetime | None = None) -> datetime:
        """The instant in UTC. Raises BadTable.

        An hour that a clock change repeats is read as its first pass, unless that is earlier than `after`, the row
        above in an ascending file; or as its second pass where `before` is given, unless that is later than it.
        """
        return self.instant(self._read(text), after=after, before=before)

    def instant(self, read: datetime, *, after: datetime | None = None, before: datetime | None = None) -> datetime:
        """The instant in UTC of a time that may have no zone; as `parse`."""
        if not FIRST_YEAR <= read.year <= LAST_YEAR:
            raise BadTable(f"a year outside {FIRST_YEAR} to {LAST_YEAR}")
        if read.tzinfo is not None:
            return read.astimezone(UTC)
        first = read.replace(tzinfo=self.zone, fold=0).astimezone(UTC)
        second = read.replace(tzinfo=self.zone, fold=1).astimezone(UTC)
        if second <= first:
            return first
        if before is not None:
            return first if second > before else second
        return second if after is not None and first < after <= second else first

    def _read_text(self, text: str) -> datetime:
        found: set[datetime] = set()
        for format in self._formats:
            if (moment := _read_as(text, format)) is not None:
                found.add(moment)
                if self._first_fits:
                    break
        if len(found) == 1:
            return found.pop()
        raise BadTable("no time of the declared formats" if not found else "two declared time formats disagree")


def time_formats(options: Options) -> tuple[str, ...]:
    """The option `time_formats`, each tried on a sample. Raises BadOption."""
    formats = options.texts("time_formats", TIME_FORMATS)
    for format in formats:
        if format not in ("iso", "epoch", "epoch_ms") and not _is_format(format):
            raise BadOption(
                "time_formats", f'strptime formats with a full date, "iso", "epoch", "epoch_ms"; not {format}'
            )
    return formats


def zone_option(options: Options) -> ZoneInfo | None:
    """The option `zone`, an IANA name; None: the center's zone. Raises BadOption."""
    name = options.text("zone", None)
    try:
        return ZoneInfo(name) if name else None
    except (OSError, ValueError, KeyError):
        raise BadOption("zone", "an IANA zone such as Asia/Shanghai") from None


def parse_duration(text: str) -> int:
    """Seconds of H:MM:SS, or of a whole number. Raises BadTable, for a negative duration too."""
    if match := _DURATION.fullmatch(text):
        return int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3])
    if re.fullmatch(r"[0-9]{1,9}", text):
        return int(text)
    raise BadTable("no duration such as 0:03:25 or 205 (it is never negative)")


def _read_as(text: str, format: str) -> datetime | None:
    try:
        if format == "iso":
            return datetime.fromisoformat(text)
        if format in ("epoch", "epoch_ms"):
            seconds = float(text) / (1000 if format == "epoch_ms" else 1)
            return datetime.fromtimestamp(seconds, UTC)
        return datetime.strptime(text, format)  # noqa: DTZ007 - the zone comes with LocalTimes
    except (ValueError, OverflowError, OSError):
        return None


def _is_format(format: str) -> bool:
    """Does the day survive writing and reading? (A format without a year would silently mean 1900.)"""
    sample = datetime(2026, 11, 22, tzinfo=UTC)
    try:
        return datetime.strptime(sample.strftime(format), format).date() == sample.date()  # noqa: DTZ007
    except (ValueError, re.error):
        return False
