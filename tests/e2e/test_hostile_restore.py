"""Old copies put back: the agent's folder, the collector's folder. No false fork, and everything arrives."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ccmm_agent.identity import load_enrollment
from ccmm_proto.envelope import parse_envelope
from ccmm_proto.v1.service_pb2 import Act, ChainRaised
from ccmm_proto.v1.statement_pb2 import EpochStart, Note, Statement
from ccmm_proto.wire import parse_message, parse_receipt
from tests.e2e.hostile import check_epochs, log_entries
from tests.e2e.product import House, check_chain, eventually


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    try:
        house.set_up()
        yield house
    finally:
        house.stop()


def grow(house: House, by: int) -> int:
    """Wait for so many more statements in the log; how many there are."""
    before = len(house.statements())
    eventually(f"{by} more statements arrive", lambda: len(house.statements()) >= before + by)
    return len(house.statements())


def settle(house: House) -> None:
    """The agent ends in good order, everything it made has its receipt; the collector ends too."""
    eventually("nothing waits", lambda: house.unsent() == 0)
    house.agent.stop()
    assert house.unsent() == 0
    house.collector.stop()


def raised(house: House) -> list[ChainRaised]:
    """What the collector raised about chains, in order."""
    acts = [entry.envelope for entry in log_entries(house.collector_folder) if entry.kind == "act"]
    parsed = [parse_message(Act, parse_envelope(envelope).payload) for envelope in acts]
    return [act.chain_raised for act in parsed if act.WhichOneof("act") == "chain_raised"]


def test_a_restored_snapshot_of_the_agent_is_a_new_epoch_and_never_a_fork(house: House, tmp_path: Path) -> None:
    house.agent.start()
    grow(house, 2)
    house.agent.kill()  # what a snapshot catches: no orderly end
    snapshot = shutil.copytree(house.agent_folder, tmp_path / "snapshot")
    house.agent.start()
    ahead = grow(house, 3)
    house.agent.kill()
    shutil.rmtree(house.agent_folder)
    snapshot.rename(house.agent_folder)
    house.agent.start()
    eventually("the restored agent is heard", lambda: house.statements()[-1].epoch == 1)
    grow(house, 2)
    settle(house)
    epochs = check_epochs(house)
    assert sorted(epochs) == [0, 1]
    assert len(epochs[0]) >= ahead
    assert raised(house) == []
    check_reason(house, epochs[1][0])


def check_reason(house: House, first: Statement) -> None:
    """The new epoch opens with a signed reason and the last receipt that the snapshot held."""
    assert first.epoch_start.reason in (EpochStart.COLLECTOR_AHEAD, EpochStart.SNAPSHOT_RESTORED)
    assert "this spool knows" in first.epoch_start.detail
    key = Ed25519PublicKey.from_public_bytes(load_enrollment(house.agent_folder).receipt_key)
    receipt = parse_receipt(first.epoch_start.last_receipt, key)
    promised = log_entries(house.collector_folder)[receipt.log_index]
    assert (receipt.epoch, receipt.digest) == (0, promised.digest)


def test_what_waited_in_a_restored_snapshot_arrives_in_its_new_epoch(house: House, tmp_path: Path) -> None:
    house.agent.start()
    grow(house, 1)
    house.collector.stop()
    eventually("some statements wait", lambda: house.unsent() >= 3)
    house.agent.kill()
    waiting = house.unsent()
    snapshot = shutil.copytree(house.agent_folder, tmp_path / "snapshot")
    house.collector.start()
    house.wait_ready()
    house.agent.start()
    grow(house, waiting + 1)
    house.agent.kill()
    shutil.rmtree(house.agent_folder)
    snapshot.rename(house.agent_folder)
    house.agent.start()
    eventually("the restored agent is heard", lambda: house.statements()[-1].epoch == 1)
    settle(house)
    epochs = check_epochs(house)
    assert len(epochs[1]) >= waiting
    assert raised(house) == []


def test_a_collector_restored_from_an_old_backup_is_filled_up_again(house: House, tmp_path: Path) -> None:
    house.agent.start()
    grow(house, 2)
    house.collector.stop()
    backup = shutil.copytree(house.collector_folder, tmp_path / "backup")
    kept = len(house.statements())
    house.collector.start()
    house.wait_ready()
    before = grow(house, 3)
    house.collector.stop()
    shutil.rmtree(house.collector_folder)
    backup.rename(house.collector_folder)
    assert len(house.statements()) == kept
    house.collector.start()
    house.wait_ready()
    eventually("what it had is there again", lambda: len(house.statements()) > before)
    settle(house)
    statements = check_chain(house)
    notes = [made.note for made in statements if made.HasField("note")]
    assert [note.kind for note in notes] == [Note.HEAD_BEHIND_RECEIPT]
    assert f"the collector's head is {kept}" in notes[0].detail
    assert [one.kind for one in raised(house)] == [ChainRaised.HEAD_BEHIND_RECEIPT]
