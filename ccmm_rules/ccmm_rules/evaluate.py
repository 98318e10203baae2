"""Judge a center: pure, from a pack, what is known of the center, and an instant.

Same pack, same evidence up to the same log index, same instant: the same verdicts, byte for byte.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ccmm_rules.conclude import Bound, Conclusion, conclude
from ccmm_rules.effective import in_force
from ccmm_rules.evidence import Evidence, Span, Waiver
from ccmm_rules.expression import Scalar
from ccmm_rules.holding import Holding
from ccmm_rules.model import Outcome, Pack, Read, Rule
from ccmm_rules.operators.answers import answers_of
from ccmm_rules.operators.coverage import read_coverage
from ccmm_rules.operators.made_table import made_table
from ccmm_rules.operators.masking import mask_windows
from ccmm_rules.operators.match_read import match_windows, read_match
from ccmm_rules.operators.metric import read_metric
from ccmm_rules.operators.rows_read import read_rows, rows_windows
from ccmm_rules.operators.rules_read import read_rules
from ccmm_rules.operators.series_list import read_series_or_list
from ccmm_rules.operators.slots import read_slots
from ccmm_rules.operators.view import FEEDS, RETIRED, Reading, View
from ccmm_rules.rule_order import named_by, readers_of, with_those_read
from ccmm_rules.tightening import answer_name, tightened
from ccmm_rules.verdict import ReadState, Verdict
from ccmm_rules.waiving import next_waiver_ms, waived, waiver_of
from ccmm_rules.wording import Findings, Heard, sentence

READERS: Mapping[str, Callable[[Read, View, Rule], Reading]] = {
    "metric": lambda read, view, rule: read_metric(read, view),
    "slots": read_slots,
    "series": read_series_or_list,
    "rules": read_rules,
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


def judge(
    pack: Pack,
    evidence: Evidence,
    at_ms: int,
    rules: Collection[str] | None = None,
    held: Mapping[str, Verdict] | None = None,
) -> dict[str, Verdict]:
    """Verdicts by rule id, of all rules or of those named.

    `held` are the verdicts in force of the others: a rule that reads one of those named is then judged, and given, too.
    Without `held` what the named rules read is judged as well, but not given.
    """
    known = held if held is not None else {}
    asked = {name for name in pack.rules if rules is None or name in rules}
    if held is not None:
        asked |= readers_of(asked, pack.rules)
    bench = Bench(pack, View(evidence, at_ms, pack.vocabulary), known, with_those_read(asked, pack.rules, known))
    return {name: bench.verdict(name) for name in pack.rules if name in asked}


class Bench:
    """Judges rules on one view, each once. What they read of other rules it judges first, or takes as held."""

    def __init__(self, pack: Pack, view: View, held: Mapping[str, Verdict], judged: Collection[str]) -> None:
        self._pack, self._view, self._held, self._judged = pack, view, held, judged
        self._done: dict[str, Verdict] = {}
        view.reads_verdicts(self._named)
        view.makes_tables(made_table)
        reads = [read for name in judged for read in pack.rules[name].reads if read.operator in WINDOWS]
        for read in reads:
            for kind, span in WINDOWS[read.operator](read, view):
                view.reserve(kind, span)

    def _named(self, patterns: Sequence[str], rule: str) -> list[Verdict]:
        names = named_by(patterns, rule, self._pack.rules)
        return [self.verdict(name) if name in self._judged else self._held[name] for name in names]

    def verdict(self, name: str) -> Verdict:
        """Of one of the rules to be judged."""
        if name not in self._done:
            self._done[name] = self._verdict(tightened(self._pack.rules[name], self._view))
        return self._done[name]

    def _verdict(self, rule: Rule) -> Verdict:
        view = self._view
        valid, changes_ms = in_force(rule, view)
        if not valid:
            outside = Conclusion(outcome=Outcome.NOT_APPLICABLE, reason="not_in_force")
            return verdict_of(rule, view, {}, dict.fromkeys(rule.levels, outside), Circumstances(changes_ms=changes_ms))
        readings, conclusions = concluded(rule, view)
        held_since_ms = None
        if rule.hold is not None:
            conclusions, held_since_ms = self._held_long(rule, readings, conclusions)
        waivers = view.evidence.waivers()
        begins_ms = next_waiver_ms(rule.id, waivers, view.at_ms)
        waiver = waiver_of(rule.id, waivers, view.at_ms)
        found = waived(conclusions) if waiver is not None else conclusions
        circumstances = Circumstances(
            changes_ms=min((ms for ms in (changes_ms, begins_ms) if ms is not None), default=None),
            held_since_ms=held_since_ms,
            waiver=waiver if found != conclusions else None,
        )
        return verdict_of(rule, view, readings, found, circumstances)

    def _held_long(
        self, rule: Rule, readings: Mapping[str, Reading], conclusions: Mapping[int, Conclusion]
    ) -> tuple[dict[int, Conclusion], int | None]:
        """What is satisfied, but not for so long yet, is inconclusive."""
        levels = [level for level, found in conclusions.items() if found.outcome == Outcome.SATISFIED]
        holding = Holding(rule, self._view, readings, lambda view: self._earlier(rule, view))
        since = holding.since(levels, self._pack.hold_backfill_share) if levels else {}
        short = [level for level in levels if level not in since or not since[level][1]]
        early = Conclusion(outcome=Outcome.INCONCLUSIVE, reason="hold", blamed="hold")
        own = since.get(rule.level)
        return {**conclusions, **dict.fromkeys(short, early)}, own[0] if own is not None else None

    def _earlier(self, rule: Rule, view: View) -> tuple[dict[int, Outcome], float]:
        """Outcomes by level and the share of backfill on the view of an earlier instant."""
        Bench(self._pack, view, {}, with_those_read([rule.id], self._pack.rules, ()))
        readings, conclusions = concluded(rule, view)
        backfill = max((reading.backfill for reading in readings.values()), default=0.0)
        return {level: found.outcome for level, found in conclusions.items()}, backfill


def concluded(rule: Rule, view: View) -> tuple[dict[str, Reading], dict[int, Conclusion]]:
    """What its reads give and the rule concludes from it, before hold and waivers."""
    readings = {read.name: READERS[read.operator](read, view, rule) for read in rule.reads}
    return readings, _conclusions(rule, readings, view)


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
    findings = _findings(rule, view, readings, own, circumstances)
    indexes, ends = _rested_on(rule, view, readings, circumstances.waiver)
    expected = _expected_by(rule, view)
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
        hoped={name: value for name, value in findings.best.items() if findings.worst.get(name) != value},
        limits=findings.limits,
        log_id=view.evidence.log_id,
        log_index=max([*indexes, *expected], default=-1),
        backfill_share=max((reading.backfill for reading in readings.values()), default=0.0),
        sentence=sentence(rule, rule.level, own, reached, findings),
        reads={name: _state(reading, reading.at(rule.level)) for name, reading in readings.items()},
        held_since_ms=circumstances.held_since_ms,
        waiver=circumstances.waiver,
    )


def _findings(
    rule: Rule, view: View, readings: Mapping[str, Reading], own: Conclusion, circumstances: Circumstances
) -> Findings:
    """What its sentence may speak of."""
    bound = {name: reading.at(rule.level) for name, reading in readings.items()}
    return Findings(
        worst=_seen(rule, {name: look.worst for name, look in bound.items()}),
        best=_seen(rule, {name: look.best for name, look in bound.items()}),
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
    """(log indexes, ends) of all that the verdict rests on: reads, scope answers, a waiver."""
    used = set(rule.applies.names if rule.applies is not None else ()) | set(rule.require.names)
    names = {name.removeprefix("profile.") for name in used if name.startswith("profile.")} | {"zone"}
    names |= {answer_name(rule, table) for table in rule.limits}
    for read in rule.reads:
        names |= answers_of(read.spec, view.vocabulary)
    facts = [view.answer_facts(name) for name in sorted(names)]
    facts += [(reading.log_index, reading.deadline_ms) for reading in readings.values()]
    facts += [(waiver.log_index, waiver.until_ms - 1)] if waiver is not None else []
    return [index for index, _ in facts], [end for _, end in facts if end is not None]


def _expected_by(rule: Rule, view: View) -> dict[int, int | None]:
    """Log index -> when it ends, of the scope answers that say which sources feed the rule: evidence heeds them."""
    names = {RETIRED, *(f"{FEEDS}{feed}" for read in rule.reads for feed in read.feeds)}
    facts = [view.answer_facts(name) for name in sorted(names)]
    return {index: end + 1 if end is not None else None for index, end in facts if index >= 0}


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
    asked = [read for read in rule.reads if read.name in looks]  # none where the rule is not in force
    return {read.full(short): value for read in asked for short, value in sorted(looks[read.name].items())}


def _look_again(
    at_ms: int, valid_until: int | None, changes_ms: Sequence[int | None], readings: Mapping[str, Reading]
) -> int | None:
    instants = [reading.again_ms for reading in readings.values() if reading.again_ms is not None]
    instants += [change_ms for change_ms in changes_ms if change_ms is not None]
    instants += [valid_until + 1] if valid_until is not None else []
    instants += [reading.deadline_ms + 1 for reading in readings.values() if reading.deadline_ms is not None]
    return min((instant for instant in instants if instant > at_ms), default=None)
