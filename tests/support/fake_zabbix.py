"""A Zabbix in memory behind HTTP: the methods that the plugin asks, with their errors, limits and silent omissions.

https://www.zabbix.com/documentation/6.0/en/manual/api/reference/event/get, .../trigger/get, .../hostgroup/get and
.../6.4/en/manual/api (token in a header). Numbers come as texts; what may not be read is left out without a word.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ccmm_agent.testing_http import Asked, Reply, json_reply

TOKEN = "zabbix-token-canary"


@dataclass(slots=True)
class FakeZabbix:
    """Its state; `answer` is what a simulator serves."""

    version: str = "6.0.14"
    groups: dict[str, str] = field(default_factory=lambda: {"7": "Contact center"})  # those that may be read
    triggers: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    editable: int = 0  # hosts

    def trigger(self, id: int, description: str, *, status: int = 0, lastchange: int = 0, host: int = 0) -> None:
        """A rule of a host."""
        row = {"triggerid": str(id), "description": description, "status": str(status), "lastchange": str(lastchange)}
        self.triggers.append({**row, "hosts": [{"hostid": "1", "status": str(host)}]})

    def problem(self, trigger: int, clock: int, *, severity: int = 4) -> dict[str, Any]:
        """A trigger that became a problem."""
        return self._event(trigger, clock, 1, severity)

    def resolve(self, event: dict[str, Any], clock: int) -> None:
        """Its end is an event of its own."""
        event["r_eventid"] = self._event(int(event["objectid"]), clock, 0, 0)["eventid"]

    def update(self, event: dict[str, Any], clock: int, action: int) -> None:
        """Somebody acknowledges (2), writes (4), closes (1), takes it back (16)."""
        event["acknowledges"].insert(0, {"clock": str(clock), "action": str(action)})

    def answer(self, asked: Asked) -> Reply:
        """One question."""
        body = asked.json()
        assert isinstance(body, dict)
        if asked.path != "/zabbix/api_jsonrpc.php":
            return Reply(404)
        error = self._refusal(asked, body)
        if error is not None:
            return json_reply({"jsonrpc": "2.0", "error": error, "id": 1})
        found = getattr(self, "_" + body["method"].replace(".", "_"))(body["params"])
        return json_reply({"jsonrpc": "2.0", "result": found, "id": 1})

    def _refusal(self, asked: Asked, body: dict[str, Any]) -> dict[str, Any] | None:
        in_header, new = "authorization" in asked.headers, self.version >= "6.4"
        if body["method"] == "apiinfo.version":
            given = in_header or "auth" in body
            said = 'The "apiinfo.version" method must be called without the "auth" parameter.'
            return {"code": -32602, "message": "Invalid params.", "data": said} if given else None
        if new and "auth" in body:
            said = 'Invalid parameter "/": unexpected parameter "auth".'
            return {"code": -32600, "message": "Invalid request.", "data": said}
        token = asked.headers.get("authorization", "").removeprefix("Bearer ") if new else body.get("auth")
        if token != TOKEN:
            return {"code": -32602, "message": "Invalid params.", "data": "Not authorised."}
        return None

    def _apiinfo_version(self, _given: Any) -> str:
        return self.version

    def _hostgroup_get(self, given: dict[str, Any]) -> list[dict[str, str]]:
        names = given["filter"]["name"]
        return [{"groupid": id, "name": name} for id, name in self.groups.items() if name in names]

    def _host_get(self, given: dict[str, Any]) -> list[dict[str, str]]:
        assert given["editable"] is True
        return [{"hostid": str(id)} for id in range(self.editable)]

    def _trigger_get(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        return self.triggers[: given["limit"]] if self._seen(given) else []

    def _event_get(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        ids = given.get("eventids")
        rows: Iterable[dict[str, Any]] = [
            row
            for row in self.events
            if (ids is None or row["eventid"] in ids)
            and int(row["clock"]) >= given.get("time_from", 0)
            and int(row["eventid"]) >= int(given.get("eventid_from", 0))
            and int(row["value"]) in given.get("value", [0, 1])
        ]
        return list(rows)[: given.get("limit")] if ids is not None or self._seen(given) else []

    def _seen(self, given: dict[str, Any]) -> bool:
        return set(given["groupids"]) <= set(self.groups)

    def _event(self, trigger: int, clock: int, value: int, severity: int) -> dict[str, Any]:
        row = {"eventid": str(len(self.events) + 1), "objectid": str(trigger), "clock": str(clock), "value": str(value)}
        event: dict[str, Any] = {**row, "r_eventid": "0", "severity": str(severity), "acknowledges": []}
        self.events.append(event)
        return event
