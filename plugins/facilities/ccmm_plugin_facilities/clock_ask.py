"""Asking clocks: time servers by NTP, chronyd by its command protocol, a file of `chronyc`. The only module that does.

Times of this machine come from one reading of its clock, carried on by the monotonic one: a step meanwhile changes
nothing. Failures: SourceUnavailable.
"""

import secrets
import socket
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Final, TypeVar

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_agent.secret_file import load_password
from ccmm_plugin_facilities import chrony_message, ntp_message
from ccmm_plugin_facilities.chrony_message import NotAllowed, Tracking
from ccmm_proto.errors import Malformed

LONGEST_WAY_S: Final = 0.4  # there and back: half of it may be an error of the offset
_GOOD_WAY_S: Final = 0.1
_TRIES: Final = 3
_DATAGRAM: Final = 2048
_FILE_BYTES: Final = 4096
_AHEAD_S: Final = 60
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A time server, or chronyd's command port."""

    host: str
    port: int
    key_id: int = 0  # 0: without a key
    key_type: str = "sha256"
    key_file: Path | None = None
    timeout_s: float = 1.0  # for one try; there are three


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a time server told, compared with the time of this machine."""

    offset_s: float  # how far its clock is ahead of ours
    way_s: float  # there and back
    stratum: int
    is_synchronised: bool
    is_outside: bool  # whether its address is one of the public network


@dataclass(frozen=True, slots=True)
class Ours:
    """The time of this machine."""

    began: float = field(default_factory=time.time)
    tick: float = field(default_factory=time.monotonic)

    def now(self) -> float:
        """Seconds since 1970, without steps."""
        return self.began + time.monotonic() - self.tick


def ask_server(server: Server, ours: Ours) -> Answer:
    """The answer of the shortest way of three. Raises SourceUnavailable."""
    key = _key(server)
    best: Answer | None = None
    for _ in range(_TRIES):
        answer = _exchanged(server, lambda stream: _asked(stream, server, key, ours))
        if answer is not None and (best is None or answer.way_s < best.way_s):
            best = answer
        if best is not None and best.way_s <= _GOOD_WAY_S:
            break
    if best is None:
        unknown = "" if key is None else ", or does not know the key"
        raise _silent(server, f"a firewall, no time server there, or it does not serve this host{unknown}")
    if best.way_s > LONGEST_WAY_S:
        told = f"{_where(server)}: the way there and back takes {best.way_s:.1f} s, too long to judge a clock"
        raise SourceUnavailable(Reason.UNREADABLE, told)
    return best


def ask_chrony(server: Server) -> Tracking:
    """What chronyd tells of its clock. Raises SourceUnavailable."""
    for _ in range(_TRIES):
        if (found := _exchanged(server, lambda stream: _tracking(stream, server))) is not None:
            return found
    raise _silent(server, "a firewall, no chronyd there, or no `bindcmdaddress` and `cmdallow` for this host")


def read_chronyc(path: Path, now: datetime, longest_s: int) -> Tracking:
    """From a file that `chronyc -c tracking` wrote lately. Raises SourceUnavailable."""
    try:
        with path.open("rb") as file:
            text, written = file.read(_FILE_BYTES), path.stat().st_mtime
        found = chrony_message.parse_csv(text.decode("ascii"))
    except FileNotFoundError as error:
        raise SourceUnavailable(Reason.NOT_FOUND, f"{path} is not there: does the job that writes it run?") from error
    except OSError as error:
        raise SourceUnavailable(Reason.REFUSED, f"{path} cannot be read: {error.strerror or error}") from error
    except (Malformed, UnicodeDecodeError) as error:
        raise SourceUnavailable(Reason.UNREADABLE, f"{path} holds no line of `chronyc -c tracking`") from error
    if now.timestamp() - written > longest_s:
        told = f"{path} is {(now.timestamp() - written) / 60:.0f} min old: does the job that writes it run?"
        raise SourceUnavailable(Reason.UNREADABLE, told)
    if written - now.timestamp() > _AHEAD_S:
        told = f"{path} is dated ahead of this machine's clock: how old it is cannot be told"
        raise SourceUnavailable(Reason.UNREADABLE, told)
    return found


def _asked(stream: socket.socket, server: Server, key: ntp_message.Key | None, ours: Ours) -> Answer:
    nonce = secrets.token_bytes(8)
    sent = ours.now()
    stream.send(ntp_message.format_request(nonce, key))
    reply = _received(
        stream, server.timeout_s, lambda datagram: ntp_message.parse_reply(datagram, nonce, key, near=ours.began)
    )
    came = ours.now()
    if reply.kiss:
        told = f"{_where(server)} does not serve this host ({reply.kiss}): is it asked too often, or not allowed?"
        raise SourceUnavailable(Reason.REFUSED, told)
    return Answer(
        offset_s=((reply.received - sent) + (reply.sent - came)) / 2,
        way_s=max(0.0, (came - sent) - (reply.sent - reply.received)),
        stratum=reply.stratum,
        is_synchronised=reply.is_synchronised,
        is_outside=ip_address(str(stream.getpeername()[0]).partition("%")[0]).is_global,
    )


def _tracking(stream: socket.socket, server: Server) -> Tracking:
    sequence = secrets.randbits(32)
    stream.send(chrony_message.format_request(sequence))
    return _received(stream, server.timeout_s, lambda datagram: chrony_message.parse_reply(datagram, sequence))


def _exchanged(server: Server, ask: Callable[[socket.socket], T]) -> T | None:
    """None where nobody answered in time."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_DGRAM)[0]
        with closing(socket.socket(family, kind, protocol)) as stream:
            stream.connect(address)
            return ask(stream)
    except (TimeoutError, ConnectionRefusedError):
        return None
    except NotAllowed as error:
        raise SourceUnavailable(Reason.REFUSED, f"{_where(server)} says {error}") from error
    except Malformed as error:
        raise SourceUnavailable(Reason.UNREADABLE, f"{_where(server)} answers with {error}") from error
    except OSError as error:
        raise SourceUnavailable(Reason.UNREACHABLE, f"{_where(server)}: {error.strerror or error}") from error


def _received(stream: socket.socket, timeout_s: float, parse: Callable[[bytes], T | None]) -> T:
    deadline = time.monotonic() + timeout_s
    while (left := deadline - time.monotonic()) > 0:
        stream.settimeout(left)
        if (found := parse(stream.recv(_DATAGRAM))) is not None:
            return found
    raise TimeoutError


def _key(server: Server) -> ntp_message.Key | None:
    if server.key_file is None:
        return None
    try:
        return ntp_message.parse_key(server.key_id, server.key_type, load_password(server.key_file))
    except Malformed as error:
        raise SourceUnavailable(Reason.UNREADABLE, f"{server.key_file} holds {error}") from error


def _where(server: Server) -> str:
    return f"{server.host}:{server.port}"


def _silent(server: Server, why: str) -> SourceUnavailable:
    return SourceUnavailable(Reason.TIMEOUT, f"{_where(server)} did not answer: {why}")
