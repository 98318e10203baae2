"""Spans of time of one person: which state holds when several are told, and how long two accounts of it agree. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A person is in a state from `start` to `end`, half-open."""

    start: datetime
    end: datetime
    state: str

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


def painted(stretches: Iterable[Stretch]) -> list[Stretch]:
    """In order of time without overlaps: what comes later in the order given lies over what came before."""
    found: list[Stretch] = []
    latest: datetime | None = None
    for new in stretches:
        if new.start >= new.end:
            continue
        if latest is None or new.start >= latest:  # as rows mostly come
            found.append(new)
            latest = new.end
            continue
        latest = max(latest, new.end)
        kept: list[Stretch] = []
        for old in found:
            if old.end <= new.start or new.end <= old.start:
                kept.append(old)
                continue
            if old.start < new.start:
                kept.append(replace(old, end=new.start))
            if new.end < old.end:
                kept.append(replace(old, start=new.end))
        found = [*kept, new]
    return sorted(found, key=lambda one: one.start)


def both(left: Iterable[Stretch], right: Iterable[Stretch]) -> Iterator[tuple[Stretch, str | None]]:
    """Every piece of `left` with the state of `right` then, None where that tells none; both `painted`."""
    others = list(right)
    at = 0
    for one in left:
        start = one.start
        while at < len(others) and others[at].end <= start:
            at += 1
        place = at
        while start < one.end:
            other = others[place] if place < len(others) else None
            if other is None or other.start >= one.end:
                yield Stretch(start, one.end, one.state), None
                break
            if start < other.start:
                yield Stretch(start, other.start, one.state), None
            end = min(one.end, other.end)
            yield Stretch(max(start, other.start), end, one.state), other.state
            start, place = end, place + 1


def by_day(stretch: Stretch, zone: ZoneInfo) -> Iterator[Stretch]:
    """Cut at midnight of the zone."""
    start = stretch.start
    while start < stretch.end:
        midnight = midnight_after(start, zone)
        yield Stretch(start, min(midnight, stretch.end), stretch.state)
        start = midnight


def midnight_after(at: datetime, zone: ZoneInfo) -> datetime:
    """In UTC."""
    today = at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return (today + _DAY).astimezone(UTC)


def difference_s(left: Iterable[Stretch], right: Iterable[Stretch]) -> float:
    """Seconds in which the two tell different states, or only one tells any."""
    one, other = list(left), list(right)
    unlike = sum((piece.seconds for piece, state in both(one, other) if state != piece.state), 0.0)
    return unlike + sum(piece.seconds for piece, state in both(other, one) if state is None)
