"""A verdict put together: what was concluded, what was seen, what it rests on and how long it holds, in words too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ccmm_rules.by_rule import once_by_rule
from ccmm_rules.conclude import Bound, Conclusion
from ccmm_rules.evidence import Waiver
from ccmm_rules.expression import Scalar
from ccmm_rules.model import Outcome, Rule
from ccmm_rules.operators.answers import answers_of
from ccmm_rules.operators.view import FEEDS, RETIRED, Reading, View
from ccmm_rules.tightening import answer_name
from ccmm_rules.verdict import ReadState, Verdict
from ccmm_rules.vocabulary.tables import load_vocabulary
from ccmm_rules.wording import Findings, Heard, sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What bears on a verdict beside its reads."""

    changes_ms: int | None = None  # when time alone changes one of them
    held_since_ms: int | None = None
    waiver: Waiver | None = None


def verdict_of(
    rule: Rule,
    view: View,
    readings: Mapping[str, Reading],
    conclusions: Mapping[int, Conclusion],
    circumstances: Circumstances,
) -> Verdict:
    """Everything that a verdict says, put together."""
    reached, own = _reached(rule, conclusions), conclusions[rule.level]
    bound = {name: reading.at(rule.level) for name, reading in readings.items()}
    findings = _findings(rule, view, readings, own, circumstances, _seen(rule, bound))
    indexes, ends = _rested_on(rule, view, readings, circumstances.waiver)
    expected = _expected_by(rule, view, readings)
    valid_until = min(ends, default=None)
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
        look_again_ms=_look_again(view.at_ms, valid_until, [circumstances.changes_ms, *expected.values()], readings),
        seen=findings.worst,
        hoped=_differing(findings.best, findings.worst),
        limits=findings.limits,
        log_id=view.evidence.log_id,
        log_index=max([*indexes, *expected], default=-1),
        backfill_share=max((reading.backfill for reading in readings.values()), default=0.0),
        sentence=sentence(rule, rule.level, own, reached, findings),
        reads={name: _state(reading, bound[name]) for name, reading in readings.items()},
        held_since_ms=circumstances.held_since_ms,
        waiver=circumstances.waiver,
    )


Looks = tuple[Mapping[str, Scalar], Mapping[str, Scalar]]  # the worst and the best, by full name


def _findings(
    rule: Rule,
    view: View,
    readings: Mapping[str, Reading],
    own: Conclusion,
    circumstances: Circumstances,
    seen: Looks,
) -> Findings:
    """What its sentence may speak of."""
    return Findings(
        worst=seen[0],
        best=seen[1],
        limits={table.name: float(value) for table in rule.limits if (value := table.at(rule.level)) is not None},
        spots={name: reading.spot for name, reading in readings.items()},
        answers=view.answers,
        zone=view.zone,
        heard=_heard(rule, own, readings, view),
        held_since_ms=circumstances.held_since_ms,
        waiver=circumstances.waiver,
    )


def _heard(rule: Rule, own: Conclusion, readings: Mapping[str, Reading], view: View) -> Heard:
    """Of the read that is to blame for silence."""
    if own.reason not in ("never", "stale", "silent") or own.blamed not in readings:
        return Heard()
    read, reading = rule.read(own.blamed), readings[own.blamed]
    sources = {feed: view.feeding(feed) for feed in read.feeds}
    never = tuple(f for f, all_ in sources.items() if not all_ or any(s.watermark_ms is None for s in all_))
    until_ms = reading.watermark_ms
    return Heard(
        never=never,
        until_ms=until_ms if until_ms is not None else view.feed_state(read.feeds, read.fresh_for_ms).watermark_ms,
    )


def _state(reading: Reading, look: Bound) -> ReadState:
    span = reading.span
    return ReadState(
        state=look.state,
        reason=look.reason,
        from_ms=span.from_ms if span is not None else None,
        to_ms=span.to_ms if span is not None else None,
        spot=reading.spot,
    )


def _rested_on(
    rule: Rule, view: View, readings: Mapping[str, Reading], waiver: Waiver | None
) -> tuple[list[int], list[int]]:
    """(log indexes, ends) of all that the verdict rests on: scope answers, what was read, a waiver."""
    facts = [view.answer_facts(name) for name in _answers_heeded(rule, readings)[0]]
    facts += [(reading.log_index, reading.deadline_ms) for reading in readings.values()]
    facts += [(waiver.log_index, waiver.until_ms - 1)] if waiver is not None else []
    return [index for index, _ in facts], [end for _, end in facts if end is not None]


def _answers_heeded(rule: Rule, readings: Mapping[str, Reading]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The scope answers that it rests on where these were read, and those that say which sources feed them."""
    kept, read = _kept_answers(rule), tuple(readings)
    if read not in kept:
        used = _answers_used(rule).union(*(_answers_of_reads(rule)[name] for name in read))
        told = {RETIRED, *(source for name in read for source in _sources_told(rule)[name])} if read else set()
        kept[read] = (tuple(sorted(used)), tuple(sorted(told)))
    return kept[read]


@once_by_rule
def _kept_answers(rule: Rule) -> dict[tuple[str, ...], tuple[tuple[str, ...], tuple[str, ...]]]:
    """By what was read: few choices of reads, for thousands of verdicts."""
    return {}


@once_by_rule
def _answers_used(rule: Rule) -> frozenset[str]:
    """The scope answers that decide whether it applies, which reads it needs and what its limits are."""
    used = set(rule.applies.names if rule.applies is not None else ()) | set(rule.require.names)
    names = {name.removeprefix("profile.") for name in used if name.startswith("profile.")} | {"zone"}
    return frozenset(names | {answer_name(rule, table) for table in rule.limits})


@once_by_rule
def _answers_of_reads(rule: Rule) -> dict[str, set[str]]:
    """By read the scope answers that it rests on."""
    vocabulary = load_vocabulary()
    return {read.name: answers_of(read.spec, vocabulary) for read in rule.reads}


def _expected_by(rule: Rule, view: View, readings: Mapping[str, Reading]) -> dict[int, int | None]:
    """Log index -> its end, of the scope answers that say which sources feed what was read; evidence heeds them."""
    facts = [view.answer_facts(name) for name in _answers_heeded(rule, readings)[1]]
    return {index: end + 1 if end is not None else None for index, end in facts if index >= 0}


@once_by_rule
def _sources_told(rule: Rule) -> dict[str, tuple[str, ...]]:
    """By read the scope answers that say which sources feed it."""
    return {read.name: tuple(f"{FEEDS}{feed}" for feed in read.feeds) for read in rule.reads}


def _reached(rule: Rule, conclusions: Mapping[int, Conclusion]) -> int:
    reached = 0
    for level in rule.levels:
        if conclusions[level].outcome != Outcome.SATISFIED:
            break
        reached = level
    return reached


def _seen(rule: Rule, bound: Mapping[str, Bound]) -> Looks:
    """Of most reads both looks are one: then these are, too."""
    asked = [(read, bound[read.name]) for read in rule.reads if read.name in bound]  # of those that were read
    worst = {read.full(short): value for read, look in asked for short, value in look.worst.items()}
    if all(look.worst is look.best for _, look in asked):
        return worst, worst
    return worst, {read.full(short): value for read, look in asked for short, value in look.best.items()}


def _differing(best: Mapping[str, Scalar], worst: Mapping[str, Scalar]) -> dict[str, Scalar]:
    return {} if best is worst else {name: value for name, value in best.items() if worst.get(name) != value}


def _look_again(
    at_ms: int, valid_until: int | None, changes_ms: Sequence[int | None], readings: Mapping[str, Reading]
) -> int | None:
    instants = [reading.again_ms for reading in readings.values() if reading.again_ms is not None]
    instants += [change_ms for change_ms in changes_ms if change_ms is not None]
    instants += [valid_until + 1] if valid_until is not None else []
    instants += [reading.deadline_ms + 1 for reading in readings.values() if reading.deadline_ms is not None]
    return min((instant for instant in instants if instant > at_ms), default=None)
