"""A simulator of Genesys Cloud's Platform API: tokens, conversation detail by query and by job, aggregates, users.

As documented at https://developer.genesys.cloud/analyticsdatamanagement/analytics/detail/conversation-query,
https://developer.genesys.cloud/analyticsdatamanagement/analytics/jobs/conversation-details-job,
https://developer.genesys.cloud/authorization/platform-auth/use-client-credentials and
https://developer.genesys.cloud/platform/api/rate-limits: a token for each client, 401 without, 403 with the permission
that is missing, pages of at most 100, jobs that are queued first and give pages by a cursor, 429 with Retry-After.
"""

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ccmm_agent.testing_http import Asked, Certificate, Reply, Simulator, http_simulator, json_reply

CLIENT, SECRET, TOKEN = "client-1", "secret-canary", "token-canary"
PERMISSIONS = frozenset(
    (
        *("analytics:conversationDetail:view", "analytics:conversationAggregate:view", "analytics:userDetail:view"),
        *("routing:queue:view", "directory:user:view"),
    )
)
_ANALYTICS = "/api/v2/analytics"
_DETAIL = f"{_ANALYTICS}/conversations/details"


@dataclass(slots=True, kw_only=True)
class Genesys:
    """What the organisation holds, what the role may, and how a job goes."""

    conversations: list[dict[str, Any]] = field(default_factory=list)
    queues: dict[str, str] = field(default_factory=lambda: {"q-1": "Support", "q-2": "Sales"})
    users: list[dict[str, Any]] = field(default_factory=list)
    presences: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    permissions: frozenset[str] = PERMISSIONS
    page_most: int = 100
    job_page: int = 2
    job_states: tuple[str, ...] = ("QUEUED", "PENDING", "FULFILLED")
    available_until: str = "2026-03-01T00:00:00.000Z"
    more_announced: int = 0  # conversations that are counted and not given
    more_aggregated: int = 0
    _jobs: dict[str, tuple[list[dict[str, Any]], list[str]]] = field(default_factory=dict)

    @contextmanager
    def running(self, tls: Certificate | None = None) -> Iterator[Simulator]:
        with http_simulator(self._answer, tls=tls) as server:
            yield server

    def _answer(self, asked: Asked) -> Reply:
        if asked.path == "/oauth/token":
            return self._token(asked)
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(401, "bad.credentials", "Invalid login credentials.")
        for begin, permission, answer in self._paths():
            if asked.path == begin or (begin.endswith("/") and asked.path.startswith(begin)):
                if permission not in self.permissions:
                    return _error(403, "missing.permissions", f"You are missing the permission {permission}")
                return answer(asked)
        return _error(404, "not.found", "The requested resource was not found.")

    def _paths(self) -> Iterable[tuple[str, str, Callable[[Asked], Reply]]]:
        detail = "analytics:conversationDetail:view"
        return (
            (f"{_DETAIL}/query", detail, self._query),
            (f"{_DETAIL}/jobs/availability", detail, self._availability),
            (f"{_DETAIL}/jobs", detail, self._new_job),
            (f"{_DETAIL}/jobs/", detail, self._job),
            (f"{_ANALYTICS}/conversations/aggregates/query", "analytics:conversationAggregate:view", self._aggregates),
            (f"{_ANALYTICS}/users/details/query", "analytics:userDetail:view", self._presences),
            ("/api/v2/routing/queues", "routing:queue:view", self._queues),
            ("/api/v2/users", "directory:user:view", self._users),
        )

    def _token(self, asked: Asked) -> Reply:
        given = base64.b64decode(asked.headers.get("authorization", "").removeprefix("Basic ")).decode()
        if given != f"{CLIENT}:{SECRET}":
            return json_reply({"error": "invalid_client", "description": "client not found: invalid_client"}, 400)
        if asked.form() != {"grant_type": "client_credentials"}:
            return json_reply({"error": "unsupported_grant_type"}, 400)
        return json_reply({"access_token": TOKEN, "token_type": "bearer", "expires_in": 86399})

    def _query(self, asked: Asked) -> Reply:
        body = _body(asked)
        size, number = body["paging"]["pageSize"], body["paging"]["pageNumber"]
        if size > self.page_most or size < 1 or number < 1:
            return _error(400, "bad.request", "Pagination may not exceed 100 results per page")
        found = self._within(body)
        page = found[(number - 1) * size : number * size]
        total = len(found) + self.more_announced
        return json_reply({"conversations": page, "totalHits": total} if page else {"totalHits": total})

    def _within(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        begin, end = _interval(body)
        day = begin.replace(hour=0, minute=0, second=0, microsecond=0)
        return [
            one
            for one in sorted(self.conversations, key=lambda one: str(one["conversationStart"]))
            if day <= _moment(one["conversationStart"]) < end
            and _moment(one.get("conversationEnd") or "2099-01-01T00:00:00Z") > begin
        ]

    def _availability(self, _: Asked) -> Reply:
        return json_reply({"dataAvailabilityDate": self.available_until})

    def _new_job(self, asked: Asked) -> Reply:
        name = f"job-{len(self._jobs)}"
        self._jobs[name] = (self._within(_body(asked)), list(self.job_states))
        return json_reply({"jobId": name}, 202)

    def _job(self, asked: Asked) -> Reply:
        name, _, results = asked.path.removeprefix(f"{_DETAIL}/jobs/").partition("/")
        found, states = self._jobs[name]
        if not results:
            return json_reply({"state": states.pop(0) if len(states) > 1 else states[0]})
        if states[-1] != "FULFILLED":
            return _error(404, "not.found", "no results")
        begin = int(asked.query.get("cursor", "0"))
        page: dict[str, Any] = {"conversations": found[begin : begin + self.job_page]}
        if begin + self.job_page < len(found):
            page["cursor"] = str(begin + self.job_page)
        return json_reply(page)

    def _aggregates(self, asked: Asked) -> Reply:
        begin, end = _interval(_body(asked))
        counts: Counter[str] = Counter()
        for conversation in self.conversations:
            for session in (one for part in conversation["participants"] for one in part["sessions"]):
                for metric in session.get("metrics", ()):
                    if metric["name"] == "nOffered" and begin <= _moment(metric["emitDate"]) < end:
                        counts[session["segments"][0]["queueId"]] += 1
        results = [
            {
                "group": {"queueId": queue},
                "data": [{"metrics": [{"metric": "nOffered", "stats": {"count": count + self.more_aggregated}}]}],
            }
            for queue, count in counts.items()
        ]
        return json_reply({"results": results})

    def _presences(self, asked: Asked) -> Reply:
        body = _body(asked)
        begin, end = _interval(body)
        found = [
            {"userId": user, "primaryPresence": kept}
            for user, records in self.presences.items()
            if (kept := [one for one in records if _begins(one, begin, end)])
        ]
        size, number = body["paging"]["pageSize"], body["paging"]["pageNumber"]
        return json_reply({"userDetails": found[(number - 1) * size : number * size], "totalHits": len(found)})

    def _queues(self, asked: Asked) -> Reply:
        level = {"mediaSettings": {"call": {"serviceLevel": {"percentage": 0.8, "durationMs": 20000}}}}
        return _page(asked, [{"id": id, "name": name, **level} for id, name in self.queues.items()], self.page_most)

    def _users(self, asked: Asked) -> Reply:
        return _page(asked, self.users, self.page_most)


def _page(asked: Asked, entities: list[dict[str, Any]], most: int) -> Reply:
    size, number = min(int(asked.query["pageSize"]), most), int(asked.query["pageNumber"])
    page = entities[(number - 1) * size : number * size]
    return json_reply({"entities": page, "total": len(entities), "pageCount": -(-len(entities) // size)})


def _body(asked: Asked) -> Any:
    return json.loads(asked.body)


def _error(status: int, code: str, message: str) -> Reply:
    return json_reply({"status": status, "code": code, "message": message, "contextId": "x"}, status)


def _interval(body: Mapping[str, Any]) -> tuple[datetime, datetime]:
    begin, end = body["interval"].split("/")
    return _moment(begin), _moment(end)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _begins(record: Mapping[str, Any], begin: datetime, end: datetime) -> bool:
    """The narrower reading of the documentation: records that only last into the span are not given."""
    return begin <= _moment(record["startTime"]) < end
