"""What a source vouched for: its runs folded one by one, so that one run more costs the same however many there were.

>>> merge([], Span(0, 10)), merge([Span(0, 10)], Span(10, 20)), subtract([Span(0, 20)], [Span(5, 10)])
([Span(from_ms=0, to_ms=10)], [Span(from_ms=0, to_ms=20)], [Span(from_ms=0, to_ms=5), Span(from_ms=10, to_ms=20)])
"""

import json
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Self

from ccmm_proto.period import HOUR_MS
from ccmm_proto.v1.statement_pb2 import Outcome
from ccmm_rules.evidence import SourceFacts, Span

_OUTCOMES: dict[int, str] = {number: name for name, number in Outcome.items()}
BACKFILL_MS = 48 * HOUR_MS  # recorded later than this after its end, a period is backfilled
RunRow = tuple[int, int, int, str, int, str, int, int | None, int | None, int, str]  # columns of projection_sql.RUNS


def merge(spans: list[Span], span: Span) -> list[Span]:
    """Put one more span into merged, sorted spans (in place); touching ones become one, empty ones vanish."""
    if span.from_ms >= span.to_ms:
        return spans
    first = bisect_left(spans, span.from_ms, key=lambda held: held.to_ms)
    after = first
    from_ms, to_ms = span.from_ms, span.to_ms
    while after < len(spans) and spans[after].from_ms <= to_ms:
        from_ms, to_ms = min(from_ms, spans[after].from_ms), max(to_ms, spans[after].to_ms)
        after += 1
    spans[first:after] = [Span(from_ms, to_ms)]
    return spans


def subtract(spans: Iterable[Span], holes: Sequence[Span]) -> list[Span]:
    """What of merged, sorted spans lies in none of the merged, sorted holes."""
    left: list[Span] = []
    for span in spans:
        from_ms = span.from_ms
        for hole in holes[bisect_left(holes, from_ms, key=lambda held: held.to_ms) :]:
            if hole.from_ms >= span.to_ms:
                break
            if from_ms < hole.from_ms:
                left.append(Span(from_ms, hole.from_ms))
            from_ms = max(from_ms, hole.to_ms)
        if from_ms < span.to_ms:
            left.append(Span(from_ms, span.to_ms))
    return left


@dataclass(slots=True)
class Coverage:
    """Runs of one source that feed the same, folded."""

    covered: list[Span] = field(default_factory=list)
    timely: list[Span] = field(default_factory=list)  # recorded within 48 h of their end
    newest: tuple[int, int] = (-1, -1)  # due time and order of the newest run
    plugin: str = ""
    outcome: str = ""
    reason: str = ""
    every_s: int = 0
    log_index: int = -1

    def add(self, run: RunRow) -> None:
        """Fold one more run in; the order does not matter."""
        ord_, index, recorded_ms, plugin, outcome, reason, due_ms, from_ms, to_ms, every_s, _ = run
        self.log_index = max(self.log_index, index)
        if (due_ms, ord_) > self.newest:
            self.newest = (due_ms, ord_)
            self.plugin, self.outcome, self.reason, self.every_s = plugin, _OUTCOMES[outcome], reason, every_s
        if from_ms is not None and to_ms is not None:
            merge(self.covered, Span(from_ms, to_ms))
            merge(self.timely, Span(max(from_ms, recorded_ms - BACKFILL_MS), to_ms))

    def join(self, other: "Coverage") -> None:
        """Fold all runs of another one in."""
        self.log_index = max(self.log_index, other.log_index)
        if other.newest > self.newest:
            self.newest, self.plugin, self.outcome = other.newest, other.plugin, other.outcome
            self.reason, self.every_s = other.reason, other.every_s
        for span in other.covered:
            merge(self.covered, span)
        for span in other.timely:
            merge(self.timely, span)

    def state(self) -> list[Any]:
        """All of it, as JSON holds it."""
        spans = [[[span.from_ms, span.to_ms] for span in spans] for spans in (self.covered, self.timely)]
        return [*spans, *self.newest, self.plugin, self.outcome, self.reason, self.every_s, self.log_index]

    @classmethod
    def of_state(cls, state: list[Any]) -> Self:
        """What `state` told."""
        covered, timely, due_ms, ord_, *rest = state
        return cls([Span(*span) for span in covered], [Span(*span) for span in timely], (due_ms, ord_), *rest)

    def facts(self, agent: str, source: str, late: Iterable[Span] = ()) -> SourceFacts:
        """As the engine reads it, with spans of which something was told later, be it a revision."""
        backfilled = subtract(self.covered, self.timely)
        for span in late:
            merge(backfilled, span)
        return SourceFacts(
            agent=agent,
            source=source,
            plugin=self.plugin,
            every_s=self.every_s,
            covered=tuple(self.covered),
            backfilled=tuple(backfilled),
            newest_outcome=self.outcome,
            newest_reason=self.reason,
            log_index=self.log_index,
        )


@dataclass(slots=True)
class SourceRuns:
    """All runs of one source, by what they feed: a run vouches only for what it names."""

    by_feeds: dict[str, Coverage] = field(default_factory=dict)
    feeds: set[str] = field(default_factory=set)  # everything it ever said to feed: a source once seen stays expected
    late: dict[str, list[Span]] = field(default_factory=dict)  # by feed, what it told more than 48 h later

    def add(self, run: RunRow) -> None:
        """Fold one more run in."""
        self.by_feeds.setdefault(run[-1], Coverage()).add(run)
        self.feeds.update(_names(run[-1]))

    def add_late(self, feed: str, span: Span) -> None:
        """Something was told of a time long past: it does not count as told in time, whatever was told before."""
        merge(self.late.setdefault(feed, []), span)

    def state(self) -> list[Any]:
        """All of it, as JSON holds it."""
        late = {feed: [[span.from_ms, span.to_ms] for span in spans] for feed, spans in self.late.items()}
        return [[[feeds, coverage.state()] for feeds, coverage in self.by_feeds.items()], late]

    @classmethod
    def of_state(cls, state: list[Any]) -> Self:
        """What `state` told."""
        runs, late = state
        by_feeds = {feeds: Coverage.of_state(told) for feeds, told in runs}
        spans = {feed: [Span(*span) for span in told] for feed, told in late.items()}
        return cls(by_feeds, {name for feeds in by_feeds for name in _names(feeds)}, spans)

    def coverage(self, feed: str | None = None) -> Coverage:
        """What vouches for a feed, or for anything at all.

        A run that could not look and does not know what it would have fed (a broken configuration) speaks of all feeds.
        """
        joined = Coverage()
        for feeds, coverage in self.by_feeds.items():
            named = _names(feeds)
            if feed is None or feed in named or not (named or coverage.covered):
                joined.join(coverage)
        return joined

    def facts(self, agent: str, source: str, feed: str | None = None) -> SourceFacts:
        """As the engine reads a feed, or all of them together."""
        late = (span for name, spans in self.late.items() if feed in (None, name) for span in spans)
        return self.coverage(feed).facts(agent, source, late)


@lru_cache(maxsize=10_000)
def _names(feeds: str) -> frozenset[str]:
    """Of a run's feeds as they are stored."""
    return frozenset(json.loads(feeds))
