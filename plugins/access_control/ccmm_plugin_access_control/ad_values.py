"""Values as Active Directory writes them: times in 100 ns since 1601, bits, security ids, stamps of changes; pure.

Times: [MS-DTYP] 2.3.3. Bits of userAccountControl: [MS-ADTS] 2.2.16. Stamps: [MS-ADTS] 3.1.1.3.2.
"""

import re
import struct
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

DISABLED: Final = 0x2
LOCKOUT: Final = 0x10  # in msDS-User-Account-Control-Computed only: the stored bit means nothing
NO_PASSWORD_NEEDED: Final = 0x20
TRUST: Final = 0x800
PASSWORD_FOR_EVER: Final = 0x10000
SMART_CARD: Final = 0x40000
DELEGATES: Final = 0x80000
FOR_EVER: Final = timedelta(0)  # of a lock: until an administrator unlocks
_NEVER: Final = 2**63 - 1
_BEGIN: Final = datetime(1601, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = 10  # in units of 100 ns
# [MS-DRSR] 5.16.4: 1.2.840.113556.1.4.N travels as 0x00090000 + N.
_STAMPED: Final = {0x00090008: "userAccountControl", 0x0009009F: "accountExpires"}
_MAX_XML_BYTES: Final = 10_000


def parse_whole(text: str | None) -> int | None:
    """A whole number of 64 bits; None for anything else."""
    if text is None or re.fullmatch(r"-?[0-9]{1,19}", text, re.ASCII) is None:
        return None
    return int(text)


def parse_filetime(text: str | None) -> datetime | None:
    """UTC of 100 ns since 1601; None for 0 and 2^63-1, which mean never, and for anything else."""
    ticks = parse_whole(text)
    if ticks is None or not 0 < ticks < _NEVER:
        return None
    try:
        return _BEGIN + timedelta(microseconds=ticks // _MICROSECOND)
    except OverflowError:
        return None


def parse_lasting(text: str | None) -> timedelta | None:
    """A span as it is written, negative; FOR_EVER for one that does not end; None where nothing is told."""
    ticks = parse_whole(text)
    if ticks is None:
        return None
    return FOR_EVER if not -_NEVER < ticks < 0 else timedelta(microseconds=-ticks // _MICROSECOND)


def parse_sid(octets: bytes) -> str | None:
    """`S-1-5-21-...-512` of an objectSid ([MS-DTYP] 2.4.2.2); None for anything else."""
    if len(octets) < 8 or octets[0] != 1 or len(octets) != 8 + 4 * octets[1]:
        return None
    parts = struct.unpack(f"<{octets[1]}I", octets[8:])
    return "-".join(map(str, ("S", 1, int.from_bytes(octets[2:8], "big"), *parts)))


def number_of(sid: str | None) -> str:
    """`512` of S-1-5-21-...-512: what primaryGroupID names; empty for what is not of a domain."""
    return sid.rpartition("-")[2] if sid is not None and sid.startswith("S-1-5-21-") else ""


def parse_stamps(octets: bytes) -> dict[str, datetime]:
    """When userAccountControl and accountExpires last changed, out of replPropertyMetaData; empty for another shape.

    Samba's drsblobs.idl describes it: version 1, a count, and 48 octets each with the seconds since 1601.
    """
    if len(octets) < 16:
        return {}
    version, count = struct.unpack_from("<I4xI", octets)
    if version != 1 or len(octets) != 16 + 48 * count:
        return {}
    found = {}
    for at in range(16, len(octets), 48):
        number, seconds = struct.unpack_from("<I4xQ", octets, at)
        moment = parse_filetime(str(seconds * 10_000_000)) if number in _STAMPED else None
        if moment is not None:
            found[_STAMPED[number]] = moment
    return found


def parse_xml_stamps(values: Iterable[bytes]) -> dict[str, datetime]:
    """The same, out of msDS-ReplAttributeMetaData: one DS_REPL_ATTR_META_DATA for each attribute of the entry."""
    found = {}
    for value in values:
        name = next((name for name in _STAMPED.values() if f">{name}<".encode() in value), None)
        moment = _parse_xml_stamp(value, name) if name and len(value) <= _MAX_XML_BYTES else None
        if name and moment is not None:
            found[name] = moment
    return found


def _parse_xml_stamp(value: bytes, name: str) -> datetime | None:
    # Domain controllers end it with a zero octet, and leave the `&` of a site's name as it is.
    text = re.sub(rb"&(?!#|\w+;)", b"&amp;", value.rstrip(b"\0\r\n "))
    try:
        stamp = fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        return None
    if stamp.tag != "DS_REPL_ATTR_META_DATA" or stamp.findtext("pszAttributeName") != name:
        return None
    written = stamp.findtext("ftimeLastOriginatingChange") or ""
    try:
        return datetime.strptime(written, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
