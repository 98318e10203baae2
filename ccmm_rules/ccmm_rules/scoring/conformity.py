"""`conformity`: each clause conforms, or fails in a minor or a major way, or cannot be decided. There are no points."""

from collections.abc import Mapping, Sequence

from ccmm_rules.model import Outcome, Pack
from ccmm_rules.scoring.result import Concluded, ConformityScore, ControlState
from ccmm_rules.scoring.standing import carrying, control_gaps, easiest_first, mean_backfill, open_controls
from ccmm_rules.scoring.words import with_unpublished
from ccmm_rules.standard import ConformityNumbers
from ccmm_rules.verdict import Verdict

CONFORM, MINOR, MAJOR, UNDECIDED = "conform", "minor", "major", "undecided"


def concluded(
    pack: Pack, numbers: ConformityNumbers, verdicts: Mapping[str, Verdict], states: Sequence[ControlState]
) -> Concluded:
    counted = [state for state in states if state.counts]
    by_word: dict[str, tuple[str, ...]] = {
        word: tuple(state.id for state in counted if word_of(state, numbers) == word)
        for word in (CONFORM, MINOR, MAJOR, UNDECIDED)
    }
    standing = standing_of(by_word)
    return Concluded(
        standing=standing,
        sentence=with_unpublished(_sentence(counted, by_word), counted),
        distance=sum(state.items for state in counted if not state.met),
        path=tuple(state.id for state in easiest_first(counted)),
        held_down_by=open_controls(states),
        gaps=control_gaps(pack, verdicts),
        backfill=mean_backfill(verdicts, carrying(pack, verdicts)),
        score=ConformityScore(
            conform=by_word[CONFORM],
            minor=by_word[MINOR],
            major=by_word[MAJOR],
            undecided=by_word[UNDECIDED],
            cycle_months=numbers.cycle_months,
            surveillance_months=numbers.surveillance_months,
        ),
    )


def word_of(state: ControlState, numbers: ConformityNumbers) -> str:
    """Major where a gate fails, or more than the pack's share of the clause's rules."""
    if state.met:
        return CONFORM
    if state.outcome != Outcome.NOT_SATISFIED:
        return UNDECIDED
    return MAJOR if state.gate_failed or len(state.failed) > numbers.major_share * state.rules else MINOR


def standing_of(by_word: Mapping[str, Sequence[str]]) -> str:
    """The first that any clause is: nothing conforms as long as one is bad or undecided, nor where there is none."""
    words = (MAJOR, UNDECIDED, MINOR, CONFORM)
    return next((word for word in words if by_word[word]), UNDECIDED)


def _sentence(states: Sequence[ControlState], by_word: Mapping[str, Sequence[str]]) -> dict[str, str]:
    found = {word: sum(state.items for state in states if state.id in ids) for word, ids in by_word.items()}
    conform, minor, major, undecided = (found[word] for word in (CONFORM, MINOR, MAJOR, UNDECIDED))
    return {
        "en": f"clauses: {conform} conform, {major} major, {minor} minor, {undecided} undecided",
        "zh": f"条款：符合 {conform} 个，严重不符合 {major} 个，轻微不符合 {minor} 个，无法判定 {undecided} 个",
    }
