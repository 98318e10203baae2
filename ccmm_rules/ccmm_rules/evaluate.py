"""Judge a center: pure, from a pack, what is known of the center, and an instant.

Same pack, same evidence up to the same log index, same instant: the same verdicts, byte for byte.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from ccmm_rules.by_rule import once_by_rule
from ccmm_rules.composing import Circumstances, verdict_of
from ccmm_rules.conclude import Conclusion, conclude, reads_needed
from ccmm_rules.effective import in_force
from ccmm_rules.evidence import Evidence, Span
from ccmm_rules.holding import Holding
from ccmm_rules.model import Outcome, Pack, Read, Rule
from ccmm_rules.operators.coverage import read_coverage
from ccmm_rules.operators.made_table import made_table
from ccmm_rules.operators.masking import mask_windows
from ccmm_rules.operators.match_read import match_windows, read_match
from ccmm_rules.operators.metric import read_metric
from ccmm_rules.operators.rows_read import read_rows, rows_windows
from ccmm_rules.operators.rules_read import has_turned, read_rules
from ccmm_rules.operators.series_list import read_series_or_list
from ccmm_rules.operators.slots import read_slots
from ccmm_rules.operators.view import Reading, View
from ccmm_rules.rule_order import follow, named_by, with_those_read
from ccmm_rules.tightening import tightened
from ccmm_rules.verdict import Verdict
from ccmm_rules.waiving import next_waiver_ms, waived, waiver_of

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

    `held` are the verdicts in force: a rule that reads one that turned is then judged, and given, too. Without `held`
    what the named rules read is judged as well, but not given.
    """
    known = held if held is not None else {}
    asked = {name for name in pack.rules if rules is None or name in rules}
    view = View(evidence, at_ms, pack.vocabulary)
    bench = Bench(pack, view, known, with_those_read(asked, pack.rules, known))
    found = {name: bench.verdict(name) for name in pack.rules if name in asked}
    view.forget()
    if held is None:
        return found
    turned = {name for name, verdict in found.items() if name not in held or has_turned(held[name], verdict)}
    if due := follow(turned, asked, pack.rules):
        found |= judge(pack, evidence, at_ms, due, {**held, **found})
    return {name: found[name] for name in pack.rules if name in found}


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
        view.forget()
        backfill = max((reading.backfill for reading in readings.values()), default=0.0)
        return {level: found.outcome for level, found in conclusions.items()}, backfill


def concluded(rule: Rule, view: View) -> tuple[dict[str, Reading], dict[int, Conclusion]]:
    """What the reads give that it needs of this center, and what it concludes from that, before hold and waivers."""
    needed = reads_needed(rule, view.answers)
    readings = {read.name: READERS[read.operator](read, view, rule) for read in needed}
    return readings, _conclusions(rule, readings, view)


def _conclusions(rule: Rule, readings: Mapping[str, Reading], view: View) -> dict[int, Conclusion]:
    """By level; levels that differ in nothing that the rule uses are concluded once."""
    by_level = _names_level(rule)
    moving = any(reading.levels is not None for reading in readings.values())
    bound = {name: reading.bound for name, reading in readings.items()}
    done: dict[object, Conclusion] = {}
    found = {}
    for level in rule.levels:
        if moving:
            bound = {name: reading.at(level) for name, reading in readings.items()}
        limits = tuple([table.at(level) for table in rule.limits])
        key = (level if by_level else 0, limits, tuple(map(id, bound.values())) if moving else ())
        if key not in done:
            done[key] = conclude(rule, level, bound, view.answers)
        found[level] = done[key]
    return found


@once_by_rule
def _names_level(rule: Rule) -> bool:
    return "level" in rule.require.names or (rule.applies is not None and "level" in rule.applies.names)
