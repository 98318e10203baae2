"""Waivers: two people set a rule aside for a time. What is not satisfied is then waived; nothing becomes satisfied."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ccmm_rules.conclude import Conclusion
from ccmm_rules.evidence import Waiver
from ccmm_rules.model import Outcome

_UNTOUCHED = (Outcome.SATISFIED, Outcome.NOT_APPLICABLE)  # where a rule does not apply there is nothing to waive


def waiver_of(rule: str, waivers: Sequence[Waiver], at_ms: int) -> Waiver | None:
    """The one in force that lasts longest. Fewer than two different approvers make none."""
    valid = [w for w in _of(rule, waivers) if w.from_ms <= at_ms < w.until_ms]
    return max(valid, key=lambda waiver: (waiver.until_ms, waiver.log_index), default=None)


def next_waiver_ms(rule: str, waivers: Sequence[Waiver], at_ms: int) -> int | None:
    """When the next one begins."""
    return min((waiver.from_ms for waiver in _of(rule, waivers) if waiver.from_ms > at_ms), default=None)


def _of(rule: str, waivers: Sequence[Waiver]) -> list[Waiver]:
    return [waiver for waiver in waivers if waiver.rule == rule and len(set(waiver.approvers)) >= 2]


def waived(conclusions: Mapping[int, Conclusion]) -> dict[int, Conclusion]:
    """By level; why a rule is not satisfied stays to be read."""
    return {
        level: found if found.outcome in _UNTOUCHED else replace(found, outcome=Outcome.WAIVED)
        for level, found in conclusions.items()
    }
