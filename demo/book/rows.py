"""Rows of the tables that a simulated center exports. A row has an `id`; its other columns are named as attributes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from demo.characters import Character

Cell = str | int | float | bool | datetime | None
Row = dict[str, Cell]
Rows = Callable[[Character, datetime], Iterator[Row]]
Tables = Mapping[str, tuple[Rows, ...]]  # kind -> who contributes rows


def merged(*parts: Row) -> Row:
    """One row of several parts, the later ones winning."""
    return {name: cell for part in parts for name, cell in part.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One table of figures: a `started` column, dimensions, and a column per measure."""

    measures: tuple[str, ...]
    rows: Rows


def together(*parts: Rows) -> Rows:
    """The rows of several, as one."""

    def rows(character: Character, now: datetime) -> Iterator[Row]:
        for part in parts:
            yield from part(character, now)

    return rows


def sheet(measures: str, *parts: Rows) -> Figures:
    """One table for measures that share their dimensions: each table is a source, and each source a process."""
    return Figures(measures=tuple(measures.split()), rows=together(*parts))
