"""Durations of call tables: a negative one, as real exports have, is not taken and told of; the call itself counts."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ccmm_agent.delimited import BadTable
from ccmm_agent.plugin import BadOption
from ccmm_tables.columns import Field, Row, duration_of, joined, text_of
from ccmm_tables.declared import Declared


@dataclass(slots=True)
class Odd:
    """What a row has that is told of: how many of its durations are negative."""

    negative: int = 0


def told_of(odds: Iterable[Odd]) -> str:
    """For the detail of a run; empty where nothing was odd."""
    negative = sum(odd.negative for odd in odds)
    return f"{negative} negative durations are not taken" if negative else ""


def split(declared: Declared, names: tuple[str, ...]) -> tuple[Declared, tuple[Field, ...]]:
    """The columns without those of durations, and these. Raises BadOption: they are seconds or H:MM:SS always."""
    lasting = tuple(one for one in declared.fields if one.name in names)
    for one in lasting:
        if one.unit is not None:
            raise BadOption(f"durations.{one.name}", "nothing: durations are seconds, or H:MM:SS")
    return replace(declared, fields=tuple(one for one in declared.fields if one.name not in names)), lasting


def seconds_in(row: Row, one: Field, odd: Odd) -> float | None:
    """None for an empty cell, and for a negative duration. Raises BadTable."""
    cell = joined(row, one.columns)
    if cell is None:
        return None
    if text_of(cell).strip().startswith("-"):
        odd.negative += 1
        return None
    try:
        return duration_of(cell)
    except BadTable as error:
        raise BadTable(error.args[0], row=row.number, column=" + ".join(one.columns)) from error
