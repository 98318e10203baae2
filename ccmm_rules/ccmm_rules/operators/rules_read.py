"""`rules`: verdicts of other rules, at the level that the reading rule is judged at.

`n` counts those that have an outcome at the level and are applicable, `satisfied` those satisfied, `open` the rest:
a waived rule is open. One that is missing or inconclusive is open in the worst look and closed in the best. While one
is missing or past its end (not satisfied it stays, for silence hides no bad news), nothing is bound in the worst look,
so that silence never satisfies; bad news still counts.
"""

from collections.abc import Sequence

from ccmm_rules.conclude import Bound
from ccmm_rules.evidence import Span
from ccmm_rules.expression import Scalar
from ccmm_rules.model import Outcome, Read, Rule
from ccmm_rules.operators.view import Reading, View
from ccmm_rules.spec import RulesSpec
from ccmm_rules.verdict import Spot, Verdict

_UNKNOWN = (Outcome.MISSING, Outcome.INCONCLUSIVE)


def read_rules(read: Read, view: View, rule: Rule) -> Reading:
    """Fresh as long as every verdict read is."""
    assert isinstance(read.spec, RulesSpec)
    verdicts = view.verdicts_of(read.spec.rules, rule.id)
    ends = [verdict.valid_until_ms for verdict in verdicts if verdict.valid_until_ms is not None]
    over = any(end < view.at_ms for end in ends)
    levels = {level: _bound(verdicts, level, over=over) for level in rule.levels}
    agains = [verdict.look_again_ms for verdict in verdicts if verdict.look_again_ms is not None]
    states = [state for verdict in verdicts for state in verdict.reads.values()]
    until_ms = min((state.to_ms for state in states if state.to_ms is not None), default=0)
    since_ms = min((state.from_ms for state in states if state.from_ms is not None), default=until_ms)
    return Reading(
        bound=levels[rule.level],
        levels=levels,
        log_index=max((verdict.log_index for verdict in verdicts), default=-1),
        deadline_ms=min(ends, default=None),
        again_ms=min(agains, default=None),
        backfill=max((verdict.backfill_share for verdict in verdicts), default=0.0),
        span=Span(since_ms, until_ms) if until_ms else None,
        watermark_ms=until_ms,
        spot=_spot(verdicts, rule.level),
    )


def has_turned(held: Verdict, now: Verdict) -> bool:
    """Whether rules that read the verdict must look again: it counts otherwise, or what they say of it is too much.

    One that only holds for longer than before changes nothing: who reads it looks again when the older one runs out.
    Unless that has run out already: then who reads it has looked, and found it past its end.
    """
    if (held.outcomes, held.backfill_share) != (now.outcomes, now.backfill_share):
        return True
    if held.valid_until_ms is not None and held.valid_until_ms < now.at_ms:
        return held.valid_until_ms != now.valid_until_ms
    return now.valid_until_ms is not None and (held.valid_until_ms is None or now.valid_until_ms < held.valid_until_ms)


def _bound(verdicts: Sequence[Verdict], level: int, *, over: bool) -> Bound:
    outcomes = [verdict.outcomes[level] for verdict in verdicts if level in verdict.outcomes]
    due = [outcome for outcome in outcomes if outcome != Outcome.NOT_APPLICABLE]
    if not due:
        return Bound(state="inconclusive", reason="empty", worst={"n": 0}, best={"n": 0})
    satisfied = due.count(Outcome.SATISFIED)
    unknown = sum(1 for outcome in due if outcome in _UNKNOWN)
    worst: dict[str, Scalar] = {"n": len(due), "satisfied": satisfied, "open": len(due) - satisfied}
    best: dict[str, Scalar] = {"n": len(due), "satisfied": satisfied + unknown, "open": len(due) - satisfied - unknown}
    if over or Outcome.MISSING in due:
        return Bound(state="missing", reason="rules", best=best)
    return Bound(state="inconclusive" if unknown else "", reason="rules" if unknown else "", worst=worst, best=best)


def _spot(verdicts: Sequence[Verdict], level: int) -> Spot | None:
    """The first open rule, and how many there are."""
    fine = (Outcome.SATISFIED, Outcome.NOT_APPLICABLE)
    still_open = [verdict.rule for verdict in verdicts if verdict.outcomes.get(level, Outcome.SATISFIED) not in fine]
    return Spot(group=still_open[0], count=len(still_open)) if still_open else None
