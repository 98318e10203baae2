"""The evidence log: append-only, one gapless index, durable before anyone is told.

>>> log = EvidenceLog.create(folder)
>>> log.append_act(Act(scope_answer=ScopeAnswer(center="north", key="zone", value_json='"Asia/Shanghai"'))).index
0
>>> [entry.kind for entry in log.entries(after=-1, limit=100)]
['act']

Several processes may hold the same log open: SQLite's lock orders their transactions.
"""

import hashlib
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Self, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ccmm_collector import keys, schema, store
from ccmm_collector.store import LogEntry
from ccmm_collector.transaction import Transaction
from ccmm_collector.writer import Writer
from ccmm_proto.errors import BadConfig, StoreFull
from ccmm_proto.v1.service_pb2 import Act

__all__ = ["EvidenceLog", "LogEntry", "log_id_of"]

POLL_SECONDS = 0.25  # how soon another process's entries are seen
LOG_KEY = Path("keys/log.key")

T = TypeVar("T")


def log_id_of(key: Ed25519PublicKey) -> str:
    """The log's name: 32 hexadecimal digits of the SHA-256 of its public key."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:32]


def now_ms() -> int:
    """The wall clock, UTC."""
    return time.time_ns() // 1_000_000


class EvidenceLog:
    """The log in a collector's folder, open. Threads may share it."""

    def __init__(self, folder: Path, *, readonly: bool, clock: Callable[[], int]) -> None:
        self._path = folder / schema.LOG_FILE
        if not self._path.is_file():
            raise BadConfig(f"{folder}: no evidence log here; run: ccmm-collector init {folder}")
        if not readonly:
            schema.migrate(self._path)
        self._folder = folder
        self._readonly = readonly
        self._clock = clock
        self._log_key: Ed25519PrivateKey | None = None
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._grown = threading.Condition()
        self._writer = Writer(self._path, self._begin, self._committed)
        self.log_id = store.log_id(self.reader())

    @classmethod
    def create(cls, folder: Path, *, clock: Callable[[], int] = now_ms) -> Self:
        """A new log, with its signing key, in a folder that exists."""
        key = Ed25519PrivateKey.generate()
        keys.save_private_key(folder / LOG_KEY, key)
        schema.create(folder / schema.LOG_FILE, log_id_of(key.public_key()))
        return cls(folder, readonly=False, clock=clock)

    @classmethod
    def open(cls, folder: Path, *, readonly: bool = False, clock: Callable[[], int] = now_ms) -> Self:
        """The log of this folder; raises BadConfig where there is none."""
        return cls(folder, readonly=readonly, clock=clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Finish what waits to be written and let the file go."""
        while self._readers:
            self._readers.pop().close()
        self._writer.close()  # last: it may write, so SQLite folds the -wal file into the log

    def entries(self, after: int, limit: int, upto: int | None = None) -> list[LogEntry]:
        """The next entries with after < index <= upto, in order; the first entry of all is after -1.

        At most `limit`, fewer where they are large; none only where there is none.
        """
        return store.entries(self.reader(), after, limit, upto)

    def size(self) -> int:
        """How many entries there are: the index that the next one gets."""
        return store.tail(self.reader())[0]

    def now(self) -> int:
        """The log's own time (ms): every entry recorded before it is there, whatever is being written meanwhile."""
        return self.write(lambda transaction: transaction.recorded_ms).result()

    def wait_for(self, index: int, timeout: float) -> bool:
        """True once entry `index` is there, False after `timeout` seconds without it."""
        deadline = time.monotonic() + timeout
        while self.size() <= index:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            with self._grown:
                self._grown.wait(min(left, POLL_SECONDS))
        return True

    def append_act(self, act: Act) -> LogEntry:
        """Sign an act of the collector with the log key and append it; durable on return. Raises StoreFull."""
        return self.write(lambda transaction: transaction.append_act(act)).result()

    def write(
        self,
        job: Callable[[Transaction], T],
        size_bytes: int = 0,
        done: Callable[[Future[T]], None] | None = None,
    ) -> Future[T]:
        """Run `job` in the next writing transaction; resolved once durable. See Writer.submit."""
        if self._readonly:
            raise StoreFull("this evidence log was opened for reading")
        return self._writer.submit(job, size_bytes, done)

    @property
    def waiting_bytes(self) -> int:
        """Size of what waits to be written."""
        return self._writer.waiting_bytes

    @property
    def is_broken(self) -> bool:
        """True once a bug ended the writing thread: the process must end and start again."""
        return self._writer.is_broken

    def reader(self) -> sqlite3.Connection:
        """This thread's own connection for reading."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = schema.connect(self._path, readonly=True)
            self._local.connection = connection
            self._readers.append(connection)
        return connection

    def public_key(self) -> Ed25519PublicKey:
        """Verifies the collector's acts."""
        return self._key().public_key()

    def _key(self) -> Ed25519PrivateKey:
        if self._log_key is None:
            self._log_key = keys.load_ed25519_key(self._folder / LOG_KEY)
        return self._log_key

    def _begin(self, connection: sqlite3.Connection) -> Transaction:
        return Transaction(connection, self._key, self._clock())

    def _committed(self) -> None:
        with self._grown:
            self._grown.notify_all()
