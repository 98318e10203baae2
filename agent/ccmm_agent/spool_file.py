"""The spool's SQLite file: how it is opened, and what its errors mean."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ccmm_agent import spool_sql as sql
from ccmm_proto.errors import CcmmError, StoreFull

FILE = "spool.sqlite"


class SpoolFull(StoreFull):
    """What a run found does not fit into the spool's bound."""


class SpoolCorrupt(CcmmError):
    """The spool's file is damaged: set it aside and open a new epoch."""

    name = "spool_corrupt"


@contextmanager
def named_errors() -> Iterator[None]:
    """SQLite's errors by what must be done about them: SpoolCorrupt or StoreFull."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", None)
        primary = code & 0xFF if code is not None else None
        if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise SpoolCorrupt(f"the spool is damaged: {error}") from error
        if primary in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY):
            raise StoreFull(f"the spool cannot be written: {error}") from error
        raise


def connect(path: Path) -> sqlite3.Connection:
    """An open connection with the settings of the spool. Raises SpoolCorrupt or StoreFull."""
    with named_errors():
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        try:
            connection.executescript(sql.OPEN)
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection
