"""Pieces that the operators' loaders share: collecting errors, windows, groups, samples, units."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from ccmm_rules.errors import PackError, PackErrors, one_of
from ccmm_rules.model import Read
from ccmm_rules.spec import Grouping, Test, Window, most_parts
from ccmm_rules.strict_yaml import Node
from ccmm_rules.vocabulary.tables import Vocabulary

T = TypeVar("T")

GRAINS = ("day", "week", "month", "quarter")
LAG_UNITS = {"minutes": "min", "hours": "h", "days": "d", "workdays": "workdays"}


@dataclass(slots=True)
class Collected:
    """Errors so far; `with collected.trying():` adds those raised inside and goes on."""

    errors: list[PackError] = field(default_factory=list)

    @contextmanager
    def trying(self) -> Iterator[None]:
        try:
            yield
        except PackErrors as error:
            self.errors.extend(error.errors)

    def attempt(self, work: Callable[..., T], *arguments: object) -> T | None:
        with self.trying():
            return work(*arguments)
        return None

    def raise_any(self) -> None:
        if self.errors:
            raise PackErrors(self.errors)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadContext:
    """What a read's loader may look at."""

    vocabulary: Vocabulary
    name: str
    fresh_for_ms: int
    optional: bool

    def read(
        self, operator: str, spec: object, names: Mapping[str, str], units: Mapping[str, str], feeds: tuple[str, ...]
    ) -> Read:
        return Read(
            name=self.name,
            operator=operator,
            spec=spec,  # type: ignore[arg-type]  # each operator gives its own
            names=dict(names),
            units={"n": "count", **units},
            fresh_for_ms=self.fresh_for_ms,
            optional=self.optional,
            feeds=feeds,
        )


def check_keys(node: Node, *allowed: str) -> None:
    errors = node.only(frozenset((*allowed, "fresh_for", "optional")))
    if errors:
        raise PackErrors(errors)


def check_fits(node: Node, over: Window, every: Node) -> None:
    """A window holds at least one slot; else nothing is ever seen in it. `node` is that of the window."""
    if most_parts(over, every.text()) < 1:
        node.fail(f"no whole {every.text()} lies in {node.text()}", "write a longer window or a shorter 'every'")


def whole_of(node: Node, key: str, default: int) -> int:
    child = node.get(key)
    if child is None:
        return default
    value = child.whole()
    if value < 0:
        child.fail("a number from 0 is expected here", "write 30")
    return value


def words_of(node: Node) -> tuple[str, ...]:
    return tuple(child.text() for child in node.sequence())


def grouping_of(
    node: Node, allowed: Mapping[str, str] | frozenset[str], vocabulary: Vocabulary, *, grains: bool
) -> Grouping | None:
    """`by` and `expect`; a filtered inventory that is expected is added by the reads over rows."""
    by_node, expect = node.get("by"), node.get("expect")
    if by_node is None:
        if expect is not None:
            expect.fail("'expect' without 'by'", "say by which attribute")
        return None
    by, each = _by_of(by_node, grains=grains)
    if by in GRAINS and grains:
        if expect is not None:
            expect.fail(f"every {by} is expected anyway", "leave 'expect' out")
        return Grouping(by=by, grain=True)
    if by not in allowed:
        by_node.fail(f"'{by}' is nothing to group by", one_of(by, allowed))
    if expect is None:
        if each:
            by_node.fail(f"who is expected in every {each}?", "add expect: a profile list, [a, b] or an inventory")
        return Grouping(by=by, grain=False)
    if isinstance(expect.value, tuple):
        return Grouping(by=by, grain=False, each=each, words=words_of(expect))
    if grains and isinstance(expect.value, Mapping):
        return Grouping(by=by, grain=False, each=each)
    name = expect.text()
    question = vocabulary.profile.get(name)
    if question is None or question.type != "list":
        expect.fail(f"'{name}' is no list of the profile", "name a profile list or write [a, b]")
    return Grouping(by=by, grain=False, each=each, profile_list=name)


def _by_of(node: Node, *, grains: bool) -> tuple[str, str]:
    """(attribute or grain, grain beside the attribute)."""
    if not isinstance(node.value, tuple):
        return node.text(), ""
    parts = words_of(node)
    if not grains or len(parts) != 2 or parts[0] in GRAINS or parts[1] not in GRAINS:
        node.fail("an attribute and a calendar grain are expected here", "write by: [client, month]")
    return parts[0], parts[1]


def empty_of(node: Node) -> int | float | None:
    empty = node.get("empty")
    if empty is None:
        return None
    if isinstance(empty.value, bool) or not isinstance(empty.value, int | float):
        empty.fail("a number is expected here", "write 0 or 100.0")
    return empty.value


def test_of(node: Node, compile_test: Callable[[Node], object]) -> Test | None:
    """`good` or `bad`, not both."""
    good, bad = node.get("good"), node.get("bad")
    if good is not None and bad is not None:
        bad.fail("'good' and 'bad' exclude each other", "keep one")
    chosen = good if good is not None else bad
    if chosen is None:
        return None
    compiled = compile_test(chosen)
    return Test(side="good" if good is not None else "bad", compiled=compiled)  # type: ignore[arg-type]


def lag_unit_of(node: Node) -> str:
    unit = node.get("in")
    if unit is None:
        node.fail("'in' is not there", "add in: minutes, hours, days or workdays")
    if unit.text() not in LAG_UNITS:
        unit.fail(f"'{unit.text()}' is no unit of a lag", "write minutes, hours, days or workdays")
    return unit.text()


def flag_of(node: Node, key: str) -> bool:
    child = node.get(key)
    return child.flag() if child is not None else False


test_of.__test__ = False  # type: ignore[attr-defined]  # no test case for pytest
