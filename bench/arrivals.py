"""From evidence in the log to its verdict in the store: statements of many centers, one a minute each.

python -m bench.arrivals FOLDER CENTERS SECONDS BEGAN      appends them as ingest does; prints [index, instant] of each
"""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.cloning import name_of, run_of
from bench.grown_center import Day, next_minutes
from ccmm_collector.judging import Judge
from ccmm_collector.log import EvidenceLog
from ccmm_collector.transaction import Transaction
from ccmm_collector.verdict_store import Judged
from ccmm_proto.chain import SCHEMA
from ccmm_proto.envelope import STATEMENT_TYPE, parse_envelope, sign_envelope
from ccmm_proto.v1 import statement_pb2 as pb
from tests.unit.rules.center_facts import NOW, ms

PER_MINUTE = 1_000  # one of each of so many centers
WAIT_SECONDS = 60.0  # for what is not judged yet when the last one was sent


def clock_since(began_ms: int) -> Callable[[], int]:
    """The time of the centers' evidence, going on from when the clock on the wall said this."""
    return lambda: ms(NOW) + time.time_ns() // 1_000_000 - began_ms


def measure(folder: Path, centers: int, seconds: int) -> tuple[float, float, int, int]:
    """(median, 99th percentile) of the seconds from the log to the store; statements, and those not judged at all."""
    began_ms = time.time_ns() // 1_000_000
    clock = clock_since(began_ms)
    with EvidenceLog.open(folder, clock=clock) as log, Judge(folder, log) as judge:
        judge.settle(clock())  # what ran out since the centers were judged
        written = _noted(judge)
        command = [sys.executable, "-m", "bench.arrivals", str(folder), str(centers), str(seconds), str(began_ms)]
        feeder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        until = time.monotonic() + seconds + WAIT_SECONDS
        while time.monotonic() < until and (feeder.poll() is None or judge.projection.position < log.size() - 1):
            if not judge.step(clock()):
                log.wait_for(judge.projection.position + 1, 0.05)
        while judge.judge_arrivals() and time.monotonic() < until:
            pass
    assert feeder.stdout
    sent = [json.loads(line) for line in feeder.stdout]
    waits = sorted(_waits(sent, written))
    return waits[len(waits) // 2], waits[len(waits) * 99 // 100], len(sent), len(sent) - len(waits)


def _noted(judge: Judge) -> list[tuple[str, int, float]]:
    """Center, index and instant of whatever the judge writes from now on."""
    written: list[tuple[str, int, float]] = []
    write = judge.store.write

    def noting(judged: Judged) -> int:
        changed = write(judged)
        written.append((judged.center, judged.log_index, time.time()))
        return changed

    judge.store.write = noting  # type: ignore[method-assign]  # to see when, and nothing else
    return written


def _waits(sent: list[tuple[str, int, float]], written: list[tuple[str, int, float]]) -> Iterator[float]:
    by_center: dict[str, list[tuple[int, float]]] = {}
    for center, index, instant in written:
        by_center.setdefault(center, []).append((index, instant))
    for center, index, at in sent:
        judged = next((instant for known, instant in by_center.get(center, ()) if known >= index), None)
        if judged is not None:
            yield judged - at


def _feed(folder: Path, centers: int, seconds: int, began_ms: int) -> None:
    key, told = Ed25519PrivateKey.generate(), next(next_minutes())
    began, sources = time.monotonic(), itertools.cycle(told)
    with EvidenceLog.open(folder, clock=clock_since(began_ms)) as log:
        last = newest_sequence(log)
        for number in range(seconds * PER_MINUTE // 60):
            time.sleep(max(0.0, began + number * 60 / PER_MINUTE - time.monotonic()))
            center, day, sequence = name_of(number % centers), next(sources), last + 1 + number // centers
            index = log.write(lambda transaction: append(transaction, key, center, day, sequence)).result()  # noqa: B023
            print(json.dumps([center, index, time.time()]), flush=True)


def newest_sequence(log: EvidenceLog) -> int:
    """The number of the newest statement of each of the clones: it is the same of all."""
    (last,) = log.reader().execute("SELECT max(sequence) FROM entry").fetchone()
    return int(last)


def append(transaction: Transaction, key: Ed25519PrivateKey, center: str, day: Day, sequence: int) -> int:
    """The index of the center's next statement."""
    statement = pb.Statement(schema=SCHEMA, center=center, agent="a1", sequence=sequence, previous=bytes(32))
    statement.created_ms = transaction.recorded_ms
    statement.run.CopyFrom(run_of(day, sequence))
    envelope = sign_envelope(STATEMENT_TYPE, statement.SerializeToString(), key)
    return transaction.append_statement(envelope, parse_envelope(envelope), statement, counted=True, holds=True).index


if __name__ == "__main__":
    _feed(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
