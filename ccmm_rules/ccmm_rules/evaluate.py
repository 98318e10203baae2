"""Judge a center: pure, from a pack, what is known of the center, and an instant.

Same pack, same evidence up to the same log index, same instant: the same verdicts, byte for byte.
"""

from collections.abc import Callable, Collection, Iterable, Mapping

from ccmm_rules.conclude import Conclusion, conclude
from ccmm_rules.evidence import Evidence, Span
from ccmm_rules.expression import Scalar
from ccmm_rules.model import Outcome, Pack, Read, Rule
from ccmm_rules.operators.answers import answers_of
from ccmm_rules.operators.coverage import read_coverage
from ccmm_rules.operators.masking import mask_windows
from ccmm_rules.operators.match_read import match_windows, read_match
from ccmm_rules.operators.metric import read_metric
from ccmm_rules.operators.rows_read import read_rows, rows_windows
from ccmm_rules.operators.series_list import read_series_or_list
from ccmm_rules.operators.slots import read_slots
from ccmm_rules.operators.view import Reading, View
from ccmm_rules.verdict import ReadState, Verdict
from ccmm_rules.wording import sentence

READERS: Mapping[str, Callable[[Read, View, Rule], Reading]] = {
    "metric": lambda read, view, rule: read_metric(read, view),
    "slots": read_slots,
    "series": read_series_or_list,
    "coverage": read_coverage,
    "match": read_match,
    "inventory": read_rows,
    "occurrences": read_rows,
    "documents": read_rows,
    "attestations": read_rows,
}

# What occurrences they will read, so that each kind is asked for once.
WINDOWS: Mapping[str, Callable[[Read, View], Iterable[tuple[str, Span]]]] = {
    "match": match_windows,
    "occurrences": rows_windows,
    **dict.fromkeys(("metric", "slots", "series"), mask_windows),
}


def judge(pack: Pack, evidence: Evidence, at_ms: int, rules: Collection[str] | None = None) -> dict[str, Verdict]:
    """Verdicts by rule id, of all rules or of those named."""
    view = View(evidence, at_ms, pack.vocabulary)
    judged = {name: rule for name, rule in pack.rules.items() if rules is None or name in rules}
    for read in [read for rule in judged.values() for read in rule.reads if read.operator in WINDOWS]:
        for kind, span in WINDOWS[read.operator](read, view):
            view.reserve(kind, span)
    return {name: _judged(rule, view) for name, rule in judged.items()}


def _judged(rule: Rule, view: View) -> Verdict:
    """One rule; the view is shared with the other rules of the same judgement."""
    readings = {read.name: READERS[read.operator](read, view, rule) for read in rule.reads}
    conclusions = _conclusions(rule, readings, view)
    reached = _reached(rule, conclusions)
    own = conclusions[rule.level]
    bound = {name: reading.at(rule.level) for name, reading in readings.items()}
    seen = _seen(rule, {name: look.worst for name, look in bound.items()})
    hoped = _seen(rule, {name: look.best for name, look in bound.items()})
    limits = {table.name: float(value) for table in rule.limits if (value := table.at(rule.level)) is not None}
    scope_index, scope_end = _scope(rule, view)
    deadlines = [reading.deadline_ms for reading in readings.values() if reading.deadline_ms is not None]
    valid_until = min([*deadlines, *([scope_end] if scope_end is not None else [])], default=None)
    return Verdict(
        rule=rule.id,
        center=view.evidence.center,
        at_ms=view.at_ms,
        rule_digest=rule.digest,
        outcomes={level: conclusion.outcome for level, conclusion in conclusions.items()},
        outcome=own.outcome,
        reached=reached,
        reason=own.reason,
        blamed=own.blamed,
        valid_until_ms=valid_until,
        look_again_ms=_look_again(view.at_ms, valid_until, readings),
        seen=seen,
        hoped={name: value for name, value in hoped.items() if seen.get(name) != value},
        limits=limits,
        log_id=view.evidence.log_id,
        log_index=max([scope_index, *(reading.log_index for reading in readings.values())]),
        backfill_share=max((reading.backfill for reading in readings.values()), default=0.0),
        sentence=sentence(rule, rule.level, conclusions[rule.level], reached, seen, limits),
        reads={name: ReadState(state=look.state, reason=look.reason) for name, look in bound.items()},
    )


def _conclusions(rule: Rule, readings: Mapping[str, Reading], view: View) -> dict[int, Conclusion]:
    """By level; levels that differ in nothing that the rule uses are concluded once."""
    by_level = "level" in rule.require.names or (rule.applies is not None and "level" in rule.applies.names)
    done: dict[object, Conclusion] = {}
    found = {}
    for level in rule.levels:
        bound = {name: reading.at(level) for name, reading in readings.items()}
        limits = tuple(table.at(level) for table in rule.limits)
        key = (level if by_level else 0, limits, *map(id, bound.values()))
        if key not in done:
            done[key] = conclude(rule, level, bound, view.answers)
        found[level] = done[key]
    return found


def _reached(rule: Rule, conclusions: Mapping[int, Conclusion]) -> int:
    reached = 0
    for level in rule.levels:
        if conclusions[level].outcome != Outcome.SATISFIED:
            break
        reached = level
    return reached


def _seen(rule: Rule, looks: Mapping[str, Mapping[str, Scalar]]) -> dict[str, Scalar]:
    return {read.full(short): value for read in rule.reads for short, value in sorted(looks[read.name].items())}


def _scope(rule: Rule, view: View) -> tuple[int, int | None]:
    """(highest log index, earliest end) of the scope answers that the rule may use."""
    used = set(rule.applies.names if rule.applies is not None else ()) | set(rule.require.names)
    names = {name.removeprefix("profile.") for name in used if name.startswith("profile.")} | {"zone"}
    for read in rule.reads:
        names |= answers_of(read.spec, view.vocabulary)
    facts = [view.answer_facts(name) for name in sorted(names)]
    ends = [end for _, end in facts if end is not None]
    return max((index for index, _ in facts), default=-1), min(ends, default=None)


def _look_again(at_ms: int, valid_until: int | None, readings: Mapping[str, Reading]) -> int | None:
    instants = [reading.again_ms for reading in readings.values() if reading.again_ms is not None]
    instants += [valid_until + 1] if valid_until is not None else []
    instants += [reading.deadline_ms + 1 for reading in readings.values() if reading.deadline_ms is not None]
    return min((instant for instant in instants if instant > at_ms), default=None)
