"""An HTTP proxy over a real socket: CONNECT as RFC 9110 §9.3.6 has it, log-in by name and password, and what fails.

with http_proxy() as proxy:                # log_in=("ccmm", "secret"); answer=Way(502); answer=Fault.HANG
    ask(f"http://127.0.0.1:{proxy.port}")
    assert proxy.asked == ["127.0.0.1:443"]
"""

import base64
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum

_REASONS = {403: "Forbidden", 405: "Method Not Allowed", 407: "Proxy Authentication Required", 502: "Bad Gateway"}


class Fault(StrEnum):
    """What goes wrong at the proxy."""

    HANG = "hang"  # it takes the question and says nothing
    DRIP = "drip"  # its answer comes a byte every 0.2 s, for six seconds
    NO_HTTP = "no_http"  # another protocol answers
    CLOSE = "close"  # it closes before the answer
    CUT = "cut"  # the way is opened, and cut at the first bytes


@dataclass(slots=True)
class Proxy:
    """A running proxy; use `http_proxy`."""

    log_in: tuple[str, str] | None
    answer: Fault | int  # a status: 200 opens the way
    port: int = 0
    asked: list[str] = field(default_factory=list)  # HOST:PORT of each CONNECT
    heads: list[str] = field(default_factory=list)  # whole, as they came
    carried: bytearray = field(default_factory=bytearray)  # all that clients sent through
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, client: socket.socket) -> None:
        """One client, in a thread of its own."""
        with closing(client), suppress(OSError):
            client.settimeout(60)
            if (head := _head(client)) is None:
                return
            self.heads.append(head)
            method, target, _ = head.split("\r\n")[0].split()
            self.asked.append(target)
            status = 405 if method != "CONNECT" else self._status(head)
            if isinstance(status, Fault) and status is not Fault.CUT:
                self._fail(client, status)
                return
            if isinstance(status, int) and status != 200:
                challenge = 'Proxy-Authenticate: Basic realm="way out"\r\n' if status == 407 else ""
                client.sendall(f"HTTP/1.1 {status} {_REASONS[status]}\r\n{challenge}Content-Length: 0\r\n\r\n".encode())
                return
            host, _, port = target.rpartition(":")
            with socket.create_connection((host.strip("[]"), int(port)), timeout=60) as there:
                client.sendall(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n")
                if status is not Fault.CUT:
                    self._carry(client, there)

    def _status(self, head: str) -> Fault | int:
        if self.log_in is not None:
            told = base64.b64encode(":".join(self.log_in).encode()).decode()
            if f"Proxy-Authorization: Basic {told}\r\n" not in f"{head}\r\n":
                return 407
        return self.answer

    def _fail(self, client: socket.socket, fault: Fault) -> None:
        if fault is Fault.HANG:
            self.stopped.wait(60)
        elif fault is Fault.NO_HTTP:
            client.sendall(b"220 mail.example ESMTP\r\n")
        elif fault is Fault.DRIP:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n")
            for _ in range(30):
                if not self.stopped.wait(0.2):
                    client.sendall(b"X")

    def _carry(self, client: socket.socket, there: socket.socket) -> None:
        def back() -> None:
            with suppress(OSError):
                while piece := there.recv(65536):
                    client.sendall(piece)
                client.shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=back, daemon=True)
        thread.start()
        while piece := client.recv(65536):
            self.carried += piece
            there.sendall(piece)
        there.shutdown(socket.SHUT_WR)
        thread.join()


@contextmanager
def http_proxy(*, log_in: tuple[str, str] | None = None, answer: Fault | int = 200) -> Iterator[Proxy]:
    """Starts it, gives it, stops it."""
    proxy = Proxy(log_in, answer)
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        proxy.port = server.getsockname()[1]

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = server.accept()
                    threading.Thread(target=proxy.serve, args=(client,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.stopped.set()
            server.shutdown(socket.SHUT_RDWR)
    thread.join()


def _head(client: socket.socket) -> str | None:
    """Up to the empty line; nothing behind it comes before our answer."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = client.recv(1)
        if not piece or len(head) > 16384:
            return None
        head += piece
    return head.decode("latin-1").removesuffix("\r\n\r\n")
