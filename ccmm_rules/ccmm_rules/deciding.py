"""Which parts of `require` decided: those that are false in the better look, so that nothing could save them.

`a >= 5.0 && (level < 2 || b == 0)` with a = 4.0, b = 1 at level 2: both parts; at level 1 the first alone.
"""

from collections.abc import Iterator, Mapping
from operator import add, eq, ge, gt, le, lt, mul, ne, sub

from ccmm_rules.expression import Call, Const, Name, Scalar, Tree, names_in

COMPARED = {"_>=_": ge, "_<=_": le, "_>_": gt, "_<_": lt, "_==_": eq, "_!=_": ne}
_COMPUTED = {"_+_": add, "_-_": sub, "_*_": mul}
_SCALARS, _NUMBERS = (bool, int, float, str), (bool, int, float)  # a union would be made anew for each value
Values = Mapping[str, object]


def value_in(tree: Tree, values: Values) -> Scalar | None:
    """Its value, None where it hangs on a name without one; as CEL has it, `false && unknown` is false."""
    if isinstance(tree, Name):
        value = values.get(tree.name)
        return value if isinstance(value, _SCALARS) else None
    if isinstance(tree, Const):
        return tree.value
    if not isinstance(tree, Call):
        return None
    if tree.function in COMPARED:
        return _compared(tree, values)
    if tree.function in ("_&&_", "_||_"):
        return _joined(tree, values)
    if tree.function == "_?_:_":
        condition = value_in(tree.arguments[0], values)
        return None if condition is None else value_in(tree.arguments[1 if condition else 2], values)
    return _applied(tree.function, [value_in(part, values) for part in tree.arguments])


def _compared(call: Call, values: Values) -> Scalar | None:
    """Most of what is asked compares two numbers."""
    left, right = (value_in(part, values) for part in call.arguments)
    if isinstance(left, _NUMBERS) and isinstance(right, _NUMBERS):
        return bool(COMPARED[call.function](left, right))
    return _applied(call.function, [left, right])


def _joined(call: Call, values: Values) -> bool | None:
    deciding = call.function == "_||_"
    sides = [value_in(part, values) for part in call.sides]
    if deciding in sides:
        return deciding
    return None if None in sides else not deciding


def _applied(function: str, parts: list[Scalar | None]) -> Scalar | None:
    if any(part is None for part in parts):
        return None
    if function == "!_":
        return not parts[0]
    known = [part for part in parts if isinstance(part, _NUMBERS)]
    if len(known) < len(parts) or not known:
        return _same(function, parts)
    if function in ("double", "int", "-_"):
        return {"double": float, "int": int, "-_": lambda number: -number}[function](known[0])  # type: ignore[no-any-return, operator]
    if len(known) == 2 and function in COMPARED:
        return bool(COMPARED[function](known[0], known[1]))
    if len(known) == 2 and function in _COMPUTED:
        return _COMPUTED[function](known[0], known[1])  # type: ignore[no-any-return]
    return None


def _same(function: str, parts: list[Scalar | None]) -> bool | None:
    if function not in ("_==_", "_!=_") or len(parts) != 2:
        return None
    return (parts[0] == parts[1]) is (function == "_==_")


def parts_that(outcome: bool | None, tree: Tree, values: Values) -> list[Tree]:
    """The comparisons that make the tree so: true, false, or (None) not known yet. Each once, in the order written.

    Parts that speak of the level and the center's answers alone are left out, unless there are no others.
    """
    everything = list(_parts(outcome, tree, values))
    found = [part for part in everything if _reads_something(part)] or everything
    return [part for at, part in enumerate(found) if part not in found[:at]]


def _parts(outcome: bool | None, tree: Tree, values: Values) -> Iterator[Tree]:
    if isinstance(tree, Call) and tree.function in ("_&&_", "_||_"):
        for part in tree.sides:
            if value_in(part, values) is outcome:
                yield from _parts(outcome, part, values)
    elif isinstance(tree, Call) and tree.function == "_?_:_" and value_in(tree.arguments[0], values) is not None:
        chosen = tree.arguments[1 if value_in(tree.arguments[0], values) else 2]
        yield from _parts(outcome, chosen, values)
    else:
        yield tree


def _reads_something(tree: Tree) -> bool:
    return any(name != "level" and not name.startswith(("profile.", "limit")) for name in names_in(tree))
