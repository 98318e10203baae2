"""The source `asterisk_cdr`: call detail records (cdr_csv)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, Self
from zoneinfo import ZoneInfo

from ccmm_agent import facts
from ccmm_agent.plugin import BadOption, CheckLine, Done, Manifest, Observation, Options, Source, Window
from ccmm_plugin_telephony.asterisk.cdr import Call, CdrRow, calls_of, directions_of, row_parser
from ccmm_plugin_telephony.batch import Batch, apart_told, read_batch
from ccmm_plugin_telephony.cursor import LogCursor, parse_cursor
from ccmm_plugin_telephony.instant import parse_instant, parse_zone
from ccmm_plugin_telephony.log_files import LogFile, Position, TimeOf, log_files, position_at
from ccmm_plugin_telephony.resume import Start, first_stated, start_of
from ccmm_plugin_telephony.stated import GREW, LATE, Stated
from ccmm_proto.errors import Malformed
from ccmm_proto.period import HOUR_MS, QUARTER_MS, floor_to, from_ms, to_ms

LOOK_BACK_MS = 4 * HOUR_MS  # a call that began this long before the newest statement changes it no more


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecords(Source):
    """Calls by the hour, also those that no queue took."""

    plugin: ClassVar[str] = "asterisk_cdr"
    value: ClassVar[int] = 60
    feeds: ClassVar[tuple[str, ...]] = ("call",)
    example: ClassVar[str] = """\
# Call detail records of Asterisk (cdr_csv with loguniqueid=yes), with rotated files beside them.
[[source]]
name = "pbx_cdr"
plugin = "asterisk_cdr"
every = "15m"
cdr = "/var/log/asterisk/cdr-csv/Master.csv"
zone = "UTC"                         # of the times in the file: usegmtime=yes is UTC, else the server's zone
settle = "30m"
batch_kib = 2048
# directions = { from-internal = "out", from-trunk = "in" }   # by dialplan context, for calls that no queue took
# resume_after = "2026-11-22T10:00:00Z"   # only after the file was rewritten: go on from here, with a gap before
"""

    cdr: Path
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    settle: timedelta = timedelta(minutes=30)
    batch_bytes: int = 2 * 1024 * 1024
    directions: Mapping[str, str] = field(default_factory=dict)
    resume_after: datetime | None = None

    @classmethod
    def from_options(cls, options: Options) -> Self:
        return cls(
            cdr=options.path("cdr"),
            zone=parse_zone(options.text("zone", None)) or ZoneInfo("UTC"),
            settle=timedelta(seconds=options.seconds("settle", 1800)),
            batch_bytes=options.whole("batch_kib", 2048, least=1, most=65536) * 1024,
            directions=_directions(options.table("directions", None)),
            resume_after=parse_instant("resume_after", options.text("resume_after", None)),
        )

    def manifest(self) -> Manifest:
        return Manifest(folders=(self.cdr.parent,))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        files = log_files(self.cdr, self._time_of())
        cursor = parse_cursor(window.cursor)
        start = start_of(files, cursor, self.resume_after)
        batch, stated_ms, horizon_ms = self._batch(files, start, window)
        if horizon_ms <= stated_ms:
            fresh = LogCursor(stated_ms=stated_ms, from_ms=stated_ms, position=None).to_bytes()
            yield Done(None, window.cursor if window.cursor or batch.placed else fresh)
            return
        before = None if start.anew else cursor
        known_ms = stated_ms if before is None else before.from_ms
        stated = Stated(before.slots if before else {})
        calls = calls_of(placed.line for placed in batch.placed)
        yield from self._hours(calls, known_ms, stated_ms, horizon_ms, stated)
        next_ms = max(known_ms, floor_to(horizon_ms - LOOK_BACK_MS, HOUR_MS))
        newest = max(before.position_s if before else 0, batch.newest_s or 0)
        cursor = LogCursor(
            stated_ms=horizon_ms,
            from_ms=next_ms,
            position=_anchor(files, batch, next_ms),
            position_s=newest,
            slots=stated.kept(next_ms),
        )
        apart = apart_told(batch.set_apart)
        yield Done((from_ms(stated_ms), from_ms(horizon_ms)), cursor.to_bytes(), more=not batch.ended, detail=apart)

    def check(self, window: Window) -> Iterator[CheckLine]:
        files = log_files(self.cdr, self._time_of())
        yield CheckLine("ok", str(self.cdr), f"readable, with {len(files) - 1} rotated file(s) of history")
        now_s = int(window.now.timestamp())
        start = start_of(files, parse_cursor(window.cursor), self.resume_after)
        batch = read_batch(files, start.place, self.batch_bytes, row_parser(self.zone), now_s)
        if apart := apart_told(batch.set_apart):
            yield CheckLine("warning", "rows", f"{apart}; they cannot be of this file")
        if batch.newest_s is not None:
            told = from_ms(batch.newest_s * 1000).isoformat()
            yield CheckLine("ok", "newest row", f"{told}, if the times are in {self.zone.key}")

    def _batch(self, files: tuple[LogFile, ...], start: Start, window: Window) -> tuple[Batch[CdrRow], int, int]:
        """A batch, from when on it is stated and until when; larger where that would not move."""
        live_ms = floor_to(to_ms(window.now - self.settle), QUARTER_MS)
        settle_ms, size = int(self.settle.total_seconds()) * 1000, self.batch_bytes
        while True:
            now_s = int(window.now.timestamp())
            batch = read_batch(files, start.place, size, row_parser(self.zone), now_s)
            newest_ms = (batch.placed[-1].line.at_s if batch.placed else 0) * 1000
            horizon_ms = live_ms
            if not batch.ended:
                horizon_ms = min(live_ms, floor_to(max(0, newest_ms - settle_ms), QUARTER_MS))
            first_s = batch.placed[0].line.started_s if batch.placed else None
            stated_ms = first_stated(start, first_s, live_ms)
            if batch.ended or horizon_ms > stated_ms:
                return batch, stated_ms, horizon_ms
            size *= 2

    def _hours(
        self, calls: list[Call], known_ms: int, stated_ms: int, horizon_ms: int, stated: Stated
    ) -> Iterator[Observation]:
        hours: dict[int, list[facts.Row]] = defaultdict(list)
        for call in calls:
            if known_ms <= call.started_s * 1000 < horizon_ms:
                hours[floor_to(call.started_s * 1000, HOUR_MS)].append(self._row(call))
        for hour_ms, rows in sorted(hours.items()):
            whole, due = hour_ms + HOUR_MS <= horizon_ms, hour_ms + HOUR_MS > stated_ms
            revision = stated.revision(f"call/{hour_ms}", [whole, *rows], due=due)
            if revision is not None:
                reason = "" if not revision else GREW if due else LATE
                yield facts.roll("call", from_ms(hour_ms), rows, complete=whole, revision=revision, reason=reason)

    def _row(self, call: Call) -> facts.Row:
        attributes: dict[str, object] = {
            "system": "cdr",
            "call": call.id,
            "queue": call.queue,
            "direction": directions_of(self.directions, call),
            "answered": call.answered,
            "talk": call.talk_s,
        }
        return call.id, from_ms(call.started_s * 1000), attributes

    def _time_of(self) -> TimeOf:
        parse = row_parser(self.zone)

        def time_of(line: bytes) -> int | None:
            try:
                return parse(line).at_s
            except Malformed:
                return None

        return time_of


def _anchor(files: tuple[LogFile, ...], batch: Batch[CdrRow], next_ms: int) -> Position | None:
    """Rows are written at a call's end: those of a call from `next_ms` on stand behind the first that ends then."""
    place = next(((p.file, p.offset) for p in batch.placed if p.line.at_s * 1000 >= next_ms), batch.end)
    return position_at(files[place[0]], place[1]) if batch.end != (0, 0) else None


def _directions(contexts: Options | None) -> dict[str, str]:
    if contexts is None:
        return {}
    names = contexts.keys()
    table = {context: contexts.text(context) for context in names}
    for context, word in table.items():
        if word not in ("in", "out", "internal"):
            raise BadOption(f"directions.{context}", '"in", "out" or "internal"')
    return table
