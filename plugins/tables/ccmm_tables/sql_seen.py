"""What the cursor of `sql` remembers of occurrences: how far the growing column was read, which rows were stated."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ccmm_agent.delimited import LocalTimes
from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_tables.columns import Row
from ccmm_tables.sql_cells import DIGEST_BYTES, digest_of
from ccmm_tables.sql_query import Growing, Mark

CURSOR_VERSION = 1
MAX_CURSOR = 1_000_000  # bytes; the agent takes 1 MiB
ANY = ""  # the mark of rows without a growing column

Digests = Mapping[str, frozenset[bytes]]  # mark -> digests of its rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """`is_partial`: rows from `high` on are still to be read, and nothing of them is vouched for."""

    as_of: datetime | None = None
    earliest: datetime | None = None
    rows: int = 0
    high: Mark | None = None
    is_partial: bool = False
    digests: Digests = field(default_factory=dict)

    def to_cursor(self) -> bytes:
        """For `parse_seen`. Raises SourceUnavailable where it is too much to remember."""
        instants = [None if at is None else at.timestamp() for at in (self.as_of, self.earliest)]
        high = None if self.high is None else spelled(self.high)
        packed = {mark: base64.b64encode(b"".join(sorted(of))).decode() for mark, of in self.digests.items()}
        found = json.dumps([CURSOR_VERSION, *instants, self.rows, high, self.is_partial, packed]).encode()
        if len(found) > MAX_CURSOR:
            raise SourceUnavailable(Reason.LIMITED, "too many rows to remember: a shorter `overlap`, or `since_column`")
        return found

    def known(self) -> frozenset[bytes]:
        """All digests."""
        return frozenset[bytes]().union(*self.digests.values())

    def low(self, growing: Growing) -> Mark:
        """From where the growing column is read."""
        if self.high is None or type(self.high) is not type(growing.begin):
            return growing.begin
        return growing.before(self.high, at_once=self.is_partial)


def parse_seen(cursor: bytes) -> Seen:
    """Of a cursor that is not understood nothing is known: all is read and stated anew."""
    try:
        version, as_of, earliest, rows, high, is_partial, packed = json.loads(cursor)
        if version != CURSOR_VERSION:
            return Seen()
        return Seen(
            as_of=None if as_of is None else datetime.fromtimestamp(as_of, UTC),
            earliest=None if earliest is None else datetime.fromtimestamp(earliest, UTC),
            rows=int(rows),
            high=None if high is None else mark_in(high),
            is_partial=bool(is_partial),
            digests={str(mark): frozenset(_unpacked(text)) for mark, text in packed.items()},
        )
    except (ValueError, TypeError, AttributeError, OverflowError, OSError, RecursionError):
        return Seen()


def spelled(mark: Mark) -> str:
    """For `mark_in`."""
    return str(mark) if isinstance(mark, int) else mark.isoformat()


def mark_in(text: str) -> Mark:
    """Raises ValueError."""
    return int(text) if text.lstrip("-").isdecimal() else datetime.fromisoformat(text)


class Fresh:
    """Hands the rows on and says of each whether it was stated before; remembers them for the next run.

    `is_known` is of the row handed out last. Of new rows one more than `limit` is not handed out: `is_full`.
    """

    def __init__(self, rows: Iterable[Row], seen: Seen, growing: Growing | None, times: LocalTimes, limit: int) -> None:
        self.is_known = False
        self.is_full = False
        self.high = seen.high
        self._rows = rows
        self._known = seen.known()
        self._growing = growing
        self._times = times
        self._left = limit
        self._found: dict[str, set[bytes]] = {}

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            digest = digest_of(row)
            self.is_known = digest in self._known
            if not self.is_known and self._left == 0:
                self.is_full = True
                return
            self._left -= not self.is_known
            mark = self._growing.mark_of(row, self._times) if self._growing else None
            if mark is not None and (self.high is None or self._is_above(mark, self.high)):
                self.high = mark
            self._found.setdefault(ANY if mark is None else spelled(mark), set()).add(digest)
            yield row

    def digests(self, before: Digests, low: Mark | None) -> Digests:
        """Of the rows that the next run may meet again: those from `low` on, of this run and of those before."""
        merged = {mark: before.get(mark, frozenset()) | self._found.get(mark, set()) for mark in self._found}
        if low is None:
            return merged
        kept = {**{mark: of for mark, of in before.items() if mark not in merged and mark != ANY}, **merged}
        return {mark: of for mark, of in kept.items() if not self._is_above(low, mark_in(mark))}

    @staticmethod
    def _is_above(one: Mark, other: Mark) -> bool:
        """Marks of one source are of one type; one that is not (the option changed) is not compared."""
        if isinstance(one, int) and isinstance(other, int):
            return one > other
        if isinstance(one, datetime) and isinstance(other, datetime):
            return one > other
        return True


def _unpacked(text: str) -> Iterator[bytes]:
    data = base64.b64decode(text, validate=True)
    return (data[at : at + DIGEST_BYTES] for at in range(0, len(data), DIGEST_BYTES))
