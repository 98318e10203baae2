"""The line to a terminal that pyzk speaks over: it sends reading commands only, and never waits or reads without end.

The library can open doors, stop the terminal and erase its log, spins for ever where a terminal hangs up within an
answer, and takes what a socket happens to give for a whole packet. So it gets this in place of a socket: every packet
is looked at before it leaves, whole packets come back, and time and size have an end.
Protocol: https://github.com/adrobinoga/zk-protocol/blob/master/protocol.md
"""

import socket
import struct
import time
from collections.abc import Callable
from typing import NoReturn

from ccmm_agent.plugin import Reason, SourceUnavailable

START = bytes.fromhex("5050827d")
MAX_PACKET = 1 << 17  # pyzk asks for 65,472 bytes at once
MAX_TOTAL = 64 << 20

CONNECT, EXIT, AUTH, FREE_DATA = 1000, 1001, 1102, 1502
OPTION, SIZES, TIME, VERSION = 11, 50, 201, 1100
PREPARE, PORTION = 1503, 1504
USERS, LOG = 9, 13
_EVENT = 500  # a terminal tells it unasked

_BARE = frozenset((CONNECT, EXIT, FREE_DATA, SIZES, TIME, VERSION))
_TABLES = frozenset((USERS, LOG))  # not 7: fingerprints
_SERIAL = b"~SerialNumber\0"


def is_reading(packet: bytes) -> bool:
    """Whether a packet (without the start of TCP) asks for what this source reads, and for nothing else."""
    if len(packet) < 8:
        return False
    command, content = int.from_bytes(packet[:2], "little"), packet[8:]
    if command in _BARE:
        return not content
    if command == AUTH:
        return len(content) == 4
    if command == OPTION:
        return content == _SERIAL
    if command == PREPARE:
        return len(content) == 11 and int.from_bytes(content[1:3], "little") in _TABLES
    return command == PORTION and len(content) == 8


class Line:
    """In place of a socket. What goes wrong is raised as SourceUnavailable, and kept: pyzk makes a text of it."""

    def __init__(self, host: str, port: int, *, udp: bool, seconds: float) -> None:
        self.failure: SourceUnavailable | None = None
        self._where = f"{host}:{port}"
        self._udp = udp
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._rest = b""
        self._total = 0
        self._told(lambda: self._connect(host, port))

    def send(self, data: bytes) -> int:
        """One packet of TCP."""
        self._ask(data, data[8:] if data.startswith(START) else b"")
        return len(data)

    def sendto(self, data: bytes, address: object) -> int:
        """One packet of UDP; to where this line leads."""
        self._ask(data, data)
        return len(data)

    def recv(self, most: int) -> bytes:
        """The next packet, whole where `most` allows; else the next part of it."""
        if not self._rest:
            self._rest = self._told(self._datagram if self._udp else self._packet)
        if self._udp:
            found, self._rest = self._rest[:most], b""
        else:
            found, self._rest = self._rest[:most], self._rest[most:]
        return found

    def settimeout(self, seconds: float | None) -> None:
        """The line has its own end."""

    def close(self) -> None:
        """May be called twice."""
        if (stream := getattr(self, "_stream", None)) is not None:
            stream.close()

    def _connect(self, host: str, port: int) -> bytes:
        if self._udp:
            self._stream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._stream.connect((host, port))
        else:
            self._stream = socket.create_connection((host, port), timeout=self._seconds)
        return b""

    def _ask(self, data: bytes, packet: bytes) -> None:
        if not is_reading(packet):
            self._fail(Reason.REFUSED, f"{self._where}: a command that does not only read was stopped before it left")
        self._rest = b""  # of an answer that was longer than asked for
        self._told(lambda: self._send(data))

    def _send(self, data: bytes) -> bytes:
        self._limit()
        self._stream.sendall(data)
        return b""

    def _datagram(self) -> bytes:
        while True:
            self._limit()
            found = self._count(self._stream.recv(MAX_PACKET))
            if len(found) < 8:
                self._fail(Reason.UNREADABLE, f"{self._where}: a packet of {len(found)} bytes")
            if int.from_bytes(found[:2], "little") != _EVENT:
                return found

    def _packet(self) -> bytes:
        while True:
            start = self._exactly(8)
            size = struct.unpack("<I", start[4:])[0]
            if not start.startswith(START) or not 8 <= size <= MAX_PACKET:
                self._fail(Reason.UNREADABLE, f"{self._where}: no packet of a ZKTeco terminal")
            content = self._exactly(size)
            if int.from_bytes(content[:2], "little") != _EVENT:
                return start + content

    def _exactly(self, size: int) -> bytes:
        pieces = b""
        while len(pieces) < size:
            self._limit()
            piece = self._stream.recv(size - len(pieces))
            if not piece:
                self._fail(Reason.UNREADABLE, f"{self._where}: the terminal hung up within an answer")
            pieces += self._count(piece)
        return pieces

    def _count(self, piece: bytes) -> bytes:
        self._total += len(piece)
        if self._total > MAX_TOTAL:
            self._fail(Reason.FLOOD, f"{self._where}: more than {MAX_TOTAL} bytes")
        return piece

    def _limit(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._stream.settimeout(left)

    def _told(self, does: Callable[[], bytes]) -> bytes:
        try:
            return does()
        except TimeoutError:
            told = f"{self._where}: no whole answer within {self._seconds:g} s: a firewall, or another program has it"
            self._fail(Reason.TIMEOUT, told)
        except OSError as error:
            self._fail(Reason.UNREACHABLE, f"{self._where}: {error.strerror or error}: is it on, and the port open?")

    def _fail(self, reason: Reason, detail: str) -> NoReturn:
        self.failure = self.failure or SourceUnavailable(reason, detail)
        raise self.failure
