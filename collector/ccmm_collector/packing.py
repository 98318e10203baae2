"""How values lie in the projection's blobs, and what the engine gets of them."""

import struct
import zlib
from collections.abc import Iterable, Sequence

from ccmm_proto.pseudonym import short
from ccmm_proto.v1.statement_pb2 import Attribute, Identity, Inventory, Value
from ccmm_rules.evidence import AttributeValue, Entry

_GAUGE = struct.Struct("<3d")
_BUCKETS = struct.Struct("<17Q")


def pack_buckets(buckets: Sequence[int]) -> bytes:
    """17 counts in 17 bytes where they are small, else in 17 x 8."""
    return bytes(buckets) if max(buckets) < 256 else _BUCKETS.pack(*buckets)


def unpack_buckets(packed: bytes) -> tuple[int, ...]:
    """The counts that `pack_buckets` packed."""
    return tuple(packed) if len(packed) == 17 else _BUCKETS.unpack(packed)


def pack_gauge(low: float, high: float, last: float) -> bytes:
    """24 bytes."""
    return _GAUGE.pack(low, high, last)


def unpack_gauge(packed: bytes) -> tuple[float, float, float]:
    """Minimum, maximum, last."""
    low, high, last = _GAUGE.unpack(packed)
    return low, high, last


def is_gauge(packed: bytes) -> bool:
    """Whether the blob beside a measure is a gauge's: 24 bytes, which no packed histogram has."""
    return len(packed) == _GAUGE.size


def attributes_of(attributes: Iterable[Attribute]) -> dict[str, AttributeValue]:
    """Attributes as the engine reads them: times in ms, pseudonyms as whole numbers, lists as tuples."""
    found: dict[str, AttributeValue] = {}
    for attribute in attributes:
        value = attribute.value
        told = value.WhichOneof("value")
        if told is not None:
            found[attribute.name] = _value(value, told)
    return found


def _value(value: Value, told: str) -> AttributeValue:
    if told == "pseudonym":
        return short(value.pseudonym)
    if told == "words":
        return tuple(value.words.word)
    plain: AttributeValue = getattr(value, told)  # flag, whole, number, time_ms or text
    return plain


def key_of(identity: Identity) -> str | int:
    """A label, or a pseudonym's first 8 bytes as a number."""
    return short(identity.pseudonym) if identity.WhichOneof("value") == "pseudonym" else identity.text


def entries_of(packed: bytes) -> tuple[Entry, ...]:
    """The entries of a list's body."""
    listing = Inventory.FromString(zlib.decompress(packed))
    return tuple(Entry(key=key_of(entry.key), attributes=attributes_of(entry.attributes)) for entry in listing.entries)
