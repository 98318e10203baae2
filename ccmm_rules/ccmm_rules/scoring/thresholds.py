"""`threshold_table`: each limit is met or not. Recommendations are shown beside them and decide nothing."""

from collections.abc import Mapping, Sequence

from ccmm_rules.model import Outcome, Pack
from ccmm_rules.scoring.result import Concluded, ControlState, ThresholdScore
from ccmm_rules.scoring.standing import carrying, control_gaps, easiest_first, mean_backfill, open_controls
from ccmm_rules.scoring.words import with_unpublished
from ccmm_rules.verdict import Verdict

MET, NOT_MET, UNDECIDED = "met", "not_met", "undecided"


def concluded(pack: Pack, verdicts: Mapping[str, Verdict], states: Sequence[ControlState]) -> Concluded:
    counted = [state for state in states if state.counts]
    score = ThresholdScore(
        met=tuple(state.id for state in counted if state.met),
        not_met=tuple(state.id for state in counted if state.outcome == Outcome.NOT_SATISFIED),
        undecided=tuple(state.id for state in counted if not state.met and state.outcome != Outcome.NOT_SATISFIED),
        advice=tuple(state.id for state in states if state.advises and not state.met),
    )
    return Concluded(
        standing=standing_of(score),
        sentence=with_unpublished(_sentence(score), counted),
        distance=sum(state.items for state in counted if not state.met),
        path=tuple(state.id for state in easiest_first(counted)),
        held_down_by=open_controls(states),
        gaps=control_gaps(pack, verdicts),
        backfill=mean_backfill(verdicts, carrying(pack, verdicts)),
        score=score,
    )


def standing_of(score: ThresholdScore) -> str:
    """Met only where every binding limit is, and there is one."""
    if score.not_met:
        return NOT_MET
    return UNDECIDED if score.undecided or not score.met else MET


def _sentence(score: ThresholdScore) -> dict[str, str]:
    met, bad, undecided, advice = len(score.met), len(score.not_met), len(score.undecided), len(score.advice)
    told = {
        "en": f"{met} of {met + bad + undecided} limits met, {bad} not met, {undecided} undecided",
        "zh": f"{met + bad + undecided} 项限值中满足 {met} 项，不满足 {bad} 项，无法判定 {undecided} 项",
    }
    if advice:
        told["en"] += f"; {advice} {'recommendation' if advice == 1 else 'recommendations'} open"
        told["zh"] += f"；另有 {advice} 项建议未落实"
    return told
