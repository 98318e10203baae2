"""The house: zones, doors, the equipment room, the floor, hosts, trunks and clocks; and the organisation."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from demo.book.rows import Row, Tables
from demo.characters import Character
from demo.people import local

ZONES = ("public", "office", "floor", "quality", "it_room", "power")
DOORS = ("east-gate", "it-room")
HOSTS = ("pc-01", "pc-02", "pc-03", "srv-crm", "srv-pbx")
POSTS = (
    "agent",
    "operations",
    "quality",
    "training",
    "planning",
    "analysis",
    "it",
    "security",
    "complaints",
    "manager",
)
PAIRS = ("switch", "trunk", "cti", "recorder", "power")
STANDALONE: Row = {
    "role": "alone",
    "customer_data": False,
    "agent_pc": False,
    "has_disk": True,
    "standby_healthy": False,
    "standby_elsewhere": False,
    "healthy": True,
    "retired": False,
}


def _registers(character: Character, now: datetime) -> Iterator[Row]:
    for kind in ZONES:
        yield {"id": f"zone-{kind}", "register": "zone", "class": kind}
    for door in DOORS:
        yield {"id": f"door-{door}", "register": "door", "ref": door}
    for post in POSTS:
        row: Row = {"id": f"role-{post}", "register": "role", "ref": post, "duty": post != "agent", "complete": True}
        yield row | {"number": 14 if post == "agent" else 1}
    for kind, metric in (
        ("hours", "opening_hours_coverage"),
        ("channels", "answer_rate"),
        ("answer_time", "service_level"),
        ("complaint_route", "complaint_on_time_rate"),
    ):
        yield {"id": f"promise-{kind}", "register": "promise", "class": kind, "public": True, "metrics": metric}
    yield {"id": "number-4000", "register": "number", "line": "4000-100-200"}
    if character.maturity >= 3:
        for kind in ("finance", "customer", "process", "learning"):
            yield {"id": f"measure-{kind}", "register": "strategy_measure", "class": kind, "metrics": "csat"}


def _devices(character: Character, now: datetime) -> Iterator[Row]:
    seen = now - timedelta(minutes=20)
    for door in DOORS:
        yield {"id": door, "class": "reader", "seen": seen, "healthy": True}
    for host in HOSTS:
        yield {
            "id": host,
            "class": "host",
            "seen": seen,
            "healthy": True,
            "malware_ok": True,
            "signatures": now - timedelta(hours=9),
            "encrypted": True,
            "managed": True,
            "usb_blocked": True,
            "lock_minutes": 5,
        }


def _assets(character: Character, now: datetime) -> Iterator[Row]:
    owned: Row = {"owner": "m0003", "support_end": now + timedelta(days=700), "seen": local(now, 1)}
    for name in HOSTS:
        yield {"id": name, "class": "host"} | STANDALONE | owned
    if character.maturity < 3:
        return
    paired: Row = {"standby_healthy": True, "standby_elsewhere": True, "standby_seen": now - timedelta(hours=5)}
    for role in PAIRS:
        yield {"id": f"{role}-a", "class": "system"} | STANDALONE | owned | paired | {"role": role}
    for name in ("carrier-a", "carrier-b"):
        yield {"id": name, "class": "route"} | STANDALONE | owned | {"role": "carrier_route"}


def _changes(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(6, 100, 12):
        at = local(now, days, 20)
        row: Row = {"id": f"change-{days}", "class": "normal", "system": "pbx", "started": at, "approved": True}
        yield row | {"ended": at + timedelta(hours=2), "entered": at - timedelta(days=2), "tested": True}


def _carrier_calls(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(1, 100):
        row: Row = {"id": f"out-{days}", "started": local(now, days, 14), "system": "carrier", "direction": "out"}
        yield row | {"shown_number": "4000-100-200", "answered": True}


def _reviews(character: Character, now: datetime) -> Iterator[Row]:
    for days in (20, 75):
        yield {
            "id": f"it-room-{days}",
            "started": local(now, days),
            "subject": "it_room_access",
            "class": "round",
            "changes": 1,
        }
    if character.maturity >= 2:
        for week in range(60):
            at = local(now, 7 * week + 2)
            if at < now - timedelta(days=1):
                yield {"id": f"upkeep-{at:%y%m%d}", "started": at, "subject": "upkeep", "class": "round", "changes": 0}


def _actions(character: Character, now: datetime) -> Iterator[Row]:
    if character.maturity >= 2:
        for number in range(6):
            at = local(now, 14 + 25 * number)
            row: Row = {"id": f"upkeep-{number}", "source": "upkeep", "started": at, "due": at + timedelta(days=7)}
            yield row | {"closed": at + timedelta(days=3)}


def _alerts(character: Character, now: datetime) -> Iterator[Row]:
    for number, days in enumerate((9, 33, 61)):
        at = local(now, days, 7)
        row: Row = {"id": f"fire-{number}", "signal": "fault", "system": "fire_panel", "started": at, "colour": "blue"}
        yield row | {"acked": at + timedelta(minutes=4), "ended": at + timedelta(hours=3)}


def _exercises(character: Character, now: datetime) -> Iterator[Row]:
    yield {"id": "fire-test", "class": "fire_test", "started": local(now, 60), "passed": True, "full": True}


def _samples(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(3, 130, 13):
        yield {"id": f"exits-{days}", "class": "exits", "started": local(now, days, 8), "passed": True}
    if character.maturity < 2:
        return
    for days in range(2, 75):
        for number, band in enumerate(("newest", "second", "third", "oldest")):
            at = local(now, days, 9, 10 * number)
            row: Row = {"id": f"draw-{days}-{band}", "class": "recording_retrieval", "started": at, "band": band}
            yield row | {"ended": at + timedelta(minutes=3), "drawn": "collector", "passed": True}


def _holdings(character: Character, now: datetime) -> Iterator[Row]:
    kept = min(character.months * 30, 400)
    row: Row = {"id": "door-log", "class": "door", "source": "doors", "kept_days": kept, "oldest": local(now, kept)}
    yield row | {"newest": local(now, 0), "began": local(now, kept)}


TABLES: Tables = {
    "register": (_registers,),
    "device": (_devices,),
    "asset": (_assets,),
    "call": (_carrier_calls,),
    "change": (_changes,),
    "review": (_reviews,),
    "action": (_actions,),
    "alert": (_alerts,),
    "exercise": (_exercises,),
    "sample": (_samples,),
    "holding": (_holdings,),
}
