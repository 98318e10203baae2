"""One thread writes the evidence log: everything that waits goes into one transaction (group commit).

A job is a function of the open transaction. Its future is resolved only after the commit has reached the disk.
"""

import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from ccmm_collector import schema, store
from ccmm_collector.transaction import Transaction
from ccmm_proto.errors import CcmmError, StoreFull

logger = logging.getLogger(__name__)

MAX_BATCH_JOBS = 512
MAX_BATCH_BYTES = 16 << 20

T = TypeVar("T")
Job = Callable[[Transaction], T]


class _Waiting:
    """A job in the queue and what it gave."""

    __slots__ = ("error", "future", "gave", "job", "size_bytes")

    def __init__(self, job: Job[Any], size_bytes: int) -> None:
        self.job = job
        self.size_bytes = size_bytes
        self.future: Future[Any] = Future()
        self.gave: Any = None
        self.error: CcmmError | None = None


class Writer:
    """Takes jobs from any thread, in the order given; started by the first one."""

    def __init__(
        self, path: Path, begin: Callable[[sqlite3.Connection], Transaction], committed: Callable[[], None]
    ) -> None:
        self._path = path
        self._begin = begin
        self._committed = committed  # called after every commit
        self._queue: deque[_Waiting] = deque()
        self._room = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self.waiting_bytes = 0
        self.is_broken = False  # a bug ended the thread; nothing can be written any more

    def submit(self, job: Job[T], size_bytes: int = 0, done: Callable[[Future[T]], None] | None = None) -> Future[T]:
        """The job's result, once it is durable. It raises what the job raised (a CcmmError), or StoreFull.

        A job that raises must not have written before: its transaction goes on with the other jobs. `done` is called
        in the writer's thread, before any later job runs.
        """
        waiting = _Waiting(job, size_bytes)
        waiting.future.set_running_or_notify_cancel()  # a peer that hangs up cancels nothing
        if done is not None:
            waiting.future.add_done_callback(done)
        with self._room:
            if self._closed:
                raise StoreFull("the evidence log is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="evidence-log-writer", daemon=True)
                self._thread.start()
            self._queue.append(waiting)
            self.waiting_bytes += size_bytes
            self._room.notify()
        return waiting.future

    def close(self) -> None:
        """Finish what waits, then stop."""
        with self._room:
            self._closed = True
            self._room.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        connection = schema.connect(self._path)
        batch: list[_Waiting] = []
        try:
            while batch := self._take():
                self.write_batch(connection, batch)
        finally:
            connection.close()
            with self._room:
                self.is_broken = not self._closed  # then a bug brought us here, and nobody may wait for ever
                self._closed = True
                abandoned = [waiting for waiting in (*batch, *self._queue) if not waiting.future.done()]
            for waiting in abandoned:
                waiting.future.set_exception(StoreFull("the evidence log's writer stopped"))

    def _take(self) -> list[_Waiting]:
        """Everything that waits, up to the batch limits; blocks while there is nothing; empty when closed."""
        with self._room:
            while not self._queue and not self._closed:
                self._room.wait()
            batch: list[_Waiting] = []
            size_bytes = 0
            while self._queue and len(batch) < MAX_BATCH_JOBS and size_bytes < MAX_BATCH_BYTES:
                size_bytes += self._queue[0].size_bytes
                batch.append(self._queue.popleft())
            self.waiting_bytes -= size_bytes
            return batch

    def write_batch(self, connection: sqlite3.Connection, batch: list[_Waiting]) -> None:
        """One transaction for the batch; where the store refuses it, one for each job: none drags others down."""
        try:
            store.begin(connection)
            transaction = self._begin(connection)
            for waiting in batch:
                self._try(waiting, transaction)
            # Crashed before the commit: nothing of the batch is there, no receipt went out, the agents send again.
            self.commit(connection)
            # Crashed after it: everything is there, no receipt went out; sent again, the digests give the old receipts.
        except sqlite3.Error as error:
            self._undo(connection)
            if len(batch) == 1:
                logger.error("evidence log refuses a write", extra={"error": str(error)})
                batch[0].future.set_exception(StoreFull(f"the evidence log cannot be written: {error}"))
                return
            for waiting in batch:
                self.write_batch(connection, [waiting])
            return
        self.announce(batch)

    def commit(self, connection: sqlite3.Connection) -> None:
        """The commit point of the evidence log: when this returns, the batch has reached the disk."""
        connection.execute("COMMIT")

    def announce(self, batch: list[_Waiting]) -> None:
        """Tell those who wait: from here on receipts may go out."""
        self._committed()
        for waiting in batch:
            if waiting.error is not None:
                waiting.future.set_exception(waiting.error)
            else:
                waiting.future.set_result(waiting.gave)

    @staticmethod
    def _try(waiting: _Waiting, transaction: Transaction) -> None:
        waiting.error = None
        try:
            waiting.gave = waiting.job(transaction)
        except CcmmError as error:
            waiting.error = error

    @staticmethod
    def _undo(connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
