"""Runs that did not look: MISSED, because nobody was there, and SKIPPED, on purpose. Signed like the others."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from ccmm_agent import clock
from ccmm_agent.home import Home
from ccmm_agent.outbox import Draft
from ccmm_agent.source_state import SourceState
from ccmm_agent.sources import PlannedSource
from ccmm_proto.period import to_ms
from ccmm_proto.reasons import Reason
from ccmm_proto.v1.statement_pb2 import MISSED, SKIPPED, DueTimes, Outcome, Run

_DETAILS = {
    Reason.AGENT_DOWN: "the agent was not running at these due times",
    Reason.STILL_RUNNING: "the run before was still going",
    Reason.QUIET_HOURS: "quiet hours of this source",
    Reason.SPOOL_FULL: "the spool was too full for this source",
    Reason.VETOED: "the center lets these facts not leave",
    Reason.BUDGET: "the source's budget of readings was spent",
    Reason.PAUSED: "runs in a row could not look, so the source is asked less often for a while",
}


def silent_run(
    source: PlannedSource,
    outcome: "Outcome.ValueType",
    reason: Reason,
    first: datetime,
    last: datetime,
    count: int,
    feeds: Sequence[str] | None = None,
) -> Run:
    """One run for all due times from first to last at which nobody looked, for all feeds of the source or for some."""
    now_ms = to_ms(clock.now())
    return Run(
        source=source.name,
        plugin=source.plugin,
        run_id=uuid.uuid4().hex,
        part=1,
        parts=1,
        outcome=outcome,
        reason=str(reason),
        detail=_DETAILS[reason],
        due_ms=to_ms(last),
        started_ms=now_ms,
        finished_ms=now_ms,
        missed=DueTimes(first_ms=to_ms(first), last_ms=to_ms(last), count=count),
        feeds=source.feeds if feeds is None else feeds,
        every_s=source.schedule.every_s,
    )


def put_silence(home: Home, source: PlannedSource, reason: Reason, first: datetime, last: datetime, count: int) -> None:
    """Sign and spool it, together with the source's new last due time."""
    outcome = MISSED if reason is Reason.AGENT_DOWN else SKIPPED
    run = silent_run(source, outcome, reason, first, last, count)

    def told(state: SourceState) -> SourceState:
        if reason is Reason.STILL_RUNNING:  # the run that was going has ended: how it looked is the newest there is
            return replace(state, last_due_ms=to_ms(last))
        return after_run(state, run, to_ms(last))

    home.spool.put([Draft(body=run)], home.signer.seal, source.name, told)


def after_run(state: SourceState, run: Run, last_due_ms: int) -> SourceState:
    """The source's row once this run is told of."""
    return replace(
        state,
        last_due_ms=last_due_ms,
        run_id=run.run_id,
        outcome=run.outcome,
        reason=run.reason,
        detail=run.detail,
        finished_ms=run.finished_ms,
    )
