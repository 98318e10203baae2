"""Five cron fields as users know them (0 and 7 are Sunday), on APScheduler's trigger (where 0 would be Monday).

>>> parse_cron("0 6 * * 1-5", ZoneInfo("Asia/Shanghai"))
<CronTrigger (month='*', day='*', day_of_week='mon,tue,wed,thu,fri', hour='6', minute='0', timezone='Asia/Shanghai')>
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Final

from apscheduler.triggers.cron import CronTrigger

DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DAY: Final = r"([0-7]|sun|mon|tue|wed|thu|fri|sat)"
_DAYS: Final = re.compile(rf"(?:\*|{_DAY}(?:-{_DAY})?)(?:/([1-7]))?")
_FIELD: Final = re.compile(r"[0-9a-z*,/\-]{1,200}")
_EXPECTED: Final = 'five fields "minute hour day month weekday"'
_FIRST: Final = datetime(2024, 1, 1, tzinfo=UTC)
_DATES: Final = 800  # enough to see a leap day rule twice where it is the only date


def parse_cron(text: str, zone: tzinfo) -> CronTrigger:
    """The trigger of five fields on the wall clock of the zone; raises ValueError saying what was expected."""
    minute, hour, day, month, weekday = _fields(text)
    weekdays = ",".join(_weekdays(weekday))
    try:
        trigger = CronTrigger(minute=minute, hour=hour, day=day, month=month, day_of_week=weekdays, timezone=zone)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{_EXPECTED}, not {text!r}: {error}") from error
    if trigger.get_next_fire_time(None, _FIRST.astimezone(zone)) is None:
        raise ValueError(f"{_EXPECTED} that come true some day, not {text!r}")
    return trigger


def longest_gap_s(text: str) -> int:
    """Seconds of the wall clock between the two due times that lie farthest apart; raises ValueError.

    Times of day and dates are independent of each other, so both are listed alone: "* 9-17 * * 1-5" needs no listing of
    every minute of a year.
    """
    minute, hour, day, month, weekday = _fields(text)
    times = [time.hour * 3600 + time.minute * 60 for time in _times(parse_cron(f"{minute} {hour} * * *", UTC))]
    dates = list(_dates(parse_cron(f"0 0 {day} {month} {weekday}", UTC)))
    within = max((after - before for before, after in pairwise(times)), default=0)
    farthest = max((after - before for before, after in pairwise(dates)), default=timedelta(days=366 * 8))
    return max(within, int(farthest.total_seconds()) + times[0] - times[-1])


def _times(trigger: CronTrigger) -> Iterator[datetime]:
    """All due times of one day."""
    time = trigger.get_next_fire_time(None, _FIRST)
    while time is not None and time < _FIRST + timedelta(days=1):
        yield time
        time = trigger.get_next_fire_time(None, time + timedelta(seconds=1))


def _dates(trigger: CronTrigger) -> Iterator[datetime]:
    date = trigger.get_next_fire_time(None, _FIRST)
    last = _FIRST + timedelta(days=366 * 9)
    for _ in range(_DATES):
        if date is None or date > last:
            return
        yield date
        date = trigger.get_next_fire_time(None, date + timedelta(seconds=1))


def _fields(text: str) -> list[str]:
    fields = text.lower().split()
    if len(fields) != 5 or not all(_FIELD.fullmatch(field) for field in fields):
        raise ValueError(f"{_EXPECTED}, not {text!r}")
    if fields[2] != "*" and fields[4] != "*":
        raise ValueError(f"a day of the month or a weekday, not both: {text!r}")  # crons disagree on what both mean
    return fields


def _weekdays(field: str) -> list[str]:
    """Names, Monday first, as the trigger knows them."""
    chosen: set[int] = set()
    for part in field.split(","):
        match = _DAYS.fullmatch(part)
        if match is None:
            raise ValueError(f"weekdays such as 1-5, mon-fri or sat,sun, not {field!r}")
        first, last = (0, 6) if match[1] is None else (_number(match[1]), _number(match[2] or match[1]))
        if first == 7:
            first, last = 0, 0 if match[2] is None else last
        last += 7 if last < first else 0
        chosen |= {number % 7 for number in range(first, last + 1, int(match[3] or 1))}
    return [DAYS[number % 7] for number in range(1, 8) if number % 7 in chosen]


def _number(word: str) -> int:
    return int(word) if word.isdigit() else DAYS.index(word)
