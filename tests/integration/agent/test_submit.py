"""Submission against a real gRPC server: resume, drain, restore."""

import asyncio
import time
from pathlib import Path

from ccmm_agent.epoch_file import EpochFile
from ccmm_agent.submit import Submitter
from ccmm_proto.chain import ZERO
from ccmm_proto.v1.statement_pb2 import EpochStart, Note
from ccmm_proto.wire import parse_receipt
from tests.support.fake_collector import FakeCollector
from tests.support.homes import collector, home_of, joined, put, run_draft, unchanged
from tests.support.submitting import all_sent, chain_is_whole, submit_until

__all__ = ["collector", "joined"]


def test_everything_that_waits_arrives_once_and_in_order(collector: FakeCollector, joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 50)
        submit_until(home, all_sent(home))
        assert chain_is_whole(collector.statements())
        assert [statement.run.run_id for statement in collector.statements()] == [f"run-{n}" for n in range(50)]
        assert collector.statements()[0].previous == ZERO
        receipt = parse_receipt(home.spool.chain().last_receipt, collector.receipt_key.public_key())
        assert receipt.sequence == 49
        mark = EpochFile(joined).read()
        assert mark is not None
        assert mark.last_receipt == home.spool.chain().last_receipt


def test_a_day_of_backlog_drains_in_well_under_a_minute(collector: FakeCollector, joined: Path) -> None:
    with home_of(joined) as home:
        home.spool.put([run_draft(number, padding=400) for number in range(5760)], home.signer.seal, "pbx", unchanged)
        began = time.monotonic()
        submit_until(home, all_sent(home), seconds=60)
        assert time.monotonic() - began < 30
    assert len(collector.log) == 5760


def test_statements_spooled_while_the_stream_is_up_are_sent_at_once(collector: FakeCollector, joined: Path) -> None:
    with home_of(joined) as home:

        async def work() -> None:
            bell, stop = asyncio.Event(), asyncio.Event()
            task = asyncio.create_task(Submitter(home, bell=bell, stop=stop).run())
            while not collector.streams:
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.2)
            put(home, 1)
            bell.set()
            await asyncio.to_thread(collector.wait_for, 1, 2.0)
            stop.set()
            await task

        asyncio.run(work())


def test_lost_receipts_lead_to_the_same_statements_again_and_nothing_twice(
    collector: FakeCollector, joined: Path
) -> None:
    with home_of(joined) as home:
        put(home, 20)
        collector.lose_receipts = True
        submit_until(home, lambda: len(collector.log) == 20)
        assert len(home.spool.waiting()) == 20
        collector.lose_receipts = False
        submit_until(home, all_sent(home))
        assert len(collector.log) == 20
        assert collector.forks == []


def test_a_collector_that_comes_back_gets_the_rest(collector: FakeCollector, joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 5)
        submit_until(home, all_sent(home))
        collector.stop()
        put(home, 5, begin=5)

        async def work() -> None:
            bell, stop = asyncio.Event(), asyncio.Event()
            task = asyncio.create_task(Submitter(home, bell=bell, stop=stop, first_pause_s=0.05).run())
            await asyncio.sleep(0.5)
            assert len(home.spool.waiting()) == 5
            await asyncio.to_thread(collector.start)
            await asyncio.to_thread(collector.wait_for, 10)
            stop.set()
            await task

        asyncio.run(work())
        assert chain_is_whole(collector.statements())


def test_a_collector_restored_from_an_old_backup_is_filled_up_again(collector: FakeCollector, joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 10)
        submit_until(home, all_sent(home))
        collector.forget_after(4)
        submit_until(home, lambda: len(collector.log) >= 11 and not home.spool.waiting(limit=1))
        statements = collector.statements()
        assert chain_is_whole(statements)
        assert [one.run.run_id for one in statements[:10]] == [f"run-{number}" for number in range(10)]
        assert statements[10].note.kind == Note.HEAD_BEHIND_RECEIPT
        assert collector.forks == []


def copy_of_spool(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in ("spool.sqlite", "epoch.json")}


def restore(folder: Path, snapshot: dict[str, bytes]) -> None:
    for stray in folder.glob("spool.sqlite-*"):
        stray.unlink()
    for name, content in snapshot.items():
        (folder / name).write_bytes(content)


def test_a_restored_snapshot_opens_a_new_epoch_and_is_no_fork(collector: FakeCollector, joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 5)
        submit_until(home, all_sent(home))
    snapshot = copy_of_spool(joined)
    with home_of(joined) as home:
        put(home, 5, begin=5)
        submit_until(home, all_sent(home))
    restore(joined, snapshot)
    with home_of(joined) as home:
        put(home, 3, begin=100)  # signed before the collector could be asked: numbers 5 to 7 once more
        submit_until(home, all_sent(home))
        assert home.spool.chain().epoch == 1
    statements = collector.statements()
    assert collector.forks == []
    assert chain_is_whole(statements, 0)
    assert chain_is_whole(statements, 1)
    first = next(one for one in statements if one.epoch == 1)
    assert first.epoch_start.reason in (EpochStart.COLLECTOR_AHEAD, EpochStart.SNAPSHOT_RESTORED)
    assert parse_receipt(first.epoch_start.last_receipt, collector.receipt_key.public_key()).sequence == 4
    assert [one.run.run_id for one in statements if one.epoch == 1] == ["run-100", "run-101", "run-102"]


def test_a_snapshot_with_more_statements_than_the_collector_is_told_by_its_digest(
    collector: FakeCollector, joined: Path
) -> None:
    with home_of(joined) as home:
        put(home, 2)
        submit_until(home, all_sent(home))
    snapshot = copy_of_spool(joined)
    with home_of(joined) as home:
        put(home, 1, begin=2)
        submit_until(home, all_sent(home))
    restore(joined, snapshot)
    with home_of(joined) as home:
        put(home, 9, begin=100)
        submit_until(home, all_sent(home))
    assert collector.forks == []
    first = next(one for one in collector.statements() if one.epoch == 1)
    assert first.epoch_start.reason == EpochStart.SNAPSHOT_RESTORED
    assert len(collector.log) == 3 + 9


def test_a_collector_that_knows_a_newer_epoch_moves_the_agent_beyond_it(collector: FakeCollector, joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 2)
        submit_until(home, all_sent(home))
    snapshot = copy_of_spool(joined)
    restore(joined, {**snapshot, "epoch.json": b'{"epoch": 6, "last_receipt": ""}'})
    with home_of(joined) as home:
        assert home.spool.chain().epoch == 7
        put(home, 1, begin=2)
        submit_until(home, all_sent(home))
    restore(joined, snapshot)
    with home_of(joined) as home:
        put(home, 1, begin=3)
        submit_until(home, all_sent(home))
        assert home.spool.chain().epoch == 8
    assert [(one.epoch, one.sequence) for one in collector.statements()] == [(0, 0), (0, 1), (7, 0), (8, 0)]
