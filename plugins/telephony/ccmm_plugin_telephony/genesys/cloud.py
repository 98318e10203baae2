"""The only module that speaks to Genesys Cloud: it asks, by GET, and by POST to the paths of queries named here.

Pages are followed to the end, and what came is counted against what was announced: a part is never returned. Waits that
the service asks for (429, Retry-After) are kept by the client.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from ccmm_agent.plugin import BadOption, Manifest, Options, Reason, SourceUnavailable
from ccmm_agent.secret_file import load_password
from ccmm_agent.web import Answer, Place, Web, basic, bearer, form_body, json_body, manifest_of, place_of
from ccmm_plugin_telephony.genesys.directory import entities_of
from ccmm_plugin_telephony.genesys.shape import Object, instant_of, number_of, objects, text_of
from ccmm_proto.errors import Malformed
from ccmm_proto.period import from_ms

DETAIL: Final = "analytics:conversationDetail:view"
AGGREGATE: Final = "analytics:conversationAggregate:view"
USER_DETAIL: Final = "analytics:userDetail:view"
QUEUES: Final = "routing:queue:view"
USERS: Final = "directory:user:view"
_PAGE: Final = 100  # the most that these paths give
_JOB_PAGE: Final = 300  # of at most 1000: an answer stays within the limit of its size
_MOST_PAGES: Final = 1000
_VOICE: Final = [{"type": "or", "predicates": [{"dimension": "mediaType", "value": "voice"}]}]
_POLL_S: Final = 2.0
_LEAST_S: Final = 20.0  # so much of the budget stays for the pages of a job


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where the organisation is, and the client that asks."""

    login: Place
    api: Place
    client_id: str
    secret_file: Path
    poll_s: float = _POLL_S

    @classmethod
    def from_options(cls, options: Options) -> Self:
        region = options.text("region")
        if not region.isascii() or not region.replace(".", "").replace("-", "").isalnum() or "." not in region:
            raise BadOption("region", "the domain of the region, such as mypurecloud.de")
        return cls(
            login=place_of(options, key="login_url", default=f"https://login.{region}"),
            api=place_of(options, key="api_url", default=f"https://api.{region}"),
            client_id=options.text("client_id"),
            secret_file=options.path("secret_file"),
        )

    def manifest(self) -> Manifest:
        return manifest_of(self.login, self.api, files=(self.secret_file,))


class Cloud:
    """A client that was let in; use `connected`."""

    def __init__(self, web: Web, poll_s: float) -> None:
        self._web = web
        self._poll_s = poll_s

    def queues(self) -> list[Object]:
        """All queues that this client may see."""
        return self._entities("/api/v2/routing/queues", {}, what="queues", right=QUEUES)

    def users(self) -> list[Object]:
        """All users, also inactive and deleted ones, with roles, employee ids and last log-ins."""
        query = {"state": "any", "expand": "authorization,employerInfo,dateLastLogin"}
        return self._entities("/api/v2/users", query, what="users", right=USERS)

    def conversations(self, begin_ms: int, end_ms: int) -> Iterator[Object]:
        """Voice conversations with activity in the span, each once. Raises SourceUnavailable where pages are lost."""
        seen: set[str] = set()
        total = 0
        for page in range(1, _MOST_PAGES + 1):
            body = {
                "interval": _interval(begin_ms, end_ms),
                "order": "asc",
                "orderBy": "conversationStart",
                "segmentFilters": _VOICE,
                "paging": {"pageSize": _PAGE, "pageNumber": page},
            }
            answer = self._post("/api/v2/analytics/conversations/details/query", body, "conversations", DETAIL)
            found = objects(answer, "conversations")
            yield from _once(found, seen)
            total = _announced(answer, found, total, "conversations")
            if not found or page * _PAGE >= total:
                _refuse_less(len(seen), total, "conversations")
                return
        raise SourceUnavailable(Reason.FLOOD, f"more than {_MOST_PAGES * _PAGE} conversations in one span of time")

    def available_until(self) -> int:
        """Until when jobs have everything, in milliseconds."""
        answer = self._get(
            "/api/v2/analytics/conversations/details/jobs/availability", {}, "how far jobs reach", DETAIL
        )
        return instant_of(answer, "dataAvailabilityDate") or 0

    def conversations_by_job(self, begin_ms: int, end_ms: int) -> Iterator[Object]:
        """The same for a span that lies back. Raises SourceUnavailable for a job that fails or takes too long."""
        body = {"interval": _interval(begin_ms, end_ms), "order": "asc", "segmentFilters": _VOICE}
        path = "/api/v2/analytics/conversations/details/jobs"
        job = text_of(self._post(path, body, "a job for conversations", DETAIL, statuses=(200, 202)), "jobId")
        if not job or not job.replace("-", "").isalnum():
            raise Malformed("a job without id")
        self._wait_for(f"{path}/{job}")
        seen: set[str] = set()
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            query = {"pageSize": str(_JOB_PAGE), **({"cursor": cursor} if cursor else {})}
            answer = self._get(f"{path}/{job}/results", query, "results of a job", DETAIL)
            yield from _once(objects(answer, "conversations"), seen)
            following = answer.get("cursor")
            if not following:
                return
            if not isinstance(following, str) or following == cursor:
                raise Malformed("a job whose pages do not go on")
            cursor = following
        raise SourceUnavailable(Reason.FLOOD, "a job with too many pages")

    def offered(self, begin_ms: int, end_ms: int) -> dict[str, int]:
        """How many voice calls the aggregates count as offered, by queue id."""
        body = {
            "interval": _interval(begin_ms, end_ms),
            "groupBy": ["queueId"],
            "filter": {"type": "and", "predicates": [{"dimension": "mediaType", "value": "voice"}]},
            "metrics": ["nOffered"],
        }
        answer = self._post("/api/v2/analytics/conversations/aggregates/query", body, "aggregates", AGGREGATE)
        counts: dict[str, int] = {}
        for result in objects(answer, "results"):
            queue = text_of(_object(result, "group"), "queueId")
            for part in objects(result, "data"):
                for metric in objects(part, "metrics"):
                    if queue and text_of(metric, "metric") == "nOffered":
                        count = number_of(_object(metric, "stats"), "count") or 0
                        counts[queue] = counts.get(queue, 0) + int(count)
        return counts

    def presences(self, begin_ms: int, end_ms: int) -> list[Object]:
        """Users with their presences in the span."""
        users: list[Object] = []
        total = 0
        for page in range(1, _MOST_PAGES + 1):
            body = {
                "interval": _interval(begin_ms, end_ms),
                "order": "asc",
                "paging": {"pageSize": _PAGE, "pageNumber": page},
            }
            answer = self._post("/api/v2/analytics/users/details/query", body, "presences", USER_DETAIL)
            found = objects(answer, "userDetails")
            users += found
            total = _announced(answer, found, total, "users")
            if not found or page * _PAGE >= total:
                _refuse_less(len(users), total, "users with presence")
                return users
        raise SourceUnavailable(Reason.FLOOD, "too many pages of users")

    def _wait_for(self, path: str) -> None:
        while True:
            state = text_of(self._get(path, {}, "a job", DETAIL), "state")
            if state == "FULFILLED":
                return
            if state not in ("QUEUED", "PENDING"):
                told = f"a job for conversations ended as {state[:20] or 'nothing'}: the next run asks anew"
                raise SourceUnavailable(Reason.LIMITED, told)
            if self._web.left_s < _LEAST_S:
                raise SourceUnavailable(
                    Reason.TIMEOUT, "a job for conversations is not done in time: the next run asks anew"
                )
            time.sleep(self._poll_s)

    def _entities(self, path: str, query: Mapping[str, str], *, what: str, right: str) -> list[Object]:
        entities: list[Object] = []
        for page in range(1, _MOST_PAGES + 1):
            given = {"pageSize": str(_PAGE), "pageNumber": str(page), **query}
            answer = self._get(path, given, what, right)
            found, pages = entities_of(answer)
            entities += found
            total = number_of(answer, "total")
            if page >= pages:
                if total is not None:
                    _refuse_less(len(entities), int(total), what)
                return entities
        raise SourceUnavailable(Reason.FLOOD, f"too many pages of {what}")

    def _get(self, path: str, query: Mapping[str, str], what: str, right: str) -> Object:
        return _checked(self._web.get(path, query, what=what, right=f"the permission {right}"))

    def _post(self, path: str, body: object, what: str, right: str, statuses: tuple[int, ...] = (200,)) -> Object:
        told = f"the permission {right}"
        answer = self._web.post(path, json_body(body), what=what, right=told, statuses=statuses, repeatable=True)
        return _checked(answer)


@contextmanager
def connected(account: Account) -> Iterator[Cloud]:
    """With a token of its own. Raises SourceUnavailable; what is no answer of Genesys Cloud becomes `unreadable`."""
    secret = load_password(account.secret_file)
    with Web(account.login, basic(account.client_id, secret)) as web:
        token = _token(web)
    with Web(account.api, bearer(token)) as web:
        try:
            yield Cloud(web, account.poll_s)
        except Malformed as error:
            raise SourceUnavailable(Reason.UNREADABLE, f"{account.api.where} sent {error}") from error


def _token(web: Web) -> str:
    body = form_body({"grant_type": "client_credentials"})
    answer = web.post("/oauth/token", body, what="a token", statuses=(200, 400, 401), repeatable=True)
    if answer.status != 200:
        told = f"{answer.where}: client_id or its secret is not accepted (HTTP {answer.status}), or of another region"
        raise SourceUnavailable(Reason.REFUSED, f"{told}, or the client has no Client Credentials grant")
    token = answer.json_object().get("access_token")
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise SourceUnavailable(Reason.UNREADABLE, f"{answer.where}: no token in the answer")
    return token


def _checked(answer: Answer) -> Object:
    return answer.json_object()


def _object(part: Object, key: str) -> Object:
    found = part.get(key)
    return found if isinstance(found, dict) else {}


def _once(found: list[Object], seen: set[str]) -> Iterator[Object]:
    for conversation in found:
        id = text_of(conversation, "conversationId")
        if id not in seen:
            seen.add(id)
            yield conversation


def _announced(answer: Object, found: list[Object], before: int, what: str) -> int:
    """How many there are, by the most that any page said: one that says less, or nothing, takes none away."""
    total = number_of(answer, "totalHits")
    if found and total is None:
        raise Malformed(f"{what} without their count")
    return max(before, int(total or 0))


def _refuse_less(found: int, announced: int, what: str) -> None:
    if found < announced:
        raise SourceUnavailable(Reason.LIMITED, f"{found} {what} came where {announced} were announced")


def _interval(begin_ms: int, end_ms: int) -> str:
    begin, end = (from_ms(at).astimezone(UTC) for at in (begin_ms, end_ms))
    return f"{_written(begin)}/{_written(end)}"


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
