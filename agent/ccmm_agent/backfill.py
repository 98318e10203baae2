"""The first reading of a source: how far back it states, and how far it has come; pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from ccmm_agent.reading import Reading
from ccmm_agent.source_state import SourceState
from ccmm_agent.texts import text_of
from ccmm_proto.period import from_ms, to_ms
from ccmm_proto.v1.statement_pb2 import EMPTY, OBSERVED, Observation, Run


def in_history(state: SourceState) -> bool:
    """Whether the source's first reading has not come to its end."""
    return not state.cursor or state.history_to_ms > 0


def begin_of(backfill: timedelta, now: datetime) -> datetime:
    """The UTC day from which on is stated."""
    return (now - backfill).replace(hour=0, minute=0, second=0, microsecond=0)


def within(reading: Reading, begin: datetime) -> Reading:
    """The reading without what happened before `begin`, and without vouching for that time; lists stay whole."""
    kept = [one for one in reading.observations if not _is_before(one, to_ms(begin))]
    left_out = len(reading.observations) - len(kept)
    covers = reading.covers
    if covers is not None:
        covers = (max(covers[0], begin), covers[1]) if covers[1] > begin else None
    if left_out == 0:
        return replace(reading, covers=covers)
    told = f"{left_out} facts of before {begin:%Y-%m-%d} left out (backfill)"
    return replace(
        reading,
        observations=kept,
        outcome=EMPTY if reading.outcome == OBSERVED and not kept else reading.outcome,
        covers=covers,
        detail=f"{told}; {reading.detail}"[:500] if reading.detail else told,
    )


def after_batch(state: SourceState, run: Run, *, more: bool) -> SourceState:
    """The state with what this batch of the first reading covered; nothing where the history is at its end."""
    if run.outcome not in (OBSERVED, EMPTY):
        return state
    if not more or not in_history(state):
        return replace(state, history_from_ms=0, history_to_ms=0)
    begin_ms = state.history_from_ms or run.covers.from_ms
    # At least 1: a batch that vouches for no time is one of the history all the same.
    return replace(state, history_from_ms=begin_ms, history_to_ms=max(state.history_to_ms, run.covers.to_ms, 1))


def progress(state: SourceState, now: datetime, language: str = "en") -> str:
    """How far the first reading has come, for people; empty where it has ended or tells no time."""
    if state.history_from_ms <= 0 or state.history_to_ms <= state.history_from_ms:
        return ""
    share = (state.history_to_ms - state.history_from_ms) / max(1, to_ms(now) - state.history_from_ms)
    until = f"{from_ms(state.history_to_ms):%Y-%m-%d %H:%M} UTC"
    return text_of("history_up_to", language, until=until, percent=min(100, int(share * 100)))


def _is_before(observation: Observation, begin_ms: int) -> bool:
    match observation.WhichOneof("fact"):
        case "measure":
            return observation.measure.start_ms < begin_ms
        case "roll":
            return observation.roll.hour_ms < begin_ms  # a day begins with an hour
        case "occurrence":
            # What was still going on then belongs to the time that is stated; without an end it may go on now.
            return observation.occurrence.HasField("ended_ms") and observation.occurrence.ended_ms < begin_ms
    return False
