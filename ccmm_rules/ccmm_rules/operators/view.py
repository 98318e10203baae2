"""One center's evidence at one instant, asked once: shared by all reads of all rules of one judgement."""

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar, cast

from ccmm_rules.civil import zone_named
from ccmm_rules.columns import Columns
from ccmm_rules.conclude import Bound
from ccmm_rules.evidence import Evidence, Happening, Listing, MeasureRow, SourceFacts, Span
from ccmm_rules.operators.stamps import believed
from ccmm_rules.operators.table import Table
from ccmm_rules.operators.windows import gaps, overlap_ms
from ccmm_rules.spec import HOUR_MS, RowSource
from ccmm_rules.verdict import Spot, Verdict
from ccmm_rules.vocabulary.tables import Metric, Vocabulary

T = TypeVar("T")

REACH_MS = 4 * HOUR_MS  # the longest late fact: a hole reaches so far ahead of itself
LIST_FORMS = ("inventory", "document", "attestation")
OWN = ("target.", "limit.", "metrics.")  # scope answers of the center about metrics, rules and processes
RETIRED, FEEDS = "retired_sources", "feeds."  # which sources are expected: evidence heeds them, verdicts rest on them
_QUIET = ("UNAVAILABLE", "MISSED", "SKIPPED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a read gives. `levels` where a limit decides what is good; `again_ms`: when time alone may change it."""

    bound: Bound
    levels: "dict[int, Bound] | None" = None
    log_index: int = -1
    deadline_ms: int | None = None  # after it the read is missing
    again_ms: int | None = None
    backfill: float = 0.0
    span: Span | None = None  # the time read; of lists their instant, twice
    spot: Spot | None = None  # at the rule's own level
    watermark_ms: int | None = None  # up to when it is vouched for, where `read.feeds` do not say

    def at(self, level: int) -> Bound:
        return self.levels[level] if self.levels is not None else self.bound


# Verdicts of the rules that patterns name, but for the rule that reads them.
VerdictsOf = Callable[[Sequence[str], str], Sequence[Verdict]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """Whether the sources of a feed have spoken lately, and up to when they vouch.

    `hangs_ms`: where windows of rows hang, if not on the watermark.
    """

    state: str
    reason: str
    watermark_ms: int
    deadline_ms: int | None
    log_index: int
    sources: tuple[SourceFacts, ...]
    hangs_ms: int | None = None


MakeTable = Callable[[RowSource, "View", Span, int], Table | None]


class View:
    """Asks each thing once. `at_ms` is the instant of judgement."""

    def __init__(self, evidence: Evidence, at_ms: int, vocabulary: Vocabulary) -> None:
        self.evidence, self.at_ms, self.vocabulary = evidence, at_ms, vocabulary
        self._feeding: dict[str, tuple[SourceFacts, ...]] = {}
        self._totals: dict[tuple[str, Span], Sequence[MeasureRow]] = {}
        self._slots: dict[tuple[str, Span], Sequence[MeasureRow]] = {}
        self._listings: dict[str, Sequence[Listing]] = {}
        self._reserved: dict[str, Span] = {}
        self._done: dict[object, object] = {}
        self.holes = tuple(evidence.holes())
        profile = evidence.profile()
        kept = (*OWN, RETIRED, FEEDS)
        self._answers = {n: answer for n, answer in profile.items() if n in vocabulary.profile or n.startswith(kept)}
        self.answers = {
            name: _typed(answer.value, vocabulary.profile[name].type)
            for name, answer in self._answers.items()
            if name in vocabulary.profile and (answer.until_ms is None or at_ms <= answer.until_ms)
        }
        self.answers = {name: value for name, value in self.answers.items() if value is not None}
        self.zone = zone_named(self.answers.get("zone"))
        self.has_own_limits = any(name.startswith("limit.") for name in self._answers)
        self._verdicts_of: VerdictsOf = _no_verdicts
        self._make_table: MakeTable = _no_table

    def reads_verdicts(self, verdicts_of: VerdictsOf) -> None:
        """Where reads of `rules` find verdicts."""
        self._verdicts_of = verdicts_of

    def makes_tables(self, make: MakeTable) -> None:
        """Where tables come from that are more than what was told."""
        self._make_table = make

    def made_table(self, source: RowSource, window: Span, watermark_ms: int) -> Table | None:
        """Of derived rows, or of rows with computed attributes; None where they are read as told."""
        return self._make_table(source, self, window, watermark_ms)

    def verdicts_of(self, patterns: Sequence[str], rule: str) -> Sequence[Verdict]:
        """The verdicts of all rules that the patterns name, but for the rule itself."""
        return self._verdicts_of(patterns, rule)

    def answers_end_between(self, from_ms: int, to_ms: int) -> bool:
        """Whether a scope answer ran out in that time."""
        ends = [answer.until_ms for answer in self._answers.values() if answer.until_ms is not None]
        return any(from_ms <= end < to_ms for end in ends)

    def forget(self) -> None:
        """Let go of all that was made, which is freed at once: who makes it and some of it refer to the view itself."""
        self._done.clear()
        self._verdicts_of, self._make_table = _no_verdicts, _no_table

    def once(self, key: object, work: Callable[[], T]) -> T:
        """What several reads compute alike is computed once; `key` names all that it depends on."""
        if key not in self._done:
            self._done[key] = work()
        return cast(T, self._done[key])

    def answer_facts(self, name: str) -> tuple[int, int | None]:
        """(log index, end) of a scope answer; (-1, None) where there is none."""
        answer = self._answers.get(name)
        return (answer.log_index, answer.until_ms) if answer is not None else (-1, None)

    def own_number(self, name: str) -> float | None:
        """`target.METRIC`, `limit.RULE` or `limit.RULE.name` of the center; None: unanswered or out of date."""
        answer = self._answers.get(name)
        if answer is None or (answer.until_ms is not None and self.at_ms > answer.until_ms):
            return None
        number = _typed(answer.value, "double")
        return number if isinstance(number, float) and math.isfinite(number) else None

    def target(self, metric: str) -> float | None:
        """The center's own target."""
        return self.own_number(f"target.{metric}")

    def meets(self, metric: Metric) -> tuple[float, float] | None:
        """The closed interval of values that meet the center's target; a band has `target.X.low` and `.high`."""
        if metric.better == "band":
            low, high = self.target(f"{metric.id}.low"), self.target(f"{metric.id}.high")
            return (low, high) if low is not None and high is not None else None
        target = self.target(metric.id)
        if target is None:
            return None
        return (target, math.inf) if metric.better == "up" else (-math.inf, target)

    def metrics_of(self, entry: str) -> tuple[str, ...]:
        """Metrics that the center names for an entry of a profile list, as `metrics.ENTRY`; empty: unanswered."""
        answer = self._answers.get(f"metrics.{entry}")
        if answer is None or (answer.until_ms is not None and self.at_ms > answer.until_ms):
            return ()
        named = _typed(answer.value, "list")
        return tuple(map(str, named)) if isinstance(named, list) else ()

    def feeding(self, feed: str) -> tuple[SourceFacts, ...]:
        if feed not in self._feeding:
            self._feeding[feed] = tuple(self.evidence.feeding(feed))
        return self._feeding[feed]

    def totals(self, measure: str, span: Span) -> Sequence[MeasureRow]:
        if (measure, span) not in self._totals:
            self._totals[measure, span] = self.evidence.totals(measure, span)
        return self._totals[measure, span]

    def slots(self, measure: str, span: Span) -> Sequence[MeasureRow]:
        if (measure, span) not in self._slots:
            self._slots[measure, span] = self.evidence.slots(measure, span)
        return self._slots[measure, span]

    def listings(self, kind: str) -> Sequence[Listing]:
        if kind not in self._listings:
            self._listings[kind] = self.evidence.listings(kind)
        return self._listings[kind]

    def reserve(self, kind: str, span: Span) -> None:
        """Some read will need the occurrences that start in the span, its end included."""
        held = self._reserved.get(kind, span)
        self._reserved[kind] = Span(min(held.from_ms, span.from_ms), max(held.to_ms, span.to_ms))

    def happenings(self, kind: str) -> Sequence[Happening]:
        """All occurrences that were reserved, oldest first; what began before is left to the windows before."""
        span = self._reserved[kind]
        found = self.evidence.happenings(kind, Span(span.from_ms, span.to_ms + 1))
        if isinstance(found, Columns):
            return found.between(bisect_left(found.starts, span.from_ms), len(found))
        marks = {(source.agent, source.source): source.watermark_ms for source in self.feeding(kind)}
        rows = [_believed(row, marks, self.at_ms) for row in found if row.started_ms >= span.from_ms]
        return sorted(rows, key=lambda row: row.started_ms)

    def feed_state(self, feeds: Sequence[str], fresh_ms: int) -> FeedState:
        """Of all sources of these feeds together: the worst state, the smallest watermark and deadline."""
        return self.once(("feed", tuple(feeds), fresh_ms), lambda: self._feed_state(feeds, fresh_ms))

    def _feed_state(self, feeds: Sequence[str], fresh_ms: int) -> FeedState:
        pairs = [(feed, source) for feed in feeds for source in self.feeding(feed)]
        sources = tuple(source for _, source in pairs)
        index = max((source.log_index for source in sources), default=-1)
        heard = [source.watermark_ms for source in sources if source.watermark_ms is not None]
        if len(heard) < len(sources) or not all(self.feeding(feed) for feed in feeds):
            return FeedState(
                state="missing", reason="never", watermark_ms=0, deadline_ms=None, log_index=index, sources=sources
            )
        lists = [self.watermark(feed, source) for feed, source in pairs]
        marks = [mark if mark is not None else until for mark, until in zip(lists, heard, strict=True)]
        deadline, oldest = min(
            ((mark + allowance_ms(source, fresh_ms), source) for mark, source in zip(marks, sources, strict=True)),
            key=lambda pair: pair[0],
        )
        state, reason = "", ""
        if self.at_ms > deadline:
            state, reason = "missing", "silent" if oldest.newest_outcome in _QUIET else "stale"
        elif None in lists:
            state, reason = "inconclusive", "incomplete"
        return FeedState(
            state=state,
            reason=reason,
            watermark_ms=min(*marks, self.at_ms),
            deadline_ms=deadline,
            log_index=index,
            sources=sources,
        )

    def watermark(self, feed: str, source: SourceFacts) -> int | None:
        """Of a list: the instant of the newest complete one, for an incomplete list is never used."""
        kind = self.vocabulary.kinds.get(feed)
        if kind is None or kind.form not in LIST_FORMS or source.watermark_ms is None:
            return source.watermark_ms
        listing = self.listing_of(feed, source)
        return min(listing.as_of_ms, source.watermark_ms) if listing is not None else None

    def listing_of(self, kind: str, source: SourceFacts) -> Listing | None:
        """Its newest complete list. Whether a look that found nothing emptied it is for the evidence to say."""
        for listing in self.listings(kind):
            if (listing.agent, listing.source) == (source.agent, source.source):
                return listing
        return None

    def hole_after(self, from_ms: int, *, reach_ms: int = REACH_MS) -> str:
        """Whether a statement is lost that may speak of the time from `from_ms` on: hole, disputed, or ''."""
        touching = [hole for hole in self.holes if hole.to_ms > from_ms - reach_ms]
        if any(hole.disputed for hole in touching):
            return "disputed"
        return "hole" if touching else ""


def _no_verdicts(patterns: Sequence[str], rule: str) -> Sequence[Verdict]:
    return ()


def _no_table(source: RowSource, view: View, window: Span, watermark_ms: int) -> Table | None:
    return None


def _believed(row: Happening, marks: Mapping[tuple[str, str], int | None], now_ms: int) -> Happening:
    """As far as its source vouched, where it did at all."""
    attributes = believed(row.attributes, marks.get((row.agent, row.source)) or now_ms)
    return row if attributes is row.attributes else replace(row, attributes=attributes)


def allowance_ms(source: SourceFacts, fresh_ms: int) -> int:
    """How long after its watermark a source still counts as heard."""
    return min(max(fresh_ms, 2 * source.every_s * 1000 + 120_000), 3 * fresh_ms)


def uncovered(sources: Sequence[SourceFacts], span: Span) -> list[Span]:
    """Time in the span that some source did not vouch for."""
    return [gap for source in sources for gap in gaps(source.covered, span)]


def backfill_share(sources: Sequence[SourceFacts], span: Span) -> float:
    """Largest share, 0 to 1, of the span that one source filled in later."""
    length = max(span.to_ms - span.from_ms, 1)
    return max((overlap_ms(source.backfilled, span) / length for source in sources), default=0.0)


def _typed(value: object, word: str) -> object:
    """None where the answer is not of the question's type: then it is unanswered."""
    if word == "bool":
        return value if isinstance(value, bool) else None
    if word == "int":
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return int(value) if whole and not isinstance(value, bool) else None  # type: ignore[call-overload]
    if word == "double":
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    if word == "list":
        texts = isinstance(value, list | tuple) and all(isinstance(part, str) for part in value)
        return list(value) if texts else None  # type: ignore[call-overload]
    return value if isinstance(value, str) else None
