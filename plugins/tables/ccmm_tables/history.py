"""Rows by their time: a stretch of history a run, then what is new, and the newest again, so that changes are seen.

What a run vouches for ends where the rows can tell of: `until` says whether that is the snapshot or export (`now`), the
last midnight before it (`day`), or the newest row (`row`). A time before the first row is vouched for by nobody.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Generic, Self, TypeVar

from ccmm_agent.delimited import BadTable, LocalTimes
from ccmm_agent.plugin import BadOption, CheckLine, Done, Manifest, Options, Window
from ccmm_proto.period import floor_to, from_ms, to_ms
from ccmm_tables.amounts import DAY_S, slot_start
from ccmm_tables.columns import Row, time_of
from ccmm_tables.declared import Declared, column_names, left_out_told, time_in
from ccmm_tables.opened import Opened, Span
from ccmm_tables.progress import Progress
from ccmm_tables.rows import Rows
from ccmm_tables.slots import Reach, Stated, group_in

Item = TypeVar("Item")
DAY = timedelta(days=1)
UNTIL = ("now", "day", "row")
CHECKED = timedelta(days=7)
AHEAD = timedelta(hours=1)  # so much later than now a clock may stamp


@dataclass(slots=True)
class Stretch(Generic[Item]):
    """What one run read: items with their times, from `before` (a day) before `reach.low_ms` on."""

    reach: Reach
    first_ms: int
    look_back_ms: int  # what the next run sees again, and a day more
    is_nothing: bool  # no row was ever there that is settled
    covers: tuple[datetime, datetime] | None = None
    more: bool = False
    detail: str = ""
    items: list[tuple[datetime, Item]] = field(default_factory=list)

    def done(
        self, window: Window, slots: Stated, rolls: Stated | None = None, told: str = "", seen: bytes = b""
    ) -> Done:
        """The end of the run that stated these. Before the first row nothing begins, and nothing is remembered."""
        detail = "; ".join(filter(None, (self.detail, told)))
        if self.is_nothing:
            return Done(None, window.cursor, detail=detail)
        low_ms = self.reach.end_ms - self.look_back_ms
        progress = Progress(
            first_ms=self.first_ms,
            stated_ms=self.reach.end_ms,
            slots={name: entry for name, entry in slots.items() if group_in(name)[0] >= low_ms},
            rolls={name: entry for name, entry in (rolls or {}).items() if int(name.rpartition("/")[2]) >= low_ms},
            seen=seen,
        )
        return Done(self.covers, progress.to_cursor(), more=self.more, detail=detail)


@dataclass(slots=True)
class _Pass(Generic[Item]):
    """One going over the rows. `oldest` and `newest` are of all of them, not of the stretch alone."""

    as_of: datetime
    detail: str
    oldest: datetime | None = None
    newest: datetime | None = None
    items: list[tuple[datetime, Item]] = field(default_factory=list)
    left_out: int = 0  # by `where`
    ahead: int = 0  # later than now

    @property
    def told(self) -> str:
        """For the detail of a run: what people should know of these rows."""
        parts = [self.detail, left_out_told(self.left_out)]
        parts += [f"{self.ahead} rows are later than now: is `zone` right?"] if self.ahead else []
        return "; ".join(filter(None, parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The options of a source whose rows have a time, and how it is read."""

    rows: Rows
    started: tuple[str, ...]
    declared: Declared
    since: datetime | None  # naive, of the rows' zone
    settle: timedelta
    look_back: timedelta
    batch: timedelta
    until: str
    asked: tuple[str, ...] = ()  # columns beside those that are declared
    shift: timedelta = timedelta()  # how long before the time of a row it began
    before: timedelta = DAY  # how long a row still matters: so long before the first slot rows are read

    @classmethod
    def from_options(
        cls, options: Options, declared: Declared, *, look_back_s: int = DAY_S, batch_s: int = 7 * DAY_S
    ) -> Self:
        """`started`, `since`, `settle`, `look_back`, `batch`, `until`, and where the rows are. Raises BadOption."""
        rows = Rows.from_options(options, spans=True)
        until = options.text("until", "now" if rows.is_database else "row")
        if until not in UNTIL:
            raise BadOption("until", f"one of {', '.join(UNTIL)}")
        since = _since(options.text("since", None))
        if since is None and rows.is_database:
            raise BadOption("since", 'the day of a database from which on it is read, such as "2026-01-01"')
        return cls(
            rows=rows,
            started=column_names(options, "started"),
            declared=declared,
            since=since,
            settle=timedelta(seconds=options.seconds("settle", 1800)),
            look_back=timedelta(seconds=options.seconds("look_back", look_back_s)),
            batch=timedelta(seconds=options.seconds("batch", batch_s)),
            until=until,
        )

    def manifest(self) -> Manifest:
        """What reading needs."""
        return self.rows.manifest()

    def columns(self) -> tuple[str, ...]:
        """Every column that is asked for."""
        return tuple(dict.fromkeys((*self.started, *self.declared.columns(), *self.asked)))

    def read(
        self,
        window: Window,
        progress: Progress | None,
        step_ms: int,
        parse: Callable[[Row, datetime, LocalTimes], Item | None],
    ) -> Stretch[Item]:
        """The next stretch, in steps of the longest slot. Raises SourceUnavailable.

        In a file that no longer reaches back, slots before its first row stay as they were stated.
        """
        live_ms = floor_to(to_ms(window.now - self.settle), step_ms)
        begin_ms = progress.stated_ms if progress else self._since_ms(window, live_ms, step_ms)
        first_ms = progress.first_ms if progress else begin_ms
        low_ms = max(first_ms, floor_to(begin_ms - _ms(self.look_back), step_ms))
        reach = self._reach(low_ms, begin_ms, live_ms, step_ms)
        found = self._pass(window, reach, parse)
        begins_ms = self._begins(found, window, step_ms)
        if begins_ms is not None and begins_ms > begin_ms and not (progress and self.rows.is_bound):
            # What lies before the first row is vouched for by nobody.
            begin_ms = min(begins_ms, live_ms)
            reach = self._reach(begin_ms, begin_ms, live_ms, step_ms)
            found = self._pass(window, reach, parse)
        elif found.oldest is not None and not self.rows.is_database:
            reach = replace(reach, low_ms=max(low_ms, self._whole_from(found.oldest, window, step_ms, first_ms)))
        return self._stretch(found, reach, progress, live_ms, step_ms, window)

    def check(self, window: Window, parse: Callable[[Row, datetime, LocalTimes], object]) -> Iterator[CheckLine]:
        """Reachable, rights, and what is there of the last days."""
        begin, end = window.now - CHECKED, window.now + DAY

        def look(opened: Opened) -> Iterator[CheckLine]:
            low_ms = to_ms(begin + self.before)
            reach = Reach(low_ms=low_ms, stated_ms=low_ms, end_ms=to_ms(end))
            found = self._going_over(opened, reach, window.now + AHEAD, parse)
            told = f"{len(found.items)} rows of the last {CHECKED.days} days can be read"
            yield CheckLine("ok" if found.items else "warning", "rows", told)
            if found.told:
                yield CheckLine("warning" if found.ahead else "ok", "rows", found.told)
            if found.newest is not None:
                stale = window.now - found.newest > 2 * DAY
                told = f"the newest row is of {found.newest:%Y-%m-%d %H:%M} UTC"
                yield CheckLine("warning" if stale else "ok", "newest row", told)

        return self.rows.check(window, self.columns(), look, Span(self.started[0], begin, end))

    def _reach(self, low_ms: int, begin_ms: int, live_ms: int, step_ms: int) -> Reach:
        end_ms = max(begin_ms, min(live_ms, floor_to(begin_ms + _ms(self.batch), step_ms)))
        return Reach(low_ms=low_ms, stated_ms=begin_ms, end_ms=end_ms)

    def _since_ms(self, window: Window, live_ms: int, step_ms: int) -> int:
        if self.since is None:
            return 0
        since = self.since.replace(tzinfo=self.rows.written.zone_in(window)).astimezone(UTC)
        return min(slot_start(since, step_ms // 1000, window.zone), live_ms)

    def _pass(
        self, window: Window, reach: Reach, parse: Callable[[Row, datetime, LocalTimes], Item | None]
    ) -> _Pass[Item]:
        span = Span(self.started[0], from_ms(reach.low_ms) - self.before, from_ms(reach.end_ms))
        with self.rows.opened(window, self.columns(), span) as opened:
            return self._going_over(opened, reach, window.now + AHEAD, parse)

    def _going_over(
        self, opened: Opened, reach: Reach, latest: datetime, parse: Callable[[Row, datetime, LocalTimes], Item | None]
    ) -> _Pass[Item]:
        """A row later than `latest` is no newest row: with `until = "row"` it would vouch for time without rows."""
        found: _Pass[Item] = _Pass(as_of=opened.as_of, detail=opened.detail)
        low, end = from_ms(reach.low_ms) - self.before, from_ms(reach.end_ms)
        for row in map(self.declared.cleaned, opened.rows):
            if not self.declared.is_wanted(row):
                found.left_out += 1
                continue
            at = time_in(row, self.started, opened.times)
            if at is None:
                raise BadTable("the time is empty", row=row.number, column=" + ".join(self.started))
            at -= self.shift
            found.oldest = min(found.oldest or at, at)
            found.ahead += at > latest
            found.newest = max(found.newest or at, at) if at <= latest else found.newest
            if low <= at < end and (item := parse(row, at, opened.times)) is not None:
                found.items.append((at, item))
        if opened.ends is not None:
            oldest, newest = (time_of(cell, opened.times) - self.shift for cell in opened.ends)
            found.ahead += newest > latest and not found.ahead
            newest = min(newest, latest)
            found.oldest, found.newest = min(found.oldest or oldest, oldest), max(found.newest or newest, newest)
        return found

    def _begins(self, found: _Pass[Item], window: Window, step_ms: int) -> int | None:
        """Where the rows begin to tell: at the first of them, or at the midnight before it where days are whole."""
        if found.oldest is None:
            return None
        if self.until == "day":
            return self._day_from(found.oldest, window, step_ms)
        return slot_start(found.oldest, step_ms // 1000, window.zone)

    def _whole_from(self, oldest: datetime, window: Window, step_ms: int, first_ms: int) -> int:
        """The first slot that a file holds whole: of the one that it begins in, the begin may be cut off meanwhile."""
        if self.until == "day":
            return self._day_from(oldest, window, step_ms)
        start_ms = slot_start(oldest, step_ms // 1000, window.zone)
        return start_ms if start_ms <= first_ms else start_ms + step_ms

    def _day_from(self, at: datetime, window: Window, step_ms: int) -> int:
        """The first slot within the whole day of an instant."""
        midnight_ms = to_ms(self._midnight(at, window))
        return -(-midnight_ms // step_ms) * step_ms

    def _stretch(
        self, found: _Pass[Item], reach: Reach, progress: Progress | None, live_ms: int, step_ms: int, window: Window
    ) -> Stretch[Item]:
        known_ms = floor_to(self._known_until(found, window), step_ms)
        if progress is None and found.oldest is None:
            known_ms = reach.stated_ms  # no row is there: nothing begins
        end_ms = max(reach.stated_ms, min(reach.end_ms, known_ms))
        first_ms = min(progress.first_ms, reach.stated_ms) if progress else reach.stated_ms
        span = (from_ms(reach.stated_ms), from_ms(end_ms)) if end_ms > reach.stated_ms else None
        return Stretch(
            reach=replace(reach, end_ms=end_ms),
            first_ms=first_ms,
            look_back_ms=_ms(self.look_back + DAY),
            is_nothing=progress is None and span is None,
            covers=span,
            more=end_ms == reach.end_ms and reach.stated_ms < end_ms < live_ms,
            detail=found.told,
            items=found.items,
        )

    def _known_until(self, found: _Pass[Item], window: Window) -> int:
        if self.until == "day":
            return to_ms(self._midnight(found.as_of, window))
        if self.until == "row":
            return to_ms(found.newest) if found.newest else 0
        return to_ms(found.as_of - self.settle)

    def _midnight(self, at: datetime, window: Window) -> datetime:
        local = at.astimezone(self.rows.written.zone_in(window))
        return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


def _ms(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)


def _since(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        since = datetime.fromisoformat(text)
    except ValueError:
        since = None
    if since is None or since.tzinfo is not None:
        raise BadOption("since", 'a time such as "2026-01-01", where the first run begins')
    return since
