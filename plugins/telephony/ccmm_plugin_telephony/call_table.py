"""The source `call_table`: calls, or intervals of a report, of any switch in a CSV or XLSX file or in a database.

Of call detail each call is counted in the quarter hour in which it entered its queue, when its hour has settled; the
newest time is read again, and a quarter hour that changed, or lost rows, is stated with the next revision.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, Self

from ccmm_agent import facts
from ccmm_agent.delimited import BadTable, LocalTimes
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
from ccmm_plugin_telephony.call_rows import ATTRIBUTES, CallRows
from ccmm_plugin_telephony.contact import Contact
from ccmm_plugin_telephony.interval_rows import DIMENSIONS, Figure, IntervalRows, slots_of
from ccmm_plugin_telephony.odd import Odd, told_of
from ccmm_plugin_telephony.queue_facts import Reading, contact_facts, outbound_told, quarter_facts
from ccmm_plugin_telephony.staff import load_staff
from ccmm_plugin_telephony.stated import LATE, Stated
from ccmm_proto.period import HOUR_MS, from_ms
from ccmm_tables.columns import Row
from ccmm_tables.declared import Declared
from ccmm_tables.history import History
from ccmm_tables.progress import Progress, parse_progress
from ccmm_tables.slots import state_slots

_NOTHING = ""  # digest of a slot whose rows are gone


@dataclass(frozen=True)
class CallTable(Source):
    """Calls or intervals by a declared column mapping."""

    plugin: ClassVar[str] = "call_table"
    value: ClassVar[int] = 85
    example: ClassVar[str] = """
# Call detail or interval reports of any switch, in a CSV or XLSX file or a database: docs/plugins/call_table.md.
[[source]]
name = "calls"
plugin = "call_table"
every = "15m"
path = "/srv/acd/calls.csv"        # or url = "mssql://acd.example/cc" with user, password_file and table or query
started = "queue entry"            # when the call entered the queue; or ["date", "time"]
# since = "2026-01-01"             # a database: from when on it is read
# until = "row"                    # what a file can tell of: up to its newest row; "day": whole days; "now": its export
# settle = "30m"                   # an hour is stated this long after it ended
# look_back = "1d"                 # how far back changes are looked for
# batch = "7d"                     # how much history a run takes
# zone = "Asia/Shanghai"           # of times without a zone; without it the center's
# time_formats = ["%d.%m.%Y %H:%M:%S"]
# encoding = "gb18030"             # of a file: also delimiter, header_row, sheet
# system = "acd"                   # acd, or dialler for the calls of a dialler
# agents = "/etc/ccmm/agents.csv"  # lines of: agent of the switch, staff id
# recordings_required = true       # whether every answered call must have a recording

[source.columns]                   # what the table calls it
call = "call id"                   # or several columns: ["line", "call id", "date"]
queue = "skill"
agent = "agent"
outcome = "result"                 # or `answered` (yes, no), or `answered_at` (a time)
wait = "wait"                      # seconds or H:MM:SS; or `answered_at` and `ended_at`
talk = "talk"
hold = "hold"
after_call = "wrap-up"
# rings = "not answered"           # how many agents let it ring
# ended_by = "released by"
# transferred = "transferred"
# number = "caller"                # leaves as a pseudonym, as do call and agent
# shown_number = "caller id"
# direction = "direction"
# from_ivr = "from IVR"
# on_standby = "second site"

[source.values.outcome]            # the table's words; "*" stands for every other word
"2" = "answered"                   # answered, abandoned (hung up), left (not by hanging up), waiting
"3" = "abandoned"
"4" = "left"

# [source.values.ended_by]         # agent, caller, system, transfer
# "1" = "agent"
# [source.absent]                  # texts that mean "nothing"
# "agent" = ["0"]
# [source.where]                   # only rows with one of these texts
# "media" = ["voice"]
# [source.constants]               # the same for every row
# "direction" = "in"
# An interval report instead of calls: interval_minutes, time_is, answered_in, [source.measures],
# [source.answered_within] and answered_wait, [source.abandoned_within] and abandoned_wait: docs/plugins/call_table.md
"""

    history: History
    rows: CallRows | IntervalRows
    agents: Path | None = None
    recordings_required: bool = True

    @property
    def feeds(self) -> tuple[str, ...]:
        of_calls = ("call",) if isinstance(self.rows, CallRows) else ()
        return (*sorted(self.rows.told), *of_calls)

    @classmethod
    def from_options(cls, options: Options) -> Self:
        if "interval_minutes" in options.keys():  # noqa: SIM118 - Options is no mapping
            intervals = IntervalRows.from_options(options)
            history = History.from_options(options, Declared.from_options(options, DIMENSIONS))
            shift = timedelta(minutes=intervals.minutes if intervals.ends else 0)
            return cls(replace(history, asked=tuple(intervals.columns()), shift=shift), intervals)
        declared = Declared.from_options(options, ATTRIBUTES)
        history = History.from_options(options, declared)
        return cls(
            history,
            CallRows.from_options(options, declared, history.started),
            options.path("agents", None),
            options.flag("recordings_required", True),
        )

    def manifest(self) -> Manifest:
        found = self.history.manifest()
        return replace(found, files=(*found.files, self.agents)) if self.agents else found

    def read(self, window: Window) -> Iterator[Observation | Done]:
        progress = parse_progress(window.cursor)
        if isinstance(self.rows, IntervalRows):
            yield from self._intervals(self.rows, progress, window)
        else:
            yield from self._calls(self.rows, progress, window)

    def check(self, window: Window) -> Iterator[CheckLine]:
        if isinstance(self.rows, IntervalRows):
            yield from self.history.check(window, self._interval_parser(self.rows))
            yield CheckLine("ok", "counts", self.rows.note())
            return
        yield from self.history.check(window, _call_parser(self._staffed(self.rows)))
        if self.agents is None and "agent" in self.rows.declared.names:
            told = "no table of staff ids: agents join with HR only if the switch names them by staff id"
            yield CheckLine("warning", "agents", told)

    def _staffed(self, rows: CallRows) -> CallRows:
        return replace(rows, staff=load_staff(self.agents)) if self.agents else rows

    def _calls(self, rows: CallRows, progress: Progress | None, window: Window) -> Iterator[Observation | Done]:
        stretch = self.history.read(window, progress, HOUR_MS, _call_parser(self._staffed(rows)))
        contacts = [contact for _, (contact, _) in stretch.items]
        contacts.sort(key=lambda one: (one.entered_s, one.call, one.queue or ""))
        self._refuse_twice(contacts)
        reading = Reading(
            from_ms=stretch.reach.low_ms,
            stated_ms=stretch.reach.stated_ms,
            horizon_ms=stretch.reach.end_ms,
            required=self.recordings_required,
            told=rows.told,
        )
        known = progress.rolls if progress else {}
        stated = Stated(known)
        yield from contact_facts(contacts, reading, stated)
        now = stated.kept(0)
        for name, (revision, digest) in known.items():
            if name in now:
                continue
            is_lost = _start_of(name) >= reading.from_ms and digest != _NOTHING
            now[name] = (revision + 1, _NOTHING) if is_lost else (revision, digest)
            if is_lost:
                yield from _lost(name, revision + 1, rows.told)
        odds = told_of(odd for _, (_, odd) in stretch.items)
        told = (odds, _without_queue(contacts, reading), outbound_told(contacts, reading))
        yield stretch.done(window, {}, now, "; ".join(filter(None, told)))

    def _refuse_twice(self, contacts: list[Contact]) -> None:
        """A call that stands twice would be counted twice."""
        for one, other in pairwise(contacts):
            if (one.entered_s, one.call, one.queue) == (other.entered_s, other.call, other.queue):
                when = from_ms(one.entered_s * 1000).isoformat(" ", "minutes")
                what = f"a call of {when} stands twice: name more columns in `columns.call`, or `where`"
                raise SourceUnavailable(Reason.UNREADABLE, f"{self.history.rows.name}: {what}")

    def _intervals(self, rows: IntervalRows, progress: Progress | None, window: Window) -> Iterator[Observation | Done]:
        stretch = self.history.read(window, progress, rows.minutes * 60_000, self._interval_parser(rows))
        zone = self.history.rows.written.zone_in(window)
        try:
            slots = slots_of(stretch.items, zone)
        except BadTable as error:
            raise SourceUnavailable(Reason.UNREADABLE, f"{self.history.rows.name}: {error}") from error
        found, after = state_slots(slots, progress.slots if progress else {}, stretch.reach, rows.told)
        yield from found
        yield stretch.done(window, after, None, rows.note())

    def _interval_parser(self, rows: IntervalRows) -> Callable[[Row, datetime, LocalTimes], Figure]:
        declared = self.history.declared

        def parse(row: Row, at: datetime, times: LocalTimes) -> Figure:
            rows.refuse_other_start(at, row)
            dimensions = {name: str(value) for name, value in declared.attributes(row, times).items()}
            return rows.figure(row, dimensions)

        return parse


def _call_parser(rows: CallRows) -> Callable[[Row, datetime, LocalTimes], tuple[Contact, Odd]]:
    def parse(row: Row, at: datetime, times: LocalTimes) -> tuple[Contact, Odd]:
        odd = Odd()
        return rows.contact(row, at, times, odd), odd

    return parse


def _without_queue(contacts: list[Contact], reading: Reading) -> str:
    """For the detail of a run: such calls are in `call` alone."""
    n = sum(contact.queue is None and reading.holds(contact) for contact in contacts)
    return f"{n} calls without a queue are in no figure" if n else ""


def _lost(name: str, revision: int, told: frozenset[str]) -> Iterator[Observation]:
    """What was stated of rows that are not there any more, taken back."""
    kind, start = name.rpartition("/")[0], from_ms(_start_of(name))
    if kind == "call":
        yield facts.roll("call", start, (), revision=revision, reason=LATE)
    else:
        yield from quarter_facts(kind.removeprefix("queue/"), start, [], revision, told)


def _start_of(name: str) -> int:
    return int(name.rpartition("/")[2])


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(CallTable)
