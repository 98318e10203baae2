"""A Salesforce organisation of the test's own: log-in by signed token, queries and describe, on a loopback port.

Claims, signature and audience of the log-in:
https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_jwt_flow.htm. Pages with totalSize, done and
nextRecordsUrl (with `query` in it), deleted records:
https://developer.salesforce.com/docs/platform/api-rest/guide/resources-queryall.html. Errors as the REST API lists
them: [{"errorCode", "message"}]. It understands the queries of the source by their words.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ccmm_agent.testing_http import Asked, Certificate, Reply, Simulator, http_simulator, json_reply

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
TOKEN = "canary-00D-token"
BASE = "/services/data/v60.0"
_TIME = re.compile(r"CreatedDate (>=|<) (\S+)")
Row = dict[str, Any]


@dataclass(slots=True)
class Organisation:
    """What it holds, and what the one account may."""

    cases: list[Row] = field(default_factory=list)
    history: list[Row] = field(default_factory=list)
    page: int = 2000
    url: str = ""
    elsewhere: str = ""  # the instance_url that it tells
    approved: bool = True
    hidden_fields: frozenset[str] = frozenset()
    writable: bool = False
    usage: str = "18/5000"
    loses: int = 0  # records that are counted and do not come
    asked: list[str] = field(default_factory=list)
    _pages: dict[str, list[Row]] = field(default_factory=dict)

    @contextmanager
    def running(self, tls: Certificate | None = None) -> Iterator[Simulator]:
        """The server, which is both the log-in host and the instance."""
        with http_simulator(self.answer, tls=tls) as server:
            self.url = server.url
            yield server

    def answer(self, asked: Asked) -> Reply:
        """Of one question."""
        if (asked.method, asked.path) == ("POST", "/services/oauth2/token"):
            return self._log_in(asked)
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(401, "INVALID_SESSION_ID")
        self.asked.append(f"{asked.method} {asked.path}")
        if asked.method != "GET":
            raise AssertionError("only questions are asked")
        if asked.path == f"{BASE}/sobjects/Case/describe":
            names = [name for name in (*CASE, "Due__c") if name not in self.hidden_fields]
            told = {"name": "Case", "fields": [{"name": name} for name in names], "updateable": self.writable}
            return self._told({**told, "createable": self.writable, "deletable": False})
        if asked.path == f"{BASE}/queryAll":
            return self._query(asked.query["q"])
        return self._paged(*asked.path.removeprefix(f"{BASE}/query/").split("-"))

    def _log_in(self, asked: Asked) -> Reply:
        form = asked.form()
        if form["grant_type"] != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return json_reply({"error": "unsupported_grant_type"}, 400)
        try:
            claims = jwt.decode(form["assertion"], KEY.public_key(), ["RS256"], audience=self.url)
        except jwt.InvalidAudienceError:
            return json_reply({"error": "invalid_grant", "error_description": "audience is invalid"}, 400)
        except jwt.InvalidTokenError:
            return json_reply({"error": "invalid_client", "error_description": "invalid client credentials"}, 400)
        if claims["iss"] != "app":
            return json_reply({"error": "invalid_client_id", "error_description": "client identifier invalid"}, 400)
        if not self.approved or claims["sub"] != "ccmm@center.example":
            told = "user hasn't approved this consumer"
            return json_reply({"error": "invalid_grant", "error_description": told}, 400)
        return json_reply({"access_token": TOKEN, "instance_url": self.elsewhere or self.url, "token_type": "Bearer"})

    def _query(self, soql: str) -> Reply:
        table = soql.partition(" FROM ")[2].split()[0]
        if table == "CaseStatus":
            found: list[Row] = [_status("New", False), _status("Closed", True)]
            return self._first("s", found)
        names = soql.removeprefix("SELECT ").partition(" FROM ")[0].split(", ")
        if any(name.partition(".")[0] in self.hidden_fields for name in names):
            return _error(400, "INVALID_FIELD", "No such column on entity Case of Wang Fang")
        rows = self.cases if table == "Case" else [one for one in self.history if f"'{one['Field']}'" in soql]
        for operator, literal in _TIME.findall(soql):
            at = datetime.fromisoformat(literal)
            rows = [row for row in rows if (_instant(row) >= at) == (operator == ">=")]
        return self._first("c" if table == "Case" else "h", [_shown(row, names) for row in rows])

    def _first(self, name: str, rows: list[Row]) -> Reply:
        self._pages[name] = rows
        return self._paged(name, "0")

    def _paged(self, name: str, begin: str) -> Reply:
        if name not in self._pages:
            return _error(400, "INVALID_QUERY_LOCATOR")
        rows, at = self._pages[name], int(begin)
        after = at + self.page
        lost = self.loses if name == "c" else 0
        told: Row = {"totalSize": len(rows), "done": after >= len(rows), "records": rows[at : after - lost]}
        if after < len(rows):
            told["nextRecordsUrl"] = f"{BASE}/query/{name}-{after}"
        return self._told(told)

    def _told(self, value: Row) -> Reply:
        reply = json_reply(value)
        return Reply(200, reply.body, {**reply.headers, "Sforce-Limit-Info": f"api-usage={self.usage}"})


CASE = (
    "Id",
    "CaseNumber",
    "IsDeleted",
    "IsClosed",
    "CreatedDate",
    "LastModifiedDate",
    "ClosedDate",
    "Type",
    "AccountId",
)


def case(number: int, opened: str, **told: object) -> Row:
    """A case; times as 2026-11-20T02:00:00.000+0000."""
    row: Row = {"Id": f"500{number:012d}AAA", "CaseNumber": f"{number:08d}", "CreatedDate": opened, "Type": "Question"}
    return {**row, "LastModifiedDate": opened, "IsDeleted": False, "IsClosed": False, "ClosedDate": None, **told}


def change(number: int, field: str, at: str, old: object, new: object) -> Row:
    """A line of a case's history."""
    return {"CaseId": f"500{number:012d}AAA", "Field": field, "CreatedDate": at, "OldValue": old, "NewValue": new}


def _status(name: str, closed: bool) -> Row:
    return {"MasterLabel": name, "ApiName": name, "IsClosed": closed}


def _shown(row: Row, names: list[str]) -> Row:
    whole = {"attributes": {"type": "Case"}}
    return {**whole, **{name.partition(".")[0]: row.get(name.partition(".")[0]) for name in names}}


def _instant(row: Row) -> datetime:
    return datetime.fromisoformat(str(row["CreatedDate"]))


def _error(status: int, code: str, told: str = "told by Salesforce") -> Reply:
    return json_reply([{"errorCode": code, "message": told}], status)
