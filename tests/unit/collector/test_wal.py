"""The write-ahead log of the projection beside readers, as they follow each other in several judges."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ccmm_collector.log import EvidenceLog
from ccmm_collector.projection import FILE, Projection, connect
from ccmm_collector.wal import TRIES
from tests.unit.collector.chapters import Agent, append

MOST = 400_000


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EvidenceLog]:
    monkeypatch.setattr("ccmm_collector.wal.MOST_BYTES", MOST)
    with closing(EvidenceLog.create(tmp_path)) as made:
        yield made


@pytest.fixture
def projection(log: EvidenceLog, tmp_path: Path) -> Iterator[Projection]:
    with closing(Projection.open(tmp_path, log_id=log.log_id)) as opened:
        yield opened


@contextmanager
def reading_in_turn(folder: Path) -> Iterator[None]:
    """Two who look again and again: the one begins before the other has ended."""
    ended = threading.Event()
    turns = [threading.Semaphore(1), threading.Semaphore(0)]

    def read(number: int) -> None:
        with closing(connect(folder / FILE, readonly=True)) as connection:
            while turns[number].acquire() and not ended.is_set():
                connection.execute("BEGIN")
                connection.execute("SELECT count(*) FROM entry").fetchone()
                turns[1 - number].release()
                ended.wait(0.02)
                connection.execute("ROLLBACK")

    threads = [threading.Thread(target=read, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for turn in turns:
            turn.release()
        for thread in threads:
            thread.join()


def sizes_while_projecting(log: EvidenceLog, projection: Projection, folder: Path) -> list[int]:
    """Of the write-ahead log, after each transaction."""
    sizes, agent = [], Agent(center="lake")
    for _ in range(200):
        append(log, agent.note())
        projection.apply(log.entries(after=projection.position, limit=10))
        sizes.append((folder / f"{FILE}-wal").stat().st_size)
    return sizes


def test_it_does_not_grow_while_readers_follow_each_other(
    log: EvidenceLog, projection: Projection, tmp_path: Path
) -> None:
    with reading_in_turn(tmp_path):
        sizes = sizes_while_projecting(log, projection, tmp_path)
    assert sizes.count(0) > 1
    assert max(sizes) < 4 * MOST  # 15 times as much if nobody shortens it


def test_one_who_reads_on_and_on_holds_the_writer_up_now_and_then(
    log: EvidenceLog, projection: Projection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccmm_collector.wal.PATIENCE_MS", 20)
    tried: list[str] = []
    projection.connection.set_trace_callback(lambda line: tried.append(line) if "wal_checkpoint" in line else None)
    with closing(connect(tmp_path / FILE, readonly=True)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM entry").fetchone()
        sizes = sizes_while_projecting(log, projection, tmp_path)
        assert max(sizes) > 8 * MOST
        assert 5 * TRIES <= len(tried) <= 15 * TRIES
    assert projection.connection.execute("PRAGMA busy_timeout").fetchone() == (10_000,)
