"""A simulator of a SIP user agent over real sockets: it answers OPTIONS as RFC 3261, section 11.2 says, or as told.

https://www.rfc-editor.org/rfc/rfc3261. No real switch or border controller stands behind it.
"""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

Answers = Callable[[bytes], list[bytes]]


def answer(request: bytes, status: str = "200 OK", *, body: bytes = b"", compact: bool = False) -> bytes:
    """A response with the headers that have to be copied from the request."""
    lines = request.decode().split("\r\n")
    copied = [line for line in lines if re.match(r"(Via|From|To|Call-ID|CSeq):", line)]
    text = "\r\n".join([f"SIP/2.0 {status}", *copied, f"Content-Length: {len(body)}", "", ""])
    return (text.replace("Call-ID:", "i:") if compact else text).encode() + body


@contextmanager
def datagrams(answers: Answers) -> Iterator[int]:
    """The UDP port; each datagram is answered by those that the function gives."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.1)
        done = threading.Event()
        thread = threading.Thread(target=_serve, args=(server, answers, done), daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            done.set()
            thread.join()


def _serve(server: socket.socket, answers: Answers, done: threading.Event) -> None:
    while not done.is_set():
        with suppress(TimeoutError):
            request, address = server.recvfrom(65535)
            for told in answers(request):
                server.sendto(told, address)
