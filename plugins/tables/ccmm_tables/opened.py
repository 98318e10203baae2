"""Rows once they are opened, whatever they come from; and how their naive times are read."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

from ccmm_agent.delimited import LocalTimes, time_formats, zone_option
from ccmm_agent.plugin import Options, Window
from ccmm_tables.columns import Cell, Row


@dataclass(slots=True)
class Opened:
    """Rows to go over once. `as_of`: what they can tell of ends there; who knows better puts it earlier."""

    rows: Iterator[Row]
    times: LocalTimes
    as_of: datetime  # the file's time of change, or the snapshot of a database; never after `now`
    digest: str = ""  # SHA-256 of the file
    detail: str = ""  # for Done: what people should know of this reading
    ends: tuple[Cell, Cell] | None = None  # of a database asked for a span: least and greatest cell of its column


@dataclass(frozen=True, slots=True)
class Span:
    """Rows whose `column` lies in [low, high): a database is asked for their days, a file gives all its rows.

    So whoever asks looks at the time of each row again.
    """

    column: str
    low: datetime
    high: datetime


@dataclass(frozen=True, slots=True)
class Written:
    """The options `zone` and `time_formats`."""

    zone: ZoneInfo | None
    formats: tuple[str, ...]

    @classmethod
    def from_options(cls, options: Options) -> Self:
        """Raises BadOption."""
        return cls(zone_option(options), time_formats(options))

    @property
    def is_epoch(self) -> bool:
        """Are times whole numbers since 1970?"""
        return set(self.formats) <= {"epoch", "epoch_ms"}

    def zone_in(self, window: Window) -> ZoneInfo:
        """Without the option, the center's."""
        return self.zone or window.zone

    def times(self, window: Window) -> LocalTimes:
        """The reader of these times."""
        return LocalTimes(self.zone_in(window), self.formats)
