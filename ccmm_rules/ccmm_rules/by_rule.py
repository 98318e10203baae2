"""What follows from a rule's file alone, worked out once for each rule and not once for each verdict.

@once_by_rule
def names_of(rule: Rule) -> tuple[str, ...]: ...
"""

from collections.abc import Callable
from typing import TypeVar

from ccmm_rules.cel import Compiled
from ccmm_rules.model import Rule

T = TypeVar("T")

_MOST = 20_000  # rules of which something is kept


def once_by_rule(work: Callable[[Rule], T]) -> Callable[[Rule], T]:
    """`work`, done once for each rule. It must not heed the values of its limits: a center tightens them.

    Rules are told apart by their parts themselves, which a tightened rule shares with the rule that was loaded.
    """
    kept: dict[Compiled, tuple[Rule, T]] = {}

    def asked(rule: Rule) -> T:
        found = kept.get(rule.require)
        if found is None or not _alike(found[0], rule):
            if len(kept) >= _MOST:
                kept.clear()
            found = kept[rule.require] = (rule, work(rule))
        return found[1]

    return asked


def _alike(one: Rule, other: Rule) -> bool:
    if one is other:
        return True
    same = one.id == other.id and one.level == other.level and one.digest == other.digest
    parts = one.reads is other.reads and one.applies is other.applies and one.require is other.require
    return same and parts and _without_values(one) == _without_values(other)


def _without_values(rule: Rule) -> list[tuple[str, str]]:
    return [(table.name, table.unit) for table in rule.limits]
