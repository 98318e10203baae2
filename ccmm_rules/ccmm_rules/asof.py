"""What is known now of the time up to an earlier instant: evidence as it concerns that instant.

Coverage, measures, lists and occurrences end at the instant; what was filled in later counts. A list is the newest
one with the changes since then undone. Nothing here asks when something became known: that is the log's business.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from ccmm_rules.evidence import (
    Alteration,
    Answer,
    AttributeValue,
    Entry,
    Happening,
    Hole,
    Listing,
    MeasureRow,
    SourceFacts,
    Span,
    Waiver,
)
from ccmm_rules.operators.view import REACH_MS, View

T = TypeVar("T")
PLANS = frozenset(("due",))  # times that are set ahead, hence known before they come


class AsOf:
    """Evidence of the center of a view, up to `at_ms`. Sums are asked through the view, which keeps them."""

    def __init__(self, now: View, at_ms: int) -> None:
        self._now, self._at_ms = now, at_ms
        self.center, self.log_id = now.evidence.center, now.evidence.log_id
        self.log_index = now.evidence.log_index

    def profile(self) -> Mapping[str, Answer]:
        return self._now.evidence.profile()

    def feeding(self, feed: str) -> Sequence[SourceFacts]:
        return [self._clipped(source) for source in self._now.feeding(feed)]

    def _clipped(self, source: SourceFacts) -> SourceFacts:
        if source.watermark_ms is None or source.watermark_ms <= self._at_ms:
            return source
        return replace(
            source,
            covered=until(source.covered, self._at_ms),
            backfilled=until(source.backfilled, self._at_ms),
            newest_outcome="OBSERVED",
            newest_reason="",
        )

    def holes(self) -> Sequence[Hole]:
        """Those that a statement about the time before may have been lost in."""
        return [hole for hole in self._now.holes if hole.from_ms < self._at_ms + REACH_MS]

    def totals(self, measure: str, span: Span) -> Sequence[MeasureRow]:
        return self._now.totals(measure, self._within(span))

    def slots(self, measure: str, span: Span) -> Sequence[MeasureRow]:
        return self._now.slots(measure, self._within(span))

    def noted(
        self,
        key: str,
        measures: Sequence[str],
        days: Sequence[Span],
        make: Callable[[Sequence[Span]], Sequence[str]],
    ) -> Sequence[str]:
        """Days that were over by then are the same now."""
        over = [day for day in days if day.to_ms <= self._at_ms]
        return [*self._now.evidence.noted(key, measures, over, make), *make(days[len(over) :])]

    def kept(self, key: Hashable, measures: Sequence[str], span: Span, make: Callable[[], Sequence[T]]) -> Sequence[T]:
        """The time that was over by then is the same now."""
        return self._now.evidence.kept(key, measures, span, make) if span.to_ms <= self._at_ms else make()

    def _within(self, span: Span) -> Span:
        return Span(min(span.from_ms, self._at_ms), min(span.to_ms, self._at_ms))

    def listings(self, kind: str) -> Sequence[Listing]:
        """As of the instant, with the changes since undone; none where there was no list yet."""
        found = []
        for listing in self._now.listings(kind):
            until_ms = self.listed_until(kind, listing.agent, listing.source, self._at_ms)
            if until_ms is not None:
                found.append(listing if until_ms == listing.as_of_ms else self._undone(kind, listing, until_ms))
        return found

    def listed_until(self, kind: str, agent: str, source: str, at_ms: int) -> int | None:
        return self._now.evidence.listed_until(kind, agent, source, min(at_ms, self._at_ms))

    def _undone(self, kind: str, listing: Listing, until_ms: int) -> Listing:
        """No younger than the last list before the instant, where a list that came after it may be lost."""
        is_lost = any(hole.agent == listing.agent and hole.to_ms > until_ms for hole in self.holes())
        since = self._now.evidence.alterations(kind, Span(self._at_ms + 1, listing.as_of_ms + 1))
        entries: dict[str | int, Mapping[str, AttributeValue]] = {e.key: e.attributes for e in listing.entries}
        for change in reversed(since):
            if (change.agent, change.source) != (listing.agent, listing.source):
                continue
            if change.before is None:
                entries.pop(change.key, None)
            else:
                entries[change.key] = change.before
        kept = tuple(Entry(key=key, attributes=entries[key]) for key in sorted(entries, key=str))
        return replace(listing, as_of_ms=until_ms if is_lost else self._at_ms, entries=kept)

    def happenings(self, kind: str, span: Span) -> Sequence[Happening]:
        found = self._now.evidence.happenings(kind, Span(span.from_ms, min(span.to_ms, self._at_ms + 1)))
        known = self._now.vocabulary.kinds.get(kind)
        attributes = known.attributes.items() if known is not None else ()
        stamps = [name for name, attribute in attributes if attribute.word == "time" and name not in PLANS]
        return [self._so_far(row, stamps) for row in found if row.started_ms <= self._at_ms]

    def _so_far(self, row: Happening, stamps: Sequence[str]) -> Happening:
        """Without its end and stamps that came later."""
        later = {name for name in stamps if isinstance(at := row.attributes.get(name), int) and at > self._at_ms}
        ended = row.ended_ms if row.ended_ms is not None and row.ended_ms <= self._at_ms else None
        if not later and ended == row.ended_ms:
            return row
        kept = {name: value for name, value in row.attributes.items() if name not in later}
        return replace(row, ended_ms=ended, attributes=kept)

    def alterations(self, kind: str, span: Span) -> Sequence[Alteration]:
        if span.from_ms > self._at_ms:
            return ()
        return self._now.evidence.alterations(kind, Span(span.from_ms, min(span.to_ms, self._at_ms + 1)))

    def waivers(self) -> Sequence[Waiver]:
        return self._now.evidence.waivers()


def until(spans: Sequence[Span], at_ms: int) -> tuple[Span, ...]:
    """The parts before the instant."""
    return tuple(Span(span.from_ms, min(span.to_ms, at_ms)) for span in spans if span.from_ms < at_ms)
