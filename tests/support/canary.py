"""Words that must not leave, and how protocols and files dress them."""

import base64
import json
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

CANARY = "zz-canary-Qw7/+nightingale"


def songs(canary: str) -> list[bytes]:
    """The canary as it is and as protocols dress it, whatever stands before it."""
    plain = canary.encode()
    dressed = {canary, quote(canary), quote(canary, safe=""), quote_plus(canary), json.dumps(canary)[1:-1]}
    dressed |= {plain.hex(), plain.hex().upper(), plain.hex(":"), plain.hex(" ")}
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            dressed.add(encode(b"x" * before + plain).decode()[4:-4])
    return [one.encode() for one in dressed]


def heard(said: bytes, canaries: Iterable[str]) -> list[bytes]:
    """Where one of them sings: the places, with what stands round them."""
    found = []
    for canary in canaries:
        for song in songs(canary):
            if (at := said.find(song)) >= 0:
                found.append(said[max(0, at - 200) : at + len(song) + 40])
    return found
