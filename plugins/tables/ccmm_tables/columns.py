"""The declared column mapping: from the cells of one row to typed attributes. Pure.

A cell that cannot be read is a BadTable naming row and column: a row is never dropped, and a word that nobody declared
is never guessed. An empty cell leaves the attribute out.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TypeAlias

from ccmm_agent.delimited import BadTable, LocalTimes, parse_duration
from ccmm_agent.plugin import BadOption, Options
from ccmm_proto.kinds import Attribute, Type

Cell: TypeAlias = str | int | float | bool | datetime | date | time | timedelta
Value: TypeAlias = bool | int | float | str | datetime | list[str]
MAX_LABEL = 1000
UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_YES, _NO = frozenset({"true", "yes", "y", "1"}), frozenset({"false", "no", "n", "0"})
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_EXCEL_DAY_0 = datetime(1899, 12, 30)  # noqa: DTZ001 - what openpyxl gives for a bare duration


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one row by column name; empty cells are left out. `number` counts as spreadsheets do."""

    number: int
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One attribute and where it comes from: columns (joined by a blank), or a constant."""

    name: str
    attribute: Attribute
    columns: tuple[str, ...] = ()
    words: Mapping[str, Value] | None = None  # text in the file -> value; "*" for every other text
    unit: str | None = None  # the cell holds a duration; the attribute counts it in this unit
    separator: str = ";"  # between words of a list
    constant: Value | None = None

    def value(self, row: Row, times: LocalTimes) -> Value | None:
        """The typed value; None where the row says nothing. Raises BadTable."""
        if not self.columns:
            return self.constant
        cell = joined(row, self.columns)
        if cell is None:
            return None
        try:
            return self._read(cell, times)
        except BadTable as error:
            raise BadTable(error.args[0], row=row.number, column=" + ".join(self.columns)) from error

    def _read(self, cell: Cell, times: LocalTimes) -> Value | None:
        if self.words is not None:
            return self._by_word(text_of(cell))
        if self.unit is not None:
            counted = duration_of(cell) / UNITS[self.unit]
            return round(counted) if self.attribute.type is Type.WHOLE else counted
        if self.attribute.type is Type.WORDS:
            return [label_of(part) for part in text_of(cell).split(self.separator) if part.strip()]
        return _READERS[self.attribute.type](cell, times)

    def _by_word(self, text: str) -> Value:
        assert self.words is not None
        if self.attribute.type is Type.WORDS:
            return [str(self._word(word)) for part in text.split(self.separator) if (word := part.strip())]
        return self._word(text)

    def _word(self, text: str) -> Value:
        assert self.words is not None
        found = self.words.get(text, self.words.get("*"))
        if found is None:
            raise BadTable(f'a word that `values.{self.name}` does not declare (nor "*")')
        return found


def joined(row: Row, columns: tuple[str, ...]) -> Cell | None:
    """The cell, or several joined: a date and a clock time to one time, texts by a blank. None: all are empty."""
    found = [row.cells[column] for column in columns if column in row.cells]
    if len(columns) == 1 or not found:
        return found[0] if found else None
    if len(found) < len(columns):
        raise BadTable("one of the cells is empty", row=row.number, column=" + ".join(columns))
    if len(found) == 2 and isinstance(found[0], date) and isinstance(found[1], time):
        return datetime.combine(found[0], found[1])
    return " ".join(text_of(cell) for cell in found)


def text_of(cell: Cell) -> str:
    """As a person would type it: 7 and not 7.0, a date without a midnight."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)


def label_of(cell: Cell) -> str:
    """A text that may be a key or a label. Raises BadTable."""
    text = text_of(cell).strip()
    if not 0 < len(text) <= MAX_LABEL or not _is_unicode(text):
        raise BadTable(f"a text of 1 to {MAX_LABEL} characters is expected")
    return text


def _is_unicode(text: str) -> bool:
    """Without lone surrogates, which workbooks can escape and UTF-8 refuses."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def time_of(cell: Cell, times: LocalTimes) -> datetime:
    """An instant in UTC. Raises BadTable."""
    if isinstance(cell, datetime):
        return times.instant(cell)
    if isinstance(cell, date):
        return times.instant(datetime.combine(cell, time()))
    if isinstance(cell, str):
        return times.parse(cell)
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return times.parse(repr(float(cell)))  # with its decimal point it fits no format but "epoch" and "epoch_ms"
    raise BadTable("no time")


def duration_of(cell: Cell) -> float:
    """Seconds, never negative. Raises BadTable."""
    match cell:
        case timedelta():
            seconds = cell.total_seconds()
        case datetime() if cell.tzinfo is None:  # a cell of the form [h]:mm
            seconds = (cell - _EXCEL_DAY_0).total_seconds()
        case time():
            seconds = timedelta(hours=cell.hour, minutes=cell.minute, seconds=cell.second).total_seconds()
        case bool() | date():
            raise BadTable("no duration")
        case int() | float():
            seconds = float(cell)
        case str():
            seconds = float(cell) if _NUMBER.fullmatch(cell) else float(parse_duration(cell))
    if not 0 <= seconds < 10**9:
        raise BadTable("no duration: it is negative, or longer than a life")
    return seconds


def _flag(cell: Cell, times: LocalTimes) -> bool:
    if isinstance(cell, bool):
        return cell
    text = text_of(cell).strip().casefold()
    if text in _YES or text in _NO:
        return text in _YES
    raise BadTable("neither yes nor no: declare the words of this column under `values`")


def _whole(cell: Cell, times: LocalTimes) -> int:
    text = text_of(cell)
    if isinstance(cell, bool) or not _WHOLE.fullmatch(text):
        raise BadTable("no whole number")
    return int(text)


def _number(cell: Cell, times: LocalTimes) -> float:
    if isinstance(cell, int | float) and not isinstance(cell, bool) and abs(cell) < 1e18:
        return float(cell)
    text = text_of(cell).removesuffix("%").strip()
    if isinstance(cell, bool) or not _NUMBER.fullmatch(text):
        raise BadTable("no number (digits with a decimal point)")
    return float(text)


def _label(cell: Cell, times: LocalTimes) -> str:
    return label_of(cell)


_READERS: Mapping[Type, Callable[[Cell, LocalTimes], Value]] = {
    Type.FLAG: _flag,
    Type.WHOLE: _whole,
    Type.NUMBER: _number,
    Type.TEXT: _label,
    Type.TIME: time_of,
    Type.PSEUDONYM: _label,
}


def word_map(name: str, attribute: Attribute, table: Options) -> dict[str, Value]:
    """The option `values.NAME`: text in the file -> value of the attribute's type. Raises BadOption."""
    found: dict[str, Value] = {}
    for word in table.keys():  # noqa: SIM118 - Options is no mapping
        if attribute.type is Type.FLAG:
            found[word] = table.flag(word)
        elif attribute.type is Type.WHOLE:
            found[word] = table.whole(word)
        elif attribute.type in (Type.TEXT, Type.WORDS):
            found[word] = table.text(word)
        else:
            raise BadOption(
                f"values.{name}", f"an attribute that is a flag, a whole number or a text; not a {attribute.type}"
            )
    return found
