"""Sources of the ticket systems' package, each with a system of its own."""

from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

from ccmm_agent.testing_http import http_simulator
from tests.support.every_base import Builder, Table, export, secret_file
from tests.support.fake_request_tracker import TOKEN, FakeRequestTracker
from tests.support.odoo_servers import OdooServer, ticket
from tests.support.salesforce_orgs import PEM, Organisation, case


def odoo(stack: ExitStack, place: Path, now: datetime) -> Table:
    opened, closed = (f"{now - timedelta(days=ago):%Y-%m-%d %H:%M:%S}" for ago in (4, 3))
    server = OdooServer(tickets=[ticket(10, opened, close_date=closed)])
    url = stack.enter_context(server.running()).url
    where = {"url": url, "database": "center", "username": "ccmm", "key_file": secret_file(place, server.key)}
    return {**where, "model": "helpdesk.ticket", "fields": {"closed": "close_date"}}


def salesforce(stack: ExitStack, place: Path, now: datetime) -> Table:
    opened, closed = (f"{now - timedelta(days=ago):%Y-%m-%dT%H:%M:%S}.000+0000" for ago in (4, 3))
    org = Organisation(cases=[case(10, opened, IsClosed=True, ClosedDate=closed)])
    url = stack.enter_context(org.running()).url
    where = {"url": url, "login_url": url, "client_id": "app", "username": "ccmm@center.example"}
    return {**where, "key_file": secret_file(place, PEM.decode()), "fields": {"closed": "ClosedDate"}}


def request_tracker(stack: ExitStack, place: Path, now: datetime) -> Table:
    tracker = FakeRequestTracker({"3": "Support"}, clock=lambda: now)
    made = [f"{now - timedelta(days=ago):%Y-%m-%d %H:%M:%S}" for ago in (4, 3)]
    tracker.set_status(tracker.create("3", made[0]), "resolved", made[1])
    url = stack.enter_context(http_simulator(tracker.answer)).url
    return {"url": url, "token_file": secret_file(place, TOKEN), "queues": ["Support"], "since": "10d"}


def survey(stack: ExitStack, place: Path, now: datetime) -> Table:
    asked = now - timedelta(days=2)
    path = export(place / "survey.csv", now, ("asked", "score"), (f"{asked:%Y-%m-%d %H:%M:%S}", "5"))
    scale = {"least": 1, "most": 5, "favourable_from": 4}
    where = {"path": path, "started": "asked", "zone": "UTC", "until": "now"}
    return {**where, "columns": {"answer": "score"}, "scale": scale}


def tickets_table(stack: ExitStack, place: Path, now: datetime) -> Table:
    opened, closed = (f"{now - timedelta(days=ago):%Y-%m-%d %H:%M:%S}" for ago in (4, 3))
    path = export(place / "tickets.csv", now, ("no", "opened", "closed"), ("T-every", opened, closed))
    where = {"path": path, "started": "opened", "zone": "UTC", "until": "now"}
    return {**where, "columns": {"case": "no", "closed": "closed"}}


BUILDERS: dict[str, Builder] = {
    "odoo": odoo,
    "request_tracker": request_tracker,
    "salesforce": salesforce,
    "survey": survey,
    "tickets_table": tickets_table,
}
