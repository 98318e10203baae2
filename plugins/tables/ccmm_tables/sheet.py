"""Rows of a CSV or XLSX file, within limits. Every failure is a BadTable.

A workbook is read as its cells were last calculated; a formula that never was is an error, not an empty cell.
"""

import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any, BinaryIO

from ccmm_agent.delimited import BadTable, Dialect, header_places, read_rows
from ccmm_tables.columns import Cell, Row, text_of

MAX_ROWS = 1_000_000
MAX_UNZIPPED = 400 * 1024 * 1024
MAX_MEMBERS = 2000
MAX_RATIO = 400  # a member may unpack to so many times its size (text in sheets reaches some 30)
MAX_CELL = 4096
_ERRORS = ("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#GETTING_DATA")
# What openpyxl lets out for a file that is not what it says (BadTable is none of these: Malformed is no ValueError).
_NOT_UNDERSTOOD = (
    *(
        ArithmeticError,
        AttributeError,
        EOFError,
        LookupError,
        NotImplementedError,
        OSError,
        RecursionError,
        SyntaxError,
    ),
    *(TypeError, ValueError, zipfile.BadZipFile, zlib.error),
)


def has_workbooks() -> bool:
    """Is openpyxl installed (the extra `xlsx`)?"""
    return find_spec("openpyxl") is not None


def csv_rows(file: BinaryIO, dialect: Dialect, columns: tuple[str, ...]) -> Iterator[Row]:
    """Rows of delimited text, only the wanted columns. Raises BadTable."""
    for row in read_rows(file, dialect, columns=columns):
        yield Row(row.number, {column: text for column in columns if (text := row.cell(column))})


def workbook_rows(file: BinaryIO, sheet: str | None, dialect: Dialect, columns: tuple[str, ...]) -> Iterator[Row]:
    """Rows of one sheet (None: the first), only the wanted columns. Raises BadTable."""
    _refuse_bomb(file)
    places: dict[str, int] | None = None
    for number, cells, written in _lines(file, sheet):
        if number > MAX_ROWS:
            raise BadTable(f"more than {MAX_ROWS} rows", row=number)
        if number == dialect.header_row:
            names = ["" if cell is None else text_of(cell) for cell in cells]
            places = header_places(names, columns, row=number)
        elif places is not None:
            found = {
                column: cell
                for column, place in places.items()
                if place < len(cells) and (cell := _cell(cells[place], written[place], number, column)) is not None
            }
            if found:
                yield Row(number, found)
    if places is None:
        raise BadTable("no header row: the sheet is empty", row=dialect.header_row)


def _cell(cell: Cell | None, written: object, number: int, column: str) -> Cell | None:
    """Texts without blanks round them; None for an empty cell."""
    if cell is None and written is not None:
        raise BadTable("a formula that was never calculated: open and save the file", row=number, column=column)
    if not isinstance(cell, str):
        return cell
    if cell in _ERRORS:
        raise BadTable(f"an error value ({cell})", row=number, column=column)
    if len(cell) > MAX_CELL:
        raise BadTable(f"a cell of more than {MAX_CELL} characters", row=number, column=column)
    return cell.strip() or None


def _refuse_bomb(file: BinaryIO) -> None:
    """A workbook is a zip file: what its directory promises is looked at before anything is unpacked."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise BadTable("no workbook of the XLSX form") from error
    unzipped = sum(member.file_size for member in members)
    swollen = any(member.file_size > MAX_RATIO * max(member.compress_size, 1024) for member in members)
    if len(members) > MAX_MEMBERS or unzipped > MAX_UNZIPPED or swollen:
        raise BadTable(f"a workbook that unpacks to {unzipped} bytes in {len(members)} members is not read")
    file.seek(0)


def _lines(file: BinaryIO, sheet: str | None) -> Iterator[tuple[int, Sequence[Cell | None], Sequence[object]]]:
    """Row number, the values as last calculated, and the cells as they were written (formulas)."""
    from openpyxl import load_workbook

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about styles and extensions, which do not matter here
        try:
            calculated = _sheet(load_workbook(file, read_only=True, data_only=True, keep_links=False), sheet)
            written = _sheet(load_workbook(file, read_only=True, keep_links=False), sheet)
            for number, pair in enumerate(zip(calculated, written, strict=True), start=1):
                yield number, *pair
        except _NOT_UNDERSTOOD as error:
            raise BadTable(f"a workbook that is not understood ({type(error).__name__})") from error


def _sheet(workbook: Any, sheet: str | None) -> Iterator[tuple[Any, ...]]:
    """The rows of a sheet. Its declared size is ignored: some programs write one cell, others all columns."""
    names = workbook.sheetnames
    if sheet is not None and sheet not in names:
        raise BadTable(f"no sheet {sheet!r}", there=names)
    if not names:
        raise BadTable("a workbook without sheets")
    found = workbook[sheet if sheet is not None else names[0]]
    found.reset_dimensions()
    rows: Iterator[tuple[Any, ...]] = found.iter_rows(values_only=True)
    return rows
