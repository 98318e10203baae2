"""Run the truth tables of a pack.

>>> run_cases(pack)       # doctest: +SKIP
[]
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ccmm_rules.conclude import Bound, conclude
from ccmm_rules.model import Case, Outcome, Pack, Rule

_ALWAYS = (Outcome.SATISFIED, Outcome.NOT_SATISFIED, Outcome.MISSING, Outcome.INCONCLUSIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFailure:
    """A case that gives another outcome, or an outcome without a case."""

    rule: str
    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.message}"


def run_cases(pack: Pack) -> list[CaseFailure]:
    """Every failure, by rule and line; empty where all is well."""
    return [failure for rule in pack.rules.values() for failure in _run_rule(rule)]


def _run_rule(rule: Rule) -> Iterator[CaseFailure]:
    for case in rule.cases:
        found = outcome_of(rule, case)
        if found != case.outcome:
            yield CaseFailure(
                rule=rule.id, file=rule.file, line=case.line, message=f"gives {found}, the case says {case.outcome}"
            )
    shown = {case.outcome for case in rule.cases}
    possible = (*_ALWAYS, Outcome.NOT_APPLICABLE) if rule.applies is not None else _ALWAYS
    for outcome in possible:
        if outcome not in shown:
            yield CaseFailure(rule=rule.id, file=rule.file, line=1, message=f"no case shows {outcome}")


def outcome_of(rule: Rule, case: Case) -> Outcome:
    """What the rule concludes from the case."""
    bound = {
        name: Bound(state=read.state, reason="case" if read.state else "", worst=read.worst, best=read.best)
        for name, read in case.reads.items()
    }
    outcome = conclude(rule, case.level, bound, case.profile).outcome
    if (
        outcome == Outcome.SATISFIED
        and rule.hold is not None
        and (case.held is None or case.held.count < rule.hold.count)
    ):
        return Outcome.INCONCLUSIVE  # not held for so long yet
    return outcome
