"""How a spool is opened, whatever was left behind, and by several processes at the same moment."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent import clock, spool_file, spool_open
from ccmm_agent import spool_sql as sql
from ccmm_agent.epoch_file import EpochFile, EpochMark
from ccmm_agent.lock import locked
from ccmm_agent.outbox import Draft, Place, Sealed
from ccmm_agent.spool_open import LOCK, SpoolBusy, open_spool
from ccmm_proto.chain import ZERO
from ccmm_proto.errors import BadConfig, StoreFull
from ccmm_proto.v1.statement_pb2 import EpochStart, Note
from tests.support.fake_collector import FakeCollector
from tests.support.fake_sources import statements
from tests.support.homes import NOON, collector, home_of, joined, put

__all__ = ["collector", "joined"]


def no_seal(draft: Draft, place: Place) -> Sealed:
    raise AssertionError(f"nothing is signed: {draft} {place}")


def test_a_damaged_spool_is_set_aside_and_a_new_epoch_says_so(joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 5)
    path = joined / spool_file.FILE
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with home_of(joined) as home:
        assert home.spool.chain().epoch == 1
        (note,) = statements(home.spool)
        assert note.epoch_start.reason == EpochStart.SPOOL_SET_ASIDE
        assert note.note.kind == Note.SPOOL_CORRUPT
        assert note.previous == ZERO
        put(home, 1)
    assert len(list(joined.glob("spool-corrupt-*.sqlite"))) == 1


def test_two_damaged_spools_of_one_second_are_both_kept(joined: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    for content in (b"first", b"second"):
        (joined / "spool.sqlite").write_bytes(content)
        spool_open.set_aside(joined)
    assert {path.read_bytes() for path in joined.glob("spool-corrupt-*")} == {b"first", b"second"}


def test_the_new_epoch_carries_the_last_receipt(joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 1)
    EpochFile(joined).write(EpochMark(epoch=0, last_receipt=b"the last receipt"))
    (joined / spool_file.FILE).write_bytes(b"this is no database at all" * 400)
    for stray in joined.glob("spool.sqlite-*"):
        stray.unlink()
    with home_of(joined) as home:
        assert statements(home.spool)[0].epoch_start.last_receipt == b"the last receipt"
        assert EpochFile(joined).read() == EpochMark(epoch=1, last_receipt=b"the last receipt")


def test_a_spool_that_disappeared_opens_a_new_epoch(joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 1)
    for stray in joined.glob("spool.sqlite*"):
        stray.unlink()
    with home_of(joined) as home:
        assert home.spool.chain().epoch == 1


def test_a_wal_without_its_spool_is_not_replayed_into_the_new_one(joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 3)
        wal = (joined / "spool.sqlite-wal").read_bytes()
    assert wal
    (joined / spool_file.FILE).unlink()
    (joined / "spool.sqlite-wal").write_bytes(wal)
    with home_of(joined) as home:
        assert [one.WhichOneof("body") for one in statements(home.spool)] == ["note"]


def test_a_crash_while_the_spool_was_made_leaves_one_that_can_be_made_again(joined: Path) -> None:
    (joined / spool_file.FILE).touch()
    with home_of(joined) as home:
        put(home, 1)
        assert home.spool.chain().epoch == 0


def test_those_who_find_no_spool_at_the_same_moment_open_the_same_one(tmp_path: Path) -> None:
    """`status` beside a `run` that begins."""
    together = Barrier(6)

    def opened(folder: Path, number: int) -> int:
        together.wait(10)
        with closing(open_spool(folder, limit_bytes=10**6, seal=no_seal, alone=number == 0)) as spool:
            return spool.chain().epoch

    with ThreadPoolExecutor(6) as pool:
        for name in map(str, range(20)):
            (tmp_path / name).mkdir()
            assert list(pool.map(opened, [tmp_path / name] * 6, range(6))) == [0] * 6
            assert not list((tmp_path / name).glob("spool-corrupt-*"))


def test_who_opens_a_spool_waits_until_another_has_opened_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        with locked(tmp_path / LOCK):
            opening = pool.submit(open_spool, tmp_path, limit_bytes=10**6, seal=no_seal, alone=False)
            with pytest.raises(TimeoutError):
                opening.result(0.3)
            assert not (tmp_path / spool_file.FILE).exists()
        opening.result(10).close()
    assert (tmp_path / spool_file.FILE).exists()


def test_a_lock_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreFull, match="lock: cannot be opened"):
        open_spool(tmp_path / "gone", limit_bytes=10**6, seal=no_seal, alone=True)


def test_a_spool_in_which_somebody_writes_is_not_damaged(joined: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with home_of(joined) as home:
        put(home, 1)
        seal = home.signer.seal
    monkeypatch.setattr(sql, "OPEN", sql.OPEN.replace("30000", "10"))
    with closing(sqlite3.connect(joined / spool_file.FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        open_spool(joined, limit_bytes=10**9, seal=seal, alone=True).close()
    with home_of(joined) as home:
        assert home.spool.chain().epoch == 0


def test_damage_found_while_another_process_works_is_left_to_that_process(
    collector: FakeCollector, joined: Path
) -> None:
    with home_of(joined) as home:
        seal = home.signer.seal
    (joined / spool_file.FILE).write_bytes(b"x" * 10_000)
    with pytest.raises(SpoolBusy):
        open_spool(joined, limit_bytes=10**9, seal=seal, alone=False)
    assert not list(joined.glob("spool-corrupt-*"))


def test_a_spool_of_a_newer_agent_stops_the_start(joined: Path) -> None:
    with home_of(joined):
        pass
    with sqlite3.connect(joined / spool_file.FILE) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(BadConfig, match="newer agent"), home_of(joined):
        pass


def test_a_crash_between_epoch_file_and_spool_takes_the_epoch_after(joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 2)
    EpochFile(joined).write(EpochMark(epoch=1))
    with home_of(joined) as home:
        assert home.spool.chain().epoch == 2
        moved = statements(home.spool)
        assert [(one.epoch, one.sequence, one.run.run_id) for one in moved] == [(2, 0, "run-0"), (2, 1, "run-1")]
        assert moved[0].epoch_start.reason == EpochStart.SNAPSHOT_RESTORED


@given(content=st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_an_epoch_file_of_any_content_is_read_or_is_none(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "epoch.json").write_bytes(content)
    mark = EpochFile(folder).read()
    assert mark is None or 0 <= mark.epoch < 2**32


@given(epoch=st.integers(0, 2**32 - 1), receipt=st.binary(max_size=200))
def test_an_epoch_mark_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, epoch: int, receipt: bytes
) -> None:
    file = EpochFile(tmp_path_factory.getbasetemp())
    file.write(EpochMark(epoch=epoch, last_receipt=receipt))
    assert file.read() == EpochMark(epoch=epoch, last_receipt=receipt)
