"""Which rules read the verdicts of which: patterns resolved, circles refused."""

from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase

from ccmm_rules.errors import PackError
from ccmm_rules.model import Rule
from ccmm_rules.spec import RulesSpec
from ccmm_rules.strict_yaml import Node


def named_by(patterns: Iterable[str], rule: str, rules: Iterable[str]) -> tuple[str, ...]:
    """The rules that the patterns name, sorted; never the rule itself."""
    wanted = tuple(patterns)
    return tuple(sorted(n for n in rules if n != rule and any(fnmatchcase(n, pattern) for pattern in wanted)))


def reads_of(rule: Rule, rules: Iterable[str]) -> tuple[str, ...]:
    """Every rule whose verdict it reads."""
    patterns = [pattern for read in rule.reads if isinstance(read.spec, RulesSpec) for pattern in read.spec.rules]
    return named_by(patterns, rule.id, rules) if patterns else ()


def readers_of(judged: Collection[str], rules: Mapping[str, Rule]) -> set[str]:
    """The rules that read one of these, directly or through others; not these themselves."""
    edges = {name: found for name, rule in rules.items() if (found := reads_of(rule, rules))}
    reached, before = set(judged), -1
    while len(reached) != before:
        before = len(reached)
        reached |= {name for name, found in edges.items() if not reached.isdisjoint(found)}
    return reached - set(judged)


def follow(turned: Collection[str], judged: Collection[str], rules: Mapping[str, Rule]) -> set[str]:
    """What is to be judged after these turned: rules not judged yet that read one, and judged ones that read those."""
    if not turned:
        return set()
    later = readers_of(turned, rules) - set(judged)
    return later | {name for name in judged if later and not later.isdisjoint(reads_of(rules[name], rules))}


def with_those_read(wanted: Collection[str], rules: Mapping[str, Rule], known: Collection[str]) -> set[str]:
    """These and all that they read, directly or through others, but for those known already."""
    found, waiting = set[str](), list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [other for other in reads_of(rules[name], rules) if other not in known]
    return found


def check_reads(
    rules: Mapping[str, Rule], documents: Mapping[str, Node], broken: Collection[str] = ()
) -> list[PackError]:
    """A pattern that names no rule, and rules that read each other in a circle. `documents` by id: those to check.

    `broken` are rules whose files do not load, which a pattern may name.
    """
    edges = {name: reads_of(rule, rules) for name, rule in rules.items()}
    errors = []
    for name, document in documents.items():
        for read in [read for read in rules[name].reads if isinstance(read.spec, RulesSpec)]:
            node = document.child("reads").child(read.name).child("rules")
            assert isinstance(read.spec, RulesSpec)
            idle = [pattern for pattern in read.spec.rules if not named_by([pattern], name, (*rules, *broken))]
            errors += [node.error(f"'{pattern}' names no other rule", "name rules of the pack") for pattern in idle]
            circle = _circle(name, edges)
            if circle:
                errors.append(node.error(f"a circle: {' reads '.join(circle)}", "leave one of these reads out"))
    return errors


def _circle(name: str, edges: Mapping[str, tuple[str, ...]]) -> list[str]:
    """A shortest way from the rule back to itself; empty where there is none."""
    came_from: dict[str, str] = {}
    waiting = [name]
    while waiting:
        at = waiting.pop(0)
        for following in edges[at]:
            if following == name:
                way = [at]
                while way[-1] != name:
                    way.append(came_from[way[-1]])
                return [*reversed(way), name]
            if following not in came_from:
                came_from[following] = at
                waiting.append(following)
    return []
