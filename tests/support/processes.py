"""Whether processes live."""

import time
from pathlib import Path


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
