"""What the cursor of `quality` remembers: days stated, and of each sample a digest. No names, no scores."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_tables.counts import Days

VERSION = 1
MAX_BYTES = 1 << 20
_MAX_UNZIPPED = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """`until`: up to where was vouched for; `samples`: short digest of the key -> of what was stated."""

    until: datetime | None = None
    days: Mapping[str, Days] = field(default_factory=dict)  # by what they are figures of
    samples: Mapping[str, str] = field(default_factory=dict)

    def to_cursor(self) -> bytes:
        """For `parse_seen`. Raises SourceUnavailable where it would be larger than a cursor may be."""
        until = None if self.until is None else self.until.timestamp()
        days = {name: {str(day): list(stated) for day, stated in found.items()} for name, found in self.days.items()}
        samples = "".join(key + digest for key, digest in self.samples.items())
        cursor = zlib.compress(json.dumps([VERSION, until, days, samples]).encode())
        if len(cursor) > MAX_BYTES:
            raise SourceUnavailable(
                Reason.LIMITED, "more scores than a cursor holds (some 90,000): let the table keep the last months only"
            )
        return cursor


def parse_seen(cursor: bytes) -> Seen:
    """From a cursor; from anything else that nothing was seen yet."""
    try:
        version, until, days, samples = json.loads(zlib.decompressobj().decompress(cursor, _MAX_UNZIPPED))
        if version != VERSION:
            return Seen()
        return Seen(
            until=None if until is None else datetime.fromtimestamp(until, UTC),
            days={
                str(name): {int(day): (str(digest), int(revision)) for day, (digest, revision) in found.items()}
                for name, found in days.items()
            },
            samples={samples[at : at + 12]: samples[at + 12 : at + 20] for at in range(0, len(samples), 20)},
        )
    except (zlib.error, ValueError, TypeError, AttributeError, OverflowError, OSError, RecursionError):
        return Seen()
