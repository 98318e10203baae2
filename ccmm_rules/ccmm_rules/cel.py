"""CEL, kept to what a rule may say: typed scalars, no division, no functions beyond a short list.

>>> Language({"rec.share": "double"}).compile_text("rec.share >= 95.0").evaluate({"rec.share": 99.0})
True
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from cel_expr_python import cel

from ccmm_rules.errors import PackError, PackErrors, one_of
from ccmm_rules.expression import Call, Const, Items, Macro, Name, Other, Scalar, Tree, names_in, tree_of, walk
from ccmm_rules.full_width import told, wide_in
from ccmm_rules.strict_yaml import Node

OPERATORS = frozenset(
    [
        "_&&_",
        "_||_",
        "!_",
        "_==_",
        "_!=_",
        "_<_",
        "_<=_",
        "_>_",
        "_>=_",
        "_+_",
        "_-_",
        "_*_",
        "-_",
        "@in",
        "_?_:_",
        "size",
        "startsWith",
        "double",
        "int",
    ]
)
_INSIDE_MACROS = frozenset(("@not_strictly_false",))
_WHY = {
    "_/_": ("'/' is not allowed: the engine divides, once", "read a share or a mean instead"),
    "_%_": ("'%' is not allowed", "read a share instead"),
    "matches": ("matches() is not allowed", "compare with a word"),
}
_PROBLEM = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_UNKNOWN = re.compile(r"undeclared reference to '([^']*)'")
_OVERLOAD = re.compile(r"found no matching overload for '([^']*)' applied to '\((.*)\)'")
_TYPES = {"int": "a whole number", "double": "a decimal", "string": "a word", "bool": "true or false"}
_NUMBER = re.compile(r"(?<![\w.])\d+(\.\d+)?(?![\w.])")
_LIKE = "write like: share >= 95.0 && bad == 0"
MAX_TEXT = 4000
MAX_NESTED = 32


@lru_cache(maxsize=64)
def cel_type(word: str) -> cel.Type:
    """bool int double string list time, or a pseudonym's sort written `@person`."""
    if word.startswith("@"):
        return cel.Type.AbstractType(f"pseudonym_{word[1:]}")
    return {
        "bool": cel.Type.BOOL,
        "int": cel.Type.INT,
        "double": cel.Type.DOUBLE,
        "string": cel.Type.STRING,
        "list": cel.Type.List(cel.Type.STRING),
        "time": cel.Type.TIMESTAMP,
    }[word]


def _running(word: str) -> str:
    """The type at run time: times and pseudonyms are whole numbers then, checked before as what they are."""
    return "int" if word == "time" or word.startswith("@") else word


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """A checked expression, planned once and kept."""

    source: str
    tree: Tree
    names: frozenset[str]
    program: cel.Expression

    def evaluate(self, values: Mapping[str, object]) -> Scalar | None:
        """Its value, or None where it depends on a name without one."""
        result = self.program.eval(data=values)
        if result.type() == cel.Type.ERROR or result.type() == cel.Type.UNKNOWN:
            return None
        value = result.value()
        assert isinstance(value, bool | int | float | str)
        return value


class Language:
    """The names that an expression may use, with their types; `absent`: what would make a name one of them."""

    def __init__(self, names: Mapping[str, str], absent: Mapping[str, str] | None = None) -> None:
        self.names, self.absent = dict(names), dict(absent or {})
        self._checking = cel.NewEnv(variables={name: cel_type(word) for name, word in names.items()})
        self._running = cel.NewEnv(variables={name: cel_type(_running(word)) for name, word in names.items()})

    def compile_text(self, text: str, want: str = "bool") -> Compiled:
        """As `compile_node`, for a text of no file."""
        return self.compile_node(Node(file="expression", line=1, column=1, value=text, keys={}), want)

    def compile_node(self, node: Node, want: str = "bool") -> Compiled:
        """Raises PackErrors: unknown names, wrong types, what is not allowed, result not of type `want`."""
        text = node.text()
        if len(text) > MAX_TEXT:
            node.fail(f"longer than {MAX_TEXT} characters", "split the rule")
        try:
            checked = self._checking.compile(text)
            program = self._running.compile(text)
        except (RuntimeError, ValueError) as error:
            wrong = list(_wide(text, node)) or list(_problems(str(error), text, node, self.names, self.absent))
            raise PackErrors(wrong) from error
        tree = tree_of(checked.serialize())
        errors = [placed(node, text, part.offset, message, mend) for part, message, mend in _lint(tree)]
        if checked.return_type() != cel_type(want):
            errors.append(
                node.error(f"gives {checked.return_type().name().lower()}, not {want}", "compare it with something")
            )
        if errors:
            raise PackErrors(errors)
        return Compiled(text, tree, names_in(tree), program)


def _lint(tree: Tree) -> Iterator[tuple[Tree, str, str]]:
    inside: set[int] = set()
    for part in walk(tree):
        if isinstance(part, Macro):
            inside.update(id(below) for child in part.parts for below in walk(child))
            yield from _lint_macro(part)
        if isinstance(part, Other):
            yield part, f"{part.what} is not allowed", "use names, words and numbers"
        allowed = OPERATORS | _INSIDE_MACROS if id(part) in inside else OPERATORS
        if isinstance(part, Call) and part.function not in allowed:
            message, mend = _WHY.get(part.function, (f"{part.function}() is not allowed", "use a comparison"))
            yield part, message, mend


def _lint_macro(part: Macro) -> Iterator[tuple[Tree, str, str]]:
    over = part.over
    if part.parts and isinstance(part.parts[0], Const):  # they go through all; all() and exists() stop by a condition
        yield part, "map() and filter() are not allowed", "use all() or exists()"
    if isinstance(over, Name) and "." in over.name and not over.name.startswith(("a.", "b.")):
        yield part, "a macro over a read is not allowed", "test the rows in the read"


def _wide(text: str, node: Node) -> Iterator[PackError]:
    for number, row in enumerate(text.split("\n"), start=1):
        for at, wide, plain in wide_in(row):
            (line, column), (message, mend) = node.at(number, at + 1), told(wide, plain.replace('"', "'"))
            yield PackError(file=node.file, line=line, column=column, message=message, mend=mend)


def _problems(
    message: str, text: str, node: Node, names: Iterable[str], absent: Mapping[str, str]
) -> Iterator[PackError]:
    rows = text.split("\n")
    found = False
    for match in _PROBLEM.finditer(message):
        found = True
        line, column = int(match[1]), int(match[2])
        row = rows[line - 1] if line <= len(rows) else ""
        column, problem, mend = _problem(match[3].removesuffix(" (in container '')"), row, column, names, absent)
        file_line, file_column = node.at(line, column)
        yield PackError(file=node.file, line=file_line, column=file_column, message=problem, mend=mend)
    if not found and "recursion" in message:
        yield node.error("nested too deeply", f"at most {MAX_NESTED} brackets and operators in each other")
    elif not found:
        said = message.splitlines()[0] if message else "refused"
        yield node.error(f"no expression: {said}", _LIKE)


def _problem(said: str, row: str, column: int, names: Iterable[str], absent: Mapping[str, str]) -> tuple[int, str, str]:
    """(column, message, mend) of what the compiler says of a row of text."""
    name = _UNKNOWN.search(said)
    if name is not None:
        begins = row.rfind(name[1], 0, column + len(name[1]))  # the compiler points at a dot or a bracket in it
        return (
            begins + 1 if begins >= 0 else column,
            f"nothing is called '{name[1]}'",
            absent.get(name[1]) or one_of(name[1], names),
        )
    types = _OVERLOAD.search(said)
    if types is not None:
        sides = [_TYPES.get(word.strip(), word.strip()) for word in types[2].split(",")]
        return column, f"'{types[1].strip('_')}' does not go between {' and '.join(sides)}", _mend(sides, row, column)
    return column, said.partition(" expecting ")[0], _syntax_mend(said)


def _mend(sides: Sequence[str], row: str, column: int) -> str:
    if set(sides) != {_TYPES["int"], _TYPES["double"]}:
        return "compare a count with a whole number, a share with a decimal, a word with a word in quotes"
    number = _NUMBER.search(row, max(column - 1, 0)) or _NUMBER.search(row)
    if number is None:
        return "whole numbers and decimals do not mix: use double()"
    whole, point, rest = number[0].partition(".")
    if not point:
        return f"write {whole}.0"
    return f"write {whole}" if not rest.strip("0") else "a count is compared with a whole number"


def _syntax_mend(said: str) -> str:
    if "'and'" in said or "'or'" in said:
        return "write && for and, || for or"
    return "write == to compare" if "'= '" in said else _LIKE


def placed(node: Node, text: str, offset: int, message: str, mend: str) -> PackError:
    """An error at a character of an expression, where it stands in the file."""
    before = text[:offset]
    line = before.count("\n") + 1
    column = offset - (before.rfind("\n") + 1) + 1
    file_line, file_column = node.at(line, column)
    return PackError(file=node.file, line=file_line, column=file_column, message=message, mend=mend)


def words_in(compiled: Compiled) -> Iterator[tuple[str, Const]]:
    """(name, literal) for every text literal compared with a name: `name == 'w'`, `name in ['w']`, `'w' in name`.

    So are those that a macro goes through: `['w'].all(p, p in name)`.
    """
    for part in walk(compiled.tree):
        if isinstance(part, Macro) and isinstance(part.over, Items):
            yield from ((_compared(part), word) for word in part.over.elements if isinstance(word, Const))
        if not isinstance(part, Call) or part.function not in ("_==_", "_!=_", "@in", "startsWith"):
            continue
        names = [below.name for side in part.arguments for below in walk(side) if isinstance(below, Name)]
        literals = [below for side in part.arguments for below in walk(side) if isinstance(below, Const)]
        for literal in literals:
            if isinstance(literal.value, str):
                yield (names[0] if len(names) == 1 else "", literal)


def _compared(macro: Macro) -> str:
    """The name that a macro compares its variable with; empty where it is not just one."""
    names = {below.name for part in macro.parts for below in walk(part) if isinstance(below, Name)} - {macro.variable}
    found = [name for name in names if not name.startswith(("@", "__"))]
    return found[0] if len(found) == 1 else ""


def all_words(compiled: Compiled) -> list[Const]:
    """Every text literal in it."""
    return [part for part in walk(compiled.tree) if isinstance(part, Const) and isinstance(part.value, str)]
