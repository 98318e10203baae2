"""A Request Tracker in memory behind HTTP: the questions that the plugin asks, answered as RT 5.0.3 answers them.

https://docs.bestpractical.com/rt/5.0.3/RT/REST2.html; tests/live asks the real one the same. Pages hold at most 100
rows; a search never gives deleted tickets and reminders.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from ccmm_agent.testing_http import Asked, Reply, json_reply

TOKEN = "1-14-canary"
FIELDS = {"6": "Call ID"}


@dataclass(slots=True)
class Ticket:
    """A ticket as it is now."""

    id: int
    queue: str
    created: str
    status: str = "new"
    due: str = "1970-01-01 00:00:00"
    resolved: str = "1970-01-01 00:00:00"
    owner: str = "Nobody"
    type: str = "ticket"
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class FakeRequestTracker:
    """Its state; `answer` is what a simulator serves."""

    queues: dict[str, str]  # number -> name
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    tickets: dict[int, Ticket] = field(default_factory=dict)
    changes: list[dict[str, Any]] = field(default_factory=list)
    total: bool = True
    shown: str = "ticket"  # what the links of a ticket offer

    def create(self, queue: str, at: str, **given: Any) -> Ticket:
        """A new ticket, and its transaction."""
        ticket = Ticket(len(self.tickets) + 1, queue, at, **given)
        self.tickets[ticket.id] = ticket
        self.change(ticket, "Create", at)
        return ticket

    def change(self, ticket: Ticket, type: str, at: str, field: str = "", old: str = "", new: str = "") -> None:
        """A transaction; the caller changes the ticket itself."""
        row: dict[str, Any] = {"Type": type, "Field": field, "OldValue": old, "NewValue": new, "Created": iso(at)}
        row |= {"id": str(len(self.changes) + 1), "ObjectId": str(ticket.id), "Creator": {"id": "u1"}}
        self.changes.append(row)

    def set_status(self, ticket: Ticket, status: str, at: str) -> None:
        """As a person does it: `Resolved` is set by an end and stays."""
        self.change(ticket, "Status", at, "Status", ticket.status, status)
        ticket.status = status
        if status in ("resolved", "rejected", "deleted"):
            ticket.resolved = at

    def answer(self, asked: Asked) -> Reply:
        """One question."""
        if asked.headers.get("authorization") != f"token {TOKEN}":
            return json_reply({"message": "Unauthorized"}, 401)
        found = self._found(asked.path.removeprefix("/REST/2.0/"), asked)
        date = format_datetime(self.clock(), usegmt=True)
        return replace(found, headers={**found.headers, "Date": date})

    def _found(self, path: str, asked: Asked) -> Reply:
        name, _, one = path.partition("/")
        if path == "rt":
            return json_reply({"Version": "5.0.3"})
        if name == "queue":
            number = next((id for id, queue in self.queues.items() if queue == one.replace("%20", " ")), None)
            fields = [{"id": id, "name": name, "type": "customfield"} for id, name in FIELDS.items()]
            return json_reply({"id": number, "TicketCustomFields": fields}) if number else json_reply({}, 403)
        if name == "ticket":
            ticket = self.tickets.get(int(one))
            return json_reply({**self._row(ticket), "id": ticket.id}) if ticket else json_reply({}, 404)
        query, size = asked.query.get("query", ""), min(int(asked.query.get("per_page", "20")), 100)
        rows = self._tickets(query) if name == "tickets" else self._changes(query)
        if asked.query.get("order") == "DESC":
            rows.reverse()
        total = len(rows) if self.total and name == "tickets" else None
        return json_reply({"items": rows[:size], "total": total, "count": len(rows[:size]), "per_page": size})

    def _tickets(self, query: str) -> list[dict[str, Any]]:
        seen = [ticket for ticket in self.tickets.values() if ticket.status != "deleted" and ticket.type == "ticket"]
        if by_queue := re.fullmatch(r"Queue=(\d+)", query):
            seen = [ticket for ticket in seen if ticket.queue == by_queue[1]]
        else:
            ids = {int(id) for id in re.findall(r"\bid=(\d+)", query)}
            seen = [ticket for ticket in seen if ticket.id in ids]
        return [self._row(ticket) for ticket in seen]

    def _changes(self, query: str) -> list[dict[str, Any]]:
        after, upto = re.search(r"\bid > (\d+)", query), re.search(r"\bid <= (\d+)", query)
        low, high = int(after[1]) if after else 0, int(upto[1]) if upto else 1 << 60
        whose = set(re.findall(r"ObjectId=(\d+)", query))
        day = re.search(r"Created > '([-0-9]+)'", query)
        types = set(re.findall(r"Type='(\w+)'", query))
        return [
            row
            for row in self.changes
            if low < int(row["id"]) <= high
            and (not whose or row["ObjectId"] in whose)
            and (not day or row["Created"] > day[1])
            and row["Type"] in types
        ]

    def _row(self, ticket: Ticket) -> dict[str, Any]:
        held = [{"id": "6", "name": "Call ID", "values": [v]} for v in [ticket.fields.get("Call ID")] if v]
        return {
            "id": str(ticket.id),
            "Type": ticket.type,
            "Queue": {"id": ticket.queue, "Name": self.queues.get(ticket.queue, "?")},
            "Status": ticket.status,
            "Created": iso(ticket.created),
            "Due": iso(ticket.due),
            "Resolved": iso(ticket.resolved),
            "Owner": {"id": ticket.owner},
            "Requestors": [],
            "CustomFields": held,
            "EffectiveId": str(ticket.id),
            "_hyperlinks": [{"ref": "self"}, {"ref": self.shown}],
        }


def iso(text: str) -> str:
    """`2026-11-03 06:57:50` as REST2 writes it."""
    return f"{text.replace(' ', 'T')}Z"
