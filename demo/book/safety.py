"""Security: graded systems, endpoints, cameras and logs, what was opened and exported, contracts, audits, visitors."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from demo.book.readings import EVIDENCE
from demo.book.rows import Row, Tables, merged
from demo.book.site import HOSTS, STANDALONE
from demo.calls import agents_of
from demo.characters import Character
from demo.people import MANAGERS, local

PROJECT = "acme"
ENDPOINTS = ("desk-01", "desk-02", "desk-03", "desk-04")
POINTS = "purpose;term;data_kinds;protection;return;audit;sub_contract"


def _assets(character: Character, now: datetime) -> Iterator[Row]:
    common: Row = {"owner": "m0003", "support_end": now + timedelta(days=700), "seen": local(now, 1)}
    graded: Row = {"mlps_grade": 2, "filing": "filed-2024-17", "tested": local(now, 200)}
    yield {"id": "crm", "class": "server"} | STANDALONE | common | graded | {"customer_data": True}
    for name in ENDPOINTS:
        yield {"id": name, "class": "endpoint"} | STANDALONE | common | {"agent_pc": True}


def _devices(character: Character, now: datetime) -> Iterator[Row]:
    seen = now - timedelta(minutes=20)
    for name in ENDPOINTS:
        row: Row = {"id": name, "class": "endpoint", "zone": "floor", "seen": seen, "malware_ok": True, "home": False}
        row |= {"signatures": now - timedelta(hours=9), "lock_minutes": 5, "usb_blocked": True}
        yield row | {"encrypted": True, "managed": True, "vpn": False, "healthy": True}
    for number in range(4):
        yield {"id": f"camera-{number}", "class": "camera", "zone": "floor", "seen": seen, "healthy": True}


def _registers(character: Character, now: datetime) -> Iterator[Row]:
    yield {"id": "graded-crm", "register": "graded_system", "ref": "crm"}
    yield {"id": "vendor-cloud", "register": "vendor", "ref": "cloudy", "verified": local(now, 90)}
    yield {"id": "sensitive-1", "register": "sensitive_use", "reviewed": local(now, 150)}
    if character.maturity >= 3:
        for number in range(5):
            row: Row = {"id": f"score-{number}", "register": "scorecard_measure", "class": "security"}
            yield row | {"owner": MANAGERS[number]}


def _settings(character: Character, now: datetime) -> Iterator[Row]:
    yield {"id": "lock-out", "system": "ldap", "class": "lock_out", "number": 5}
    for field in ("phone", "id_card"):
        yield {"id": f"mask-{field}", "system": "crm", "class": "mask", "value": "masked"}
    for number in range(3):
        yield {"id": f"zone-rule-{number}", "system": "firewall", "class": "zone_rule", "value": "named"}


def _endpoints(character: Character, now: datetime) -> Iterator[Row]:
    for name in ("portal", "crm"):
        row: Row = {"id": name, "protocol": "tls", "tls_minor": 3, "encrypted": True, "encryption_required": True}
        yield row | {"weak_suites": False, "expires": now + timedelta(days=200)}
    yield {"id": "media", "protocol": "rtp", "tls_minor": 0, "encrypted": True, "encryption_required": True}


def _holdings(character: Character, now: datetime) -> Iterator[Row]:
    row: Row
    kept = min(character.months * 30, 400)
    dates: Row = {"oldest": local(now, kept), "newest": now - timedelta(hours=10), "began": local(now, kept)}
    whole: Row = {"kept_days": kept, "online_days": kept, "gap_share": 0, "protected": True, "encrypted": True}
    rules: Row = {"floor_days": 30, "ceiling_days": 800, "deletions_logged": True, "key_local": False}
    for source in EVIDENCE:
        row = {"id": f"log-{source}", "class": "log", "source": source}
        yield row | whole | dates
    for kind in ("recording", "customer"):
        row = {"id": f"store-{kind}", "class": kind, "project": PROJECT, "legal_hold": False}
        yield row | whole | dates | rules | {"files": 4000, "empty_files": 2}
    for kind in ("visitor", "video"):
        yield merged({"id": f"store-{kind}", "class": kind}, whole, dates)
    yield merged({"id": "store-backup", "class": "backup", "copy": "nightly"}, whole, dates)


def _uses(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(1, 100):
        at = local(now, days, 15)
        by: Row = {"user": "m0002", "quality_staff": True, "reason": "quality check", "ticket": f"QA-{days}"}
        yield merged({"id": f"play-{days}", "action": "play", "log": "application", "started": at}, by)
        opened: Row = {"id": f"unmask-{days}", "action": "unmask", "case": "C0003", "started": local(now, 5, 14)}
        yield opened | by
        for log in ("database", "application"):
            row: Row = {"id": f"export-{log}-{days}", "action": "export", "log": log, "ref": f"E{days}", "number": 40}
            yield row | {"started": at, "agreed": True} | by


def _presences(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(1, 60):
        at = local(now, days, 9)
        for agent in agents_of(character)[:2]:
            row: Row = {"id": f"in-{agent}-{days}", "person": agent, "visitor": False, "site": "east", "on_site": True}
            yield row | {"started": at, "ended": at + timedelta(hours=9)}
    at = local(now, 11, 13)
    row = {"id": "visit-1", "visitor": True, "host": "m0001", "site": "east", "on_site": True, "badge": "V1"}
    yield row | {"started": at, "ended": at + timedelta(hours=2)}


def _contracts(character: Character, now: datetime) -> Iterator[Row]:
    for number, kind in enumerate(("client", "vendor")):
        row: Row = {"id": f"contract-{number}", "kind": kind, "party": ("acme", "cloudy")[number], "in_force": True}
        yield row | {"project": PROJECT if kind == "client" else "it", "points": POINTS, "definitions": "v3"}


def _reviews(character: Character, now: datetime) -> Iterator[Row]:
    def review(subject: str, days: float, **more: str | int | bool) -> Row:
        row: Row = {
            "id": f"{subject}-{days:.0f}",
            "subject": subject,
            "class": "round",
            "started": local(now, days, 16),
        }
        return row | {"decisions": 2, "changes": 1} | more

    yield review("zone_rules", 70)
    yield review("security_management", 100)
    for week in range(12):
        yield review("recording_access", 7 * week + 1)
        yield review("blocked_attempts", 7 * week + 1)
    for days in (30, 150, 300):
        yield review("ldap", days, **{"class": "access"})


def _exercises(character: Character, now: datetime) -> Iterator[Row]:
    scan: Row = {"class": "vulnerability_scan", "started": local(now, 20), "passed": True, "full": True}
    for host in HOSTS:
        yield scan | {"id": f"scan-{host}", "ref": host, "announced": True}
    for number, kind in enumerate(("breach_notice", "dlp", "stolen_disk"), start=1):
        if kind == "stolen_disk" and character.maturity < 3:
            continue
        row: Row = {"id": kind, "class": kind, "started": local(now, 20 + 7 * number), "passed": True, "full": True}
        yield row | {"announced": True}


def _samples(character: Character, now: datetime) -> Iterator[Row]:
    for number in range(70):
        at = local(now, 2 + 2 * number, 10)
        yield {"id": f"notice-{number}", "class": "recording_notice", "random": True, "passed": True, "started": at}
    for days in range(60):
        row: Row = {"id": f"cross-{days}", "class": "cross_project", "project": PROJECT, "passed": True, "hits": 0}
        at = local(now, days, 2)
        if at < now:
            yield row | {"started": at}


def _actions(character: Character, now: datetime) -> Iterator[Row]:
    for source, kind in (("security_audit", "high"), ("penetration_test", "high")):
        for number in range(2):
            at = local(now, 60 + 40 * number)
            row: Row = {"id": f"{source}-{number}", "source": source, "class": kind, "started": at}
            yield row | {"due": at + timedelta(days=50), "closed": at + timedelta(days=20), "cause": "set-up"}


TABLES: Tables = {
    "asset": (_assets,),
    "device": (_devices,),
    "register": (_registers,),
    "setting": (_settings,),
    "endpoint": (_endpoints,),
    "holding": (_holdings,),
    "use": (_uses,),
    "presence": (_presences,),
    "contract": (_contracts,),
    "review": (_reviews,),
    "exercise": (_exercises,),
    "sample": (_samples,),
    "action": (_actions,),
}
