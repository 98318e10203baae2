"""Budgets and pauses, by a clock that the test sets: every due time has its outcome, and none looks like health."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent import spool_sql as sql
from ccmm_agent.config import USUAL_PACE, QuietHours, parse_config
from ccmm_agent.home import Home
from ccmm_agent.pace import Budget, Pace, after_reading, blocked
from ccmm_agent.runner import Runner
from ccmm_agent.source_state import SourceState
from ccmm_agent.sources import PlannedSource
from ccmm_proto.errors import BadConfig
from ccmm_proto.period import from_ms, to_ms
from ccmm_proto.reasons import Reason
from ccmm_proto.v1.statement_pb2 import EMPTY, OBSERVED, SKIPPED, UNAVAILABLE, Run
from tests.support.fake_sources import Fake, calls, runs, without_jitter
from tests.support.homes import collector, home_of, joined

__all__ = ["collector", "joined"]

QUARTER = timedelta(minutes=15)
START = datetime(2026, 11, 22, 0, 0, tzinfo=UTC)


class SetClock:
    """What `clock.now` says."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    setting = SetClock()
    monkeypatch.setattr("ccmm_agent.clock.now", setting.now)
    return setting


def live(home: Home, source: PlannedSource, clock: SetClock, span: timedelta, step: timedelta = QUARTER) -> list[Run]:
    """What a runner tells while the clock goes on in steps; it looks at every step what is due."""
    runner = Runner(without_jitter(home), [source], bell=lambda: None)
    until = clock.at + span
    while clock.at < until:
        runner._account(source, clock.at)
        clock.at += step
    return runs(home.spool)


def dues(told: list[Run]) -> list[datetime]:
    """Every due time that is accounted for, in the order in which it was told."""
    found: list[datetime] = []
    for run in told:
        if run.outcome == SKIPPED:
            assert run.missed.count == 1
            found.append(from_ms(run.missed.last_ms))
        else:
            found.append(from_ms(run.due_ms))
    return found


def test_a_source_that_fails_is_asked_less_often_and_every_due_time_is_told(joined: Path, clock: SetClock) -> None:
    fake = Fake(unavailable=True)
    pace = Pace(pause_after=3, longest_pause=timedelta(hours=2))
    with home_of(joined) as home:
        told = live(home, fake.planned(pace=pace), clock, timedelta(hours=12))
    assert dues(told) == [START + QUARTER * number for number in range(48)]
    asked = [from_ms(run.due_ms) for run in told if run.outcome == UNAVAILABLE]
    gaps = [(later - earlier) // QUARTER for earlier, later in pairwise(asked)]
    assert gaps == [1, 1, 2, 4, 8, 8, 8, 8]
    assert {(run.outcome, run.reason) for run in told} == {(UNAVAILABLE, "unreachable"), (SKIPPED, "paused")}
    assert not any(run.HasField("covers") or run.observations for run in told)


def test_whoever_looks_again_is_asked_as_before(joined: Path, clock: SetClock) -> None:
    fake = Fake([[calls(1)]], unavailable=True)
    with home_of(joined) as home:
        source = fake.planned(pace=Pace(pause_after=2))
        live(home, source, clock, timedelta(hours=3))
        fake.unavailable = False
        told = live(home, source, clock, timedelta(hours=3))
        state = home.spool.source("pbx")
    assert state is not None
    assert (state.failures, state.failed_ms) == (0, 0)
    assert [run.outcome for run in told][-8:] == [OBSERVED] * 8


def test_pauses_outlive_a_restart_of_the_agent(joined: Path, clock: SetClock) -> None:
    source = Fake(unavailable=True).planned(pace=Pace(pause_after=2, longest_pause=timedelta(hours=1)))
    with home_of(joined) as home:
        live(home, source, clock, timedelta(minutes=30))
    with home_of(joined) as home:
        told = live(home, source, clock, QUARTER)
    assert [(run.outcome, run.reason) for run in told][-1] == (SKIPPED, "paused")


def test_a_budget_bounds_the_readings_of_each_span_and_the_rest_is_skipped(joined: Path, clock: SetClock) -> None:
    fake = Fake([[calls(1)]])
    with home_of(joined) as home:
        pace = Pace(budget=Budget(readings=2, span=timedelta(hours=1)))
        told = live(home, fake.planned(pace=pace), clock, timedelta(hours=3))
    assert dues(told) == [START + QUARTER * number for number in range(12)]
    assert [(run.outcome, run.reason) for run in told] == 3 * [
        *((OBSERVED, ""), (OBSERVED, ""), (SKIPPED, "budget"), (SKIPPED, "budget"))
    ]


def test_a_long_history_is_read_within_the_budget_and_goes_on_when_it_may(joined: Path, clock: SetClock) -> None:
    fake = Fake([[calls(1)]], more=5)
    with home_of(joined) as home:
        pace = Pace(budget=Budget(readings=2, span=timedelta(hours=1)))
        told = live(home, fake.planned(pace=pace), clock, timedelta(hours=3), step=timedelta(minutes=1))
    assert fake.cursors == [b"", *(b"cursor-%d" % number for number in range(1, 6))]
    read = [run for run in told if run.outcome == OBSERVED]
    assert [from_ms(run.started_ms).hour for run in read] == [0, 0, 1, 1, 2, 2]
    skipped = [run for run in told if run.outcome == SKIPPED]
    assert {run.reason for run in skipped} == {"budget"}
    assert len({run.missed.last_ms for run in skipped}) == len(skipped)


def test_quiet_hours_come_before_a_pause_and_cost_no_budget(joined: Path, clock: SetClock) -> None:
    quiet = QuietHours(begin=datetime.min.time(), end=datetime.min.time().replace(hour=1))
    fake = Fake([[calls(1)]])
    with home_of(joined) as home:
        pace = Pace(budget=Budget(readings=4, span=timedelta(days=1)))
        told = live(home, fake.planned(quiet=quiet, pace=pace), clock, timedelta(hours=2))
    assert [run.reason for run in told] == ["quiet_hours"] * 4 + [""] * 4


def test_a_clock_that_was_set_back_blocks_nothing() -> None:
    pace = Pace(pause_after=1, longest_pause=timedelta(days=1), budget=Budget(readings=1, span=timedelta(days=1)))
    late = to_ms(START + timedelta(days=400))
    state = after_reading(pace, SourceState("pbx"), failed=True, due_ms=late, now_ms=late)
    assert blocked(pace, state, every_s=900, now_ms=late + 1) is Reason.BUDGET
    assert blocked(pace, state, every_s=900, now_ms=to_ms(START)) is None


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 7200)), max_size=40),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(60, 7200),
)
def test_never_more_readings_than_the_budget_and_never_longer_silent_than_the_longest_pause(
    moves: list[tuple[bool, int]], pause_after: int, readings: int, span_s: int
) -> None:
    longest = timedelta(hours=1)
    budget = Budget(readings=readings, span=timedelta(seconds=span_s))
    pace = Pace(budget=budget, pause_after=pause_after, longest_pause=longest)
    state, now_ms, made, failed_ms = SourceState("pbx"), to_ms(START), dict[int, int](), 0
    for failed, seconds in moves:
        now_ms += seconds * 1000
        why = blocked(pace, state, every_s=900, now_ms=now_ms)
        window = budget.window_ms(now_ms)
        assert (why is Reason.BUDGET) == (made.get(window, 0) >= readings)
        if why is Reason.PAUSED:
            assert state.failures >= pause_after
            assert now_ms - failed_ms < longest / timedelta(milliseconds=1)
        if why is None:
            state = after_reading(pace, state, failed=failed, due_ms=now_ms, now_ms=now_ms)
            made[window] = made.get(window, 0) + 1
            failed_ms = now_ms if failed else 0


# agent.toml and the spool


SOURCE = 'zone = "UTC"\n[[source]]\nname = "pbx"\nplugin = "asterisk"\nevery = "15m"\n'


def test_the_keys_of_a_source_make_its_pace() -> None:
    text = 'budget = "24/1h"\npause_after = 3\nlongest_pause = "6h"\nbackfill = "90d"\n'
    (source,) = parse_config((SOURCE + text).encode(), Path("agent.toml")).sources
    budget = Budget(readings=24, span=timedelta(hours=1))
    assert source.pace == Pace(budget=budget, pause_after=3, longest_pause=timedelta(hours=6))
    assert source.backfill == timedelta(days=90)
    assert dict(source.options) == {}
    (usual,) = parse_config(SOURCE.encode(), Path("agent.toml")).sources
    assert (usual.pace, usual.backfill) == (USUAL_PACE, None)
    (never,) = parse_config(f"{SOURCE}pause_after = 0".encode(), Path("agent.toml")).sources
    assert never.pace.pause_after is None


@pytest.mark.parametrize(
    "line",
    [
        *('budget = "24"', 'budget = "0/1h"', 'budget = "24/1"', 'budget = "-1/1h"', "budget = 24", 'budget = "1/0s"'),
        *("pause_after = -1", 'pause_after = "3"', "pause_after = true", "pause_after = 1001"),
        *('longest_pause = "long"', "backfill = 90", 'backfill = "all"'),
    ],
)
def test_a_pace_that_cannot_be_meant_stops_the_start(line: str) -> None:
    with pytest.raises(BadConfig, match=rf"source pbx: {line.split()[0]}: expected"):
        parse_config((SOURCE + line).encode(), Path("agent.toml"))


def test_a_spool_of_the_version_before_is_taken_over_with_all_that_is_in_it(joined: Path, clock: SetClock) -> None:
    fake = Fake([[calls(1)]])
    with home_of(joined) as home:
        live(home, fake.planned(), clock, QUARTER)
        before = home.spool.source("pbx")
    new = ("failures", "failed_ms", "window_ms", "spent", "history_from_ms", "history_to_ms")
    with closing(sqlite3.connect(joined / "spool.sqlite")) as old:
        for column in new:
            old.execute(f"ALTER TABLE source DROP COLUMN {column}")
        old.execute("PRAGMA user_version = 1")
        old.commit()
    with home_of(joined) as home:
        after = home.spool.source("pbx")
        assert home.spool.query("PRAGMA user_version") == [(sql.VERSION,)]
        assert before is not None
        assert after is not None
        assert (after.cursor, after.last_due_ms, after.failures) == (before.cursor, before.last_due_ms, 0)
        told = live(home, fake.planned(), clock, QUARTER)
    assert [run.outcome for run in told] in ([OBSERVED, OBSERVED], [OBSERVED, EMPTY])
