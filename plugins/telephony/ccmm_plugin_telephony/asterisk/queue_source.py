"""The source `asterisk`: the queue log, its history first, then as it grows."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, Self

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
)
from ccmm_plugin_telephony.agent_time import AgentTime, restored
from ccmm_plugin_telephony.asterisk.agent_lines import apply_line
from ccmm_plugin_telephony.asterisk.contacts import contacts_of
from ccmm_plugin_telephony.asterisk.queue_log import QueueLine, parse_line
from ccmm_plugin_telephony.batch import Batch, apart_told, read_batch
from ccmm_plugin_telephony.contact import Contact
from ccmm_plugin_telephony.cursor import LogCursor, parse_cursor
from ccmm_plugin_telephony.instant import parse_instant
from ccmm_plugin_telephony.log_files import LogFile, log_files, position_at
from ccmm_plugin_telephony.queue_facts import AGENT_FEEDS, COUNTS, WAITS, Reading, agent_facts, contact_facts
from ccmm_plugin_telephony.resume import Start, first_stated, start_of
from ccmm_plugin_telephony.staff import load_staff
from ccmm_plugin_telephony.stated import Stated
from ccmm_proto.errors import Malformed
from ccmm_proto.period import HOUR_MS, QUARTER_MS, floor_to, from_ms, to_ms

_TOLD = frozenset((*COUNTS, "talk_time"))
LOOK_BACK_MS = 4 * HOUR_MS  # a call that has not ended by then stays unfinished


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stretch:
    """One batch, from where it began to the instant up to which it is stated."""

    files: tuple[LogFile, ...]
    start: Start
    batch: Batch[QueueLine]
    cursor: LogCursor | None  # None where it is void
    stated_ms: int
    horizon_ms: int

    @property
    def from_ms(self) -> int:
        return self.stated_ms if self.cursor is None else self.cursor.from_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLog(Source):
    """Calls, waits, talk, sessions and pauses from the queue log."""

    plugin: ClassVar[str] = "asterisk"
    value: ClassVar[int] = 90
    feeds: ClassVar[tuple[str, ...]] = (*COUNTS, *WAITS, "talk_time", *AGENT_FEEDS, "call")
    example: ClassVar[str] = """\
# The queue log of Asterisk: read as a file, with its rotated files (.1, .1.gz, -20261122 ...) beside it.
[[source]]
name = "pbx"
plugin = "asterisk"
every = "15m"
queue_log = "/var/log/asterisk/queue_log"
# agents = "/etc/ccmm/agents.csv"    # lines of: agent name or interface, staff id. Joins the switch with HR
recordings_required = true           # whether every answered call must have a recording
settle = "30m"                       # a quarter hour is stated this long after it ended
batch_kib = 2048                     # how much history one batch takes
# resume_after = "2026-11-22T10:00:00Z"   # only after the log was rewritten: go on from here, with a gap before
"""

    queue_log: Path
    agents: Path | None = None
    recordings_required: bool = True
    settle: timedelta = timedelta(minutes=30)
    batch_bytes: int = 2 * 1024 * 1024
    resume_after: datetime | None = None

    @classmethod
    def from_options(cls, options: Options) -> Self:
        return cls(
            queue_log=options.path("queue_log"),
            agents=options.path("agents", None),
            recordings_required=options.flag("recordings_required", True),
            settle=timedelta(seconds=options.seconds("settle", 1800)),
            batch_bytes=options.whole("batch_kib", 2048, least=1, most=65536) * 1024,
            resume_after=parse_instant("resume_after", options.text("resume_after", None)),
        )

    def manifest(self) -> Manifest:
        files = (self.agents,) if self.agents else ()
        return Manifest(files=files, folders=(self.queue_log.parent,))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        stretch = self._stretch(window)
        if stretch.horizon_ms <= stretch.stated_ms:
            yield self._nothing_new(stretch, window)
            return
        contacts = contacts_of(placed.line for placed in stretch.batch.placed)
        next_from_ms = _next_from(contacts, stretch)
        agents, held, anchor = _fold_agents(stretch, next_from_ms)
        stated = Stated(stretch.cursor.slots if stretch.cursor else {})
        reading = Reading(
            from_ms=stretch.from_ms,
            stated_ms=stretch.stated_ms,
            horizon_ms=stretch.horizon_ms,
            required=self.recordings_required,
            told=_TOLD,
        )
        yield from contact_facts(contacts, reading, stated)
        yield from agent_facts(agents, reading, stated)
        cursor = LogCursor(
            stated_ms=stretch.horizon_ms,
            from_ms=next_from_ms,
            position=position_at(stretch.files[anchor[0]], anchor[1]) if stretch.batch.end != (0, 0) else None,
            position_s=_newest(stretch),
            slots=stated.kept(next_from_ms),
            state=held,
        )
        covers = (from_ms(stretch.stated_ms), from_ms(stretch.horizon_ms))
        apart = apart_told(stretch.batch.set_apart)
        yield Done(covers, cursor.to_bytes(), more=not stretch.batch.ended, detail=apart)

    def check(self, window: Window) -> Iterator[CheckLine]:
        files = log_files(self.queue_log, time_of)
        yield CheckLine("ok", str(self.queue_log), f"readable, with {len(files) - 1} rotated file(s) of history")
        start = start_of(files, parse_cursor(window.cursor), self.resume_after)
        batch = self._batch(files, start, window, self.batch_bytes)
        if apart := apart_told(batch.set_apart):
            yield CheckLine("warning", "lines", f"{apart}; they cannot be of this log")
        names = {placed.line.agent for placed in batch.placed if placed.line.event == "CONNECT"}
        if self.agents is None and names:
            yield CheckLine("warning", "agents", "no table of staff ids: agents join with HR only if named by staff id")
        newest = batch.newest_s
        if newest is not None:
            yield CheckLine("ok", "newest line", from_ms(newest * 1000).isoformat())

    def _stretch(self, window: Window) -> _Stretch:
        files = log_files(self.queue_log, time_of)
        cursor = parse_cursor(window.cursor)
        start = start_of(files, cursor, self.resume_after)
        live_ms = floor_to(to_ms(window.now - self.settle), QUARTER_MS)
        size = self.batch_bytes
        while True:
            batch = self._batch(files, start, window, size)
            horizon_ms = live_ms if batch.ended else min(live_ms, _settled(batch, self.settle))
            first_s = batch.placed[0].line.at_s if batch.placed else None
            stated_ms = first_stated(start, first_s, live_ms)
            if batch.ended or horizon_ms > stated_ms:
                break
            size *= 2  # more lines than a batch holds within the time to settle
        kept = None if start.anew else cursor
        return _Stretch(files=files, start=start, batch=batch, cursor=kept, stated_ms=stated_ms, horizon_ms=horizon_ms)

    def _batch(self, files: tuple[LogFile, ...], start: Start, window: Window, size: int) -> Batch[QueueLine]:
        staff = load_staff(self.agents) if self.agents else {}

        def parse(line: bytes) -> QueueLine:
            parsed = parse_line(line)
            person = staff.get(parsed.agent)
            return replace(parsed, agent=person) if person is not None else parsed

        return read_batch(files, start.place, size, parse, int(window.now.timestamp()))

    def _nothing_new(self, stretch: _Stretch, window: Window) -> Done:
        """Within the same quarter hour, or where the log's first line has not settled: nothing is vouched for."""
        if window.cursor or stretch.batch.placed:
            return Done(None, window.cursor)
        return Done(None, LogCursor(stated_ms=stretch.stated_ms, from_ms=stretch.stated_ms, position=None).to_bytes())


def time_of(line: bytes) -> int | None:
    """When a line was written, None where it is no line of a queue log."""
    try:
        return parse_line(line).at_s
    except Malformed:
        return None


def _settled(batch: Batch[QueueLine], settle: timedelta) -> int:
    newest_s = batch.placed[-1].line.at_s if batch.placed else 0
    return floor_to(max(0, newest_s * 1000 - int(settle.total_seconds()) * 1000), QUARTER_MS)


def _newest(stretch: _Stretch) -> int:
    before = stretch.cursor.position_s if stretch.cursor else 0
    return max(before, stretch.batch.newest_s or 0)


def _next_from(contacts: list[Contact], stretch: _Stretch) -> int:
    """The hour from which slots may still change: the one that is not over, or of a call that has not ended."""
    oldest_ms = max(stretch.from_ms, stretch.horizon_ms - LOOK_BACK_MS)
    still_open = (contact.entered_s * 1000 for contact in contacts if contact.is_open)
    changing = min((at for at in still_open if at >= oldest_ms), default=stretch.horizon_ms)
    return floor_to(min(changing, stretch.horizon_ms), HOUR_MS)


def _fold_agents(stretch: _Stretch, next_from_ms: int) -> tuple[AgentTime, dict[str, object], tuple[int, int]]:
    """The agents after all lines, their state at the place where the next read begins, and that place."""
    placed = stretch.batch.placed
    anchor = next((at for at, line in enumerate(placed) if line.line.at_s * 1000 >= next_from_ms), len(placed))
    agents = _agents_before(stretch)
    for line in placed[:anchor]:
        apply_line(agents, line.line)
    held = agents.snapshot(next_from_ms // 1000)
    for line in placed[anchor:]:
        apply_line(agents, line.line)
    if anchor == len(placed):
        return agents, held, stretch.batch.end
    return agents, held, (placed[anchor].file, placed[anchor].offset)


def _agents_before(stretch: _Stretch) -> AgentTime:
    if stretch.cursor is None or not stretch.cursor.state:
        return AgentTime()
    try:
        return restored(stretch.cursor.state)
    except (KeyError, TypeError, ValueError) as error:
        raise SourceUnavailable(Reason.UNREADABLE, "the cursor of this source is damaged") from error
