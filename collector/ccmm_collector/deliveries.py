"""Brings what the writer thread finished to the event loop, with one wake-up for many."""

import asyncio
import threading
from collections import deque
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Deliveries(Generic[T]):
    """After a commit hundreds of futures are done at once: waking the loop for each would cost more than the commit."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ready: deque[tuple[asyncio.Future[Future[T]], Future[T]]] = deque()
        self._lock = threading.Lock()
        self._awake = False

    def watch(self, future: Future[T]) -> "asyncio.Future[Future[T]]":
        """Done, with the finished future as its result, once `future` is done. Called in the loop."""
        slot: asyncio.Future[Future[T]] = self._loop.create_future()
        future.add_done_callback(lambda finished: self._finished(slot, finished))
        return slot

    def _finished(self, slot: "asyncio.Future[Future[T]]", finished: Future[T]) -> None:
        with self._lock:
            self._ready.append((slot, finished))
            wake = not self._awake
            self._awake = True
        if wake:
            self._loop.call_soon_threadsafe(self._hand_out)

    def _hand_out(self) -> None:
        with self._lock:
            ready, self._ready = self._ready, deque()
            self._awake = False
        for slot, finished in ready:
            if not slot.done():  # its stream may have gone
                slot.set_result(finished)
