"""A test of rows or of pairs, remembered by the values that it used: most rows look alike."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Protocol

from ccmm_rules.cel import Compiled
from ccmm_rules.columns import MOST_CODES, Coded
from ccmm_rules.expression import Scalar

Column = Sequence[object]
Values = tuple[object, ...]

FALSE, TRUE, UNDECIDED = range(3)  # the mark of a row
_ASK = 3  # of a row whose result hangs on values that hardly ever repeat
_RESULTS: Sequence[bool | None] = (False, True, None)
_MARKS: Mapping[Scalar | None, int] = {False: FALSE, True: TRUE, None: UNDECIDED}
_KEPT = 16_384


class Rows(Protocol):
    """What a test falls on."""

    def __len__(self) -> int: ...

    def coded(self, name: str) -> Coded[object] | None:
        """The column of a name; None where it has many values."""
        ...

    def column(self, name: str, among: Sequence[int]) -> Column:
        """The values of some of the rows."""
        ...


class Remembered:
    """One test, whatever rows it falls on."""

    def __init__(self, compiled: Compiled, profile: Mapping[str, object]) -> None:
        """`profile`: scope answers, by the names that tests have for them."""
        self.doubtful = False  # whether some values left it undecided
        self._compiled = compiled
        self._names, asked = _names_of(compiled)
        self._profile = {name: profile[name] for name in asked if name in profile}
        self._known: dict[Values, int] = {}  # by those of few values, and each of many

    def marks(self, rows: Rows) -> bytes:
        """FALSE, TRUE or UNDECIDED for each row."""
        if not len(rows):
            return b""
        few, many, seen = self._woven(rows)
        table = bytearray(MOST_CODES)
        for code in set(seen.codes):
            mark = self._mark((*few, *self._profile), (*seen.values[code], *self._profile.values()))
            table[code] = _ASK if many and mark == UNDECIDED else mark
        marks = seen.codes.translate(table)
        if _ASK in marks:
            marks = self._asked(rows, marks, few, many, seen)
        self.doubtful = self.doubtful or UNDECIDED in marks
        return marks

    def _woven(self, rows: Rows) -> tuple[list[str], list[str], Coded[Values]]:
        """Names whose columns became one, the other names, and that column."""
        few: list[str] = []
        many: list[str] = []
        seen: Coded[Values] = Coded([()], bytes(len(rows)))
        for name in self._names:
            column = rows.coded(name)
            both = woven(seen, column) if column is not None else None
            if both is None:
                many.append(name)
            else:
                few.append(name)
                seen = both
        return few, many, seen

    def _asked(self, rows: Rows, marks: bytes, few: Sequence[str], many: Sequence[str], seen: Coded[Values]) -> bytes:
        """What is decided without the many values stays so whatever they are: `true || unknown` is true."""
        asked, known = [at for at, mark in enumerate(marks) if mark == _ASK], self._known
        columns = [rows.column(name, asked) for name in many]
        told = list(zip(map(seen.values.__getitem__, map(seen.codes.__getitem__, asked)), *columns, strict=True))
        names = (*few, *many, *self._profile)
        for values in set(told).difference(known):
            everything = (*values[0], *values[1:], *self._profile.values())
            known[values] = _MARKS[_evaluated(self._compiled, names, everything)]
        if len(asked) == len(marks):
            return bytes(map(known.__getitem__, told))
        found = bytearray(marks)
        for at, values in zip(asked, told, strict=True):
            found[at] = known[values]
        return bytes(found)

    def _mark(self, names: tuple[str, ...], values: Values) -> int:
        plain = [tuple(value) if isinstance(value, list) else value for value in values]
        return _MARKS[_once(self._compiled, names, *plain)]


def results_of(marks: bytes) -> list[bool | None]:
    """True, False, or None where it cannot be decided."""
    return list(map(_RESULTS.__getitem__, marks))


def woven(first: Coded[Values], second: Coded[object]) -> Coded[Values] | None:
    """Two columns as one; None where there are too many pairs of values.

    Codes are added all at once, as the digits, base 256, of two long numbers: no sum of two passes 255.
    """
    size = len(second.values)
    if len(first.values) * size > MOST_CODES:
        first = _without_unused(first)
    if len(first.values) * size > MOST_CODES:
        return None
    if len(first.values) == 1:
        return Coded([(*first.values[0], value) for value in second.values], second.codes)
    high = first.codes.translate(bytes(code * size for code in range(len(first.values))).ljust(MOST_CODES, b"\0"))
    total = int.from_bytes(high, "big") + int.from_bytes(second.codes, "big")
    values = [(*before, value) for before in first.values for value in second.values]
    return Coded(values, total.to_bytes(len(high), "big"))


def _without_unused(column: Coded[Values]) -> Coded[Values]:
    used = sorted(set(column.codes))
    if len(used) == len(column.values):
        return column
    table = bytearray(MOST_CODES)
    for number, code in enumerate(used):
        table[code] = number
    return Coded([column.values[code] for code in used], column.codes.translate(table))


@lru_cache(maxsize=4096)
def _names_of(compiled: Compiled) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those of the rows, and those of the profile."""
    names = sorted(compiled.names)
    return tuple(n for n in names if not n.startswith("profile.")), tuple(n for n in names if n.startswith("profile."))


@lru_cache(maxsize=_KEPT, typed=True)
def _once(compiled: Compiled, names: tuple[str, ...], *values: object) -> Scalar | None:
    """Few values are the same at every center; of equal numbers of two types each is evaluated."""
    return _evaluated(compiled, names, values)


def _evaluated(compiled: Compiled, names: Sequence[str], values: Sequence[object]) -> Scalar | None:
    bound = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in zip(names, values, strict=True)
        if value is not None
    }
    return compiled.evaluate(bound)
