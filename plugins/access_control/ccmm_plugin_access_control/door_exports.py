"""The exported files: which there are, from where each is read on, and one pass over their rows."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from ccmm_agent.delimited import Dialect, LocalTimes, read_rows
from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_access_control.door_cursor import FileMark, Marks, edges_of
from ccmm_plugin_access_control.door_rows import DoorMapping
from ccmm_plugin_access_control.passages import RETAINED_HOURS, Attributes, Passage
from ccmm_proto.period import HOUR_MS, to_ms

MAX_FILES = 4000
_WILDCARDS = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Export:
    """One file as it is now."""

    path: Path
    size: int
    changed: datetime


@dataclass(slots=True)
class Progress:
    """How far one file was read in this pass, and where the rows of each hour begin."""

    mark_before: FileMark | None  # where it was read on from; None: from its head
    end: int
    last: datetime | None
    hours: dict[int, tuple[int, datetime | None]] = field(default_factory=dict)  # hour -> first row, the one before it

    def mark(self, until: int, file: BinaryIO) -> FileMark:
        """From where the next read goes on: the first row of an hour that is not stated yet."""
        waiting = [place for hour, place in self.hours.items() if hour >= until]
        offset, last = min(waiting, key=lambda place: place[0]) if waiting else (self.end, self.last)
        return FileMark(offset=offset, edges=edges_of(file, offset), last_ms=None if last is None else to_ms(last))


def find_exports(events: Path) -> list[Export]:
    """The files of a path whose name may hold * ? [ ], oldest change first. Raises SourceUnavailable."""
    try:
        if not _WILDCARDS & set(events.name):
            paths = [events]
        else:
            paths = [path for path in events.parent.glob(events.name) if path.is_file() and not path.is_symlink()]
        found = [
            Export(path, (now := path.stat()).st_size, datetime.fromtimestamp(now.st_mtime, UTC)) for path in paths
        ]
    except FileNotFoundError as error:
        raise SourceUnavailable(Reason.NOT_FOUND, f"{events} is not there") from error
    except OSError as error:
        raise SourceUnavailable(Reason.REFUSED, f"{events} cannot be read: {error.strerror or error}") from error
    if not found:
        raise SourceUnavailable(Reason.NOT_FOUND, f"no file fits {events}")
    if len(found) > MAX_FILES:
        raise SourceUnavailable(Reason.LIMITED, f"more than {MAX_FILES} files fit {events}")
    return sorted(found, key=lambda export: (export.changed, export.path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads rows of exports as passages."""

    mapping: DoorMapping
    dialect: Dialect
    times: LocalTimes
    holders: Mapping[str, Attributes]
    newest_first: bool

    def pass_over(
        self,
        export: Export,
        mark: FileMark | None,
        take: Callable[[int, Passage], None],
        is_beyond: Callable[[int], bool] = lambda hour: False,
    ) -> Progress:
        """Gives every passage of one file to `take`, with its hour. Raises BadTable, OSError.

        An ascending file is left at the first row `is_beyond` what this run states: the next one goes on before it.
        """
        with export.path.open("rb") as file:
            begin = mark.offset if mark is not None else 0
            last = None if mark is None or mark.last_ms is None else datetime.fromtimestamp(mark.last_ms / 1000, UTC)
            progress, newest = Progress(mark_before=mark, end=begin, last=last), 0
            for row in read_rows(file, self.dialect, columns=self.mapping.wanted(), start=begin):
                after, before = (None, progress.last) if self.newest_first else (progress.last, None)
                for passage in self.mapping.passages(row, self.times, self.holders, after=after, before=before):
                    hour = to_ms(passage.at) // HOUR_MS
                    progress.hours.setdefault(hour, (row.start, progress.last))
                    take(hour, passage)
                    last, newest = passage.at, hour
                progress.last, progress.end = last, row.end
                if not self.newest_first and is_beyond(newest):
                    break
        return progress


def resuming(exports: list[Export], marks: Marks) -> Iterator[tuple[Export, FileMark | None]]:
    """Each file that may hold something new, with the mark that fits what it holds, whatever it is called now."""
    for export in exports:
        named = marks.files.get(export.path.name)
        if named is None and marks.until is not None and _is_old(export, marks.until):
            continue
        with export.path.open("rb") as file:
            candidates = [named] if named is not None else []
            candidates += [mark for name, mark in marks.files.items() if name != export.path.name and mark.offset]
            fitting = (mark for mark in candidates if mark.offset <= export.size)
            yield export, next((mark for mark in fitting if edges_of(file, mark.offset) == mark.edges), None)


def new_marks(read: Mapping[Path, tuple[Export, Progress]], until: int) -> dict[str, FileMark]:
    """The marks to remember; files that were changed long before `until` need none."""
    found = {}
    for export, progress in read.values():
        if not _is_old(export, until):
            with export.path.open("rb") as file:
                found[export.path.name] = progress.mark(until, file)
    return found


def _is_old(export: Export, until: int) -> bool:
    return to_ms(export.changed) // HOUR_MS < until - RETAINED_HOURS
