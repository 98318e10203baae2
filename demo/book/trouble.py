"""What went wrong, what warned of it, and what was exercised."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from demo.book.rows import Cell, Row, Tables
from demo.calls import QUEUES, agents_of
from demo.characters import Character
from demo.people import drills_of, local

FAILOVER_DAYS = 45
INCIDENTS = ((12, "III"), (37, "IV"), (205, "III"))  # days ago, grade
GRADES = ("I", "II", "III", "IV")
SIGNALS = ("queue", "abandonment", "answer_rate", "lines", "platform", "recorder", "temperature", "power")
TRACED = ("failover", "evacuation", "power", "call_tree", "second_site")


def _exercises(character: Character, now: datetime) -> Iterator[Row]:
    def drill(kind: str, started: datetime, **more: Cell) -> Row:
        row: Row = {"id": f"{kind}-{started:%y%m%d}", "class": kind, "started": started, "passed": True}
        return (
            row | {"ended": started + timedelta(minutes=60), "announced": kind != "evacuation", "site": "east"} | more
        )

    for at in (*drills_of(character, now), local(now, 250, 15)):
        yield drill("evacuation", at, minutes=4, risk="fire")
    yield drill("call_tree", local(now, 40), share=96, minutes=18, risk="people")
    whole_day: Row = {"ended": local(now, FAILOVER_DAYS, 18), "rto_minutes": 30, "rpo_minutes": 15, "lost_minutes": 0}
    yield drill("failover", local(now, FAILOVER_DAYS, 9), minutes=7, risk="network", **whole_day)
    lost: Row = {"rto_minutes": 120, "rpo_minutes": 60, "lost_minutes": 5}
    yield drill("restore", local(now, 33, 2), minutes=50, risk="platform", full=True, **lost)
    for days in (25, 70):
        yield drill("battery", local(now, days), ref="ups-1", minutes=30)
    if character.maturity >= 3:
        yield drill("power", local(now, 42, 14), minutes=12, risk="power")
        yield drill(
            "second_site", local(now, 38, 11), minutes=55, site="west", seats_4h=40, seats_1h=20, risk="disaster"
        )
        yield drill("call_tree", local(now, 120), share=94, minutes=22, risk="surge")
        yield drill("phishing", local(now, 20), share=4, risk="security")
        yield drill("phishing", local(now, 48), share=7, risk="security")
        for number in range(8):
            yield drill("generator", local(now, 10 + 27 * number), loaded=number % 3 == 0, seconds=20)


def _incidents(character: Character, now: datetime) -> Iterator[Row]:
    for days, grade in INCIDENTS:
        at = local(now, days, 11)
        row: Row = {"id": f"inc-{days}", "class": "platform", "grade": grade, "started": at, "detected": at}
        row |= {"service": "crm", "reportable": False, "rto_minutes": 120, "rpo_minutes": 60, "lost_minutes": 0}
        steps = {"declared": 9, "told": 14, "preserved": 40, "restored": 55, "closed": 300, "ended": 55}
        yield row | {name: at + timedelta(minutes=minutes) for name, minutes in steps.items()}


def _alerts(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(2, 130, 6):
        at = local(now, days, 10, 30)
        colour = "orange" if days % 4 else "yellow"
        row: Row = {"id": f"alert-{days}", "signal": "queue", "system": "pbx", "colour": colour, "started": at}
        yield row | {"acked": at + timedelta(minutes=3), "acted": at + timedelta(minutes=7)}


def _more_alerts(character: Character, now: datetime) -> Iterator[Row]:
    """What rang beside the incidents, at the power drill and when a source fell silent."""
    for days, _ in INCIDENTS:
        at = local(now, days, 11)
        row: Row = {
            "id": f"down-{days}",
            "signal": "platform",
            "system": "monitoring",
            "service": "crm",
            "started": at,
            "colour": "blue",
        }
        yield (
            row
            | {"acked": at + timedelta(minutes=2), "acted": at + timedelta(minutes=6)}
            | {"ended": at + timedelta(minutes=55)}
        )
    at = local(now, 42, 14)
    row = {"id": "on-battery", "signal": "on_battery", "system": "ups", "colour": "blue"}
    row |= {"started": at}
    yield row | {"acked": at + timedelta(minutes=1), "ended": at + timedelta(minutes=12)}


def _alert_rules(character: Character, now: datetime) -> Iterator[Row]:
    for number, signal in enumerate(SIGNALS):
        yield {"id": f"rule-{signal}", "signal": signal, "live": True, "fired": local(now, 10 + 4 * number)}
    for grade in GRADES:
        yield {"id": f"trigger-{grade}", "signal": "queue", "live": True, "fired": local(now, 12)}


def _triggers(character: Character, now: datetime) -> Iterator[Row]:
    for number, grade in enumerate(GRADES):
        row: Row = {"id": f"trigger-{grade}", "register": "trigger", "class": grade, "number": 10 + number}
        yield row | {"ref": f"trigger-{grade}"}
    for queue in QUEUES:
        yield {"id": f"impact-{queue}", "register": "impact", "ref": queue, "complete": True}


def _notices(character: Character, now: datetime) -> Iterator[Row]:
    for drill in _exercises(character, now):
        if drill["class"] in TRACED:
            yield {
                "id": f"notice-{drill['id']}",
                "class": "staff",
                "exercise": drill["id"],
                "started": drill["started"],
            }


def _looks_back(character: Character, now: datetime) -> Iterator[Row]:
    for days, _ in INCIDENTS:
        yield {
            "id": f"back-inc-{days}",
            "subject": "incident",
            "class": "round",
            "ref": f"inc-{days}",
            "started": local(now, days - 5),
        }
    for drill in _exercises(character, now):
        if drill["class"] in TRACED and isinstance(at := drill["started"], datetime):
            later = at + timedelta(days=6)
            yield {
                "id": f"back-{drill['id']}",
                "subject": "exercise",
                "class": "round",
                "ref": drill["id"],
                "started": later,
            }


def _elsewhere(character: Character, now: datetime) -> Iterator[Row]:
    """Who logged in at the other site on the day it was tried."""
    for number, agent in enumerate(agents_of(character)[:5]):
        at = local(now, 38, 11, 5 + number)
        row: Row = {"id": f"west-{agent}", "system": "acd", "person": agent, "site": "west", "place": f"west-{number}"}
        yield row | {"started": at, "ended": at + timedelta(minutes=40)}


def _jobs(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(45):
        at = local(now, days, 2, 0)
        if at < now - timedelta(hours=1):
            yield {"id": f"backup-{at:%y%m%d}", "class": "backup", "copy": "nightly", "verified": True, "started": at}


TABLES: Tables = {
    "session": (_elsewhere,),
    "alert_rule": (_alert_rules,),
    "register": (_triggers,),
    "notice": (_notices,),
    "review": (_looks_back,),
    "exercise": (_exercises,),
    "incident": (_incidents,),
    "alert": (_alerts, _more_alerts),
    "job": (_jobs,),
}
