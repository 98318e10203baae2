"""What follows from a rule alone is worked out once, and never taken from another rule."""

from dataclasses import replace

from ccmm_rules.by_rule import once_by_rule
from ccmm_rules.expression import Call, sides_of
from ccmm_rules.model import Rule
from tests.unit.rules.examples import one_rule

READ = "{inventory: account, bad: 'last_login_days > 90'}"


def a_rule(require: str = "x.bad == 0", *, limits: str = "{unit: count, L1: 5}") -> Rule:
    return one_rule(READ, f"({require}) && x.bad <= limit", more=f"limits: {limits}").rules["D-SEC-01"]


def test_a_tightened_rule_shares_what_its_rule_says_and_any_other_rule_does_not() -> None:
    asked: list[Rule] = []

    @once_by_rule
    def number(rule: Rule) -> int:
        asked.append(rule)
        return len(asked)

    rule = a_rule()
    tighter = replace(rule, limits=tuple(replace(table, values={1: 3}) for table in rule.limits))
    assert [number(one) for one in (rule, rule, tighter, rule)] == [1, 1, 1, 1]
    assert number(a_rule()) == 2  # the same file, loaded again: its parts are others
    assert number(replace(rule, reads=(*rule.reads, replace(rule.reads[0], name="y")))) == 3
    assert number(replace(rule, applies=rule.require)) == 4
    assert number(replace(rule, limits=tuple(replace(table, unit="days") for table in rule.limits))) == 5
    assert number(replace(rule, level=2)) == 6


def test_a_chain_of_conditions_has_all_its_sides_and_all_its_names() -> None:
    tree = a_rule("x.bad == 0 && (x.n > 1 || x.n < 0 || level > 2)").require.tree
    assert isinstance(tree, Call)
    assert tree.names == {"x.bad", "x.n", "level", "limit"}
    assert [len(sides_of(side, "_||_")) for side in tree.sides] == [1, 3, 1]
    assert tree.sides == sides_of(tree, "_&&_")
    assert sides_of(tree, "_||_") == (tree,)
