"""A loaded pack: rules, their reads, limits and cases. Everything here is frozen and checked by `load`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ccmm_rules.cel import Compiled
from ccmm_rules.expression import Scalar
from ccmm_rules.spec import CoverageSpec, MatchSpec, MetricSpec, RowsSpec, RulesSpec, SeriesSpec, SlotSpec, Window
from ccmm_rules.standard import Control, Scoring, Use
from ccmm_rules.strict_yaml import Node
from ccmm_rules.vocabulary.tables import Titles, Vocabulary

LEVELS = (1, 2, 3, 4, 5)


class Outcome(StrEnum):
    """What a rule concludes at one level."""

    SATISFIED = "satisfied"
    NOT_SATISFIED = "not_satisfied"
    MISSING = "missing"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not_applicable"
    WAIVED = "waived"


Spec = MetricSpec | SlotSpec | SeriesSpec | CoverageSpec | RowsSpec | MatchSpec | RulesSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One read. `names` are short: '' is the read's own name, 'n' its `.n`."""

    name: str
    operator: str
    spec: Spec
    names: Mapping[str, str]  # short name -> int | double
    units: Mapping[str, str]
    fresh_for_ms: int
    optional: bool
    feeds: tuple[str, ...]  # kinds and measures

    def full(self, short: str) -> str:
        return f"{self.name}.{short}" if short else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitTable:
    """Values by level; a level without one takes the next lower."""

    name: str  # `limit` or `limit.x`
    unit: str
    type: str  # int, double
    values: Mapping[int, float]

    def at(self, level: int) -> int | float | None:
        known = [self.values[low] for low in sorted(self.values) if low <= level]
        if not known:
            return None
        return int(known[-1]) if self.type == "int" else float(known[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRead:
    """What a case says of one read: a state, or values with two looks. Names left out are unbound."""

    state: str  # "", missing, inconclusive
    worst: Mapping[str, Scalar]
    best: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One row of a rule's truth table, `given` already merged in."""

    line: int
    level: int
    outcome: Outcome
    reads: Mapping[str, CaseRead]
    profile: Mapping[str, object]
    held: Window | None = None  # how long `require` has held


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule."""

    id: str
    titles: Titles
    heading: str
    level: int
    gate: bool
    remedy: Titles
    crosswalk: tuple[str, ...]
    since: str
    until: str
    replaces: tuple[str, ...]
    applies: Compiled | None
    reads: tuple[Read, ...]
    limits: tuple[LimitTable, ...]
    require: Compiled
    fresh_for_ms: int
    grace_ms: int
    cases: tuple[Case, ...]
    hold: Window | None
    digest: str  # SHA-256 of the file, hex
    file: str

    @property
    def levels(self) -> tuple[int, ...]:
        return tuple(level for level in LEVELS if level >= self.level)

    def read(self, name: str) -> Read:
        return next(read for read in self.reads if read.name == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading of the standard and the dimension it belongs to."""

    id: str
    dimension: str
    titles: Titles


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A loaded pack. `digest` covers the names and bytes of all its files, and through its pins the packs it uses.

    `rules` holds its own rules and those of used packs that its controls need.
    """

    id: str
    version: str
    titles: Titles
    effective_from: str
    scoring: Scoring
    dimensions: Mapping[str, Titles]
    headings: Mapping[str, Heading]
    rules: Mapping[str, Rule]  # by id, sorted
    scenarios: tuple[tuple[str, Node], ...]  # (file, document): read by `scenario`
    vocabulary: Vocabulary
    digest: str
    effective_until: str = ""  # last day; empty: no end
    replaces: tuple[str, ...] = ()  # versions of the same pack
    uses: tuple[Use, ...] = ()
    groups: Mapping[str, Titles] = field(default_factory=dict)
    controls: tuple[Control, ...] = ()
    origin: Mapping[str, str] = field(
        default_factory=dict
    )  # of a number of the scoring: published; all others are ours
    claims_certificate: bool = False
    hold_backfill_share: float = 1.0  # how much backfill a day may rest on and still count for a rule's `hold`
