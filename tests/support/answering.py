"""A server of the test's own on a loopback port: each connection is handed to a function in a thread."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress


@contextmanager
def answering(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port; `serve` gets each connection, which is closed when it returns. Errors of the connection end it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        threading.Thread(target=_accept, args=(server, serve), daemon=True).start()
        yield server.getsockname()[1]
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)


def _accept(server: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    with suppress(OSError):
        while True:
            stream, _ = server.accept()
            with closing(stream), suppress(OSError):
                serve(stream)
