"""A connection to the manager interface that can send reading actions and no others.

A manager account without any write right can still end calls and zero statistics, because those actions need no right
(docs/plugins/asterisk.md). So what may be sent is decided here, not by the account.
"""

import socket
import ssl
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_telephony.asterisk.ami_protocol import (
    GREETING_BYTES,
    Framer,
    Message,
    format_action,
    parse_greeting,
)
from ccmm_proto.errors import Malformed

ALLOWED = frozenset(
    ("Login", "Logoff", "Ping", "ListCommands", "CoreSettings", "CoreStatus", "QueueStatus", "QueueSummary")
)
_PIECE_BYTES = 64 * 1024
_MOST_BYTES = 32 * 1024 * 1024  # of one connection
_MOST_MESSAGES = 200_000


class ActionNotAllowed(Exception):
    """The caller asked for an action that is not on the list: nothing was sent."""


class ActionRefused(Exception):
    """Asterisk answered with an error: this account may not, or the action is unknown there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where the manager interface listens. `ca_file` checks its certificate where `tls` is on."""

    host: str
    port: int
    tls: bool = False
    ca_file: Path | None = None
    timeout_s: int = 20  # for all of one connection


class Manager:
    """A logged-in connection; use `connected`."""

    def __init__(self, stream: socket.socket, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline
        self._framer = Framer()
        self._waiting: deque[Message] = deque()
        self._received = 0
        self._messages = 0
        self._asked = 0

    def ask(self, action: str, **fields: str) -> Message:
        """The response. Raises ActionNotAllowed, ActionRefused, SourceUnavailable."""
        response = self._response(self._send(action, fields))
        if response.is_error:
            raise ActionRefused(f"{action}: {response.get('Message', 'refused')[:100]}")
        return response

    def ask_list(self, action: str, **fields: str) -> list[Message]:
        """The events of a list, which must be as many as its last line says; unasked events between are passed over."""
        action_id = self._send(action, fields)
        response = self._response(action_id)
        if response.is_error:
            raise ActionRefused(f"{action}: {response.get('Message', 'refused')[:100]}")
        events: list[Message] = []
        while True:
            message = self._next_of(action_id)
            if message.get("EventList") == "Complete":
                break
            if message.get("EventList"):
                raise SourceUnavailable(Reason.LIMITED, f"{action}: the list was cut off")
            events.append(message)
        if message.get("ListItems") != str(len(events)):
            told = message.get("ListItems")[:20]
            raise SourceUnavailable(Reason.LIMITED, f"{action}: {len(events)} entries came where {told} were announced")
        return events

    def greet(self) -> str:
        """The interface's version, its first line."""
        line = b""
        while not line.endswith(b"\n") and len(line) < GREETING_BYTES:
            line += self._receive(1)
        try:
            return parse_greeting(line)
        except Malformed as error:
            raise SourceUnavailable(
                Reason.UNREADABLE, f"what listens there is no manager interface: {error}"
            ) from error

    def _send(self, action: str, fields: dict[str, str]) -> str:
        if action not in ALLOWED:
            raise ActionNotAllowed(action)
        self._asked += 1
        action_id = f"ccmm{self._asked}"
        try:
            request = format_action(action, {"ActionID": action_id, **fields})
        except ValueError as error:
            raise SourceUnavailable(Reason.BAD_OPTION, str(error)) from error
        self._limit()
        self._stream.sendall(request)
        return action_id

    def _response(self, action_id: str) -> Message:
        while True:
            message = self._next_of(action_id)
            if message.get("Response"):
                return message

    def _next_of(self, action_id: str) -> Message:
        while True:
            while not self._waiting:
                self._read()
            message = self._waiting.popleft()
            if message.get("ActionID") == action_id:
                return message

    def _read(self) -> None:
        try:
            self._waiting.extend(self._framer.feed(self._receive(_PIECE_BYTES)))
        except Malformed as error:
            raise SourceUnavailable(Reason.UNREADABLE, f"the manager interface sent {error}") from error
        self._messages += len(self._waiting)
        if self._messages > _MOST_MESSAGES:
            raise SourceUnavailable(Reason.FLOOD, "the manager interface sent too many messages")

    def _receive(self, size: int) -> bytes:
        self._limit()
        piece = self._stream.recv(size)
        if not piece:
            raise SourceUnavailable(Reason.UNREACHABLE, "the manager interface closed the connection")
        self._received += len(piece)
        if self._received > _MOST_BYTES:
            raise SourceUnavailable(Reason.FLOOD, "the manager interface sent too much")
        return piece

    def _limit(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise SourceUnavailable(Reason.TIMEOUT, "the manager interface took too long")
        self._stream.settimeout(left)


@contextmanager
def connected(endpoint: Endpoint, username: str, secret: str) -> Iterator[Manager]:
    """Logged in with events off, logged off at the end. Raises SourceUnavailable for all that goes wrong outside."""
    deadline = time.monotonic() + endpoint.timeout_s
    try:
        with _opened(endpoint) as stream:
            manager = Manager(stream, deadline)
            manager.greet()
            _log_in(manager, username, secret)
            yield manager
            manager.ask("Logoff")
    except TimeoutError as error:
        raise SourceUnavailable(Reason.TIMEOUT, "the manager interface took too long") from error
    except ssl.SSLError as error:
        raise SourceUnavailable(Reason.UNREACHABLE, f"no TLS with the manager interface: {error.reason}") from error
    except OSError as error:
        raise SourceUnavailable(Reason.UNREACHABLE, f"no manager interface: {error.strerror or error}") from error


def _opened(endpoint: Endpoint) -> socket.socket:
    stream = socket.create_connection((endpoint.host, endpoint.port), timeout=endpoint.timeout_s)
    if not endpoint.tls:
        return stream
    try:
        context = ssl.create_default_context(cafile=str(endpoint.ca_file) if endpoint.ca_file else None)
        return context.wrap_socket(stream, server_hostname=endpoint.host)
    except OSError:
        stream.close()
        raise


def _log_in(manager: Manager, username: str, secret: str) -> None:
    try:
        manager.ask("Login", Username=username, Secret=secret, Events="off")
    except ActionRefused as error:
        raise SourceUnavailable(Reason.REFUSED, "the manager interface refused the log-in") from error
