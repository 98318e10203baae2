"""Reads mod_cdr_csv: Master.csv and its rotated files, a batch at a time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ccmm_agent.plugin import Window
from ccmm_plugin_telephony.batch import Batch, read_batch
from ccmm_plugin_telephony.cursor import LogCursor
from ccmm_plugin_telephony.freeswitch.csv_record import line_parser
from ccmm_plugin_telephony.freeswitch.record import CallRecord
from ccmm_plugin_telephony.freeswitch.stretch import LOOK_BACK_MS, Stretch
from ccmm_plugin_telephony.log_files import LogFile, Position, log_files, position_at
from ccmm_plugin_telephony.resume import Start, first_stated, start_of
from ccmm_proto.errors import Malformed
from ccmm_proto.period import HOUR_MS, QUARTER_MS, floor_to, to_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvFiles:
    """The live file, its rotated files beside it, and the template that wrote them."""

    live: Path
    template: tuple[str | None, ...]
    settle: timedelta
    batch_bytes: int
    resume_after: datetime | None

    def count(self) -> int:
        """How many files there are."""
        return len(log_files(self.live, self._time_of))

    def take(self, window: Window, cursor: LogCursor | None) -> Stretch:
        """The next batch; larger than asked where a smaller one would not move. Raises SourceUnavailable."""
        files = log_files(self.live, self._time_of)
        start = start_of(files, cursor, self.resume_after)
        live_ms = floor_to(to_ms(window.now - self.settle), QUARTER_MS)
        size = self.batch_bytes
        while True:
            batch = read_batch(files, start.place, size, line_parser(self.template), int(window.now.timestamp()))
            horizon_ms = live_ms if batch.ended else min(live_ms, self._settled(batch))
            first_s = batch.placed[0].line.started_s if batch.placed else None
            stated_ms = first_stated(start, first_s, live_ms)
            if batch.ended or horizon_ms > stated_ms:
                break
            size *= 2
        return _stretch(files, batch, None if start.anew else cursor, stated_ms, horizon_ms, start)

    def _settled(self, batch: Batch[CallRecord]) -> int:
        newest_ms = (batch.placed[-1].line.at_s if batch.placed else 0) * 1000
        return floor_to(max(0, newest_ms - int(self.settle.total_seconds()) * 1000), QUARTER_MS)

    def _time_of(self, line: bytes) -> int | None:
        try:
            return line_parser(self.template)(line).at_s
        except Malformed:
            return None


def _stretch(
    files: tuple[LogFile, ...],
    batch: Batch[CallRecord],
    cursor: LogCursor | None,
    stated_ms: int,
    horizon_ms: int,
    start: Start,
) -> Stretch:
    known_ms = stated_ms if cursor is None else cursor.from_ms
    next_ms = max(known_ms, floor_to(horizon_ms - LOOK_BACK_MS, HOUR_MS))
    return Stretch(
        records=tuple(placed.line for placed in batch.placed),
        cursor=cursor,
        stated_ms=stated_ms,
        horizon_ms=horizon_ms,
        next_ms=next_ms,
        position=_anchor(files, batch, next_ms),
        newest_s=max(cursor.position_s if cursor else 0, batch.newest_s or 0),
        more=not batch.ended,
        set_apart=batch.set_apart,
    )


def _anchor(files: tuple[LogFile, ...], batch: Batch[CallRecord], next_ms: int) -> Position | None:
    """Rows are written at a call's end: those of a call from `next_ms` on stand behind the first that ends then."""
    place = next(((p.file, p.offset) for p in batch.placed if p.line.at_s * 1000 >= next_ms), batch.end)
    return position_at(files[place[0]], place[1]) if batch.end != (0, 0) else None
