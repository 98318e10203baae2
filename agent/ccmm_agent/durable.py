"""Files that after a crash are either the old one or the new one, and that nobody else may read."""

import os
import stat
from pathlib import Path
from tempfile import mkstemp


def write_atomically(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Replace a file. Durable when it returns; a crash before leaves the old one, and perhaps a `.new` nobody reads."""
    _replace(path, content, mode, None)


def rewrite_atomically(path: Path, content: bytes) -> None:
    """The same for a file of others: it keeps its mode, owner and group. Raises OSError; then it is the old one."""
    state = path.stat()
    _replace(path, content, 0o600, state)


def _replace(path: Path, content: bytes, mode: int, kept: os.stat_result | None) -> None:
    # A name of its own: `status` and a `run` that begins may write the same file at the same moment.
    descriptor, fresh = mkstemp(prefix=f"{path.name}.", suffix=".new", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if kept is not None:
                os.fchown(descriptor, kept.st_uid, kept.st_gid)
            os.fchmod(descriptor, mode if kept is None else stat.S_IMODE(kept.st_mode))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(fresh).replace(path)
    except OSError:
        Path(fresh).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames and removals in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
