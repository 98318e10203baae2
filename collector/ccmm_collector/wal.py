"""The write-ahead log of a store, kept short beside readers who never all pause at once."""

from contextlib import suppress
from pathlib import Path
from sqlite3 import Connection

MOST_BYTES = 64 << 20  # while nobody reads SQLite itself begins it anew, at some 4 MB
PATIENCE_MS = 1000  # for who reads now: judging a center takes less
TRIES = (
    3  # SQLite waits in vain for a place that newer readers have taken over; asked again it sees that they are newer
)


class Wal:
    """That of the one who writes."""

    def __init__(self, connection: Connection) -> None:
        """Over a connection to a store in a file."""
        (_, _, file) = connection.execute("PRAGMA database_list").fetchone()
        self._connection = connection
        self._path = Path(f"{file}-wal")
        self._most = MOST_BYTES

    def shorten(self) -> None:
        """Empty it where it has grown, outside a transaction: that waits for who reads now.

        Where somebody reads on, it is left alone until it has grown by a quarter.
        """
        size = self._size()
        if size > self._most:
            self._most = MOST_BYTES if self._emptied() else size * 5 // 4

    def _emptied(self) -> bool:
        execute = self._connection.execute
        (patience_ms,) = execute("PRAGMA busy_timeout").fetchone()
        execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
        tries = (execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() for _ in range(TRIES))
        emptied = any(not busy for busy, _, _ in tries)
        execute(f"PRAGMA busy_timeout = {patience_ms}")
        return emptied

    def _size(self) -> int:
        with suppress(FileNotFoundError):
            return self._path.stat().st_size
        return 0
