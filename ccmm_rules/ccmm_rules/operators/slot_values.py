"""A metric's value slot by slot: what breaches and signals are made of."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from ccmm_rules.evidence import Span
from ccmm_rules.operators.day_notes import divided, notes_of
from ccmm_rules.operators.slot_cells import Cells, cells_of, nothing
from ccmm_rules.operators.slot_grid import Grid, grid_of
from ccmm_rules.operators.stillness import restless
from ccmm_rules.operators.tally import Tally, ends_of, sample_of, value_of
from ccmm_rules.operators.view import View
from ccmm_rules.spec import DAY_MS
from ccmm_rules.vocabulary.tables import Metric, load_vocabulary

Group = str | int
Band = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotValue:
    """One slot of one group. `place` numbers the slots of the window: neighbours differ by one."""

    place: int
    slot: Span
    value: float
    ends: tuple[float, float]  # of a gauge its range in the slot, else the value twice


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotValues:
    """By group, oldest first; slots with nothing to divide are left out."""

    groups: dict[Group, tuple[SlotValue, ...]]
    until_ms: int  # end of the last closed slot
    trouble: str = ""  # disputed; uncovered, where a gauge was not read


Values = dict[Group, list[SlotValue]]


def slot_values(metric: Metric, every: str, by: str, view: View, span: Span, within: Band | None = None) -> SlotValues:
    """Of all slots that are closed by the end of the span, or of those outside `within`; made once for all that ask."""
    key = ("slot values", metric.id, every, by, span, within)
    return view.once(key, lambda: _slot_values(metric, every, by, view, span, within))


def _slot_values(metric: Metric, every: str, by: str, view: View, span: Span, within: Band | None) -> SlotValues:
    assert view.zone is not None
    settled = Span(span.from_ms, span.to_ms // metric.period_ms * metric.period_ms)
    grid = grid_of(settled, every, metric.period_ms, view.zone)
    if not grid.count:
        return SlotValues(groups={}, until_ms=span.from_ms)
    closed = grid.span()
    short = 0 < grid.length_ms < DAY_MS
    found: Values = {}
    trouble = ""
    for part in restless(metric, closed, within, view) if short and within is not None else [closed]:
        noted = _noted(metric, by, grid, part, within, view) if short and within is not None else None
        values, why = noted or _read(metric, by, grid, part, within, view)
        _add(found, values)
        trouble = why if why == "disputed" else trouble or why
    groups = {group: tuple(found[group]) for group in sorted(found, key=str)}
    return SlotValues(groups=groups, until_ms=closed.to_ms, trouble=trouble)


def _noted(metric: Metric, by: str, grid: Grid, part: Span, within: Band, view: View) -> tuple[Values, str] | None:
    """Put together from notes of whole days; None where these are not worth it, or do not end with slots."""
    pieces = divided(part, view)
    if pieces is None or metric.is_gauge or metric.formula in ("count", "chi2_p"):
        return None
    cuts = (*(day.from_ms for day in pieces.days), pieces.tail.from_ms)
    if any((cut - grid.begin_ms) % grid.length_ms for cut in cuts):
        return None

    def made(days: Sequence[Span]) -> list[str]:
        values, trouble = _read(metric, by, grid, Span(days[0].from_ms, days[-1].to_ms), within, view)
        if trouble and len(days) > 1:  # which day it is
            alone = [(day, _read(metric, by, grid, day, within, view)) for day in days]
            return [_note(values, day, trouble) for day, (values, trouble) in alone]
        return [_note(values, day, trouble) for day in days]

    parts = [
        _read(metric, by, grid, end, within, view) for end in (pieces.head, pieces.tail) if end.from_ms < end.to_ms
    ]
    notes = notes_of(("beyond", grid.length_ms, by, within), metric, pieces.days, view, made)
    parts += [_told(note, grid) for note in notes]
    found: Values = {}
    for values, _ in parts:
        _add(found, values)
    ordered = {group: sorted(values, key=attrgetter("place")) for group, values in found.items()}
    return ordered, next((why for _, why in parts if why), "")


def _told(note: str, grid: Grid) -> tuple[Values, str]:
    """What `_note` noted."""
    found: Values = {}
    trouble, told = json.loads(note)
    for group, start_ms, value in told:
        place = grid.place(start_ms)
        one = SlotValue(place=place, slot=grid.slot(place), value=value, ends=(value, value))
        found.setdefault(group, []).append(one)
    return found, trouble


def _note(values: Values, day: Span, trouble: str) -> str:
    told = [
        (group, value.slot.from_ms, value.value)
        for group, held in values.items()
        for value in held
        if day.from_ms <= value.slot.from_ms < day.to_ms
    ]
    return json.dumps([trouble, told], ensure_ascii=False, separators=(",", ":"))


def _add(found: Values, values: Values) -> None:
    for group, told in values.items():
        found.setdefault(group, []).extend(told)


def _read(metric: Metric, by: str, grid: Grid, part: Span, within: Band | None, view: View) -> tuple[Values, str]:
    """Of the slots that touch a part of the grid: by group, and what troubles them."""
    places = grid.within(part)
    whole = Span(grid.slot(places[0]).from_ms, grid.slot(places[-1]).to_ms)
    is_short = 0 < grid.length_ms < DAY_MS
    bases = [grid.slot(place) for place in (places[:1] if is_short else places)]
    cells, disputed = cells_of(metric, (), by, view, [whole], bases, by_notes=within is None)
    cells = cells or ({} if by else {"": nothing(metric)})
    groups: Values = {}
    unread = False
    for group, held in cells.items():
        groups[group] = list(_values(metric, held, grid, places, within))  # type: ignore[index]  # of a dimension
        unread = unread or (metric.is_gauge and _unread(metric, held, grid, places))
    return groups, "disputed" if disputed else "uncovered" if unread else ""


def _values(metric: Metric, cells: Cells, grid: Grid, places: range, within: Band | None) -> Iterator[SlotValue]:
    """A count of nothing is zero; of all else only slots in which something was told have a value."""
    known: dict[Tally, float | None] = {}  # many slots are alike
    for place, tally in _tallies(metric, cells, grid, places):
        value = known[tally] if tally in known else known.setdefault(tally, _value(metric, tally))
        if value is None:
            continue
        ends = ends_of(metric, tally) if metric.is_gauge else (value, value)
        if within is None or ends[0] < within[0] or ends[1] > within[1]:
            yield SlotValue(place=place, slot=grid.slot(place), value=value, ends=ends)


def _value(metric: Metric, tally: Tally) -> float | None:
    """None where there is nothing to judge."""
    is_enough = metric.formula == "count" or sample_of(metric, tally) >= 1
    return value_of(metric, tally) if is_enough else None


def _tallies(metric: Metric, cells: Cells, grid: Grid, places: range) -> Iterator[tuple[int, Tally]]:
    """By slot, oldest first. A slot of one period is a cell as it stands."""
    finest_ms = min(load_vocabulary().measures[measure].period_s for measure in metric.measures) * 1000
    starts = cells.starts
    if metric.formula == "count":
        yield from ((place, cells.tally(grid.slot(place))) for place in places)
    elif 0 < grid.length_ms <= finest_ms:
        columns = [[part[start] for start in starts] for part in cells.parts]
        yield from zip(map(grid.place, starts), zip(*columns, strict=True), strict=True)
    else:
        told = dict.fromkeys(map(grid.place, starts))
        yield from ((place, cells.tally(grid.slot(place))) for place in told)


def _unread(metric: Metric, cells: Cells, grid: Grid, places: range) -> bool:
    read = {place for place, tally in _tallies(metric, cells, grid, places) if sample_of(metric, tally) >= 1}
    return len(read) < len(places)
