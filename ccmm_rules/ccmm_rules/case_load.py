"""`given` and `cases`: the rule's truth table, checked against the names that its reads bind."""

from collections.abc import Mapping

from ccmm_rules.errors import PackErrors
from ccmm_rules.expression import Scalar
from ccmm_rules.model import LEVELS, Case, CaseRead, Outcome, Read
from ccmm_rules.parsing import Collected
from ccmm_rules.strict_yaml import Node
from ccmm_rules.vocabulary.tables import Question

_STATES = {"missing": "missing", "unsure": "inconclusive"}
_ABSENT = CaseRead(state="missing", worst={}, best={})


def load_cases(root: Node, reads: Mapping[str, Read], level: int, profile: Mapping[str, Question]) -> tuple[Case, ...]:
    """Every case with `given` merged in. Raises PackErrors."""
    collected = Collected()
    given = root.get("given")
    base = collected.attempt(_part, given, reads, profile) if given is not None else ({}, {})
    cases = []
    for node in root.child("cases").sequence():
        with collected.trying():
            cases.append(_case(node, base or ({}, {}), reads, level, profile))
    collected.raise_any()
    if not cases:
        root.child("cases").fail("no case", "show one per outcome")
    return tuple(cases)


def _case(
    node: Node,
    given: tuple[Mapping[str, CaseRead], Mapping[str, object]],
    reads: Mapping[str, Read],
    level: int,
    profile: Mapping[str, Question],
) -> Case:
    said, answers = _part(node, reads, profile, frozenset(("level", "outcome")))
    outcome = node.child("outcome")
    if outcome.text() not in set(Outcome):
        outcome.fail(f"'{outcome.text()}' is no outcome", f"write one of {', '.join(Outcome)}")
    level_node = node.get("level")
    at = level_node.whole() if level_node is not None else level
    if at not in LEVELS or at < level:
        (level_node or node).fail(f"the rule is not judged at level {at}", f"write {level} to 5")
    merged = {name: said.get(name, given[0].get(name, _ABSENT)) for name in reads}
    return Case(
        line=node.line, level=at, outcome=Outcome(outcome.text()), reads=merged, profile={**given[1], **answers}
    )


def _part(
    node: Node,
    reads: Mapping[str, Read],
    profile: Mapping[str, Question],
    beside: frozenset[str] = frozenset(),
) -> tuple[dict[str, CaseRead], dict[str, object]]:
    errors = node.only(frozenset(reads) | {"profile"} | beside)
    if "held" in node.mapping():
        node.keys["held"].fail("'held' is not available in this version", "leave 'hold' out of the rule")
    if errors:
        raise PackErrors(errors)
    said = {name: _case_read(child, reads[name]) for name, child in node.mapping().items() if name in reads}
    answers = node.get("profile")
    return said, _answers(answers, profile) if answers is not None else {}


def _answers(node: Node, profile: Mapping[str, Question]) -> dict[str, object]:
    errors = node.only(frozenset(profile))
    if errors:
        raise PackErrors(errors)
    return {name: answer_of(child, profile[name].type) for name, child in node.mapping().items()}


def answer_of(node: Node, word: str) -> object:
    """A scope answer of the type that the question has."""
    if word == "bool":
        return node.flag()
    if word == "int":
        return node.whole()
    if word == "double":
        return node.number()
    if word == "list":
        return tuple(child.text() for child in node.sequence())
    return node.text()


def _case_read(node: Node, read: Read) -> CaseRead:
    if isinstance(node.value, str):
        if node.value not in _STATES:
            node.fail(f"'{node.value}' is no state of a read", "write missing, unsure or values")
        return CaseRead(state=_STATES[node.value], worst={}, best={})
    if not isinstance(node.value, Mapping):
        worst, best = _looks(node, read, "")
        return CaseRead(state="", worst={"": worst}, best={"": best})
    known = frozenset(name for name in read.names if name)
    errors = node.only(known)
    if errors:
        raise PackErrors(errors)
    looks = {name: _looks(child, read, name) for name, child in node.mapping().items()}
    return CaseRead(
        state="", worst={n: look[0] for n, look in looks.items()}, best={n: look[1] for n, look in looks.items()}
    )


def _looks(node: Node, read: Read, name: str) -> tuple[Scalar, Scalar]:
    word = read.names.get(name)
    if word is None:
        node.fail(f"{read.name} binds no value of its own", f"write {{{next(iter(read.names))}: ...}}")
    if isinstance(node.value, tuple):
        ends = node.sequence()
        if len(ends) != 2:
            node.fail("two looks are [worst, best]")
        return _value(ends[0], word), _value(ends[1], word)
    value = _value(node, word)
    return value, value


def _value(node: Node, word: str) -> Scalar:
    return node.whole() if word == "int" else node.number()
