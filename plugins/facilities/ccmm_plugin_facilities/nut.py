"""The only module that speaks to upsd: it asks for lists, and can send nothing else. Failures: SourceUnavailable.

Commands that change anything (SET, INSTCMD, FSD), and LOGIN, which makes upsd wait for us at a shutdown, have no place
here. A name and a password are sent only where they are given, and never in clear to another host.
"""

import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_facilities.nut_protocol import LINE_BYTES, LINES, format_line, parse_line, parse_pairs
from ccmm_proto.errors import Malformed

_PIECE_BYTES = 16 * 1024
_ERRORS = {  # what upsd says → what it means for us
    "ACCESS-DENIED": (Reason.REFUSED, "upsd does not let this host or account look: allow it in upsd.conf"),
    "PASSWORD-REQUIRED": (Reason.REFUSED, "upsd asks for a password: give username and password_file"),
    "USERNAME-REQUIRED": (Reason.REFUSED, "upsd asks for a name: give username and password_file"),
    "INVALID-USERNAME": (Reason.REFUSED, "upsd does not know this username: see upsd.users"),
    "INVALID-PASSWORD": (Reason.REFUSED, "upsd does not take this password"),
    "UNKNOWN-UPS": (Reason.NOT_FOUND, "upsd has no UPS of this name: see ups.conf"),
    "DATA-STALE": (Reason.UNREADABLE, "the driver has lost the UPS: look at its cable and at upsdrvctl"),
    "DRIVER-NOT-CONNECTED": (Reason.UNREADABLE, "the driver of this UPS does not run: upsdrvctl start"),
    "FEATURE-NOT-CONFIGURED": (Reason.REFUSED, "upsd has no certificate (CERTFILE, CERTPATH in upsd.conf)"),
    "FEATURE-NOT-SUPPORTED": (Reason.REFUSED, "this upsd was built without TLS"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where upsd listens and who asks. `ca_file` None: the authorities of this machine."""

    host: str
    port: int
    start_tls: bool = False
    ca_file: Path | None = None
    username: str | None = None
    timeout_s: float = 20.0  # for all of one connection


class Upsd:
    """An open connection; use `connected`."""

    def __init__(self, stream: socket.socket, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline
        self._rest = b""

    def list_of(self, *what: str) -> dict[str, str]:
        """`LIST UPS` or `LIST VAR name` as name → value. Raises SourceUnavailable; a part is never returned."""
        self._send("LIST", *what)
        begin = self._answer()
        if begin != ("BEGIN", "LIST", *what):
            raise _unreadable(Malformed("another answer than the list that was asked for"))
        lines: list[tuple[str, ...]] = []
        while (line := self._answer()) != ("END", "LIST", *what):
            lines.append(line)
            if len(lines) > LINES:
                raise SourceUnavailable(Reason.FLOOD, f"upsd sent more than {LINES} lines for one list")
        try:
            return parse_pairs(what, lines)
        except Malformed as error:
            raise _unreadable(error) from error

    def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Everything after it is encrypted, with the server's certificate and name verified."""
        self._send("STARTTLS")
        self._expect_ok()
        if self._rest:
            raise _unreadable(Malformed("something after OK STARTTLS"))
        self._stream = context.wrap_socket(self._stream, server_hostname=host)

    def log_in(self, username: str, password: str) -> None:
        """Who asks. upsd keeps both and tells only at a refused command whether it takes them."""
        for words in (("USERNAME", username), ("PASSWORD", password)):
            self._send(*words)
            self._expect_ok()

    def log_out(self) -> None:
        """Says goodbye; what upsd answers does not matter any more."""
        with suppress(OSError):
            self._send("LOGOUT")

    def close(self) -> None:
        """The stream, or what TLS made of it."""
        self._stream.close()

    def _expect_ok(self) -> None:
        if self._answer()[0] != "OK":
            raise _unreadable(Malformed("another answer than OK"))

    def _send(self, *words: str) -> None:
        self._limit()
        self._stream.sendall(format_line(*words))

    def _answer(self) -> tuple[str, ...]:
        try:
            words = parse_line(self._line())
        except Malformed as error:
            raise _unreadable(error) from error
        if words[0] == "ERR":
            told = words[1] if len(words) > 1 else "no reason"
            reason, meaning = _ERRORS.get(told, (Reason.UNREADABLE, "upsd refuses the question"))
            raise SourceUnavailable(reason, f"{meaning} (ERR {told[:40]})")
        return words

    def _line(self) -> bytes:
        while (at := self._rest.find(b"\n")) < 0:
            if len(self._rest) > LINE_BYTES:
                raise Malformed("a line without end")
            self._limit()
            received = self._stream.recv(_PIECE_BYTES)
            if not received:
                raise Malformed("the end of the connection within an answer")
            self._rest += received
        line, self._rest = self._rest[:at], self._rest[at + 1 :]
        return line

    def _limit(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._stream.settimeout(left)


@contextmanager
def connected(endpoint: Endpoint, password: str | None) -> Iterator[Upsd]:
    """A connection for asking, closed in any case. All errors of it become SourceUnavailable."""
    where = f"{endpoint.host}:{endpoint.port}"
    deadline = time.monotonic() + endpoint.timeout_s
    try:
        stream = socket.create_connection((endpoint.host, endpoint.port), timeout=endpoint.timeout_s)
        with closing(Upsd(stream, deadline)) as upsd:
            if endpoint.start_tls:
                upsd.start_tls(ssl.create_default_context(cafile=endpoint.ca_file), endpoint.host)
            if endpoint.username is not None and password is not None:
                upsd.log_in(endpoint.username, password)
            yield upsd
            upsd.log_out()
    except TimeoutError as error:
        told = f"{where} did not answer within {endpoint.timeout_s:g} s: a firewall, or upsd hangs"
        raise SourceUnavailable(Reason.TIMEOUT, told) from error
    except ssl.SSLError as error:
        told = f"{where}: TLS failed ({_tls_words(error)}): set ca_file to what signed its certificate"
        raise SourceUnavailable(Reason.UNREACHABLE, told) from error
    except OSError as error:
        told = f"{where}: {error.strerror or error}: does upsd LISTEN there (upsd.conf)?"
        raise SourceUnavailable(Reason.UNREACHABLE, told) from error


def variables_of(upsd: Upsd, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """All variables of each UPS. Raises SourceUnavailable naming the UPS that could not be read."""
    found: dict[str, dict[str, str]] = {}
    for name in names:
        try:
            found[name] = upsd.list_of("VAR", name)
        except SourceUnavailable as error:
            raise SourceUnavailable(error.reason, f"{name}: {error.detail}") from error
    return found


def _unreadable(error: Malformed) -> SourceUnavailable:
    return SourceUnavailable(Reason.UNREADABLE, f"upsd sent {error}")


def _tls_words(error: ssl.SSLError) -> str:
    return getattr(error, "verify_message", "") or error.reason or "no TLS there"
