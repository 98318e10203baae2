"""`given` and `cases`: the rule's truth table, checked against the names that its reads bind."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ccmm_rules.errors import VOCABULARY, PackErrors
from ccmm_rules.expression import Scalar
from ccmm_rules.model import LEVELS, Case, CaseRead, Outcome, Read
from ccmm_rules.parsing import Collected
from ccmm_rules.spec import Window, parse_window
from ccmm_rules.strict_yaml import Node
from ccmm_rules.vocabulary.tables import Question

_STATES = {"missing": "missing", "unsure": "inconclusive"}
OWN = "value"  # the read's own value, in a case that gives it beside other names of the read
_ABSENT = CaseRead(state="missing", worst={}, best={})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What `given` or one case says."""

    reads: Mapping[str, CaseRead] = field(default_factory=dict)
    profile: Mapping[str, object] = field(default_factory=dict)
    held: Window | None = None


def load_cases(
    root: Node, reads: Mapping[str, Read], level: int, profile: Mapping[str, Question], hold: Window | None = None
) -> tuple[Case, ...]:
    """Every case with `given` merged in. Raises PackErrors."""
    collected = Collected()
    given = root.get("given")
    base = collected.attempt(_part, given, reads, profile, hold) if given is not None else None
    cases = []
    for node in root.child("cases").sequence():
        with collected.trying():
            cases.append(_case(node, base or _Part(), reads, level, profile, hold))
    collected.raise_any()
    if not cases:
        root.child("cases").fail("no case", "show one per outcome")
    return tuple(cases)


def _case(
    node: Node,
    given: _Part,
    reads: Mapping[str, Read],
    level: int,
    profile: Mapping[str, Question],
    hold: Window | None,
) -> Case:
    said = _part(node, reads, profile, hold, frozenset(("level", "outcome")))
    outcome = node.child("outcome")
    if outcome.text() not in set(Outcome):
        outcome.fail(f"'{outcome.text()}' is no outcome", f"write one of {', '.join(Outcome)}")
    if outcome.text() == Outcome.WAIVED:
        outcome.fail("a waiver is no matter of a case", "waivers are the center's; leave the case out")
    level_node = node.get("level")
    at = level_node.whole() if level_node is not None else level
    if at not in LEVELS or at < level:
        (level_node or node).fail(f"the rule is not judged at level {at}", f"write {level} to 5")
    return Case(
        line=node.line,
        level=at,
        outcome=Outcome(outcome.text()),
        reads={name: said.reads.get(name, given.reads.get(name, _ABSENT)) for name in reads},
        profile={**given.profile, **said.profile},
        held=said.held or given.held,
    )


def _part(
    node: Node,
    reads: Mapping[str, Read],
    profile: Mapping[str, Question],
    hold: Window | None,
    beside: frozenset[str] = frozenset(),
) -> _Part:
    errors = node.only(frozenset(reads) | {"profile", "held"} | beside)
    if errors:
        raise PackErrors(errors)
    answers, held = node.get("profile"), node.get("held")
    return _Part(
        reads={name: _case_read(child, reads[name]) for name, child in node.mapping().items() if name in reads},
        profile=_answers(answers, profile) if answers is not None else {},
        held=_held(held, hold) if held is not None else None,
    )


def _held(node: Node, hold: Window | None) -> Window:
    if hold is None:
        node.fail("the rule has no 'hold'", "leave 'held' out")
    held = parse_window(node)
    if held.unit != hold.unit:
        node.fail(f"'hold' counts in {hold.unit}", f"write it in {hold.unit} too, like {hold.count}{hold.unit}")
    return held


def _answers(node: Node, profile: Mapping[str, Question]) -> dict[str, object]:
    errors = node.only(frozenset(profile), VOCABULARY)
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
    shorts = {name or OWN: name for name in read.names}
    errors = node.only(frozenset(shorts))
    if errors:
        raise PackErrors(errors)
    looks = {shorts[said]: _looks(child, read, shorts[said]) for said, child in node.mapping().items()}
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
            node.fail("two looks are [worst, best]", "write [3, 0], or one value")
        return _value(ends[0], word), _value(ends[1], word)
    value = _value(node, word)
    return value, value


def _value(node: Node, word: str) -> Scalar:
    return node.whole() if word == "int" else node.number()
