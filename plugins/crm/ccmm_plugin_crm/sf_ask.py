"""Questions to Salesforce by its REST API: the only module of it that asks. It queries and describes, and nothing else.

Log-in by a signed token: https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_jwt_flow.htm
Queries that bring deleted records: https://developer.salesforce.com/docs/platform/api-rest/guide/resources-queryall.html
What Salesforce says of an error is never passed on (it may quote a record): its code becomes a sentence.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, cast

import jwt

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_agent.web import Answer, Place, Web, bearer, form_body
from ccmm_proto.errors import Malformed

MOST_KEY_BYTES: Final = 16 << 10
MOST_PAGES: Final = 500
_HOST: Final = re.compile(r"https?://[A-Za-z0-9.:-]{1,100}/?")
_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_VALID: Final = timedelta(minutes=3)  # as long as Salesforce takes one
_ERRORS: Final = {
    "REQUEST_LIMIT_EXCEEDED": (Reason.LIMITED, "its limit of API calls is used up: read less often, or buy more"),
    "INVALID_FIELD": (Reason.NOT_FOUND, "a field is not there, or field-level security hides it: see [source.fields]"),
    "INVALID_TYPE": (Reason.REFUSED, "the account may not read this object: give it Read and View All on it"),
    "INSUFFICIENT_ACCESS": (Reason.REFUSED, "the account may not read this: give it Read and View All on Case"),
    "API_DISABLED_FOR_ORG": (Reason.REFUSED, "the account may not use the API: give it API Enabled"),
    "API_CURRENTLY_DISABLED": (Reason.REFUSED, "the API is switched off for this organisation"),
    "QUERY_TIMEOUT": (Reason.TIMEOUT, "the query takes too long there: a shorter `keep`"),
    "SERVER_UNAVAILABLE": (Reason.UNREACHABLE, "it is not available at present"),
    "INVALID_QUERY_LOCATOR": (Reason.UNREADABLE, "the list ran out while it was read: read again"),
    "INVALID_SESSION_ID": (Reason.REFUSED, "the session ended while it was read: read again"),
}
_LOG_IN: Final = {
    "invalid_client_id": "the consumer key is not known: correct client_id",
    "invalid_client": "the consumer key is not known, or its certificate is not that of key_file",
    "invalid_grant": "the log-in is not granted: is the user approved for the app, is login_url right, are the clocks?",
    "invalid_app_access": "the user is not approved for the app: Manage Connected Apps, Permission Sets",
    "inactive_user": "the user is not active",
    "inactive_org": "the organisation is not active",
}


class Salesforce:
    """One organisation, asked as one user over one connection."""

    def __init__(self, web: Web, version: str) -> None:
        self._web = web
        self._base = f"/services/data/v{version}"
        self.usage = ""  # of API calls, as the last answer tells it: 18/5000

    @property
    def where(self) -> str:
        """For sentences."""
        return self._web.place.where

    def query(self, soql: str, what: str) -> Iterator[Mapping[str, object]]:
        """All records, deleted ones too, page by page. Raises SourceUnavailable; a part is never taken for all."""
        page = self._get(f"{self._base}/queryAll", what, {"q": soql})
        total, came = page.get("totalSize"), 0
        for _ in range(MOST_PAGES):
            records = page.get("records")
            if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
                raise Malformed("a page without records")
            came += len(records)
            yield from cast(list[Mapping[str, object]], records)
            if page.get("done") is True:
                if came != total:
                    raise SourceUnavailable(Reason.LIMITED, f"{self.where}: {what}: {came} of {total} came: read again")
                return
            following = page.get("nextRecordsUrl")
            if not isinstance(following, str):
                raise Malformed("a page without the next one")
            page = self._get(self._web.place.path_of(following), what)
        raise SourceUnavailable(Reason.FLOOD, f"{self.where}: {what}: more than {MOST_PAGES} pages")

    def describe(self) -> Mapping[str, object]:
        """The object Case, as this account may see and change it."""
        return self._get(f"{self._base}/sobjects/Case/describe", "the fields of cases")

    def _get(self, path: str, what: str, query: Mapping[str, str] | None = None) -> Mapping[str, object]:
        answer = self._web.get(path, query, what=what, statuses=(200, 400, 403, 404))
        if answer.status != 200:
            raise _refusal(answer)
        self.usage = answer.headers.get("Sforce-Limit-Info", "").rpartition("=")[2][:40]
        return answer.json_object()


def log_in(place: Place, client: str, username: str, key_file: Path, instance: Place) -> str:
    """A token for `instance`, by a request signed with the key. Raises SourceUnavailable."""
    claims = {"iss": client, "sub": username, "aud": place.url, "exp": datetime.now(UTC) + _VALID}
    try:
        signed = jwt.encode(claims, _load_key(key_file), algorithm="RS256")
    except (jwt.PyJWTError, TypeError, ValueError) as error:
        told = f"{key_file} holds no private RSA key in PEM without a password"
        raise SourceUnavailable(Reason.UNREADABLE, told) from error
    with Web(place) as web:
        body = form_body({"grant_type": _GRANT, "assertion": signed})
        answer = web.post("/services/oauth2/token", body, what="the log-in", statuses=(200, 400), repeatable=True)
    told_by = answer.json_object()
    if answer.status != 200:
        why = _LOG_IN.get(str(told_by.get("error")), "the log-in is refused: see the user's log-in history")
        raise SourceUnavailable(Reason.REFUSED, f"{place.where}: {why}")
    token, url = told_by.get("access_token"), told_by.get("instance_url")
    if not isinstance(token, str) or not token or not isinstance(url, str):
        raise SourceUnavailable(Reason.UNREADABLE, f"{place.where}: a log-in without its token")
    if url.rstrip("/").lower() != instance.url.lower():
        there = url if _HOST.fullmatch(url) else "its own address"
        told = f"{place.where}: the organisation is elsewhere: set url to {there}"
        raise SourceUnavailable(Reason.UNREADABLE, told)
    return token


def authorised(place: Place, token: str) -> Web:
    """Questions to the organisation."""
    return Web(place, bearer(token))


def _refusal(answer: Answer) -> SourceUnavailable:
    found = answer.json()
    first = found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else {}
    code = str(first.get("errorCode", ""))
    code = code if code.replace("_", "").isalnum() and code.isascii() else "unknown"
    reason, told = _ERRORS.get(code, (Reason.UNREADABLE, f"Salesforce refuses the question (HTTP {answer.status})"))
    return SourceUnavailable(reason, f"{answer.where}: {told} ({code[:40]})")


def _load_key(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_KEY_BYTES)
    except FileNotFoundError as error:
        raise SourceUnavailable(Reason.NOT_FOUND, f"{path} is not there") from error
    except OSError as error:
        raise SourceUnavailable(Reason.REFUSED, f"{path} cannot be read: {error.strerror or error}") from error
