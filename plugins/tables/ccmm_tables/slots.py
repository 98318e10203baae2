"""Figures by slot: each slot is stated once, and again with the next revision when it changed. Pure.

A slot is the period of its measures from one start on, for one set of dimensions. What it held and no longer holds is
stated as zero: rows that vanish make no smaller table.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from ccmm_agent.plugin import Observation
from ccmm_proto.measures import MEASURES, Shape
from ccmm_tables.amounts import Amount, observation_of, slot_start
from ccmm_tables.counts import Dimensions

Group = tuple[int, int, Dimensions]  # start in ms, period in s, dimensions
Stated = Mapping[str, tuple[int, str]]  # name of a slot -> revision and digest as last stated


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Slots from `low_ms` on are known whole; those that end by `stated_ms` were stated before, by `end_ms` are due."""

    low_ms: int
    stated_ms: int
    end_ms: int


@dataclass(slots=True)
class Slots:
    """Amounts of measures by slot."""

    zone: ZoneInfo
    groups: dict[Group, dict[str, Amount]] = field(default_factory=dict)

    def add(self, measure: str, at: datetime, value: float = 1.0, **dimensions: str | None) -> None:
        """One more: a count adds `value`, a sum adds it, a histogram has one case of it."""
        self.amount(measure, at, **dimensions).add(value, MEASURES[measure].shape)

    def amount(self, measure: str, at: datetime, **dimensions: str | None) -> Amount:
        """What stands in the measure's slot of an instant, to be added to. A dimension that is None is left out."""
        period_s = MEASURES[measure].period_s
        named = tuple(sorted((name, value) for name, value in dimensions.items() if value is not None))
        group = self.groups.setdefault((slot_start(at, period_s, self.zone), period_s, named), {})
        return group.setdefault(measure, Amount())


def state_slots(
    slots: Slots, stated: Stated, reach: Reach, told: frozenset[str]
) -> tuple[list[Observation], dict[str, tuple[int, str]]]:
    """Oldest first what is new or changed, and what is stated then. `told`: the measures that this source feeds."""
    found: list[Observation] = []
    after = {name: entry for name, entry in stated.items() if group_in(name)[0] < reach.low_ms}
    vanished: dict[Group, dict[str, Amount]] = {
        group: {} for name in stated if (group := group_in(name)) not in slots.groups
    }
    for group, amounts in sorted({**slots.groups, **vanished}.items(), key=lambda item: item[0]):
        start_ms, period_s, _ = group
        ends_ms = start_ms + period_s * 1000
        if start_ms < reach.low_ms or ends_ms > reach.end_ms:
            continue
        name, digest = name_of(group), _digest(amounts)
        known = stated.get(name)
        if known is not None and known[1] == digest:
            after[name] = known
            continue
        # Of older time, and never stated: it was stated as empty.
        revision = known[0] + 1 if known is not None else int(ends_ms <= reach.stated_ms)
        after[name] = revision, digest
        found.extend(_observations(group, amounts, revision, told))
    return found, after


def name_of(group: Group) -> str:
    """For `group_in`."""
    return json.dumps([group[0], group[1], *(word for pair in group[2] for word in pair)], ensure_ascii=False)


def group_in(name: str) -> Group:
    """Raises ValueError or TypeError for what is no name of a group."""
    start_ms, period_s, *words = json.loads(name)
    return int(start_ms), int(period_s), tuple(zip(words[::2], words[1::2], strict=True))


def _observations(
    group: Group, amounts: Mapping[str, Amount], revision: int, told: frozenset[str]
) -> Iterator[Observation]:
    start_ms, period_s, dimensions = group
    whole = dict(amounts)
    if revision:  # what was there and is not any more is nothing now
        names = {name for name, _ in dimensions}
        for measure in told - amounts.keys():
            declared = MEASURES[measure]
            if declared.period_s == period_s and names <= declared.dimensions.keys():
                whole[measure] = Amount()
    for measure in sorted(whole):
        if MEASURES[measure].shape is not Shape.GAUGE or whole[measure].n:
            yield observation_of((start_ms, measure, dimensions), whole[measure], revision)


def _digest(amounts: Mapping[str, Amount]) -> str:
    """Of amounts above nothing: a zero that is written and one that is not are the same."""
    held = sorted((measure, repr(amount)) for measure, amount in amounts.items() if amount.n or amount.total)
    return hashlib.sha256(repr(held).encode()).hexdigest()[:12]
