"""Where the next batch of a rotated log begins, and from when on the time is vouched for.

A log whose content at the cursor is gone is one of two things. Rotated away or emptied while nobody read: reading goes
on with what is there, and the time between stays without cover, which rules see. Rewritten: what was signed and what
the log says now differ, and only a person can say why, so the source is UNAVAILABLE until `resume_after` is set.
"""

from dataclasses import dataclass
from datetime import datetime

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_telephony.cursor import LogCursor
from ccmm_plugin_telephony.log_files import LogFile, has_head, locate
from ccmm_proto.period import HOUR_MS, QUARTER_MS, floor_to, to_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """`place`: file and offset. `stated_ms` None: the first line decides. `anew`: what the cursor held is void."""

    place: tuple[int, int]
    stated_ms: int | None
    anew: bool
    round_up: bool = False  # after a break: begin with the next full hour, of which nothing was stated before it


def start_of(files: tuple[LogFile, ...], cursor: LogCursor | None, resume_after: datetime | None) -> Start:
    """Raises SourceUnavailable where the log was rewritten, or emptied and not written since."""
    if cursor is None:
        return Start(place=(0, 0), stated_ms=None, anew=True)
    if cursor.position is None:
        return Start(place=(0, 0), stated_ms=cursor.stated_ms, anew=False)
    index = locate(files, cursor.position)
    if index is not None:
        return Start(place=(index, cursor.position.offset), stated_ms=cursor.stated_ms, anew=False)
    return _after_a_break(files, cursor, resume_after)


def _after_a_break(files: tuple[LogFile, ...], cursor: LogCursor, resume_after: datetime | None) -> Start:
    if resume_after is not None and (resume_ms := to_ms(resume_after)) > cursor.stated_ms:
        index = max((at for at, file in enumerate(files) if (file.first_s or 0) * 1000 <= resume_ms), default=0)
        return Start(place=(index, 0), stated_ms=_round_up(resume_ms), anew=True)
    assert cursor.position is not None
    later = [at for at, file in enumerate(files) if file.first_s is not None and file.first_s > cursor.position_s]
    newest = files[-1].first_s
    if has_head(files, cursor.position) or (newest is not None and newest <= cursor.position_s):
        raise SourceUnavailable(
            Reason.UNREADABLE,
            "the log was rewritten before the point already read; to go on without the time between, set resume_after",
        )
    if not later:
        raise SourceUnavailable(Reason.LIMITED, "the log was emptied, and nothing was written since")
    return Start(place=(later[0], 0), stated_ms=None, anew=True, round_up=True)


def first_stated(start: Start, first_line_s: int | None, horizon_ms: int) -> int:
    """From when on the time is vouched for: the quarter hour of the first line, or, of a quiet log, from now on."""
    if start.stated_ms is not None:
        return start.stated_ms
    if first_line_s is None:
        return horizon_ms
    return _round_up(first_line_s * 1000) if start.round_up else floor_to(first_line_s * 1000, QUARTER_MS)


def _round_up(instant_ms: int) -> int:
    return floor_to(instant_ms + HOUR_MS - 1, HOUR_MS)
