"""One look at a terminal, by pyzk over a guarded line: its serial number, clock, counts, users and log, as bytes.

The library connects, authorises and fetches; what the bytes mean is read by `zk_records`: the library's own reading of
them takes a record length that fits by chance, and passes over what is left. `disable_device`, with which others
begin, would lock the door.
"""

import importlib
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_agent.secret_file import load_password
from ccmm_plugin_access_control.zk_line import LOG, USERS, Line

_OF_LIBRARY = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, struct.error)
_FACT_USERS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the terminal listens. `timeout_s` is for all of one look."""

    host: str
    port: int = 4370
    udp: bool = False
    key_file: Path | None = None
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many the terminal says it holds, and how many records there is room for."""

    users: int
    records: int
    room: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the terminal told. `clock` has no zone; it stood at `clock_s` seconds after the look began."""

    serial: str
    firmware: str
    clock: datetime
    clock_s: float
    before: Sizes
    after: Sizes
    users: bytes
    log: bytes


def look_at(place: Place) -> Look:
    """All of it. Raises SourceUnavailable; a part is never returned."""
    begun = time.monotonic()
    with _connected(place) as terminal:
        clock = terminal.get_time()
        clock_s = time.monotonic() - begun
        serial, firmware = _optional(terminal.get_serialnumber), _optional(terminal.get_firmware_version)
        before = _sizes(terminal)
        users = terminal.read_with_buffer(USERS, _FACT_USERS)[0] if before.users else bytes(4)
        log = terminal.read_with_buffer(LOG)[0] if before.records else bytes(4)
        after = _sizes(terminal)
    return Look(
        serial=serial,
        firmware=firmware,
        clock=clock,
        clock_s=clock_s,
        before=before,
        after=after,
        users=bytes(users),
        log=bytes(log),
    )


@contextmanager
def _connected(place: Place) -> Iterator[Any]:
    base, errors = _library()
    key = 0 if place.key_file is None else _key(place.key_file)
    line = Line(place.host, place.port, udp=place.udp, seconds=place.timeout_s)
    terminal = _terminal(base, line, place, key)
    try:
        terminal.connect()
        yield terminal
    except errors as error:
        raise line.failure or _refusal(place, str(error)) from error
    except _OF_LIBRARY as error:
        told = f"{place.host}:{place.port}: an answer that is not understood ({type(error).__name__})"
        raise line.failure or SourceUnavailable(Reason.UNREADABLE, told) from error
    finally:
        if line.failure is None and terminal.is_connect:
            with suppress(errors, SourceUnavailable, *_OF_LIBRARY):
                terminal.disconnect()
        line.close()


def _library() -> tuple[Any, type[Exception]]:
    """pyzk's classes, and the class of all of its errors."""
    try:
        return importlib.import_module("zk.base"), importlib.import_module("zk.exception").ZKError
    except ImportError as error:
        told = "pyzk is not installed: pip install 'ccmm-plugin-access-control[zkteco]'"
        raise SourceUnavailable(Reason.BAD_OPTION, told) from error


def _terminal(base: Any, line: Line, place: Place, key: int) -> Any:
    """pyzk's client, over our line. It would ping by a shell and open a second connection first: it does neither."""
    terminal = base.ZK(place.host, place.port, password=key, force_udp=place.udp, ommit_ping=True)
    terminal._ZK__sock.close()
    terminal._ZK__create_socket = lambda: setattr(terminal, "_ZK__sock", line)
    terminal.helper.test_tcp = lambda: 0
    return terminal


def _optional(question: Callable[[], object]) -> str:
    """Empty where the terminal does not know it; a line that broke breaks at the next question too."""
    with suppress(_library()[1]):
        return str(question())[:100]
    return ""


def _sizes(terminal: Any) -> Sizes:
    terminal.rec_cap = -1  # pyzk passes over an answer that is too short
    terminal.read_sizes()
    found = Sizes(users=terminal.users, records=terminal.records, room=terminal.rec_cap)
    if found.room < 0 or found.users < 0 or found.records < 0:
        raise SourceUnavailable(Reason.UNREADABLE, "the terminal does not tell how many records it holds")
    return found


def _key(path: Path) -> int:
    text = load_password(path)
    if not text.isascii() or not text.isdigit() or int(text) >= 1 << 32:
        raise SourceUnavailable(Reason.UNREADABLE, f"{path} holds no comm key: digits only, as in the terminal's menu")
    return int(text)


def _refusal(place: Place, told: str) -> SourceUnavailable:
    where = f"{place.host}:{place.port}"
    if told == "Unauthenticated":
        asked = "does not take this comm key" if place.key_file else "asks for a comm key: give comm_key_file"
        return SourceUnavailable(Reason.REFUSED, f"{where}: the terminal {asked} (its menu: Comm., Comm Key)")
    return SourceUnavailable(
        Reason.UNREADABLE, f"{where}: the terminal refuses a question: is it a standalone terminal?"
    )
