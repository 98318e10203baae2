"""A comparison of a rule and its figures, before they are put into words: told apart once, measured once a verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ccmm_rules.by_rule import once_by_rule
from ccmm_rules.deciding import COMPARED, value_in
from ccmm_rules.expression import Call, Const, Name, Scalar, Tree, names_in, walk
from ccmm_rules.model import Read, Rule
from ccmm_rules.saying import FLIPPED, shown
from ccmm_rules.spec import MetricSpec, SlotSpec
from ccmm_rules.verdict import Spot

_OF_MEASURES = ("", "bad", "share", "worst", "streak")
_OF_ROWS = ("bad", "share", "bad_share", "only_a", "only_a_share", "only_b", "both", "open")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Every name of `require` that has a value, in both looks; where each read was worst."""

    rule: Rule
    worst: Mapping[str, object]
    best: Mapping[str, object]
    zone: ZoneInfo | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is read, how it is compared and with what."""

    function: str
    left: Tree
    right: Tree
    unit: str
    says_unit: bool  # `days since the last ...` does already
    everything: Name | None  # of a count of slots: out of how many
    read: Read | None  # the first that it speaks of
    short: str  # its name in that read
    of_slots: bool  # whether that read counts slots
    tells_spot: bool  # whether the name tells of what is bad


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What stands in a comparison's places, alike in every language."""

    values: tuple[str | None, ...]  # one, or both looks where they differ; None: not known
    everything: Scalar | None
    limit: str | None  # None: not known
    nothing_allowed: bool
    spot: Spot | None
    day: str  # of the spot
    worst: str  # what was seen there; empty where that is the value itself
    bound: str  # the limit of the rule, where slots are held against it


def read_of(rule: Rule, name: str) -> tuple[Read, str] | None:
    """(read, short name) of a full name."""
    own, _, short = name.partition(".")
    return next(((read, short) for read in rule.reads if read.name == own and short in read.names), None)


def comparison_of(part: Tree, rule: Rule) -> Comparison | None:
    """Of a part of its `require`; None where it compares nothing."""
    return _comparisons(rule).get(id(part))


@once_by_rule
def _comparisons(rule: Rule) -> dict[int, Comparison]:
    """By the identity of the part, which lives as long as the rule."""
    calls = [part for part in walk(rule.require.tree) if isinstance(part, Call) and part.function in COMPARED]
    return {id(call): _comparison(call, rule) for call in calls}


def _comparison(call: Call, rule: Rule) -> Comparison:
    function, (left, right) = call.function, call.arguments
    if isinstance(right, Name) and not right.name.startswith("limit") and isinstance(left, Const):
        function, left, right = FLIPPED[function], right, left
    unit = _unit_of(left, rule) or _unit_of(right, rule)
    read, short = next((found for name in sorted(names_in(left)) if (found := read_of(rule, name))), (None, ""))
    own = left.name if isinstance(left, Name) else ""
    counted = own.endswith((".bad", ".good"))
    measured = read is not None and isinstance(read.spec, SlotSpec | MetricSpec)
    return Comparison(
        function=function,
        left=left,
        right=right,
        unit=unit,
        says_unit=unit == "days" and own.endswith(("last_days", "gap_days")),
        everything=Name(name=f"{own.rpartition('.')[0]}.n") if counted else None,
        read=read,
        short=short,
        of_slots=read is not None and isinstance(read.spec, SlotSpec),
        tells_spot=short in (_OF_MEASURES if measured else _OF_ROWS),
    )


def _unit_of(tree: Tree, rule: Rule) -> str:
    """Of a name, or of a sum of names in one unit; empty where there is none."""
    units = set()
    for name in names_in(tree):
        found = read_of(rule, name)
        table = next((table.unit for table in rule.limits if table.name == name), "")
        units.add(found[0].units.get(found[1], "") if found is not None else table)
    return units.pop() if len(units) == 1 else ""


def measured(comparison: Comparison, figures: Figures, spots: Mapping[str, Spot | None]) -> Measured:
    """Its values, what is asked of them and, with a spot, where it is worst."""
    limit = value_in(comparison.right, figures.best)
    spot = spots.get(comparison.read.name) if comparison.read is not None and comparison.tells_spot else None
    day = moment(spot.at_ms, figures.zone) if spot is not None and spot.at_ms is not None else ""
    everything = value_in(comparison.everything, figures.best) if comparison.everything is not None else None
    return Measured(
        values=_values(comparison.left, figures, _number(limit)),
        everything=None if not everything or everything == 1 else everything,
        limit=None if limit is None else shown(limit),
        nothing_allowed=limit == 0 and comparison.function in ("_==_", "_<=_") and comparison.unit == "count",
        spot=spot,
        day=day,
        worst=_worst(comparison, figures) if day else "",
        bound=_bound(comparison, figures),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _values(left: Tree, figures: Figures, beside: float | None) -> tuple[str | None, ...]:
    worst, best = value_in(left, figures.worst), value_in(left, figures.best)
    texts = dict.fromkeys(shown(value, beside) for value in (worst, best) if value is not None)
    return (None, *texts) if worst is None else tuple(texts)


def _worst(comparison: Comparison, figures: Figures) -> str:
    """The value of the worst slot."""
    assert comparison.read is not None
    if comparison.short == "worst":
        return ""
    worst = figures.worst.get(comparison.read.full("worst")) if isinstance(comparison.read.spec, SlotSpec) else None
    return shown(worst) if isinstance(worst, float) else ""


def _bound(comparison: Comparison, figures: Figures) -> str:
    spec = comparison.read.spec if comparison.read is not None else None
    limit = figures.best.get("limit")
    if not isinstance(spec, SlotSpec) or spec.meets is not None or spec.target or comparison.short == "worst":
        return ""
    return shown(limit) if isinstance(limit, float) else ""


def moment(at_ms: int, zone: ZoneInfo | None) -> str:
    """`2026-10-04 08:00` on the center's clock, the day alone at its midnight; with a Z where its zone is not known."""
    at = datetime.fromtimestamp(at_ms // 1000, tz=zone or UTC)
    day = at.date().isoformat()
    text = day if (at.hour, at.minute) == (0, 0) else f"{day} {at.hour:02}:{at.minute:02}"
    return text if zone is not None else f"{text}Z"
