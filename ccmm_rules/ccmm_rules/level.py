"""What a pack concludes about a center, by the scoring model that the pack chooses.

result = level_of(pack, judge(pack, evidence, at_ms), evidence, at_ms)
print(result.sentence["en"])      # 2 rules from L3
"""

from collections.abc import Mapping, Sequence

from ccmm_rules.evidence import Evidence
from ccmm_rules.model import Pack
from ccmm_rules.scoring import conformity, cumulative, items, stars, thresholds
from ccmm_rules.scoring.result import Concluded, ControlState, LevelResult
from ccmm_rules.scoring.standing import coverage, states_of
from ccmm_rules.scoring.words import items_that
from ccmm_rules.standard import ConformityNumbers, ItemNumbers, LevelNumbers, StarNumbers
from ccmm_rules.verdict import Verdict, canonical

__all__ = ["LevelResult", "level_json", "level_of"]


def level_of(pack: Pack, verdicts: Mapping[str, Verdict], evidence: Evidence, at_ms: int) -> LevelResult:
    """`verdicts` of all rules of the pack on `evidence` at `at_ms`; a rule without a verdict is taken as missing."""
    states = states_of(pack, verdicts)
    found = _concluded(pack, verdicts, states, at_ms)
    return LevelResult(
        center=evidence.center,
        at_ms=at_ms,
        pack=pack.id,
        pack_version=pack.version,
        pack_digest=pack.digest,
        log_id=evidence.log_id,
        log_index=max((verdict.log_index for verdict in verdicts.values()), default=-1),
        model=pack.scoring.model,
        standing=found.standing,
        sentence=found.sentence,
        claims_certificate=pack.claims_certificate,
        level=found.level,
        provisional=found.backfill > 0 and found.level != 0,
        backfill_percent=round(100 * found.backfill),
        coverage=coverage(pack, verdicts),
        next_level=found.next_level,
        distance=found.distance,
        path=found.path,
        held_down_by=found.held_down_by,
        next_level_gaps=found.gaps,
        shares=found.shares,
        controls=states,
        unpublished=items_that(states, "unpublished"),
        untested=items_that(states, "untested"),
        score=found.score,
    )


def _concluded(pack: Pack, verdicts: Mapping[str, Verdict], states: Sequence[ControlState], at_ms: int) -> Concluded:
    numbers = pack.scoring
    if isinstance(numbers, LevelNumbers):
        return cumulative.concluded(pack, numbers, verdicts)
    if isinstance(numbers, StarNumbers):
        return stars.concluded(pack, numbers, verdicts, states)
    if isinstance(numbers, ItemNumbers):
        return items.concluded(pack, numbers, verdicts, states, at_ms)
    if isinstance(numbers, ConformityNumbers):
        return conformity.concluded(pack, numbers, verdicts, states)
    return thresholds.concluded(pack, verdicts, states)


def level_json(result: LevelResult) -> str:
    """One line, keys sorted: same level, same bytes."""
    table = {name: getattr(result, name) for name in result.__dataclass_fields__}
    return canonical(table | {"shares": {f"L{level}": share for level, share in result.shares.items()}})
