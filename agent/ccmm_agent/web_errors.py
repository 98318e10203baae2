"""What went wrong with a question over HTTP, as a Reason and a sentence that names the mend; pure.

No sentence holds a path, a query, a header that we sent, or anything of an answer's body.
"""

import errno
import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import requests
import urllib3.exceptions as lost

from ccmm_agent.plugin import Reason

_EXPIRED, _NOT_YET = 10, 9
_UNTRUSTED: Final = (2, 18, 19, 20, 21)
_OTHER_NAME: Final = (62, 64)
_CLOCKS_APART_S: Final = 60
_NO_ROUTE: Final = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no answer. `again`: the same question may succeed a moment later. `wait_s`: the server names it."""

    reason: Reason
    told: str
    again: bool = False
    wait_s: float | None = None


_LOST: Final = Trouble(Reason.UNREACHABLE, "the connection was lost before the answer was whole", again=True)


def trouble_of(error: Exception, now: datetime) -> Trouble:
    """Of a connection that did not bring a whole answer."""
    causes = list(causes_of(error))
    for judge in (_isolated, _of_tls, _of_name, _of_loss, _of_time, _of_protocol, _of_end):
        for cause in causes:
            if (found := judge(cause, now)) is not None:
                return found
    return Trouble(Reason.UNREACHABLE, f"the question could not be asked ({type(causes[-1]).__name__})")


def trouble_of_status(status: int, headers: Mapping[str, str], right: str, now: datetime) -> Trouble:
    """Of an answer that is no answer to the question. `right`: what the account needs for it."""
    wait_s = retry_after_s(headers, now)
    if status == 429 or (status == 503 and wait_s is not None):
        named = "" if wait_s is None else f", and asks to wait {wait_s:.0f} s"
        told = f"the server limits how often it is asked (HTTP {status}){named}: ask it less often (every)"
        return Trouble(Reason.LIMITED, told, again=True, wait_s=wait_s)
    if status == 401:
        told = "the secret is not accepted (HTTP 401): wrong, expired or revoked"
        return Trouble(Reason.REFUSED, f"{told}{_clocks(headers, now)}")
    if status == 403:
        return Trouble(
            Reason.REFUSED, f"the account may not see this (HTTP 403): give it {right or 'the right to read'}"
        )
    if 300 <= status < 400:
        told = f"the server sends us elsewhere (HTTP {status}{_target(headers)}): set url to where it answers itself"
        return Trouble(Reason.UNREADABLE, told)
    if status >= 500:
        reason = Reason.TIMEOUT if status == 504 else Reason.UNREACHABLE
        told = f"the server fails (HTTP {status}): look at its log"
        return Trouble(reason, told, again=status in (500, 502, 503, 504))
    return Trouble(*_OF_STATUS.get(status, (Reason.UNREADABLE, f"an answer of another kind (HTTP {status})")))


_OF_STATUS: Final = {
    400: (Reason.UNREADABLE, "the server does not take the question (HTTP 400): another version of it, or an option"),
    404: (
        Reason.NOT_FOUND,
        "it is not there (HTTP 404): correct url, or what the options name, or the version differs",
    ),
    405: (Reason.UNREADABLE, "it cannot be asked so (HTTP 405): correct url, or the version differs"),
    407: (Reason.REFUSED, "a proxy stands between and asks for a log-in (HTTP 407): let this host pass it"),
    408: (Reason.TIMEOUT, "the server waited for the question too long (HTTP 408): a slow or broken network"),
    410: (Reason.NOT_FOUND, "it is no longer there (HTTP 410): the version differs"),
}


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds of a Retry-After, which is a number or a date (RFC 9110 §10.2.3); None: there is none that is sound."""
    given = headers.get("Retry-After", "").strip()
    if given.isascii() and given.isdigit() and len(given) < 9:
        return float(given)
    instant = _date(given)
    return None if instant is None else max(0.0, (instant - now).total_seconds())


def _clocks(headers: Mapping[str, str], now: datetime) -> str:
    """A sentence more where the clocks lie apart: signed log-ins are refused then."""
    there = _date(headers.get("Date", ""))
    if there is None or abs(apart := (there - now).total_seconds()) < _CLOCKS_APART_S:
        return ""
    return f"; its clock is {abs(apart):.0f} s {'ahead of' if apart > 0 else 'behind'} ours: set the clocks"


def _date(text: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(text)
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _target(headers: Mapping[str, str]) -> str:
    """Scheme and host of a redirect: the rest may tell of persons."""
    try:
        parts = urlsplit(headers.get("Location", ""))
        port = "" if parts.port is None else f":{parts.port}"
        return f" to {parts.scheme}://{parts.hostname}{port}"[:120] if parts.scheme and parts.hostname else ""
    except ValueError:
        return ""


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """The error and what lies in it, outermost first: causes, contexts, and what libraries carry along."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
        waiting += [each for each in inner if isinstance(each, BaseException)]


def _isolated(cause: BaseException, _now: datetime) -> Trouble | None:
    if isinstance(cause, PermissionError):
        return Trouble(Reason.REFUSED, f"this machine does not let us connect ({cause.strerror or cause})"[:300])
    return None


def _of_tls(cause: BaseException, now: datetime) -> Trouble | None:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Trouble(Reason.UNREACHABLE, _certificate(cause, now))
    if isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Trouble(Reason.UNREACHABLE, "the connection was lost within TLS: is it https there?", again=True)
    if isinstance(cause, ssl.SSLError):
        words = (cause.reason or "no reason").lower().replace("_", " ")
        told = f"TLS failed ({words}): is it https on this port, and TLS 1.2 or later?"
        return Trouble(Reason.UNREACHABLE, told)
    return None


def _certificate(error: ssl.SSLCertVerificationError, now: datetime) -> str:
    code = error.verify_code
    if code in _UNTRUSTED:
        return "its certificate is self-signed, or of an authority unknown here: set ca_file to what signed it"
    if code in _OTHER_NAME:
        return "its certificate is for another name: use that name in url, or set tls_name to it"
    if code in (_EXPIRED, _NOT_YET):
        state = "has expired" if code == _EXPIRED else "is not valid yet"
        return f"its certificate {state}: renew it there, or set the clock here ({now:%Y-%m-%d %H:%M} UTC)"
    return f"its certificate is refused ({error.verify_message})"


def _of_name(cause: BaseException, _now: datetime) -> Trouble | None:
    if not isinstance(cause, socket.gaierror):
        return None
    if cause.errno == socket.EAI_AGAIN:
        return Trouble(Reason.UNREACHABLE, "no name server answers: look at this machine's DNS", again=True)
    return Trouble(Reason.UNREACHABLE, "this host name is not known: correct url, or this machine's DNS")


def _of_time(cause: BaseException, _now: datetime) -> Trouble | None:
    if isinstance(cause, requests.ConnectTimeout | lost.ConnectTimeoutError):
        return Trouble(Reason.TIMEOUT, "no connection in time: a firewall, or a wrong address")
    if isinstance(cause, TimeoutError | requests.Timeout | lost.TimeoutError):
        return Trouble(Reason.TIMEOUT, "no whole answer in time: a slow server, or a firewall between (call_timeout)")
    return None


def _of_loss(cause: BaseException, _now: datetime) -> Trouble | None:
    if isinstance(cause, ConnectionRefusedError):
        return Trouble(Reason.UNREACHABLE, "nothing listens there: does the service run, and is the port right?")
    if isinstance(cause, http.client.IncompleteRead | lost.IncompleteRead | ConnectionError):
        return _LOST
    if isinstance(cause, OSError) and cause.errno in _NO_ROUTE:
        return Trouble(Reason.UNREACHABLE, "there is no way to this address: look at network and routes")
    return None


def _of_protocol(cause: BaseException, _now: datetime) -> Trouble | None:
    if isinstance(cause, UnicodeError):
        return Trouble(Reason.BAD_OPTION, "HTTP cannot carry a letter of the name, the secret or the question")
    if isinstance(cause, http.client.HTTPException):
        return Trouble(
            Reason.UNREADABLE, "it does not speak HTTP as it should: is the port right, and is it http there?"
        )
    return None


def _of_end(cause: BaseException, _now: datetime) -> Trouble | None:
    """An answer in chunks that breaks off between two of them: urllib3 names no cause."""
    return _LOST if isinstance(cause, lost.ProtocolError) else None
