"""One rule file: from a document to a `Rule`, or every error in it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import partial

from ccmm_rules.case_load import load_cases
from ccmm_rules.cel import Compiled, Language
from ccmm_rules.errors import PackErrors, one_of
from ccmm_rules.limits import load_limits
from ccmm_rules.model import LEVELS, LimitTable, Read, Rule
from ccmm_rules.operators.match import load_match
from ccmm_rules.operators.metric_load import load_coverage, load_metric, load_slots
from ccmm_rules.operators.rows import load_rows
from ccmm_rules.operators.series_load import load_rules, load_series
from ccmm_rules.parsing import Collected, ReadContext, words_of
from ccmm_rules.soundness import check_rule
from ccmm_rules.spec import HOUR_MS, MatchSpec, RowsSpec, Window, parse_span_ms, parse_window
from ccmm_rules.strict_yaml import Node
from ccmm_rules.vocabulary.tables import Question, Titles, Vocabulary, titles_of

KEYS = frozenset(
    [
        "id",
        "title",
        "heading",
        "level",
        "gate",
        "remedy",
        "crosswalk",
        "since",
        "until",
        "replaces",
        "applies",
        "reads",
        "limits",
        "require",
        "fresh_for",
        "grace",
        "hold",
        "given",
        "cases",
    ]
)
_ROWS = ("inventory", "occurrences", "documents", "attestations")
OPERATORS: Mapping[str, Callable[[Node, ReadContext], Read]] = {
    "metric": load_metric,
    "slots": load_slots,
    "coverage": load_coverage,
    "match": load_match,
    **{word: partial(load_rows, operator=word) for word in _ROWS},
    "series": load_series,
    "rules": load_rules,
}
_ID = re.compile(r"[A-Z]{1,3}-[A-Z]{3}-[0-9]{2}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_TAKEN = frozenset(("limit", "level", "profile", "given", "cases", "outcome", "held", "true", "false", "null", "in"))


def load_rule(root: Node, digest: str, headings: frozenset[str], vocabulary: Vocabulary) -> Rule:
    """Raises PackErrors with all that is wrong in the file."""
    collected = Collected()
    collected.errors += root.only(KEYS)
    head = collected.attempt(_head, root, headings)
    fresh = collected.attempt(lambda: _fresh_for(root.child("fresh_for"))) or HOUR_MS
    reads = _reads(root, fresh, vocabulary, collected)
    limits_node, applies_node = root.get("limits"), root.get("applies")
    limits = collected.attempt(load_limits, limits_node) if limits_node is not None else ()
    applies = collected.attempt(_applies, applies_node, vocabulary.profile) if applies_node is not None else None
    require = cases = None
    if reads is not None and limits is not None:  # else what is wrong there would be told a second time
        level, hold = (head.level, head.hold) if head is not None else (LEVELS[-1], None)
        require = collected.attempt(lambda: _require(root.child("require"), reads, limits, vocabulary.profile))
        if require is not None:
            collected.errors += check_rule(root, level, require, reads, limits, vocabulary)
        if head is not None:
            names = {read.name: read for read in reads}
            cases = collected.attempt(load_cases, root, names, level, vocabulary.profile, hold)
    collected.raise_any()
    assert head is not None
    assert reads is not None
    assert limits is not None
    assert require is not None
    assert cases is not None
    return Rule(
        **{part.name: getattr(head, part.name) for part in fields(head)},
        applies=applies,
        reads=reads,
        limits=limits,
        require=require,
        fresh_for_ms=fresh,
        cases=cases,
        digest=digest,
        file=root.file,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """The part of a rule that names and places it."""

    id: str
    titles: Titles
    heading: str
    level: int
    gate: bool
    remedy: Titles
    crosswalk: tuple[str, ...]
    since: str
    until: str
    replaces: tuple[str, ...]
    grace_ms: int
    hold: Window | None


def _day(root: Node, key: str) -> str:
    """An ISO date; empty where there is none."""
    node = root.get(key)
    if node is None:
        return ""
    try:
        return date.fromisoformat(node.text()).isoformat()
    except ValueError as error:
        raise PackErrors([node.error(f"'{node.text()}' is no day", 'write "2026-01-31"')]) from error


def _texts(root: Node, key: str) -> tuple[str, ...]:
    node = root.get(key)
    return words_of(node) if node is not None else ()


def _head(root: Node, headings: frozenset[str]) -> _Head:
    collected = Collected()
    identity = collected.attempt(_identity, root)
    level = collected.attempt(_level, root)
    heading = collected.attempt(_heading, root, headings)
    gate, grace, hold = root.get("gate"), root.get("grace"), root.get("hold")
    is_gate = collected.attempt(gate.flag) if gate is not None else False
    grace_ms = collected.attempt(parse_span_ms, grace) if grace is not None else 0
    held = collected.attempt(_hold, hold) if hold is not None else None
    days = collected.attempt(_days, root)
    titles, remedy = (collected.attempt(_titles, root, key) for key in ("title", "remedy"))
    crosswalk, replaces = (collected.attempt(_texts, root, key) for key in ("crosswalk", "replaces"))
    collected.raise_any()
    return _Head(
        id=identity or "",
        titles=titles or {},
        heading=heading or "",
        level=level or LEVELS[0],
        gate=is_gate is True,
        remedy=remedy or {},
        crosswalk=crosswalk or (),
        since=days[0] if days is not None else "",
        until=days[1] if days is not None else "",
        replaces=replaces or (),
        grace_ms=grace_ms or 0,
        hold=held,
    )


def _identity(root: Node) -> str:
    node = root.child("id")
    if _ID.fullmatch(node.text()) is None:
        node.fail(f"'{node.text()}' is no rule id", "write like D-SEC-09")
    return node.text()


def _level(root: Node) -> int:
    node = root.child("level")
    if node.whole() not in LEVELS:
        node.fail("a level is 1 to 5", "write the first level that asks for it")
    return node.whole()


def _heading(root: Node, headings: frozenset[str]) -> str:
    node = root.child("heading")
    if node.text() not in headings:
        node.fail(f"'{node.text()}' is no heading of the pack", one_of(node.text(), headings))
    return node.text()


def _days(root: Node) -> tuple[str, str]:
    since, until = _day(root, "since"), _day(root, "until")
    if since and until and until < since:
        root.child("until").fail(f"ends before it begins on {since}", "write the last day on which the rule holds")
    return since, until


def _fresh_for(node: Node) -> int:
    length = parse_span_ms(node)
    if length == 0:
        node.fail("no evidence is so fresh", "write how long ago a source may last have been heard of, like 26h")
    return length


def _titles(root: Node, key: str) -> Titles:
    return titles_of(root.child(key))


def _hold(node: Node) -> Window:
    window = parse_window(node)
    if window.unit == "h":
        node.fail("hold counts days", "write 30d, 13w, 12mo or 4q")
    return window


def _reads(root: Node, fresh_ms: int, vocabulary: Vocabulary, collected: Collected) -> tuple[Read, ...] | None:
    """None where one of them is broken."""
    node = root.get("reads")
    if node is None:
        collected.errors.append(root.error("'reads' is not there", "add 'reads:', a rule reads something"))
        return None
    reads = []
    before = len(collected.errors)
    with collected.trying():
        for name, child in node.mapping().items():
            read = collected.attempt(_read, name, node.keys[name], child, fresh_ms, vocabulary)
            if read is not None:
                reads.append(read)
    return tuple(reads) if len(collected.errors) == before else None


def _read(name: str, key: Node, node: Node, fresh_ms: int, vocabulary: Vocabulary) -> Read:
    if _NAME.fullmatch(name) is None or name in _TAKEN:
        key.fail(f"'{name}' cannot name a read", "write a short lower-case word")
    found = [word for word in OPERATORS if word in node.mapping()]
    if len(found) != 1:
        node.fail("one operator is expected here", f"write one of {', '.join(OPERATORS)}")
    fresh, optional = node.get("fresh_for"), node.get("optional")
    context = ReadContext(
        vocabulary=vocabulary,
        name=name,
        fresh_for_ms=_fresh_for(fresh) if fresh is not None else fresh_ms,
        optional=optional.flag() if optional is not None else False,
    )
    return OPERATORS[found[0]](node, context)


def _profile_names(profile: Mapping[str, Question]) -> dict[str, str]:
    return {f"profile.{name}": question.type for name, question in profile.items()}


def _applies(node: Node, profile: Mapping[str, Question]) -> Compiled:
    return Language(_profile_names(profile)).compile_node(node)


def _require(
    node: Node, reads: tuple[Read, ...], limits: tuple[LimitTable, ...], profile: Mapping[str, Question]
) -> Compiled:
    names = {read.full(short): word for read in reads for short, word in read.names.items()}
    names |= {table.name: table.type for table in limits}
    absent = {name: mend for read in reads for name, mend in _untested(read)}
    return Language({**_profile_names(profile), **names, "level": "int"}, absent).compile_node(node)


def _untested(read: Read) -> Iterator[tuple[str, str]]:
    """Names that a read binds only with a test of its rows, and what adds them."""
    if not isinstance(read.spec, RowsSpec | MatchSpec):
        return
    test = read.spec.test
    for short in ("good", "bad", "share", "good_share", "bad_share"):
        if short not in read.names:
            other = f"'{read.name}' tests {test.side}, not the other side" if test is not None else ""
            yield read.full(short), other or f"add good: or bad: to '{read.name}', which tests its rows"
