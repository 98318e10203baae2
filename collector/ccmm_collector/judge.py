"""The judge beside `serve`: a process of its own, so that projecting and judging never wait for ingest nor hold it up.

In one process the two would share Python's one interpreter lock: at 100,000 observations a second projecting alone
fills half a core. The process ends when its standard input does, that is also when `serve` was killed.

    judging = start(folder, log, 2)        # two judges: see other_judges
    judging.stop()
"""

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import IO

from ccmm_collector.judging import Judge
from ccmm_collector.log import EvidenceLog, now_ms
from ccmm_collector.operator_log import configure
from ccmm_collector.other_judges import OtherJudges
from ccmm_collector.packs import activate_pack, built_in
from ccmm_collector.setting_aside import set_aside_strangers, setting_aside_damaged
from ccmm_collector.shares import Share
from ccmm_collector.transition import activations
from ccmm_proto.errors import CcmmError
from ccmm_rules.load import folder_digest

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
STOP_SECONDS = 10.0
RESTART_SECONDS = 2.0
LOCK_FILE = "judge.lock"


class JudgeProcess:
    """The running judge; a thread of `serve` starts it again should it ever die."""

    def __init__(self, folder: Path, judges: int) -> None:
        self._command = [sys.executable, "-m", "ccmm_collector.judge", str(folder), str(judges)]
        self._stopping = threading.Event()
        self._child = self._spawn()
        self._watch = threading.Thread(target=self._keep_alive, name="judge-watch", daemon=True)
        self._watch.start()

    @property
    def pid(self) -> int:
        """Process id of the judge."""
        return self._child.pid

    def stop(self) -> None:
        """End it in order: what is being written is finished."""
        self._stopping.set()
        self._watch.join()

    def _spawn(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)

    def _keep_alive(self) -> None:
        while not self._stopping.wait(POLL_SECONDS):
            if self._child.poll() is not None:
                logger.error("the judge ended by itself; starting it again", extra={"status": self._child.returncode})
                if not self._stopping.wait(RESTART_SECONDS):
                    self._respawn()
        self._close_input()
        try:
            self._child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # Whatever transaction is cut off here was not committed: it is done again at the next start.
            self._child.kill()
            self._child.wait()

    def _respawn(self) -> None:
        self._close_input()
        try:
            self._child = self._spawn()
        except OSError as error:  # no room for a process now: evidence is taken all the same, and we try again
            logger.error("the judge cannot be started", extra={"error": str(error)})

    def _close_input(self) -> None:
        if self._child.stdin is not None:
            self._child.stdin.close()


def start(folder: Path, log: EvidenceLog, judges: int = 1) -> JudgeProcess:
    """Start judging a folder by so many processes. `log` is the caller's own; the judge opens the file itself."""
    logger.info("judging", extra={"log_id": log.log_id, "judges": judges})
    return JudgeProcess(folder, judges)


@contextmanager
def only_judge(folder: Path, *, wait: bool) -> Iterator[IO[str] | None]:
    """The locked file where this process now is the one that may write the folder's projection and verdicts, or None.

    A process that inherits the file holds the lock too: it is free when all of them have ended.
    """
    with (folder / LOCK_FILE).open("w") as lock:
        held = _try(lock)
        if not held and wait:
            logger.info("another process writes this folder's verdicts; waiting", extra={"lock": lock.name})
            flock(lock, LOCK_EX)
            held = True
        yield lock if held else None


def _try(lock: IO[str]) -> bool:
    try:
        flock(lock, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    return True


def follow(folder: Path, judges: int, stopping: threading.Event) -> None:
    """Judge until told to stop, or until another judge ended. The product's pack comes into force where none is."""
    with only_judge(folder, wait=True) as lock, setting_aside_damaged(folder), EvidenceLog.open(folder) as log:
        assert lock
        set_aside_strangers(folder, log)
        with Judge(folder, log, share=Share(0, judges)) as judge:
            _catch_up(folder, log, judge, stopping)
            with OtherJudges(folder, lock, judge) as others:
                while not stopping.is_set() and others.are_well():
                    if not judge.step(now_ms()):
                        log.wait_for(judge.position + 1, POLL_SECONDS)


def _catch_up(folder: Path, log: EvidenceLog, judge: Judge, stopping: threading.Event) -> None:
    """Project what there is already."""
    while not stopping.is_set() and judge.project():
        pass
    if not stopping.is_set() and judge.projection.activation(judge.position) is None:
        activate_pack(folder, log, built_in())
    _tell_of_newer(judge)


def _tell_of_newer(judge: Judge) -> None:
    """The pack in force stays so until somebody puts another one in force; an installed newer one is only told of."""
    known = activations(judge.projection, judge.position)
    newest = known[-1] if known else None
    if newest is None or not (built_in(newest.pack) / "pack.yaml").is_file():
        return
    if folder_digest(built_in(newest.pack)) != newest.digest:
        see = f"ccmm-collector rules diff {newest.digest[:12]} {newest.pack} DIR, then rules activate DIR {newest.pack}"
        logger.warning("another version of the pack in force is installed", extra={"pack": newest.pack, "see": see})


def main() -> None:
    """The process: ends when its standard input is closed or it is told to."""
    configure()
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches `serve` too, which ends this one

    def until_closed() -> None:
        while os.read(sys.stdin.fileno(), 1):  # not the buffer: a thread inside it aborts an interpreter that ends
            pass
        stopping.set()

    threading.Thread(target=until_closed, daemon=True).start()
    try:
        follow(Path(sys.argv[1]), int(sys.argv[2]), stopping)
    except CcmmError as error:  # `serve` starts this process again: what it says must be readable
        logger.error("judging stopped", extra={"error": error.name, "why": str(error)})
        sys.exit(1)


if __name__ == "__main__":
    main()
