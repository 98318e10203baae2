"""Scenarios of a rule: a short story of evidence, and what must be concluded when."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ccmm_rules.evaluate import judge
from ccmm_rules.expression import Scalar
from ccmm_rules.memory import MemoryEvidence
from ccmm_rules.model import Outcome, Pack
from ccmm_rules.scenario_facts import facts_of, instant_ms, profile_of, zone_of
from ccmm_rules.strict_yaml import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioFailure:
    """A judgement that came out differently."""

    rule: str
    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.message}"


def run_scenarios(pack: Pack) -> list[ScenarioFailure]:
    """Every failure of every scenario file."""
    failures: list[ScenarioFailure] = []
    for name, document in pack.scenarios:
        rule = name.rsplit("/", 1)[-1].split(".", 1)[0]
        for scenario in document.child("scenarios").sequence():
            failures += list(_run(pack, rule, scenario))
    return failures


def _run(pack: Pack, rule: str, node: Node) -> Iterator[ScenarioFailure]:
    zone = zone_of(node)
    facts = facts_of(node.child("evidence"), zone, pack.vocabulary)
    profile = profile_of(node, pack.vocabulary) | {"zone": zone.key}
    for line in node.child("judge").sequence():
        at_ms = instant_ms(line.child("at"), zone)
        evidence = MemoryEvidence(facts, profile | profile_of(line, pack.vocabulary), at_ms=at_ms)
        verdict = judge(pack, evidence, at_ms, [rule])[rule]
        level = line.get("level")
        at_level = level.whole() if level is not None else pack.rules[rule].level
        for message in _differences(line, verdict.outcomes.get(at_level), verdict.seen, verdict.reason):
            yield ScenarioFailure(rule=rule, file=node.file, line=line.line, message=message)


def _differences(line: Node, outcome: Outcome | None, seen: Mapping[str, Scalar], reason: str) -> Iterator[str]:
    if outcome != line.child("outcome").text():
        yield f"gives {outcome}{_why(reason, seen)}, the scenario says {line.child('outcome').text()}"
    wanted, why = line.get("seen"), line.get("reason")
    if why is not None and why.text() != reason:
        yield f"the reason is {reason}, the scenario says {why.text()}"
    for name, value in wanted.mapping().items() if wanted is not None else ():
        found = seen.get(name)
        if found is None or abs(float(found) - value.number()) > 1e-6:
            yield f"{name} is {found}, the scenario says {value.number():g}"


def _why(reason: str, seen: Mapping[str, Scalar]) -> str:
    """What it rests on, as people read it: ` (unfed; staff.n 1, staff.share 33.3)`."""
    values = ", ".join(f"{name} {str(round(float(value), 4)).removesuffix('.0')}" for name, value in seen.items())
    parts = "; ".join(part for part in (reason, values) if part)
    return f" ({parts})" if parts else ""
