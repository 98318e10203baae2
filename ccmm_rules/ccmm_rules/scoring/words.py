"""What the sentences of several models say alike."""

from collections.abc import Mapping, Sequence

from ccmm_rules.scoring.result import ControlState


def items_that(states: Sequence[ControlState], reason: str) -> int:
    """How many of the standard's items are unpublished or untested."""
    return sum(state.items for state in states if state.reason == reason)


def with_unpublished(sentence: Mapping[str, str], states: Sequence[ControlState]) -> dict[str, str]:
    """The sentence, and how many items cannot be shown at all: nothing may look better than it is."""
    told = dict(sentence)
    unpublished, untested = items_that(states, "unpublished"), items_that(states, "untested")
    if unpublished:
        told["en"] += f"; {_items(unpublished)} not public, taken as missing"
        told["zh"] += f"；其中 {unpublished} 项原文未公开，按缺失计"
    if untested:
        told["en"] += f"; {_items(untested)} without a rule, taken as missing"
        told["zh"] += f"；其中 {untested} 项尚无规则可查，按缺失计"
    return told


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count} items"
