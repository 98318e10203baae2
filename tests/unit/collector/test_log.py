"""The evidence log: gapless, durable, honest about time, shared by processes."""

import sqlite3
import threading
from pathlib import Path

import pytest

from ccmm_collector import store
from ccmm_collector.log import EvidenceLog, log_id_of
from ccmm_proto.envelope import ACT_TYPE, verify_envelope
from ccmm_proto.errors import BadConfig, StoreFull, TokenRefused
from ccmm_proto.leaf import leaf_hash
from ccmm_proto.v1.service_pb2 import Act, ScopeAnswer


def scope_act(value: str = "1") -> Act:
    return Act(scope_answer=ScopeAnswer(center="north", key="seats", value_json=value))


class Clock:
    """Milliseconds, as told."""

    def __init__(self, ms: int) -> None:
        self.ms = ms

    def __call__(self) -> int:
        return self.ms


def test_acts_are_signed_by_the_log_key_and_hashed_into_leaves(tmp_path: Path) -> None:
    with EvidenceLog.create(tmp_path) as log:
        entry = log.append_act(scope_act())
        opened = verify_envelope(entry.envelope, log.public_key(), ACT_TYPE)
        assert Act.FromString(opened.payload).scope_answer.value_json == "1"
        assert entry.leaf == leaf_hash(entry.recorded_ms, opened.pae, opened.signature)
        assert log.entries(after=-1, limit=10) == [entry]
        assert log.log_id == log_id_of(log.public_key())


def test_indexes_are_gapless_whoever_appends(tmp_path: Path) -> None:
    with EvidenceLog.create(tmp_path) as one, EvidenceLog.open(tmp_path) as other:
        threads = [
            threading.Thread(target=lambda log=log: [log.append_act(scope_act()) for _ in range(20)])
            for log in (one, other)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [entry.index for entry in one.entries(after=-1, limit=100)] == list(range(40))
        assert one.size() == other.size() == 40


def test_entries_are_given_in_pages_between_two_indexes(tmp_path: Path) -> None:
    with EvidenceLog.create(tmp_path) as log:
        for _ in range(6):
            log.append_act(scope_act())
        assert [entry.index for entry in log.entries(after=1, limit=2)] == [2, 3]
        assert [entry.index for entry in log.entries(after=1, limit=9, upto=4)] == [2, 3, 4]
        assert log.entries(after=5, limit=9) == []


def test_a_page_of_large_entries_is_shorter_and_never_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PAGE_BYTES", 1)
    with EvidenceLog.create(tmp_path) as log:
        for _ in range(3):
            log.append_act(scope_act())
        assert [entry.index for entry in log.entries(after=0, limit=100)] == [1]


def test_recorded_time_never_falls_although_the_clock_does(tmp_path: Path) -> None:
    clock = Clock(1_000_000)
    with EvidenceLog.create(tmp_path, clock=clock) as log:
        log.append_act(scope_act())
        clock.ms = 400
        assert log.append_act(scope_act()).recorded_ms == 1_000_000
        clock.ms = 1_000_001
        assert log.append_act(scope_act()).recorded_ms == 1_000_001


def test_a_reader_is_woken_by_an_entry_of_another_process(tmp_path: Path) -> None:
    with EvidenceLog.create(tmp_path) as log, EvidenceLog.open(tmp_path) as other:
        assert not log.wait_for(0, timeout=0.05)
        thread = threading.Timer(0.05, other.append_act, [scope_act()])
        thread.start()
        assert log.wait_for(0, timeout=5)
        thread.join()


def test_a_log_survives_closing_and_opening(tmp_path: Path) -> None:
    with EvidenceLog.create(tmp_path) as log:
        entry = log.append_act(scope_act())
    with EvidenceLog.open(tmp_path, readonly=True) as log:
        assert log.entries(after=-1, limit=1) == [entry]
        with pytest.raises(StoreFull, match="opened for reading"):
            log.append_act(scope_act())


def test_a_closed_log_is_one_file(tmp_path: Path) -> None:
    with EvidenceLog.create(tmp_path) as log:
        log.append_act(scope_act())
        assert log.size() == 1
    assert [path.name for path in tmp_path.glob("log.sqlite*")] == ["log.sqlite"]


def test_a_closed_log_takes_nothing(tmp_path: Path) -> None:
    with EvidenceLog.create(tmp_path) as log:
        pass
    with pytest.raises(StoreFull, match="closed"):
        log.append_act(scope_act())


def test_a_folder_without_a_log_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="run: ccmm-collector init"):
        EvidenceLog.open(tmp_path)


def test_the_log_and_its_key_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    with EvidenceLog.create(tmp_path):
        assert (tmp_path / "log.sqlite").stat().st_mode & 0o077 == 0
        assert (tmp_path / "keys" / "log.key").stat().st_mode & 0o077 == 0
        assert (tmp_path / "keys").stat().st_mode & 0o077 == 0


def test_a_job_that_refuses_does_not_disturb_its_neighbours(tmp_path: Path) -> None:
    def refuse(_: object) -> int:
        raise TokenRefused("no")

    with EvidenceLog.create(tmp_path) as log:
        before = log.write(lambda transaction: transaction.append_act(scope_act()).index)
        refused = log.write(refuse)
        after = log.write(lambda transaction: transaction.append_act(scope_act()).index)
        assert (before.result(), after.result()) == (0, 1)
        with pytest.raises(TokenRefused):
            refused.result()


def test_a_full_store_takes_nothing_loses_nothing_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with EvidenceLog.create(tmp_path) as log:
        log.append_act(scope_act())
        log.write(lambda transaction: limit_pages(transaction.connection, 0)).result()
        full = [log.write(lambda transaction: transaction.append_act(scope_act("7" * 50_000))) for _ in range(3)]
        for future in full:
            with pytest.raises(StoreFull, match="full"):
                future.result()
        assert log.size() == 1
        log.write(lambda transaction: limit_pages(transaction.connection, 1 << 30)).result()
        assert log.append_act(scope_act("7" * 50_000)).index == 1


def limit_pages(connection: sqlite3.Connection, more: int) -> None:
    """Let the file grow by so many pages and no further: the disk is full."""
    (now,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {now + more}")


def test_a_statement_that_the_store_refuses_does_not_take_its_batch_along(tmp_path: Path) -> None:
    with EvidenceLog.create(tmp_path) as log:
        gate = threading.Event()
        log.write(lambda _: gate.wait(5))  # what follows is one batch
        good = log.write(lambda transaction: transaction.append_act(scope_act()).index)
        bad = log.write(lambda transaction: transaction.connection.execute("INSERT INTO entry (log_index) VALUES (0)"))
        also_good = log.write(lambda transaction: transaction.append_act(scope_act()).index)
        gate.set()
        assert (good.result(), also_good.result()) == (0, 1)
        with pytest.raises(StoreFull):
            bad.result()


def test_nobody_can_cancel_what_was_handed_to_the_writer(tmp_path: Path) -> None:
    with EvidenceLog.create(tmp_path) as log:
        gate = threading.Event()
        log.write(lambda _: gate.wait(5))
        future = log.write(lambda transaction: transaction.append_act(scope_act()).index)
        assert not future.cancel()
        gate.set()
        assert future.result() == 0
        assert log.append_act(scope_act()).index == 1


def test_a_bug_in_the_writer_leaves_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)

    def bug(_: object) -> None:
        raise ZeroDivisionError

    with EvidenceLog.create(tmp_path) as log:
        future = log.write(bug)
        with pytest.raises(StoreFull, match="writer stopped"):
            future.result(timeout=5)
        assert log.is_broken
