"""What reads ask: windows, tests, row sets, and one spec per operator. Frozen, made by the operators' loaders."""

import re
from dataclasses import dataclass

from ccmm_rules.cel import Compiled
from ccmm_rules.strict_yaml import Node

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
UNIT_MS = {"s": 1000, "m": 60_000, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}
_WINDOW = re.compile(r"([1-9][0-9]{0,3})(h|d|w|mo|q)")
_SPAN = re.compile(r"(-?)([0-9]{1,5})(s|m|h|d)")


@dataclass(frozen=True, slots=True)
class Window:
    """`24h` is exact time; d w mo q are civil units of the center's zone."""

    count: int
    unit: str


GRAIN_WINDOWS = {
    "day": Window(1, "d"),
    "week": Window(1, "w"),
    "month": Window(1, "mo"),
    "quarter": Window(1, "q"),
}
_LONGEST_MS = {"h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS, "mo": 31 * DAY_MS, "q": 92 * DAY_MS}
_SHORTEST_MS = _LONGEST_MS | {"mo": 28 * DAY_MS, "q": 90 * DAY_MS}


def parse_window_text(text: str) -> Window | None:
    match = _WINDOW.fullmatch(text)
    return Window(int(match[1]), match[2]) if match else None


def parse_window(node: Node) -> Window:
    window = parse_window_text(node.text())
    return window or node.fail(f"'{node.text()}' is no window", "write 24h, 30d, 13w, 12mo or 4q")


def parse_span_ms(node: Node) -> int:
    """`15m 26h 30d` as milliseconds; 0 is a length too."""
    span = parse_offset_ms(node)
    if node.text().startswith("-"):
        node.fail("a length of time is never negative", f"write {node.text()[1:]}")
    return span


def parse_offset_ms(node: Node) -> int:
    """`-3s 15m`: the same, before or after something."""
    match = _SPAN.fullmatch(node.text())
    if match is None:
        node.fail(f"'{node.text()}' is no length of time", "write 30s, 15m, 26h or 30d")
    return (-1 if match[1] else 1) * int(match[2]) * UNIT_MS[match[3]]


def most_parts(over: Window, every: str) -> int:
    """How many whole slots, or points of a series, a window can hold at most: `12h`, `4q`, or a calendar grain.

    >>> most_parts(Window(1, "d"), "48h"), most_parts(Window(4, "q"), "month")
    (0, 12)
    """
    window, span = GRAIN_WINDOWS.get(every) or parse_window_text(every), _SPAN.fullmatch(every)
    if window is not None and window.unit == over.unit:
        return over.count // window.count
    if window is not None and {window.unit, over.unit} == {"mo", "q"}:
        return over.count * 3 // window.count if over.unit == "q" else over.count // (3 * window.count)
    if window is not None:
        return _LONGEST_MS[over.unit] * over.count // (_SHORTEST_MS[window.unit] * window.count)
    return _LONGEST_MS[over.unit] * over.count // (int(span[2]) * UNIT_MS[span[3]]) if span is not None else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """Which side of a row it decides, and how."""

    __test__ = False  # no test case for pytest

    side: str  # good, bad
    compiled: Compiled


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """`by`: an attribute, a calendar grain or both; `expect`: a profile list, words or a filtered inventory."""

    by: str
    grain: bool  # by day, week, month, quarter
    each: str = ""  # by: [attribute, month]: every group is expected in every month
    profile_list: str = ""
    words: tuple[str, ...] | None = None
    entries: "RowSource | None" = None
    entry_key: str = ""  # the attribute of the entries that names a group

    @property
    def expects(self) -> bool:
        return self.grain or bool(self.profile_list) or self.words is not None or self.entries is not None

    @property
    def unit(self) -> str:
        """The calendar grain, where there is one."""
        return self.by if self.grain else self.each


@dataclass(frozen=True, slots=True, kw_only=True)
class During:
    """Time that counts: `open_hours` of the profile, or while an occurrence lasts that its filter picks."""

    open_hours: bool = False
    kind: str = ""
    of: Compiled | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """Occurrences made by the engine: `breach.METRIC`, `signal.METRIC`, `change.INVENTORY`, `silence`.

    `of` names the metric, the profile list of metrics (key_kpis), or the inventory; empty for silence. A breach is a
    run of slots of `every_ms` beyond `meets` (None: the center's target), with `split` every such slot.
    """

    form: str  # breach signal change silence
    of: str
    is_list: bool = False
    every: str = ""  # 15m 24h, or day week month
    meets: tuple[float, float] | None = None
    split: bool = False
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSource:
    """Which rows: a kind, for documents and attestations a class ('' is any), and a filter."""

    kind: str
    form: str  # inventory, occurrence, document, attestation
    document_class: str
    of: Compiled | None
    first_by: str = ""
    derived: "Derived | None" = None  # rows that the engine makes; `kind` is then as `ccmm_rules.derived` names it


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
    during: During | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotSpec:
    """`slots`. `meets` is None where the rule's limit or (`target`) the center's own target decides."""

    metric: str
    over: Window
    where: tuple[tuple[str, str], ...]
    group: Grouping | None
    sample: int
    every: str  # 15m 1h 24h ... or day week month quarter
    step_ms: int | None
    meets: tuple[float, float] | None
    target: bool = False
    during: During | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesSpec:
    """`series`: one metric by calendar grain, or a row per metric of a profile list."""

    metric: str  # empty where `each` names the list
    each: str
    any_of: str  # metrics: a row per entry of `each`, good where any of its metrics is
    against: str  # empty, or benchmark
    over: Window
    every: str  # day week month quarter
    where: tuple[tuple[str, str], ...]
    sample: int
    test: Test | None
    during: During | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesSpec:
    """`rules`: verdicts of other rules of the pack, by name or pattern; the rule itself is left out."""

    rules: tuple[str, ...]


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
    weight: str = ""  # the share counts each entry by this number


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
