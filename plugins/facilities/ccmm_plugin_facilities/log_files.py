"""Reading the times of log files, plain and compressed, and of journal files. Whole, or SourceUnavailable.

Files that nobody wrote to in the last 30 days only tell when they begin. Of the others a piece whose first and last
lines are of one hour is taken as that hour; in other pieces each line counts.
"""

import bz2
import gzip
import io
import lzma
import mmap
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import IO, Any, Final
from zoneinfo import ZoneInfo

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_facilities.journal_file import journal_span
from ccmm_plugin_facilities.log_span import LOOKED_S, Span, TimeOf, note_lines, parse_times
from ccmm_proto.errors import Malformed

MOST_FILES: Final = 5000
PIECE_BYTES: Final = 256 * 1024
LONGEST_S: Final = 90.0  # for all files of one source: a reading may take 120 s
_OPENERS: Final[dict[str, Callable[..., Any]]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_UNKNOWN: Final = frozenset({".zst", ".lz4", ".7z", ".zip", ".Z"})
_YEARLESS: Final = parse_times("rfc3164")
_MOST_BACK_S: Final = 300 * 86400  # lines go back by a clock change, by a step; not by this
_JOURNALS: Final = (".journal", ".journal~")


def files_of(folder: Path, pattern: str) -> list[Path]:
    """The files of a folder, oldest name first. Raises SourceUnavailable, also where there is none."""
    try:
        found = sorted(path for path in folder.iterdir() if fnmatch(path.name, pattern) and path.is_file())
    except FileNotFoundError as error:
        raise SourceUnavailable(Reason.NOT_FOUND, f"{folder} is not there") from error
    except OSError as error:
        raise SourceUnavailable(Reason.REFUSED, f"{folder} cannot be listed: {error.strerror or error}") from error
    if not found:
        raise SourceUnavailable(Reason.NOT_FOUND, f"{folder} has no file {pattern}")
    if len(found) > MOST_FILES:
        raise SourceUnavailable(Reason.FLOOD, f"{folder} has more than {MOST_FILES} files {pattern}")
    return found


def text_span(folder: Path, pattern: str, time_of: TimeOf, zone: ZoneInfo, now_s: float, ends: float) -> Span:
    """Of all files of a log. `ends`: the instant of the monotonic clock at which it is too much."""
    span = Span()
    for path in files_of(folder, pattern):
        with _told(path):
            _add_text(span, path, time_of, zone, now_s, ends)
    return span


def text_lines(folder: Path, pattern: str, since_s: float, ends: float) -> Iterator[tuple[float, bytes]]:
    """When the file was last written, and each line, of all files of a log that were written to since then."""
    for path in files_of(folder, pattern):
        with _told(path):
            written_s = path.stat().st_mtime
            if written_s < since_s or not path.stat().st_size:
                continue
            with _opened(path) as file:
                while lines := file.readlines(PIECE_BYTES):
                    yield from ((written_s, line) for line in lines)
                    _go_on(path, ends)


def journals_span(folder: Path, now_s: float, ends: float) -> tuple[Span, bool]:
    """Of all journal files below a folder, and whether each is sealed."""
    span, sealed = Span(), True
    paths = [path for below in (folder, *_below(folder)) for path in _journals(below)]
    if not paths:
        raise SourceUnavailable(
            Reason.NOT_FOUND, f"{folder} has no journal files: is Storage=persistent in journald.conf?"
        )
    for path in paths:
        try:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                own = Span()
                sealed = journal_span(content, own, now_s - LOOKED_S, partial(_go_on, path, ends)) and sealed
                span.add(own, 0)
        except FileNotFoundError:
            raise SourceUnavailable(Reason.UNREADABLE, f"{path.name} was rotated away while it was read") from None
        except (Malformed, ValueError) as error:  # ValueError: an empty file
            raise SourceUnavailable(Reason.UNREADABLE, f"{path.name} has {error}: journalctl --verify") from error
        except OSError as error:
            told = f"{path.name} cannot be read ({error.strerror or error}): put the reader into systemd-journal"
            raise SourceUnavailable(Reason.REFUSED, told) from error
        span.files += 1
        span.size_bytes += path.stat().st_size
    return span, sealed


def _add_text(span: Span, path: Path, time_of: TimeOf, zone: ZoneInfo, now_s: float, ends: float) -> None:
    status = path.stat()
    span.files += 1
    span.size_bytes += status.st_size
    if not status.st_size:
        return
    is_recent, own = status.st_mtime >= now_s - LOOKED_S, Span()
    with _opened(path) as file:
        timed, before = False, 0
        while (lines := file.readlines(PIECE_BYTES)) and (is_recent or not timed):
            timed |= _note_piece(own, lines, lambda line: time_of(line, zone, status.st_mtime), now_s)
            if time_of is _YEARLESS:
                before = _refuse_two_years(path, lines, lambda line: time_of(line, zone, status.st_mtime), before)
            _go_on(path, ends)
    span.add(own, 0 if is_recent else int(status.st_mtime))
    if not timed and status.st_size:
        raise SourceUnavailable(Reason.UNREADABLE, f"{path.name} has no line with a time: is `times` right?")


def _opened(path: Path) -> IO[bytes]:
    if path.suffix in _UNKNOWN:
        told = f"{path.name} is packed in a way that is not read here: gzip, bzip2, xz"
        raise SourceUnavailable(Reason.UNREADABLE, told)
    opened: IO[bytes] = _OPENERS.get(path.suffix, io.open)(path, "rb")
    return opened


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        told = f"{path.name} was rotated away while it was read: the next run sees all"
        raise SourceUnavailable(Reason.UNREADABLE, told) from None
    except (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
        raise SourceUnavailable(Reason.UNREADABLE, f"{path.name} is torn, or not packed as it is named") from error
    except OSError as error:
        told = f"{path.name} cannot be read ({error.strerror or error}): put the reader into the log's group"
        raise SourceUnavailable(Reason.REFUSED, told) from error


def _note_piece(span: Span, lines: list[bytes], second_of: Callable[[bytes], int | None], now_s: float) -> bool:
    edges = [Span(), Span()]
    timed = [
        note_lines(edge, (line,), second_of, now_s) for edge, line in zip(edges, (lines[0], lines[-1]), strict=True)
    ]
    one_hour = all(timed) and edges[0].hours == edges[1].hours
    if note_lines(span, (lines[0], lines[-1]) if one_hour else lines, second_of, now_s):
        return True
    span.untimed += 1
    return False


def _refuse_two_years(path: Path, lines: list[bytes], second_of: Callable[[bytes], int | None], before: int) -> int:
    """The time of the last line. Without years the lines of last November would fill the gaps of this one."""
    for line in lines[:: max(1, len(lines) // 500)]:
        second = second_of(line)
        if second is not None and second < before - _MOST_BACK_S:
            told = f"{path.name} holds more than a year, and its times no year: rotate it, or write times with a year"
            raise SourceUnavailable(Reason.UNREADABLE, told)
        before = second if second is not None else before
    return before


def _below(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except FileNotFoundError as error:
        raise SourceUnavailable(Reason.NOT_FOUND, f"{folder} is not there") from error
    except OSError as error:
        raise SourceUnavailable(Reason.REFUSED, f"{folder} cannot be listed: {error.strerror or error}") from error


def _journals(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(_JOURNALS) and path.is_file())
    except OSError as error:
        raise SourceUnavailable(Reason.REFUSED, f"{folder.name} cannot be listed: {error.strerror or error}") from error


def _go_on(path: Path, ends: float) -> None:
    if time.monotonic() > ends:
        told = f"{path.name} and the files before it hold more than can be read in {LONGEST_S:.0f} s: divide the stores"
        raise SourceUnavailable(Reason.TIMEOUT, told)
