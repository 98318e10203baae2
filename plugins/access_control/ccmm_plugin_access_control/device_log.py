"""What the log of a door device holds now, against what was stated of it: new hours, changed hours, vanished records.

A device keeps its log itself: it can be cleared, it overwrites its oldest records when it is full, and it can be
replaced. So what was read is counted by the hour, and where the newest hour that was stated is no longer whole,
nothing between it and the first record that is there now is vouched for. Pure.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b

from ccmm_plugin_access_control.passages import RETAINED_HOURS, Hours, Passage, StatedHour
from ccmm_proto.period import HOUR_MS, from_ms, to_ms

VERSION = 2
REASON = "records came later, or the device's log changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogMarks:
    """All that a cursor holds. Hours are counted since the epoch."""

    device: str = ""  # a digest of its serial number
    until: int | None = None  # hours before it are stated
    vouched_ms: int | None = None
    floor: int = 0  # hours before it are another log's: not compared any more
    noted: int = 0  # a count of the source's own
    hours: Mapping[int, StatedHour] = field(default_factory=dict)
    open: Mapping[str, int] = field(default_factory=dict)  # what goes on, since when (ms)

    def to_cursor(self) -> bytes:
        """For `parse_log_marks`."""
        hours = {hour: [one.count, one.digest, one.revision] for hour, one in self.hours.items()}
        held = [VERSION, self.device, self.until, self.vouched_ms, self.floor, self.noted, hours, dict(self.open)]
        return json.dumps(held, separators=(",", ":")).encode()


def parse_log_marks(cursor: bytes) -> LogMarks:
    """From a cursor; from anything else none: then the log is read from its beginning."""
    try:
        version, device, until, vouched_ms, floor, noted, hours, going = json.loads(cursor)
        if version != VERSION:
            return LogMarks()
        return LogMarks(
            device=str(device),
            until=None if until is None else int(until),
            vouched_ms=None if vouched_ms is None else int(vouched_ms),
            floor=int(floor),
            noted=int(noted),
            hours={
                int(hour): StatedHour(count=int(count), digest=str(digest), revision=int(revision))
                for hour, (count, digest, revision) in hours.items()
            },
            open={str(name): int(since) for name, since in going.items()},
        )
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return LogMarks()


def digest_of(text: str) -> str:
    """What recognises a device, without telling its number."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


class LogReading:
    """One pass over the log of a device, as far back as it was read (`since`), from `marks.until` up to `closing`."""

    def __init__(self, marks: LogMarks, device: str, *, closing: int, most: int, since: int | None = None) -> None:
        self.marks = marks
        self.device = device
        self.closing = max(closing, marks.until or 0)
        self.hours = Hours(most=most, limit=self.closing)
        self.is_broken = bool(marks.device) and marks.device != device  # the caller may know more reasons
        self._since = max(since or 0, marks.floor)
        self._tallies: dict[int, list[int]] = {}

    @property
    def oldest(self) -> int:
        """Passages of earlier hours need not be taken."""
        return 0 if self.marks.until is None else self.marks.until - RETAINED_HOURS

    def take(self, passage: Passage) -> None:
        """Every passage of the log, in any order; each once."""
        hour = hour_of(passage.at)
        if not self.oldest <= hour < self.closing:
            return
        tally = self._tallies.setdefault(hour, [0, 0])
        tally[0] += 1
        tally[1] = (tally[1] + _number(passage)) % (1 << 64)  # a sum: the order does not matter
        if self.marks.until is None or hour >= self.marks.until:
            self.hours.add(hour, passage)

    def finish(self) -> None:
        """All passages were taken."""
        self.hours.finish()
        newest = max((hour for hour, one in self._compared() if one.count), default=None)
        if newest is not None and self._now(newest).count < self.marks.hours[newest].count:
            self.is_broken = True

    @property
    def until(self) -> int:
        """Hours before it are stated after this run."""
        return min(self.closing, self.hours.limit)

    @property
    def has_more(self) -> bool:
        """Hours that were too many for one run wait."""
        return self.until < self.closing

    @property
    def lost(self) -> int:
        """Records that were stated and are no longer in the log."""
        if self.marks.device != self.device:
            return 0
        return sum(max(0, one.count - self._now(hour).count) for hour, one in self._compared())

    @property
    def cut_hour(self) -> int | None:
        """The hour in which a log begins that continues nothing: records before its first one may be missing."""
        if self.marks.until is None or self.is_broken:
            return min((hour for hour in self._tallies if hour >= (self.marks.until or 0)), default=None)
        return None

    def changed(self) -> dict[int, StatedHour]:
        """Hours stated before that now hold other or more passages; those that hold fewer stay as they were stated."""
        found: dict[int, StatedHour] = {}
        for hour in self._tallies if not self.is_broken else ():
            if self.marks.until is None or hour >= self.marks.until or hour < self._since:
                continue
            before = self.marks.hours.get(hour, StatedHour(count=0, digest="", revision=0))
            now = self._now(hour)
            if now.digest != before.digest and now.count >= before.count:
                found[hour] = StatedHour(count=now.count, digest=now.digest, revision=before.revision + 1)
        return found

    def covers(self) -> tuple[datetime, datetime]:
        """From where the last run ended to where the stated hours end, without what a broken log leaves open."""
        end = self.until * HOUR_MS
        begin = end if self.marks.vouched_ms is None else self.marks.vouched_ms
        if self.cut_hour is not None:
            begin = (self.cut_hour + 1) * HOUR_MS
        elif self.is_broken:
            begin = end
        return from_ms(min(begin, end)), from_ms(end)

    def marks_after(
        self, changed: Mapping[int, StatedHour], *, noted: int = 0, open: Mapping[str, int] | None = None
    ) -> LogMarks:
        """What is remembered of this run."""
        new = {hour: self._now(hour) for hour in self.hours.kept}
        kept = {**self.marks.hours, **new, **changed}
        vouched_ms = max(to_ms(self.covers()[1]), self.marks.vouched_ms or 0)
        oldest = self.until - RETAINED_HOURS
        return LogMarks(
            device=self.device,
            until=self.until,
            vouched_ms=vouched_ms,
            floor=(self.marks.until or 0) if self.is_broken else self.marks.floor,
            noted=noted,
            hours={hour: one for hour, one in sorted(kept.items()) if hour >= oldest},
            open=open or {},
        )

    def _now(self, hour: int) -> StatedHour:
        count, total = self._tallies.get(hour, (0, 0))
        return StatedHour(count=count, digest=f"{total:016x}", revision=0)

    def _compared(self) -> Iterable[tuple[int, StatedHour]]:
        """Hours stated before, as far as the log was read again."""
        return [(hour, one) for hour, one in self.marks.hours.items() if hour >= self._since]


def hour_of(at: datetime) -> int:
    """Since the epoch."""
    return to_ms(at) // HOUR_MS


def _number(passage: Passage) -> int:
    """Who went when through which door, how; who holds the badge may change."""
    words = [passage.attributes.get(name) for name in ("door", "direction", "result")]
    text = repr((passage.badge, passage.at.timestamp(), *words))
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def clock_words(device: str, offset: timedelta) -> str:
    """How far the clock of a terminal or device is off, in a sentence."""
    seconds = round(offset.total_seconds())
    return f"the {device}'s clock is {abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'} the agent's"
