"""The refusals of a security log since the last read, and the time that is vouched for with them."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ccmm_plugin_telephony.asterisk.security_log import Refusal, parse_security_line, time_of_security_line
from ccmm_plugin_telephony.cursor import LogCursor
from ccmm_plugin_telephony.log_files import LogFile, Position, complete_lines, log_files, position_at
from ccmm_plugin_telephony.resume import Start, start_of
from ccmm_proto.errors import Malformed

MOST_REFUSALS = 50_000  # of one run: at the first start the newest, later the oldest, and the rest in the next batch


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """`since_ms` None: the time before this run is not vouched for, though what is known of it is stated."""

    refusals: tuple[Refusal, ...]
    since_ms: int | None
    until_ms: int
    newest_s: int
    position: Position | None
    more: bool
    broken: int  # lines of a security event that cannot be read


def read_refusals(live: Path, cursor: LogCursor | None, resume_after: datetime | None, now_ms: int) -> Refusals:
    """Raises SourceUnavailable where the log cannot be read, or was rewritten before the cursor."""
    files = log_files(live, time_of_security_line)
    start = start_of(files, cursor, resume_after)
    found: deque[Refusal] = deque(maxlen=MOST_REFUSALS)
    end, first_s, newest_s, broken, full = start.place, 0, cursor.position_s if cursor else 0, 0, False
    for place, line in _lines(files, start):
        end = place
        try:
            event = parse_security_line(line) if line is not None else None
        except Malformed:
            broken += 1
            continue
        if event is None:
            continue
        newest_s = max(newest_s, int(event[0].timestamp()))
        first_s = first_s or newest_s
        if event[1] is not None:
            found.append(event[1])
        full = cursor is not None and len(found) == MOST_REFUSALS
        if full:
            break
    return Refusals(
        refusals=tuple(found),
        since_ms=_since(cursor, start, first_s, now_ms),
        until_ms=min(newest_s * 1000, now_ms) if full else now_ms,
        newest_s=newest_s,
        position=position_at(files[end[0]], end[1]) if end[1] else None,
        more=full,
        broken=broken,
    )


def _lines(files: tuple[LogFile, ...], start: Start) -> Iterator[tuple[tuple[int, int], bytes | None]]:
    for index in range(start.place[0], len(files)):
        offset = start.place[1] if index == start.place[0] else 0
        for _, ends, line in complete_lines(files[index], offset):
            yield (index, ends), line


def _since(cursor: LogCursor | None, start: Start, first_s: int, now_ms: int) -> int | None:
    if cursor is None:
        return None
    return max(cursor.stated_ms, first_s * 1000 or now_ms) if start.anew else cursor.stated_ms
