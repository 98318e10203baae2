"""An Odoo of the test's own: its external API by XML-RPC over HTTP on a loopback port.

Services, methods, arguments and answers after
https://www.odoo.com/documentation/18.0/developer/reference/external_api.html; faults after Odoo's
addons/base/controllers/rpc.py (2 warning, 3 access denied, 4 access error, 1 all else, with a traceback). "Nothing" is
false, times are UTC without a zone, archived records hide unless active_test is false, record rules hide for good.
"""

import xmlrpc.client
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ccmm_agent.testing_http import Asked, Certificate, Reply, Simulator, http_simulator

_OPERATORS = {">=": lambda a, b: a >= b, "<": lambda a, b: a < b, ">": lambda a, b: a > b}
_WARNING, _DENIED, _NO_RIGHT = 2, 3, 4
Row = dict[str, Any]
TICKET_FIELDS: Mapping[str, Row] = {
    **{name: {"type": "datetime"} for name in ("create_date", "write_date", "close_date", "sla_deadline", "x_told")},
    **{name: {"type": "char"} for name in ("name", "partner_phone", "x_call", "x_topic", "x_origin")},
    **{name: {"type": "boolean"} for name in ("x_first", "x_was_complaint", "active", "x_open")},
    "id": {"type": "integer"},
    "ticket_type_id": {"type": "many2one", "relation": "helpdesk.ticket.type"},
    "team_id": {"type": "many2one", "relation": "helpdesk.team"},
    "partner_id": {"type": "many2one", "relation": "res.partner"},
    "user_id": {"type": "many2one", "relation": "res.users"},
    "date_deadline": {"type": "date"},
}


class _Fault(Exception):
    def __init__(self, code: int, told: str) -> None:
        super().__init__(told)
        self.code = code


@dataclass(slots=True)
class OdooServer:
    """What it holds, and what the one account may."""

    tickets: list[Row] = field(default_factory=list)
    users: list[Row] = field(default_factory=lambda: [{"id": 7, "login": "E1007", "active": True}])
    key: str = "canary-api-key"
    hidden: set[int] = field(default_factory=set)  # by a record rule
    may_read: bool = True
    may_write: bool = False
    most: int | None = None  # a limit that no caller asked for
    unknown_fields: set[str] = field(default_factory=set)
    changes: list[str] = field(default_factory=list)
    called: list[str] = field(default_factory=list)

    @contextmanager
    def running(self, *, tls: Certificate | None = None) -> Iterator[Simulator]:
        """The server."""
        with http_simulator(self.answer, tls=tls) as server:
            yield server

    def answer(self, asked: Asked) -> Reply:
        """Of one call."""
        if asked.method != "POST" or asked.headers["content-type"] != "text/xml":
            return Reply(400)
        args, method = xmlrpc.client.loads(asked.body)
        try:
            service = {"/xmlrpc/2/common": self._common, "/xmlrpc/2/object": self._object}[asked.path]
            found: Any = service(str(method), *args)
            told = xmlrpc.client.dumps((found,), methodresponse=True, allow_none=True)
        except _Fault as fault:
            told = xmlrpc.client.dumps(xmlrpc.client.Fault(fault.code, str(fault)))
        except KeyError as error:
            told = xmlrpc.client.dumps(xmlrpc.client.Fault(1, f"Traceback (most recent call last): KeyError {error}"))
        return Reply(200, told.encode(), {"Content-Type": "text/xml"})

    def _common(self, method: str, *args: Any) -> object:
        if method == "version":
            return {"server_version": "17.0", "protocol_version": 1}
        database, login, key, _ = args
        if method != "authenticate" or database != "center":
            raise _Fault(1, f'FATAL: database "{database}" does not exist')
        return 2 if (login, key) == ("ccmm", self.key) else False

    def _object(self, method: str, *args: Any) -> object:
        database, user, key, model, called, given, named = args
        self.called.append(called)
        if (method, database, user, key) != ("execute_kw", "center", 2, self.key):
            raise _Fault(_DENIED, "Access Denied")
        tables = {"helpdesk.ticket": self.tickets, "res.users": self.users}
        if model not in tables:
            raise _Fault(_WARNING, f"Object {model} doesn't exist")
        if called == "check_access_rights":
            return self.may_write if given[0] != "read" else self.may_read
        if not self.may_read:
            raise _Fault(
                _NO_RIGHT, "You are not allowed to access 'Helpdesk Ticket' (helpdesk.ticket) records of Wang Fang"
            )
        if called == "fields_get":
            return {
                name: TICKET_FIELDS[name]
                for name in given[0]
                if name in TICKET_FIELDS and name not in self.unknown_fields
            }
        if called in ("search_read", "search_count"):
            return self._searched(called, tables[model], given[0], named)
        self.changes.append(f"{called} of {model}")
        return True

    def _searched(self, called: str, table: list[Row], domain: list[Any], named: Row) -> object:
        archived_too = named.get("context", {}).get("active_test") is False
        rows = [row for row in table if (archived_too or row.get("active", True)) and row["id"] not in self.hidden]
        for name, operator, value in domain:
            rows = [row for row in rows if _OPERATORS[operator](row[name], value)]
        if called == "search_count":
            return len(rows)
        assert named["order"] == "id asc"
        limit = min(named["limit"], self.most or named["limit"])
        found = sorted(rows, key=lambda row: int(row["id"]))[:limit]
        return [{"id": row["id"], **{name: row.get(name, False) for name in named["fields"]}} for row in found]


def ticket(id: int, opened: str, **told: object) -> Row:
    """A ticket as Odoo tells it; times as 2026-11-20 08:00:00."""
    return {"id": id, "create_date": opened, "write_date": opened, "ticket_type_id": [1, "Question"], **told}
