"""Who must have a row: what the center answered, words, the entries of a list, the units of a calendar, or both."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from ccmm_rules.evidence import Span
from ccmm_rules.operators.groups import expected_of
from ccmm_rules.operators.rowset import Chosen, rows_of
from ccmm_rules.operators.table import Table
from ccmm_rules.operators.view import View
from ccmm_rules.spec import Grouping


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Groups that must have a row, None: no list of them. `hoped`: in the best look, where it differs."""

    groups: tuple[object, ...] | None = None
    hoped: tuple[object, ...] | None = None
    why: str = ""  # unanswered, empty
    key_ids: frozenset[str] = frozenset()  # of the entries, where their pseudonyms are compared


def expecting(group: Grouping | None, view: View, units: Sequence[Span], watermark_ms: int) -> Expected:
    """`units`: the closed units of the read's grain."""
    if group is None:
        return Expected()
    if group.grain:
        return Expected(groups=tuple(unit.from_ms for unit in units))
    if group.entries is not None:
        return _of_entries(group, rows_of(group.entries, view, None, watermark_ms), units)
    groups, why = expected_of(group, view)
    return Expected(groups=_each(group, groups, units) if groups is not None else None, why=why)


def _of_entries(group: Grouping, entries: Chosen, units: Sequence[Span]) -> Expected:
    """An entry of which it cannot be said whether it belongs is expected in the worst look only."""
    table, places = entries.table, entries.places
    sure = [at for at in places if at not in entries.maybe]
    everyone, certain = (_named(table, group.entry_key, chosen) for chosen in (places, sure))
    pseudonymous = table.types[group.entry_key].startswith("@")
    return Expected(
        groups=_each(group, everyone, units),
        hoped=_each(group, certain, units) if len(certain) < len(everyone) else None,
        why="" if everyone else "empty",
        key_ids=frozenset(table.key_ids[at] for at in places) if pseudonymous else frozenset(),
    )


def _named(table: Table, key: str, places: Sequence[int]) -> tuple[object, ...]:
    return tuple(dict.fromkeys(value for value in table.pick(key, places) if value is not None))


def _each(group: Grouping, groups: Sequence[object], units: Sequence[Span]) -> tuple[object, ...]:
    return tuple(product(groups, [unit.from_ms for unit in units])) if group.each else tuple(groups)


def groups_of(group: Grouping | None, table: Table, places: Sequence[int], units: Sequence[Span]) -> Sequence[object]:
    """The group of each row, comparable with those expected. None: in the unit that is still running."""
    if group is None:
        return [""] * len(places)
    if not group.unit:
        return table.pick(group.by, places)
    begins = [unit.from_ms for unit in units]
    found: list[object] = []
    for at in places:
        start = table.starts[at]
        unit = bisect_right(begins, start) - 1
        inside = unit >= 0 and start < units[unit].to_ms
        found.append(begins[unit] if inside else None)
    if not group.each:
        return found
    values = table.pick(group.by, places)
    return [(value, begin) if begin is not None else None for value, begin in zip(values, found, strict=True)]
