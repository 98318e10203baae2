"""A verdict: what one rule concludes about one center at one instant, and its canonical form."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass

from ccmm_rules.evidence import Waiver
from ccmm_rules.expression import Scalar
from ccmm_rules.model import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """The worst slot, group or row of a read: what a sentence points at. `count` is how many are bad."""

    at_ms: int | None = None  # start of the slot, or of what happened
    group: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadState:
    """How a read stood: state "" (known), missing or inconclusive, and why; the time it read; where it was worst."""

    state: str
    reason: str
    from_ms: int | None = None  # of a list its instant, as `to_ms`; None: nothing was read
    to_ms: int | None = None
    spot: Spot | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Derive it again from (pack digest, log up to `log_index`, `at_ms`) and nothing else."""

    rule: str
    center: str
    at_ms: int
    rule_digest: str
    outcomes: Mapping[int, Outcome]  # by level, from the rule's own up
    outcome: Outcome  # at the rule's own level
    reached: int  # highest level up to which all are satisfied; 0: none
    reason: str
    blamed: str  # the read (or profile.x) that the reason belongs to
    valid_until_ms: int | None  # after it: missing, or no longer waived. None: missing already, or hangs on nothing
    look_again_ms: int | None  # earliest instant at which time alone can change it
    seen: Mapping[str, Scalar]  # worst look
    hoped: Mapping[str, Scalar]  # best look, where it differs
    limits: Mapping[str, float]  # at the level that the verdict speaks of
    log_id: str
    log_index: int  # highest index read; -1: none
    backfill_share: float  # 0 to 1
    sentence: Mapping[str, str]  # en, zh
    reads: Mapping[str, ReadState]
    held_since_ms: int | None = None  # of a rule with `hold`: the first midnight of all since at which it was true
    waiver: Waiver | None = None  # in force at `at_ms`, where it changed an outcome


def canonical_json(verdict: Verdict) -> str:
    """One line, keys sorted, floats rounded to nine digits: same verdict, same bytes."""
    return canonical_text(table_of(verdict))


def table_of(verdict: Verdict) -> dict[str, object]:
    """The verdict as its canonical form has it, before it is spelled."""
    table: dict[str, object] = {name: getattr(verdict, name) for name in Verdict.__slots__}
    table["outcomes"] = {f"L{level}": outcome.value for level, outcome in verdict.outcomes.items()}
    for name in ("seen", "hoped", "limits"):
        table[name] = rounded(getattr(verdict, name))
    table["backfill_share"] = rounded_share(verdict)
    table["reads"] = {name: _state_table(read) for name, read in verdict.reads.items()}
    table["waiver"] = _rounded(verdict.waiver)
    return table


def rounded(values: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """To nine digits, as every float of a verdict is kept."""
    return {name: round(value, 9) + 0.0 if type(value) is float else value for name, value in values.items()}


def rounded_share(verdict: Verdict) -> float:
    """The share of backfill, likewise."""
    return round(verdict.backfill_share, 9) + 0.0


def _state_table(read: ReadState) -> dict[str, object]:
    spot = read.spot
    return {
        "state": read.state,
        "reason": read.reason,
        "from_ms": read.from_ms,
        "to_ms": read.to_ms,
        "spot": None if spot is None else {"at_ms": spot.at_ms, "group": spot.group, "count": spot.count},
    }


# Made once: to make one takes as long as to spell a small table.
_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def canonical_text(table: Mapping[str, object]) -> str:
    """Of a table whose floats are rounded already."""
    return _CANONICAL.encode(table)


def canonical(table: Mapping[str, object]) -> str:
    """JSON with one spelling per value; words of enumerations are text, dataclasses tables."""
    return _CANONICAL.encode(_rounded(table))


def _rounded(value: object) -> object:
    if value is None or isinstance(value, str | int):  # most are: asking for a Mapping takes far longer
        return value
    if isinstance(value, Mapping):
        return {str(key): _rounded(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(child) for child in value]
    if isinstance(value, float):
        return round(value, 9) + 0.0
    if is_dataclass(value):
        return {name: _rounded(getattr(value, name)) for name in value.__dataclass_fields__}
    return value
