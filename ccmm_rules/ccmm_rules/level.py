"""`cumulative_levels`: a center's level from its verdicts, what holds it down, and the way to the next level.

A level is reached when every level below it is, every gate rule up to it is satisfied at it, enough of all applicable
rules up to it are satisfied, no dimension falls behind, and enough of the evidence is fresh. The four shares stand in
`pack.yaml`. Years of operation are gate rules like any other. A dimension without rules at a level passes.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ccmm_rules.evidence import Evidence
from ccmm_rules.model import LEVELS, Outcome, Pack, Rule
from ccmm_rules.verdict import Verdict, canonical
from ccmm_rules.vocabulary.tables import Titles


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A rule that must still be met for a level."""

    rule: str
    gate: bool
    dimension: str
    outcome: Outcome
    reason: str
    title: Titles
    remedy: Titles


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """A condition of a level that is not met: gate, pass_share, dimension_share, fresh_share, backfill."""

    condition: str
    subject: str  # the rule or dimension; empty for the whole
    found: float
    needed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelResult:
    """`level` 0: not even L1. `provisional`: it rests on backfill."""

    center: str
    at_ms: int
    pack: str
    pack_version: str
    pack_digest: str
    log_id: str
    log_index: int  # highest that any verdict read
    level: int
    provisional: bool
    backfill_percent: int
    coverage: float  # percent of the applicable rules that have current evidence
    next_level: int | None
    held_down_by: tuple[Obstacle, ...]  # why the next level is not reached
    next_level_gaps: tuple[Gap, ...]  # what to mend for it, gates first
    shares: Mapping[int, float]  # pass share by level


def level_of(pack: Pack, verdicts: Mapping[str, Verdict], evidence: Evidence, at_ms: int) -> LevelResult:
    """`verdicts` of all rules of the pack on `evidence` at `at_ms`; a rule without a verdict is taken as missing."""
    level, obstacles = 0, obstacles_to(pack, verdicts, 1)
    while not obstacles and level < LEVELS[-1]:
        level += 1
        obstacles = obstacles_to(pack, verdicts, level + 1) if level < LEVELS[-1] else ()
    aimed = level + 1 if level < LEVELS[-1] else None
    backfill = _backfill(pack, verdicts, max(level, 1))
    return LevelResult(
        center=evidence.center,
        at_ms=at_ms,
        pack=pack.id,
        pack_version=pack.version,
        pack_digest=pack.digest,
        log_id=evidence.log_id,
        log_index=max((verdict.log_index for verdict in verdicts.values()), default=-1),
        level=level,
        provisional=backfill > 0 and level > 0,
        backfill_percent=round(100 * backfill),
        coverage=_coverage(pack, verdicts),
        next_level=aimed,
        held_down_by=obstacles,
        next_level_gaps=_gaps(pack, verdicts, aimed) if aimed is not None else (),
        shares={at: _share(_outcomes(pack, verdicts, at)) for at in LEVELS},
    )


def level_json(result: LevelResult) -> str:
    """One line, keys sorted: same level, same bytes."""
    return canonical(asdict(result) | {"shares": {f"L{level}": share for level, share in result.shares.items()}})


def outcome_at(rule: Rule, verdicts: Mapping[str, Verdict], level: int) -> Outcome:
    verdict = verdicts.get(rule.id)
    return verdict.outcomes[level] if verdict is not None else Outcome.MISSING


def _outcomes(pack: Pack, verdicts: Mapping[str, Verdict], level: int) -> dict[str, Outcome]:
    """Of the applicable rules up to the level, judged at it."""
    found = {rule.id: outcome_at(rule, verdicts, level) for rule in pack.rules.values() if rule.level <= level}
    return {name: outcome for name, outcome in found.items() if outcome != Outcome.NOT_APPLICABLE}


def _share(outcomes: Mapping[str, Outcome]) -> float:
    return sum(1 for outcome in outcomes.values() if outcome == Outcome.SATISFIED) / max(len(outcomes), 1)


def obstacles_to(pack: Pack, verdicts: Mapping[str, Verdict], level: int) -> tuple[Obstacle, ...]:
    """Every condition of the level that is not met; empty where it is reached (given the levels below)."""
    scoring, outcomes = pack.scoring, _outcomes(pack, verdicts, level)
    if not outcomes:
        return (Obstacle(condition="pass_share", subject="", found=0.0, needed=scoring.min_pass_share),)
    obstacles = [
        Obstacle(condition="gate", subject=name, found=0.0, needed=1.0)
        for name, outcome in outcomes.items()
        if pack.rules[name].gate and outcome != Outcome.SATISFIED
    ]
    obstacles += _below("pass_share", "", _share(outcomes), scoring.min_pass_share)
    for dimension in pack.dimensions:
        own = {name: outcome for name, outcome in outcomes.items() if dimension_of(pack, name) == dimension}
        if own:
            obstacles += _below("dimension_share", dimension, _share(own), scoring.min_dimension_share)
    fresh = sum(1 for outcome in outcomes.values() if outcome != Outcome.MISSING) / len(outcomes)
    obstacles += _below("fresh_share", "", fresh, scoring.min_fresh_share)
    backfill = _backfill(pack, verdicts, level)
    if backfill > scoring.max_backfill_share:
        obstacles.append(Obstacle(condition="backfill", subject="", found=backfill, needed=scoring.max_backfill_share))
    return tuple(obstacles)


def _below(condition: str, subject: str, found: float, needed: float) -> list[Obstacle]:
    if found >= needed - 1e-12:
        return []
    return [Obstacle(condition=condition, subject=subject, found=found, needed=needed)]


def dimension_of(pack: Pack, rule: str) -> str:
    return pack.headings[pack.rules[rule].heading].dimension


def _backfill(pack: Pack, verdicts: Mapping[str, Verdict], level: int) -> float:
    """Mean over the satisfied rules that carry the level."""
    carrying = [
        verdicts[name].backfill_share
        for name, outcome in _outcomes(pack, verdicts, level).items()
        if outcome == Outcome.SATISFIED
    ]
    return sum(carrying) / len(carrying) if carrying else 0.0


def _coverage(pack: Pack, verdicts: Mapping[str, Verdict]) -> float:
    own = [outcome_at(rule, verdicts, rule.level) for rule in pack.rules.values()]
    applicable = [outcome for outcome in own if outcome != Outcome.NOT_APPLICABLE]
    return 100.0 * sum(1 for outcome in applicable if outcome != Outcome.MISSING) / max(len(applicable), 1)


def _gaps(pack: Pack, verdicts: Mapping[str, Verdict], level: int) -> tuple[Gap, ...]:
    gaps = [
        Gap(
            rule=name,
            gate=pack.rules[name].gate,
            dimension=dimension_of(pack, name),
            outcome=outcome,
            reason=verdicts[name].reason if name in verdicts else "never",
            title=pack.rules[name].titles,
            remedy=pack.rules[name].remedy,
        )
        for name, outcome in _outcomes(pack, verdicts, level).items()
        if outcome != Outcome.SATISFIED
    ]
    return tuple(sorted(gaps, key=lambda gap: (not gap.gate, gap.rule)))
