"""A simulated history of calls: who called when, who answered, how it ended. Seeded, so every demo is alike."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from demo.characters import Character

ZONE = ZoneInfo("Asia/Shanghai")
QUEUES = ("support", "sales")
OPENS_H, CLOSES_H = 9, 18
LONGEST_CALL = timedelta(minutes=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call through one queue. Times are aware; `answered_s` and `talk_s` are whole seconds as in a queue log."""

    id: str
    queue: str
    number: str
    entered: datetime
    wait_s: int
    agent: str | None  # None: the caller gave up
    talk_s: int
    ended_by: Literal["agent", "caller"]
    recorded: bool
    ticketed: bool

    @property
    def ended(self) -> datetime:
        """When the caller was gone."""
        return self.entered + timedelta(seconds=self.wait_s + self.talk_s)


NEWCOMER_DAYS = 50  # the last agent of each center has answered calls for so long
GROWN_DAYS = 430  # before that a center was small: a quarter of the calls, four agents
RUSH_SHARE, RUSH_H, RUSH_S = 0.7, 10, 2700  # most of the calls come within three quarters of an hour


def agents_of(character: Character) -> list[str]:
    """Staff ids that answer calls, the same in the switch, HR, the directory and at the doors. The newcomer is last."""
    return [f"a{number:04d}" for number in range(1, character.agents + 1)]


def team_of(character: Character, day: date, today: date) -> list[str]:
    """Who worked that day: everyone but, before it came, the newcomer; at first a few."""
    agents, age = agents_of(character), (today - day).days
    if age > GROWN_DAYS:
        return agents[:4]
    return agents if age <= NEWCOMER_DAYS else agents[:-1]


def first_day(character: Character, now: datetime) -> date:
    """The day the center opened."""
    return now.astimezone(ZONE).date() - timedelta(days=round(character.months * 30.5))


def days(character: Character, now: datetime) -> Iterator[date]:
    """Every day from the opening to today."""
    day, today = first_day(character, now), now.astimezone(ZONE).date()
    while day <= today:
        yield day
        day += timedelta(days=1)


def calls_of(character: Character, now: datetime) -> Iterator[Call]:
    """All calls that are over by now, oldest first by day; within a day by queue and time."""
    for day in days(character, now):
        yield from calls_of_day(character, day, now)


def calls_of_day(character: Character, day: date, now: datetime) -> Iterator[Call]:
    """The calls of one day that are over by now."""
    chance = random.Random(f"{character.seed}-{day}")
    today = now.astimezone(ZONE).date()
    team, volume = team_of(character, day, today), character.calls_a_day
    if (today - day).days > GROWN_DAYS:
        volume //= 4
    for queue, share in zip(QUEUES, (0.6, 0.4), strict=True):
        for number in range(round(volume * share * chance.uniform(0.9, 1.1))):
            call = _call(character, chance, day, team, queue, number)
            if call.ended < now - timedelta(minutes=1):
                yield call


def _call(character: Character, chance: random.Random, day: date, team: list[str], queue: str, number: int) -> Call:
    opened = datetime(day.year, day.month, day.day, OPENS_H, tzinfo=ZONE)
    seconds = chance.randrange((CLOSES_H - OPENS_H) * 3600 - int(LONGEST_CALL.total_seconds()))
    if chance.random() < RUSH_SHARE:
        seconds = (RUSH_H - OPENS_H) * 3600 + seconds % RUSH_S
    answered = chance.random() < character.answered
    dropped = answered and chance.random() < character.short_calls
    talk_s = min(int(chance.lognormvariate(5.0, 0.5)), 600) if answered else 0
    return Call(
        id=f"{character.id[0].upper()}{day:%y%m%d}{queue[1]}{number:04d}",
        queue=queue,
        number=f"139{chance.randrange(10**8):08d}",
        entered=opened + timedelta(seconds=seconds),
        wait_s=min(int(chance.expovariate(1 / character.mean_wait_s)), 90) if answered else chance.randrange(20, 90),
        agent=chance.choice(team) if answered else None,
        talk_s=chance.randrange(1, 5) if dropped else talk_s,
        ended_by="agent" if dropped or chance.random() < 0.02 else "caller",
        recorded=chance.random() < character.recorded,
        ticketed=chance.random() < character.ticketed,
    )
