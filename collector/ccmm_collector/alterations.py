"""What differs between the complete lists of a source that follow each other, as known at one index."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from ccmm_collector import projection_sql as sql
from ccmm_collector.folds import Folds
from ccmm_collector.projection import View
from ccmm_rules.evidence import Alteration, AttributeValue, Entry, Span

Attributes = Mapping[str, AttributeValue]
_Kept = tuple[int, int, str, bytes]  # as of, log index, key id, digest of the body


def alterations_of(
    view: View, sources: Sequence[tuple[int, str, str]], kind: str, span: Span, folds: Folds
) -> list[Alteration]:
    """Shown by lists of the span, oldest first. Lists of one body are not unpacked: they do not differ."""
    found = [
        Alteration(agent=agent, source=source, key_id=newer[2], at_ms=newer[0], key=key, before=before, after=after)
        for number, agent, source in sources
        for older, newer in _pairs(view, number, kind, span)
        for key, before, after in _differences(folds.entries(view, older[3]), folds.entries(view, newer[3]))
    ]
    return sorted(found, key=lambda change: (change.at_ms, str(change.key), change.agent, change.source))


def _pairs(view: View, source: int, kind: str, span: Span) -> Iterator[tuple[_Kept, _Kept]]:
    """The last list before the span and those in it, two by two, where their bodies differ."""
    before = view.projection.rows(sql.LIST_BEFORE, source, kind, span.from_ms, view.index)
    inside = view.projection.rows(sql.LISTS, source, kind, span.from_ms, span.to_ms, view.index)
    for older, newer in pairwise([*before, *inside]):
        if older[3] != newer[3]:
            yield older, newer


def _differences(
    older: Sequence[Entry], newer: Sequence[Entry]
) -> Iterator[tuple[str | int, Attributes | None, Attributes | None]]:
    before = {entry.key: entry.attributes for entry in older}
    after = {entry.key: entry.attributes for entry in newer}
    for key in before.keys() | after.keys():
        if before.get(key) != after.get(key):
            yield key, before.get(key), after.get(key)
