"""What differs between lists that follow each other, and between a center's own answers, as known at one index."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from ccmm_collector import projection_sql as sql
from ccmm_collector.folds import Folds
from ccmm_collector.projection import View
from ccmm_rules.evidence import Alteration, AttributeValue, Entry, Span

Attributes = Mapping[str, AttributeValue]
SCOPE = "scope"  # in place of a source, where the center itself says otherwise than before
KEY_FIGURES, TARGETS = "key_kpis", "target."
_Kept = tuple[int, int, str, bytes]  # as of, log index, key id, digest of the body


def alterations_of(
    view: View, sources: Sequence[tuple[int, str, str]], kind: str, span: Span, folds: Folds
) -> list[Alteration]:
    """Shown by lists of the span, oldest first. Lists of one body are not unpacked: they do not differ."""
    found = [
        Alteration(
            agent=agent, source=source, key_id=newer[2] or older[2], at_ms=newer[0], key=key, before=before, after=after
        )
        for number, agent, source in sources
        for older, newer in _pairs(view, number, kind, span)
        for key, before, after in _differences(folds.entries(view, older[3]), folds.entries(view, newer[3]))
    ]
    return in_order(found)


def in_order(changes: Iterable[Alteration]) -> list[Alteration]:
    """Oldest first, then by key."""
    return sorted(changes, key=lambda change: (change.at_ms, str(change.key), change.agent, change.source))


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


def scope_alterations(view: View, span: Span) -> list[Alteration]:
    """What the center's own answers changed, as if they stood in a register: key figures, targets, expected lists.

    The first answer under a key is no change. An answer counts from the instant at which the log recorded it.
    """
    told: dict[str, list[tuple[int, Mapping[str, Attributes]]]] = {}
    for key, value_json, recorded_ms in view.projection.rows(sql.ANSWER_HISTORY, view.center, view.index):
        told.setdefault(key, []).append((recorded_ms, _entries(key, json.loads(value_json) if value_json else None)))
    return [
        Alteration(
            agent="", source=SCOPE, key_id="", at_ms=at_ms, key=entry, before=before.get(entry), after=after.get(entry)
        )
        for history in told.values()
        for (_, before), (at_ms, after) in pairwise(history)
        if span.from_ms <= at_ms < span.to_ms
        for entry in sorted(before.keys() | after.keys())
        if before.get(entry) != after.get(entry)
    ]


def _entries(key: str, value: object) -> Mapping[str, Attributes]:
    """The lines of a register that say what the answer says."""
    if value is None:
        return {}
    if key == KEY_FIGURES and isinstance(value, list):
        return {name: {"register": "key_kpi", "ref": name, "metrics": (name,)} for name in value}
    if key.startswith(TARGETS) and isinstance(value, int | float):
        metric = key.removeprefix(TARGETS).removesuffix(".low").removesuffix(".high")
        return {key: {"register": "target", "ref": metric, "metrics": (metric,), "number": float(value)}}
    said: Attributes = {"points": tuple(value)} if isinstance(value, list) else {"value": str(value)}
    return {key: {"register": "scope", "ref": key, **said}}
