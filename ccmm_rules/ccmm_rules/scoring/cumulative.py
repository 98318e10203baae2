"""`cumulative_levels`: a center's level from its verdicts, what holds it down, and the way to the next level.

A level is reached when every level below it is, every gate rule up to it is satisfied at it, enough of all applicable
rules up to it are satisfied, no dimension falls behind, and enough of the evidence is fresh. The four shares stand in
`pack.yaml`. Years of operation are gate rules like any other, and a rule with a `hold` is satisfied only once it held.
A waived rule is not satisfied; it is not missing either, unless it was set aside in silence. A dimension without rules
at a level passes.
"""

from collections.abc import Mapping

from ccmm_rules.model import LEVELS, Outcome, Pack
from ccmm_rules.scoring.path import shortest_way
from ccmm_rules.scoring.result import Concluded, Gap, Obstacle
from ccmm_rules.scoring.standing import counted_at, dimension_of, gap_of, mean_backfill
from ccmm_rules.standard import LevelNumbers
from ccmm_rules.verdict import Verdict


def concluded(pack: Pack, numbers: LevelNumbers, verdicts: Mapping[str, Verdict]) -> Concluded:
    """`verdicts` of all rules of the pack; a rule without a verdict is taken as missing."""
    level, obstacles = 0, obstacles_to(pack, numbers, verdicts, 1)
    while not obstacles and level < LEVELS[-1]:
        level += 1
        obstacles = obstacles_to(pack, numbers, verdicts, level + 1) if level < LEVELS[-1] else ()
    aimed = level + 1 if level < LEVELS[-1] else None
    outcomes = _outcomes(pack, verdicts, aimed) if aimed is not None else {}
    way = shortest_way(pack, numbers, outcomes)
    return Concluded(
        standing=f"L{level}" if level else "none",
        sentence=_sentence(aimed, len(way)),
        distance=len(way),
        path=way,
        held_down_by=obstacles,
        gaps=_gaps(pack, verdicts, outcomes),
        backfill=_backfill(pack, verdicts, max(level, 1)),
        level=level,
        next_level=aimed,
        shares={at: _share(_outcomes(pack, verdicts, at)) for at in LEVELS},
    )


def _sentence(aimed: int | None, distance: int) -> Mapping[str, str]:
    if aimed is None:
        return {"en": f"L{LEVELS[-1]} is the highest level", "zh": f"L{LEVELS[-1]} 为最高等级"}
    if distance == 0:
        return {"en": f"no rule is open for L{aimed}, it waits for evidence", "zh": f"L{aimed} 无待改进规则，尚待证据"}
    rules = "rule" if distance == 1 else "rules"
    return {"en": f"{distance} {rules} from L{aimed}", "zh": f"距 L{aimed} 还差 {distance} 条规则"}


def _outcomes(pack: Pack, verdicts: Mapping[str, Verdict], level: int) -> dict[str, Outcome]:
    """Of the applicable rules up to the level, judged at it."""
    found = {rule.id: counted_at(rule, verdicts, level) for rule in pack.rules.values() if rule.level <= level}
    return {name: outcome for name, outcome in found.items() if outcome != Outcome.NOT_APPLICABLE}


def _share(outcomes: Mapping[str, Outcome]) -> float:
    return sum(1 for outcome in outcomes.values() if outcome == Outcome.SATISFIED) / max(len(outcomes), 1)


def obstacles_to(
    pack: Pack, numbers: LevelNumbers, verdicts: Mapping[str, Verdict], level: int
) -> tuple[Obstacle, ...]:
    """Every condition of the level that is not met; empty where it is reached (given the levels below)."""
    outcomes = _outcomes(pack, verdicts, level)
    if not outcomes:
        return (Obstacle(condition="pass_share", subject="", found=0.0, needed=numbers.min_pass_share),)
    obstacles = [
        Obstacle(condition="gate", subject=name, found=0.0, needed=1.0)
        for name, outcome in outcomes.items()
        if pack.rules[name].gate and outcome != Outcome.SATISFIED
    ]
    obstacles += _below("pass_share", "", _share(outcomes), numbers.min_pass_share)
    for dimension in pack.dimensions:
        own = {name: outcome for name, outcome in outcomes.items() if dimension_of(pack, name) == dimension}
        if own:
            obstacles += _below("dimension_share", dimension, _share(own), numbers.min_dimension_share)
    fresh = sum(1 for outcome in outcomes.values() if outcome != Outcome.MISSING) / len(outcomes)
    obstacles += _below("fresh_share", "", fresh, numbers.min_fresh_share)
    backfill = _backfill(pack, verdicts, level)
    if backfill > numbers.max_backfill_share:
        obstacles.append(Obstacle(condition="backfill", subject="", found=backfill, needed=numbers.max_backfill_share))
    return tuple(obstacles)


def _below(condition: str, subject: str, found: float, needed: float) -> list[Obstacle]:
    if found >= needed - 1e-12:
        return []
    return [Obstacle(condition=condition, subject=subject, found=found, needed=needed)]


def _backfill(pack: Pack, verdicts: Mapping[str, Verdict], level: int) -> float:
    outcomes = _outcomes(pack, verdicts, level)
    return mean_backfill(verdicts, [name for name, outcome in outcomes.items() if outcome == Outcome.SATISFIED])


def _gaps(pack: Pack, verdicts: Mapping[str, Verdict], outcomes: Mapping[str, Outcome]) -> tuple[Gap, ...]:
    open_ones = {name: outcome for name, outcome in outcomes.items() if outcome != Outcome.SATISFIED}
    gaps = [gap_of(pack, verdicts, name, outcome) for name, outcome in open_ones.items()]
    return tuple(sorted(gaps, key=lambda gap: (not gap.gate, gap.rule)))
