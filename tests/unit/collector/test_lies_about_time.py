"""What an agent signs may be false: no word about the future, no number beyond all chains, is worth anything."""

from pathlib import Path

import pytest

from ccmm_collector.chains import MAX_EPOCH, MAX_SEQUENCE
from ccmm_collector.judging import Judge
from ccmm_collector.known import Known
from ccmm_proto.chain import MAX_AHEAD_MS, ZERO
from ccmm_proto.envelope import RECEIPT_TYPE, sign_envelope
from ccmm_proto.errors import Malformed
from ccmm_proto.period import DAY_MS
from ccmm_proto.v1.service_pb2 import Receipt
from ccmm_proto.v1.statement_pb2 import (
    Attribute,
    Entry,
    EpochStart,
    Identity,
    Inventory,
    Note,
    Observation,
    Statement,
    Value,
)
from tests.unit.collector.chapters import KEY, START, append, hour
from tests.unit.collector.small_agent import Signer
from tests.unit.collector.test_chains import put
from tests.unit.collector.worlds import World

FAR = START + 3650 * DAY_MS


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def listed(as_of_ms: int) -> Observation:
    attributes = [
        Attribute(name="number", value=Value(number=0.5)),
        Attribute(name="system", value=Value(text="pbx")),
    ]
    entry = Entry(key=Identity(text="s0"), attributes=attributes)
    return Observation(inventory=Inventory(kind="setting", as_of_ms=as_of_ms, complete=True, entries=[entry]))


def test_vouching_for_years_to_come_makes_no_silence_compliant(world: World) -> None:
    envelope = world.agent.run((START, FAR), [listed(FAR)], source="settings", feeds=("setting",), created_ms=hour(1))
    world.clock.now = hour(1) + 1000
    append(world.log, envelope)
    world.settle(hour(1) + 1000)
    assert world.outcome(hour(1) + 1000) == "satisfied"
    assert world.outcome(hour(3) + MAX_AHEAD_MS) == "satisfied"
    assert world.outcome(hour(3) + MAX_AHEAD_MS + 1) == "missing"


def test_a_list_from_the_future_gives_way_to_the_next_one(world: World) -> None:
    world.clock.now = hour(1)
    append(
        world.log,
        world.agent.run((START, hour(1)), [listed(FAR)], source="settings", feeds=("setting",), created_ms=hour(1)),
    )
    world.tell(hour(2), 5.0)
    world.settle(hour(2) + 1000)
    assert world.outcome(hour(2) + 1000) == "not_satisfied"


def test_an_empty_run_that_was_due_in_the_future_is_not_the_newest_word_for_ever(world: World) -> None:
    world.clock.now = hour(1)
    envelope = world.agent.run((START, hour(1)), source="settings", feeds=("setting",), due_ms=FAR)
    append(world.log, envelope)
    world.tell(hour(2), 5.0)
    with Judge(world.folder, world.log) as judge:
        judge.settle(hour(2) + 1000)
        known = Known(judge.projection.view("north", world.log.size()), log_id=world.log.log_id, at_ms=hour(3))
    assert [source.newest_outcome for source in known.sources()] == ["OBSERVED"]


@pytest.mark.parametrize(("epoch", "sequence"), [(0, MAX_SEQUENCE + 1), (MAX_EPOCH + 1, 1), ((1 << 32) - 1, 1)])
def test_numbers_that_the_projection_could_not_order_are_malformed(world: World, epoch: int, sequence: int) -> None:
    note = Note(kind=Note.SPOOL_FULL)
    with pytest.raises(Malformed, match="beyond all chains"):
        put(world.log, Signer(epoch=epoch).odd(sequence=sequence, previous=ZERO, note=note, created_ms=START))


def test_the_largest_numbers_are_projected(world: World) -> None:
    note = Note(kind=Note.SPOOL_FULL)
    put(world.log, Signer(epoch=MAX_EPOCH).odd(sequence=MAX_SEQUENCE, previous=ZERO, note=note, created_ms=START))
    with Judge(world.folder, world.log) as judge:
        judge.settle(START)
        assert judge.projection.position == world.log.size() - 1


def test_a_forged_receipt_of_any_number_stops_nobody(world: World) -> None:
    receipt = Receipt(center="north", agent=world.agent.name, epoch=0, sequence=(1 << 64) - 1)
    shown = sign_envelope(RECEIPT_TYPE, receipt.SerializeToString(), KEY)
    start = EpochStart(reason=EpochStart.SPOOL_SET_ASIDE, last_receipt=shown)
    world.agent.epoch = 1
    append(
        world.log,
        world.agent.sign(Statement(created_ms=START, epoch_start=start, note=Note(kind=Note.SPOOL_CORRUPT))),
    )
    with Judge(world.folder, world.log) as judge:
        judge.settle(START)
        assert judge.projection.position == world.log.size() - 1
