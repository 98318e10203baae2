"""A run whose statements were lost with the spool is sealed again in a new epoch: told twice, it counts once."""

from pathlib import Path

from ccmm_collector.known import Known
from ccmm_collector.log import EvidenceLog
from ccmm_collector.projection import Projection
from ccmm_proto.chain import ZERO
from ccmm_proto.period import HOUR_MS
from ccmm_proto.v1.statement_pb2 import (
    OBSERVED,
    Attribute,
    Column,
    Entry,
    EpochStart,
    Identity,
    Inventory,
    Note,
    Observation,
    Occurrence,
    Roll,
    Statement,
    Value,
)
from ccmm_rules.evidence import Span
from tests.unit.collector.chapters import START, Agent, Clock, append, hour, new_log, offered

FEEDS = ("calls_offered", "setting", "incident", "recording")


def facts() -> list[Observation]:
    attributes = [Attribute(name="number", value=Value(number=0.5)), Attribute(name="system", value=Value(text="pbx"))]
    entry = Entry(key=Identity(text="s0"), attributes=attributes)
    grade = Attribute(name="grade", value=Value(text="I"))
    columns = [Column(name="length", number=[30, 40])]
    return [
        offered(START, 7),
        Observation(inventory=Inventory(kind="setting", as_of_ms=hour(1), complete=True, entries=[entry])),
        Observation(
            occurrence=Occurrence(kind="incident", id=Identity(text="i"), started_ms=hour(0), attributes=[grade])
        ),
        Observation(
            roll=Roll(kind="recording", hour_ms=hour(0), complete=True, key=[1, 2], start_s=[5, 9], columns=columns)
        ),
    ]


def tell(log: EvidenceLog, agent: Agent, parts: int) -> None:
    for part in range(1, parts + 1):
        append(
            log,
            agent.run(
                (hour(0), hour(1)),
                facts() if part == 1 else [],
                feeds=FEEDS,
                run_id="the-same",
                part=part,
                parts=2,
                outcome=OBSERVED,
            ),
        )


def evidence(folder: Path, log: EvidenceLog) -> list[object]:
    projection = Projection.open(folder, log_id=log.log_id)
    projection.apply(log.entries(after=projection.position, limit=1000))
    known = Known(projection.view("north", projection.position), log_id=log.log_id, at_ms=hour(2))
    span = Span(START, hour(2))
    (listing,) = known.listings("setting")
    (source,) = known.sources()
    found: list[object] = [
        known.slots("calls_offered", span),
        known.totals("calls_offered", span),
        (listing.as_of_ms, listing.entries),
        list(known.happenings("incident", span)),
        list(known.happenings("recording", span)),
        (source.covered, source.backfilled, source.newest_outcome),
        known.holes(),
    ]
    projection.close()
    return found


def test_a_run_told_again_in_a_new_epoch_changes_nothing(tmp_path: Path) -> None:
    log, agent = new_log(tmp_path, Clock()), Agent()
    tell(log, agent, parts=2)
    before = evidence(tmp_path, log)
    assert all(before[:-1])
    open_epoch(log, agent)
    tell(log, agent, parts=2)
    assert evidence(tmp_path, log) == before


def test_a_run_whose_last_part_was_lost_is_whole_in_the_new_epoch(tmp_path: Path) -> None:
    once = tmp_path / "once"
    log, agent = new_log(once, Clock()), Agent()
    tell(log, agent, parts=2)
    expected = evidence(once, log)
    log, agent = new_log(tmp_path / "again", Clock()), Agent()
    tell(log, agent, parts=1)
    open_epoch(log, agent)
    tell(log, agent, parts=2)
    assert evidence(tmp_path / "again", log) == expected


def open_epoch(log: EvidenceLog, agent: Agent) -> None:
    agent.epoch, agent.sequence, agent.previous = agent.epoch + 1, 0, ZERO
    start = EpochStart(reason=EpochStart.SPOOL_SET_ASIDE)
    note = Note(kind=Note.SPOOL_CORRUPT)
    append(log, agent.sign(Statement(created_ms=hour(1) + HOUR_MS // 2, epoch_start=start, note=note)))
