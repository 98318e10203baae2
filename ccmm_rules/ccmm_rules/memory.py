"""Evidence from plain Python facts: for scenarios, tests, and the auditor's examples. Statements may be taken away."""

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from operator import attrgetter, itemgetter
from typing import TypeVar

from ccmm_rules.evidence import (
    Alteration,
    Answer,
    Happening,
    Hole,
    Listing,
    MeasureRow,
    SourceFacts,
    Span,
    Waiver,
)

T = TypeVar("T")
BACKFILL_MS = 48 * 3_600_000
PAPERS = ("document", "attestation")  # each run restates all that are there


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One run in one statement. `listing` and `happenings` by kind, `rows` by measure; the engine's own shapes."""

    agent: str
    sequence: int
    recorded_ms: int
    source: str
    feeds: tuple[str, ...]
    covers: Span | None
    outcome: str = "OBSERVED"
    every_s: int = 3600
    listings: Mapping[str, Listing] = field(default_factory=dict)
    happenings: Mapping[str, Sequence[Happening]] = field(default_factory=dict)
    rows: Mapping[str, Sequence[MeasureRow]] = field(default_factory=dict)


class MemoryEvidence:
    """What is known of one center at `at_ms`; order means nothing, a repeated (agent, sequence, source) counts once."""

    def __init__(
        self,
        facts: Sequence[Fact],
        profile: Mapping[str, object] | None = None,
        *,
        at_ms: int | None = None,
        center: str = "center",
        expected: Mapping[str, Sequence[tuple[str, str]]] | None = None,
        waivers: Sequence[Waiver] = (),
    ) -> None:
        unique = {(fact.agent, fact.sequence, fact.source): fact for fact in facts}
        known = [fact for fact in unique.values() if at_ms is None or fact.recorded_ms <= at_ms]
        self.facts = sorted(known, key=lambda fact: (fact.recorded_ms, fact.agent, fact.sequence, fact.source))
        self.center, self.log_id, self.log_index = center, "memory", len(self.facts) - 1
        self._profile = {
            name: value if isinstance(value, Answer) else Answer(value=value, until_ms=None, log_index=-1)
            for name, value in (profile or {}).items()
        }
        self._expected = expected or {}
        self._waivers = tuple(waivers)
        self._by_feed: dict[str, list[tuple[int, Fact]]] = {}
        for index, fact in enumerate(self.facts):
            for feed in dict.fromkeys(fact.feeds):
                self._by_feed.setdefault(feed, []).append((index, fact))
        self._rows: dict[str, list[MeasureRow]] = {}
        self._happenings: dict[str, list[Happening]] = {}

    def profile(self) -> Mapping[str, Answer]:
        return self._profile

    def feeding(self, feed: str) -> Sequence[SourceFacts]:
        by_source: dict[tuple[str, str], list[tuple[int, Fact]]] = {key: [] for key in self._expected.get(feed, ())}
        for index, fact in self._by_feed.get(feed, ()):
            by_source.setdefault((fact.agent, fact.source), []).append((index, fact))
        return [_source_facts(key, runs) for key, runs in sorted(by_source.items())]

    def holes(self) -> Sequence[Hole]:
        """Numbers that are not there between, or before, those that are."""
        created: dict[str, dict[int, int]] = {}
        for fact in self.facts:
            created.setdefault(fact.agent, {})[fact.sequence] = fact.recorded_ms
        holes = []
        for agent, numbers in sorted(created.items()):
            previous, before = -1, 0
            for number in sorted(numbers):
                if number > previous + 1:
                    holes.append(Hole(agent=agent, from_ms=before, to_ms=numbers[number]))
                previous, before = number, numbers[number]
        return holes

    def slots(self, measure: str, span: Span) -> Sequence[MeasureRow]:
        if measure not in self._rows:
            rows = {
                (row.agent, row.source, row.dimensions, row.start_ms): row
                for fact in self.facts
                for row in fact.rows.get(measure, ())
            }
            self._rows[measure] = sorted(rows.values(), key=attrgetter("start_ms", "agent", "source", "dimensions"))
        told, start = self._rows[measure], attrgetter("start_ms")
        return told[bisect_left(told, span.from_ms, key=start) : bisect_left(told, span.to_ms, key=start)]

    def totals(self, measure: str, span: Span) -> Sequence[MeasureRow]:
        parts: dict[tuple[str, str, object], list[MeasureRow]] = {}
        for row in self.slots(measure, span):
            parts.setdefault((row.agent, row.source, row.dimensions), []).append(row)
        return [summed(parts[key]) for key in sorted(parts, key=str)]

    def noted(
        self,
        key: str,
        measures: Sequence[str],
        days: Sequence[Span],
        make: Callable[[Sequence[Span]], Sequence[str]],
    ) -> Sequence[str]:
        """Made anew each time."""
        return make(days)

    def kept(self, key: Hashable, measures: Sequence[str], span: Span, make: Callable[[], Sequence[T]]) -> Sequence[T]:
        """Made anew each time."""
        return make()

    def listings(self, kind: str) -> Sequence[Listing]:
        newest: dict[tuple[str, str], tuple[int, Listing]] = {}
        for index, fact in enumerate(self.facts):
            listing = fact.listings.get(kind) or _found_nothing(fact, kind)
            key = (fact.agent, fact.source)
            if listing is not None and (key not in newest or newest[key][1].as_of_ms <= listing.as_of_ms):
                newest[key] = (index, listing)
        return [replace(listing, log_index=index) for _, (index, listing) in sorted(newest.items(), key=itemgetter(0))]

    def listed_until(self, kind: str, agent: str, source: str, at_ms: int) -> int | None:
        told = [
            listing.as_of_ms
            for fact in self.facts
            if (fact.agent, fact.source) == (agent, source)
            and (listing := fact.listings.get(kind) or _found_nothing(fact, kind)) is not None
        ]
        return max((as_of_ms for as_of_ms in told if as_of_ms <= at_ms), default=None)

    def happenings(self, kind: str, span: Span) -> Sequence[Happening]:
        """Told again, stamps are added: the newest telling of an occurrence holds."""
        if kind not in self._happenings:
            told = {
                (happening.agent, happening.source, happening.id): happening
                for fact in self.facts
                for happening in fact.happenings.get(kind, ())
            }
            self._happenings[kind] = sorted(
                told.values(), key=lambda told: (told.started_ms, str(told.id), told.source)
            )
        return [
            happening
            for happening in self._happenings[kind]
            if span.from_ms <= happening.started_ms < span.to_ms
            or (happening.ended_ms is None and happening.started_ms < span.from_ms)
        ]

    def alterations(self, kind: str, span: Span) -> Sequence[Alteration]:
        lists: dict[tuple[str, str], list[Listing]] = {}
        for fact in self.facts:
            listing = fact.listings.get(kind) or _found_nothing(fact, kind)
            if listing is not None:
                lists.setdefault((fact.agent, fact.source), []).append(listing)
        found = [
            change
            for told in lists.values()
            for older, newer in pairwise(sorted(told, key=attrgetter("as_of_ms")))
            if span.from_ms <= newer.as_of_ms < span.to_ms
            for change in _altered(older, newer)
        ]
        return sorted(found, key=lambda change: (change.at_ms, str(change.key), change.agent, change.source))

    def waivers(self) -> Sequence[Waiver]:
        return self._waivers


def _found_nothing(fact: Fact, kind: str) -> Listing | None:
    """The empty list of who looked and found nothing: papers, or the only thing that the source has to tell."""
    if fact.outcome != "EMPTY" or fact.covers is None or kind not in fact.feeds:
        return None
    if kind not in PAPERS and fact.feeds != (kind,):
        return None
    return Listing(agent=fact.agent, source=fact.source, as_of_ms=fact.covers.to_ms, log_index=0, key_id="")


def _altered(older: Listing, newer: Listing) -> Iterator[Alteration]:
    before = {entry.key: entry.attributes for entry in older.entries}
    after = {entry.key: entry.attributes for entry in newer.entries}
    for key in sorted(before.keys() | after.keys(), key=str):
        if before.get(key) != after.get(key):
            yield Alteration(
                agent=newer.agent,
                source=newer.source,
                key_id=newer.key_id or older.key_id,
                at_ms=newer.as_of_ms,
                key=key,
                before=before.get(key),
                after=after.get(key),
            )


def _source_facts(key: tuple[str, str], runs: Sequence[tuple[int, Fact]]) -> SourceFacts:
    vouched = [fact for _, fact in runs if fact.outcome in ("OBSERVED", "EMPTY") and fact.covers is not None]
    newest = runs[-1][1] if runs else None
    return SourceFacts(
        agent=key[0],
        source=key[1],
        plugin="memory",
        every_s=newest.every_s if newest is not None else 3600,
        covered=merged([fact.covers for fact in vouched if fact.covers is not None]),
        backfilled=merged(
            [
                Span(fact.covers.from_ms, min(fact.covers.to_ms, fact.recorded_ms - BACKFILL_MS))
                for fact in vouched
                if fact.covers is not None and fact.covers.from_ms < fact.recorded_ms - BACKFILL_MS
            ]
        ),
        newest_outcome=newest.outcome if newest is not None else "",
        newest_reason="",
        log_index=runs[-1][0] if runs else -1,
    )


def merged(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Sorted, joined where they touch."""
    result: list[Span] = []
    for span in sorted(spans):
        if result and span.from_ms <= result[-1].to_ms:
            result[-1] = Span(result[-1].from_ms, max(result[-1].to_ms, span.to_ms))
        else:
            result.append(span)
    return tuple(result)


def summed(rows: Sequence[MeasureRow]) -> MeasureRow:
    gauges = [row.gauge for row in rows if row.gauge is not None]
    lows, highs, lasts = zip(*gauges, strict=True) if gauges else ((), (), ())
    return rows[0]._replace(
        gauge=(min(lows), max(highs), lasts[-1]) if gauges else None,
        count=sum(row.count for row in rows),
        total=sum(row.total for row in rows),
        buckets=tuple(map(sum, zip(*(row.buckets for row in rows if row.buckets), strict=True))),
        unfinished=sum(row.unfinished for row in rows),
    )
