"""Sources of the ticket systems' package, each with a system of its own."""

from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

from ccmm_agent.testing_http import http_simulator
from tests.support.every_base import NAME, PHONE, STAFF, Builder, Table, export, secret_file
from tests.support.fake_request_tracker import TOKEN, FakeRequestTracker
from tests.support.odoo_servers import OdooServer, ticket
from tests.support.salesforce_orgs import PEM, Organisation, case


def odoo(stack: ExitStack, place: Path, now: datetime) -> Table:
    opened, closed = (f"{now - timedelta(days=ago):%Y-%m-%d %H:%M:%S}" for ago in (4, 3))
    users = [{"id": 7, "login": STAFF, "active": True}]
    asked = {"name": f"{NAME} asks", "partner_id": [5, NAME], "partner_phone": PHONE, "user_id": [7, NAME]}
    server = OdooServer(tickets=[ticket(10, opened, close_date=closed, **asked)], users=users)
    url = stack.enter_context(server.running()).url
    where = {"url": url, "database": "center", "username": "ccmm", "key_file": secret_file(place, server.key)}
    fields = {"closed": "close_date", "customer": "partner_id", "number": "partner_phone", "agent": "user_id"}
    return {**where, "model": "helpdesk.ticket", "fields": fields}


def salesforce(stack: ExitStack, place: Path, now: datetime) -> Table:
    opened, closed = (f"{now - timedelta(days=ago):%Y-%m-%dT%H:%M:%S}.000+0000" for ago in (4, 3))
    org = Organisation(cases=[case(10, opened, IsClosed=True, ClosedDate=closed, AccountId=NAME)])
    url = stack.enter_context(org.running()).url
    where = {"url": url, "login_url": url, "client_id": "app", "username": "ccmm@center.example"}
    return {
        **where,
        "key_file": secret_file(place, PEM.decode()),
        "fields": {"closed": "ClosedDate", "customer": "AccountId"},
    }


def request_tracker(stack: ExitStack, place: Path, now: datetime) -> Table:
    tracker = FakeRequestTracker({"3": "Support"}, clock=lambda: now)
    made = [f"{now - timedelta(days=ago):%Y-%m-%d %H:%M:%S}" for ago in (4, 3)]
    asked = tracker.create("3", made[0], owner=STAFF, fields={"Call ID": PHONE})
    tracker.set_status(asked, "resolved", made[1])
    url = stack.enter_context(http_simulator(tracker.answer)).url
    told = {"fields": {"call": "Call ID"}}
    return {"url": url, "token_file": secret_file(place, TOKEN), "queues": ["Support"], "since": "10d", **told}


def survey(stack: ExitStack, place: Path, now: datetime) -> Table:
    asked = now - timedelta(days=2)
    path = export(place / "survey.csv", now, ("asked", "score", "staff"), (f"{asked:%Y-%m-%d %H:%M:%S}", "5", STAFF))
    scale = {"least": 1, "most": 5, "favourable_from": 4}
    where = {"path": path, "started": "asked", "zone": "UTC", "until": "now"}
    return {**where, "columns": {"answer": "score", "agent": "staff", "contact": "staff"}, "scale": scale}


def tickets_table(stack: ExitStack, place: Path, now: datetime) -> Table:
    opened, closed = (f"{now - timedelta(days=ago):%Y-%m-%d %H:%M:%S}" for ago in (4, 3))
    row = ("T-every", opened, closed, STAFF, PHONE)
    path = export(place / "tickets.csv", now, ("no", "opened", "closed", "staff", "phone"), row)
    where = {"path": path, "started": "opened", "zone": "UTC", "until": "now"}
    return {**where, "columns": {"case": "no", "closed": "closed", "agent": "staff", "number": "phone"}}


BUILDERS: dict[str, Builder] = {
    "odoo": odoo,
    "request_tracker": request_tracker,
    "salesforce": salesforce,
    "survey": survey,
    "tickets_table": tickets_table,
}
