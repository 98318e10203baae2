"""What interactive commands show: JSON where asked for, tables for people otherwise. rich is loaded only here."""

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from ccmm_proto.period import from_ms

LEAST: Final = 20  # letters that the widest column of a table needs


def print_json(document: Mapping[str, object]) -> None:
    """One JSON document on stdout."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


def print_line(text: str) -> None:
    """One line on stdout."""
    sys.stdout.write(text + "\n")


def say(text: str) -> None:
    """A message, on stderr."""
    sys.stderr.write(text + "\n")


def print_entry(title: str, rows: Sequence[tuple[str, str]]) -> None:
    """A title, what belongs to it, folded to the width of the terminal, and an empty line."""
    width = max(40, shutil.get_terminal_size().columns)
    names = max((_cells(name) for name, _ in rows), default=0)
    for begin, text in ((title, ""), *((f"  {_padded(name, names)}  ", told) for name, told in rows)):
        indent = " " * (_cells(begin) if text else 4)
        lines = textwrap.wrap(
            begin + text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
        print_line("\n".join(lines))
    print_line("")


def print_rows(rows: Sequence[tuple[str, str]]) -> None:
    """A label and what it tells, line by line, the labels made equally wide."""
    width = max(map(_cells, (label for label, _ in rows)))
    for label, told in rows:
        print_line(f"{_padded(label, width)}  {told}")


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _cells(text))


def _cells(text: str) -> int:
    """Columns of a terminal: a Chinese character takes two."""
    from rich.cells import cell_len

    return cell_len(text)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Aligned columns, of which only the widest is folded; where they do not fit, each row as an entry. Never cut."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    shown = [[str(cell) for cell in row] for row in rows]
    widths = [max(_width(row[at]) for row in (columns, *shown)) for at in range(len(columns))]
    widest = widths.index(max(widths))
    console = Console(soft_wrap=False, highlight=False, markup=False, emoji=False)
    if sum(widths) - widths[widest] + min(widths[widest], LEAST) + 3 * len(columns) > console.width:
        for row in shown:
            print_entry(row[0], [(name, cell) for name, cell in zip(columns[1:], row[1:], strict=True) if cell])
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for at, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=at != widest)
    for row in shown:
        table.add_row(*row)
    console.print(table)


def _width(cell: str) -> int:
    return max(map(_cells, cell.split("\n")))


def iso(instant_ms: int | None) -> str | None:
    """ISO 8601 in UTC with a Z, to the second; None for none (or 0)."""
    return iso_of(from_ms(instant_ms)) if instant_ms else None


def iso_of(instant: datetime) -> str:
    """ISO 8601 in UTC with a Z, to the second."""
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
