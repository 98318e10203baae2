"""Where a source that reads a rotated log goes on: what it vouched for, from where it reads again, what it holds.

Reading goes back to the oldest slot that may still change (an hour that is not over, a call that has not ended), so the
cursor keeps the revision and digest of those slots, not their content.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_telephony.log_files import Position

_MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCursor:
    """`stated_ms`: all before it was vouched for. `from_ms`: slots from here on are read again, from `position`."""

    stated_ms: int
    from_ms: int
    position: Position | None  # None: no line was ever there
    position_s: int = 0  # time of the newest line before or at the position
    slots: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    state: Mapping[str, object] = field(default_factory=dict)  # of what began earlier: agents that are logged in

    def to_bytes(self) -> bytes:
        return zlib.compress(json.dumps(asdict(self), separators=(",", ":"), sort_keys=True).encode())


def parse_cursor(cursor: bytes) -> LogCursor | None:
    """None at the first start. Raises SourceUnavailable for bytes that no version of this plugin wrote."""
    if not cursor:
        return None
    try:
        table = json.loads(zlib.decompressobj().decompress(cursor, _MOST_BYTES))
        place = table["position"]
        return LogCursor(
            stated_ms=int(table["stated_ms"]),
            from_ms=int(table["from_ms"]),
            position=Position(**place) if place is not None else None,
            position_s=int(table["position_s"]),
            slots={str(slot): (int(revision), str(digest)) for slot, (revision, digest) in table["slots"].items()},
            state=dict(table["state"]),
        )
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceUnavailable(Reason.UNREADABLE, "the cursor of this source is damaged") from error
