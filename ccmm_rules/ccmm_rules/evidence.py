"""What the engine may ask about one center: everything known up to one log index, and nothing else.

The collector answers from its projections, tests and scenarios from memory (`ccmm_rules.memory`), the auditor from an
exported log. Times are milliseconds since the epoch, UTC. Pseudonyms are integers: the first 8 bytes, big-endian.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar

T = TypeVar("T")
AttributeValue = int | float | str | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Half-open: from_ms <= t < to_ms."""

    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A scope answer of the center; after `until_ms` it is unanswered again."""

    value: object  # bool, number, text, or list of texts
    until_ms: int | None
    log_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """One source that feeds a kind or measure, and what it vouched for. A source once seen stays expected."""

    agent: str
    source: str
    plugin: str
    every_s: int
    covered: tuple[Span, ...]  # merged and sorted: what OBSERVED and EMPTY runs covered
    backfilled: tuple[Span, ...]  # the parts of `covered` recorded more than 48 h after they ended
    newest_outcome: str  # of the newest run by due time: "OBSERVED" ... "SKIPPED"
    newest_reason: str
    log_index: int  # highest index among its runs

    @property
    def watermark_ms(self) -> int | None:
        """End of the newest time it vouched for; None: never."""
        return self.covered[-1].to_ms if self.covered else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """Between these creation times a numbered statement of one of the center's agents is not there (or is disputed)."""

    agent: str
    from_ms: int  # created time of the statement before it (0 where there is none)
    to_ms: int  # created time of the statement after it
    disputed: bool = False  # a fork: two statements claim one number


class MeasureRow(NamedTuple):
    """A measure's highest known revision for one slot, or (from `totals`) the sum over a span.

    A tuple, because there are so many: a judgement reads tens of thousands.
    """

    agent: str
    source: str
    dimensions: tuple[tuple[str, str | int], ...]  # sorted by name; int for a pseudonym
    start_ms: int
    period_s: int
    count: int = 0  # type: ignore[assignment]  # of a count measure, or beside a sum; hides that of tuples
    total: float = 0.0
    buckets: tuple[int, ...] = ()
    gauge: tuple[float, float, float] | None = None  # min, max, last
    unfinished: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An inventory entry, a document or an attestation. Times in attributes are milliseconds."""

    key: str | int
    attributes: Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The newest complete list of one source."""

    agent: str
    source: str
    as_of_ms: int
    log_index: int
    key_id: str  # pseudonym key id; facts under different ids never join
    entries: Sequence[Entry] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An occurrence, from an Occurrence observation or unpacked from a Roll."""

    agent: str
    source: str
    id: str | int
    started_ms: int
    ended_ms: int | None
    key_id: str
    attributes: Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alteration:
    """An inventory entry that came (`before` None), went (`after` None) or changed between two complete lists."""

    agent: str
    source: str
    key_id: str
    at_ms: int  # as-of time of the list that shows it
    key: str | int
    before: Mapping[str, AttributeValue] | None
    after: Mapping[str, AttributeValue] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A rule that two people set aside for a time. It never makes a verdict `satisfied`."""

    rule: str
    from_ms: int
    until_ms: int
    approvers: tuple[str, ...]  # two at least, sorted
    reason: str
    log_index: int


class Evidence(Protocol):
    """What is known of one center up to `log_index`."""

    @property
    def center(self) -> str: ...

    @property
    def log_id(self) -> str: ...

    @property
    def log_index(self) -> int:
        """Highest log index that this view may use; -1 for an empty log."""
        ...

    def profile(self) -> Mapping[str, Answer]:
        """Scope answers in the log, expired ones included (the engine compares `until_ms` with its instant)."""
        ...

    def feeding(self, feed: str) -> Sequence[SourceFacts]:
        """Every expected source of a kind or measure id: sorted by agent, source. Retired by scope answer only."""
        ...

    def holes(self) -> Sequence[Hole]: ...

    def totals(self, measure: str, span: Span) -> Sequence[MeasureRow]:
        """Sums over the slots that start in the span, one row per source and dimensions."""
        ...

    def slots(self, measure: str, span: Span) -> Sequence[MeasureRow]:
        """One row per slot that starts in the span, oldest first."""
        ...

    def noted(
        self,
        key: str,
        measures: Sequence[str],
        days: Sequence[Span],
        make: Callable[[Sequence[Span]], Sequence[str]],
    ) -> Sequence[str]:
        """What `make` says of each of these civil days of the center's zone, oldest first.

        Beside the key it depends on nothing but the slots of these measures that start in the day: so what was made
        once may be given again for as long as they are the same.
        """
        ...

    def kept(self, key: Hashable, measures: Sequence[str], span: Span, make: Callable[[], Sequence[T]]) -> Sequence[T]:
        """What `make` makes of the slots of these measures in the span, of the key, and of nothing else."""
        ...

    def listings(self, kind: str) -> Sequence[Listing]:
        """Newest complete list of each source for an inventory kind, `document` or `attestation`.

        A look that found nothing is an empty list of papers; of an inventory only where its run feeds nothing else.
        """
        ...

    def listed_until(self, kind: str, agent: str, source: str, at_ms: int) -> int | None:
        """As-of time of the source's newest complete list that is not younger than an instant; None: there is none."""
        ...

    def happenings(self, kind: str, span: Span) -> Sequence[Happening]:
        """Occurrences that started in the span, and those still open that started before it; oldest first, then id."""
        ...

    def alterations(self, kind: str, span: Span) -> Sequence[Alteration]:
        """Differences between consecutive complete lists of each source, shown in the span; oldest first."""
        ...

    def waivers(self) -> Sequence[Waiver]:
        """Every waiver in the log, ended ones included; one that was withdrawn ends there."""
        ...
