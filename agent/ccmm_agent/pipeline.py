"""The way of one fact through the agent: read, redact, sign, spool; the fifth step, submit, waits for the bell.

run_source(home, source, due, bell)
"""

import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from ccmm_agent import clock
from ccmm_agent.backfill import after_batch, begin_of, in_history, progress, within
from ccmm_agent.home import Home
from ccmm_agent.outbox import Draft, parts_of
from ccmm_agent.pace import after_reading
from ccmm_agent.reading import Reading
from ccmm_agent.redact import redact
from ccmm_agent.room import stop
from ccmm_agent.silence import after_run, silent_run
from ccmm_agent.source_state import SourceState
from ccmm_agent.sources import PlannedSource
from ccmm_agent.spool_file import SpoolFull
from ccmm_agent.veto import vouched
from ccmm_proto.errors import Malformed
from ccmm_proto.period import to_ms
from ccmm_proto.pseudonym import PseudonymKey
from ccmm_proto.reasons import Reason
from ccmm_proto.v1.statement_pb2 import EMPTY, OBSERVED, SKIPPED, UNAVAILABLE, Outcome, Run, Span

log = logging.getLogger(__name__)


def run_source(home: Home, source: PlannedSource, due: datetime, bell: Callable[[], None]) -> bool:
    """One run of one source, from reading to the spool. True: more history waits, run again at once."""
    state = home.spool.source(source.name) or SourceState(source.name)
    ran = look(source, state.cursor, due, home.pseudonym_key, history=in_history(state))  # 1 read, 2 redact
    try:
        change = partial(state_after, source, ran)
        home.spool.put(
            ran.drafts, home.signer.seal, source.name, change, bounded=True
        )  # 3 sign, 4 spool: one transaction
        # Durable: statements and cursor. Crashed before this line: the due time is found again, and read again.
    except SpoolFull:
        stop(home, source, due)
        bell()
        return False
    bell()  # 5 submit
    after = state_after(source, ran, state)
    report_change(state, after)
    if told := progress(after, clock.now()):
        log.info("history read", extra={"source": source.name, "so_far": told})
    return ran.more


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a run gave, ready to be sealed."""

    drafts: list[Draft]
    run: Run  # the run itself: its last part
    due: datetime
    cursor: bytes | None  # None: it stays where it is
    more: bool


def look(source: PlannedSource, cursor: bytes, due: datetime, key: PseudonymKey, *, history: bool) -> Ran:
    """Read and redact. What cannot be redacted or stated is UNAVAILABLE, and no cursor moves.

    `history`: a batch of the source's first reading, which may be bounded.
    """
    if (feeds := source.veto.withheld(source.feeds)) and len(feeds) == len(source.feeds):
        vetoed = _vetoed(source, feeds, due)  # nothing of it could leave: it is not even read
        return Ran(drafts=[Draft(body=vetoed)], run=vetoed, due=due, cursor=None, more=False)
    started = clock.now()
    reading = source.read(cursor, started)
    if history and source.backfill is not None:
        reading = within(reading, begin_of(source.backfill, started))
    run = Run(
        source=source.name,
        plugin=source.plugin,
        run_id=uuid.uuid4().hex,
        due_ms=to_ms(due),
        started_ms=to_ms(started),
        every_s=source.schedule.every_s,
    )
    try:
        parts = _parts(source, run, reading, key)
    except Malformed as error:
        failed = replace(
            reading, outcome=UNAVAILABLE, reason=Reason.BAD_SCHEMA, detail=str(error)[:500], covers=None, more=False
        )
        reading = replace(failed, cursor=None, observations=[])
        parts = _parts(source, run, reading, key)
    withheld = source.veto.withheld(reading.feeds)
    bodies = [*parts, *([_vetoed(source, withheld, due)] if withheld and not reading.more else ())]
    drafts = [Draft(body=body, plugin=reading.plugin_software, isolation=reading.isolation) for body in bodies]
    return Ran(drafts=drafts, run=parts[-1], due=due, cursor=reading.cursor, more=reading.more)


def _parts(source: PlannedSource, run: Run, reading: Reading, key: PseudonymKey) -> list[Run]:
    """The run with what may leave of the reading. Raises Malformed."""
    redacted = redact(reading.observations, key)
    run.pseudonym_key_id = key.key_id if redacted != reading.observations else ""
    passed = source.veto.passed(redacted)
    if redacted and not passed:
        reading = replace(reading, outcome=EMPTY)
    run.feeds[:] = vouched(source.veto, reading.feeds, empty=reading.outcome == EMPTY)
    return parts_of(_concluded(run, reading), passed)


def _vetoed(source: PlannedSource, feeds: Sequence[str], due: datetime) -> Run:
    """Beside the run: for what the center lets not leave. Without it, it would look as if nobody ever fed it."""
    run = silent_run(source, SKIPPED, Reason.VETOED, due, due, 1, feeds)
    run.detail = f"{run.detail}: {source.veto.words(feeds)}"[:500]
    return run


def _concluded(run: Run, reading: Reading) -> Run:
    run.outcome, run.reason, run.detail = reading.outcome, str(reading.reason), reading.detail
    run.finished_ms = to_ms(clock.now())
    if reading.covers is not None and reading.outcome in (OBSERVED, EMPTY):
        run.covers.CopyFrom(Span(from_ms=to_ms(reading.covers[0]), to_ms=to_ms(reading.covers[1])))
    else:
        run.ClearField("covers")
    return run


def state_after(source: PlannedSource, ran: Ran, state: SourceState) -> SourceState:
    """The source's row after this run, from the row as it is when the run is spooled."""
    run = ran.run
    known_ms = state.last_due_ms if state.last_due_ms <= run.finished_ms else 0  # else the clock went back since
    # Until the last batch of a long history the due time stays open: a stop or crash resumes it at the next start.
    last_due_ms = state.last_due_ms if ran.more else max(to_ms(ran.due), known_ms)
    failed = run.outcome == UNAVAILABLE
    paced = after_reading(source.pace, state, failed=failed, due_ms=run.due_ms, now_ms=run.started_ms)
    after = after_run(after_batch(paced, run, more=ran.more), run, last_due_ms)
    return after if ran.cursor is None else replace(after, cursor=ran.cursor)


def report_change(before: SourceState, after: SourceState) -> None:
    """Log a change of a source's state, once."""
    if (before.outcome, before.reason) != (after.outcome, after.reason):
        outcome = Outcome.Name(after.outcome)  # type: ignore[arg-type]  # a number from the spool
        level = logging.INFO if after.outcome in (OBSERVED, EMPTY) else logging.WARNING
        log.log(level, "source changed", extra={"source": after.name, "outcome": outcome, "reason": after.reason})
