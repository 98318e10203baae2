"""How often a source may be asked: its budget, and pauses that grow while it cannot be read; pure.

>>> pace = Pace(budget=Budget(readings=2, span=timedelta(days=1)))
>>> once = after_reading(pace, SourceState("pbx"), failed=False, due_ms=1_000, now_ms=1_000)
>>> twice = after_reading(pace, once, failed=False, due_ms=2_000, now_ms=2_000)
>>> blocked(pace, twice, every_s=60, now_ms=3_000)
<Reason.BUDGET: 'budget'>
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from ccmm_agent.source_state import SourceState
from ccmm_proto.reasons import Reason

_MS: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """At most so many readings in each span; spans begin at its multiples since the epoch."""

    readings: int
    span: timedelta

    def window_ms(self, now_ms: int) -> int:
        """The begin of the span in which an instant lies."""
        span_ms = self.span // _MS
        return now_ms // span_ms * span_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Of one source. `pause_after` failures in a row it pauses, each time twice as long, up to `longest_pause`."""

    budget: Budget | None = None
    pause_after: int | None = None  # None: it never pauses
    longest_pause: timedelta = timedelta(hours=1)

    def pause(self, failures: int, every_s: int) -> timedelta:
        """How long nothing is asked after so many failures in a row."""
        if self.pause_after is None or failures < self.pause_after:
            return timedelta(0)
        doublings: int = min(failures - self.pause_after + 1, 20)
        return min(timedelta(seconds=every_s << doublings), self.longest_pause)


def blocked(pace: Pace, state: SourceState, *, every_s: int, now_ms: int) -> Reason | None:
    """Why nothing may be asked now; None: it may. A clock that was set back blocks nothing."""
    budget = pace.budget
    if budget is not None and state.window_ms == budget.window_ms(now_ms) and state.spent >= budget.readings:
        return Reason.BUDGET
    since = timedelta(milliseconds=now_ms - state.failed_ms)
    if timedelta(0) <= since < pace.pause(state.failures, every_s):
        return Reason.PAUSED
    return None


def after_reading(pace: Pace, state: SourceState, *, failed: bool, due_ms: int, now_ms: int) -> SourceState:
    """The state with one reading more. Whoever looked again has no failures in a row any more.

    Pauses count from the due time, so that they end with one.
    """
    window_ms = 0 if pace.budget is None else pace.budget.window_ms(now_ms)
    return replace(
        state,
        failures=state.failures + 1 if failed else 0,
        failed_ms=due_ms if failed else 0,
        window_ms=window_ms,
        spent=state.spent + 1 if window_ms and window_ms == state.window_ms else 1,
    )
