"""A spool that fills: sources of low value stop first, and the stop is itself signed.

A source stops when what waits takes 80 % (value 0) to 95 % (value 100) of the bound; the rest is kept for the notes and
the stops themselves. It goes on below 9/10 of where it stopped. The due times in between become one SKIPPED run.
"""

from dataclasses import replace
from datetime import datetime

from ccmm_agent.home import Home
from ccmm_agent.outbox import Draft
from ccmm_agent.silence import after_run, silent_run
from ccmm_agent.source_state import SourceState
from ccmm_agent.sources import PlannedSource
from ccmm_proto.period import from_ms, to_ms
from ccmm_proto.reasons import Reason
from ccmm_proto.v1.statement_pb2 import SKIPPED, Note

LOWEST, HIGHEST, AGAIN = 0.80, 0.95, 0.9


def is_full_for(waiting_bytes: int, limit_bytes: int, value: int, *, stopped: bool) -> bool:
    """Whether a source of this value has to stop, or to stay stopped.

    >>> is_full_for(85, 100, 0, stopped=False), is_full_for(85, 100, 100, stopped=False)
    (True, False)
    """
    bar = LOWEST + (HIGHEST - LOWEST) * value / 100
    return waiting_bytes >= limit_bytes * (bar * AGAIN if stopped else bar)


def admit(home: Home, source: PlannedSource, due: datetime) -> bool:
    """Whether there is room for a run of this source; stops it, holds it, or lets it go on again."""
    state = home.spool.source(source.name) or SourceState(source.name)
    waiting = home.spool.waiting_bytes()
    if is_full_for(waiting, home.spool.limit_bytes, source.value, stopped=state.stopped):
        if state.stopped:
            hold(home, source, due, due, 1)
        else:
            stop(home, source, due)
        return False
    if state.stopped:
        go_on(home, source, state)
    return True


def stop(home: Home, source: PlannedSource, due: datetime) -> None:
    """The source stops at this due time: a note and a SKIPPED run say so, in one transaction."""
    detail = f"the spool is full: {source.name} (value {source.value}) stops"
    note = Draft(body=Note(kind=Note.SPOOL_FULL, detail=detail, sources=[source.name]))
    skipped = silent_run(source, SKIPPED, Reason.SPOOL_FULL, due, due, 1)

    def stopped(state: SourceState) -> SourceState:
        return replace(after_run(state, skipped, to_ms(due)), stopped=True)

    home.spool.put([note, Draft(body=skipped)], home.signer.seal, source.name, stopped)


def hold(home: Home, source: PlannedSource, first: datetime, last: datetime, count: int) -> None:
    """Remember due times of a stopped source; they are told when it goes on."""

    def held(state: SourceState) -> SourceState:
        return replace(
            state,
            held_first_ms=state.held_first_ms or to_ms(first),
            held_count=state.held_count + count,
            last_due_ms=to_ms(last),
        )

    home.spool.hold(source.name, held)


def go_on(home: Home, source: PlannedSource, state: SourceState) -> None:
    """There is room again: a note, and one SKIPPED run over the due times that were held."""
    detail = f"the spool has room again: {source.name} goes on"
    drafts = [Draft(body=Note(kind=Note.SPOOL_ROOM_AGAIN, detail=detail, sources=[source.name]))]
    if state.held_count:
        first, last = from_ms(state.held_first_ms), from_ms(state.last_due_ms)
        drafts.append(Draft(body=silent_run(source, SKIPPED, Reason.SPOOL_FULL, first, last, state.held_count)))

    def going(state: SourceState) -> SourceState:
        return replace(state, stopped=False, held_first_ms=0, held_count=0)

    home.spool.put(drafts, home.signer.seal, source.name, going)
