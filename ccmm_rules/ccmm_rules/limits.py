"""`limits`: tables of values by level, their types by unit, and what they may be compared with."""

from ccmm_rules.cel import Compiled
from ccmm_rules.dependence import compared_with
from ccmm_rules.errors import PackError, PackErrors, one_of
from ccmm_rules.expression import Const, Name
from ccmm_rules.model import LEVELS, LimitTable, Read
from ccmm_rules.spec import SlotSpec
from ccmm_rules.strict_yaml import Node

WHOLE_UNITS = frozenset(("days", "hours", "months", "quarters", "count", "workdays"))
DECIMAL_UNITS = frozenset(("%", "s", "min", "h", "d", "ms", "points", "°C", "dB", "ppm"))
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
