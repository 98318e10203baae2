"""Words for altering evidence (`tests.support.altered`): drop these rows, edit those entries, multiply that count."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ccmm_rules.evidence import AttributeValue, Entry, Happening, MeasureRow
from tests.support.altered import hits

MINUTE, DAY = 60_000, 86_400_000
Rows = Callable[[Happening], Sequence[Happening]]
Entries = Callable[[Entry], Sequence[Entry]]
Slots = Callable[[MeasureRow], MeasureRow]


def with_attributes(row: Happening, **more: AttributeValue) -> Happening:
    return replace(row, attributes={**row.attributes, **_plain(more)})


def like(row: Happening, id: str | int, attributes: Mapping[str, AttributeValue], after_ms: int = 0) -> Happening:
    """Another one, of the same source and about the same time."""
    return replace(row, id=id, started_ms=row.started_ms + after_ms, ended_ms=None, attributes=attributes)


def drop(wanted: Callable[[Happening], bool]) -> Rows:
    return lambda row: [] if wanted(row) else [row]


def edit(wanted: Callable[[Happening], bool], **more: AttributeValue) -> Rows:
    return lambda row: [with_attributes(row, **more) if wanted(row) else row]


def where(**words: AttributeValue) -> Callable[[Happening | Entry], bool]:
    """Those whose attributes are so; `class_` stands for `class`."""
    return lambda one: all(one.attributes.get(name) == word for name, word in _plain(words).items())


def some(of: int, **words: AttributeValue) -> Callable[[Happening], bool]:
    """About one of so many of them."""
    among = where(**words)
    return lambda row: among(row) and hits((row.id, row.started_ms), of)


def edit_entry(wanted: Callable[[Entry], bool], **more: AttributeValue) -> Entries:
    return lambda entry: [replace(entry, attributes={**entry.attributes, **_plain(more)}) if wanted(entry) else entry]


def strike(wanted: Callable[[Entry], bool]) -> Entries:
    return lambda entry: [] if wanted(entry) else [entry]


def times(factor: float) -> Slots:
    return lambda row: row._replace(count=round(row.count * factor), total=row.total * factor)


def by(row: MeasureRow, dimension: str) -> str | int:
    return dict(row.dimensions).get(dimension, "")


def _plain(words: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    return {name.rstrip("_"): word for name, word in words.items()}
