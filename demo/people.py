"""Who works at a simulated center: agents, managers, leavers; the same ids in every system."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta

from demo.calls import NEWCOMER_DAYS, ZONE, agents_of, first_day
from demo.characters import Character

MANAGERS = tuple(f"m{number:04d}" for number in range(1, 13))
LEAVERS = ("x0001", "x0002")  # left 20 and 55 days ago
ADMINISTRATORS = MANAGERS[:2]
_LEFT_DAYS = (20, 55)


def local(now: datetime, days_ago: float, hour: int = 10, minute: int = 0) -> datetime:
    """A local time so many days before today."""
    day = (now.astimezone(ZONE) - timedelta(days=days_ago)).date()
    return datetime.combine(day, time(hour, minute), ZONE)


def hours(now: datetime, days_ago: int, every: int = 1) -> Iterator[datetime]:
    """Each full hour since a midnight so many days ago."""
    first = local(now, days_ago, 0)
    for step in range(0, 24 * (days_ago + 1), every):
        if (at := first + timedelta(hours=step)) < now:
            yield at


def holders_of(character: Character, now: datetime) -> Iterator[tuple[str, datetime | None]]:
    """Everyone who ever had a badge or an account, with the last working hour of those who left."""
    for person in (*agents_of(character), *MANAGERS):
        yield person, None
    for person, days in zip(LEAVERS, _LEFT_DAYS, strict=True):
        yield person, local(now, days, 18)


def joined_at(character: Character, person: str, now: datetime) -> datetime:
    """The first working day: before the opening, or for the newcomer ten days before its first call."""
    if person == agents_of(character)[-1] and character.months > 2:
        return local(now, NEWCOMER_DAYS + 10, 9)
    opening = datetime.combine(first_day(character, now), time(9), ZONE)
    return opening - timedelta(days=20)


def drills_of(character: Character, now: datetime) -> list[datetime]:
    """Starts of the evacuation drills."""
    return [local(now, days, 15) for days in (35, 140) if days < character.months * 30]
