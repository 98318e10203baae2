"""What only shows when the reads, the limits and the `require` of a rule are seen together."""

from collections.abc import Iterator, Mapping
from itertools import product

from ccmm_rules.cel import Compiled
from ccmm_rules.dependence import remaining
from ccmm_rules.errors import PackError
from ccmm_rules.limits import check_bounds, check_direction, check_percent, check_units
from ccmm_rules.model import LEVELS, LimitTable, Read
from ccmm_rules.operators.trend import LEAST_POINTS
from ccmm_rules.spec import MetricSpec, SeriesSpec, most_parts
from ccmm_rules.strict_yaml import Node
from ccmm_rules.vocabulary.tables import Vocabulary

# How many points a series needs for a name. Two rise by chance in every other order, which tells nothing.
_POINTS: Mapping[str, int] = {
    **dict.fromkeys(("step", "step_pct", "change", "change_pct"), 2),
    **dict.fromkeys(("p_better", "p_worse"), 3),
    **dict.fromkeys(("signals", "in_control_share"), LEAST_POINTS),
}


def check_rule(
    root: Node,
    level: int,
    require: Compiled,
    reads: tuple[Read, ...],
    limits: tuple[LimitTable, ...],
    vocabulary: Vocabulary,
) -> list[PackError]:
    """All that is wrong there, each thing once."""
    node = root.child("require")
    errors = [*_unused(root.child("reads"), require, reads), *_short(root.child("reads"), require, reads)]
    if limits:
        table = root.child("limits")
        errors += check_units(table, require, limits, reads)
        errors += check_direction(table, require, limits, reads, vocabulary)
    errors += check_percent(root, require, limits, reads, vocabulary)
    for read in reads:
        metric = read.spec.metric if isinstance(read.spec, MetricSpec | SeriesSpec) else ""
        if metric and vocabulary.metrics[metric].formula == "percentile":
            errors += check_bounds(node, require, limits, read.name, vocabulary.wait_bounds_s)
    questions = [f"profile.{q.id}" for q in vocabulary.profile.values() if q.type == "bool"]
    asked = [name for name in questions if name in require.names]
    for at, answers in product(range(level, LEVELS[-1] + 1), product((True, False), repeat=min(len(asked), 4))):
        known: dict[str, object] = {"level": at, **dict(zip(asked, answers, strict=False))}
        errors += _unguarded(node, at, remaining(require.tree, known), limits)
    errors += _of_nothing(node, level, require)
    return list(dict.fromkeys(errors))


def _unused(node: Node, require: Compiled, reads: tuple[Read, ...]) -> Iterator[PackError]:
    for read in reads:
        if not any(read.full(short) in require.names for short in read.names):
            yield node.keys[read.name].error(
                f"read '{read.name}' is never used", "use it in 'require', or leave it out"
            )


def _short(node: Node, require: Compiled, reads: tuple[Read, ...]) -> Iterator[PackError]:
    """Names of a series that rest on more points than its window can hold: they would never have a value."""
    for read in reads:
        if not isinstance(read.spec, SeriesSpec):
            continue
        own = {short for short in read.names if read.full(short) in require.names}
        used = read.spec.test.compiled.names if read.spec.test is not None else own
        held = most_parts(read.spec.over, read.spec.every)
        for name in sorted(used & _POINTS.keys()):
            if held < _POINTS[name]:
                message = f"{name} needs {_POINTS[name]} points, the window holds {held}"
                yield node.child(read.name).child("over").error(message, "write a longer window or a shorter 'every'")


def _unguarded(node: Node, level: int, names: frozenset[str], limits: tuple[LimitTable, ...]) -> Iterator[PackError]:
    for table in limits:
        if table.at(level) is None and table.name in names:
            guard = f"guard it: level < {min(table.values)} || ..."
            yield node.error(f"{table.name} has no value at level {level}", guard)


def _of_nothing(node: Node, level: int, require: Compiled) -> Iterator[PackError]:
    """Evidence or an answer must decide at every level: else a rule is satisfied, or not, for ever."""
    for at in range(level, LEVELS[-1] + 1):
        names = remaining(require.tree, {"level": at})
        if all(name == "limit" or name.startswith("limit.") for name in names):
            message = f"at level {at} this depends on no read and on no answer of the center"
            yield node.error(message, "compare what a read found, like calls.share >= 95.0")
            return
