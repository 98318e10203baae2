"""The other judges of a folder: processes of their own, each of which judges its share of the centers.

The first judge projects and tells each of them through its standard input what came (`News`); all of them write their
verdicts into one store. They inherit the judge's lock, and end when their input does, that is also when the first judge
was killed. Where one of them ends by itself, the first one ends too and `serve` starts all of them again: what was told
and not judged is found again at every start.

    with OtherJudges(folder, lock, judge) as others:
        while others.are_well():
            judge.step(now_ms())
"""

import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from ccmm_collector.judging import Judge
from ccmm_collector.log import EvidenceLog, now_ms
from ccmm_collector.operator_log import configure
from ccmm_collector.shares import News, Share
from ccmm_proto.errors import CcmmError

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
STOP_SECONDS = 5.0  # less than `serve` waits for the first judge
DAMAGED = 3  # the exit code of a judge that met a damaged store
PROGRAM = (sys.executable, "-m", "ccmm_collector.other_judges")


class OtherJudges:
    """Those that a first judge has, as its share says: none where it judges alone."""

    def __init__(self, folder: Path, lock: IO[str], first: Judge, program: Sequence[str] = PROGRAM) -> None:
        """Starts them; `lock` is the judge's. From now on they are told whatever the first judge projects."""
        self._children = [
            (
                share,
                subprocess.Popen(
                    [*program, str(folder), str(share.number), str(share.of)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[lock.fileno()],
                ),
            )
            for share in (Share(number, first.share.of) for number in range(1, first.share.of))
        ]
        self._tell(News(first.position, {}, acts=False))
        first.listeners.append(self._tell)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pids(self) -> list[int]:
        """Their process ids."""
        return [child.pid for _, child in self._children]

    def are_well(self) -> bool:
        """Whether all of them run; raises DatabaseError where one met a damaged store."""
        ended = [(share, child.returncode) for share, child in self._children if child.poll() is not None]
        for share, status in ended:
            logger.error("a judge ended by itself", extra={"judge": share.number, "status": status})
        if any(status == DAMAGED for _, status in ended):
            raise sqlite3.DatabaseError("another judge met a damaged store")
        return not ended

    def close(self) -> None:
        """End them in order: what is being written is finished."""
        for _, child in self._children:
            with suppress(OSError):  # of one that has ended
                child.stdin.close()  # type: ignore[union-attr]  # it is a pipe
        deadline = time.monotonic() + STOP_SECONDS
        for _, child in self._children:
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:  # what is cut off here was not committed: it is judged at the next start
                child.kill()
                child.wait()

    def _tell(self, news: News) -> None:
        for share, child in self._children:
            with suppress(BrokenPipeError):  # `are_well` tells of it
                child.stdin.write(news.of_share(share).line())  # type: ignore[union-attr]
                child.stdin.flush()  # type: ignore[union-attr]


class Inbox:
    """What one judge was told and has not heard yet, as one piece of news: a slow judge holds nobody up."""

    def __init__(self) -> None:
        """Nothing was told."""
        self.ended = threading.Event()
        self._some = threading.Event()
        self._lock = threading.Lock()
        self._news: News | None = None

    def put(self, news: News) -> None:
        """It was told."""
        with self._lock:
            self._news = news if self._news is None else news.after(self._news)
            self._some.set()

    def take(self) -> News | None:
        """All that was told since the last time."""
        with self._lock:
            news, self._news = self._news, None
            self._some.clear()
        return news

    def wait(self, seconds: float | None = None) -> None:
        """Until something was told or the input ended, at most so long."""
        self._some.wait(seconds)

    def read(self, file: int) -> None:
        """Take lines from a pipe until it ends."""
        rest = b""
        try:
            while piece := os.read(file, 1 << 16):  # not a buffer: a thread inside it aborts an interpreter that ends
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    self.put(News.of_line(line))
        finally:  # nobody would read on: this judge ends, the first one notices
            self.ended.set()
            self._some.set()


class OtherJudge(Judge):
    """Judges its share by what another process projects."""

    def __init__(self, folder: Path, log: EvidenceLog, share: Share, inbox: Inbox, told: News) -> None:
        """Opens both stores, which are there; `told` is what was told before."""
        super().__init__(folder, log, share=share, position=told.position)
        self._inbox = inbox

    def project(self) -> bool:
        """Hear what was projected."""
        news = self._inbox.take()
        if news is not None:
            self.hear(news)
        return news is not None

    def step(self, now_ms: int) -> bool:
        """Do a bounded piece of work; what reading made is kept each time, however much there is to do."""
        found = super().step(now_ms)
        self.tend()
        return found

    def tend(self) -> None:
        """Keep what this process read. Sums of days are the first judge's: it alone knows when a zone changed."""
        self.projection.sums.fresh.clear()
        self.projection.keep()


def judge_share(folder: Path, share: Share, inbox: Inbox, clock: Callable[[], int] = now_ms) -> None:
    """Judge a share of the centers until the input ends. Nothing is judged of what was not told."""
    inbox.wait()
    told = inbox.take()
    if told is None:
        return
    with EvidenceLog.open(folder) as log, OtherJudge(folder, log, share, inbox, told) as judge:
        while not inbox.ended.is_set():
            if not judge.step(clock()):
                inbox.wait(POLL_SECONDS)


def main() -> None:
    """One of the processes: folder, number of its share, number of judges."""
    configure()
    for number in (signal.SIGTERM, signal.SIGINT):  # they reach the first judge too, which ends this one
        signal.signal(number, signal.SIG_IGN)
    inbox = Inbox()

    def until_closed() -> None:
        try:
            inbox.read(sys.stdin.fileno())
        finally:
            time.sleep(STOP_SECONDS)
            os._exit(1)  # it holds the lock: who comes next must not wait for it; what is cut off was not committed

    threading.Thread(target=until_closed, daemon=True).start()
    try:
        judge_share(Path(sys.argv[1]), Share(int(sys.argv[2]), int(sys.argv[3])), inbox)
    except sqlite3.DatabaseError as error:
        logger.error("judging stopped", extra={"why": str(error)})
        sys.exit(DAMAGED if type(error) is sqlite3.DatabaseError else 1)
    except CcmmError as error:
        logger.error("judging stopped", extra={"error": error.name, "why": str(error)})
        sys.exit(1)


if __name__ == "__main__":
    main()
