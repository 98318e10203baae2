"""Where the next read of the exports resumes, and what was stated of the last weeks."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from ccmm_plugin_access_control.passages import Passage, StatedHour

VERSION = 2
_EDGE = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMark:
    """How far a file was read: to byte `offset`, recognised by what stands at its head and before the offset."""

    offset: int
    edges: str
    last_ms: int | None  # the row before the offset, for the hour that a clock change repeats


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """All that a cursor holds. Hours are counted since the epoch."""

    until: int | None = None  # hours before it are stated
    vouched_ms: int | None = None
    newest: str = ""  # the file that was changed last
    files: Mapping[str, FileMark] = field(default_factory=dict)
    hours: Mapping[int, StatedHour] = field(default_factory=dict)

    def to_cursor(self) -> bytes:
        """For `parse_marks`."""
        files = {name: [mark.offset, mark.edges, mark.last_ms] for name, mark in self.files.items()}
        hours = {hour: [one.count, one.digest, one.revision] for hour, one in self.hours.items()}
        held = [VERSION, self.until, self.vouched_ms, self.newest, files, hours]
        return json.dumps(held, separators=(",", ":")).encode()


def parse_marks(cursor: bytes) -> Marks:
    """From a cursor; from anything else none: then the exports are read from their beginning."""
    try:
        version, until, vouched_ms, newest, files, hours = json.loads(cursor)
        if version != VERSION:
            return Marks()
        return Marks(
            until=None if until is None else int(until),
            vouched_ms=None if vouched_ms is None else int(vouched_ms),
            newest=str(newest),
            files={
                name: FileMark(offset=int(offset), edges=str(edges), last_ms=None if last is None else int(last))
                for name, (offset, edges, last) in files.items()
            },
            hours={
                int(hour): StatedHour(count=int(count), digest=str(digest), revision=int(revision))
                for hour, (count, digest, revision) in hours.items()
            },
        )
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return Marks()


def edges_of(file: BinaryIO, offset: int) -> str:
    """What recognises a file that was read to `offset`, whatever it is called now."""
    file.seek(0)
    digest = hashlib.sha256(file.read(min(_EDGE, offset)))
    file.seek(max(0, offset - _EDGE))
    digest.update(file.read(min(_EDGE, offset)))
    return f"{offset}:{digest.hexdigest()[:16]}"


def hour_of(passages: Iterable[Passage], revision: int) -> StatedHour:
    """What is remembered of the passages of one hour, in whatever order they stand; who holds a badge may change."""
    written = sorted(
        repr((one.badge, one.at.timestamp(), *(one.attributes.get(name) for name in ("door", "direction", "result"))))
        for one in passages
    )
    digest = hashlib.sha256("\n".join(written).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return StatedHour(count=len(written), digest=digest, revision=revision)
