"""Keeps the resting agent small: what starting and reading needed goes back to the system.

Where the C library is not glibc, or the kernel not Linux, nothing happens.
"""

import ctypes
import gc
from contextlib import suppress
from pathlib import Path

_M_ARENA_MAX = -8  # of mallopt(3)
_MADV_DONTNEED = 4  # of madvise(2)


def keep_heap_small() -> None:
    """One heap for all threads: each further one would keep what a reading once needed."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def give_back(*, collect: bool) -> None:
    """Free heap pages, and the pages of program code: what is used again comes back from the page cache by itself.

    `collect`: look for unreachable objects first, which takes some 20 ms.
    """
    if collect:
        gc.collect()
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.malloc_trim(0)
        for start, size in _code(Path("/proc/self/maps").read_text()):
            library.madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), _MADV_DONTNEED)


def _code(maps: str) -> list[tuple[int, int]]:
    """Address and size of the file mappings that hold code. Only those: they are never written, so nothing is lost."""
    found = []
    for line in maps.splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[1] == "r-xp" and fields[5].startswith("/"):
            start, end = (int(address, 16) for address in fields[0].split("-"))
            found.append((start, end - start))
    return found
