"""`limits`: tables of values by level, their types by unit, and what they may be compared with."""

from itertools import pairwise

from ccmm_rules.cel import Compiled
from ccmm_rules.dependence import compared_with, uses
from ccmm_rules.errors import PackError, PackErrors, one_of
from ccmm_rules.expression import Const, Name
from ccmm_rules.model import LEVELS, LimitTable, Read
from ccmm_rules.spec import MetricSpec, SeriesSpec, SlotSpec
from ccmm_rules.strict_yaml import Node
from ccmm_rules.vocabulary.tables import Vocabulary

WHOLE_UNITS = frozenset(("days", "hours", "months", "quarters", "count", "workdays"))
DECIMAL_UNITS = frozenset(("%", "s", "min", "h", "d", "ms", "points", "°C", "dB", "ppm"))
_CHANGES = frozenset(("step", "step_pct", "change", "change_pct"))
_SHARES = frozenset(("share", "good_share", "bad_share", "only_a_share"))
_LEVEL_KEYS = {f"L{level}": level for level in LEVELS}


def load_limits(node: Node) -> tuple[LimitTable, ...]:
    """One table `limit`, or several named ones `limit.x`."""
    if "unit" in node.mapping():
        return (_table("limit", node),)
    return tuple(_table(f"limit.{name}", child) for name, child in node.mapping().items())


def _table(name: str, node: Node) -> LimitTable:
    errors = node.only(frozenset(("unit", *_LEVEL_KEYS)))
    if errors:
        raise PackErrors(errors)
    unit = node.child("unit")
    if unit.text() not in WHOLE_UNITS | DECIMAL_UNITS:
        unit.fail(f"'{unit.text()}' is no unit", one_of(unit.text(), WHOLE_UNITS | DECIMAL_UNITS))
    word = "int" if unit.text() in WHOLE_UNITS else "double"
    values = {_LEVEL_KEYS[key]: child for key, child in node.mapping().items() if key in _LEVEL_KEYS}
    if not values:
        node.fail("no value for any level", "add L1: 85")
    numbers = {level: float(child.whole()) if word == "int" else child.number() for level, child in values.items()}
    return LimitTable(name=name, unit=unit.text(), type=word, values=numbers)


def check_units(
    node: Node, require: Compiled, limits: tuple[LimitTable, ...], reads: tuple[Read, ...]
) -> list[PackError]:
    """A limit's unit must be that of what it is compared with."""
    units = {read.full(short): unit for read in reads for short, unit in read.units.items()}
    slots = [read.spec for read in reads if isinstance(read.spec, SlotSpec)]
    judged_by_limit = any(spec.meets is None and not spec.target for spec in slots)
    errors = []
    for table in limits:
        compared = [side for side in compared_with(require.tree, table.name) if isinstance(side, Name)]
        if table.name not in require.names and not (table.name == "limit" and judged_by_limit):
            errors.append(node.error(f"{table.name} is never used", "compare it in 'require' or leave it out"))
        for side in compared:
            unit = units.get(side.name, "")
            if unit and unit != table.unit:
                errors.append(node.error(f"{table.name} is in {table.unit}, {side.name} in {unit}", "use one unit"))
    return errors


def check_bounds(
    node: Node, require: Compiled, limits: tuple[LimitTable, ...], name: str, bounds: tuple[float, ...]
) -> list[PackError]:
    """A percentile from buckets may be compared with bucket bounds only."""
    tables = {table.name: table for table in limits}
    values: list[float] = []
    for side in compared_with(require.tree, name):
        if isinstance(side, Const) and isinstance(side.value, float):
            values.append(side.value)
        elif isinstance(side, Name) and side.name in tables:
            values.extend(tables[side.name].values.values())
    known = ", ".join(f"{bound:g}" for bound in bounds)
    return [
        node.error(f"{name} is a bucket bound and cannot be compared with {value:g}", f"write one of {known}")
        for value in values
        if value not in bounds
    ]


def check_direction(
    node: Node,
    require: Compiled,
    limits: tuple[LimitTable, ...],
    reads: tuple[Read, ...],
    vocabulary: Vocabulary,
) -> list[PackError]:
    """A higher level never asks for less, wherever `require` or the slots judged by a limit show what is more."""
    errors = []
    for table in limits:
        directions = set(uses(require.tree, table.name))
        if table.name == "limit":
            directions |= {_by_slots(read.spec, vocabulary) for read in reads if isinstance(read.spec, SlotSpec)}
        rising, falling = (directions - {""} == {wanted} for wanted in ("<=", ">="))
        for low, high in pairwise(sorted(table.values)):
            step = table.values[high] - table.values[low]
            if (rising and step < 0) or (falling and step > 0):
                lower = f"{table.values[low]:g}"
                mend = f"write at {'least' if rising else 'most'} {lower}, or swap them"
                errors.append(_value(node, table, high).error(f"level {high} asks for less than level {low}", mend))
    return errors


def _by_slots(spec: SlotSpec, vocabulary: Vocabulary) -> str:
    """How the limit stands to the slots that it judges, as `uses` says it; empty where it judges none."""
    if spec.meets is not None or spec.target:
        return ""
    return "<=" if vocabulary.metrics[spec.metric].better == "up" else ">="


def _value(node: Node, table: LimitTable, level: int) -> Node:
    """Where a value stands; `node` is that of all tables."""
    of_table = node if table.name == "limit" else node.child(table.name.removeprefix("limit."))
    return of_table.child(f"L{level}")


def check_percent(
    root: Node,
    require: Compiled,
    limits: tuple[LimitTable, ...],
    reads: tuple[Read, ...],
    vocabulary: Vocabulary,
) -> list[PackError]:
    """A share is compared with 0 to 100. `root` is the whole rule."""
    tables = {table.name: table for table in limits}
    shares = [read.full(short) for read in reads for short in read.names if _is_share(read, short, vocabulary)]
    errors = []
    for name in shares:
        for side in compared_with(require.tree, name):
            values: list[tuple[Node, object]] = []
            if isinstance(side, Const):
                values = [(root.child("require"), side.value)]
            elif isinstance(side, Name) and side.name in tables:
                table = tables[side.name]
                values = [(_value(root.child("limits"), table, level), value) for level, value in table.values.items()]
            errors += [
                node.error(f"{name} is 0 to 100 % and never {value:g}", "write a percentage that it can reach")
                for node, value in values
                if isinstance(value, int | float) and not 0 <= value <= 100
            ]
    return errors


def _is_share(read: Read, short: str, vocabulary: Vocabulary) -> bool:
    """What cannot lie outside 0 to 100 percent: changes can, and figures that may go beyond."""
    if read.units.get(short) != "%" or short in _CHANGES:
        return False
    metric = read.spec.metric if isinstance(read.spec, MetricSpec | SlotSpec | SeriesSpec) else ""
    return short in _SHARES or (metric != "" and vocabulary.metrics[metric].is_share)
