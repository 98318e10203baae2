"""Asking one target whether it is there: TCP, TLS, SIP OPTIONS over UDP and TCP, DNS. The only module that connects.

A target that does not answer is *down*, which is a finding. That this machine could not ask at all (no network, no
resolver, no right) is SourceUnavailable: the target's time is then not watched.
"""

import errno
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_facilities.dns_message import format_question, parse_reply
from ccmm_plugin_facilities.sip import CSEQ, Answer, cut_message, format_options, parse_answer
from ccmm_proto.errors import Malformed

PORTS: Final[Mapping[str, int | None]] = {"tcp": None, "tls": 443, "sip": 5060, "sip_tcp": 5060, "dns": 53}
_OURS: Final = frozenset(  # errors of this machine, not of the target
    {
        *(errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EMFILE, errno.ENFILE),
        *(errno.ENOBUFS, errno.ENOMEM, errno.EPERM, errno.EACCES, errno.EAFNOSUPPORT),
    }
)
_FIRST_WAIT_S: Final = 0.5  # until a datagram is sent again: T1 of RFC 3261
_DATAGRAM: Final = 65535
_Read = tuple[str | None] | None  # why the target is down, None for up; no tuple: another datagram
_SAID_BYTES: Final = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is asked in which way. `name`: what a name server is asked for."""

    service: str
    ask: str
    host: str
    port: int
    name: str = ""
    ca_file: Path | None = None
    verify: bool = True


def why_down(target: Target, timeout_s: float) -> str | None:
    """None where it answers; else a sentence. Raises SourceUnavailable where this machine could not ask."""
    deadline = time.monotonic() + timeout_s
    try:
        return _ASK[target.ask](target, deadline)
    except TimeoutError:
        return f"no answer within {timeout_s:g} s"
    except ssl.SSLError as error:
        return f"TLS failed: {getattr(error, 'verify_message', '') or error.reason or 'no TLS there'}"
    except Malformed as error:
        return f"it answers with {error}"
    except socket.gaierror as error:
        if error.errno == socket.EAI_NONAME:
            return "its name is not known"
        raise SourceUnavailable(Reason.UNREACHABLE, f"{target.host}: names cannot be resolved here") from error
    except OSError as error:
        told = error.strerror or str(error)
        if error.errno in _OURS or isinstance(error, PermissionError):
            raise SourceUnavailable(Reason.UNREACHABLE, f"{target.host}: could not ask from here: {told}") from error
        return told


def _tcp(target: Target, deadline: float) -> str | None:
    _connect(target, deadline).close()
    return None


def _tls(target: Target, deadline: float) -> str | None:
    context = ssl.create_default_context(cafile=target.ca_file)
    if not target.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with closing(_connect(target, deadline)) as stream:
        stream.settimeout(_left(deadline))
        context.wrap_socket(stream, server_hostname=target.host).close()
    return None


def _sip_tcp(target: Target, deadline: float) -> str | None:
    call_id, received = secrets.token_hex(16), b""
    with closing(_connect(target, deadline)) as stream:
        stream.sendall(format_options(target.host, target.port, stream.getsockname()[:2], "TCP", call_id))
        while True:
            while (cut := cut_message(received)) is None:
                stream.settimeout(_left(deadline))
                if not (piece := stream.recv(_SAID_BYTES)):
                    return "it closed the connection without an answer"
                received += piece
            message, received = cut
            answer = parse_answer(message)
            if _is_final(answer, call_id):
                return _said(answer)


def _sip(target: Target, deadline: float) -> str | None:
    call_id = secrets.token_hex(16)
    with closing(_datagrams(target)) as stream:
        question = format_options(target.host, target.port, stream.getsockname()[:2], "UDP", call_id)

        def read(datagram: bytes) -> _Read:
            answer = parse_answer(datagram)
            return (_said(answer),) if _is_final(answer, call_id) else None

        return _exchange(stream, question, deadline, read)


def _dns(target: Target, deadline: float) -> str | None:
    number = secrets.randbelow(65536)
    with closing(_datagrams(target)) as stream:
        question = format_question(number, target.name)
        return _exchange(stream, question, deadline, lambda datagram: (parse_reply(datagram, number, target.name),))


_ASK: Final[Mapping[str, Callable[[Target, float], str | None]]] = {
    "tcp": _tcp,
    "tls": _tls,
    "sip": _sip,
    "sip_tcp": _sip_tcp,
    "dns": _dns,
}


def _exchange(stream: socket.socket, question: bytes, deadline: float, read: Callable[[bytes], _Read]) -> str | None:
    """Asks again and again until `read` finds an answer; datagrams of others and garbage are passed over."""
    wait = _FIRST_WAIT_S
    garbage: Malformed | None = None
    while True:
        stream.send(question)
        again = time.monotonic() + wait
        try:
            while True:
                stream.settimeout(min(_left(deadline), max(0.001, again - time.monotonic())))
                try:
                    found = read(stream.recv(_DATAGRAM))
                except Malformed as error:
                    garbage, found = error, None
                if found is not None:
                    return found[0]
        except TimeoutError:
            if time.monotonic() >= deadline:
                raise garbage or TimeoutError from None
        wait *= 2


def _is_final(answer: Answer, call_id: str) -> bool:
    return answer.call_id == call_id and answer.cseq == CSEQ and answer.is_final


def _said(answer: Answer) -> str | None:
    return None if answer.is_alive else f"it answers {answer.status} to OPTIONS"


def _connect(target: Target, deadline: float) -> socket.socket:
    stream = socket.create_connection((target.host, target.port), timeout=_left(deadline))
    stream.settimeout(_left(deadline))
    return stream


def _datagrams(target: Target) -> socket.socket:
    """Connected, so that only its datagrams come, and its refusal is told."""
    family, kind, protocol, _, address = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_DGRAM)[0]
    stream = socket.socket(family, kind, protocol)
    try:
        stream.connect(address)
    except OSError:
        stream.close()
        raise
    return stream


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
