"""Reading the texts of a configuration: files, folders, what programs print. Each whole, or SourceUnavailable.

The only module of `config_snapshot` that opens anything.
"""

import time
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_agent.program import failure, run_program
from ccmm_plugin_facilities.config_entry import MOST, Text

FILE_BYTES: Final = 4 << 20
_TRIES: Final = 3
_PAUSE_S: Final = 0.2
_SECONDS: Final = 30.0


def contents_of(text: Text) -> dict[str, bytes | None]:
    """Name → content; None where a file is not there. Raises SourceUnavailable."""
    if text.arguments is not None:
        ended = run_program(text.path, text.arguments, seconds=_SECONDS, output_bytes=FILE_BYTES)
        if ended.code != 0:
            raise failure(text.name, ended)
        return {text.name: ended.output}
    if text.pattern is None:
        return {text.name: read_whole(text.path)}
    return {str(path): _there(path) for path in _files(text.path, text.pattern)}


def read_whole(path: Path) -> bytes | None:
    """A file that nobody writes meanwhile; None where it is not there, though its folder is."""
    try:
        for _ in range(_TRIES):
            before = path.stat()
            if not path.is_file():
                raise SourceUnavailable(Reason.UNREADABLE, f"{path} is no file")
            with path.open("rb") as file:
                content = file.read(FILE_BYTES + 1)
            after = path.stat()
            if len(content) > FILE_BYTES:
                raise SourceUnavailable(Reason.FLOOD, f"{path} is larger than {FILE_BYTES >> 20} MiB")
            same = (before.st_mtime_ns, before.st_size, before.st_ino)
            if same == (after.st_mtime_ns, after.st_size, after.st_ino) and len(content) == after.st_size:
                return content
            time.sleep(_PAUSE_S)
    except FileNotFoundError as error:
        if path.is_symlink() or not path.parent.is_dir():
            raise SourceUnavailable(
                Reason.NOT_FOUND, f"{path}: its folder is not there, or its link leads to nothing"
            ) from error
        return None
    except OSError as error:
        told = f"{path} cannot be read ({error.strerror or error}): give the reader's group the right to read it"
        raise SourceUnavailable(Reason.REFUSED, told) from error
    raise SourceUnavailable(Reason.UNREADABLE, f"{path} changes while it is read")


def _there(path: Path) -> bytes:
    content = read_whole(path)
    if content is None:
        raise SourceUnavailable(Reason.UNREADABLE, f"{path} went while its folder was read")
    return content


def _files(folder: Path, pattern: str) -> list[Path]:
    found: list[Path] = []
    try:
        for path in sorted(folder.iterdir()):
            if fnmatch(path.name, pattern) and path.is_file():
                found.append(path)
    except FileNotFoundError as error:
        raise SourceUnavailable(Reason.NOT_FOUND, f"{folder} is not there") from error
    except OSError as error:
        raise SourceUnavailable(Reason.REFUSED, f"{folder} cannot be listed ({error.strerror or error})") from error
    if len(found) > MOST:
        raise SourceUnavailable(Reason.FLOOD, f"{folder} has more than {MOST} files of this pattern")
    return found
