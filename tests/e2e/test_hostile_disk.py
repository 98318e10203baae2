"""The collector's disk is full: no receipt goes out, nothing is lost, and with room again everything arrives once."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.e2e.hostile import Door, hear, opened, refusals, told
from tests.e2e.product import House, check_chain, eventually
from tests.unit.collector.small_agent import some_run

NO_ROOM_BYTES = 4096  # no file may grow beyond it, wherever it stands now
LITTLE_BYTES = 200_000  # enough for some small statements


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    try:
        house.set_up()
        yield house
    finally:
        house.stop()


def limit_files(house: House, size_bytes: int) -> None:
    """What the kernel lets the collector and its children write from now on: above it, writes fail as on a full disk.

    The interpreter ignores SIGXFSZ, so that a write gives EFBIG.
    """
    assert house.collector.process
    for pid in family(house.collector.process.pid):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))


def family(group: int) -> list[int]:
    """Every process of the group that the collector leads."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if is_member(pid, group)]


def is_member(pid: int, group: int) -> bool:
    try:
        return os.getpgid(pid) == group
    except ProcessLookupError:
        return False


def test_what_a_full_disk_cannot_take_waits_in_the_spool_and_arrives_once(house: House) -> None:
    house.agent.start()
    eventually("it works", lambda: len(house.statements()) >= 2)
    limit_files(house, NO_ROOM_BYTES)
    eventually("statements wait", lambda: house.unsent() >= 4)
    held = len(house.statements())
    waiting = house.unsent()
    eventually("more wait", lambda: house.unsent() >= waiting + 2)
    assert len(house.statements()) == held
    assert house.collector.process
    assert house.collector.process.poll() is None
    assert house.status()["refusals"] == []
    limit_files(house, resource.RLIM_INFINITY)
    eventually("all of it arrives", lambda: len(house.statements()) >= held + waiting + 2)
    eventually("nothing waits", lambda: house.unsent() == 0)
    house.agent.stop()
    house.collector.stop()
    check_chain(house)
    assert house.raised() == []


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with opened(tmp_path_factory.mktemp("disk")) as door:
        yield door


def test_what_follows_a_statement_that_found_no_room_is_not_stored_before_it(door: Door) -> None:
    agent = door.admitted()
    assert [receipt.sequence for receipt in agent.receipts([agent.signer.statement()])] == [0]
    rest = [agent.signer.statement(run=some_run(20_000)), *agent.signer.statements(2)]
    with agent.stream() as talk:
        # Room for the small ones, which come later, and not for the large one.
        limit_files(door, (door.collector_folder / "log.sqlite-wal").stat().st_size + LITTLE_BYTES)
        talk.say(*rest)
        assert talk.hear().retry_after.milliseconds > 0
        with pytest.raises(grpc.RpcError):
            talk.hear()
    limit_files(door, resource.RLIM_INFINITY)
    assert [receipt.sequence for receipt in agent.receipts(rest)] == [1, 2, 3]
    assert door.about(agent).places == [(0, True), (1, True), (2, True), (3, True)]
    assert door.about(agent).raised == []


def test_a_full_disk_is_said_to_be_full_and_gives_neither_receipt_nor_refusal(door: Door) -> None:
    agent = door.admitted()
    first, *rest = agent.signer.statements(4)
    with agent.stream() as talk:
        talk.say(first)
        assert agent.read_receipt(hear(talk)).sequence == 0
        limit_files(door, NO_ROOM_BYTES)
        talk.say(*rest)
        assert talk.hear().retry_after.milliseconds > 0
        with pytest.raises(grpc.RpcError) as ended:
            talk.hear()
        assert told(ended.value).startswith("store_full: ")
    limit_files(door, resource.RLIM_INFINITY)
    receipts = agent.receipts([first, *rest])
    assert [receipt.sequence for receipt in receipts] == [0, 1, 2, 3]
    held = door.about(agent)
    assert held.places == [(0, True), (1, True), (2, True), (3, True)]
    assert held.raised == []
    assert refusals(door) == {}
