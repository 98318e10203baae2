"""What every source makes of a system that misbehaves: the run says so, soon, and nothing passes for a look.

Each installed source is read by a real reader process, its example pointed at a port of the test's. Files that are not
as they should be: test_hostile_files; clocks: test_hostile_clock.
"""

import random
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from ccmm_agent.plugin import Options
from ccmm_agent.reading import Limits, Reading, SourceSpec, read_source
from ccmm_proto.reasons import Reason
from ccmm_proto.v1.statement_pb2 import UNAVAILABLE
from tests.contract.test_plugin_contract import NOW, SOURCES, WHETHER_THERE, ZONE, options

LIMITS = Limits(seconds=6)
SLACK_S = 6  # two starts of a reader on a busy machine
SAID = {
    *(Reason.UNREACHABLE, Reason.TIMEOUT, Reason.UNREADABLE, Reason.REFUSED),
    *(Reason.LIMITED, Reason.FLOOD, Reason.NOT_FOUND, Reason.MEMORY),
}
TELLS_TRUTH_OF_ANY_PORT = {*WHETHER_THERE, "tls"}  # an open port that speaks no TLS is what it looks for
ASKS_TWO_MACHINES = {"clock"}  # that are not one another: test_hostile_clock
NOISE = random.Random(4).randbytes(65_536)


def _closed(stream: socket.socket) -> None:
    """Takes the call and hangs up."""


def _silent(stream: socket.socket) -> None:
    stream.settimeout(20)
    with suppress(OSError):
        while stream.recv(65_536):
            pass


def _noise(stream: socket.socket) -> None:
    stream.sendall(NOISE)


def _drip(stream: socket.socket) -> None:
    """A byte now and then, so that no single wait is long."""
    for byte in NOISE[:100]:
        stream.sendall(bytes([byte]))
        time.sleep(0.2)


def _flood(stream: socket.socket) -> None:
    stream.settimeout(5)
    for _ in range(1000):
        stream.sendall(b"0" * 65_536)


def _half(stream: socket.socket) -> None:
    """The beginning of an answer of the web, and no more."""
    stream.settimeout(5)
    stream.recv(65_536)
    stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n[{")


BEHAVIOURS: Mapping[str, Callable[[socket.socket], None]] = {
    "hangs up": _closed,
    "never answers": _silent,
    "speaks noise": _noise,
    "drips": _drip,
    "floods": _flood,
    "stops halfway": _half,
}


@contextmanager
def behaving(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP and a UDP port of one number; the UDP side answers noise."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as datagrams:
            datagrams.bind(("127.0.0.1", port))
            threading.Thread(target=_accept, args=(server, serve), daemon=True).start()
            threading.Thread(target=_answer, args=(datagrams,), daemon=True).start()
            yield port
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)


def _accept(server: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    with suppress(OSError):
        while True:
            stream, _ = server.accept()
            threading.Thread(target=_serve, args=(stream, serve), daemon=True).start()


def _serve(stream: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    with closing(stream), suppress(OSError):
        serve(stream)


def _answer(datagrams: socket.socket) -> None:
    with suppress(OSError):
        while True:
            _, peer = datagrams.recvfrom(65_536)
            datagrams.sendto(NOISE[:512], peer)


def pointed_at(table: Mapping[str, object], port: int, folder: Path) -> dict[str, object]:
    """The options with each host replaced by the port, and each secret by a file that is there."""
    found = {key: _pointed(key, value, port, folder) for key, value in table.items()}
    if "host" in found:
        found["port"] = port
    return found


def _pointed(key: str, value: object, port: int, folder: Path) -> object:
    if isinstance(value, dict):
        return pointed_at(value, port, folder)
    if isinstance(value, list):
        return [_pointed(key, one, port, folder) for one in value]
    if not isinstance(value, str):
        return value
    if key == "host":
        return "127.0.0.1"
    if key.endswith("_file"):
        path = folder / f"{key}.secret"
        path.write_text("a-secret-of-some-length")
        path.chmod(0o600)
        return str(path)
    return re.sub(r"^([a-z0-9+]+://)[^/@]+", rf"\g<1>127.0.0.1:{port}", value)


def networked(port: int, folder: Path) -> Iterator[SourceSpec]:
    """Every source that asks somebody by the network, and whose options say whom."""
    for word in sorted(set(SOURCES) - TELLS_TRUTH_OF_ANY_PORT - ASKS_TWO_MACHINES - {"ticks"}):
        table = pointed_at(options(word), port, folder)
        asked = SOURCES[word].from_options(Options(table)).manifest().endpoints
        if asked and {host for host, _ in asked} == {"127.0.0.1"}:
            yield SourceSpec(name=word, plugin=word, options=table)


def read(spec: SourceSpec) -> tuple[str, Reading, float]:
    begun = time.monotonic()
    reading = read_source(spec, cursor=b"", now=NOW, zone=ZONE, limits=LIMITS)
    return spec.name, reading, time.monotonic() - begun


def wrong_of(readings: list[tuple[str, Reading, float]]) -> dict[str, tuple[str, str, float]]:
    """Those that are not unavailable with a reason and a sentence, or took too long."""
    return {
        name: (reading.reason, reading.detail, seconds)
        for name, reading, seconds in readings
        if reading.outcome != UNAVAILABLE
        or reading.reason not in SAID
        or not reading.detail
        or reading.cursor is not None
        or seconds > 2 * LIMITS.seconds + SLACK_S
    }


@pytest.mark.parametrize("behaviour", sorted(BEHAVIOURS))
def test_a_system_that_misbehaves_is_unavailable_in_time(behaviour: str, tmp_path: Path) -> None:
    with behaving(BEHAVIOURS[behaviour]) as port, ThreadPoolExecutor(8) as pool:
        readings = list(pool.map(read, networked(port, tmp_path)))
    assert len(readings) >= 4
    assert not wrong_of(readings)
