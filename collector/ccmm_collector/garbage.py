"""Python does not look for garbage while a center is judged, nor ever again through what was kept of a judgement.

A judgement leaves no circles: what it made is freed as soon as nothing refers to it (`View.forget`). To look for some
among all that is kept of many centers would take longer than judging.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def garbage_later() -> Iterator[None]:
    """Look through what came since the last judgement, then not until the block ends; what is kept is let be."""
    was = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was:
            gc.enable()
