"""The `door_log` source: passages by the hour and badge holders, from the CSV exports of a door system.

What a run vouches for ends with the export (the newest file's time of change), never now. An hour is stated once it has
been over for `settle`; rows that come later, or that a new export changes, state their hour again as a revision. Rows
that vanish from an export change nothing: what was stated stays.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Self
from zoneinfo import ZoneInfo

from ccmm_agent.delimited import BadTable, Dialect, LocalTimes, read_rows, time_formats, zone_option
from ccmm_agent.facts import inventory
from ccmm_agent.plugin import (
    CheckLine,
    Done,
    Manifest,
    Observation,
    Options,
    Reason,
    Source,
    SourceUnavailable,
    Window,
    hookimpl,
)
from ccmm_plugin_access_control.door_cursor import Marks, parse_marks
from ccmm_plugin_access_control.door_exports import Reader, find_exports, new_marks, resuming
from ccmm_plugin_access_control.door_pass import Pass, revised
from ccmm_plugin_access_control.door_rows import DoorMapping, HolderMapping
from ccmm_plugin_access_control.passages import Attributes, hour_roll
from ccmm_proto.period import HOUR_MS, from_ms, to_ms

BATCH = 150_000  # passages stated by one run; the rest follows at once
OLD = timedelta(days=2)
REASON = "rows came later, or the export changed"


class DoorLog(Source):
    """Who went through which door when, and who holds a badge."""

    plugin: ClassVar[str] = "door_log"
    value: ClassVar[int] = 60
    example: ClassVar[str] = """
# Badge events and badge holders, from CSV exports of the door system: docs/plugins/door_log.md.
[[source]]
name = "doors"
plugin = "door_log"
every = "1h"
events = "/srv/doors/events-*.csv"   # a file, or several by * ? [ ] in the name
holders = "/srv/doors/badges.csv"    # without it: passages only
# state_holders = false              # use the list for persons only; another source states it
# encoding = "gb18030"               # utf-8 gb18030 big5 cp1252
# delimiter = "tab"
# header_row = 1
# zone = "Asia/Shanghai"             # of times without a zone; without it the center's
# time_formats = ["%Y-%m-%d %H:%M"]
# newest_first = true                # the export's order
# settle = "30m"                     # how late rows may come
# enabled_words = ["正常"]
# disabled_words = ["挂失", "注销"]
# separator = ";"                    # between the zones of one badge
# controlled_doors = ["Server room"]
# dedicated_doors = ["Project A"]

[source.columns]                     # of the events; only `time` is needed
time = "刷卡时间"
badge = "卡号"
door = "门"
direction = "进出"
result = "事件"
# date = "日期"                       # where date and clock time stand apart
# left = "离开时间"                   # where one row has both entry and exit
# person = "工号"
# zone = "区域"
# badge_class = "卡类型"
# project = "项目"

[source.holder_columns]
badge = "卡号"
person = "工号"
# class = "卡类型"
# enabled = "状态"
# disabled = "注销日期"
# zones = "区域"
# project = "项目"

[source.words]                       # of direction, result and class; any other word leaves as "unknown"
"进" = "in"
"出" = "out"
"正常开门" = "open"

# [source.zones]                     # door = zone
# "Server room" = "it_room"
"""

    def __init__(
        self,
        events: Path,
        holders: Path | None,
        *,
        mapping: DoorMapping,
        holder_mapping: HolderMapping | None,
        dialect: Dialect,
        zone: ZoneInfo | None,
        formats: tuple[str, ...],
        newest_first: bool,
        state_holders: bool,
        settle: timedelta,
    ) -> None:
        self._events = events
        self._holders_path = holders
        self._mapping = mapping
        self._holder_mapping = holder_mapping
        self._dialect = dialect
        self._zone = zone
        self._formats = formats
        self._newest_first = newest_first
        self._state_holders = state_holders and holders is not None
        self._settle = settle

    @property
    def feeds(self) -> tuple[str, ...]:
        return ("passage", "badge") if self._state_holders else ("passage",)

    @classmethod
    def from_options(cls, options: Options) -> Self:
        holders = options.path("holders", None)
        return cls(
            options.path("events"),
            holders,
            mapping=DoorMapping.from_options(options),
            holder_mapping=HolderMapping.from_options(options) if holders else None,
            dialect=Dialect.from_options(options, whole_lines=True),
            zone=zone_option(options),
            formats=time_formats(options),
            newest_first=options.flag("newest_first", False),
            state_holders=options.flag("state_holders", True),
            settle=timedelta(seconds=options.seconds("settle", 1800)),
        )

    def manifest(self) -> Manifest:
        holders = (self._holders_path,) if self._holders_path else ()
        if set("*?[") & set(self._events.name):
            return Manifest(files=holders, folders=(self._events.parent,))
        return Manifest(files=(self._events, *holders))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        try:
            yield from self._read(window, parse_marks(window.cursor))
        except BadTable as error:
            raise SourceUnavailable(Reason.UNREADABLE, str(error)) from error
        except FileNotFoundError as error:
            raise SourceUnavailable(
                Reason.NOT_FOUND, f"an export went away while it was read: {error.filename}"
            ) from error
        except OSError as error:
            raise SourceUnavailable(
                Reason.REFUSED, f"{error.filename} cannot be read: {error.strerror or error}"
            ) from error

    def check(self, window: Window) -> Iterator[CheckLine]:
        times = self._times(window)
        exports = find_exports(self._events)
        newest, rows, unknown = exports[-1], 0, set[str]()
        try:
            holders = self._load_holders(times)
            with newest.path.open("rb") as file:
                for row in read_rows(file, self._dialect, columns=self._mapping.wanted()):
                    self._mapping.passages(row, times, holders.badges)
                    unknown.update(self._mapping.unknown_words(row))
                    rows += 1
        except BadTable as error:
            yield CheckLine("failed", newest.path.name, error.told_here())
            return
        except OSError as error:
            raise SourceUnavailable(
                Reason.REFUSED, f"{error.filename} cannot be read: {error.strerror or error}"
            ) from error
        yield CheckLine("ok", "events", f"{len(exports)} files; {rows} rows of {newest.path.name} can be read")
        if unknown:
            yield CheckLine("warning", "words", f"leave as unknown: {', '.join(sorted(unknown))[:300]}")
        if holders.changed is not None:
            yield CheckLine("ok", "holders", f"{len(holders.badges)} badges")
        old = [when for when in (newest.changed, holders.changed) if when is not None and window.now - when > OLD]
        if old:
            yield CheckLine("warning", "export", f"exported {min(old):%Y-%m-%d %H:%M} UTC: is it still exported?")

    def _read(self, window: Window, marks: Marks) -> Iterator[Observation | Done]:
        times = self._times(window)
        holders = self._load_holders(times)
        if self._state_holders and holders.changed is not None:
            yield inventory("badge", min(holders.changed, window.now), holders.badges.items())
        exports = find_exports(self._events)
        closing = to_ms(min(exports[-1].changed, window.now) - self._settle) // HOUR_MS
        reader = Reader(
            mapping=self._mapping,
            dialect=self._dialect,
            times=times,
            holders=holders.badges,
            newest_first=self._newest_first,
        )
        found = Pass(marks, max(closing, marks.until or 0), BATCH)
        for export, mark in resuming(exports, marks):
            found.add_file(export, reader.pass_over(export, mark, found.take, found.is_beyond))
        found.finish()
        for hour, passages in sorted(found.hours.kept.items()):
            yield hour_roll(hour, passages, complete=hour != found.cut_hour, revision=0, reason="")
        changed = revised(found, reader, exports)
        for hour, (passages, stated) in sorted(changed.items()):
            yield hour_roll(hour, passages, complete=True, revision=stated.revision, reason=REASON)
        limit = to_ms(min(holders.changed, window.now)) if self._state_holders and holders.changed else None
        begin_ms, end_ms = found.covers_ms(limit)
        after = Marks(
            until=found.until,
            vouched_ms=max(end_ms, marks.vouched_ms or 0),
            newest=exports[-1].path.name,
            files=new_marks(found.files, found.until),
            hours=found.stated({hour: stated for hour, (_, stated) in changed.items()}),
        )
        yield Done((from_ms(begin_ms), from_ms(end_ms)), after.to_cursor(), more=found.has_more)

    def _times(self, window: Window) -> LocalTimes:
        return LocalTimes(self._zone or window.zone, self._formats)

    def _load_holders(self, times: LocalTimes) -> "_Holders":
        if self._holders_path is None or self._holder_mapping is None:
            return _Holders({}, None)
        with self._holders_path.open("rb") as file:
            rows = read_rows(file, replace(self._dialect, whole_lines=False), columns=self._holder_mapping.wanted())
            try:
                badges = self._holder_mapping.holders(rows, times)
            except BadTable as error:
                raise BadTable(f"{self._holders_path.name}: {error}", there=error.there) from error
            changed = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
        return _Holders(badges, changed)


@dataclass(frozen=True, slots=True)
class _Holders:
    """The list of badges; `changed` None: there is none."""

    badges: dict[str, Attributes]
    changed: datetime | None


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(DoorLog)
