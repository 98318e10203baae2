"""What went wrong, what warned of it, and what was exercised."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from demo.book.rows import Cell, Row, Tables
from demo.characters import Character
from demo.people import drills_of, local


def _exercises(character: Character, now: datetime) -> Iterator[Row]:
    def drill(kind: str, started: datetime, **more: Cell) -> Row:
        row: Row = {"id": f"{kind}-{started:%y%m%d}", "class": kind, "started": started, "passed": True}
        return row | dict.fromkeys(("minutes", "share", "rto_minutes", "full")) | more

    for at in drills_of(character, now):
        yield drill("evacuation", at, minutes=4)
    yield drill("call_tree", local(now, 40), share=96, minutes=18)
    yield drill("failover", local(now, 45, 3), minutes=7)
    yield drill("restore", local(now, 33, 2), minutes=50, rto_minutes=120, full=True)
    if character.maturity >= 3:
        yield drill("power", local(now, 42, 4), minutes=12)
        yield drill("second_site", local(now, 38, 11), minutes=55)
        yield drill("phishing", local(now, 20), share=4)
        yield drill("phishing", local(now, 48), share=7)


def _incidents(character: Character, now: datetime) -> Iterator[Row]:
    for days, grade in ((12, "III"), (37, "IV"), (205, "III")):
        at = local(now, days, 11)
        row: Row = {"id": f"inc-{days}", "class": "platform", "grade": grade, "started": at, "detected": at}
        steps = {"declared": 9, "told": 14, "restored": 55, "closed": 300}
        yield row | {name: at + timedelta(minutes=minutes) for name, minutes in steps.items()}


def _alerts(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(2, 130, 6):
        at = local(now, days, 10, 30)
        colour = "orange" if days % 4 else "yellow"
        row: Row = {"id": f"alert-{days}", "signal": "queue", "system": "pbx", "colour": colour, "started": at}
        yield row | {"acked": at + timedelta(minutes=3), "acted": at + timedelta(minutes=7)}


def _jobs(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(45):
        at = local(now, days, 2, 0)
        if at < now - timedelta(hours=1):
            yield {"id": f"backup-{at:%y%m%d}", "class": "backup", "copy": "nightly", "verified": True, "started": at}


TABLES: Tables = {
    "exercise": (_exercises,),
    "incident": (_incidents,),
    "alert": (_alerts,),
    "job": (_jobs,),
}
