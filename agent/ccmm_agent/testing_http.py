"""For the tests of plugins: a web server on a loopback port that speaks what the test says, and fails by switch.

    def answer(asked: Asked) -> Reply:
        return json_reply({"tickets": []}) if asked.path == "/tickets" else Reply(404)

    with http_simulator(answer) as server:                     # tls=certificate(folder) for https
        read(server.url)
        server.fail(Fault.CUT, times=1)                        # or json_reply({}, 429, retry_after="1")
        read(server.url)
        assert [asked.path for asked in server.asked] == ["/tickets", "/tickets"]

`answer` runs in threads, one question of it at a time. An error that it raises ends the `with` with that error.
"""

import gzip
import json
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from ccmm_agent.testing_certificate import Certificate, certificate

__all__ = ["Asked", "Certificate", "Fault", "Reply", "Simulator", "certificate", "http_simulator", "json_reply"]


_LARGE: Final = 64 << 20  # bytes of an answer without sense
_PIECE: Final = 1 << 16
_DRIP_S: Final = 0.2


class Fault(StrEnum):
    """What goes wrong with an answer."""

    HANG = "hang"  # nothing comes
    DRIP = "drip"  # the body comes, a byte every 0.2 s
    DRIP_HEAD = "drip_head"  # the head comes so
    CUT = "cut"  # the connection is closed in the middle of the body
    CLOSE = "close"  # the connection is closed before the answer
    RESET = "reset"  # the same, by RST
    NO_HTTP = "no_http"  # another protocol answers
    LOG_IN_PAGE = "log_in_page"  # a web page, with status 200
    WRONG_ENCODING = "wrong_encoding"  # bytes that are no UTF-8
    HALF = "half"  # the half of the body, as if it were all: what parsers must notice
    OVERSIZED = "oversized"  # 64 MiB
    BOMB = "bomb"  # 64 MiB, packed to some KB
    TORN_GZIP = "torn_gzip"  # packed, and cut off


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_reply(value: object, status: int = 200, **headers: str) -> Reply:
    """A value as JSON; `retry_after="1"` is the header Retry-After."""
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    body = json.dumps(value, ensure_ascii=False).encode()
    return Reply(status, body, {"Content-Type": "application/json", **named})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question, as it came."""

    method: str
    path: str  # decoded by nobody
    query: Mapping[str, str]  # the last of each name
    headers: Mapping[str, str]  # names in small letters
    body: bytes

    def form(self) -> dict[str, str]:
        """The body as a form."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    def json(self) -> object:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(slots=True)
class Simulator:
    """A running server; use `http_simulator`."""

    answer: Callable[[Asked], Reply]
    url: str = ""
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    broken: list[BaseException] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    _faults: list[tuple[Fault | Reply, int, str]] = field(default_factory=list)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def fail(self, with_: Fault | Reply, *, times: int = sys.maxsize, path: str = "") -> None:
        """From now on questions whose path begins so fail, as many of them; the latest order comes first."""
        self._faults.insert(0, (with_, times, path))

    def heal(self) -> None:
        """No fault any more."""
        self._faults.clear()

    def reply(self, asked: Asked) -> tuple[Fault | None, Reply]:
        """What is answered, and how."""
        with self._turn:
            self.asked.append(asked)
            fault = self._fault(asked.path)
            if isinstance(fault, Reply):
                return None, fault
            try:
                return fault, self.answer(asked)
            except Exception as error:  # noqa: BLE001 - of the test's own function: raised again at the end
                self.broken.append(error)
                return None, Reply(500)

    def _fault(self, path: str) -> Fault | Reply | None:
        for at, (fault, times, begin) in enumerate(self._faults):
            if path.startswith(begin):
                self._faults[at : at + 1] = [(fault, times - 1, begin)] if times > 1 else []
                return fault
        return None


@contextmanager
def http_simulator(answer: Callable[[Asked], Reply], *, tls: Certificate | None = None) -> Iterator[Simulator]:
    """Starts it, gives it, stops it."""
    simulator = Simulator(answer)
    server = _Server(("127.0.0.1", 0), simulator)
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls.file, tls.key)
        server.context = context
    simulator.port = server.server_address[1]
    simulator.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{simulator.port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield simulator
    finally:
        simulator.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()
    if simulator.broken:
        raise simulator.broken[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    context: ssl.SSLContext | None = None

    def __init__(self, address: tuple[str, int], simulator: Simulator) -> None:
        self.simulator = simulator
        super().__init__(address, _Handler)

    def finish_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """In the connection's own thread: a client that never finishes its handshake keeps nobody waiting."""
        assert isinstance(request, socket.socket)
        if self.context is None:
            super().finish_request(request, client_address)
            return
        with suppress(OSError), self.context.wrap_socket(request.dup(), server_side=True) as secure:
            super().finish_request(secure, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away are usual; anything else is told at the end."""
        error = sys.exception()
        if error is not None and not isinstance(error, OSError):
            self.simulator.broken.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    server: _Server

    def handle_question(self) -> None:
        """Any method."""
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length", "0"))
        asked = Asked(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
        )
        fault, reply = self.server.simulator.reply(asked)
        if fault is None:
            self._send(reply.status, reply.headers, reply.body)
        else:
            self.close_connection = True
            self._fail(fault, reply)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_question

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""

    def _send(self, status: int, headers: Mapping[str, str], body: bytes, length: int | None = None) -> None:
        self.wfile.write(self._head(status, headers, len(body) if length is None else length))
        with suppress(OSError):
            self.wfile.write(body)

    def _head(self, status: int, headers: Mapping[str, str], length: int) -> bytes:
        lines = [f"HTTP/1.1 {status} {self.responses.get(status, ('Other',))[0]}"]
        given = {"Content-Length": str(length), "Date": self.date_time_string(), **headers}
        lines += [f"{name}: {value}" for name, value in given.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _fail(self, fault: Fault, reply: Reply) -> None:
        headers, body = reply.headers, reply.body
        whole = self._head(reply.status, headers, len(body))
        if fault is Fault.HANG:
            self.server.simulator.stopped.wait()
        elif fault is Fault.DRIP_HEAD:
            self._drip(whole + body)
        elif fault is Fault.DRIP:
            self.wfile.write(whole)
            self._drip(body)
        elif fault is Fault.CUT:
            self._send(reply.status, headers, body[: len(body) // 2], len(body) + 1)
        elif fault is Fault.RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif fault is Fault.NO_HTTP:
            self.wfile.write(b"220 mail.example ESMTP\r\n")
        elif fault is not Fault.CLOSE:
            self._send(reply.status, *_spoiled(fault, headers, body))

    def _drip(self, content: bytes) -> None:
        with suppress(OSError):
            for at in range(len(content)):
                self.wfile.write(content[at : at + 1])
                if self.server.simulator.stopped.wait(_DRIP_S):
                    return


def _spoiled(fault: Fault, headers: Mapping[str, str], body: bytes) -> tuple[Mapping[str, str], bytes]:
    """Headers and body of an answer that is whole, and wrong."""
    if fault is Fault.LOG_IN_PAGE:
        return {"Content-Type": "text/html"}, b"<!doctype html><title>Log in</title>"
    if fault is Fault.WRONG_ENCODING:
        return headers, body + "客".encode("gb18030")
    if fault is Fault.HALF:
        return headers, body[: len(body) // 2]
    if fault is Fault.OVERSIZED:
        return headers, b" " * _LARGE
    packed = gzip.compress(b" " * _LARGE if fault is Fault.BOMB else body)
    return {**headers, "Content-Encoding": "gzip"}, packed if fault is Fault.BOMB else packed[: len(packed) // 2]
