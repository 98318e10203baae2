"""Evidence with a part of it made otherwise: what a center would show had it polished one of its systems.

Altered(known, rows={"recording": lambda row: [] if hits(row.id, 10) else [row]})

Each row, entry or slot is altered by itself, so the answer for a span does not depend on which span is asked for.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import TypeVar
from zlib import crc32

from ccmm_rules.evidence import (
    Alteration,
    Answer,
    Entry,
    Evidence,
    Happening,
    Hole,
    Listing,
    MeasureRow,
    SourceFacts,
    Span,
    Waiver,
)
from ccmm_rules.memory import merged, summed

T = TypeVar("T")


def hits(id: object, of: int) -> bool:
    """True for about one of so many, always the same ones."""
    return crc32(str(id).encode()) % of == 0


class Altered:
    """All of another evidence but what is named here, by kind or measure."""

    def __init__(
        self,
        base: Evidence,
        *,
        rows: Mapping[str, Callable[[Happening], Sequence[Happening]]] | None = None,
        more: Mapping[str, Sequence[Happening]] | None = None,
        entries: Mapping[str, Callable[[Entry], Sequence[Entry]]] | None = None,
        slots: Mapping[str, Callable[[MeasureRow], MeasureRow]] | None = None,
        changes: Mapping[str, Sequence[Alteration]] | None = None,
        profile: Mapping[str, object] | None = None,
        listed_from_ms: int | None = None,
        heard_like: Mapping[str, str] | None = None,
    ) -> None:
        self._base = base
        self.center, self.log_id, self.log_index = base.center, base.log_id, base.log_index
        self._rows, self._more, self._entries = rows or {}, more or {}, entries or {}
        self._slots, self._changes, self._profile = slots or {}, changes or {}, profile or {}
        self._listed_from_ms, self._heard_like = listed_from_ms, heard_like or {}

    @property
    def feeds(self) -> frozenset[str]:
        """What is altered: rules that read none of it stay as they are."""
        return frozenset((*self._rows, *self._more, *self._entries, *self._slots, *self._changes))

    def profile(self) -> Mapping[str, Answer]:
        given = {name: Answer(value=value, until_ms=None, log_index=-1) for name, value in self._profile.items()}
        return {**self._base.profile(), **given}

    def feeding(self, feed: str) -> Sequence[SourceFacts]:
        """As if lists had been read for as long as all else, and what is new had been heard like the old."""
        told = self._base.feeding(self._heard_like.get(feed, feed))
        if self._listed_from_ms is None:
            return told
        return [
            replace(one, covered=merged([*one.covered, Span(self._listed_from_ms, one.covered[-1].to_ms)]))
            for one in told
            if one.covered
        ]

    def holes(self) -> Sequence[Hole]:
        return self._base.holes()

    def totals(self, measure: str, span: Span) -> Sequence[MeasureRow]:
        if measure not in self._slots:
            return self._base.totals(measure, span)
        parts: dict[tuple[str, str, object], list[MeasureRow]] = {}
        for row in self.slots(measure, span):
            parts.setdefault((row.agent, row.source, row.dimensions), []).append(row)
        return [summed(parts[key]) for key in sorted(parts, key=str)]

    def slots(self, measure: str, span: Span) -> Sequence[MeasureRow]:
        told = self._base.slots(measure, span)
        alter = self._slots.get(measure)
        return told if alter is None else [alter(row) for row in told]

    def noted(
        self, key: str, measures: Sequence[str], days: Sequence[Span], make: Callable[[Sequence[Span]], Sequence[str]]
    ) -> Sequence[str]:
        """Made anew each time."""
        return make(days)

    def kept(self, key: Hashable, measures: Sequence[str], span: Span, make: Callable[[], Sequence[T]]) -> Sequence[T]:
        """Made anew each time."""
        return make()

    def listings(self, kind: str) -> Sequence[Listing]:
        alter = self._entries.get(kind)
        if alter is None:
            return self._base.listings(kind)
        return [
            replace(one, entries=tuple(made for entry in one.entries for made in alter(entry)))
            for one in self._base.listings(kind)
        ]

    def listed_until(self, kind: str, agent: str, source: str, at_ms: int) -> int | None:
        return self._base.listed_until(kind, agent, source, at_ms)

    def happenings(self, kind: str, span: Span) -> Sequence[Happening]:
        told = self._base.happenings(kind, span)
        if (alter := self._rows.get(kind)) is not None:
            told = [made for row in told for made in alter(row)]
        if kind in self._more:
            told = [*told, *(row for row in self._more[kind] if span.from_ms <= row.started_ms < span.to_ms)]
            told.sort(key=lambda row: (row.started_ms, str(row.id), row.source))
        return told

    def alterations(self, kind: str, span: Span) -> Sequence[Alteration]:
        told = [*self._base.alterations(kind, span)]
        told += [one for one in self._changes.get(kind, ()) if span.from_ms <= one.at_ms < span.to_ms]
        return sorted(told, key=attrgetter("at_ms"))

    def waivers(self) -> Sequence[Waiver]:
        return self._base.waivers()
