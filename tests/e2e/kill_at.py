"""Launcher for kill tests: run one of our programs and SIGKILL it at the n-th passing of a named commit point.

python -m tests.e2e.kill_at POINT N PROGRAM ARGUMENT...
"""

import functools
import importlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

# point -> module, class, method, whether before or after it
POINTS = {
    "agent: before a run is spooled": ("ccmm_agent.spool", "Spool", "put", "before"),
    "agent: inside the spool's transaction": ("ccmm_agent.spool", "Spool", "_append", "after"),
    "agent: after a run was spooled": ("ccmm_agent.spool", "Spool", "put", "after"),
    "agent: before a receipt is kept": ("ccmm_agent.spool", "Spool", "acknowledge", "before"),
    "agent: after a receipt was kept": ("ccmm_agent.spool", "Spool", "acknowledge", "after"),
    "agent: before the last receipt is written beside": ("ccmm_agent.epoch_file", "EpochFile", "write", "before"),
    "agent: after the last receipt was written beside": ("ccmm_agent.epoch_file", "EpochFile", "write", "after"),
    "agent: before old statements are forgotten": ("ccmm_agent.spool", "Spool", "prune", "before"),
    "collector: inside the log's transaction": ("ccmm_collector.transaction", "Transaction", "_append", "after"),
    "collector: before the log's commit": ("ccmm_collector.writer", "Writer", "commit", "before"),
    "collector: after the log's commit": ("ccmm_collector.writer", "Writer", "commit", "after"),
    "collector: after the commit was announced": ("ccmm_collector.writer", "Writer", "announce", "after"),
}


def arm(point: str, count: int) -> None:
    """Wrap the method of this point."""
    module, owner, name, when = POINTS[point]
    cls = getattr(importlib.import_module(module), owner)
    original: Callable[..., Any] = getattr(cls, name)
    passed = 0

    @functools.wraps(original)
    def wrapped(*arguments: Any, **keywords: Any) -> Any:
        nonlocal passed
        passed += 1
        if when == "before" and passed == count:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **keywords)
        if when == "after" and passed == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(cls, name, wrapped)


def main() -> None:
    """Arm, then run the program's own main."""
    point, count, program = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    sys.argv = [program, *sys.argv[4:]]
    arm(point, count)
    importlib.import_module(f"{program.replace('-', '_')}.main").main()


if __name__ == "__main__":
    main()
