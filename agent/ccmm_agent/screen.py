"""What interactive commands show: JSON where asked for, tables for people otherwise. rich is loaded only here."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from ccmm_proto.period import from_ms


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


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Aligned columns, folded to the width of the terminal; never cut."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    Console(soft_wrap=False, highlight=False, markup=False, emoji=False).print(table)


def iso(instant_ms: int | None) -> str | None:
    """ISO 8601 in UTC with a Z, to the second; None for none (or 0)."""
    return iso_of(from_ms(instant_ms)) if instant_ms else None


def iso_of(instant: datetime) -> str:
    """ISO 8601 in UTC with a Z, to the second."""
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
