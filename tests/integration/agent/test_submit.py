"""Submission against a real gRPC server: resume, drain, refuse, restore, switch certificates."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest

from ccmm_agent import spool_sql as sql
from ccmm_agent.epoch_file import EpochFile
from ccmm_agent.home import Home
from ccmm_agent.identity import KeyFolder
from ccmm_agent.spool import SET_ASIDE
from ccmm_agent.submit import Submitter
from ccmm_proto.chain import ZERO
from ccmm_proto.v1.statement_pb2 import EpochStart, Note, Statement
from ccmm_proto.wire import parse_receipt
from tests.support.fake_collector import Authority, FakeCollector
from tests.support.homes import collector, home_of, joined, put, run_draft, unchanged

__all__ = ["collector", "joined"]


def submit_until(home: Home, done: Callable[[], bool], seconds: float = 30.0) -> None:
    """Run the submitter until the condition holds."""

    async def work() -> None:
        bell, stop = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(Submitter(home, bell=bell, stop=stop, first_pause_s=0.05).run())
        until = time.monotonic() + seconds
        while not done() and time.monotonic() < until and not task.done():
            await asyncio.sleep(0.02)
        stop.set()
        await task

    asyncio.run(work())
    assert done(), "the condition did not come true in time"


def all_sent(home: Home) -> Callable[[], bool]:
    return lambda: not home.spool.waiting(limit=1)


def chain_is_whole(statements: list[Statement], epoch: int = 0) -> bool:
    numbers = [statement.sequence for statement in statements if statement.epoch == epoch]
    return numbers == list(range(len(numbers)))


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


def set_aside_numbers(home: Home) -> list[int]:
    return [row[1] for row in home.spool.query(sql.RECENT, 1000) if row[3] == SET_ASIDE]


def test_a_statement_that_ends_the_stream_twice_is_set_aside_and_noted(collector: FakeCollector, joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 8)
        collector.end_over = {3}
        submit_until(home, all_sent(home))
        assert set_aside_numbers(home) == [3]
        notes = [one.note.kind for one in collector.statements() if one.WhichOneof("body") == "note"]
        assert notes == [Note.STATEMENT_SET_ASIDE]
        received = [one.sequence for one in collector.statements()]
        assert received == [0, 1, 2, 4, 5, 6, 7, 8]
        streams = collector.streams
        submit_until(home, lambda: collector.streams > streams)
        assert set_aside_numbers(home) == [3]
        assert len(collector.log) == 8


def test_the_end_of_trouble_is_told_as_its_beginning_was(
    collector: FakeCollector, joined: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "ccmm_agent.submit")
    with home_of(joined) as home:
        put(home, 1)
        submit_until(home, all_sent(home))
    assert [record.getMessage() for record in caplog.records] == ["submitting"]


def test_a_collector_that_is_ill_for_a_moment_costs_no_statement(collector: FakeCollector, joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 6)
        collector.end_all, collector.end_with = True, grpc.StatusCode.UNKNOWN
        submit_until(home, lambda: collector.streams >= 4)
        assert set_aside_numbers(home) == []
        collector.end_all = False
        submit_until(home, all_sent(home))
        assert len(collector.log) == 6


def test_a_collector_that_stumbles_over_everything_costs_one_statement_not_all(
    collector: FakeCollector, joined: Path
) -> None:
    with home_of(joined) as home:
        put(home, 6)
        collector.end_all = True
        submit_until(home, lambda: collector.streams >= 8)
        assert len(set_aside_numbers(home)) == 1
        collector.end_all = False
        submit_until(home, all_sent(home))
        assert len(collector.log) == 6  # five runs and the note


def test_a_refused_statement_is_set_aside_and_the_next_ones_go_on(collector: FakeCollector, joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 4)
        collector.refuse = {1: "malformed"}
        submit_until(home, all_sent(home))
        assert set_aside_numbers(home) == [1]
        assert [name for _, name, _, _ in home.spool.query(sql.REFUSALS, 5)] == ["malformed"]
        assert len(collector.log) == 4  # three runs and the note


def test_a_refusal_of_the_agent_keeps_every_statement(collector: FakeCollector, joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 4)
        collector.refuse = dict.fromkeys(range(4), "foreign_center")
        submit_until(home, lambda: collector.streams >= 2)
        assert set_aside_numbers(home) == []
        assert len(home.spool.waiting()) == 4
        collector.refuse = {}
        submit_until(home, all_sent(home))


def test_a_revoked_agent_keeps_its_evidence_and_status_can_say_why(collector: FakeCollector, joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 1)
        collector.revoked = True
        submit_until(home, lambda: collector.streams >= 2)
        assert len(home.spool.waiting()) == 1
        assert [name for _, name, _, _ in home.spool.query(sql.REFUSALS, 5)] == ["revoked"]


def test_a_false_receipt_acknowledges_nothing(collector: FakeCollector, joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 3)
        collector.false_receipts = True
        submit_until(home, lambda: collector.streams >= 2)
        assert len(home.spool.waiting()) == 3


def test_the_collector_can_hold_back_the_agent(collector: FakeCollector, joined: Path) -> None:
    with home_of(joined) as home:
        collector.retry_after_ms = 700
        put(home, 40)
        began = time.monotonic()
        submit_until(home, all_sent(home))
        assert time.monotonic() - began > 0.6


def test_a_certificate_past_half_life_is_renewed_and_the_channel_switched(
    collector: FakeCollector, joined: Path
) -> None:
    keys = KeyFolder(joined)
    old = collector.authority.issue(
        keys.transport_key().public_key(), life=timedelta(hours=2), since=datetime.now(UTC) - timedelta(hours=1.5)
    )
    keys.save_transport(keys.transport_key(), (old,))
    with home_of(joined) as home:
        put(home, 2)
        submit_until(home, all_sent(home))
    assert collector.renewals == 1
    assert KeyFolder(joined).transport().not_after > datetime.now(UTC) + timedelta(days=6)


def test_an_agent_comes_back_after_its_certificate_expired(collector: FakeCollector, joined: Path) -> None:
    keys = KeyFolder(joined)
    expired = collector.authority.issue(
        keys.transport_key().public_key(), life=timedelta(hours=2), since=datetime.now(UTC) - timedelta(days=30)
    )
    keys.save_transport(keys.transport_key(), (expired,))
    with home_of(joined) as home:
        put(home, 2)
        submit_until(home, all_sent(home))
    assert collector.renewals == 1


def test_a_certificate_of_another_issuer_is_named_before_any_connection(collector: FakeCollector, joined: Path) -> None:
    keys = KeyFolder(joined)
    foreign = Authority().issue(keys.transport_key().public_key(), life=timedelta(days=5))
    keys.save_transport(keys.transport_key(), (foreign,))
    with home_of(joined) as home:
        put(home, 1)
        submit_until(home, lambda: bool(home.spool.query(sql.REFUSALS, 5)))
        assert home.spool.query(sql.REFUSALS, 5)[0][1] == "bad_certificate"
    assert collector.streams == 0


def test_a_session_renews_while_it_lives(
    collector: FakeCollector, joined: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccmm_agent.submit.LOOK_AT_CERTIFICATE_S", 0.1)
    keys = KeyFolder(joined)
    collector.life = timedelta(days=7)
    since = datetime.now(UTC) - timedelta(seconds=26)  # half its life is over in 4 s: after the stream is up
    young = collector.authority.issue(keys.transport_key().public_key(), life=timedelta(seconds=60), since=since)
    keys.save_transport(keys.transport_key(), (young,))
    with home_of(joined) as home:
        put(home, 1)
        submit_until(home, lambda: collector.renewals == 1 and collector.streams >= 2)
        put(home, 1, begin=1)
        submit_until(home, all_sent(home))


def test_a_collector_that_ends_every_stream_in_good_order_is_not_hammered(
    collector: FakeCollector, joined: Path
) -> None:
    with home_of(joined) as home:
        put(home, 1)
        collector.end_politely = True
        began = time.monotonic()
        submit_until(home, lambda: time.monotonic() - began > 1.5)
        assert 2 <= collector.streams <= 8
        collector.end_politely = False
        submit_until(home, all_sent(home))
