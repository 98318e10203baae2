"""What chronyd tells of its own clock: a question of its command protocol and the answer, or a line of `chronyc`. Pure.

Packets of version 6: candm.h of chrony (https://gitlab.com/chrony/chrony/-/blob/master/candm.h). `tracking` is the only
request that is made here; others change the daemon, and have no place.
"""

import math
import struct
from dataclasses import dataclass
from typing import Final

from ccmm_plugin_facilities.ntp_message import UNSYNCHRONISED
from ccmm_proto.errors import Malformed

REPLY_BYTES: Final = 104
INFINITE_S: Final = 16.0  # what RFC 5905 takes for infinite: the error of a clock that follows nothing
_HEAD: Final = struct.Struct(">BBHHHIII")  # version, type, reserved, command, attempt, sequence, padding
_REPLY: Final = struct.Struct(">BBHHHHHHHIII")
_TRACKING: Final = struct.Struct(
    ">I20xHH12x9I"
)  # reference, stratum, leap; correction first, delay and dispersion near the end
_VERSION, _REQUEST, _ANSWER, _COMMAND, _FORMAT = 6, 1, 2, 33, 5
_UNAUTHORISED, _OLD_VERSION = 2, 18
_LEAPS: Final = ("Normal", "Insert second", "Delete second", "Not synchronised")
_FIELDS: Final = 14


class NotAllowed(Malformed):
    """chronyd does not answer this host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """How a daemon sees its own clock."""

    offset_s: float  # of the system's clock from the time that it believes in
    root_delay_s: float
    root_dispersion_s: float
    stratum: int
    is_synchronised: bool

    @property
    def error_s(self) -> float:
        """The most that its clock can be off, by its own word: chrony's documentation of `tracking`."""
        if not self.is_synchronised:
            return INFINITE_S
        return abs(self.offset_s) + abs(self.root_dispersion_s) + abs(self.root_delay_s) / 2


def format_request(sequence: int) -> bytes:
    """Padded to the length of the answer, as chronyd asks for."""
    head = _HEAD.pack(_VERSION, _REQUEST, 0, _COMMAND, 0, sequence, 0, 0)
    return head.ljust(REPLY_BYTES, b"\0")


def parse_reply(datagram: bytes, sequence: int) -> Tracking | None:
    """None for an answer to another question. Raises Malformed, NotAllowed where chronyd refuses this host."""
    if len(datagram) < _REPLY.size:
        raise Malformed("no answer of chronyd")
    version, kind, _, command, reply, status, *_, answered, _, _ = _REPLY.unpack(datagram[: _REPLY.size])
    if kind != _ANSWER or command != _COMMAND:
        raise Malformed("no answer of chronyd")
    if answered != sequence:
        return None
    if status == _UNAUTHORISED:
        raise NotAllowed("that this host may not ask (cmdallow)")
    if version != _VERSION or status or reply != _FORMAT or len(datagram) < REPLY_BYTES:
        raise Malformed(f"another version or a refusal (status {status})")
    reference, stratum, leap, *floats = _TRACKING.unpack(datagram[_REPLY.size : REPLY_BYTES])
    offset, _, _, _, _, _, delay, dispersion, _ = map(_float, floats)
    return _tracking(reference, stratum, leap == 3, (offset, delay, dispersion))


def parse_csv(text: str) -> Tracking:
    """From the one line of `chronyc -c tracking`. Raises Malformed."""
    fields = text.strip("\r\n").split(",")
    if len(fields) != _FIELDS or fields[-1] not in _LEAPS:
        raise Malformed("no line of `chronyc -c tracking`")
    try:
        reference, stratum = int(fields[0], 16), int(fields[2])
        figures = (float(fields[4]), float(fields[10]), float(fields[11]))
    except ValueError as error:
        raise Malformed("no line of `chronyc -c tracking`") from error
    return _tracking(reference, stratum, fields[-1] == _LEAPS[3], figures)


def _float(raw: int) -> float:
    """A signed exponent of 7 bits, and a signed coefficient of 25."""
    exponent, coefficient = raw >> 25, raw & (1 << 25) - 1
    exponent -= (exponent & 64) << 1
    coefficient -= (coefficient & 1 << 24) << 1
    return math.ldexp(coefficient, exponent - 25)


def _tracking(reference: int, stratum: int, is_lost: bool, figures: tuple[float, float, float]) -> Tracking:
    offset, delay, dispersion = figures
    if not all(map(math.isfinite, figures)):
        raise Malformed("no figures")
    follows = not is_lost and 0 < stratum < UNSYNCHRONISED and reference >> 16 != 0x7F7F  # 127.127.x.x: its own clock
    return Tracking(
        offset_s=offset,
        root_delay_s=delay,
        root_dispersion_s=dispersion,
        stratum=stratum if follows else UNSYNCHRONISED,
        is_synchronised=follows,
    )
