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
        name, kind = f"C{number:04d}", "complaint" if complaint else "question"
        row: Row = {"id": name, "case": name, "class": kind, "started": at, "first_contact": not complaint}
        row |= {"customer": f"c{number}", "topic": "billing", "contact": f"K{number}"}
        closed = at + timedelta(hours=60 if late else 20)
        yield row | {
            "due": at + timedelta(hours=48),
            "closed": closed,
            "due_moves": 0,
            "bare_pauses": 0,
            "relabelled": False,
            "origin": "own",
            "ended": closed,
        }


def marks(character: Character, now: datetime) -> Iterator[Row]:
    """Who was called back, and which contacts were complaints."""
    for row in _cases(character, now):
        if row["class"] == "complaint":
            yield {"id": f"mark-{row['id']}", "mark": "complaint", "contact": row["contact"], "started": row["started"]}
    for days in range(1, 60):
        at = local(now, days, 16)
        yield {"id": f"back-{days}", "mark": "called_back", "customer": f"k{days}", "started": at}


def call_backs(character: Character, now: datetime) -> Iterator[Row]:
    """The messages by which they were answered."""
    for days in range(1, 60):
        row: Row = {"id": f"out-{days}", "contact": f"out-{days}", "customer": f"k{days}", "direction": "out"}
        yield row | {"topic": "billing", "channel": "chat", "started": local(now, days, 15, 40)}


TABLES: Tables = {
    "sample": (_samples,),
    "case": (_cases,),
}
