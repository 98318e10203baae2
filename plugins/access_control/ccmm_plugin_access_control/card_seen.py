"""What the cursor remembers of a folder: each file by digests, how many were found in it; no name, no digit."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from ccmm_plugin_access_control.card_tally import NAMES, Found

VERSION = 1  # raise it with every change of what counts as a number or code: then every file is looked at again
MAX_FILES = 20_000
_HEAD = struct.Struct(">B8sddIII")  # version, setup, scan began, covered until, its number, items stated in it, files
_FILE = struct.Struct(f">8s8s8sI{len(NAMES)}H")
_MOST = 2**16 - 1


@dataclass(frozen=True, slots=True)
class Sighting:
    """A file as it was last looked at. `state`: of its size and times; `scan`: the last one that saw it."""

    state: bytes
    digest: bytes
    scan: int
    found: Found


@dataclass(frozen=True, slots=True)
class Seen:
    """`began`: of the scan that goes on; None: the last one ended. `until`: what was vouched for."""

    began: datetime | None = None
    until: datetime | None = None
    scan: int = 0
    stated: int = 0
    files: Mapping[bytes, Sighting] = field(default_factory=dict)
    setup: bytes = bytes(8)

    def next_scan(self, now: datetime) -> "Seen":
        """The scan that goes on, or a new one."""
        return self if self.began is not None else replace(self, began=now, scan=(self.scan + 1) % 2**31, stated=0)

    def to_cursor(self) -> bytes:
        """For `parse_seen`."""
        began, until = (moment.timestamp() if moment else -1.0 for moment in (self.began, self.until))
        head = _HEAD.pack(VERSION, self.setup, began, until, self.scan, self.stated, len(self.files))
        return head + b"".join(_packed(key, sighting) for key, sighting in sorted(self.files.items()))


def parse_seen(cursor: bytes, now: datetime, setup: bytes) -> Seen:
    """From a cursor. `setup`: what counts as what; where that differs, or for other bytes, everything is looked at."""
    try:
        version, known, began, until, scan, stated, n = _HEAD.unpack_from(cursor)
        if version != VERSION or len(cursor) != _HEAD.size + n * _FILE.size:
            return Seen(setup=setup)
        if known != setup:
            return Seen(until=_moment(until, now), scan=scan, setup=setup)
        files = dict(_unpacked(cursor, _HEAD.size + at * _FILE.size) for at in range(n))
        return Seen(_moment(began, now), _moment(until, now), scan, stated, files, setup)
    except (struct.error, ValueError, OverflowError, OSError):
        return Seen(setup=setup)


def _moment(stamp: float, now: datetime) -> datetime | None:
    """None: there was none, or a clock went back."""
    moment = datetime.fromtimestamp(stamp, UTC) if stamp >= 0 else None
    return moment if moment is None or moment <= now else None


def _packed(key: bytes, sighting: Sighting) -> bytes:
    counts = (min(getattr(sighting.found, name), _MOST) for name in NAMES)
    return _FILE.pack(key, sighting.state, sighting.digest, sighting.scan, *counts)


def _unpacked(cursor: bytes, at: int) -> tuple[bytes, Sighting]:
    key, state, digest, scan, *counts = _FILE.unpack_from(cursor, at)
    return key, Sighting(state, digest, scan, Found(*counts))
