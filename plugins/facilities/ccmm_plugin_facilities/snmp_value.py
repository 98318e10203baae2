"""Names of objects and what an agent tells of them, as a figure. Pure.

>>> parse_oid(".1.3.6.1.2.1.33.1.2.7.0")
(1, 3, 6, 1, 2, 1, 33, 1, 2, 7, 0)
>>> figure_of(Value("text", b" 23.5 "))
23.5

Gauges and integers are figures. Some agents tell them as a text, or as a float within an Opaque (net-snmp). A counter
is none: it grows for ever, and its size says nothing.
"""

import math
import re
import struct
from dataclasses import dataclass
from typing import Final, TypeAlias

from ccmm_proto.errors import Malformed

Oid: TypeAlias = tuple[int, ...]
_DECIMAL = re.compile(rb"\s*[+-]?[0-9]{1,12}(\.[0-9]{1,12})?\s*\0?")
_FLOAT: Final = b"\x9f\x78\x04"  # tag and length of a float within an Opaque
_DOUBLE: Final = b"\x9f\x79\x08"


@dataclass(frozen=True, slots=True)
class Value:
    """`kind`: number, text, opaque, counter, absent, end, other."""

    kind: str
    held: float | bytes | None = None


def parse_oid(text: str) -> Oid:
    """From dotted numbers, a first dot allowed. Raises Malformed."""
    numbers = text.removeprefix(".").split(".")
    if not 2 <= len(numbers) <= 128 or not all(re.fullmatch(r"[0-9]{1,10}", number) for number in numbers):
        raise Malformed("no object identifier such as 1.3.6.1.2.1.33.1.2.7.0")
    found = tuple(int(number) for number in numbers)
    if max(found) >= 2**32 or found[0] > 2 or (found[0] < 2 and found[1] > 39):
        raise Malformed("no object identifier such as 1.3.6.1.2.1.33.1.2.7.0")
    return found


def format_oid(oid: Oid) -> str:
    """Dotted numbers."""
    return ".".join(map(str, oid))


def figure_of(value: Value) -> float:
    """Raises Malformed, naming what it is instead."""
    if value.kind == "number" and isinstance(value.held, float):
        return value.held
    if value.kind == "text" and isinstance(value.held, bytes):
        return _decimal(value.held)
    if value.kind == "opaque" and isinstance(value.held, bytes):
        return _float(value.held)
    if value.kind == "counter":
        raise Malformed("a counter, which is no reading")
    raise Malformed("nothing" if value.kind in ("absent", "end") else "no figure")


def _decimal(text: bytes) -> float:
    if _DECIMAL.fullmatch(text) is None:
        raise Malformed("a text that is no figure")
    return float(text.strip(b"\0 \t\r\n"))


def _float(held: bytes) -> float:
    if held.startswith(_FLOAT) and len(held) == len(_FLOAT) + 4:
        found = float(struct.unpack(">f", held[-4:])[0])
    elif held.startswith(_DOUBLE) and len(held) == len(_DOUBLE) + 8:
        found = float(struct.unpack(">d", held[-8:])[0])
    else:
        raise Malformed("an Opaque that holds no float")
    if not math.isfinite(found):
        raise Malformed("a float that is no figure")
    return found
