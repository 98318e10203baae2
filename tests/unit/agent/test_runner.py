"""Runs and silences: with real spools and schedules, and sources that are plain functions."""

import asyncio
import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ccmm_agent import clock
from ccmm_agent.config import QuietHours
from ccmm_agent.facts import inventory
from ccmm_agent.home import Home
from ccmm_agent.pipeline import run_source
from ccmm_agent.plugin import Observation
from ccmm_agent.reading import Reading
from ccmm_agent.run import _note_key_change, run_agent
from ccmm_agent.silence import put_silence
from ccmm_agent.spool_file import SpoolCorrupt
from ccmm_proto.period import from_ms, to_ms
from ccmm_proto.reasons import Reason
from ccmm_proto.v1.statement_pb2 import (
    ISOLATION_LANDLOCK,
    MISSED,
    OBSERVED,
    SKIPPED,
    UNAVAILABLE,
    Note,
)
from tests.support.fake_sources import Fake, calls, run_until, runs, statements, with_last_due, without_jitter
from tests.support.homes import NOON, collector, home_of, joined

__all__ = ["collector", "joined"]


def test_a_run_is_read_redacted_signed_and_spooled_with_its_cursor(joined: Path) -> None:
    clear = inventory("person", NOON, [("E1007", {"active": True})])
    fake = Fake([[calls(3), clear]])
    with home_of(joined) as home:
        rang: list[bool] = []
        assert not run_source(home, fake.planned(), NOON, bell=lambda: rang.append(True))
        (statement,) = statements(home.spool)
        run = statement.run
        assert (run.outcome, run.due_ms, run.every_s, run.part, run.parts) == (OBSERVED, to_ms(NOON), 900, 1, 1)
        assert run.pseudonym_key_id == home.pseudonym_key.key_id
        assert run.observations[1].inventory.entries[0].key.pseudonym
        assert b"E1007" not in home.spool.waiting()[0].envelope
        assert statement.plugin_software.name == "fake"
        assert statement.isolation == ISOLATION_LANDLOCK
        state = home.spool.source("pbx")
        assert state is not None
        assert (state.cursor, state.last_due_ms, state.outcome) == (b"cursor-1", to_ms(NOON), OBSERVED)
        assert rang == [True]


def test_an_unavailable_run_is_signed_and_moves_no_cursor(joined: Path) -> None:
    fake = Fake([[calls(1)]])
    with home_of(joined) as home:
        run_source(home, fake.planned(), NOON, bell=lambda: None)
        fake.unavailable = True
        run_source(home, fake.planned(), NOON + timedelta(minutes=15), bell=lambda: None)
        assert [(run.outcome, run.reason) for run in runs(home.spool)] == [(OBSERVED, ""), (UNAVAILABLE, "unreachable")]
        state = home.spool.source("pbx")
        assert state is not None
        assert state.cursor == b"cursor-1"


def test_facts_that_cannot_be_redacted_make_an_unavailable_run(joined: Path) -> None:
    undeclared = Observation()
    undeclared.CopyFrom(calls(1))
    undeclared.measure.id = "lunch_menu"
    with home_of(joined) as home:
        run_source(home, Fake([[undeclared]]).planned(), NOON, bell=lambda: None)
        (run,) = runs(home.spool)
        assert (run.outcome, run.reason, len(run.observations)) == (UNAVAILABLE, "bad_schema", 0)
        state = home.spool.source("pbx")
        assert state is not None
        assert state.cursor == b""


def test_a_new_source_is_read_at_once(joined: Path) -> None:
    fake = Fake([[calls(1)]])
    with home_of(joined) as home:
        run_until(home, fake.planned(), lambda: len(runs(home.spool)) == 1, seconds=5)


def test_history_is_read_batch_after_batch(joined: Path) -> None:
    fake = Fake([[calls(1)], [calls(2)], [calls(3)]], more=2)
    with home_of(joined) as home:
        run_until(home, fake.planned(), lambda: len(runs(home.spool)) == 3)
        assert fake.cursors == [b"", b"cursor-1", b"cursor-2"]
        assert [run.observations[0].measure.count for run in runs(home.spool)] == [1, 2, 3]


def test_history_that_was_interrupted_goes_on_at_the_next_start(joined: Path) -> None:
    fake = Fake([[calls(1)]], more=99)
    with home_of(joined) as home:
        assert run_source(home, fake.planned(every="1d"), NOON, bell=lambda: None)
        fake.more = 0
        run_until(home, fake.planned(every="1d"), lambda: len(fake.cursors) == 2, seconds=5)
        assert fake.cursors[1] == b"cursor-1"


def test_due_times_while_the_agent_was_down_are_one_missed_run(joined: Path) -> None:
    fake = Fake([[calls(1)]])
    with home_of(joined) as opened:
        home = without_jitter(opened)
        schedule = fake.planned().schedule
        last = schedule.next_after(clock.now() - timedelta(hours=3))
        with_last_due(home, last)
        expected = list(schedule.due_between(last, clock.now()))
        run_until(home, fake.planned(), lambda: len(runs(home.spool)) == 2)
        missed, read = runs(home.spool)
        assert (missed.outcome, missed.reason, missed.missed.count) == (MISSED, "agent_down", len(expected) - 1)
        assert from_ms(missed.missed.first_ms) == expected[0]
        assert from_ms(missed.missed.last_ms) == expected[-2]
        assert missed.feeds == ["calls_offered"]
        assert (read.outcome, from_ms(read.due_ms)) == (OBSERVED, expected[-1])


def test_due_times_during_a_long_run_are_skipped_and_the_cursor_stays_true(joined: Path) -> None:
    fake = Fake([[calls(1)]], seconds=3.5)
    with home_of(joined) as opened:
        home = without_jitter(opened)
        with_last_due(home, clock.now() - timedelta(seconds=1))
        # A run is told first, then what it made the agent skip.
        run_until(home, fake.planned(every="1s"), lambda: any(run.outcome == SKIPPED for run in runs(home.spool)))
        outcomes = [(run.outcome, run.reason) for run in runs(home.spool)]
        assert (SKIPPED, "still_running") in outcomes
        assert (OBSERVED, "") in outcomes
        state = home.spool.source("pbx")
        assert state is not None
        assert state.cursor.startswith(b"cursor-")
        told = sorted(
            instant
            for run in runs(home.spool)
            for instant in (
                [run.due_ms] if run.outcome == OBSERVED else range(run.missed.first_ms, run.missed.last_ms + 1, 1000)
            )
        )
        assert len(told) == len(set(told)), "a due time was told twice"
        assert told == list(range(told[0], told[-1] + 1, 1000)), "a due time was never told"


def test_due_times_that_passed_meanwhile_do_not_hide_how_the_run_looked(joined: Path) -> None:
    fake = Fake([[calls(1)]])
    fake.unavailable = True
    with home_of(joined) as home:
        run_source(home, fake.planned(), NOON, bell=lambda: None)
        for minutes, reason, outcome in ((15, Reason.STILL_RUNNING, UNAVAILABLE), (30, Reason.PAUSED, SKIPPED)):
            due = NOON + timedelta(minutes=minutes)
            put_silence(home, fake.planned(), reason, due, due, 1)
            state = home.spool.source("pbx")
            assert state is not None
            assert (state.outcome, state.last_due_ms) == (outcome, to_ms(due))
        assert [run.reason for run in runs(home.spool)] == ["unreachable", "still_running", "paused"]


def test_quiet_hours_are_skipped_with_their_reason(joined: Path) -> None:
    local = clock.now()
    begin, end = (local - timedelta(hours=1)).time(), (local + timedelta(hours=1)).time()
    quiet = QuietHours(begin=begin.replace(second=0, microsecond=0), end=end.replace(second=0, microsecond=0))
    fake = Fake([[calls(1)]])
    with home_of(joined) as home:
        run_until(home, fake.planned(quiet=quiet), lambda: len(runs(home.spool)) == 1)
        (run,) = runs(home.spool)
        assert (run.outcome, run.reason) == (SKIPPED, "quiet_hours")
        assert fake.cursors == []


def test_the_run_at_hand_is_finished_when_the_agent_leaves(joined: Path) -> None:
    fake = Fake([[calls(1)]], seconds=1.0)
    with home_of(joined) as home:
        run_until(home, fake.planned(), fake.started.is_set)
        assert [run.outcome for run in runs(home.spool)] == [OBSERVED]


def test_a_damaged_spool_ends_the_runner_with_its_name(joined: Path) -> None:
    def damaged(cursor: bytes, now: datetime) -> Reading:
        raise SpoolCorrupt("met while reading")

    with home_of(joined) as home, pytest.raises(SpoolCorrupt):
        run_until(home, replace(Fake().planned(), read=damaged), lambda: False, seconds=5)


def test_damage_that_a_timer_meets_ends_the_runner_too(joined: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with home_of(joined) as home:
        fake = Fake()

        def damaged(name: str) -> None:
            if fake.cursors and threading.current_thread() is threading.main_thread():
                raise SpoolCorrupt("met by a timer")

        monkeypatch.setattr(home.spool, "source", damaged)
        with pytest.raises(SpoolCorrupt):
            run_until(without_jitter(home), fake.planned(every="1s"), lambda: False, seconds=8)


def test_another_pseudonym_key_is_noted_before_its_first_run(joined: Path) -> None:
    people = [inventory("person", NOON, [("E1007", {"active": True})])]
    with home_of(joined) as home:
        run_source(home, Fake([people]).planned(), NOON, bell=lambda: None)
        _note_key_change(home)
        assert len(statements(home.spool)) == 1
        home.keys.save_pseudonym(bytes(range(32)))
    with home_of(joined) as home:
        _note_key_change(home)
        _note_key_change(home)
        notes = [one.note.kind for one in statements(home.spool) if one.WhichOneof("body") == "note"]
        assert notes == [Note.PSEUDONYM_KEY_CHANGED]


def test_a_clock_that_is_set_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = clock.StepWatch()
    assert watch.step_s() == 0.0
    real = time.time
    monkeypatch.setattr("ccmm_agent.clock.time.time", lambda: real() + 3600)
    assert 3599 < watch.step_s() < 3601
    assert watch.step_s() == 0.0


def test_a_spool_damaged_while_running_is_set_aside_and_the_agent_begins_again(
    joined: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    epochs: list[int] = []

    async def damaged_in_the_first_life(home: Home, leaving: asyncio.Event) -> None:
        epochs.append(home.spool.chain().epoch)
        if len(epochs) == 1:
            home.spool.query("PRAGMA wal_checkpoint(TRUNCATE)")
            (joined / "spool.sqlite").write_bytes(b"no database any more" * 500)
            raise ExceptionGroup("as a task group raises it", [SpoolCorrupt("met")])

    monkeypatch.setattr("ccmm_agent.run._work", damaged_in_the_first_life)
    run_agent(joined)
    assert epochs == [0, 1]
    assert len(list(joined.glob("spool-corrupt-*.sqlite"))) == 1
