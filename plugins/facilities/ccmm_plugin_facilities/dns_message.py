"""One question to a name server and its answer: RFC 1035, section 4. Pure.

>>> parse_reply(format_question(7, "example.org"), 7, "example.org")
Traceback (most recent call last):
ccmm_proto.errors.Malformed: what is no answer to this question
"""

import re
import struct
from typing import Final

from ccmm_proto.errors import Malformed

_HEADER = struct.Struct(">6H")
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_ADDRESS: Final = b"\x00\x01\x00\x01"  # type A, class IN
_RESPONSE, _TRUNCATED, _RECURSE = 0x8000, 0x0200, 0x0100


def is_name(text: str) -> bool:
    """Whether it can be asked for."""
    labels = text.rstrip(".").split(".")
    return len(text) <= 250 and all(_LABEL.fullmatch(label) for label in labels)


def format_question(number: int, name: str) -> bytes:
    """A datagram that asks for the addresses of a name."""
    return _HEADER.pack(number, _RECURSE, 1, 0, 0, 0) + _question(name)


def parse_reply(datagram: bytes, number: int, name: str) -> str | None:
    """None where the name has an address (or more than fit); else what the server says. Raises Malformed."""
    if len(datagram) < _HEADER.size:
        raise Malformed("a datagram that is too short")
    found, flags, questions, answers, _, _ = _HEADER.unpack_from(datagram)
    asked = datagram[_HEADER.size :][: len(_question(name))]
    if found != number or not flags & _RESPONSE or questions != 1 or asked.lower() != _question(name).lower():
        raise Malformed("what is no answer to this question")
    if code := flags & 0x000F:
        return f"the name server answers with code {code}"
    return None if answers or flags & _TRUNCATED else "the name server has no address for this name"


def _question(name: str) -> bytes:
    labels = (label.encode("ascii") for label in name.rstrip(".").split("."))
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0" + _ADDRESS
