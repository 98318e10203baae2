"""Outcomes of rules at a level, and how the controls stand that name them."""

from collections.abc import Iterable, Mapping, Sequence

from ccmm_rules.model import Outcome, Pack, Rule
from ccmm_rules.scoring.result import ControlState, Gap, Obstacle
from ccmm_rules.standard import Asked, Control
from ccmm_rules.verdict import Verdict

# What a control is when its rules differ: the first of these that any of them has.
_WORST_FIRST = (Outcome.NOT_SATISFIED, Outcome.MISSING, Outcome.INCONCLUSIVE, Outcome.WAIVED, Outcome.SATISFIED)


def outcome_at(rule: Rule, verdicts: Mapping[str, Verdict], level: int) -> Outcome:
    """A rule without a verdict is missing."""
    verdict = verdicts.get(rule.id)
    return verdict.outcomes[level] if verdict is not None else Outcome.MISSING


def counted_at(rule: Rule, verdicts: Mapping[str, Verdict], level: int) -> Outcome:
    """The same; a waived rule without current evidence is missing, for a waiver makes silence no fresher."""
    outcome = outcome_at(rule, verdicts, level)
    return Outcome.MISSING if outcome == Outcome.WAIVED and _is_silent(verdicts[rule.id]) else outcome


def _is_silent(verdict: Verdict) -> bool:
    """Whether what a waiver sets aside is that nothing is known, as far as the reason tells."""
    read = verdict.reads.get(verdict.blamed)
    return verdict.blamed.startswith("profile.") or (read is not None and read.state == "missing")


def dimension_of(pack: Pack, rule: str) -> str:
    return pack.headings[pack.rules[rule].heading].dimension


def states_of(pack: Pack, verdicts: Mapping[str, Verdict]) -> tuple[ControlState, ...]:
    """Every control, in the order of the pack."""
    return tuple(_state(control, pack, verdicts) for control in pack.controls)


def _state(control: Control, pack: Pack, verdicts: Mapping[str, Verdict]) -> ControlState:
    found = {asked.rule: outcome_at(pack.rules[asked.rule], verdicts, asked.level) for asked in control.asks}
    applying = {name: outcome for name, outcome in found.items() if outcome != Outcome.NOT_APPLICABLE}
    failed = sorted(
        (name for name, outcome in applying.items() if outcome == Outcome.NOT_SATISFIED),
        key=lambda name: (not pack.rules[name].gate, name),
    )
    return ControlState(
        id=control.id,
        group=control.group,
        title=control.titles,
        items=control.items,
        weight=control.weight,
        binding=control.binding,
        outcome=_together(control, applying),
        reason=control.about if control.about != "tested" else "",
        failed=tuple(failed),
        rules=len(applying),
        gate_failed=any(pack.rules[name].gate for name in failed),
    )


def _together(control: Control, applying: Mapping[str, Outcome]) -> Outcome:
    """Satisfied only where every applicable rule is; without a rule nothing is ever satisfied."""
    if control.about != "tested":
        return Outcome.MISSING
    there = set(applying.values())
    return next((outcome for outcome in _WORST_FIRST if outcome in there), Outcome.NOT_APPLICABLE)


def gap_of(pack: Pack, verdicts: Mapping[str, Verdict], rule: str, outcome: Outcome) -> Gap:
    return Gap(
        rule=rule,
        gate=pack.rules[rule].gate,
        dimension=dimension_of(pack, rule),
        outcome=outcome,
        reason=verdicts[rule].reason if rule in verdicts else "never",
        title=pack.rules[rule].titles,
        remedy=pack.rules[rule].remedy,
    )


def control_gaps(pack: Pack, verdicts: Mapping[str, Verdict]) -> tuple[Gap, ...]:
    """Each rule that keeps a control from being satisfied, once; gates first."""
    gaps: dict[str, Gap] = {}
    for ask in _counting(pack):
        outcome = outcome_at(pack.rules[ask.rule], verdicts, ask.level)
        if outcome not in (Outcome.SATISFIED, Outcome.NOT_APPLICABLE):
            gaps.setdefault(ask.rule, gap_of(pack, verdicts, ask.rule, outcome))
    return tuple(sorted(gaps.values(), key=lambda gap: (not gap.gate, gap.rule)))


def _counting(pack: Pack) -> list[Asked]:
    """What the controls ask that count."""
    return [ask for control in pack.controls if control.items and control.binding for ask in control.asks]


def carrying(pack: Pack, verdicts: Mapping[str, Verdict]) -> list[str]:
    """Rules that are satisfied where a control asks them."""
    asked = {(ask.rule, ask.level) for ask in _counting(pack)}
    met = {rule for rule, level in asked if outcome_at(pack.rules[rule], verdicts, level) == Outcome.SATISFIED}
    return sorted(met)


def open_controls(states: Iterable[ControlState]) -> tuple[Obstacle, ...]:
    """An obstacle for each control that counts and is not met."""
    return tuple(
        Obstacle(condition="control", subject=state.id, found=0.0, needed=1.0)
        for state in states
        if state.counts and not state.met
    )


def easiest_first(states: Iterable[ControlState]) -> list[ControlState]:
    """Controls with rules to mend, the fewest failing rules first."""
    tested = [state for state in states if state.reason == "" and not state.met]
    return sorted(tested, key=lambda state: (len(state.failed), state.id))


def coverage(pack: Pack, verdicts: Mapping[str, Verdict]) -> float:
    """Percent of the applicable rules that have current evidence."""
    own = [counted_at(rule, verdicts, rule.level) for rule in pack.rules.values()]
    applicable = [outcome for outcome in own if outcome != Outcome.NOT_APPLICABLE]
    return 100.0 * sum(1 for outcome in applicable if outcome != Outcome.MISSING) / max(len(applicable), 1)


def mean_backfill(verdicts: Mapping[str, Verdict], rules: Sequence[str]) -> float:
    """Of the satisfied rules that carry a conclusion."""
    return sum(verdicts[name].backfill_share for name in rules) / len(rules) if rules else 0.0
