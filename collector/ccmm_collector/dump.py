"""Everything that a projection holds, in a form that two projections of one log have alike."""

import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from ccmm_collector.dump_sql import DUMPS
from ccmm_collector.projection import Projection


def dump(projection: Projection, *, indexes: bool = True) -> Iterator[tuple[str, str]]:
    """(table, row as JSON) of everything, in an order that depends on the rows alone.

    Without `indexes` what depends on the order of arrival is left out: log indexes and recorded times.
    """
    for table, query in sorted(DUMPS.items()):
        cursor = projection.connection.execute(query)
        names = [column[0] for column in cursor.description]
        kept = [n for n, name in enumerate(names) if indexes or name not in ("log_index", "recorded_ms")]
        # Unpacked, because another release of zlib may pack the same content into other bytes.
        plain = [_unpacked if names[n] == "packed" else _plain for n in range(len(names))]
        lines = (json.dumps([plain[n](row[n]) for n in kept], ensure_ascii=False) for row in cursor)
        yield from ((table, line) for line in (lines if indexes else sorted(lines)))


def digests(lines: Iterable[tuple[str, str]]) -> dict[str, tuple[int, str]]:
    """Rows and SHA-256 of each table of a dump."""
    hashes: dict[str, Any] = {}
    counts: Counter[str] = Counter()
    for table, line in lines:
        counts[table] += 1
        hashes.setdefault(table, hashlib.sha256()).update(line.encode() + b"\n")
    return {table: (counts[table], digest.hexdigest()) for table, digest in hashes.items()}


def _unpacked(value: bytes) -> str:
    return zlib.decompress(value).hex()


def _plain(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value
