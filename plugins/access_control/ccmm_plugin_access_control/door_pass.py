"""What one pass over the exports found: hours to state, hours to state again, and the time that is vouched for."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from ccmm_plugin_access_control.door_cursor import FileMark, Marks, hour_of
from ccmm_plugin_access_control.door_exports import Export, Progress, Reader
from ccmm_plugin_access_control.passages import RETAINED_HOURS, Hours, Passage, StatedHour
from ccmm_proto.period import HOUR_MS


class Pass:
    """Collects the passages of hours from `marks.until` up to `closing`, and notes earlier ones that turn up."""

    def __init__(self, marks: Marks, closing: int, most: int) -> None:
        self.marks = marks
        self.hours = Hours(most=most, limit=closing)
        self.late: set[int] = set()
        self.files: dict[Path, tuple[Export, Progress]] = {}
        self._closing = closing

    def take(self, hour: int, passage: Passage) -> None:
        """Every passage that a reader finds."""
        until = self.marks.until
        if until is None or hour >= until:
            self.hours.add(hour, passage)
        elif hour >= until - RETAINED_HOURS:
            self.late.add(hour)

    def is_beyond(self, hour: int) -> bool:
        """More than a day after the last hour that this run states: rows stand in order but for so much."""
        return self.has_more and hour > self.hours.limit + 24

    def add_file(self, export: Export, progress: Progress) -> None:
        """One file was read to its end."""
        self.files[export.path] = (export, progress)

    def finish(self) -> None:
        """All files were read."""
        self.hours.finish()

    @property
    def until(self) -> int:
        """Hours before it are stated after this run."""
        return min(self._closing, self.hours.limit)

    @property
    def has_more(self) -> bool:
        """Hours that were too many for one run wait."""
        return self.until < self._closing

    @property
    def cut_hour(self) -> int | None:
        """The hour in which an export begins that continues nothing: rows before its first one may be missing."""
        earliest = self._earliest()
        if self.marks.until is None or (self._is_broken() and earliest is not None and earliest > self.marks.until):
            return earliest
        return None

    def covers_ms(self, limit_ms: int | None) -> tuple[int, int]:
        """From where the last run ended to where the stated hours end, or to `limit_ms` where that is earlier."""
        end = self.until * HOUR_MS if limit_ms is None else min(self.until * HOUR_MS, limit_ms)
        begin = self.marks.vouched_ms if self.marks.vouched_ms is not None else end
        if self.cut_hour is not None:
            begin = (self.cut_hour + 1) * HOUR_MS
        elif self._is_broken() and self._earliest() is None:
            begin = end
        return min(begin, end), end

    def stated(self, changed: Mapping[int, StatedHour]) -> dict[int, StatedHour]:
        """What is remembered of the hours that may still change."""
        new = {hour: hour_of(passages, 0) for hour, passages in self.hours.kept.items()}
        found = {**self.marks.hours, **new, **changed}
        return {hour: one for hour, one in sorted(found.items()) if hour >= self.until - RETAINED_HOURS}

    def _earliest(self) -> int | None:
        """The first hour in files that were read from their head."""
        fresh = (progress for _, progress in self.files.values() if progress.mark_before is None)
        return min((hour for progress in fresh for hour in progress.hours), default=None)

    def _is_broken(self) -> bool:
        """The file that was written last time is gone, and what it got afterwards with it."""
        last = self.marks.files.get(self.marks.newest)
        return last is not None and last not in self._continued()

    def _continued(self) -> list[FileMark]:
        return [progress.mark_before for _, progress in self.files.values() if progress.mark_before is not None]


def revised(found: Pass, reader: Reader, exports: Iterable[Export]) -> dict[int, tuple[list[Passage], StatedHour]]:
    """Hours stated before that now hold more or other passages: all their passages, from all files.

    An hour that holds fewer is left as it was stated: exports that keep the last days only lose their first hours.
    """
    if not found.late or found.marks.until is None:
        return {}
    again: dict[int, list[Passage]] = {}
    oldest_ms = (found.marks.until - RETAINED_HOURS) * HOUR_MS

    def take(hour: int, passage: Passage) -> None:
        if hour in found.late:
            again.setdefault(hour, []).append(passage)

    for export in exports:
        if export.changed.timestamp() * 1000 >= oldest_ms:
            reader.pass_over(export, None, take)
    changed = {}
    for hour, passages in again.items():
        before = found.marks.hours.get(hour, StatedHour(count=0, digest="", revision=0))
        now = hour_of(passages, before.revision + 1)
        if now.digest != before.digest and now.count >= before.count:
            changed[hour] = (passages, now)
    return changed
