"""Locks between the processes of one folder; the kernel lets go of them however a process ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ccmm_proto.errors import StoreFull


@contextmanager
def locked(path: Path, operation: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Hold a lock of `flock` on a file, made where it is not there. Waits, or raises BlockingIOError with LOCK_NB.

    Raises StoreFull where the file cannot be made: no room, no right.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreFull(f"{path}: cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, operation)
        yield
    finally:
        os.close(descriptor)
