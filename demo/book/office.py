"""What the back office keeps: definitions, processes, coaching, briefings, scorecards, reports, client papers."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from demo.book.figures import STEPS
from demo.book.rows import Row, Tables
from demo.calls import agents_of
from demo.characters import Character
from demo.people import MANAGERS, local

KEY_FIGURES = {  # metric -> what each month's report says, as the figures of the book give it
    "fcr": 82.0,
    "ticket_on_time_rate": 98.0,
    "ticket_reopen_rate": 2.0,
    "mystery_score": 90.0,
    "client_sla_attainment": 100.0,
}
TARGETS = {
    "fcr": 75,
    "ticket_on_time_rate": 95,
    "ticket_reopen_rate": 5,
    "mystery_score": 85,
    "client_sla_attainment": 95,
}
SOURCES = ("quality", "audit", "complaint", "staff_survey", "suggestion", "performance_review", "client_survey")
POINTS = "kpi;gap;cause;action;owner;date"


def _registers(character: Character, now: datetime) -> Iterator[Row]:
    for number, metric in enumerate(KEY_FIGURES):
        owner = MANAGERS[number]
        yield {"id": f"kpi-{metric}", "register": "kpi", "complete": True, "value": "v3", "owner": owner}
        yield {"id": f"key-{metric}", "register": "key_kpi", "ref": metric}
        row: Row = {"id": f"target-{metric}", "register": "target", "ref": metric, "number": TARGETS[metric]}
        yield row | {"value": "benchmark"}
    for number, process in enumerate(STEPS):
        row = {"id": process, "register": "process", "class": "business" if number < 3 else "management"}
        row |= {"owner": MANAGERS[number], "metrics": "fcr", "reviewed": local(now, 60), "duty": True}
        yield row | {"ref": process}
    for number, share in enumerate((60, 30, 8)):
        row = {"id": f"reason-{number}", "register": "contact_reason", "ref": STEPS[number], "share": share}
        yield row
    yield {"id": "limit-complaint", "register": "complaint_limit", "ref": "complaint-days", "number": 15}
    if character.maturity >= 3:
        for kind in ("elderly", "disabled"):
            row = {"id": f"segment-{kind}", "register": "segment", "class": kind, "complete": True}
            yield row | {"metrics": "fcr", "ref": f"route-{kind}"}


def _settings(character: Character, now: datetime) -> Iterator[Row]:
    yield {"id": "complaint-days", "system": "crm", "class": "complaint_limit", "number": 15}
    for kind in ("elderly", "disabled"):
        yield {"id": f"route-{kind}", "system": "ivr", "class": "routing", "value": "own queue"}


def _reviews(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(1, 100):
        row: Row = {"id": f"briefing-{days}", "class": "briefing", "subject": "shift", "shift": "day"}
        yield row | {"started": local(now, days, 8), "decisions": 1, "changes": 0}
    for days in range(6, 130, 13):
        row = {"id": f"talks-{days}", "class": "manager_agent", "subject": "agents", "started": local(now, days)}
        yield row | {"decisions": 1, "changes": 0}
        row = {"id": f"performance-{days}", "class": "performance", "subject": "kpi", "started": local(now, days)}
        yield row | {"points": POINTS, "decisions": 3, "changes": 0}


def _actions(character: Character, now: datetime) -> Iterator[Row]:
    for source in SOURCES:
        for number in range(5):
            at = local(now, 30 + 28 * number)
            row: Row = {"id": f"{source}-{number}", "source": source, "class": "high", "started": at}
            row |= {"due": at + timedelta(days=14), "closed": at + timedelta(days=6), "cause": "method"}
            yield row | {"answered": at + timedelta(days=3), "reopened": False}


def _samples(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(1, 75):
        for number, agent in enumerate(agents_of(character)):
            if (days + number) % 13 == 0:
                row: Row = {"id": f"coach-{agent}-{days}", "class": "coaching", "agent": agent, "similarity": 0.3}
                yield row | {"started": local(now, days, 13), "passed": True}
    for days in range(1, 110):
        for number in range(4):
            at = local(now, days, 10 + number)
            yield {
                "id": f"test-{days}-{number}",
                "class": "test_call",
                "channel": "voice",
                "passed": True,
                "started": at,
            }
        yield {"id": f"article-{days}", "class": "article", "passed": True, "started": local(now, days, 15)}
        for number in range(2):
            row = {"id": f"record-{days}-{number}", "class": "customer_record", "random": True, "passed": True}
            yield row | {"started": local(now, days, 16)}
    for days in range(5, 130, 13):
        row = {"id": f"calibration-{days}", "class": "calibration", "blind": True, "all_scorers": True}
        yield row | {"started": local(now, days, 11), "passed": True}


def _articles(character: Character, now: datetime) -> Iterator[Row]:
    for number in range(30):
        yield {"id": f"article-{number}", "live": True, "changed": local(now, 20 + number), "owner": MANAGERS[3]}


def months(now: datetime, count: int) -> Iterator[datetime]:
    """The tenth of each of the last months, newest first."""
    at = local(now, 0, 9).replace(day=10)
    for _ in range(count):
        if at < now:
            yield at
        at = (at.replace(day=1) - timedelta(days=1)).replace(day=10)


def _reports(character: Character, now: datetime) -> Iterator[Row]:
    for at in months(now, min(14, character.months - 1)):
        month = f"{at:%y%m}"
        filed: Row = {"published": at, "archived": at + timedelta(days=1), "explained": False, "untraced": 0}
        for person in (*agents_of(character), *MANAGERS):
            row: Row = {"id": f"card-{person}-{month}", "class": "scorecard", "subject": person, "started": at}
            yield row | filed | {"seen": at + timedelta(days=2), "quality_weight": 45}
        for metric, value in KEY_FIGURES.items():
            row = {"id": f"kpi-{metric}-{month}", "class": "kpi", "metric": metric, "unit": "%", "value": value}
            yield row | filed | {"started": at}
        row = {"id": f"regular-{month}", "class": "regular", "name": "monthly", "owner": MANAGERS[0], "started": at}
        yield row | filed
        row = {"id": f"client-{month}", "class": "client", "client": "acme", "metric": "client_sla_attainment"}
        yield row | filed | {"unit": "%", "value": 100.0, "started": at}
        row = {"id": f"insight-{month}", "class": "insight", "client": "acme", "started": at}
        yield row | filed


def _contracts(character: Character, now: datetime) -> Iterator[Row]:
    points = "purpose;term;data_kinds;protection;return;audit;sub_contract;kpi;targets;reporting;data;exit"
    row: Row = {"id": "agreement", "kind": "client", "party": "acme", "project": "acme", "in_force": True}
    yield row | {"points": points, "definitions": "v3"}


def _holdings(character: Character, now: datetime) -> Iterator[Row]:
    yield {"id": "reports", "class": "reports", "source": "archive", "kept_days": 1500, "protected": True}


TABLES: Tables = {
    "register": (_registers,),
    "setting": (_settings,),
    "review": (_reviews,),
    "action": (_actions,),
    "sample": (_samples,),
    "article": (_articles,),
    "report": (_reports,),
    "contract": (_contracts,),
    "holding": (_holdings,),
}
