"""Sums of slots by civil day: how they are added, and how the projection keeps them."""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from sqlite3 import Connection
from typing import NamedTuple

from ccmm_collector import projection_sql as sql
from ccmm_collector.packing import is_gauge, pack_buckets, pack_gauge, unpack_buckets, unpack_gauge
from ccmm_rules.civil import CivilDays, civil_days, zone_named

UTC = "UTC"
Slot = tuple[int, int, int, float, int, bytes | None]  # start, log index, count, total, unfinished, more


class Tally(NamedTuple):
    """A sum over the slots of one day, or of a part of it."""

    log_index: int
    slots: int
    count: int  # type: ignore[assignment]  # hides that of tuples
    total: float
    unfinished: int
    more: bytes | None


def stated(slots: Sequence[Slot]) -> Sequence[Slot]:
    """Of each slot the statement to read: the first of its rows, which come highest revision first."""
    read = {slot[0]: slot for slot in reversed(slots)}
    return slots if len(read) == len(slots) else [read[start] for start in sorted(read)]


def add(tallies: Sequence[Tally]) -> Tally:
    """The sum of at least one tally, oldest first; of gauges the extremes and the last."""
    if len(tallies) == 1:
        return tallies[0]
    mores = [tally.more for tally in tallies if tally.more is not None]
    more = None
    if mores and is_gauge(mores[0]):
        lows, highs, lasts = zip(*(unpack_gauge(packed) for packed in mores), strict=True)
        more = pack_gauge(min(lows), max(highs), lasts[-1])
    elif mores:
        more = pack_buckets([sum(column) for column in zip(*map(unpack_buckets, mores), strict=True)])
    return Tally(
        log_index=max(tally.log_index for tally in tallies),
        slots=sum(tally.slots for tally in tallies),
        count=sum(tally.count for tally in tallies),
        total=math.fsum(tally.total for tally in tallies),
        unfinished=sum(tally.unfinished for tally in tallies),
        more=more,
    )


def by_day(slots: Sequence[Slot], days: CivilDays) -> Iterator[tuple[int, Tally]]:
    """The sum of each civil day of stated slots, oldest first."""
    found: dict[int, list[Tally]] = {}
    for slot in slots:
        found.setdefault(days.start_of(slot[0]), []).append(Tally(slot[1], 1, *slot[2:]))
    return ((day_ms, add(tallies)) for day_ms, tallies in found.items())


def zone_name(answer: object) -> str:
    """The zone that an answer names; UTC where it names none."""
    return str(answer) if zone_named(answer) is not None else UTC


class DaySums:
    """The sums that one projection keeps. What is touched or kept is written by the transaction that is open then."""

    def __init__(self, connection: Connection) -> None:
        """Over the projection's own connection."""
        self._connection = connection
        self._civil: dict[str, CivilDays] = {}  # of centers that told slots: the days that their sums stand for
        self.fresh: list[tuple[object, ...]] = []  # made, and not written yet

    def forget(self, center: str | None = None) -> None:
        """A center's zone may have changed; any center's, where none is named."""
        if center is None:
            self._civil.clear()
        else:
            self._civil.pop(center, None)

    def zone(self, center: str) -> str:
        """The zone in whose days the sums of the center's slots are kept."""
        row = self._connection.execute(sql.CIVIL, (center,)).fetchone()
        return str(row[0]) if row else UTC

    def touch(self, told: Iterable[tuple[str, int, Iterable[tuple[int, int]]]]) -> None:
        """Slots came: of each center's series the starts and indexes. The sums of their days hold no longer."""
        touched: set[tuple[int, int, int]] = set()
        for center, series, slots in told:
            start_of = self._days_of(center).start_of
            touched.update([(series, start_of(start_ms), index) for start_ms, index in slots])
        self._connection.executemany(sql.TOUCH_DAY, touched)

    def _days_of(self, center: str) -> CivilDays:
        """Those of the center's newest answer; where others were kept, all its slots are given to these."""
        if center not in self._civil:
            row = self._connection.execute(sql.ZONE_ANSWER, (center,)).fetchone()
            zone = zone_name(json.loads(row[0])) if row and row[0] else UTC
            if zone != self.zone(center):
                self._connection.create_function("civil_day", 1, civil_days(zone).start_of)
                self._connection.execute(sql.DROP_DAYS, (center,))
                self._connection.execute(sql.ADD_DAYS, (center,))
                self._connection.execute(sql.SET_CIVIL, (center, zone))
            self._civil[center] = civil_days(zone)
        return self._civil[center]

    def keep(self, series: int, day_ms: int, tally: Tally) -> None:
        """The sum of all slots of a day, as known now."""
        values = (tally.slots, tally.count, tally.total, tally.unfinished, tally.more)
        self.fresh.append((*values, series, day_ms, tally.log_index))

    def write(self) -> int:
        """Write what was kept since; how much that was."""
        count = len(self.fresh)
        self._connection.executemany(sql.KEEP_TALLY, self.fresh)
        self.fresh.clear()
        return count

    def fill(self, before_ms: int, limit: int) -> None:
        """Sum days that began before an instant and have no sum yet."""
        for center, series, day_ms in self._connection.execute(sql.EMPTY_TALLIES, (before_ms, limit)).fetchall():
            days = civil_days(self.zone(center))
            slots = self._connection.execute(sql.ALL_SLOTS, (series, day_ms, days.end_of(day_ms))).fetchall()
            for found in by_day(stated(slots), days):
                self.keep(series, *found)
