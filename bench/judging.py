"""How long judging takes: one center from nothing and again, and many centers from nothing in two processes.

python -m bench.judging FOLDER NUMBER OF       judges the centers of one judge's share
"""

import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.arrivals import append, newest_sequence
from bench.cloning import CENTER, clone, name_of, one_center
from bench.grown_center import next_minutes
from bench.phases import phase
from ccmm_collector.judging import Judge
from ccmm_collector.log import EvidenceLog
from ccmm_collector.packs import built_in, load
from ccmm_collector.project import ALL
from ccmm_collector.shares import Share
from ccmm_collector.verdict_store import VerdictStore
from tests.unit.rules.center_facts import NOW, ms

CENTERS = 500
PROCESSES = 2
AGAIN = 5  # of which the median counts


def prepare(place: Path, centers: int = CENTERS) -> Path:
    """A folder with so many centers, each with 13 months of daily evidence, and no verdicts."""
    with phase("projecting 13 months of one center"):
        one_center(place / "one")
    with phase(f"cloning it to {centers} centers"):
        clone(place / "many", place / "one", centers)
        os.sync()  # or what is measured next waits for the disk
    return place / "many"


def one(place: Path) -> tuple[float, float]:
    """Seconds that all rules of one center take: with nothing in memory, and judged again after another center.

    Again is a minute later each time, when every source of the center has said one thing more. Projecting that is not
    counted.
    """
    folder, key = place / "few", Ed25519PrivateKey.generate()
    clone(folder, place / "one", 2)
    again: list[float] = []
    with (
        EvidenceLog.open(folder, clock=lambda: ms(NOW) + 60_000 * len(again)) as log,
        Judge(folder, log) as judge,
    ):
        judge.judge_center(name_of(1))  # what is loaded once for all centers: the pack, its expressions
        cold = _seconds(judge, CENTER)
        numbers = itertools.count(newest_sequence(log) + 1)
        for days in itertools.islice(next_minutes(), AGAIN):
            for day in days:
                log.write(lambda transaction: append(transaction, key, CENTER, day, next(numbers))).result()  # noqa: B023
            judge.project()
            judge.judge_center(name_of(1))
            again.append(_seconds(judge, CENTER))
    return cold, median(again)


def _seconds(judge: Judge, center: str) -> float:
    """Of all rules of the center."""
    judge.touch({center: {ALL}})
    started = time.perf_counter()
    judge.judge_center(center)
    return time.perf_counter() - started


def many(folder: Path) -> tuple[float, float, int]:
    """Seconds until every center of the folder was judged, from the projection alone; of processor; and how many.

    Each process has loaded the pack and judged one center before, which does not count: ten thousand load it no more
    often.
    """
    VerdictStore.open(folder).close()
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.judging", folder, str(number), str(PROCESSES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    for worker in workers:
        assert worker.stdout
        worker.stdout.readline()
    started = time.perf_counter()
    for worker in workers:
        assert worker.stdin
        worker.stdin.write("go\n")
        worker.stdin.flush()
    used, judged = zip(*(json.loads(worker.communicate()[0]) for worker in workers), strict=True)
    return time.perf_counter() - started, sum(used), sum(judged)


def rules() -> int:
    """How many rules the pack has."""
    return len(load(built_in()).rules)


def main() -> None:
    """One worker of `many`."""
    folder, share = Path(sys.argv[1]), Share(int(sys.argv[2]), int(sys.argv[3]))
    with EvidenceLog.open(folder, readonly=True) as log, Judge(folder, log, share=share) as judge:
        ready, *mine = filter(share.has, judge.projection.centers(judge.position))
        judge.judge_center(ready)
        print("ready", flush=True)
        sys.stdin.readline()
        began = time.process_time()
        for center in mine:
            judge.judge_center(center)
        print([time.process_time() - began, len(mine)], flush=True)


if __name__ == "__main__":
    main()
