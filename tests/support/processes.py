"""Programs that tests start and stop, and whether processes live."""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


@contextmanager
def running(command: Sequence[str], out: Path, **options: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """A server for a test, what it tells in a file. `options` are those of Popen."""
    with out.open("ab") as told:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=told, stderr=told, **options)
        try:
            yield process
        finally:
            end(process)


def as_nobody(command: Sequence[str]) -> list[str]:
    """The command for an account without rights, where the tests run as root.

    Not by Popen's `user`: that forks, and in the child of a process with gRPC's threads a fork may crash.
    """
    dropped = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"] if os.geteuid() == 0 else []
    return [*dropped, *command]


def end(*started: "subprocess.Popen[bytes]") -> None:
    """They are told to end; who has not after ten seconds is killed."""
    for process in started:
        process.terminate()
    for process in started:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        process.kill()
        process.wait()


def is_alive(pid: int) -> bool:
    """Neither gone nor waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def dies(pid: int, seconds: float = 5.0) -> bool:
    """Whether it is gone within this time."""
    deadline = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not is_alive(pid)


def reader_that_stays(agent: int) -> int:
    """The reading child: alive for a second, which the describing one is not."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        children = Path(f"/proc/{agent}/task/{agent}/children").read_text().split()
        time.sleep(1)
        if children and is_alive(int(children[0])):
            return int(children[0])
    raise AssertionError("no reader was started")
