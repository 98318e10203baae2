"""Reads mod_xml_cdr: a folder with one file for each call, by when each was written.

The files of the last hours are read again each time, so that a call which ended late, or a file that was brought late,
still finds its quarter hour; and so that a file which was read and is gone does not go unnoticed.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ccmm_agent.plugin import Reason, SourceUnavailable, Window
from ccmm_plugin_telephony.cursor import LogCursor
from ccmm_plugin_telephony.folder import files_below
from ccmm_plugin_telephony.freeswitch.record import CallRecord
from ccmm_plugin_telephony.freeswitch.stretch import LOOK_BACK_MS, Stretch
from ccmm_proto.errors import Malformed
from ccmm_proto.period import HOUR_MS, QUARTER_MS, floor_to, to_ms

SUFFIX = ".cdr.xml"
_YOUNG_MS = 60_000  # a file this young may still be being written: the next read takes it
_AHEAD_MS = 300_000  # a file this far after now was written by a clock that is wrong
_ENOUGH_TO_JUDGE = 20


@dataclass(frozen=True, slots=True, order=True)
class XmlFile:
    """A file and when it was written."""

    at_ms: int
    path: Path
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class XmlFiles:
    """The folder of mod_xml_cdr with all below it."""

    folder: Path
    settle: timedelta
    batch_files: int
    resume_after: datetime | None

    def count(self) -> int:
        """How many records there are."""
        return len(self._listed())

    def take(self, window: Window, cursor: LogCursor | None) -> Stretch:
        """The next batch, oldest first. Raises SourceUnavailable."""
        listed = self._listed()
        now_ms = to_ms(window.now)
        live_ms = floor_to(now_ms - int(self.settle.total_seconds()) * 1000, QUARTER_MS)
        cursor = self._resumed(cursor, listed)
        stated_ms = self._stated(cursor, listed, live_ms)
        known_ms = cursor.from_ms if cursor else stated_ms
        within = [file for file in listed if known_ms <= file.at_ms <= now_ms + _AHEAD_MS]
        chosen, horizon_ms = self._batch(within, stated_ms, live_ms)
        records, apart = _records(chosen, now_ms)
        if ahead := sum(file.at_ms > now_ms + _AHEAD_MS for file in listed):
            apart["ahead"] = ahead
        next_ms = max(known_ms, floor_to(horizon_ms - LOOK_BACK_MS, HOUR_MS))
        return Stretch(
            records=records,
            cursor=cursor,
            stated_ms=stated_ms,
            horizon_ms=horizon_ms,
            next_ms=next_ms,
            names=tuple(sorted(_digest(file.path) for file in chosen if file.at_ms >= next_ms)),
            more=len(chosen) < len(within),
            set_apart=apart,
        )

    def _listed(self) -> list[XmlFile]:
        if not self.folder.is_dir():
            raise SourceUnavailable(Reason.NOT_FOUND, f"no folder {self.folder}")
        try:
            return sorted(
                XmlFile(int(found.st_mtime * 1000), path, found.st_size)
                for path, found in files_below(self.folder)
                if path.name.endswith(SUFFIX)
            )
        except PermissionError as error:
            raise SourceUnavailable(Reason.REFUSED, f"may not read all of {self.folder}") from error

    def _resumed(self, cursor: LogCursor | None, listed: Sequence[XmlFile]) -> LogCursor | None:
        """The cursor, None where `resume_after` stands behind it. Refuses where files that were read are gone."""
        if cursor is None:
            return None
        kept = cursor.state.get("names", [])
        there = {_digest(file.path) for file in listed}
        if not isinstance(kept, list) or not (gone := len([name for name in kept if name not in there])):
            return cursor
        if self.resume_after is not None and to_ms(self.resume_after) > cursor.stated_ms:
            return None
        told = (
            f"{gone} files that were read are gone: leave records there for a day; to go on without, set resume_after"
        )
        raise SourceUnavailable(Reason.UNREADABLE, told)

    def _stated(self, cursor: LogCursor | None, listed: Sequence[XmlFile], live_ms: int) -> int:
        if cursor is not None:
            return cursor.stated_ms
        if self.resume_after is not None and to_ms(self.resume_after) < live_ms:
            return floor_to(to_ms(self.resume_after) + HOUR_MS - 1, HOUR_MS)
        return min(floor_to(listed[0].at_ms, QUARTER_MS) if listed else live_ms, live_ms)

    def _batch(self, within: list[XmlFile], stated_ms: int, live_ms: int) -> tuple[list[XmlFile], int]:
        """As many files as a batch holds, more where that would not move, and until when they are whole."""
        size, settle_ms = self.batch_files, int(self.settle.total_seconds()) * 1000
        while len(within) > size:
            horizon_ms = min(live_ms, floor_to(max(0, within[size].at_ms - settle_ms), QUARTER_MS))
            if horizon_ms > stated_ms:
                return within[:size], horizon_ms
            size *= 2
        return within, live_ms


def _records(files: Sequence[XmlFile], now_ms: int) -> tuple[tuple[CallRecord, ...], Counter[str]]:
    try:
        from ccmm_plugin_telephony.freeswitch.xml_record import FILE_BYTES, parse_file
    except ImportError as error:
        told = 'defusedxml is not installed: pip install "ccmm-plugin-telephony[freeswitch]"'
        raise SourceUnavailable(Reason.BAD_OPTION, told) from error
    records: list[CallRecord] = []
    apart: Counter[str] = Counter()
    for file in files:
        try:
            with file.path.open("rb") as stream:
                records.append(parse_file(stream.read(FILE_BYTES + 1)))
        except Malformed as error:
            if now_ms - file.at_ms > _YOUNG_MS:
                apart[str(error)] += 1
        except FileNotFoundError as error:
            raise SourceUnavailable(Reason.NOT_FOUND, "a record was taken away while it was read") from error
        except PermissionError as error:
            raise SourceUnavailable(Reason.REFUSED, f"may not open {file.path.name}") from error
    if apart.total() > len(records) and (apart.total() >= _ENOUGH_TO_JUDGE or not records):
        raise SourceUnavailable(Reason.UNREADABLE, "most files are no records of mod_xml_cdr")
    return tuple(records), apart


def _digest(path: Path) -> str:
    return hashlib.sha256(path.name.encode("utf-8", "surrogateescape")).hexdigest()[:12]
