"""Since when a source has looked without a gap, and what of it is stated already.

>>> from ccmm_proto.period import QUARTER_MS
>>> watch = Watch().look(0, gap_ms=60_000).look(60_000, gap_ms=60_000)
>>> watch.before_ms, watch.close(QUARTER_MS)[1]
(0, None)

Who looks at instants knows nothing of the time between two looks that lie far apart: it is not watched, and no run
vouches for it. Slots (five minutes, a quarter hour) are stated once they are over, each once.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from ccmm_agent.plugin import BadOption, Options, Reason, SourceUnavailable
from ccmm_proto.period import floor_to, from_ms

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What a cursor holds of it. Milliseconds since the epoch."""

    looked_ms: int | None = None  # the last look
    before_ms: int | None = None  # the look before it, where they follow each other closely; never in a cursor
    since_ms: int = 0  # from here to the last look each followed the one before closely
    stated_ms: int = 0  # slots before it are stated

    def look(self, now_ms: int, *, gap_ms: int) -> Self:
        """After one look more. Raises SourceUnavailable where the clock went back into slots that are stated."""
        if now_ms < self.stated_ms:
            told = f"slots up to {from_ms(self.stated_ms):%Y-%m-%d %H:%M} UTC are stated, and it is before that now"
            raise SourceUnavailable(Reason.UNREADABLE, f"{told}: the clock of this machine went back")
        if self.looked_ms is None or not 0 <= now_ms - self.looked_ms <= gap_ms:
            return replace(self, looked_ms=now_ms, before_ms=None, since_ms=now_ms)
        return replace(self, looked_ms=now_ms, before_ms=self.looked_ms)

    def close(self, slot_ms: int) -> tuple[Self, Span | None]:
        """All slots that are over become stated; the time that was watched in them, if there is any."""
        until = floor_to(self.looked_ms or 0, slot_ms)
        begin = max(self.since_ms, self.stated_ms)
        covers = (from_ms(begin), from_ms(until)) if begin < until else None
        return replace(self, stated_ms=max(self.stated_ms, until)), covers

    def to_list(self) -> list[int | None]:
        """For `parse_watch`."""
        return [self.looked_ms, self.since_ms, self.stated_ms]


def longest_gap(options: Options, default_s: int, *, most_s: int) -> int:
    """The option `longest_gap` in seconds; raises BadOption. One look a day must not vouch for the day."""
    found = options.seconds("longest_gap", default_s)
    if found > most_s:
        raise BadOption("longest_gap", f"at most {most_s // 60}m: what lies between two looks is taken as watched")
    return found


def parse_watch(looked_ms: int | None, since_ms: int, stated_ms: int) -> Watch:
    """From the three that `to_list` gave. Raises ValueError or TypeError where they are no instants."""
    instants = [from_ms(instant) for instant in (looked_ms, since_ms, stated_ms) if instant is not None]
    if len(instants) < 2 or since_ms is None or stated_ms is None:
        raise ValueError("no instants")
    return Watch(looked_ms=looked_ms, since_ms=since_ms, stated_ms=stated_ms)
