"""The shortest way to a level: a smallest choice of open rules that, once satisfied, meets gates and shares.

Gates must be mended in any case. Then each dimension gets what it lacks, then the whole does. Rules without evidence
are chosen before others, as mending one of them makes the evidence fresher too.
"""

from collections.abc import Callable, Mapping
from math import ceil

from ccmm_rules.model import Outcome, Pack
from ccmm_rules.scoring.standing import dimension_of
from ccmm_rules.standard import LevelNumbers


def shortest_way(pack: Pack, numbers: LevelNumbers, outcomes: Mapping[str, Outcome]) -> tuple[str, ...]:
    """Rules to mend, gates first; `outcomes` are those of the applicable rules at the level."""
    waiting = sorted(
        (name for name, outcome in outcomes.items() if outcome != Outcome.SATISFIED),
        key=lambda name: (outcomes[name] != Outcome.MISSING, name),
    )
    chosen = [name for name in waiting if pack.rules[name].gate]
    for dimension in sorted({dimension_of(pack, name) for name in outcomes}):
        _choose(chosen, waiting, outcomes, numbers.min_dimension_share, _in_dimension(pack, dimension))
    _choose(chosen, waiting, outcomes, numbers.min_pass_share, lambda name: True)
    lacking = _lacking(outcomes, chosen, numbers.min_fresh_share)
    chosen += [name for name in waiting if name not in chosen and outcomes[name] == Outcome.MISSING][:lacking]
    return tuple(chosen)


def _in_dimension(pack: Pack, dimension: str) -> Callable[[str], bool]:
    return lambda name: dimension_of(pack, name) == dimension


def _choose(
    chosen: list[str],
    waiting: list[str],
    outcomes: Mapping[str, Outcome],
    share: float,
    belongs: Callable[[str], bool],
) -> None:
    """Add to `chosen` until the share of those that belong is reached."""
    own = [name for name in outcomes if belongs(name)]
    done = sum(1 for name in own if outcomes[name] == Outcome.SATISFIED or name in chosen)
    lacking = max(_needed(share, len(own)) - done, 0)
    chosen += [name for name in waiting if name not in chosen and belongs(name)][:lacking]


def _lacking(outcomes: Mapping[str, Outcome], chosen: list[str], share: float) -> int:
    """How many more must have evidence."""
    fresh = sum(1 for name, outcome in outcomes.items() if outcome != Outcome.MISSING or name in chosen)
    return max(_needed(share, len(outcomes)) - fresh, 0)


def _needed(share: float, size: int) -> int:
    return ceil(share * size - 1e-9)
