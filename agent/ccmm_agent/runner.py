"""Runs every source when it is due. Timers are APScheduler's; what a due time becomes is `schedule.plan`'s.

A timer is only an alarm clock: at every tick all due times since the source's last one are accounted for, whatever the
timer did or did not do (a suspended machine, a stopped process, a clock that was set).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from ccmm_agent import clock
from ccmm_agent.heap import give_back
from ccmm_agent.home import Home
from ccmm_agent.outbox import Draft
from ccmm_agent.pace import blocked
from ccmm_agent.pipeline import run_source
from ccmm_agent.room import admit, hold
from ccmm_agent.schedule import Missed, Plan, Run, Skipped, jitter, plan
from ccmm_agent.silence import put_silence
from ccmm_agent.sources import PlannedSource
from ccmm_agent.spool_file import SpoolCorrupt
from ccmm_proto.errors import StoreFull
from ccmm_proto.period import from_ms, to_ms
from ccmm_proto.reasons import Reason
from ccmm_proto.v1.statement_pb2 import Note

log = logging.getLogger(__name__)

THREADS = 3  # readings side by side
WATCH_S = 60
PRUNE_EVERY = timedelta(hours=1)


class Runner:
    """The sources of one agent. `bell` is called, from any thread, when something new waits in the spool."""

    def __init__(self, home: Home, sources: list[PlannedSource], *, bell: Callable[[], None]) -> None:
        self._home = home
        self._sources = sources
        self._bell = bell
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="reading")
        self._busy: set[str] = set()
        self._work: set[asyncio.Future[None]] = set()
        self._failed: asyncio.Future[bool] | None = None
        self._leaving = False
        self._steps = clock.StepWatch()
        self._pruned = datetime.min.replace(tzinfo=UTC)

    async def run(self, leaving: asyncio.Event) -> None:
        """Until `leaving`; the runs at hand are finished first. Raises what ended a run: SpoolCorrupt."""
        self._failed = asyncio.get_running_loop().create_future()
        watch = IntervalTrigger(seconds=WATCH_S, timezone=UTC)
        self._scheduler.add_job(self._alarm, watch, [self._watch], misfire_grace_time=None, coalesce=True)
        self._scheduler.start()
        await self._watch()
        left: asyncio.Future[bool] = asyncio.ensure_future(leaving.wait())
        try:
            await asyncio.wait({left, self._failed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            left.cancel()
            self._leaving = True
            self._scheduler.shutdown(wait=False)
            await asyncio.gather(*self._work, return_exceptions=True)
            self._pool.shutdown()
        if self._failed.done():
            self._failed.result()

    async def _watch(self) -> None:
        """At the start and every minute: a clock that was set, what is due, what may be forgotten."""
        now = clock.now()
        if step_s := self._steps.step_s():
            self._submit(lambda: self._note_step(step_s))
        if now - self._pruned > PRUNE_EVERY:
            self._pruned = now
            self._submit(lambda: self._home.spool.prune(self._home.config.keep, now))
        for source in self._sources:
            await self._tick(source)
        give_back(collect=False)

    async def _alarm(self, work: Callable[[], Awaitable[None]]) -> None:
        """What a timer calls. APScheduler would only log what `work` raises: here a damaged spool ends the runner."""
        try:
            await work()
        except StoreFull as error:
            log.error("spool not readable", extra={"why": str(error)})
        except SpoolCorrupt as error:
            if self._failed is not None and not self._failed.done():
                self._failed.set_exception(error)

    async def _tick(self, source: PlannedSource) -> None:
        """Account for what is due, and set the alarm for the next due time."""
        now = clock.now()
        if source.name not in self._busy and self._plan(source, now, running=False).steps:
            self._busy.add(source.name)
            future = self._submit(lambda: self._account(source, now))
            future.add_done_callback(lambda _: self._busy.discard(source.name))
        delay = self._delay(source)
        alarm = DateTrigger(source.schedule.next_after(now - delay) + delay, timezone=UTC)
        self._scheduler.add_job(
            self._alarm,
            alarm,
            [lambda: self._tick(source)],
            id=source.name,
            replace_existing=True,
            misfire_grace_time=None,
        )

    def _plan(self, source: PlannedSource, now: datetime, *, running: bool) -> Plan:
        state = self._home.spool.source(source.name)
        last_due = from_ms(state.last_due_ms) if state is not None and state.last_due_ms else None
        why = self._blocked(source, now)
        delay = self._delay(source)
        return plan(source.schedule, last_due, now, running, quiet=source.quiet, blocked=why, delay=delay)

    def _submit(self, work: Callable[[], None]) -> "asyncio.Future[None]":
        """Run in a thread; remembered, so that the end waits for it, and its failure is the agent's."""
        future = asyncio.get_running_loop().run_in_executor(self._pool, self._guarded, work)
        self._work.add(future)
        future.add_done_callback(self._finished)
        return future

    def _finished(self, future: "asyncio.Future[None]") -> None:
        self._work.discard(future)
        error = None if future.cancelled() else future.exception()
        if error is not None and self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)

    def _guarded(self, work: Callable[[], None]) -> None:
        """A full disk stops nothing for good: the due times stay open and are accounted for when it has room."""
        try:
            work()
        except StoreFull as error:
            log.error("not spooled", extra={"why": str(error)})

    # --- in a thread ---------------------------------------------------------------------------------------------

    def _account(self, source: PlannedSource, now: datetime) -> None:
        """Every due time since the last becomes a run, a MISSED or a SKIPPED; so do those that pass meanwhile.

        The latter are told when the run has ended: killed before, the next start finds them all, and the run's own.
        """
        for step in self._plan(source, now, running=False).steps:
            match step:
                case Run(due=due):
                    self._run(source, due)
                case Missed() | Skipped():
                    self._tell(source, step)
        state = self._home.spool.source(source.name)
        if state is not None and state.last_due_ms and not self._leaving:
            for step in self._plan(source, clock.now(), running=True).steps:
                if isinstance(step, Skipped):
                    self._tell(source, step)
        give_back(collect=True)

    def _run(self, source: PlannedSource, due: datetime) -> None:
        """The run, and those that follow at once while more history waits and the budget lasts."""
        more = True
        while more and not self._leaving and admit(self._home, source, due):
            more = run_source(self._home, source, due, self._bell)
            if more and (why := self._blocked(source, clock.now())) is not None:
                self._tell(source, Skipped(first=due, last=due, count=1, reason=why))
                break
        self._bell()

    def _blocked(self, source: PlannedSource, now: datetime) -> Reason | None:
        state = self._home.spool.source(source.name)
        every_s = source.schedule.every_s
        return None if state is None else blocked(source.pace, state, every_s=every_s, now_ms=to_ms(now))

    def _tell(self, source: PlannedSource, step: Missed | Skipped) -> None:
        state = self._home.spool.source(source.name)
        if state is not None and state.stopped:
            hold(self._home, source, step.first, step.last, step.count)
        else:
            put_silence(self._home, source, step.reason, step.first, step.last, step.count)
            self._bell()

    def _note_step(self, step_s: float) -> None:
        direction = "forward" if step_s > 0 else "back"
        detail = f"the clock was set {direction} by {abs(step_s):.0f} s, to {clock.now():%Y-%m-%dT%H:%M:%SZ}"
        self._home.spool.put([Draft(body=Note(kind=Note.CLOCK_STEPPED, detail=detail))], self._home.signer.seal)
        self._bell()

    def _delay(self, source: PlannedSource) -> timedelta:
        return jitter(self._home.enrollment.agent, source.name, self._home.config.jitter)
