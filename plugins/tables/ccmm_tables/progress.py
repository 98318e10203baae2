"""What the cursor of a history remembers: how far it is stated, and the slots that the next run sees again."""

import base64
import json
import zlib
from dataclasses import dataclass, field

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_tables.slots import Stated, group_in

VERSION = 2
MAX_CURSOR = 1_000_000  # bytes; the agent takes 1 MiB
MAX_UNPACKED = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """`first_ms`: where the history began; slots before it were never stated. `rolls`: slots that hold no figures."""

    first_ms: int
    stated_ms: int
    slots: Stated = field(default_factory=dict)
    rolls: Stated = field(default_factory=dict)
    seen: bytes = b""  # what a source knows its rows again by

    def to_cursor(self) -> bytes:
        """For `parse_progress`. Raises SourceUnavailable where it is too much to remember."""
        seen = base64.b64encode(self.seen).decode()
        told = [VERSION, self.first_ms, self.stated_ms, dict(self.slots), dict(self.rolls), seen]
        found = zlib.compress(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode())
        if len(found) > MAX_CURSOR:
            raise SourceUnavailable(Reason.LIMITED, "too many slots to remember: a shorter `look_back`")
        return found


def parse_progress(cursor: bytes) -> Progress | None:
    """None at first, and of a cursor that is not understood: then all is read and stated anew."""
    try:
        found = json.loads(zlib.decompressobj().decompress(cursor, MAX_UNPACKED))
        version, first_ms, stated_ms, slots, rolls, seen = found
        if version != VERSION:
            return None
        for name in slots:
            group_in(name)
        return Progress(
            first_ms=int(first_ms),
            stated_ms=int(stated_ms),
            slots=_stated(slots),
            rolls=_stated(rolls),
            seen=base64.b64decode(seen, validate=True),
        )
    except (zlib.error, ValueError, TypeError, AttributeError, RecursionError):
        return None


def _stated(slots: dict[str, tuple[int, str]]) -> Stated:
    return {str(name): (int(revision), str(digest)) for name, (revision, digest) in slots.items()}
