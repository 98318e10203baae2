"""A Hikvision access control device of the test's own: ISAPI over HTTP with digest log-in, on a loopback port.

Questions, answers, paging (at most 30 rows, by searchResultPosition), responseStatusStrg and errors after the maker's
ISAPI guides (AcsEvent, UserInfo/Search, CardInfo/Search, System/time, System/deviceInfo, Security/users) as quoted in
https://open.hikvision.com/hardware/v2/08%E5%8D%8F%E8%AE%AE%E9%80%8F%E4%BC%A0/%E6%98%8E%E7%9C%B8%E9%97%A8%E7%A6%81.html;
digest log-in after RFC 7616. Its memory holds so many events and forgets the oldest. A path that changes anything is
recorded as asked for.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

from ccmm_agent.testing_http import Asked, Certificate, Reply, Simulator, http_simulator, json_reply

EVENTS, USERS, CARDS = (f"/ISAPI/AccessControl/{name}" for name in ("AcsEvent", "UserInfo/Search", "CardInfo/Search"))
PAGE = 30
_REALM, _NONCE = "IP Camera(G1234)", "4d6a49784f5459"
_LISTS = {
    EVENTS: ("AcsEvent", "InfoList"),
    USERS: ("UserInfoSearch", "UserInfo"),
    CARDS: ("CardInfoSearch", "CardInfo"),
}
Row = dict[str, object]


@dataclass(slots=True)
class HikDevice:
    """What it holds, and how it misbehaves."""

    events: list[Row] = field(default_factory=list)
    users: list[Row] = field(default_factory=list)
    cards: list[Row] = field(default_factory=list)
    clock: str = "2026-11-22T14:00:05+08:00"
    password: str = "canary-of-this-device"
    serial: str = "DS-K1T804MF20260101AAWRC12345678"
    level: str = "Operator"
    memory: int = 100_000
    ignores_offset: bool = False  # takes the wall time of what is asked for as its own
    ignores_time: bool = False
    total_beyond: int = 0  # tells of more than it gives
    lists_accounts: bool = True
    searches: list[Row] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)

    @contextmanager
    def running(self, *, tls: Certificate | None = None) -> Iterator[Simulator]:
        """The server."""
        with http_simulator(self.answer, tls=tls) as server:
            yield server

    def add(self, major: int, minor: int, at: datetime, **told: object) -> Row:
        """One event at an instant; numbered on."""
        serial = cast(int, self.events[-1]["serialNo"]) + 1 if self.events else 1001
        written = at.astimezone(ZoneInfo("Asia/Shanghai")).isoformat(timespec="seconds")
        row: Row = {"major": major, "minor": minor, "time": written, "serialNo": serial, "doorNo": 1, "cardReaderNo": 1}
        self.events.append({**row, **told})
        del self.events[: -self.memory]
        return self.events[-1]

    def answer(self, asked: Asked) -> Reply:
        """Of one question."""
        if not self._is_let_in(asked):
            told = f'Digest qop="auth", realm="{_REALM}", nonce="{_NONCE}", stale="FALSE"'
            return Reply(401, b"", {"WWW-Authenticate": told, "Content-Type": "text/html"})
        if asked.method == "POST" and asked.path in _LISTS and asked.query.get("format") == "json":
            return self._search(asked)
        pages = {
            "/ISAPI/System/deviceInfo": self._info,
            "/ISAPI/System/time": self._time,
            "/ISAPI/Security/users": self._accounts,
        }
        if asked.method == "GET" and asked.path in pages:
            return pages[asked.path]()
        self.changes.append(f"{asked.method} {asked.path}")
        return json_reply({"statusCode": 4, "statusString": "Invalid Operation", "subStatusCode": "notSupport"}, 403)

    def _search(self, asked: Asked) -> Reply:
        name, rows = _LISTS[asked.path]
        (condition,) = cast(dict[str, dict[str, object]], asked.json()).values()
        self.searches.append(condition)
        found = (
            self._asked_for(condition) if asked.path == EVENTS else self.users if asked.path == USERS else self.cards
        )
        begin = cast(int, condition["searchResultPosition"])
        page = found[begin : begin + min(PAGE, cast(int, condition["maxResults"]))]
        status = "NO MATCH" if not found else "MORE" if begin + len(page) < len(found) else "OK"
        told: Row = {"searchID": condition["searchID"], "responseStatusStrg": status, "numOfMatches": len(page)}
        told["totalMatches"] = len(found) + self.total_beyond
        return json_reply({name: {**told, **({rows: page} if page else {})}})

    def _asked_for(self, condition: Mapping[str, object]) -> list[Row]:
        if "major" not in condition or "minor" not in condition:
            raise AssertionError("firmware asks for major and minor")
        begin, end = (self._instant(str(condition[name])) for name in ("startTime", "endTime"))
        if self.ignores_time:
            return self.events
        return [row for row in self.events if begin <= _at(row, begin) <= end]

    def _instant(self, text: str) -> datetime:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=datetime.fromisoformat(self.clock).tzinfo) if self.ignores_offset else at

    def _info(self) -> Reply:
        told = {"model": "DS-K1T804MF", "serialNumber": self.serial, "firmwareVersion": "V1.4.0"}
        return _xml("DeviceInfo", "".join(f"<{name}>{text}</{name}>" for name, text in told.items()))

    def _time(self) -> Reply:
        return _xml(
            "Time", f"<timeMode>NTP</timeMode><localTime>{self.clock}</localTime><timeZone>CST-8:00:00</timeZone>"
        )

    def _accounts(self) -> Reply:
        if not self.lists_accounts:
            return Reply(403, b"", {"Content-Type": "application/xml"})
        user = f"<User><id>2</id><userName>ccmm</userName><userLevel>{self.level}</userLevel></User>"
        return _xml("UserList", user)

    def _is_let_in(self, asked: Asked) -> bool:
        told = dict(re.findall(r'(\w+)="?([^",]*)"?', asked.headers.get("authorization", "")))
        if told.get("username") != "ccmm" or told.get("nonce") != _NONCE:
            return False
        who, what = _md5(f"ccmm:{_REALM}:{self.password}"), _md5(f"{asked.method}:{told['uri']}")
        return str(told["response"]) == _md5(f"{who}:{_NONCE}:{told['nc']}:{told['cnonce']}:auth:{what}")


def every(minutes: int, count: int, begin: datetime) -> Iterator[datetime]:
    """So many instants, so far apart."""
    return (begin + timedelta(minutes=minutes * number) for number in range(count))


def _at(row: Row, otherwise: datetime) -> datetime:
    """A time that is none fits any question."""
    with suppress(ValueError):
        return datetime.fromisoformat(str(row["time"]))
    return otherwise


def _xml(root: str, content: str) -> Reply:
    body = f'<?xml version="1.0" encoding="UTF-8"?><{root} version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema">'
    return Reply(200, f"{body}{content}</{root}>".encode(), {"Content-Type": "application/xml"})


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
