"""Registers, projects, reviews and actions: what management keeps."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from demo.book.figures import FEWER_BLANKS_DAYS, FEWER_DOUBLES_DAYS
from demo.book.rows import Cell, Row, Tables
from demo.characters import Character
from demo.people import MANAGERS, local

RISKS = ("power", "network", "platform", "people", "surge", "security", "disaster")
RECORDS_IMPROVED = {"mandatory_fill_rate": FEWER_BLANKS_DAYS, "customer_duplicate_rate": FEWER_DOUBLES_DAYS}
ROLES = ("commander", "operations", "it", "facilities", "communication", "security")


def _registers(character: Character, now: datetime) -> Iterator[Row]:
    def line(register: str, kind: str, number: int = 1, **more: Cell) -> Row:
        row: Row = {"id": f"{register}-{kind}-{number}", "register": register, "class": kind}
        return row | dict.fromkeys(("person", "complete", "verified", "metrics", "points")) | more

    for kind in RISKS:
        yield line("risk", kind, complete=True)
    for index, kind in enumerate(("owner", "deputy")):
        yield line("security_role", kind, person=MANAGERS[index])
    for index, kind in enumerate(ROLES):
        for number in (1, 2):
            yield line(
                "emergency_contact", kind, number, person=MANAGERS[2 * index + number - 1], verified=local(now, 30)
            )
    if character.maturity >= 2:
        yield line("goal", "service", metrics="service_level;answer_rate", points="M3_indicators")


def _projects(character: Character, now: datetime) -> Iterator[Row]:
    def project(kind: str, number: int, started: datetime, **more: Cell) -> Row:
        row: Row = {"id": f"{kind}-{number}", "class": kind, "started": started}
        blank = ("metric", "method", "held_days", "accepted", "control_group", "privacy_ok")
        return row | dict.fromkeys((*blank, "closed", "decided", "live", "measure_set")) | more

    for number in range({1: 1, 2: 3, 3: 5}[character.maturity]):
        started, closed = local(now, 330 - number), local(now, 140 + number)
        yield project("improvement", number, started, method=True, held_days=120, closed=closed, metric="aht")
    yield project("improvement", 9, local(now, 420), method=True, held_days=60, closed=local(now, 380), metric="fcr")
    if character.maturity >= 3:
        for number in range(6):
            live = local(now, 60) if number < 2 else None
            times: Row = {"decided": local(now, 150 + number), "live": live}
            yield project("idea", number, local(now, 200 + 40 * number), metric="fcr", accepted=True, **times)
        for number, (metric, changed) in enumerate(RECORDS_IMPROVED.items()):
            set_up: Row = {"measure_set": local(now, 220), "live": local(now, changed), "closed": local(now, 60)}
            yield project("process", number, local(now, 230), metric=metric, method=True, held_days=60, **set_up)
        times = {"measure_set": local(now, 130), "decided": local(now, 80), "live": local(now, 70)}
        yield project("tool", 1, local(now, 120), control_group=True, privacy_ok=True, **times)


def _reviews(character: Character, now: datetime) -> Iterator[Row]:
    def review(kind: str, subject: str, days: float) -> Row:
        row: Row = {"id": f"{kind}-{subject}-{days:.0f}", "class": kind, "subject": subject, "client": "acme"}
        return row | {"started": local(now, days), "decisions": 3, "changes": 2}

    yield review("access", "ldap", 44)
    for days in range(15, min(character.months * 30, 400), 30):
        yield review("client_operations", "acme", days)
    for days in range(50, max(character.months * 30, 60), 80):
        yield review("client_business", "acme", days)


def _actions(character: Character, now: datetime) -> Iterator[Row]:
    for number in range(14):
        at = local(now, 15 + 30 * number)
        row: Row = {"id": f"act-{number}", "source": "client_review", "started": at, "due": at + timedelta(days=14)}
        yield row | {"closed": at + timedelta(days=6)}


TABLES: Tables = {
    "register": (_registers,),
    "project": (_projects,),
    "review": (_reviews,),
    "action": (_actions,),
}
