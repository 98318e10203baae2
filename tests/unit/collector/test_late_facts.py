"""What is told more than 48 h after its time is backfill, also where that time had been vouched for before."""

from pathlib import Path

import pytest

from ccmm_collector.dump_sql import DUMPS
from ccmm_collector.fold import Fold
from ccmm_collector.known import Known
from ccmm_collector.log import EvidenceLog
from ccmm_collector.projection import Projection
from ccmm_proto.period import DAY_MS, HOUR_MS, QUARTER_MS
from ccmm_proto.v1.statement_pb2 import Column, Observation, Roll
from ccmm_rules.evidence import Span
from tests.unit.collector.chapters import START, Agent, Clock, append, hour, new_log, offered

FEEDS = ("calls_offered", "talk_time", "recording")


def rolled(at_ms: int, revision: int) -> Observation:
    columns = [Column(name="length", number=[30 + revision])]
    reason = "corrected" if revision else ""
    return Observation(
        roll=Roll(kind="recording", hour_ms=at_ms, complete=True, key=[1], start_s=[5], columns=columns,
                  revision=revision, revision_reason=reason)
    )  # fmt: skip


def a_day_in_time(folder: Path) -> tuple[EvidenceLog, Agent, Clock]:
    """A day of quarter hours, each stated an hour after its end."""
    clock = Clock(START + DAY_MS + HOUR_MS)
    log, agent = new_log(folder, clock), Agent()
    quarters = range(START, START + DAY_MS, QUARTER_MS)
    facts = [*(offered(at, 7) for at in quarters), rolled(hour(3), 0)]
    append(log, agent.run((START, START + DAY_MS), facts, feeds=FEEDS))
    return log, agent, clock


def opened(folder: Path, log: EvidenceLog) -> Projection:
    projection = Projection.open(folder, log_id=log.log_id)
    projection.apply(log.entries(after=projection.position, limit=1000))
    return projection


def backfilled(projection: Projection, log: EvidenceLog, feed: str) -> tuple[Span, ...]:
    view = projection.view("north", projection.position)
    (facts,) = Known(view, log_id=log.log_id, at_ms=START + 9 * DAY_MS).feeding(feed)
    return tuple(facts.backfilled)


@pytest.mark.parametrize(
    ("told", "feed", "late"),
    [
        ([offered(hour(5), 70, revision=1)], "calls_offered", Span(hour(5), hour(5) + QUARTER_MS)),
        ([offered(hour(5), 70, queue="a queue of which nobody had spoken")], "calls_offered",
         Span(hour(5), hour(5) + QUARTER_MS)),
        ([offered(hour(5), 70, revision=1), offered(hour(5) + QUARTER_MS, 70, revision=1)], "calls_offered",
         Span(hour(5), hour(5) + 2 * QUARTER_MS)),
        ([rolled(hour(3), 1)], "recording", Span(hour(3), hour(4))),
    ],
)  # fmt: skip
def test_a_day_told_in_time_is_backfill_where_it_is_told_otherwise_later(
    tmp_path: Path, told: list[Observation], feed: str, late: Span
) -> None:
    log, agent, clock = a_day_in_time(tmp_path)
    clock.now = START + 5 * DAY_MS
    append(log, agent.run((START, START + DAY_MS), told, feeds=FEEDS, created_ms=clock.now))
    projection = opened(tmp_path, log)
    assert {name: backfilled(projection, log, name) for name in FEEDS} == {
        name: (late,) if name == feed else () for name in FEEDS
    }


def test_what_is_corrected_within_two_days_is_told_in_time(tmp_path: Path) -> None:
    log, agent, clock = a_day_in_time(tmp_path)
    clock.now = hour(5) + 2 * DAY_MS
    told = [offered(hour(at), 70, revision=1) for at in (4, 5)]
    append(log, agent.run((START, START + DAY_MS), told, feeds=FEEDS, created_ms=clock.now))
    found = backfilled(opened(tmp_path, log), log, "calls_offered")
    assert found == (Span(hour(4), hour(4) + QUARTER_MS),)


def test_a_fold_that_is_kept_knows_what_was_late(tmp_path: Path) -> None:
    log, agent, clock = a_day_in_time(tmp_path)
    clock.now = START + 5 * DAY_MS
    told = [offered(hour(5), 70, revision=1)]
    append(log, agent.run((START, START + DAY_MS), told, feeds=FEEDS, created_ms=clock.now))
    fold = Fold()
    projection = opened(tmp_path, log)
    fold.up_to(projection.connection, "north", projection.position)
    assert Fold.of_state(fold.index, fold.state()) == fold


def test_a_projection_from_before_there_was_such_a_table_is_given_what_projecting_anew_gives(tmp_path: Path) -> None:
    log, agent, clock = a_day_in_time(tmp_path)
    clock.now = START + 5 * DAY_MS
    told = [offered(hour(5), 70, revision=1), offered(hour(9), 70, revision=1), rolled(hour(3), 1)]
    append(log, agent.run((START, START + DAY_MS), told, feeds=FEEDS, created_ms=clock.now))
    projection = opened(tmp_path, log)
    late = projection.rows(DUMPS["late"])
    assert len(late) == 3
    projection.connection.execute("DROP TABLE late")
    projection.connection.execute("DELETE FROM _sqlite_migrations WHERE name = 'late_facts'")
    projection.close()
    assert opened(tmp_path, log).rows(DUMPS["late"]) == late
