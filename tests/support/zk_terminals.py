"""A ZKTeco terminal of the test's own: the standalone protocol over a real TCP or UDP socket on a loopback port.

Packets, checksums, sessions, counts, times, records of 40 and users of 72 bytes after
https://github.com/adrobinoga/zk-protocol/blob/master/protocol.md (and its sections terminal.md, data-record.md,
data-user.md, ex_data.md); the comm key and the records of 8, 16 and 28 bytes of older terminals after the client of the
field, pyzk 0.9. It obeys: who sends it a command that erases or opens has erased or opened.
"""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

from tests.support.answering import answering

START = bytes.fromhex("5050827d")
ACK_OK, ACK_ERROR, ACK_UNAUTH, EVENT = 2000, 2001, 2005, 500
CONNECT, EXIT, AUTH, PREPARE_DATA, DATA, FREE_DATA = 1000, 1001, 1102, 1500, 1501, 1502
OPTION, SIZES, TIME, SET_TIME, VERSION = 11, 50, 201, 202, 1100
CLEAR_LOG, UNLOCK, DISABLE = 15, 31, 1003
BUFFERED, PORTION = 1503, 1504
USERS, LOG = 9, 13
_DIRECT = 1024  # bytes that are sent at once


@dataclass(frozen=True, slots=True)
class Enrolled:
    """As the terminal keeps it."""

    place: int
    id: str
    name: str = ""
    password: str = ""
    card: int = 0
    group: str = "1"
    rights: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """As the terminal keeps it; `time` may be packed already."""

    id: str
    time: datetime | int
    state: int = 0
    verified: int = 1
    place: int = 0


@dataclass(slots=True)
class Terminal:
    """What it holds, and how it misbehaves."""

    users: list[Enrolled] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    clock: datetime = field(default_factory=lambda: datetime(2026, 11, 22, 14, 0))  # noqa: DTZ001 - it knows no zone
    key: int = 0
    serial: str = "BRCW201260001"
    room: int = 100_000
    record_size: int = 40
    user_size: int = 72
    told_records: int | None = None  # another count than it holds
    tells_sizes: bool = True
    grows_while_read: Record | None = None
    truncated_to: int | None = None  # bytes of the last packet of a table, then it hangs up
    hangs_at: int | None = None  # does not answer this command
    loses: int | None = None  # the portion of this number is lost on its way (UDP)
    dribbles: bool = False
    events: bool = False  # tells of a live punch before each answer
    asked: list[int] = field(default_factory=list)
    door_opened: int = 0
    disabled: bool = False

    @contextmanager
    def running(self, *, udp: bool = False) -> Iterator[int]:
        """Its port."""
        if not udp:
            with answering(self._serve) as port:
                yield port
            return
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as server:
            server.bind(("127.0.0.1", 0))
            server.settimeout(0.1)
            over = threading.Event()
            thread = threading.Thread(target=self._serve_datagrams, args=(server, over), daemon=True)
            thread.start()
            try:
                yield server.getsockname()[1]
            finally:
                over.set()
                thread.join(10)

    def _serve(self, stream: socket.socket) -> None:
        session = _Session(self, lambda packet, cut: self._send(stream, packet, cut), udp=False)
        while (start := _exactly(stream, 8)) and start.startswith(START):
            content = _exactly(stream, int.from_bytes(start[4:], "little"))
            if not session.answer(content):
                return

    def _serve_datagrams(self, server: socket.socket, over: threading.Event) -> None:
        sessions: dict[tuple[str, int], _Session] = {}
        while not over.is_set():
            with suppress(TimeoutError):
                content, peer = server.recvfrom(65536)
                if peer not in sessions:
                    sessions[peer] = _Session(self, _to(server, peer), udp=True)
                sessions[peer].answer(content)

    def _send(self, stream: socket.socket, packet: bytes, cut: int | None) -> None:
        whole = START + len(packet).to_bytes(4, "little") + packet
        whole = whole if cut is None else whole[: 16 + cut]
        if not self.dribbles:
            stream.sendall(whole)
            return
        for at in range(0, len(whole), 7):
            stream.sendall(whole[at : at + 7])
            time.sleep(0.0005)

    def sizes(self) -> bytes:
        """The 92 bytes of terminal.md."""
        fields = [0] * 23
        fields[4], fields[8], fields[12] = len(self.users), len(self.records), 1
        fields[15], fields[16] = 10_000, self.room
        if self.told_records is not None:
            fields[8] = self.told_records
        return struct.pack("<23i", *fields)[: 92 if self.tells_sizes else 40]

    def table(self, which: int) -> bytes:
        """Users or log, with the length before."""
        found = b"".join(map(self._user, self.users) if which == USERS else map(self._record, self.records))
        return len(found).to_bytes(4, "little") + found

    def _user(self, one: Enrolled) -> bytes:
        name, password = one.name.encode("utf-8"), one.password.encode()
        if self.user_size == 28:
            number = (one.place, one.rights, password[:5], name[:8], one.card, int(one.group), 0, int(one.id))
            return struct.pack("<HB5s8sIxBhI", *number)
        words = (one.place, one.rights, password, name[:23], one.card, 1, one.group.encode(), one.id.encode())
        return struct.pack("<HB8s24sIB7sx24s", *words)

    def _record(self, one: Record) -> bytes:
        at = one.time if isinstance(one.time, int) else packed(one.time)
        if self.record_size == 8:
            return struct.pack("<HBIB", one.place, one.verified, at, one.state)
        if self.record_size == 16:
            return struct.pack("<IIBBHI", int(one.id), at, one.verified, one.state, 0, 0)
        return struct.pack("<H24sBIB8s", one.place, one.id.encode(), one.verified, at, one.state, b"\0\0\0\0\xff\0\0\0")


class _Session:
    """One connection."""

    def __init__(self, terminal: Terminal, send: Callable[[bytes, int | None], object], *, udp: bool) -> None:
        self._terminal = terminal
        self._send = send
        self._udp = udp
        self._id = 0
        self._is_open = False
        self._reply = 0
        self._buffer = b""

    def answer(self, packet: bytes) -> bool:
        """Whether the connection goes on."""
        terminal = self._terminal
        command, told, session, self._reply = struct.unpack("<4H", packet[:8])
        content = packet[8:]
        assert told == checksum(packet[:2] + packet[4:]), "a wrong checksum"
        terminal.asked.append(command)
        if command == terminal.hangs_at:
            time.sleep(5)
            return False
        if terminal.events and self._is_open:
            self._tell(EVENT, b"7".ljust(24, b"\0") + bytes(8), session=1)
        if command == CONNECT:
            self._id, self._is_open = 4242, not terminal.key
            self._tell(ACK_UNAUTH if terminal.key else ACK_OK)
        elif session != self._id:
            self._tell(ACK_ERROR)
        elif command == AUTH:
            self._is_open = content == scrambled(terminal.key, self._id)
            self._tell(ACK_OK if self._is_open else ACK_UNAUTH)
        elif not self._is_open:
            self._tell(ACK_UNAUTH)
        else:
            return self._obey(command, content)
        return True

    def _obey(self, command: int, content: bytes) -> bool:
        terminal = self._terminal
        if command == OPTION:
            name = content.rstrip(b"\0")
            known = name == b"~SerialNumber"
            self._tell(ACK_OK if known else ACK_ERROR, name + b"=" + terminal.serial.encode() + b"\0" if known else b"")
        elif command == VERSION:
            self._tell(ACK_OK, b"Ver 6.60 Apr 28 2017\0")
        elif command == TIME:
            self._tell(ACK_OK, packed(terminal.clock).to_bytes(4, "little"))
        elif command == SIZES:
            self._tell(ACK_OK, terminal.sizes())
        elif command == BUFFERED:
            self._prepare(int.from_bytes(content[1:3], "little"))
        elif command == PORTION:
            return self._portion(*struct.unpack("<ii", content))
        else:
            self._change(command)
            self._tell(ACK_OK)
        return command != EXIT

    def _change(self, command: int) -> None:
        terminal = self._terminal
        if command == CLEAR_LOG:
            terminal.records.clear()
        terminal.door_opened += command == UNLOCK
        terminal.disabled = terminal.disabled or command == DISABLE

    def _prepare(self, which: int) -> None:
        terminal = self._terminal
        if which == LOG and terminal.grows_while_read is not None:
            terminal.records.append(terminal.grows_while_read)
        self._buffer = terminal.table(which)
        if len(self._buffer) <= _DIRECT and terminal.truncated_to is None:
            self._tell(DATA, self._buffer)
        else:
            self._tell(ACK_OK, b"\0" + struct.pack("<II", len(self._buffer), len(self._buffer)) + bytes(4))

    def _portion(self, begin: int, size: int) -> bool:
        cut = self._terminal.truncated_to
        data = self._buffer[begin : begin + size]
        self._tell(PREPARE_DATA, struct.pack("<II", len(data), 0x1000))
        pieces = [data[at : at + _DIRECT] for at in range(0, len(data), _DIRECT)] if self._udp else [data]
        for number, piece in enumerate(pieces):
            if number != self._terminal.loses:
                self._tell(DATA, piece, cut=cut)
        if cut is not None:
            return False
        self._tell(ACK_OK)
        return True

    def _tell(self, command: int, content: bytes = b"", *, session: int | None = None, cut: int | None = None) -> None:
        head = struct.pack("<H", command)
        tail = struct.pack("<HH", self._id if session is None else session, self._reply) + content
        self._send(head + struct.pack("<H", checksum(head + tail)) + tail, cut)


def packed(at: datetime) -> int:
    """As terminals keep times (terminal.md)."""
    days = (at.year % 100) * 12 * 31 + (at.month - 1) * 31 + at.day - 1
    return days * 86400 + (at.hour * 60 + at.minute) * 60 + at.second


def checksum(payload: bytes) -> int:
    """Of a packet without its checksum (protocol.md)."""
    padded = payload + b"\0" * (len(payload) % 2)
    total: int = sum(struct.unpack(f"<{len(padded) // 2}H", padded))
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def scrambled(key: int, session: int) -> bytes:
    """What a client sends for a comm key: its bits turned round, the session added, mixed with ZKSO, halves swapped."""
    number = (int(f"{key:032b}"[::-1], 2) + session) & 0xFFFFFFFF
    mixed = bytes(left ^ right for left, right in zip(number.to_bytes(4, "little"), b"ZKSO", strict=True))
    swapped, ticks = mixed[2:] + mixed[:2], 50
    return bytes((swapped[0] ^ ticks, swapped[1] ^ ticks, ticks, swapped[3] ^ ticks))


def _to(server: socket.socket, peer: tuple[str, int]) -> Callable[[bytes, int | None], object]:
    return lambda packet, cut: server.sendto(packet[:cut], peer)


def _exactly(stream: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size and (piece := stream.recv(size - len(found))):
        found += piece
    return found
