"""A center's own limit for a rule: it may ask more of the center than the rule does, never less.

`limit.D-SEC-09 = 12` tightens the limit of that rule at every level, `limit.D-EMG-08.seen = 10` one of several.
"""

import math
from dataclasses import replace

from ccmm_rules.dependence import uses
from ccmm_rules.model import LEVELS, LimitTable, Rule
from ccmm_rules.operators.view import View
from ccmm_rules.spec import SlotSpec
from ccmm_rules.vocabulary.tables import Vocabulary


def answer_name(rule: Rule, table: LimitTable) -> str:
    """The scope answer that may tighten the limit."""
    return f"limit.{rule.id}{table.name.removeprefix('limit')}"


def stricter_side(rule: Rule, table: LimitTable, vocabulary: Vocabulary) -> str:
    """up: a higher limit asks for more; down: a lower one; '': neither is plain from the rule."""
    sides = {{"<=": "up", ">=": "down"}.get(how, "") for how in uses(rule.require.tree, table.name)}
    if table.name == "limit":  # `meets: limit`: a good slot lies on the better side of it
        specs = [read.spec for read in rule.reads if isinstance(read.spec, SlotSpec)]
        sides |= {vocabulary.metrics[s.metric].better for s in specs if s.meets is None and not s.target}
    return sides.pop() if len(sides) == 1 and sides <= {"up", "down"} else ""


def tightened(rule: Rule, view: View) -> Rule:
    """The rule with the center's own limits, where they are stricter."""
    if not view.has_own_limits or not rule.limits:
        return rule
    owns = [(table, view.own_number(answer_name(rule, table))) for table in rule.limits]
    return replace(
        rule,
        limits=tuple(
            table if own is None else stricter_table(rule, table, own, view.vocabulary) for table, own in owns
        ),
    )


def stricter_table(rule: Rule, table: LimitTable, own: float, vocabulary: Vocabulary) -> LimitTable:
    """At each level the stricter of the rule's limit and the center's; the same table where neither side is plain."""
    side = stricter_side(rule, table, vocabulary)
    if not side:
        return table
    if table.type == "int":
        own = math.ceil(own) if side == "up" else math.floor(own)
    known = {level: float(value) for level in LEVELS if (value := table.at(level)) is not None}
    stricter = max if side == "up" else min
    return replace(table, values={level: stricter(value, own) for level, value in known.items()})
