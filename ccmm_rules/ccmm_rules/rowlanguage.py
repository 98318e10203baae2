"""The names that a test on a row may use: the kind's attributes, ages of its times, and the center's profile."""

from collections.abc import Mapping
from functools import lru_cache

from ccmm_rules.cel import Compiled, Language, all_words, placed, words_in
from ccmm_rules.derived import kind_named, words_named
from ccmm_rules.errors import PackErrors, one_of
from ccmm_rules.expression import Macro, Name, walk
from ccmm_rules.strict_yaml import Node
from ccmm_rules.vocabulary.tables import Kind, Vocabulary, load_vocabulary

WIRE_TYPES = {"flag": "bool", "whole": "int", "number": "double", "text": "string", "words": "list", "time": "time"}


def attribute_types(kind: Kind) -> Mapping[str, str]:
    """Attribute -> type in rules, `key` included."""
    seconds = load_vocabulary().seconds
    types = {
        name: "double" if f"{kind.name}.{name}" in seconds else WIRE_TYPES.get(attribute.word, attribute.word)
        for name, attribute in kind.known.items()
    }
    types["key"] = "string" if kind.key == "text" else kind.key
    if kind.form == "occurrence":
        types |= {"started": "time", "ended": "time"}
    return types


def row_names(kind: Kind) -> dict[str, str]:
    """Every name that a test on a row of this kind may use."""
    types = dict(attribute_types(kind))
    names = dict(types)
    stamps = [name for name, word in types.items() if word == "time"]
    for name in stamps:
        names |= {f"{name}_days": "int", f"{name}_hours": "int"}
        if kind.form == "occurrence":
            names |= {f"{name}_minutes": "double", f"{name}_workdays": "int"}
    names |= {f"has_{name}": "bool" for name, attribute in kind.known.items() if attribute.optional}
    if kind.form == "occurrence":
        names |= {"has_ended": "bool", "open": "bool", "local_hour": "int", "nights": "int"}
        names |= {"lasted_minutes": "double", "lasted_hours": "int", "lasted_days": "int"}
    return names


@lru_cache(maxsize=256)
def _language(kinds: tuple[tuple[str, str], ...]) -> Language:
    """`kinds` is ((prefix, kind), ...)."""
    vocabulary = load_vocabulary()
    names = {f"profile.{name}": question.type for name, question in vocabulary.profile.items()}
    for prefix, kind in kinds:
        names |= {f"{prefix}{name}": word for name, word in row_names(kind_named(kind, vocabulary)).items()}
    return Language(names)


def compile_row_test(node: Node, kind: str) -> Compiled:
    """A test on one row."""
    return _checked(node, (("", kind),))


def compile_pair_test(node: Node, first: str, second: str) -> Compiled:
    """A test on a pair: `a.x` and `b.x`."""
    return _checked(node, (("a.", first), ("b.", second)))


def _checked(node: Node, kinds: tuple[tuple[str, str], ...]) -> Compiled:
    compiled = _language(kinds).compile_node(node)
    vocabulary = load_vocabulary()
    allowed = _allowed_words(compiled, kinds, vocabulary)
    errors = []
    for name, literal in words_in(compiled):
        known = allowed.get(name) or frozenset().union(*allowed.values()) if name not in allowed else allowed[name]
        if literal.value not in known and literal.value != "":
            message = f"'{literal.value}' is no word of {name or 'these attributes'}"
            errors.append(placed(node, compiled.source, literal.offset, message, one_of(str(literal.value), known)))
    compared = {id(literal) for _, literal in words_in(compiled)}
    errors += [
        placed(
            node,
            compiled.source,
            literal.offset,
            f"'{literal.value}' is compared with nothing",
            "compare it with an attribute",
        )
        for literal in all_words(compiled)
        if id(literal) not in compared
    ]
    if errors:
        raise PackErrors(errors)
    return compiled


def _allowed_words(
    compiled: Compiled, kinds: tuple[tuple[str, str], ...], vocabulary: Vocabulary
) -> dict[str, frozenset[str]]:
    allowed: dict[str, frozenset[str]] = {}
    for prefix, kind in kinds:
        for attribute in kind_named(kind, vocabulary).attributes:
            if prefix + attribute in compiled.names:
                allowed[prefix + attribute] = words_named(kind, attribute, vocabulary)
    for name in compiled.names:
        if name.startswith("profile."):
            allowed[name] = frozenset()
    for part in walk(compiled.tree):
        if isinstance(part, Macro) and isinstance(part.over, Name):
            allowed[part.variable] = allowed.get(part.over.name, frozenset())
    return allowed
