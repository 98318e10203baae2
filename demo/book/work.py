"""Samples of the daily work, and tickets."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from demo.book.rows import Row, Tables
from demo.calls import agents_of
from demo.characters import Character
from demo.people import local


def _samples(character: Character, now: datetime) -> Iterator[Row]:
    for agent in agents_of(character):
        for number in range(12):
            at = local(now, 2 + 4 * number, 14)
            row: Row = {"id": f"qa-{agent}-{number}", "class": "quality", "agent": agent, "random": True, "started": at}
            yield row | {"passed": True, "score": 91, "possible": 100}


def _cases(character: Character, now: datetime) -> Iterator[Row]:
    for number in range(80):
        at = local(now, 3 + number * 0.7, 9 + number % 8)
        complaint = number % 5 == 0
        late = number % 16 == 7 and not complaint and character.maturity < 3
        row: Row = {
            "id": f"C{number:04d}",
            "case": f"C{number:04d}",
            "class": "complaint" if complaint else "question",
            "started": at,
        }
        closed = at + timedelta(hours=60 if late else 20)
        yield row | {"due": at + timedelta(hours=48), "closed": closed, "due_moves": 0, "ended": closed}


TABLES: Tables = {
    "sample": (_samples,),
    "case": (_cases,),
}
