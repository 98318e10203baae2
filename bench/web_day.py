"""The calls and tickets of a busy day behind HTTP: read by paging from simulators in a process of their own.

python -m bench.web_day      # starts them, prints their [[source]] tables as JSON, ends when its input ends
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.busy_day import CALLS, TICKETS, collected
from ccmm_agent.testing_http import http_simulator
from demo.sources import configuration
from tests.support.fake_request_tracker import TOKEN, FakeRequestTracker
from tests.support.genesys import CLIENT, SECRET, Genesys
from tests.support.genesys_detail import conversation, user
from tests.support.odoo_servers import OdooServer, ticket
from tests.support.salesforce_orgs import PEM, Organisation, case

AGENTS = 400
DAY = timedelta(days=1)
Table = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class IndexedGenesys(Genesys):
    """Looks each span up once: its own time is not what is measured."""

    _known: dict[str, Any] = field(default_factory=dict)

    def _within(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        if body["interval"] not in self._known:
            self._known[body["interval"]] = Genesys._within(self, body)
        found: list[dict[str, Any]] = self._known[body["interval"]]
        return found


@contextmanager
def _genesys(until: datetime) -> Iterator[Table]:
    times = [until - DAY + DAY * number / CALLS for number in range(CALLS)]
    calls = [
        conversation(f"c-{number}", at, wait_s=number % 40, talk_s=180, agent=f"u-{number % AGENTS}")
        for number, at in enumerate(times)
    ]
    cloud = IndexedGenesys(conversations=calls, users=[user(f"u-{number}", f"a{number}") for number in range(AGENTS)])
    with cloud.running() as server:
        where = {"api_url": server.url, "login_url": server.url, "region": "mypurecloud.de", "client_id": CLIENT}
        yield {"plugin": "genesys_cloud", **where, "secret_file": SECRET, "history": "25h"}


@contextmanager
def _request_tracker(until: datetime) -> Iterator[Table]:
    tracker = FakeRequestTracker({"3": "Support"})
    for opened, closed in _tickets(until, "%Y-%m-%d %H:%M:%S"):
        tracker.set_status(tracker.create("3", opened), "resolved", closed)
    with http_simulator(tracker.answer) as server:
        yield {
            "plugin": "request_tracker",
            "url": server.url,
            "token_file": TOKEN,
            "queues": ["Support"],
            "since": "2d",
        }


@contextmanager
def _salesforce(until: datetime) -> Iterator[Table]:
    times = enumerate(_tickets(until, "%Y-%m-%dT%H:%M:%S.000+0000"))
    org = Organisation(
        cases=[case(number, opened, IsClosed=True, ClosedDate=closed) for number, (opened, closed) in times]
    )
    with org.running() as server:
        where = {"url": server.url, "login_url": server.url, "client_id": "app", "username": "ccmm@center.example"}
        yield {"plugin": "salesforce", **where, "key_file": PEM.decode(), "fields": {"closed": "ClosedDate"}}


@contextmanager
def _odoo(until: datetime) -> Iterator[Table]:
    times = enumerate(_tickets(until, "%Y-%m-%d %H:%M:%S"), 1)
    server = OdooServer(tickets=[ticket(number, opened, close_date=closed) for number, (opened, closed) in times])
    with server.running() as served:
        where = {"url": served.url, "database": "center", "username": "ccmm", "model": "helpdesk.ticket"}
        yield {"plugin": "odoo", **where, "key_file": server.key, "fields": {"closed": "close_date"}}


def _tickets(until: datetime, form: str) -> list[tuple[str, str]]:
    """When each was opened and closed."""
    opened = [until - DAY + DAY * number / TICKETS for number in range(TICKETS)]
    return [(at.strftime(form), (at + timedelta(minutes=20)).strftime(form)) for at in opened]


SYSTEMS: tuple[Callable[[datetime], Any], ...] = (_genesys, _request_tracker, _salesforce, _odoo)


def measure(place: Path) -> tuple[float, float, float]:
    """(processor seconds of agent and readers, peak MiB of the largest of them, MB that would leave)."""
    command = [sys.executable, "-m", "bench.web_day"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as systems:
        assert systems.stdout is not None
        tables = json.loads(systems.stdout.readline())
        try:
            return collected(place, configuration([_with_files(place, table) for table in tables]))
        finally:
            systems.communicate()


def _with_files(place: Path, table: Table) -> Table:
    """Secrets into files of their own."""
    found = {"name": table["plugin"], **table}
    for key in (key for key in table if key.endswith("_file")):
        path = place / f"{table['plugin']}.{key}"
        path.touch(mode=0o600)
        path.write_text(table[key])
        found[key] = path
    return found


def serve() -> None:
    """Until the input ends."""
    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    with ExitStack() as stack:
        tables = [stack.enter_context(system(until)) for system in SYSTEMS]
        print(json.dumps(tables), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    serve()
