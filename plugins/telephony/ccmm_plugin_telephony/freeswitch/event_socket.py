"""The only module that speaks to the event socket: it can send four reading commands and nothing else.

Whoever is let in there can end calls and stop the switch; a directory user with `esl-allowed-api` can still send events
and change agents (docs/plugins/freeswitch.md). So what may be sent is decided here, not by the account.
"""

import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_telephony.freeswitch.event_protocol import Framer, Message, format_line
from ccmm_proto.errors import Malformed

Command = Literal[
    "version", "callcenter_config queue list", "callcenter_config agent list", "callcenter_config tier list"
]
ALLOWED: frozenset[str] = frozenset(
    ("version", "callcenter_config queue list", "callcenter_config agent list", "callcenter_config tier list")
)
_PIECE_BYTES = 64 * 1024
_MOST_BYTES = 64 * 1024 * 1024  # of one connection


class CommandNotAllowed(Exception):
    """The caller asked for a command that is not on the list: nothing was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where the event socket listens and who asks: `user` None is the password of the socket itself."""

    host: str
    port: int
    user: str | None = None
    timeout_s: int = 20  # for all of one connection


class EventSocket:
    """A connection that was let in; use `connected`. `allowed_api` None: everything."""

    def __init__(self, stream: socket.socket, deadline: float) -> None:
        self.allowed_api: str | None = None
        self._stream = stream
        self._deadline = deadline
        self._framer = Framer()
        self._waiting: deque[Message] = deque()
        self._received = 0

    def ask(self, command: Command) -> str:
        """The answer's text. Raises CommandNotAllowed and SourceUnavailable."""
        if command not in ALLOWED:
            raise CommandNotAllowed(command)
        self._send("api", command)
        answer = self._next()
        if answer.kind == "command/reply":  # the switch answers so only what it refuses
            raise SourceUnavailable(
                Reason.REFUSED, f"this user may not `{command}`: add it to esl-allowed-api of the directory user"
            )
        if answer.kind != "api/response":
            raise _unreadable(Malformed("another message than the answer"))
        if answer.body.startswith("-ERR") and "Command not found" in answer.body:
            raise SourceUnavailable(
                Reason.NOT_FOUND, f"the switch does not know `{command.split()[0]}`: is mod_callcenter loaded?"
            )
        if answer.body.startswith(("-ERR", "-USAGE")):
            raise SourceUnavailable(Reason.REFUSED, f"the switch refuses `{command}`")
        return answer.body

    def log_in(self, user: str | None, password: str) -> None:
        """Raises SourceUnavailable where this host or the password is refused."""
        greeting = self._next()
        if greeting.kind != "auth/request":
            raise _unreadable(Malformed("no request to log in: this is no event socket"))
        try:
            if user is None:
                self._send("auth", password)
            else:
                self._send("userauth", f"{user}:{password}")
        except ValueError as error:
            raise SourceUnavailable(Reason.BAD_OPTION, "user and password have to be of one line") from error
        answer = self._next()
        if answer.kind != "command/reply" or not answer.reply.startswith("+OK"):
            which = "the password of event_socket.conf.xml" if user is None else "esl-password of this directory user"
            raise SourceUnavailable(Reason.REFUSED, f"the switch refused the log-in: is the secret {which}?")
        self.allowed_api = answer.headers.get("allowed-api")

    def leave(self) -> None:
        """Says goodbye; what the switch answers does not matter any more."""
        with suppress(OSError):
            self._send("exit")

    def _send(self, *words: str) -> None:
        self._limit()
        self._stream.sendall(format_line(*words))

    def _next(self) -> Message:
        while not self._waiting:
            try:
                self._waiting.extend(self._framer.feed(self._receive()))
            except Malformed as error:
                raise _unreadable(error) from error
        message = self._waiting.popleft()
        if message.kind == "text/rude-rejection":
            told = (
                "the switch does not let this host in: allow its address by apply-inbound-acl of event_socket.conf.xml"
            )
            raise SourceUnavailable(Reason.REFUSED, told)
        if message.kind == "text/disconnect-notice":
            raise SourceUnavailable(Reason.UNREACHABLE, "the switch closed the connection within the questions")
        return message

    def _receive(self) -> bytes:
        self._limit()
        piece = self._stream.recv(_PIECE_BYTES)
        if not piece:
            raise SourceUnavailable(Reason.UNREACHABLE, "the event socket was closed within an answer")
        self._received += len(piece)
        if self._received > _MOST_BYTES:
            raise SourceUnavailable(Reason.FLOOD, "the event socket sent too much")
        return piece

    def _limit(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._stream.settimeout(left)


@contextmanager
def connected(endpoint: Endpoint, password: str) -> Iterator[EventSocket]:
    """Let in, and closed in any case. Raises SourceUnavailable for all that goes wrong outside."""
    where = f"{endpoint.host}:{endpoint.port}"
    deadline = time.monotonic() + endpoint.timeout_s
    try:
        with closing(socket.create_connection((endpoint.host, endpoint.port), timeout=endpoint.timeout_s)) as stream:
            switch = EventSocket(stream, deadline)
            switch.log_in(endpoint.user, password)
            yield switch
            switch.leave()
    except TimeoutError as error:
        told = f"{where} did not answer within {endpoint.timeout_s} s: a firewall, or the switch hangs"
        raise SourceUnavailable(Reason.TIMEOUT, told) from error
    except OSError as error:
        told = f"{where}: {error.strerror or error}: does mod_event_socket listen there?"
        raise SourceUnavailable(Reason.UNREACHABLE, told) from error


def _unreadable(error: Malformed) -> SourceUnavailable:
    return SourceUnavailable(Reason.UNREADABLE, f"the event socket sent {error}")
