"""Facts of any measure for tests: one source that states them all."""

from collections.abc import Callable, Mapping
from typing import Any

from ccmm_rules.evaluate import judge
from ccmm_rules.evidence import MeasureRow, Span
from ccmm_rules.memory import Fact, MemoryEvidence
from ccmm_rules.verdict import Verdict
from ccmm_rules.vocabulary.tables import load_vocabulary
from tests.unit.rules.examples import ms, one_rule

NOW = "2026-03-20T03:00"
SINCE = "2026-01-01T00:00"
PROFILE: dict[str, object] = {"zone": "Asia/Shanghai"}
Value = int | float | tuple[float, float, float] | tuple[int, ...] | None
Dimensions = tuple[tuple[str, str | int], ...]
Values = Callable[[int], Value]  # by start of the slot; None: nothing is stated


def each(value: Value) -> Values:
    """The same in every slot."""
    return lambda start_ms: value


def stated(
    figures: Mapping[str, Mapping[Any, Values]],
    *,
    since: str = SINCE,
    until: str = NOW,
    source: str = "figures",
    sequence: int = 0,
) -> Fact:
    """`figures`: measure -> Dimensions -> value by slot. Slots that end after `until` are not stated."""
    rows = {
        measure: [
            row
            for dimensions, values in groups.items()
            for row in _rows(measure, dimensions, values, ms(since), ms(until), source)
        ]
        for measure, groups in figures.items()
    }
    return Fact(
        agent="figures",
        sequence=sequence,
        recorded_ms=ms(until),
        source=source,
        feeds=tuple(figures),
        covers=Span(ms(since), ms(until)),
        rows=rows,
    )


def _rows(
    measure: str, dimensions: Dimensions, values: Values, from_ms: int, to_ms: int, source: str
) -> list[MeasureRow]:
    declared = load_vocabulary().measures[measure]
    period_ms = declared.period_s * 1000
    found = []
    for start in range(-(-from_ms // period_ms) * period_ms, to_ms - period_ms + 1, period_ms):
        value = values(start)
        if value is not None:
            found.append(_row(declared.shape, value, dimensions, start, declared.period_s, source))
    return found


def _row(shape: str, value: Value, dimensions: Dimensions, start: int, period_s: int, source: str) -> MeasureRow:
    count, total, buckets, gauge = 0, 0.0, (), None
    if shape == "count":
        assert isinstance(value, int)
        count = value
    elif shape == "sum":
        assert isinstance(value, int | float)
        count, total = 1, float(value)
    elif shape == "gauge":
        assert isinstance(value, tuple)
        count, gauge = 3, value
    else:
        assert isinstance(value, tuple)
        buckets = value  # type: ignore[assignment]  # counts of a histogram
    return MeasureRow(
        agent="figures",
        source=source,
        dimensions=dimensions,
        start_ms=start,
        period_s=period_s,
        count=count,
        total=total,
        buckets=buckets,
        gauge=gauge,  # type: ignore[arg-type]  # three readings
    )


def verdict_on(
    read: str,
    require: str,
    facts: list[Fact],
    profile: Mapping[str, object] | None = None,
    *,
    more: str = "",
    at: str = NOW,
) -> Verdict:
    """Of one rule with one read `x`."""
    pack = one_rule(read, require, more=more)
    evidence = MemoryEvidence(facts, PROFILE | dict(profile or {}), at_ms=ms(at))
    return judge(pack, evidence, ms(at))["D-SEC-01"]
