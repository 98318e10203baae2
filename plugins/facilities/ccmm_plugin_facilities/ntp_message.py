"""One question to a time server and its answer, with a symmetric key where there is one. Pure.

Messages by RFC 5905 (section 7.3), keys by its appendix and by RFC 8573 (https://www.rfc-editor.org/rfc/rfc8573). What
is sent tells nothing of our clock: the transmit time is random, and has to come back as the origin.
"""

import hashlib
import hmac
import struct
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from ccmm_proto.errors import Malformed

LENGTH: Final = 48
UNSYNCHRONISED: Final = 16  # stratum
_LONGEST: Final = 1024  # of a datagram with extensions
_REQUEST: Final = 0x23  # version 4, client
_SERVER: Final = 4
_TO_1970: Final = 2208988800  # seconds from 1900, where the first era begins
_ERA: Final = 2**32
_MAC_BYTES: Final = 20  # RFC 7822: a longer digest is cut
_HASHES: Final = MappingProxyType({"md5": hashlib.md5, "sha1": hashlib.sha1, "sha256": hashlib.sha256})
KEY_TYPES: Final = (*_HASHES, "aes128")


@dataclass(frozen=True, slots=True)
class Key:
    """A symmetric key that both sides hold. Never shown."""

    id: int
    type: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Key({self.id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a server tells. Times in seconds since 1970, of its clock."""

    received: float
    sent: float
    leap: int
    stratum: int  # 1 to 15; 16: not synchronised
    reference: bytes  # 4 bytes
    kiss: str  # why it does not serve; empty where it does

    @property
    def is_synchronised(self) -> bool:
        """By its own word; a machine that takes its own clock for a source is not."""
        return self.leap != 3 and self.stratum < UNSYNCHRONISED and self.reference[:2] != b"\x7f\x7f"


def format_request(nonce: bytes, key: Key | None) -> bytes:
    """`nonce`: 8 random bytes that stand for our time."""
    if len(nonce) != 8:
        raise ValueError("a nonce has 8 bytes")
    message = struct.pack(">B39x8s", _REQUEST, nonce)
    return message if key is None else message + struct.pack(">I", key.id) + _digest(key, message)


def parse_reply(datagram: bytes, nonce: bytes, key: Key | None, near: float) -> Reply | None:
    """None for an answer to another question. `near`: its times are of the era nearest to it. Raises Malformed."""
    if not LENGTH <= len(datagram) <= _LONGEST:
        raise Malformed("no answer of a time server")
    head, stratum, reference, origin, received, sent = struct.unpack(">BB10x4s8x8sQQ", datagram[:LENGTH])
    if origin != nonce:
        return None
    if head & 7 != _SERVER or not 1 <= (head >> 3) & 7 <= 4:
        raise Malformed("no answer of a time server")
    if key is not None:
        _verify(datagram, key)
    kiss = reference.decode("ascii", "replace") if stratum == 0 and reference.isalpha() else ""
    if not kiss and (received == 0 or sent == 0):
        raise Malformed("an answer without times")
    return Reply(
        received=_seconds(received, near),
        sent=_seconds(sent, near),
        leap=head >> 6,
        stratum=stratum if 0 < stratum < UNSYNCHRONISED else UNSYNCHRONISED,
        reference=reference,
        kiss=kiss if kiss in ("DENY", "RSTR", "RATE") else "",
    )


def parse_key(id: int, type: str, text: str) -> Key:
    """From what a key file holds: hexadecimal digits after `HEX:`, else the text itself. Raises Malformed."""
    try:
        secret = bytes.fromhex(text[4:]) if text.startswith("HEX:") else text.removeprefix("ASCII:").encode()
    except ValueError as error:
        raise Malformed("no hexadecimal digits after HEX:") from error
    if not secret or (type == "aes128" and len(secret) != 16):
        raise Malformed("no key of this type: aes128 has 16 bytes")
    return Key(id, type, secret)


def _verify(datagram: bytes, key: Key) -> None:
    message, mac = datagram[:LENGTH], datagram[LENGTH:]
    if mac == bytes(4):
        raise Malformed("that it does not know this key (crypto-NAK)")
    if len(mac) < 4 or not hmac.compare_digest(mac, struct.pack(">I", key.id) + _digest(key, message)):
        raise Malformed("without a proof by the key, or with a wrong one")


def _digest(key: Key, message: bytes) -> bytes:
    if key.type == "aes128":
        cmac = CMAC(AES(key.secret))
        cmac.update(message)
        return cmac.finalize()
    return _HASHES[key.type](key.secret + message).digest()[:_MAC_BYTES]


def _seconds(raw: int, near: float) -> float:
    seconds = raw / 2**32 - _TO_1970
    return seconds + round((near - seconds) / _ERA) * _ERA
