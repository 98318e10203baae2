"""The rolls of one day in one piece: what was told by the hour is read again by the day, and column by column."""

import zlib
from collections.abc import Sequence
from sqlite3 import Connection
from typing import Any

from ccmm_collector import projection_sql as sql
from ccmm_collector.columns import SourceRow, day_of, pack_day
from ccmm_proto.period import DAY_MS, floor_to
from ccmm_proto.roll import rows_of
from ccmm_proto.v1.statement_pb2 import Roll
from ccmm_rules.evidence import Happening

EVER = 1 << 62  # as an index: everything that is known


def order(happening: Happening) -> tuple[object, ...]:
    """Oldest first, then by id."""
    return (
        happening.started_ms,
        isinstance(happening.id, str),
        happening.id,
        happening.agent,
        happening.source,
    )


def hours(connection: Connection, row: SourceRow, kind: str, from_ms: int, to_ms: int, index: int) -> list[Happening]:
    """The rows of all hours that begin in a stretch of time, as known at an index; oldest first, then by id."""
    found: list[Happening] = []
    rolls = (row[0], kind, from_ms, to_ms, index)
    for hour_ms, revision in connection.execute(sql.ROLL_HOURS, rolls).fetchall():
        found += _hour(connection, row, kind, hour_ms, revision, index)
    return found


def _hour(
    connection: Connection, row: SourceRow, kind: str, hour_ms: int, revision: int, index: int
) -> list[Happening]:
    """All rows of an hour at a revision: a row that two statements tell is one row."""
    number, agent, source = row
    rows: dict[tuple[int, int], Happening] = {}
    for key_id, packed in connection.execute(sql.ROLLS, (number, kind, hour_ms, revision, index)).fetchall():
        for key, started_ms, attributes in rows_of(Roll.FromString(zlib.decompress(packed))):
            if (key, started_ms) not in rows:
                rows[key, started_ms] = Happening(
                    agent=agent,
                    source=source,
                    id=key,
                    started_ms=started_ms,
                    ended_ms=started_ms + int(attributes.get("lasted", 0)) * 1000,
                    key_id=key_id,
                    attributes=attributes,
                )
    return sorted(rows.values(), key=order)


class Bundles:
    """The days of rolls that one projection keeps. What is touched or kept is written by the open transaction."""

    def __init__(self, connection: Connection) -> None:
        """Over the projection's own connection."""
        self._connection = connection
        self.fresh: list[tuple[object, ...]] = []  # made, and not written yet

    def touch(self, told: Sequence[tuple[int, tuple[Any, ...]]]) -> None:
        """Rolls came: numbers of sources with the columns of `roll` after them. Their days hold no longer."""
        touched = {(number, row[0], floor_to(row[1], DAY_MS), row[5]) for number, row in told}
        self._connection.executemany(sql.TOUCH_BUNDLE, touched)

    def fill(self, before_ms: int, limit: int) -> None:
        """Pack days that began before an instant and are not packed yet."""
        empty = self._connection.execute(sql.EMPTY_BUNDLES, (before_ms, limit)).fetchall()
        for number, kind, day_ms, index in empty:
            rows = hours(self._connection, (number, "", ""), kind, day_ms, day_ms + DAY_MS, EVER)
            self.fresh.append((pack_day(day_of(kind, day_ms, rows)), number, kind, day_ms, index))

    def write(self) -> int:
        """Write what was kept since; how much that was."""
        count = len(self.fresh)
        self._connection.executemany(sql.KEEP_BUNDLE, self.fresh)
        self.fresh.clear()
        return count
