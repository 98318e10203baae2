"""Asking Zabbix by JSON-RPC: methods that get, and nothing that changes anything. Failures: SourceUnavailable.

https://www.zabbix.com/documentation/6.0/en/manual/api and, for the token in a header, .../6.4/en/manual/api. What the
account may not read is left out of every answer without a word: host groups are asked for by name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_agent.web import Web, bearer, json_body
from ccmm_proto.errors import Malformed

PAGE: Final = 1000
_TRIGGERS: Final = 20_000
_PATH: Final = "/api_jsonrpc.php"
_HEADER_SINCE: Final = (6, 4)  # before it the token stands in the question
_REFUSALS: Final = ("not authori", "re-login", "no permission", "token expired", "incorrect user name", "blocked")
_EVENT_FIELDS: Final = ["eventid", "objectid", "clock", "r_eventid", "severity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A problem, by numbers of Zabbix. `recovery` 0: it stands."""

    id: int
    trigger: int
    started: datetime
    recovery: int
    severity: int
    acked: datetime | None
    acted: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A rule of one host. Its name is not expanded, so it names no host."""

    id: int
    name: str
    enabled: bool
    changed: datetime | None  # when it last became a problem or ceased to be one


class ZabbixApi:
    """Questions of one read."""

    def __init__(self, web: Web, token: str) -> None:
        self._web, self._token = web, token
        self._in_question: dict[str, str] = {}

    def log_in(self) -> str:
        """The version, which says how the token is given."""
        version = self._ask("apiinfo.version", [], "the version")
        numbers = str(version).split(".")
        if not isinstance(version, str) or len(numbers) < 2 or not all(part.isdigit() for part in numbers[:2]):
            raise Malformed("a version that is none")
        if (int(numbers[0]), int(numbers[1])) >= _HEADER_SINCE:
            self._web.auth = bearer(self._token)
        else:
            self._in_question = {"auth": self._token}
        return version

    def groups(self, names: Sequence[str]) -> list[str]:
        """The numbers of these host groups. Raises SourceUnavailable naming one that the account does not see."""
        given = {"output": ["groupid", "name"], "filter": {"name": list(names)}}
        found = {str(row.get("name")): str(row.get("groupid")) for row in self._rows("hostgroup.get", given, "groups")}
        if missing := sorted(set(names) - set(found)):
            told = f"no host group {missing[0]!r} is seen: give the account the right to read it, or correct groups"
            raise self._refused(told)
        return [found[name] for name in names]

    def triggers(self, groups: Sequence[str]) -> list[Trigger]:
        """All rules of the groups' hosts, disabled ones too."""
        given = {"output": ["triggerid", "description", "status", "lastchange"], "groupids": list(groups)}
        rows = self._rows("trigger.get", {**given, "limit": _TRIGGERS + 1, "selectHosts": ["status"]}, "triggers")
        if len(rows) > _TRIGGERS:
            told = f"more than {_TRIGGERS} triggers: name fewer host groups for one source"
            raise SourceUnavailable(Reason.FLOOD, f"{self._web.place.where}: {told}")
        if not rows:
            raise self._refused("no trigger of these host groups is seen: give the right to read, or correct groups")
        return [_trigger(row) for row in rows]

    def writable_hosts(self, groups: Sequence[str]) -> int:
        """How many hosts of the groups the account could change."""
        given = {"output": ["hostid"], "groupids": list(groups), "editable": True}
        return len(self._rows("host.get", given, "hosts"))

    def events_since(self, groups: Sequence[str], since: datetime) -> Iterator[Event]:
        """Every problem that began since then, page by page."""
        after = 0
        while True:
            given = {"groupids": list(groups), "time_from": int(since.timestamp()), "eventid_from": str(after)}
            rows = self._events({**given, "limit": PAGE, "value": [1]})
            yield from rows
            if len(rows) < PAGE:
                return
            after = rows[-1].id + 1

    def events(self, ids: Sequence[int]) -> Iterator[Event]:
        """These problems as they are now; those that the housekeeper took are not among them."""
        for at in range(0, len(ids), PAGE):
            yield from self._events({"eventids": [str(id) for id in ids[at : at + PAGE]]})

    def instants(self, ids: Sequence[int]) -> dict[int, datetime]:
        """When these events, the ends of problems, were."""
        found: dict[int, datetime] = {}
        for at in range(0, len(ids), PAGE):
            given = {"output": ["eventid", "clock"], "eventids": [str(id) for id in ids[at : at + PAGE]]}
            rows = self._rows("event.get", given, "the ends of problems")
            found.update({_whole(row, "eventid"): _clock(row) for row in rows})
        return found

    def _events(self, given: Mapping[str, Any]) -> list[Event]:
        fixed = {"output": _EVENT_FIELDS, "source": 0, "object": 0, "sortfield": ["eventid"], "sortorder": "ASC"}
        asked = {**fixed, "selectAcknowledges": ["clock", "action"], **given}
        rows = [_event(row) for row in self._rows("event.get", asked, "problems")]
        if [row.id for row in rows] != sorted({row.id for row in rows}):
            raise Malformed("problems that are not in order")
        return rows

    def _rows(self, method: str, given: Mapping[str, Any], what: str) -> list[dict[str, Any]]:
        found = self._ask(method, given, what)
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise Malformed(f"{what} of another shape than a list")
        return found

    def _ask(self, method: str, given: object, what: str) -> object:
        asked = {"jsonrpc": "2.0", "method": method, "params": given, "id": 1, **self._in_question}
        answer = self._web.post(_PATH, json_body(asked), what=what, repeatable=True).json_object()
        error = answer.get("error")
        if isinstance(error, dict):
            told = f"{error.get('message', '')} {error.get('data', '')}".lower()
            if any(word in told for word in _REFUSALS):
                raise self._refused(f"{what}: the token is not accepted, or its role may not call {method}")
            raise Malformed(f"error {error.get('code')} to {method}")
        if "result" not in answer:
            raise Malformed("an answer without result")
        return answer["result"]

    def _refused(self, told: str) -> SourceUnavailable:
        return SourceUnavailable(Reason.REFUSED, f"{self._web.place.where}: {told}")


def _event(row: Mapping[str, Any]) -> Event:
    acked, acted = _answers(row.get("acknowledges") or [])
    return Event(
        id=_whole(row, "eventid"),
        trigger=_whole(row, "objectid"),
        started=_clock(row),
        recovery=_whole(row, "r_eventid"),
        severity=_whole(row, "severity"),
        acked=acked,
        acted=acted,
    )


def _answers(rows: object) -> tuple[datetime | None, datetime | None]:
    """When it was acknowledged (and not taken back), and when somebody first wrote what is done, or closed it."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Malformed("acknowledgements of another shape than a list")
    acked, acted = None, None
    for when, action in sorted((_clock(row), _whole(row, "action")) for row in rows):
        if action & 16:
            acked = None
        if action & 2 and acked is None:
            acked = when
        if action & (1 | 4) and acted is None:
            acted = when
    return acked, acted


def _trigger(row: Mapping[str, Any]) -> Trigger:
    name = row.get("description")
    if not isinstance(name, str) or not name:
        raise Malformed("a trigger without description")
    hosts = row.get("hosts")
    watched = all(str(host.get("status", "0")) == "0" for host in hosts) if isinstance(hosts, list) else True
    changed = _whole(row, "lastchange")
    return Trigger(
        id=_whole(row, "triggerid"),
        name=name,
        enabled=_whole(row, "status") == 0 and watched,
        changed=_clock(row, "lastchange") if changed else None,
    )


def _clock(row: Mapping[str, Any], name: str = "clock") -> datetime:
    try:
        return datetime.fromtimestamp(_whole(row, name), UTC)
    except (ValueError, OverflowError, OSError):
        raise Malformed(f"{name} that is no time") from None


def _whole(row: Mapping[str, Any], name: str) -> int:
    found = str(row.get(name, ""))
    if not found.isascii() or not found.isdigit() or len(found) > 19:
        raise Malformed(f"{name} that is no number")
    return int(found)
