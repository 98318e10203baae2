"""What the rules' engine made of the slots of single days, kept until a slot of these days comes again.

A note rests on the slots of some measures in one civil day of its center: on so many series, the newest slot of which
has such a log index. While both are the same, so are the slots.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from sqlite3 import Connection

from ccmm_collector import projection_sql as sql
from ccmm_rules.evidence import Span

Stamp = tuple[int, int]  # series that have slots in the day, the highest index among them
NOTHING: Stamp = (0, -1)
MOST = 100_000  # notes that wait to be written; more are made again when they are asked for


class DayNotes:
    """The notes that one projection keeps. What is made is written by the transaction that is open then."""

    def __init__(self, connection: Connection, *, readonly: bool) -> None:
        """Over the projection's own connection; a reader keeps nothing."""
        self._connection = connection
        self._readonly = readonly
        self.fresh: list[tuple[object, ...]] = []  # made, and not written yet

    def of(
        self,
        center: str,
        index: int,
        key: str,
        measures: Sequence[str],
        days: Sequence[Span],
        make: Callable[[Sequence[Span]], Sequence[str]],
    ) -> list[str]:
        """One note per day, as known at an index; `days` sorted."""
        if not days:
            return []
        digest = hashlib.sha256(json.dumps([key, list(measures)]).encode()).digest()[:16]
        window = (days[0].from_ms, days[-1].to_ms)
        stamps = self._stamps(center, measures, *window)
        kept = {
            day_ms: said
            for day_ms, series, log_index, said in self._connection.execute(sql.NOTES, (center, digest, *window))
            if stamps.get(day_ms, NOTHING) == (series, log_index) and log_index <= index
        }
        missing = [day for day in days if day.from_ms not in kept]
        for day, said in zip(missing, make(missing) if missing else (), strict=True):
            kept[day.from_ms] = said
            stamp = stamps.get(day.from_ms, NOTHING)
            if stamp[1] <= index:
                self._keep((center, digest, day.from_ms, *stamp, said))
        return [kept[day.from_ms] for day in days]

    def _stamps(self, center: str, measures: Sequence[str], from_ms: int, to_ms: int) -> dict[int, Stamp]:
        asked = (center, json.dumps(list(measures)), from_ms, to_ms)
        return {
            day_ms: (series, log_index) for day_ms, series, log_index in self._connection.execute(sql.DAY_STAMPS, asked)
        }

    def _keep(self, row: tuple[object, ...]) -> None:
        if not self._readonly and len(self.fresh) < MOST:
            self.fresh.append(row)

    def write(self) -> int:
        """Write what was made since; how much that was."""
        count = len(self.fresh)
        self._connection.executemany(sql.KEEP_NOTE, self.fresh)
        self.fresh.clear()
        return count
