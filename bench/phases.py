"""What a row of the bench is doing, for whoever waits: one line on stderr for each phase, with its seconds.

with phase("cloning 500 centers"):
    ...
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def phase(what: str) -> Iterator[None]:
    """Name what begins, and how long it took once it has ended."""
    started = time.monotonic()
    print(f"{what} ...", end=" ", file=sys.stderr, flush=True)
    yield
    print(f"{time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)
