"""A nonconformity: a rule that was found not satisfied and has not been satisfied since, for longer than its grace.

>>> nonconformity(rule, [(0, Outcome.NOT_SATISFIED), (5, Outcome.MISSING)], at_ms=rule.grace_ms + 1)   # doctest: +SKIP
Nonconformity(rule='D-SEC-09', grade='major', since_ms=0, ...)

Only `satisfied` ends it. Silence (`missing`, `inconclusive`) does not, and neither does leaving the scope or a waiver:
those set it aside for as long as they last, and the clock goes on.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ccmm_rules.model import Outcome, Rule

MAJOR, MINOR = "major", "minor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Nonconformity:
    """Graded as in ISO/IEC 17021-1: major where the rule is a gate."""

    rule: str
    grade: str
    since_ms: int  # when it was first found not satisfied
    opened_ms: int  # when its grace ended


def nonconformity(rule: Rule, outcomes: Iterable[tuple[int, Outcome]], at_ms: int) -> Nonconformity | None:
    """`outcomes` at the level that the center is held to: (from when, what), oldest first, one for each change."""
    since: int | None = None
    now = Outcome.MISSING
    for changed_ms, outcome in outcomes:
        if changed_ms > at_ms:
            break
        now = outcome
        if outcome == Outcome.SATISFIED:
            since = None
        elif outcome == Outcome.NOT_SATISFIED and since is None:
            since = changed_ms
    if since is None or now in (Outcome.WAIVED, Outcome.NOT_APPLICABLE) or at_ms - since <= rule.grace_ms:
        return None
    grade = MAJOR if rule.gate else MINOR
    return Nonconformity(rule=rule.id, grade=grade, since_ms=since, opened_ms=since + rule.grace_ms)
