"""A loaded pack: rules, their reads, limits and cases. Everything here is frozen and checked by `load`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ccmm_rules.cel import Compiled
from ccmm_rules.expression import Scalar
from ccmm_rules.strict_yaml import Node
from ccmm_rules.vocabulary.tables import Titles, Vocabulary

LEVELS = (1, 2, 3, 4, 5)
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
UNIT_MS = {"s": 1000, "m": 60_000, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}
_WINDOW = re.compile(r"([1-9][0-9]{0,3})(h|d|w|mo|q)")
_SPAN = re.compile(r"(-?)([0-9]{1,5})(s|m|h|d)")


class Outcome(StrEnum):
    """What a rule concludes at one level."""

    SATISFIED = "satisfied"
    NOT_SATISFIED = "not_satisfied"
    MISSING = "missing"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class Window:
    """`24h` is exact time; d w mo q are civil units of the center's zone."""

    count: int
    unit: str


def parse_window_text(text: str) -> Window | None:
    match = _WINDOW.fullmatch(text)
    return Window(int(match[1]), match[2]) if match else None


def parse_window(node: Node) -> Window:
    window = parse_window_text(node.text())
    return window or node.fail(f"'{node.text()}' is no window", "write 24h, 30d, 13w, 12mo or 4q")


def parse_span_ms(node: Node) -> int:
    """`-3s 15m 26h 30d` as milliseconds."""
    match = _SPAN.fullmatch(node.text())
    if match is None:
        node.fail(f"'{node.text()}' is no length of time", "write 30s, 15m, 26h or 30d")
    return (-1 if match[1] else 1) * int(match[2]) * UNIT_MS[match[3]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """Which side of a row it decides, and how."""

    __test__ = False  # no test case for pytest

    side: str  # good, bad
    compiled: Compiled


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """`by`: an attribute or a calendar grain; `expect`: a profile list or literal words."""

    by: str
    grain: bool  # by day, week, month, quarter
    profile_list: str = ""
    words: tuple[str, ...] | None = None

    @property
    def expects(self) -> bool:
        return self.grain or bool(self.profile_list) or self.words is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSource:
    """Which rows: a kind, for documents and attestations a class ('' is any), and a filter."""

    kind: str
    form: str  # inventory, occurrence, document, attestation
    document_class: str
    of: Compiled | None
    first_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """How a partner is found."""

    source: RowSource
    same: tuple[tuple[str, str], ...]  # (attribute of a, attribute of b); `key` is the entry's key
    time_ms: tuple[int, int] | None = None
    inside_ms: int | None = None
    overlap_ms: int | None = None
    condition: Compiled | None = None
    pseudonymous: bool = False  # a pseudonym is compared: key ids must be equal


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec:
    """`metric`."""

    metric: str
    over: Window
    where: tuple[tuple[str, str], ...]
    group: Grouping | None
    sample: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotSpec:
    """`slots`. `meets` is None where the rule's limit decides."""

    metric: str
    over: Window
    where: tuple[tuple[str, str], ...]
    group: Grouping | None
    sample: int
    every: str  # 15m 1h 24h ... or day week month quarter
    step_ms: int | None
    meets: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageSpec:
    """`coverage`: slots due of each feed."""

    feeds: tuple[str, ...]
    over: Window
    every_ms: int
    group: Grouping | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsSpec:
    """`inventory`, `occurrences`, `documents`, `attestations`."""

    source: RowSource
    test: Test | None
    over: Window | None
    newest: int | None
    number: str
    number_type: str
    lag: tuple[str, str] | None
    lag_unit: str
    absolute: bool
    group: Grouping | None
    sample: int
    empty: int | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchSpec:
    """`match`."""

    base: RowSource
    also: Joining | None
    partners: tuple[Joining, ...]
    over: Window | None
    pick: str  # nearest first best all
    test: Test | None
    lag: tuple[str, str] | None
    lag_unit: str
    absolute: bool
    by: str
    sample: int
    empty: int | float | None


Spec = MetricSpec | SlotSpec | CoverageSpec | RowsSpec | MatchSpec


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
    digest: str  # SHA-256 of the file, hex
    file: str

    @property
    def levels(self) -> tuple[int, ...]:
        return tuple(level for level in LEVELS if level >= self.level)

    def read(self, name: str) -> Read:
        return next(read for read in self.reads if read.name == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """`cumulative_levels`: four numbers, each a share from 0 to 1."""

    model: str
    min_pass_share: float
    min_dimension_share: float
    min_fresh_share: float
    max_backfill_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading of the standard and the dimension it belongs to."""

    id: str
    dimension: str
    titles: Titles


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A loaded pack. `digest` covers the names and bytes of all its files."""

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
