"""The HTTP proxy through which a web API is asked, and what goes wrong at it.

`proxy`, `proxy_user` and `proxy_password_file` name it; nothing else does: a reader has no environment. TLS is spoken
with the API behind the proxy's CONNECT, so the proxy sees the API's host name and how much is said, not what.
"""

import base64
import errno
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

import urllib3.exceptions as lost

from ccmm_agent.options import BadOption, Options
from ccmm_agent.plugin import Reason
from ccmm_agent.secret_file import load_password
from ccmm_agent.web_errors import Trouble, causes_of

_TUNNEL: Final = re.compile(r"Tunnel connection failed: ([0-9]{3})")
_OF_PROXY: Final = ("NoWay", "ProxyError", "ProxyConnectionError")  # ours, of urllib3, of botocore
_URL: Final = re.compile(r"http://[A-Za-z0-9._:\[\]-]+/?")


class NoWay(OSError):
    """The proxy could not be reached, or opened no way; its cause says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """Where it is, and who asks it: nobody where it wants no log-in."""

    host: str
    port: int
    user: str | None = None
    password_file: Path | None = None

    @property
    def where(self) -> str:
        """For sentences and addresses: host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def headers(self) -> dict[str, str]:
        """What it is told beside the way that is asked for. Reads the password; raises SourceUnavailable."""
        if self.user is None or self.password_file is None:
            return {}
        told = f"{self.user}:{load_password(self.password_file)}".encode()
        return {"Proxy-Authorization": f"Basic {base64.b64encode(told).decode()}"}

    def url(self, *, with_log_in: bool) -> str:
        """For clients that are told of it by one address. With the log-in it is a secret."""
        if not with_log_in or self.user is None or self.password_file is None:
            return f"http://{self.where}"
        password = quote(load_password(self.password_file), safe="")
        return f"http://{quote(self.user, safe='')}:{password}@{self.where}"


def proxy_of(options: Options) -> Proxy | None:
    """The proxy that these options name, if any. Raises BadOption."""
    url = options.text("proxy", None)
    user, password_file = options.text("proxy_user", None), options.path("proxy_password_file", None)
    if (user is None) != (password_file is None) or (url is None and user is not None):
        raise BadOption("proxy_user", "proxy, proxy_user and proxy_password_file together, or proxy alone")
    if user is not None and (":" in user or not user.isprintable()):
        raise BadOption("proxy_user", "a name without a colon")
    if url is None:
        return None
    expected = "http://HOST:PORT of a proxy that takes CONNECT, without a name or password in it"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise BadOption("proxy", expected) from None
    if not host or not port or not _URL.fullmatch(url):
        raise BadOption("proxy", expected)
    return Proxy(host=host, port=port, user=user, password_file=password_file)


def proxy_trouble(error: Exception, proxy: Proxy, there: str) -> Trouble | None:
    """Of a way to `there` (host and port) that the proxy did not open; None: it did, and the trouble lies behind it."""
    causes = list(causes_of(error))
    found = next(filter(None, (_TUNNEL.search(str(cause)) for cause in causes if isinstance(cause, OSError))), None)
    if found is not None:
        trouble = _of_status(int(found[1]), proxy, there)
    elif any(type(cause).__name__ in _OF_PROXY or _waited_for_proxy(cause) for cause in causes):
        trouble = _of_connection(causes)
    else:
        return None
    return Trouble(trouble.reason, f"the proxy {proxy.where} {trouble.told}", trouble.again)


def _waited_for_proxy(cause: BaseException) -> bool:
    """urllib3 names the proxy's address where CONNECT took too long, else the path of the question."""
    return isinstance(cause, lost.ReadTimeoutError) and str(cause.url).startswith("http://")


def _of_status(status: int, proxy: Proxy, there: str) -> Trouble:
    if status == 407 and proxy.user is None:
        told = "asks for a log-in (HTTP 407): set proxy_user and proxy_password_file, or let this machine pass it"
        return Trouble(Reason.REFUSED, told)
    if status == 407:
        told = "does not accept the log-in (HTTP 407): correct proxy_user or its password; one that takes only NTLM or"
        return Trouble(Reason.REFUSED, f"{told} Kerberos has to let this machine pass without")
    if status in (502, 503, 504):
        reason = Reason.TIMEOUT if status == 504 else Reason.UNREACHABLE
        told = f"cannot reach {there} (HTTP {status}): look at its log, its DNS and its way out"
        return Trouble(reason, told, again=True)
    told = f"opens no way to {there} (HTTP {status}): allow CONNECT to it there"
    return Trouble(Reason.REFUSED, told)


def _of_connection(causes: list[BaseException]) -> Trouble:
    if any(isinstance(cause, PermissionError) for cause in causes):
        denied = next(cause for cause in causes if isinstance(cause, PermissionError))
        return Trouble(Reason.REFUSED, f"may not be reached ({denied.strerror or denied})"[:300])
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return Trouble(Reason.UNREACHABLE, "has a host name that is not known: correct proxy, or this machine's DNS")
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        told = "is not there, nothing listens: does it run, and is the port of proxy right?"
        return Trouble(Reason.UNREACHABLE, told)
    if any(isinstance(cause, lost.ConnectTimeoutError) for cause in causes):
        return Trouble(Reason.TIMEOUT, "gives no connection in time: a firewall, or a wrong address in proxy")
    if any(isinstance(cause, TimeoutError | lost.TimeoutError) for cause in causes):
        return Trouble(Reason.TIMEOUT, "does not open the way in time: look at its load and its way out (call_timeout)")
    if any(isinstance(cause, OSError) and cause.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH) for cause in causes):
        return Trouble(Reason.UNREACHABLE, "lies where no way leads: look at network and routes")
    return Trouble(Reason.UNREACHABLE, "does not answer as an HTTP proxy does: is the port of proxy right?", again=True)
