"""A log that is rotated: its files oldest first, where reading goes on, and its lines up to the last newline.

A position is known by the content round it, not by name or inode: renaming, gzip and copytruncate do it no harm, and
a log that was rewritten before the position is noticed. Offsets of a .gz file count decompressed bytes.
"""

import gzip
import hashlib
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ccmm_agent.plugin import Reason, SourceUnavailable

HEAD_BYTES = 1024
LINE_BYTES = 64 * 1024  # a longer line is set apart
_FIRST_LINES = 64  # how many lines may be unreadable before the first time of a file

TimeOf = Callable[[bytes], int | None]  # seconds since the epoch of one line, None where it cannot be read


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """One file of the log; `first_s` is the time of its first readable line, `inode` tells it from what replaces it."""

    path: Path
    live: bool
    first_s: int | None
    head: bytes
    inode: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The byte before which all was read, with digests of the file's head and of the bytes just before it."""

    offset: int
    head_bytes: int
    head: str
    tail: str


def log_files(live: Path, time_of: TimeOf) -> tuple[LogFile, ...]:
    """The rotated files by their first time, then the live one. Raises SourceUnavailable without a live file."""
    if not live.exists():
        raise SourceUnavailable(Reason.NOT_FOUND, f"no {live.name} in {live.parent}")
    try:
        rotated = sorted(path for path in live.parent.iterdir() if _is_rotation(live.name, path))
        found = [_log_file(path, time_of, live=False) for path in rotated]
        newest = _log_file(live, time_of, live=True)
    except PermissionError as error:
        raise SourceUnavailable(Reason.REFUSED, f"may not read {live.name} or a rotated file beside it") from error
    except FileNotFoundError as error:  # rotated between listing and opening: the next run sees it
        raise SourceUnavailable(Reason.NOT_FOUND, f"{live.name} was being rotated") from error
    except OSError as error:
        raise SourceUnavailable(Reason.REFUSED, f"{live.name} cannot be read: {error.strerror}") from error
    dated = [(file.first_s, file) for file in found if file.first_s is not None]
    ordered = [file for _, file in sorted(dated, key=lambda pair: (pair[0], _order(pair[1].path)))]
    return tuple(_without_copies([*ordered, newest]))


def locate(files: tuple[LogFile, ...], position: Position) -> int | None:
    """Index of the file that the position is in; None where no file has that content any more."""
    for index, file in enumerate(files):
        head = file.head[: position.head_bytes]
        if len(head) == position.head_bytes and _digest(head) == position.head and _has_tail(file, position):
            return index
    return None


def has_head(files: tuple[LogFile, ...], position: Position) -> bool:
    """Whether a file begins as the position's file did, whatever came later in it."""
    return any(_digest(file.head[: position.head_bytes]) == position.head for file in files)


def position_at(file: LogFile, offset: int) -> Position:
    """The position before the byte `offset`, which begins a line or ends the last complete one."""
    first_line = file.head.find(b"\n") + 1 or HEAD_BYTES
    head_bytes = min(HEAD_BYTES, len(file.head), max(offset, first_line))
    head = _digest(file.head[:head_bytes])
    return Position(offset=offset, head_bytes=head_bytes, head=head, tail=_tail(file, offset))


def complete_lines(file: LogFile, offset: int) -> Iterator[tuple[int, int, bytes | None]]:
    """(where it begins, where the next begins, the line without newline or None where it is too long).

    A last line without newline is still being written: it is not given.
    """
    try:
        with _opened(file) as stream:
            stream.seek(offset)
            yield from _lines_of(stream, offset)
            _refuse_shorter(file, stream)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceUnavailable(Reason.UNREADABLE, f"{file.path.name} is a damaged gzip file") from error
    except PermissionError as error:
        raise SourceUnavailable(Reason.REFUSED, f"may not read {file.path.name}") from error


def _lines_of(stream: BinaryIO, offset: int) -> Iterator[tuple[int, int, bytes | None]]:
    begins = offset
    while line := stream.readline(LINE_BYTES):
        ends, whole = begins + len(line), len(line) < LINE_BYTES or line.endswith(b"\n")
        while not line.endswith(b"\n"):
            line = stream.readline(LINE_BYTES)
            if not line:
                return
            ends += len(line)
            whole = False
        yield begins, ends, line[:-1] if whole else None
        begins = ends


def _is_rotation(name: str, path: Path) -> bool:
    """queue_log.1, queue_log.1.gz, queue_log-20261122, queue_log.1795326975 ..., not queue_log_other."""
    return path.name.startswith((f"{name}.", f"{name}-")) and path.is_file()


def _order(path: Path) -> tuple[bool, str]:
    return path.suffix != ".gz", path.name  # of the same content, the plain file is the whole one


def _opened_path(path: Path) -> BinaryIO:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]  # GzipFile reads alike


@contextmanager
def _opened(file: LogFile) -> Iterator[BinaryIO]:
    """The very file that was listed: after a rotation in between, its name means another one."""
    try:
        stream = _opened_path(file.path)
    except FileNotFoundError as error:
        raise _rotating(file) from error
    with stream:
        if _inode(stream) != file.inode:
            raise _rotating(file)
        yield stream


def _refuse_shorter(file: LogFile, stream: BinaryIO) -> None:
    """A plain file that was emptied while it was read has lines that nobody saw."""
    if file.path.suffix != ".gz" and os.fstat(stream.fileno()).st_size < stream.tell():
        raise _rotating(file)


def _rotating(file: LogFile) -> SourceUnavailable:
    return SourceUnavailable(Reason.NOT_FOUND, f"{file.path.name} was being rotated; the next run reads it")


def _inode(stream: BinaryIO) -> tuple[int, int]:
    found = os.fstat(stream.fileno())
    return found.st_dev, found.st_ino


def _log_file(path: Path, time_of: TimeOf, *, live: bool) -> LogFile:
    with _opened_path(path) as stream:
        inode = _inode(stream)
        try:
            head = stream.read(HEAD_BYTES)
            stream.seek(0)
            first_s = _first_time(path, stream, time_of, live=live)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            if live:
                raise
            return LogFile(path=path, live=False, first_s=None, head=b"", inode=inode)  # being compressed, or no log
    return LogFile(path=path, live=live, first_s=first_s, head=head, inode=inode)


def _first_time(path: Path, stream: BinaryIO, time_of: TimeOf, *, live: bool) -> int | None:
    """Of the first readable line. A live file whose every line is none of the log is another file than was meant."""
    seen = 0
    for at, (_, _, line) in enumerate(_lines_of(stream, 0)):
        if line is not None and (first_s := time_of(line)) is not None:
            return first_s
        seen += line is None or bool(line.strip())
        if at >= _FIRST_LINES:
            return None
    if live and (seen or stream.tell() > LINE_BYTES):
        raise SourceUnavailable(Reason.UNREADABLE, f"no line of {path.name} is of this log: is it the right file?")
    return None


def _without_copies(files: list[LogFile]) -> Iterator[LogFile]:
    """While a log is copied or compressed two files hold the same lines: of such two the later in order stays."""
    for index, file in enumerate(files):
        if not any(_begin_alike(file.head, other.head) for other in files[index + 1 :]):
            yield file


def _begin_alike(one: bytes, other: bytes) -> bool:
    shared = min(len(one), len(other))
    return shared > 0 and one[:shared] == other[:shared]


def _has_tail(file: LogFile, position: Position) -> bool:
    return _tail(file, position.offset) == position.tail


def _tail(file: LogFile, offset: int) -> str:
    with _opened(file) as stream:
        start = max(0, offset - HEAD_BYTES)
        stream.seek(start)
        return _digest(stream.read(offset - start))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
