"""What a pack takes over from the packs it uses: the rules its controls need, and their headings."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from ccmm_rules.model import Heading, Pack, Rule
from ccmm_rules.rule_order import with_those_read
from ccmm_rules.strict_yaml import Node
from ccmm_rules.vocabulary.tables import Titles


@dataclass(frozen=True, slots=True, kw_only=True)
class Borrowed:
    """All that the used packs offer."""

    rules: Mapping[str, Rule] = field(default_factory=dict)
    headings: Mapping[str, Heading] = field(default_factory=dict)
    dimensions: Mapping[str, Titles] = field(default_factory=dict)


def borrowed(packs: Iterable[tuple[Node, Pack]]) -> Borrowed:
    """Raises PackErrors at the use whose rules stand in an earlier one too."""
    rules: dict[str, Rule] = {}
    headings: dict[str, Heading] = {}
    dimensions: dict[str, Titles] = {}
    for node, pack in packs:
        for name in pack.rules:
            if name in rules:
                node.fail(f"'{pack.id}' has a rule {name}, and so has a pack before it", "use one of them")
        rules |= pack.rules
        headings = {**pack.headings, **headings}
        dimensions = {**pack.dimensions, **dimensions}
    return Borrowed(rules=rules, headings=headings, dimensions=dimensions)


def needed(named: Collection[str], rules: Mapping[str, Rule]) -> dict[str, Rule]:
    """The named rules and those whose verdicts they read, by id, sorted."""
    return {name: rules[name] for name in sorted(with_those_read(named, rules, ()))}


def headings_of(
    rules: Iterable[Rule], own: Mapping[str, Heading], dimensions: Mapping[str, Titles], used: Borrowed
) -> tuple[dict[str, Heading], dict[str, Titles]]:
    """Headings and dimensions: the pack's own, and of the used packs what its rules stand under. Its own come first."""
    headings = dict(own)
    for rule in rules:
        if rule.heading not in headings:
            headings[rule.heading] = used.headings[rule.heading]
    known = {**used.dimensions, **dimensions}
    wanted = [*dimensions, *(name for name in used.dimensions if name not in dimensions)]
    there = {heading.dimension for heading in headings.values()} | set(dimensions)
    return headings, {name: known[name] for name in wanted if name in there}
