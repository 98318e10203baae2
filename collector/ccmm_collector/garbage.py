"""Python does not look for garbage while a center is judged: hardly a row that is read refers to itself.

What a judgement made is freed as soon as nothing refers to it. Circles are looked for every so often, all at once.
"""

import gc
import itertools
from collections.abc import Iterator
from contextlib import contextmanager

EVERY = 50  # judgements
_judged = itertools.count(1)


@contextmanager
def garbage_later() -> Iterator[None]:
    """No collection until the block ends, nor at once then."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if next(_judged) % EVERY == 0:
            gc.unfreeze()
            gc.collect()
        gc.freeze()  # else whatever is new would be gone through as soon as the collector is on again
        if was:
            gc.enable()
