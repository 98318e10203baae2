"""What a database driver gives as the value of a column, as a cell of a table. Pure.

A value that is no cell (bytes, an array, JSON, a number beyond all measure) is a BadTable naming row and column, never
its content: it is cast to a text in the query, or not mapped.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from ccmm_agent.delimited import BadTable
from ccmm_tables.columns import Cell, Row
from ccmm_tables.sheet import MAX_CELL

DIGEST_BYTES = 6
_BITS = {b"\0": False, b"\1": True}  # BIT(1) of MySQL


def row_of(number: int, columns: Sequence[str], values: Iterable[object]) -> Row:
    """One row without its empty cells. Raises BadTable."""
    cells: dict[str, Cell] = {}
    for column, value in zip(columns, values, strict=True):
        try:
            cell = cell_of(value)
        except BadTable as error:
            raise BadTable(error.args[0], row=number, column=column) from error
        if cell is not None:
            cells[column] = cell
    return Row(number, cells)


def cell_of(value: object) -> Cell | None:
    """None for NULL and for a text of blanks. Raises BadTable."""
    match value:
        case None | bool() | int() | datetime() | date() | time() | timedelta():
            return value
        case str():
            return _text(value)
        case Decimal():
            return _decimal(value)
        case float():
            if not math.isfinite(value):
                raise BadTable("a number that is none (NaN or infinite)")
            return value
        case UUID():
            return str(value)
        case bytes() | bytearray() | memoryview() if bytes(value) in _BITS:
            return _BITS[bytes(value)]
    raise BadTable(f"a value that is no cell ({type(value).__name__}): cast it to a text in the query")


def digest_of(row: Row) -> bytes:
    """What a row says, in a few bytes; the same for the same cells, wherever the row stands."""
    said = repr(sorted(row.cells.items(), key=lambda item: item[0]))
    return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()


def _text(value: str) -> str | None:
    if len(value) > MAX_CELL:
        raise BadTable(f"a cell of more than {MAX_CELL} characters")
    if "\0" in value:
        raise BadTable("a cell that is no text")
    return value.strip() or None


def _decimal(value: Decimal) -> Cell:
    """A whole one as a whole number, so that the key 1001.00 is 1001; any other exactly, without zeros at its end."""
    if not value.is_finite() or value.adjusted() > 30:
        raise BadTable("a number that is none, or beyond all measure")
    if value == value.to_integral_value():
        return int(value)
    return format(value, "f").rstrip("0")
