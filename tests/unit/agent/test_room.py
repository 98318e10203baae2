"""A full spool: which sources stop, what is said about it, and when they go on."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ccmm_agent import room
from ccmm_agent.facts import count
from ccmm_agent.home import Home
from ccmm_agent.pipeline import run_source
from ccmm_agent.spool import Spool
from ccmm_proto.period import from_ms
from ccmm_proto.v1.statement_pb2 import (
    SKIPPED,
    Note,
)
from tests.support.fake_sources import Fake, calls, statements
from tests.support.homes import NOON, collector, home_of, joined

__all__ = ["collector", "joined"]


def filled(home: Home, share: float) -> Home:
    """The same home with a bound of which so much is taken by statements that wait."""
    waiting = home.spool.waiting_bytes()
    spool = Spool(home.spool._connection, limit_bytes=int(waiting / share))
    return replace(home, spool=spool)


def fill(home: Home) -> None:
    for number in range(30):
        run_source(home, Fake([[calls(number)] * 100]).planned(), NOON, bell=lambda: None)


def test_a_full_spool_stops_low_values_first_and_says_so_once(joined: Path) -> None:
    with home_of(joined) as opened:
        fill(opened)
        before = len(statements(opened.spool))
        home = filled(opened, 0.88)
        low, high = Fake().planned(value=10), replace(Fake().planned(value=100), name="door")
        assert room.admit(home, high, NOON)
        for minutes in (0, 15, 30):
            assert not room.admit(home, low, NOON + timedelta(minutes=minutes))
        note, skipped = statements(home.spool)[before:]
        assert (note.note.kind, list(note.note.sources)) == (Note.SPOOL_FULL, ["pbx"])
        assert (skipped.run.outcome, skipped.run.reason, skipped.run.missed.count) == (SKIPPED, "spool_full", 1)
        state = home.spool.source("pbx")
        assert state is not None
        assert (state.stopped, state.held_count) == (True, 2)


def test_room_again_is_noted_and_the_held_due_times_are_told(joined: Path) -> None:
    with home_of(joined) as opened:
        fill(opened)
        full, low = filled(opened, 0.99), Fake().planned(value=10)
        for minutes in (0, 15, 30):
            room.admit(full, low, NOON + timedelta(minutes=minutes))
        before = len(statements(opened.spool))
        assert room.admit(filled(opened, 0.5), low, NOON + timedelta(minutes=45))
        note, skipped = statements(opened.spool)[before:]
        assert note.note.kind == Note.SPOOL_ROOM_AGAIN
        due = skipped.run.missed
        assert (due.count, from_ms(due.first_ms)) == (2, NOON + timedelta(minutes=15))
        assert from_ms(due.last_ms) == NOON + timedelta(minutes=30)
        state = opened.spool.source("pbx")
        assert state is not None
        assert (state.stopped, state.held_count) == (False, 0)


def test_a_run_larger_than_the_rest_of_the_spool_stops_its_source(joined: Path) -> None:
    with home_of(joined) as opened:
        home = replace(opened, spool=Spool(opened.spool._connection, limit_bytes=120_000))
        many = [count("calls_offered", NOON + timedelta(minutes=15 * n), n, queue="support") for n in range(5000)]
        fake = Fake([many])
        assert not run_source(home, fake.planned(), NOON, bell=lambda: None)
        bodies = [one.WhichOneof("body") for one in statements(home.spool)]
        assert bodies == ["note", "run"]
        state = home.spool.source("pbx")
        assert state is not None
        assert (state.cursor, state.stopped) == (b"", True)


@pytest.mark.parametrize(
    ("share", "value", "stopped", "full"),
    [
        (0.79, 0, False, False),
        (0.81, 0, False, True),
        (0.94, 100, False, False),
        (0.96, 100, False, True),
        (0.75, 0, True, True),
        (0.70, 0, True, False),
    ],
)
def test_where_sources_stop_and_go_on(share: float, value: int, stopped: bool, full: bool) -> None:
    assert room.is_full_for(int(share * 1000), 1000, value, stopped=stopped) is full
