"""Pseudonyms: HMAC-SHA-256 under a key that never leaves the center (FORMATS §8).

The same key joins the switch, HR, CRM and door systems of one center. A pseudonym is bound to its sort, so that an
account name that looks like a phone number never meets that phone number.
"""

import hashlib
import hmac
import secrets
import unicodedata

from ccmm_proto.kinds import Sort

KEY_BYTES = 32
_SEPARATORS = " -().\u00a0\t/"
_CASELESS = frozenset({Sort.PERSON, Sort.ACCOUNT, Sort.BADGE, Sort.VISITOR})


class PseudonymKey:
    """The center's key. `key_id` names it without telling it: facts under different ids never join."""

    def __init__(self, secret: bytes) -> None:
        """32 secret bytes; raises ValueError for any other length."""
        if len(secret) != KEY_BYTES:
            raise ValueError(f"a pseudonym key is {KEY_BYTES} bytes, not {len(secret)}")
        self._secret = secret
        self.key_id = hmac.digest(secret, b"id", hashlib.sha256)[:8].hex()

    def pseudonym(self, sort: Sort, text: str) -> bytes:
        """32 bytes: HMAC over the sort and the normalised text."""
        return hmac.digest(self._secret, f"{sort.value}\x00{normalise(sort, text)}".encode(), hashlib.sha256)

    def __repr__(self) -> str:
        return f"PseudonymKey({self.key_id})"


def new_key() -> bytes:
    """A fresh secret for a center's first agent."""
    return secrets.token_bytes(KEY_BYTES)


def normalise(sort: Sort, text: str) -> str:
    """One spelling per identity: numbers to E.164-like digits, names trimmed and case-folded, ids trimmed.

    A number keeps a leading `+`; `00` becomes `+`; separators go. Without a country code it stays national and does not
    meet the same number written with one: the systems of a center that are joined by number must write it one way.
    """
    composed = unicodedata.normalize("NFKC", text).strip()
    if sort is Sort.NUMBER:
        digits = composed.translate({ord(char): None for char in _SEPARATORS})
        return "+" + digits[2:] if digits.startswith("00") else digits
    return composed.casefold() if sort in _CASELESS else composed


def short(pseudonym: bytes) -> int:
    """The first 8 bytes as an unsigned integer: how rolls carry it and how joins compare it."""
    return int.from_bytes(pseudonym[:8], "big")
