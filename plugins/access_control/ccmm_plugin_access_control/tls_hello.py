"""The first message of a TLS handshake for one version, and what a server answers to it. Pure.

>>> parse_answer(b"\\x15\\x03\\x01\\x00\\x02\\x02\\x46")  # alert: protocol version
Answer(version=None)

Written by hand because a TLS library of today refuses to ask for what must not be accepted any more. RFC 5246 (7.4.1),
RFC 6101, RFC 8446 (4.1).
"""

import struct
from dataclasses import dataclass
from typing import Final

from ccmm_proto.errors import Malformed

SSL3, TLS10, TLS11, TLS12, TLS13 = 0x0300, 0x0301, 0x0302, 0x0303, 0x0304
VERSIONS: Final = (SSL3, TLS10, TLS11, TLS12, TLS13)  # lowest first
# All that IANA names, but for keys shared beforehand, Kerberos and what it reserves: RFC 9325, section 4.1.
WEAK: Final = (
    *(0x0001, 0x0002, 0x003B, 0xC001, 0xC006, 0xC00B, 0xC010, 0xC015),  # NULL
    *(0x0003, 0x0006, 0x0008, 0x000B, 0x000E, 0x0011, 0x0014, 0x0017, 0x0019),  # export
    *(0x0004, 0x0005, 0x0018, 0xC002, 0xC007, 0xC00C, 0xC011, 0xC016),  # RC4
    *(0x0007, 0x0009, 0x000C, 0x000F, 0x0012, 0x0015, 0x001A),  # IDEA and DES
    *(0x000A, 0x000D, 0x0010, 0x0013, 0x0016, 0x001B, 0xC003, 0xC008, 0xC00D, 0xC012, 0xC017),  # 3DES
    *(
        0x0034,
        0x003A,
        0x006C,
        0x006D,
        0x00A6,
        0x00A7,
        0xC018,
        0xC019,
        0x0046,
        0x0089,
        0x00BF,
        0x00C5,
        0x009B,
    ),  # anonymous
)
_WEAK_OF_13: Final = (0xC0B4, 0xC0B5)  # RFC 9150: integrity alone
_USUAL: Final = (
    *(0xC02B, 0xC02C, 0xC02F, 0xC030, 0xCCA8, 0xCCA9, 0xC009, 0xC00A, 0xC013, 0xC014, 0xC023, 0xC024, 0xC027, 0xC028),
    *(0x009E, 0x009F, 0xCCAA, 0x0033, 0x0039, 0x0067, 0x006B, 0x009C, 0x009D, 0x002F, 0x0035, 0x003C, 0x003D),
)
_OF_13: Final = (0x1301, 0x1302, 0x1303)
_GROUPS: Final = (0x001D, 0x0017, 0x0018, 0x0019)
_SIGNATURES: Final = (0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0807, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201)
_ALERT, _HANDSHAKE, _SERVER_HELLO, _SUPPORTED_VERSIONS = 21, 22, 2, 43
ANSWER_BYTES: Final = 20_000


@dataclass(frozen=True, slots=True)
class Answer:
    """`version` that the server chose; None where it refuses."""

    version: int | None


def format_hello(version: int, host: str, random: bytes, *, weak_only: bool = False) -> bytes:
    """Offers this version and those below it, for TLS 1.3 that one only. `random`: 32 bytes."""
    usual, weak = (_OF_13, _WEAK_OF_13) if version == TLS13 else ((*_USUAL, *WEAK), WEAK)
    body = struct.pack(">H", min(version, TLS12)) + random + b"\0"
    body += _list16(weak if weak_only else usual) + b"\1\0"
    if version > SSL3:
        body += _sized16(_extensions(version, host))
    handshake = b"\1" + len(body).to_bytes(3, "big") + body
    return struct.pack(">BHH", _HANDSHAKE, min(version, TLS10), len(handshake)) + handshake


def parse_answer(received: bytes) -> Answer | None:
    """None where it is not whole yet. Raises Malformed where it is no TLS."""
    if not received:
        return None
    if received[0] not in (_ALERT, _HANDSHAKE) or (len(received) > 1 and received[1] != 3):
        raise Malformed("what is no TLS")
    if len(received) > ANSWER_BYTES:
        raise Malformed("an answer that is too long")
    if len(received) < 5:
        return None
    kind, _, length = struct.unpack_from(">BHH", received)
    record = received[5 : 5 + length]
    if len(record) < length:
        return None
    if kind == _ALERT:
        is_warning = record[:1] == b"\1" and record[1:2] != b"\0"  # the server goes on after it
        return parse_answer(received[5 + length :]) if is_warning else Answer(None)
    if len(record) < 4 or record[0] != _SERVER_HELLO:
        raise Malformed("what is no ServerHello")
    return Answer(_version_of(record[4 : 4 + int.from_bytes(record[1:4], "big")]))


def _version_of(hello: bytes) -> int:
    """What stands in the extension of TLS 1.3, else in the old place."""
    if len(hello) < 38:
        raise Malformed("a ServerHello that is too short")
    at = 35 + hello[34] + 3  # version, random, session id, suite, compression
    end = len(hello)
    version = int.from_bytes(hello[:2], "big")
    at += 2  # length of all extensions
    while at + 4 <= end:
        kind, length = struct.unpack_from(">HH", hello, at)
        if kind == _SUPPORTED_VERSIONS and length == 2 and at + 6 <= end:
            version = int.from_bytes(hello[at + 4 : at + 6], "big")
        at += 4 + length
    if version not in VERSIONS:
        raise Malformed("a version of TLS that is not known")
    return version


def _extensions(version: int, host: str) -> bytes:
    found = b""
    if not _is_address(host):
        name = host.encode("ascii", "replace")
        found += _extension(0, _sized16(b"\0" + _sized16(name)))
    found += _extension(10, _list16(_GROUPS)) + _extension(11, b"\1\0") + _extension(13, _list16(_SIGNATURES))
    if version == TLS13:
        # No share of a key: the server then answers which group it wants, and in which version.
        found += _extension(_SUPPORTED_VERSIONS, b"\2" + struct.pack(">H", TLS13)) + _extension(51, b"\0\0")
    return found


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def _extension(kind: int, data: bytes) -> bytes:
    return struct.pack(">H", kind) + _sized16(data)


def _list16(numbers: tuple[int, ...]) -> bytes:
    return _sized16(b"".join(struct.pack(">H", number) for number in numbers))


def _sized16(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data
