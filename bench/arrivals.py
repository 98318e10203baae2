"""From evidence in the log to its verdict in the store: statements of many centers, one a minute each, and two judges.

python -m bench.arrivals feed BEGAN FOLDER CENTERS SECONDS  appends them as ingest does; prints [index, instant] of each
python -m bench.arrivals judge BEGAN FOLDER NUMBER OF       the other judge; keeps what it wrote in FOLDER/NUMBER.json
"""

import itertools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.cloning import name_of, run_of
from bench.grown_center import Day, next_minutes
from ccmm_collector.judge import only_judge
from ccmm_collector.judging import Judge
from ccmm_collector.log import EvidenceLog
from ccmm_collector.other_judges import Inbox, OtherJudges, judge_share
from ccmm_collector.shares import Share
from ccmm_collector.transaction import Transaction
from ccmm_collector.verdict_store import Judged, VerdictStore
from ccmm_proto.chain import SCHEMA
from ccmm_proto.envelope import STATEMENT_TYPE, parse_envelope, sign_envelope
from ccmm_proto.v1 import statement_pb2 as pb
from tests.unit.rules.center_facts import NOW, ms

PER_MINUTE = 1_000  # one of each of so many centers
JUDGES = 2
Written = list[tuple[str, int, float]]  # center, index and instant of what was judged
WAIT_SECONDS = 60.0  # for what is not judged yet when the last one was sent


def clock_since(began_ms: int) -> Callable[[], int]:
    """The time of the centers' evidence, going on from when the clock on the wall said this."""
    return lambda: ms(NOW) + time.time_ns() // 1_000_000 - began_ms


def measure(folder: Path, centers: int, seconds: int) -> tuple[float, float, int, int]:
    """(median, 99th percentile) of the seconds from the log to the store; statements, and those not judged at all."""
    began_ms, written = time.time_ns() // 1_000_000, _noted()
    clock = clock_since(began_ms)
    program = [sys.executable, "-m", "bench.arrivals"]
    with (
        only_judge(folder, wait=False) as lock,
        EvidenceLog.open(folder, clock=clock) as log,
        Judge(folder, log, share=Share(0, JUDGES)) as judge,
    ):
        assert lock
        with OtherJudges(folder, lock, judge, [*program, "judge", str(began_ms)]) as others:
            while judge.store.due(clock()):  # what ran out since the centers were judged
                judge.step(clock())
            feeding = [*program, "feed", str(began_ms), str(folder), str(centers), str(seconds)]
            feeder = subprocess.Popen(feeding, stdout=subprocess.PIPE, text=True)
            until = time.monotonic() + seconds + WAIT_SECONDS
            while time.monotonic() < until and (feeder.poll() is None or _is_behind(judge)):
                if not judge.step(clock()):
                    log.wait_for(judge.position + 1, 0.05)
            assert others.are_well()
    assert feeder.stdout
    sent = [json.loads(line) for line in feeder.stdout]
    for number in range(1, JUDGES):
        written += json.loads((folder / f"{number}.json").read_text())
    waits = sorted(_waits(sent, written))
    return waits[len(waits) // 2], waits[len(waits) * 99 // 100], len(sent), len(sent) - len(waits)


def _is_behind(judge: Judge) -> bool:
    """Whether something that came was not judged yet, by whichever of the judges."""
    known = judge.projection
    if known.position < judge.log.size() - 1:
        return True
    judged = judge.store.standings()
    return any(judged[center][0] < known.center_index(center, known.position)[0] for center in judged)


def _noted() -> Written:
    """Whatever this process' judge writes from now on."""
    written: Written = []
    write = VerdictStore.write

    def noting(store: VerdictStore, judged: Judged) -> int:
        changed = write(store, judged)
        written.append((judged.center, judged.log_index, time.time()))
        return changed

    VerdictStore.write = noting  # type: ignore[method-assign, assignment]  # to see when, and nothing else
    return written


def _judge(began_ms: int, folder: Path, share: Share) -> None:
    inbox, written = Inbox(), _noted()
    threading.Thread(target=inbox.read, args=(sys.stdin.fileno(),), daemon=True).start()
    judge_share(folder, share, inbox, clock_since(began_ms))
    (folder / f"{share.number}.json").write_text(json.dumps(written))


def _waits(sent: Written, written: Written) -> Iterator[float]:
    by_center: dict[str, list[tuple[int, float]]] = {}
    for center, index, instant in written:
        by_center.setdefault(center, []).append((index, instant))
    for center, index, at in sent:
        judged = next((instant for known, instant in by_center.get(center, ()) if known >= index), None)
        if judged is not None:
            yield judged - at


def _feed(began_ms: int, folder: Path, centers: int, seconds: int) -> None:
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
    part, began, place, *rest = sys.argv[1:]
    if part == "feed":
        _feed(int(began), Path(place), *map(int, rest))
    else:
        _judge(int(began), Path(place), Share(*map(int, rest)))
