"""The write-ahead log of a store, kept short beside readers who never all pause at once."""

from contextlib import suppress
from pathlib import Path
from sqlite3 import Connection

MOST_BYTES = 64 << 20  # while nobody reads SQLite itself begins it anew, at some 4 MB


class Wal:
    """That of the one who writes."""

    def __init__(self, connection: Connection) -> None:
        """Over a connection to a store in a file."""
        (_, _, file) = connection.execute("PRAGMA database_list").fetchone()
        self._connection = connection
        self._path = Path(f"{file}-wal")
        self._most = MOST_BYTES

    def shorten(self) -> None:
        """Empty it where it has grown, outside a transaction.

        That waits for who reads now. One who reads for longer than the connection is patient holds the writer up once
        for each doubling.
        """
        size = self._size()
        if size > self._most:
            (busy, _, _) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._most = 2 * size if busy else MOST_BYTES

    def _size(self) -> int:
        with suppress(FileNotFoundError):
            return self._path.stat().st_size
        return 0
