"""When a log has entries: from the times of lines to what a holding states. Pure.

>>> parse_times("rfc3339")(b"2026-11-22T06:25:01.5+08:00 host app: x", ZoneInfo("UTC"), 0)
1795299901

A gap is an hour of the last 30 days in which nothing was written; a log that is quiet by nature gets a longer slot.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as dt_time
from types import MappingProxyType
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

LOOKED_S: Final = 30 * 86400
HOUR_S: Final = 3600
_AHEAD_S: Final = 86400  # a clock of another zone may be ahead; what is further ahead is no time
_LETTERS: Final = 200  # of a line, within which its time stands
TimeOf: TypeAlias = Callable[[bytes, ZoneInfo, float], int | None]
_MONTHS: Final = MappingProxyType(
    {name: at for at, name in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}
)
_RFC3339 = re.compile(rb"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,]\d{1,9})?(Z|[+-]\d\d:?\d\d)?")
_RFC3164 = re.compile(rb"\b([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d):(\d\d)\b")
_WEB = re.compile(rb"\[(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d{4})\]")
_EPOCH = re.compile(rb"(?<!\d)(\d{10})(?:\.\d{1,9})?(?!\d)")


@dataclass(slots=True)
class Span:
    """What is known of the entries of one store. Seconds since the epoch."""

    first_s: int | None = None
    last_s: int | None = None
    hours: set[int] = field(default_factory=set)  # of the time that is looked at, with at least one entry
    files: int = 0
    size_bytes: int = 0
    untimed: int = 0  # pieces of text without a readable time
    stretches: list[tuple[int, int]] = field(default_factory=list)  # of each file: its first entry, its last

    def note(self, second: int) -> None:
        """One entry."""
        self.first_s = second if self.first_s is None else min(self.first_s, second)
        self.last_s = second if self.last_s is None else max(self.last_s, second)
        self.hours.add(second // HOUR_S)

    def add(self, file: "Span", end_s: int) -> None:
        """All of one more file, that holds entries up to `end_s`."""
        if file.first_s is not None and file.last_s is not None:
            self.first_s = file.first_s if self.first_s is None else min(self.first_s, file.first_s)
            self.last_s = file.last_s if self.last_s is None else max(self.last_s, file.last_s)
            self.stretches.append((file.first_s, max(file.last_s, end_s)))
        self.hours |= file.hours
        self.untimed += file.untimed


def kept_since(span: Span, slot_h: int) -> int | None:
    """Since when there is no hole between its files: one old file beside a young log is no log that was kept.

    A hole is longer than a week, and than two slots of a log that is quiet by nature.
    """
    hole_s = max(7 * 86400, 2 * slot_h * HOUR_S)
    since = None
    for first_s, last_s in sorted(span.stretches, key=lambda one: one[1], reverse=True):
        if since is not None and last_s < since - hole_s:
            return since
        since = first_s if since is None else min(since, first_s)
    return span.first_s if since is None else since


def gap_share(span: Span, now_s: float, slot_h: int) -> float | None:
    """Of the slots between the log's first entry and now, 30 days at most, those without an entry, in %.

    The slot that is not over yet does not count. None where there is no whole slot yet.
    """
    if span.first_s is None:
        return None
    slots = {hour // slot_h for hour in span.hours}
    begin = max(span.first_s, now_s - LOOKED_S)
    due = range(int(begin // HOUR_S // slot_h) + 1, int(now_s // HOUR_S // slot_h))
    return None if not due else 100 * sum(slot not in slots for slot in due) / len(due)


def holding_of(span: Span, now: datetime, slot_h: int) -> dict[str, object]:
    """Attributes of a holding that the store itself tells."""
    entry: dict[str, object] = {"files": span.files, "size_bytes": span.size_bytes}
    if span.first_s is None or span.last_s is None:
        return entry
    oldest, newest = datetime.fromtimestamp(span.first_s, UTC), datetime.fromtimestamp(span.last_s, UTC)
    since = datetime.fromtimestamp(kept_since(span, slot_h) or span.first_s, UTC)
    kept = max(0, (now - since).days)
    entry |= {"oldest": oldest, "newest": newest, "kept_days": kept, "online_days": kept}
    return entry | {"gap_share": gap_share(span, now.timestamp(), slot_h)}


def parse_times(name: str) -> TimeOf:
    """How times stand in lines. Raises KeyError."""
    return {"rfc3339": _rfc3339, "rfc3164": _rfc3164, "web": _web, "epoch": _epoch}[name]


def note_lines(span: Span, lines: Iterable[bytes], second_of: Callable[[bytes], int | None], now_s: float) -> bool:
    """Whether one of the lines had a time."""
    found = False
    for line in lines:
        second = second_of(line[:_LETTERS])
        if second is not None and 0 < second < now_s + _AHEAD_S:
            span.note(second)
            found = True
    return found


def _rfc3339(line: bytes, zone: ZoneInfo, written_s: float) -> int | None:
    match = _RFC3339.search(line)
    if match is None:
        return None
    offset = (match[3] or b"").decode()
    try:
        when = datetime.fromisoformat(f"{match[1].decode()}T{match[2].decode()}{offset}")
        return int((when if when.tzinfo else when.replace(tzinfo=zone)).timestamp())
    except (ValueError, OverflowError):
        return None


def _rfc3164(line: bytes, zone: ZoneInfo, written_s: float) -> int | None:
    """Without a year: the last one in which it is not after the file was written."""
    match = _RFC3164.search(line)
    if match is None or match[1] not in _MONTHS:
        return None
    try:
        latest = datetime.fromtimestamp(written_s, UTC) + timedelta(days=1)
        clock = dt_time(int(match[3]), int(match[4]), int(match[5]), tzinfo=zone)
    except (ValueError, OverflowError, OSError):
        return None
    for year in (latest.year, latest.year - 1, latest.year - 2, latest.year - 3, latest.year - 4):
        try:
            when = datetime.combine(date(year, _MONTHS[match[1]], int(match[2])), clock)
            if when.astimezone(UTC) <= latest:
                return int(when.timestamp())
        except (ValueError, OverflowError):  # the 29th of February
            continue
    return None


def _web(line: bytes, zone: ZoneInfo, written_s: float) -> int | None:
    match = _WEB.search(line)
    if match is None or match[2] not in _MONTHS:
        return None
    day, _, year, clock, offset = (part.decode() for part in match.groups())
    try:
        return int(datetime.fromisoformat(f"{year}-{_MONTHS[match[2]]:02}-{day}T{clock}{offset}").timestamp())
    except (ValueError, OverflowError):
        return None


def _epoch(line: bytes, zone: ZoneInfo, written_s: float) -> int | None:
    match = _EPOCH.search(line)
    return None if match is None else int(match[1])
