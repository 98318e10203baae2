"""Derived stores that cannot be used are set aside and made anew from the log: it is the truth, they are not.

A store cannot be used where it is damaged, or was made from another log, or from more of this log than there is (the
log came back from a backup). Who calls this holds the judge's lock.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ccmm_collector import projection_sql, verdict_sql
from ccmm_collector.log import EvidenceLog
from ccmm_collector.projection import FILE, connect
from ccmm_collector.verdict_store import FILE as VERDICTS
from ccmm_proto.errors import BadConfig

logger = logging.getLogger(__name__)

ASIDE = ".set-aside"  # behind the file's name; an older one of this name gives way


def set_aside_strangers(folder: Path, log: EvidenceLog) -> None:
    """Set aside what at first sight cannot be used, so that it is made anew; the history of verdicts goes with them."""
    problem = _of_projection(folder / FILE, log)
    if problem:
        _set_aside(folder / FILE, problem)
    problem = problem or _of_verdicts(folder / VERDICTS, log)
    if problem:
        _set_aside(folder / VERDICTS, problem)


@contextmanager
def setting_aside_damaged(folder: Path) -> Iterator[None]:
    """Where damage shows in the midst of work: set it aside; raises BadConfig, and the next try goes well."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if type(error) is not sqlite3.DatabaseError:  # locked, full, read-only: no damage
            raise
        damaged = [name for name in (FILE, VERDICTS) if (folder / name).is_file() and _is_damaged(folder / name)]
        if not damaged:
            why = f"no damage is found in {FILE} and {VERDICTS}, yet: {error}"
            raise BadConfig(f"{why}; if this goes on, restore {folder}/log.sqlite from a backup") from error
        for name in damaged:
            _set_aside(folder / name, str(error))
        raise BadConfig(f"{', '.join(damaged)}: damaged and set aside; try again, the log makes them anew") from error


def _of_projection(path: Path, log: EvidenceLog) -> str:
    if not path.is_file():
        return ""
    try:
        with closing(connect(path, readonly=True)) as connection:
            log_id, position = connection.execute(projection_sql.POSITION).fetchone() or ("", -1)
            newest = connection.execute(projection_sql.ENTRY, (position,)).fetchone()
    except sqlite3.DatabaseError as error:
        return _unusable(error)
    if log_id != log.log_id:
        return f"made from log {log_id}"
    entries = log.entries(after=position - 1, limit=1, upto=position) if position >= 0 else []
    if [(entry.recorded_ms, entry.center) for entry in entries] != ([newest] if newest else []):
        return "made from entries that the log does not have"
    return ""


def _of_verdicts(path: Path, log: EvidenceLog) -> str:
    if not path.is_file():
        return ""
    try:
        with closing(connect(path, readonly=True)) as connection:
            (index,) = connection.execute(verdict_sql.NEWEST).fetchone()
    except sqlite3.DatabaseError as error:
        return _unusable(error)
    return "judged from entries that the log does not have" if (index or 0) > log.size() else ""


def _unusable(error: sqlite3.DatabaseError) -> str:
    """Why the store is set aside; empty where the error says nothing about its content (never filled, locked)."""
    return str(error) if type(error) is sqlite3.DatabaseError else ""


def _is_damaged(path: Path) -> bool:
    try:
        with closing(connect(path, readonly=True)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok")
    except sqlite3.DatabaseError as error:
        return bool(_unusable(error))


def _set_aside(path: Path, problem: str) -> None:
    if not path.is_file():
        return
    logger.error("store set aside, the log makes it anew", extra={"store": path.name, "problem": problem})
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.replace(path.with_name(path.name + ASIDE))
