"""The first reading: how far back it states, that this is said, and how far it has come."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.backfill import begin_of, in_history, progress, within
from ccmm_agent.facts import count, inventory, occurrence, roll
from ccmm_agent.pipeline import run_source
from ccmm_agent.plugin import Observation
from ccmm_agent.reading import Reading
from ccmm_agent.source_state import SourceState
from ccmm_agent.status import state_of, status
from ccmm_proto.period import to_ms
from ccmm_proto.v1.statement_pb2 import EMPTY, OBSERVED, Software
from tests.support.fake_sources import Fake, runs
from tests.support.homes import collector, home_of, joined, put

__all__ = ["collector", "joined"]

NOW = datetime(2026, 11, 22, 12, 7, tzinfo=UTC)
BEGIN = datetime(2026, 11, 15, tzinfo=UTC)  # seven days before, from midnight on
OLD, NEW = BEGIN - timedelta(hours=2), BEGIN + timedelta(hours=2)


def reading(*observations: Observation, covers: tuple[datetime, datetime] | None = (OLD, NOW)) -> Reading:
    outcome = OBSERVED if observations else EMPTY
    return Reading(
        outcome=outcome, reason="", covers=covers, observations=list(observations), plugin_software=Software()
    )


def test_the_limit_is_a_whole_day() -> None:
    assert begin_of(timedelta(days=7), NOW) == BEGIN


def test_what_happened_before_is_left_out_and_not_vouched_for_and_that_is_said() -> None:
    facts = [
        count("calls_offered", OLD, 3, queue="support"),
        count("calls_offered", NEW, 4, queue="support"),
        roll("call", OLD, [("c1", OLD, {"system": "acd"})]),
        roll("call", NEW, [("c2", NEW, {"system": "acd"})]),
        occurrence("sample", "qa-1", OLD, OLD, class_="listening", passed=True),
    ]
    bounded = within(reading(*facts), BEGIN)
    assert bounded.observations == [facts[1], facts[3]]
    assert bounded.covers == (BEGIN, NOW)
    assert bounded.detail == "3 facts of before 2026-11-15 left out (backfill)"
    assert bounded.outcome == OBSERVED


def test_what_still_went_on_and_lists_are_stated_whole() -> None:
    facts = [
        occurrence("sample", "qa-1", OLD, NEW, class_="listening", passed=True),
        occurrence("sample", "qa-2", OLD, None, class_="listening", passed=True),
        inventory("person", NOW, [("E1007", {"active": True, "joined": OLD})]),
    ]
    assert within(reading(*facts), BEGIN).observations == facts


def test_a_batch_wholly_before_the_limit_is_empty_and_vouches_for_nothing() -> None:
    bounded = within(reading(count("calls_offered", OLD, 3, queue="support"), covers=(OLD, OLD)), BEGIN)
    assert (bounded.outcome, bounded.covers, bounded.observations) == (EMPTY, None, [])
    assert "1 facts of before" in bounded.detail


@given(st.lists(st.integers(-40, 40), max_size=20))
def test_nothing_after_the_limit_is_lost_and_nothing_before_it_stays(quarters: list[int]) -> None:
    moments = [BEGIN + timedelta(minutes=15 * number) for number in sorted(set(quarters))]
    facts = [count("calls_offered", moment, 1, queue="support") for moment in moments]
    kept = [one.measure.start_ms for one in within(reading(*facts), BEGIN).observations]
    assert kept == [to_ms(moment) for moment in moments if moment >= BEGIN]


# The way through the agent


@pytest.fixture
def fixed(monkeypatch: pytest.MonkeyPatch) -> datetime:
    monkeypatch.setattr("ccmm_agent.clock.now", lambda: NOW)
    return NOW


class Historian(Fake):
    """Reads four days at a time, from the first of November on."""

    def read(self, cursor: bytes, now: datetime) -> Reading:
        number = len(self.cursors)
        self.cursors.append(cursor)
        begin = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=4 * number)
        end = min(begin + timedelta(days=4), now)
        read = reading(count("calls_offered", begin, 1, queue="support"), covers=(begin, end))
        return replace(read, cursor=f"{number + 1}".encode(), more=end < now, feeds=("calls_offered",))


def test_only_the_first_reading_is_bounded_and_it_tells_how_far_it_has_come(
    joined: Path, fixed: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    fake = Historian(backfill=timedelta(days=7))
    with home_of(joined) as home:
        source = fake.planned()
        shares = []
        while run_source(home, source, NOW, bell=lambda: None):
            state = home.spool.source("pbx")
            assert state is not None
            assert in_history(state)
            shares.append(progress(state, NOW))
        told = runs(home.spool)
        state = home.spool.source("pbx")
        assert state is not None
        assert not in_history(state)
        fake.cursors.clear()
        run_source(home, source, NOW, bell=lambda: None)
        later = runs(home.spool)[-1]
    assert [run.outcome for run in told] == [EMPTY, EMPTY, EMPTY, EMPTY, OBSERVED, OBSERVED]
    assert [len(run.observations) for run in told] == [0, 0, 0, 0, 1, 1]
    covered = [(run.covers.from_ms, run.covers.to_ms) for run in told if run.HasField("covers")]
    assert covered[0][0] == to_ms(BEGIN)
    assert covered[-1][1] == to_ms(NOW)
    assert all(earlier[1] == after[0] for earlier, after in pairwise(covered))
    assert shares[-1].startswith("up to 2026-11-21 00:00 UTC, ")
    assert len(later.observations) == 1, "a later reading is not bounded"


def test_status_shows_the_progress_of_a_first_reading(joined: Path, fixed: datetime) -> None:
    with home_of(joined) as home:
        (joined / "agent.toml").write_text(
            (joined / "agent.toml").read_text() + '\n[[source]]\nname = "pbx"\nplugin = "asterisk"\nevery = "15m"\n'
        )
    fake = Historian()
    with home_of(joined) as home:
        run_source(home, fake.planned(), NOW, bell=lambda: None)
        run_source(home, fake.planned(), NOW, bell=lambda: None)
        document = state_of(home, NOW)
    sources = document["sources"]
    assert isinstance(sources, list)
    (told,) = [one for one in sources if one["name"] == "pbx"]
    assert (told["reads_history"], told["history"]) == (True, "up to 2026-11-09 00:00 UTC, 37 %")
    json.dumps(document)


def test_status_shows_a_source_that_has_not_been_read(joined: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (joined / "agent.toml").open("a") as config:
        config.write('\n[[source]]\nname = "pbx"\nplugin = "asterisk"\nevery = "15m"\n')
    with home_of(joined) as home:
        put(home, 1)  # keeps a state without an outcome
        assert [state.outcome for state in home.spool.sources()] == [0]
    status(joined, as_json=False, language="zh")
    assert "pbx" in capsys.readouterr().out


def test_a_first_reading_without_a_span_tells_no_share() -> None:
    assert progress(SourceState("pbx"), NOW) == ""
    assert progress(SourceState("pbx", cursor=b"x", history_to_ms=1), NOW) == ""
