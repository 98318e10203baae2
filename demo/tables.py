"""The tables that a simulated center exports: HR, tickets, training, drills ... One CSV per kind."""

import csv
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from demo.calls import ZONE, Call, agents_of
from demo.characters import Character
from demo.people import MANAGERS, drills_of, holders_of, joined_at, local

Cell = str | int | float | bool | datetime | None
Row = dict[str, Cell]
TICKETS_DAYS = 45  # how far back the ticket system's export reaches
RISKS = ("power", "network", "platform", "people", "surge", "security", "disaster")
ROLES = ("commander", "operations", "it", "facilities", "communication", "security")


def write_tables(folder: Path, character: Character, calls: Iterable[Call], now: datetime) -> None:
    """`<kind>.csv` for every kind in TABLES, and `contact.csv` and `survey.csv` from the calls."""
    recent = [call for call in calls if call.entered > now - timedelta(days=TICKETS_DAYS)]
    for kind, rows in TABLES.items():
        _write(folder / f"{kind}.csv", list(rows(character, now)))
    _write(folder / "contact.csv", list(_contacts(recent)))
    _write(folder / "survey.csv", list(_surveys(recent)))


def _write(path: Path, rows: list[Row]) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([_text(row.get(column)) for column in columns] for row in rows)


def _text(cell: Cell) -> str:
    if isinstance(cell, datetime):
        return cell.astimezone(ZONE).strftime("%Y-%m-%d %H:%M")
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return "" if cell is None else str(cell)


def _contacts(calls: list[Call]) -> Iterator[Row]:
    for call in calls:
        if call.ticketed and call.agent and call.talk_s >= 8:
            yield {
                "contact": f"T{call.id}",
                "call": call.id,
                "agent": call.agent,
                "channel": "voice",
                "started": call.ended,
            }


def _surveys(calls: list[Call]) -> Iterator[Row]:
    for index, call in enumerate(calls):
        if call.agent and index % 5 == 0:
            yield {"started": call.ended, "queue": call.queue, "drawn": "automatic", "favourable": int(index % 50 != 0)}


def _people(character: Character, now: datetime) -> Iterator[Row]:
    agents = set(agents_of(character))
    for person, left in holders_of(character, now):
        yield {
            "person": person,
            "active": left is None,
            "agent": person in agents,
            "access": True,
            "post": "agent" if person in agents else "manager",
            "worked_days": 0 if left else 21,
            "joined": joined_at(character, person, now),
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
        row: Row = {"id": f"alert-{days}", "signal": "queue_wait", "colour": colour, "started": at}
        yield row | {"acked": at + timedelta(minutes=3), "acted": at + timedelta(minutes=7)}


def _jobs(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(45):
        at = local(now, days, 2, 0)
        if at < now - timedelta(hours=1):
            yield {"id": f"backup-{at:%y%m%d}", "class": "backup", "copy": "nightly", "verified": True, "started": at}


def _registers(character: Character, now: datetime) -> Iterator[Row]:
    def line(register: str, kind: str, number: int = 1, **more: Cell) -> Row:
        row: Row = {"line": f"{register}-{kind}-{number}", "register": register, "class": kind}
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
        times = {"measure_set": local(now, 130), "decided": local(now, 80), "live": local(now, 70)}
        yield project("tool", 1, local(now, 120), control_group=True, privacy_ok=True, **times)


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
        row: Row = {"case": f"C{number:04d}", "class": "complaint" if complaint else "question", "started": at}
        closed = at + timedelta(hours=60 if late else 20)
        yield row | {"due": at + timedelta(hours=48), "closed": closed, "due_moves": 0, "ended": closed}


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


TABLES: dict[str, Callable[[Character, datetime], Iterator[Row]]] = {
    "person": _people,
    "training": _training,
    "exercise": _exercises,
    "incident": _incidents,
    "alert": _alerts,
    "job": _jobs,
    "register": _registers,
    "project": _projects,
    "sample": _samples,
    "case": _cases,
    "review": _reviews,
    "action": _actions,
}
