"""The open nonconformities of a center, told from when the outcomes of its rules changed, as the judge kept it.

    found = open_nonconformities(pack, store.turns(center, at_ms), at_ms)
    counts(found)                     # {"major": 1, "minor": 4}

Each rule is held to its own level, whose outcome `verdicts` shows: what a center has reached opens and closes nothing.
"""

from collections.abc import Mapping, Sequence

from ccmm_rules.model import Outcome, Pack
from ccmm_rules.nonconformity import MAJOR, MINOR, Nonconformity, nonconformity

Turns = Mapping[str, Sequence[tuple[int, Outcome]]]  # by rule: (from when, what), oldest first, one for each change


def open_nonconformities(
    pack: Pack, turns: Turns, at_ms: int, now: Mapping[str, Outcome] | None = None
) -> list[Nonconformity]:
    """Major ones first, then the longest open. `now`: the outcomes at the instant itself, where they were derived."""
    held = {rule: [*turns.get(rule, ())] for rule in pack.rules}
    for rule, outcome in (now or {}).items():
        held[rule].append((at_ms, outcome))
    found = [nonconformity(pack.rules[rule], outcomes, at_ms) for rule, outcomes in held.items()]
    return sorted((one for one in found if one is not None), key=_rank)


def _rank(one: Nonconformity) -> tuple[bool, int, str]:
    return one.grade != MAJOR, one.opened_ms, one.rule


def counts(found: Sequence[Nonconformity]) -> dict[str, int]:
    """How many of each grade."""
    return {grade: sum(1 for one in found if one.grade == grade) for grade in (MAJOR, MINOR)}


def began(turns: Turns, rule: str, outcome: Outcome, at_ms: int) -> int:
    """Since when a rule has had an outcome, as of an instant."""
    since = at_ms
    for instant, was in reversed(turns.get(rule, ())):
        if was != outcome:
            break
        since = instant
    return since
