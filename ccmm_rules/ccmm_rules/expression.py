"""The checked tree of a CEL expression, read from its serialised form: what lints, dependencies and folding need.

The serialised form is `google.protobuf.Any` round `cel.expr.CheckedExpr` (cel/expr/checked.proto, syntax.proto).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

Scalar = bool | int | float | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Const:
    """A literal."""

    value: Scalar
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A declared name, dots included."""

    name: str
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An operator or function; a method's target is its first argument.

    What every verdict asks of it is found when it is made: `names` as `names_in` gives them, and of `a && b && c` and
    `a || b || c` all three `sides`.
    """

    function: str
    arguments: "tuple[Tree, ...]"
    offset: int = 0
    names: frozenset[str] = field(init=False, repr=False, compare=False)
    sides: "tuple[Tree, ...]" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = [sides_of(part, self.function) for part in self.arguments]
        object.__setattr__(self, "names", frozenset().union(*map(names_in, self.arguments)))
        object.__setattr__(self, "sides", tuple(side for part in parts for side in part))


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list literal."""

    elements: "tuple[Tree, ...]"
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro:
    """`all()` or `exists()` over `over`; the rest of its parts in `parts`."""

    over: "Tree"
    parts: "tuple[Tree, ...]"
    variable: str
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Something that no rule may write: its message name."""

    what: str
    offset: int = 0


Tree = Const | Name | Call | Items | Macro | Other


def tree_of(serialised: bytes) -> Tree:
    """The tree in `Expression.serialize()`."""
    checked = next(value for number, value in _fields(serialised) if number == 2)
    assert isinstance(checked, bytes)
    offsets: dict[int, int] = {}
    expression = b""
    for number, value in _fields(checked):
        if number == 5 and isinstance(value, bytes):
            offsets = _positions(value)
        elif number == 4 and isinstance(value, bytes):
            expression = value
    return _tree(expression, offsets)


def walk(tree: Tree) -> Iterator[Tree]:
    """The tree and all below it, outermost first."""
    yield tree
    for child in children(tree):
        yield from walk(child)


def children(tree: Tree) -> "tuple[Tree, ...]":
    if isinstance(tree, Call):
        return tree.arguments
    if isinstance(tree, Items):
        return tree.elements
    if isinstance(tree, Macro):
        return (tree.over, *tree.parts)
    return ()


def sides_of(tree: Tree, function: str) -> "tuple[Tree, ...]":
    """What the function joins: of `a && b && c` by `_&&_` all three, of anything else the tree itself."""
    return tree.sides if isinstance(tree, Call) and tree.function == function else (tree,)


def names_in(tree: Tree) -> frozenset[str]:
    """Every declared name that it uses; the variables of macros are not among them."""
    if isinstance(tree, Call):
        return tree.names
    if isinstance(tree, Macro):
        inside = frozenset().union(*(names_in(part) for part in tree.parts))
        return names_in(tree.over) | (inside - {tree.variable, "@result"})
    if isinstance(tree, Name):
        return frozenset((tree.name,))
    return frozenset().union(*(names_in(child) for child in children(tree)))


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        if wire == 2:
            size, at = _varint(data, at)
        else:
            size = 8 if wire == 1 else 4
        yield tag >> 3, data[at : at + size]
        at += size


def _positions(source_info: bytes) -> dict[int, int]:
    found: dict[int, int] = {}
    for number, value in _fields(source_info):
        if number == 4 and isinstance(value, bytes):
            pair = dict(_fields(value))
            key, offset = pair.get(1, 0), pair.get(2, 0)
            if isinstance(key, int) and isinstance(offset, int):
                found[key] = offset
    return found


def _tree(data: bytes, offsets: dict[int, int]) -> Tree:
    offset = 0
    for number, value in _fields(data):
        if number == 2 and isinstance(value, int):
            offset = offsets.get(value, 0)
        elif isinstance(value, bytes):
            return _node(number, value, offset, offsets)
    return Other(what="an empty expression", offset=offset)


def _node(number: int, data: bytes, offset: int, offsets: dict[int, int]) -> Tree:
    if number == 3:
        return _const(data, offset)
    if number == 4:
        return Name(name=_text(data, 1), offset=offset)
    if number == 6:
        arguments = [
            _tree(value, offsets) for field, value in _fields(data) if field in (1, 3) and isinstance(value, bytes)
        ]
        return Call(function=_text(data, 2), arguments=tuple(arguments), offset=offset)
    if number == 7:
        elements = [_tree(value, offsets) for field, value in _fields(data) if field == 1 and isinstance(value, bytes)]
        return Items(elements=tuple(elements), offset=offset)
    if number == 9:
        parts = {field: value for field, value in _fields(data) if isinstance(value, bytes)}
        others = tuple(_tree(parts[field], offsets) for field in (5, 6, 7) if field in parts)
        return Macro(over=_tree(parts[2], offsets), parts=others, variable=_text(data, 1), offset=offset)
    return Other(what={5: "a field selection", 8: "a map or message"}.get(number, "this"), offset=offset)


def _text(data: bytes, wanted: int) -> str:
    for number, value in _fields(data):
        if number == wanted and isinstance(value, bytes):
            return value.decode("utf-8")
    return ""


def _const(data: bytes, offset: int) -> Tree:
    for number, value in _fields(data):
        if number == 2:
            return Const(value=bool(value), offset=offset)
        if number == 3 and isinstance(value, int):
            return Const(value=value - 2**64 if value >= 2**63 else value, offset=offset)
        if number == 5 and isinstance(value, bytes):
            return Const(value=struct.unpack("<d", value)[0], offset=offset)
        if number == 6 and isinstance(value, bytes):
            return Const(value=value.decode("utf-8"), offset=offset)
    return Other(what="this kind of literal", offset=offset)
