"""A time server over a real socket whose clock is as wrong as the test says, or whose answers are.

RFC 5905 (https://www.rfc-editor.org/rfc/rfc5905), figure 8; a real chronyd cannot be wrong on the machine whose clock
it reads.
"""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Answering = Callable[[bytes], bytes | None]


@contextmanager
def datagram_server(answer: Answering) -> Iterator[int]:
    """Gives its port; `answer` makes one datagram of another, None for silence."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.05)
        done = threading.Event()

        def serve() -> None:
            while not done.is_set():
                try:
                    asked, peer = server.recvfrom(2048)
                except TimeoutError:
                    continue
                if (told := answer(asked)) is not None:
                    server.sendto(told, peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            done.set()
            thread.join()


def clock_that_is(
    ahead_s: float, *, stratum: int = 2, leap: int = 0, reference: bytes = b"\x0a\x01\x02\x03", slow_s: float = 0.0
) -> Answering:
    """A server that says what time it is `ahead_s` from now."""

    def answer(asked: bytes) -> bytes:
        now = time.time() + ahead_s + 2208988800
        stamp = int((now % 2**32) * 2**32)
        time.sleep(slow_s)
        head = struct.pack(">BBbb", leap << 6 | 4 << 3 | 4, stratum, 6, -20)
        return head + struct.pack(">II4sQ8sQQ", 0, 0, reference, stamp, asked[40:48], stamp, stamp)

    return answer
