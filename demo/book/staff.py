"""Who works there and what they have learnt."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from demo.book.rows import Row, Tables
from demo.calls import agents_of
from demo.characters import Character
from demo.people import MANAGERS, holders_of, joined_at, local

FUNCTIONS = ("operations", "quality", "training", "planning", "analysis", "it", "security", "complaints")
POSTS = dict(zip(MANAGERS, FUNCTIONS, strict=False))


def _people(character: Character, now: datetime) -> Iterator[Row]:
    agents = set(agents_of(character))
    for person, left in holders_of(character, now):
        joined = joined_at(character, person, now)
        yield {
            "id": person,
            "active": left is None,
            "agent": person in agents,
            "access": True,
            "post": "agent" if person in agents else POSTS.get(person, "manager"),
            "team": "support",
            "site": "east",
            "project": "acme",
            "qualified": True,
            "certified": person not in agents,
            "certificate_until": now + timedelta(days=300),
            "undertaking": joined - timedelta(days=1),
            "screened": joined - timedelta(days=3),
            "billed": person in agents and left is None,
            "on_site": True,
            "worked_days": 0 if left else 21,
            "joined": joined,
            "left": left,
        }


def _training(character: Character, now: datetime) -> Iterator[Row]:
    for person, left in holders_of(character, now):
        joined = joined_at(character, person, now)
        yearly = max(joined, local(now, 90)) + timedelta(days=2)
        courses = {"onboarding": joined + timedelta(days=8), "security_policy": yearly, "security": yearly}
        if person in MANAGERS:
            courses["emergency"] = yearly
        for course, started in courses.items():
            if left is None:
                row: Row = {"id": f"{course}-{person}", "course": course, "person": person, "started": started}
                yield row | {"passed": True, "attempts": 1, "score": 92}


TABLES: Tables = {
    "person": (_people,),
    "training": (_training,),
}
