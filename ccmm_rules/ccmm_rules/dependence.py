"""What an expression still depends on once `level` and `profile.*` are put in, and how it uses a name.

`limit` stays a name here: it always has a value at the levels where it is used, or the rule does not load.
"""

from collections.abc import Mapping

from ccmm_rules.expression import Call, Const, Items, Name, Scalar, Tree, children, names_in, walk

_FLIP = {"_<_": "_>_", "_<=_": "_>=_", "_>_": "_<_", "_>=_": "_<=_"}


def remaining(tree: Tree, known: Mapping[str, object]) -> frozenset[str]:
    """Names that its value still depends on."""
    return _fold(tree, known)[1]


def _fold(tree: Tree, known: Mapping[str, object]) -> tuple[Scalar | None, frozenset[str]]:
    """(value, names): the value is None while names remain."""
    if isinstance(tree, Const):
        return tree.value, frozenset()
    if isinstance(tree, Name):
        value = known.get(tree.name)
        if isinstance(value, bool | int | float | str):
            return value, frozenset()
        return None, frozenset() if tree.name in known else frozenset((tree.name,))
    if isinstance(tree, Call):
        return _fold_call(tree, known)
    if isinstance(tree, Items):
        return None, frozenset().union(*(_fold(child, known)[1] for child in tree.elements))
    return None, frozenset(name for name in names_in(tree) if name not in known)


def _fold_call(call: Call, known: Mapping[str, object]) -> tuple[Scalar | None, frozenset[str]]:
    parts = [_fold(argument, known) for argument in call.arguments]
    values = [value for value, _ in parts]
    names: frozenset[str] = frozenset().union(*(names for _, names in parts))
    if call.function in ("_&&_", "_||_"):
        deciding = call.function == "_||_"
        if any(value is deciding for value in values):
            return deciding, frozenset()
        return (not deciding, frozenset()) if all(value is (not deciding) for value in values) else (None, names)
    if call.function == "_?_:_" and isinstance(values[0], bool):
        return parts[1] if values[0] else parts[2]
    if any(value is None for value in values):
        return None, names
    return _computed(call.function, values), names


def _computed(function: str, values: list[Scalar | None]) -> Scalar | None:
    """Comparisons of known values; anything else stays open, which only asks for more than is needed."""
    if function == "!_" and isinstance(values[0], bool):
        return not values[0]
    if len(values) != 2:
        return None
    left, right = values
    if function == "_==_":
        return left == right
    if function == "_!=_":
        return left != right
    if isinstance(left, int | float) and isinstance(right, int | float):
        results = {"_<_": left < right, "_<=_": left <= right, "_>_": left > right, "_>=_": left >= right}
        return results.get(function)
    return None


def uses(tree: Tree, name: str) -> frozenset[str]:
    """How `name` is used: `>=` (true stays true as it grows), `<=` (as it falls), `?` (anything else)."""
    return frozenset(_uses(tree, name))


def _uses(tree: Tree, name: str) -> set[str]:
    if isinstance(tree, Call) and tree.function in ("_&&_", "_||_"):
        return set().union(*(_uses(child, name) for child in tree.arguments))
    if isinstance(tree, Call) and tree.function == "_?_:_":
        found = set().union(*(_uses(child, name) for child in tree.arguments[1:]))
        return found | ({"?"} if name in names_in(tree.arguments[0]) else set())
    if isinstance(tree, Call) and len(tree.arguments) == 2:
        left, right = (_bare(side) for side in tree.arguments)
        here, there = isinstance(left, Name) and left.name == name, isinstance(right, Name) and right.name == name
        if here != there and name not in names_in(right if here else left):
            function = tree.function if here else _FLIP.get(tree.function, tree.function)
            return {_direction(function, right if here else left)}
    return {"?"} if name in names_in(tree) else set()


def _bare(tree: Tree) -> Tree:
    """A multiple of something, or the same as a decimal, rises and falls with it: `100.0 * double(read.both)`."""
    if isinstance(tree, Call) and tree.function == "double" and len(tree.arguments) == 1:
        return _bare(tree.arguments[0])
    if isinstance(tree, Call) and tree.function == "_*_":
        for factor, other in (tree.arguments, tree.arguments[::-1]):
            if isinstance(factor, Const) and isinstance(factor.value, int | float) and factor.value > 0:
                return _bare(other)
    return tree


def _direction(function: str, other: Tree) -> str:
    if function in ("_>_", "_>=_"):
        return ">="
    if function in ("_<_", "_<=_"):
        return "<="
    return "<=" if function == "_==_" and isinstance(other, Const) and other.value == 0 else "?"


def compared_with(tree: Tree, name: str) -> list[Tree]:
    """What `name` is compared with directly."""
    found = []
    for part in walk(tree):
        if isinstance(part, Call) and part.function in ("_<_", "_<=_", "_>_", "_>=_", "_==_", "_!=_"):
            left, right = children(part)
            if isinstance(left, Name) and left.name == name:
                found.append(right)
            elif isinstance(right, Name) and right.name == name:
                found.append(left)
    return found
