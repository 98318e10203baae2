"""How long judging takes: one center cold and warm, and many centers from nothing in two processes.

python -m bench.judging FOLDER FIRST STEP      judges every STEP-th center from FIRST on, into verdicts of its own
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from bench.cloning import CENTER, clone, name_of, one_center
from ccmm_collector.judging import Judge
from ccmm_collector.log import EvidenceLog
from ccmm_collector.packs import built_in, load
from ccmm_collector.verdict_store import VerdictStore

CENTERS = 500
PROCESSES = 2


def prepare(place: Path, centers: int = CENTERS) -> Path:
    """A folder with so many centers, each with 13 months of daily evidence, and no verdicts."""
    one_center(place / "one")
    clone(place / "many", place / "one", centers)
    return place / "many"


def one(folder: Path) -> tuple[float, float]:
    """Seconds that all rules of one center take: with nothing in memory, and again after other centers."""
    with EvidenceLog.open(folder) as log, Judge(folder, log) as judge:
        judge.judge_center(name_of(1))  # what is loaded once for all centers: the pack, its expressions
        started = time.perf_counter()
        judge.judge_center(CENTER)
        cold = time.perf_counter() - started
        judge.judge_center(name_of(1))
        warm = []
        for _ in range(5):
            started = time.perf_counter()
            judge.judge_center(CENTER)
            warm.append(time.perf_counter() - started)
    _forget(folder)
    return cold, median(warm)


def many(folder: Path) -> tuple[float, float]:
    """Seconds until every center of the folder was judged, from the projection alone; and of processor."""
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
        worker.stdout.readline()  # "ready": its modules are loaded, the pack is not
    started = time.perf_counter()
    for worker in workers:
        assert worker.stdin
        worker.stdin.write("go\n")
        worker.stdin.flush()
    used = [json.loads(worker.communicate()[0]) for worker in workers]
    return time.perf_counter() - started, sum(used)


def rules() -> int:
    """How many rules the pack has."""
    return len(load(built_in()).rules)


def _forget(folder: Path) -> None:
    for path in folder.glob("verdicts.sqlite*"):
        path.unlink()


def main() -> None:
    """One worker of `many`."""
    folder, first, step = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.process_time()
    with EvidenceLog.open(folder, readonly=True) as log, Judge(folder, log) as judge:
        mine = judge.projection.centers(judge.projection.position)[first::step]
        for center in mine:
            judge.judge_center(center)
    print(time.process_time() - began, flush=True)


if __name__ == "__main__":
    main()
