"""The HTTP client of plugins (a part of the plugin API; needs the extra `ccmm-agent[web]`).

    place = place_of(options)                          # url, ca_file, tls_name, plain, call_timeout, proxy
    with Web(place, bearer(load_password(token_file))) as web:
        tickets = web.get("/REST/2.0/tickets", {"page": "1"}, what="tickets").json_object()

A question gives a whole Answer or raises SourceUnavailable with a sentence that names the mend. Waits that a server
asks for are kept while time is left; a GET whose connection is lost is asked again. Redirects are not followed. `what`
says in sentences what was asked for: no person, no secret, no query in it.
"""

import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self, TypeAlias
from urllib.parse import urlencode

import requests
import urllib3
from requests.auth import AuthBase, HTTPBasicAuth

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_agent.web_errors import Trouble, trouble_of, trouble_of_status
from ccmm_agent.web_place import Place, manifest_of, place_lines, place_of, query_of
from ccmm_agent.web_proxy import proxy_trouble
from ccmm_agent.web_wire import BoundedDigest, Broken, TooLarge, body_of, drained, open_session, within

__all__ = [
    "Answer",
    "Auth",
    "Body",
    "Place",
    "Web",
    "basic",
    "bearer",
    "digest",
    "form_body",
    "header",
    "json_body",
    "manifest_of",
    "place_lines",
    "place_of",
    "proxy_trouble",
    "query_of",
]

Auth: TypeAlias = Callable[[requests.PreparedRequest], requests.PreparedRequest]
MOST_BYTES: Final = 16 << 20
BUDGET_S: Final = 90.0  # below the 120 s of a reading: so the source itself can say what was slow
_CONNECT_S: Final = 10.0
_TIMES: Final = 3
_PAUSE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Body:
    """What a POST sends."""

    content: bytes
    content_type: str


def json_body(value: object) -> Body:
    """A value as JSON."""
    return Body(json.dumps(value, ensure_ascii=False).encode(), "application/json")


def form_body(fields: Mapping[str, str]) -> Body:
    """Fields as a form: what OAuth token endpoints take."""
    return Body(urlencode(fields).encode(), "application/x-www-form-urlencoded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer of a status that was asked for."""

    status: int
    headers: Mapping[str, str]  # their names in any case
    body: bytes
    where: str  # for sentences: host, port, what was asked

    def json(self) -> object:
        """Its JSON, in UTF-8. Raises SourceUnavailable."""
        try:
            return json.loads(self.text().removeprefix("\ufeff"), parse_constant=_no_number)
        except RecursionError as error:
            raise self._unreadable("JSON nested too deep") from error
        except ValueError as error:
            is_page = "html" in self.headers.get("Content-Type", "").lower()
            told = "a web page, no JSON: a log-in page, or url is not that of the API" if is_page else "no sound JSON"
            raise self._unreadable(told) from error

    def json_object(self) -> dict[str, object]:
        """Its JSON where that is an object."""
        found = self.json()
        if not isinstance(found, dict):
            raise self._unreadable("JSON of another shape: an object was expected")
        return found

    def text(self) -> str:
        """Its text, in UTF-8. Raises SourceUnavailable."""
        try:
            return self.body.decode()
        except UnicodeDecodeError as error:
            raise self._unreadable("text that is not UTF-8") from error

    def _unreadable(self, told: str) -> SourceUnavailable:
        return SourceUnavailable(Reason.UNREADABLE, f"{self.where}: the answer is {told}")


def header(name: str, secret: str) -> Auth:
    """A secret in a header of its own: `header("X-Api-Key", key)`, `header("Authorization", f"token {token}")`."""
    return _Header(name, secret)


def bearer(token: str) -> Auth:
    """`Authorization: Bearer`: OAuth and API tokens."""
    return _Header("Authorization", f"Bearer {token}")


def basic(user: str, password: str) -> Auth:
    """Name and password, in UTF-8 (RFC 7617)."""
    return HTTPBasicAuth(user.encode(), password.encode())


def digest(user: str, password: str) -> Auth:
    """Name and password by challenge (RFC 7616): devices."""
    return BoundedDigest(user, password)


class Web:
    """Questions to one place over kept connections. `auth` may be set anew, as when a token was fetched."""

    def __init__(
        self,
        place: Place,
        auth: Auth | None = None,
        *,
        budget_s: float = BUDGET_S,  # for all questions together
        most_bytes: int = MOST_BYTES,  # of one answer, unpacked
    ) -> None:
        self.place = place
        self.auth = auth
        self._ends = time.monotonic() + budget_s
        self._most_bytes = most_bytes
        self._session = open_session(place)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._session.close()

    @property
    def left_s(self) -> float:
        """Seconds of the budget that are left: a source of many pages ends its batch before they run out."""
        return max(0.0, self._ends - time.monotonic())

    def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        what: str,
        right: str = "",
        statuses: Collection[int] = (200,),
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer to a GET of url + path. `right`: what a 403 says is missing. `statuses`: all that are answers."""
        request = requests.Request("GET", self._url(path), params=query, headers=dict(headers or {}))
        return self._asked(request, what, right, statuses, repeatable=True)

    def post(
        self,
        path: str,
        body: Body,
        *,
        what: str,
        right: str = "",
        statuses: Collection[int] = (200,),
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
    ) -> Answer:
        """The answer to a POST that only asks. `repeatable`: it may be sent again where the connection is lost."""
        given = {**(headers or {}), "Content-Type": body.content_type}
        request = requests.Request("POST", self._url(path), data=body.content, headers=given)
        return self._asked(request, what, right, statuses, repeatable=repeatable)

    def _url(self, path: str) -> str:
        if path and not path.startswith("/"):
            raise ValueError("a path begins with a slash")
        return f"{self.place.url}{path}"

    def _asked(
        self, request: requests.Request, what: str, right: str, statuses: Collection[int], *, repeatable: bool
    ) -> Answer:
        where, asked, pause = f"{self.place.where}: {what}", 0, _PAUSE_S
        while True:
            found = self._once(request, where, right, statuses)
            if isinstance(found, Answer):
                return found
            asked += 1
            limited = found.reason is Reason.LIMITED
            wait_s = pause if found.wait_s is None else max(found.wait_s, _PAUSE_S)
            may_again = limited or (repeatable and found.again and asked < _TIMES)
            if not found.again or not may_again or wait_s >= self.left_s:
                raise SourceUnavailable(found.reason, f"{where}: {found.told}")
            time.sleep(wait_s)
            pause *= 2

    def _once(self, request: requests.Request, where: str, right: str, statuses: Collection[int]) -> Answer | Trouble:
        seconds = min(self.place.timeout_s, self.left_s)
        if seconds <= 0:
            return Trouble(Reason.TIMEOUT, "no time is left for this question: the ones before it took it all")
        try:
            with within(seconds), self._sent(request, seconds) as response:
                if response.status_code in statuses:
                    return Answer(
                        status=response.status_code,
                        headers=response.headers,
                        body=body_of(response, self._most_bytes),
                        where=where,
                    )
                drained(response)
        except TooLarge:
            told = f"an answer of more than {self._most_bytes >> 20} MiB: ask for smaller pages"
            return Trouble(Reason.FLOOD, told)
        except Broken as error:
            return Trouble(Reason.UNREADABLE, f"the answer is {error}")
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, UnicodeError) as error:
            of_proxy = self.place.proxy and proxy_trouble(error, self.place.proxy, self.place.where)
            return of_proxy or trouble_of(error, datetime.now(UTC))
        return trouble_of_status(response.status_code, response.headers, right, datetime.now(UTC))

    def _sent(self, request: requests.Request, seconds: float) -> requests.Response:
        request.auth = self.auth
        prepared = self._session.prepare_request(request)
        return self._session.send(
            prepared, stream=True, allow_redirects=False, timeout=(min(_CONNECT_S, seconds), seconds)
        )


class _Header(AuthBase):
    def __init__(self, name: str, value: str) -> None:
        self._name, self._value = name, value

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers[self._name] = self._value
        return r


def _no_number(word: str) -> object:
    raise ValueError(f"{word} is no JSON")
