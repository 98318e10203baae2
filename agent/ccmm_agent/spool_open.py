"""Open the spool, whatever a crash, a damaged disk or a restored backup left behind.

found                                   opened
no spool, no epoch file                 a new spool, epoch 0
a sound spool                           it
a damaged spool, or none where the      the damaged one is set aside as spool-corrupt-TIME.sqlite; a new spool with the
epoch file tells of one                 next epoch, its reason signed, and a note
a spool older than the epoch file       the same spool with the next epoch: its file alone was restored
"""

import itertools
import sqlite3
from contextlib import closing
from pathlib import Path

from ccmm_agent import clock, spool_file
from ccmm_agent import spool_sql as sql
from ccmm_agent.durable import sync_folder
from ccmm_agent.epoch_file import EpochFile, EpochMark
from ccmm_agent.lock import locked
from ccmm_agent.outbox import Draft, Seal
from ccmm_agent.spool import Spool
from ccmm_agent.spool_file import SpoolCorrupt
from ccmm_proto.errors import BadConfig, CcmmError, Retryable
from ccmm_proto.v1.statement_pb2 import EpochStart, Note

LOCK = "spool.lock"


class SpoolBusy(Retryable):
    """The spool is damaged and another process is at work on it."""

    name = "spool_busy"


def open_spool(folder: Path, *, limit_bytes: int, seal: Seal, alone: bool) -> Spool:
    """The agent's spool. `alone`: this process holds the run lock, so it checks the file and may set it aside.

    Raises SpoolBusy where the spool is damaged and this process is not alone; StoreFull; BadConfig for a newer version.
    """
    with locked(folder / LOCK):  # `status` and a `run` that begins may find no spool at the same moment
        return _opened(folder, limit_bytes, seal, alone=alone)


def _opened(folder: Path, limit_bytes: int, seal: Seal, *, alone: bool) -> Spool:
    file = EpochFile(folder)
    mark = file.read()
    try:
        found = _open_sound(folder, limit_bytes, check=alone) if (folder / spool_file.FILE).exists() else None
    except SpoolCorrupt as error:
        if not alone:
            raise SpoolBusy(f"{error}: the running agent sets it aside; try again in a minute") from error
        set_aside(folder)
        return _next_epoch(folder, limit_bytes, seal, file, mark or EpochMark(epoch=0), str(error))
    if found is None and mark is not None:
        return _next_epoch(folder, limit_bytes, seal, file, mark, "the spool's file is missing")
    opened = found or _create(folder, limit_bytes, EpochMark(epoch=0), None)
    chain = opened.chain()
    if mark is not None and mark.epoch > chain.epoch:
        start = EpochStart(
            reason=EpochStart.SNAPSHOT_RESTORED,
            detail=f"the spool stands in epoch {chain.epoch}, the epoch file in {mark.epoch}: the spool is an old copy",
            last_receipt=mark.last_receipt or chain.last_receipt,
        )
        new_epoch(opened, file, mark.epoch + 1, start, seal)
    elif mark is None or mark.epoch < chain.epoch:
        file.write(EpochMark(epoch=chain.epoch, last_receipt=chain.last_receipt))
    return opened


def new_epoch(opened: Spool, file: EpochFile, epoch: int, start: EpochStart, seal: Seal) -> int:
    """Begin an epoch in a sound spool; how many waiting statements moved into it.

    The file goes first: a crash between the two leaves a spool older than the file, which `open_spool` sees.
    """
    file.write(EpochMark(epoch=epoch, last_receipt=start.last_receipt))
    return opened.open_epoch(epoch, start, seal)


def set_aside(folder: Path) -> Path:
    """Move the damaged spool out of the way; its new path.

    The main file goes first: a crash then leaves no spool, which opens the next epoch, and strays that `_create`
    removes; never a spool without the commits of its WAL.
    """
    stem = f"spool-corrupt-{clock.now():%Y%m%dT%H%M%S}"
    names = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
    target = next(path for name in names if not (path := folder / f"{name}.sqlite").exists())
    for suffix in ("", "-wal", "-shm"):
        path = folder / (spool_file.FILE + suffix)
        if path.exists():
            path.rename(target.with_name(target.name + suffix))
    sync_folder(folder)
    return target


def _next_epoch(folder: Path, limit_bytes: int, seal: Seal, file: EpochFile, mark: EpochMark, why: str) -> Spool:
    fresh = EpochMark(epoch=mark.epoch + 1, last_receipt=mark.last_receipt)
    # Before the first statement of the new epoch is signed. A crash here: the next start takes the epoch after it.
    file.write(fresh)
    start = EpochStart(reason=EpochStart.SPOOL_SET_ASIDE, detail=why[:500], last_receipt=mark.last_receipt)
    opened = _create(folder, limit_bytes, fresh, start)
    opened.put([Draft(body=Note(kind=Note.SPOOL_CORRUPT, detail=why[:500]))], seal)
    return opened


def _create(folder: Path, limit_bytes: int, mark: EpochMark, start: EpochStart | None) -> Spool:
    """A new spool, made under another name first: who looks without the lock sees none or all of it."""
    path, fresh = folder / spool_file.FILE, folder / f"{spool_file.FILE}.new"
    for stray in ("", "-wal", "-shm"):
        fresh.with_name(fresh.name + stray).unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    with spool_file.named_errors(), closing(spool_file.connect(fresh)) as connection:
        connection.executescript(sql.SCHEMA)
        values = (mark.epoch, start.SerializeToString() if start else b"", mark.last_receipt)
        connection.execute(sql.OPEN_CHAIN, values)
        connection.execute(f"PRAGMA user_version = {sql.VERSION}")
    for stray in ("-wal", "-shm"):
        path.with_name(path.name + stray).unlink(missing_ok=True)
    fresh.replace(path)
    sync_folder(folder)
    return Spool(spool_file.connect(path), limit_bytes=limit_bytes)


def _open_sound(folder: Path, limit_bytes: int, *, check: bool) -> Spool | None:
    """The spool, or None for an empty file. A disk that is full or a file that is locked is no damage: StoreFull."""
    connection = spool_file.connect(folder / spool_file.FILE)
    opened = Spool(connection, limit_bytes=limit_bytes)
    try:
        with spool_file.named_errors():
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            _refuse(folder, connection, version, check=check)
            if 0 < version < sql.VERSION:
                _upgrade(connection, version)
            if version:
                opened.chain()
                return opened
    except (sqlite3.DatabaseError, IndexError) as error:
        opened.close()
        raise SpoolCorrupt(f"the spool is damaged: {error}") from error
    except CcmmError:
        opened.close()
        raise
    opened.close()
    return None


def _refuse(folder: Path, connection: sqlite3.Connection, version: int, *, check: bool) -> None:
    if version > sql.VERSION:
        raise BadConfig(f"{folder / spool_file.FILE}: made by a newer agent (version {version}): install that one")
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0] if check else "ok"
    if verdict != "ok":
        raise SpoolCorrupt(f"the spool is damaged: {verdict}")


def _upgrade(connection: sqlite3.Connection, version: int) -> None:
    """A spool of an older agent gets what it lacks, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    for number in range(version, sql.VERSION):
        for statement in sql.UPGRADES[number]:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {sql.VERSION}")
    connection.execute("COMMIT")
