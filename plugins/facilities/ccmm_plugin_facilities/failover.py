"""The `failover` source: planned switch-overs, as the lines of a log show them.

One run reads the plan and the lines since the drills that are not stated yet. Each drill is stated once, when the usual
node serves again; and again where people tell later how much data it lost.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final, Self
from zoneinfo import ZoneInfo

from ccmm_agent.delimited import BadTable, Dialect, LocalTimes, read_rows, zone_option
from ccmm_agent.facts import occurrence
from ccmm_agent.plugin import (
    BadOption,
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
from ccmm_plugin_facilities.failover_drill import Drill, Event, Limits, absences, away_of, exercise_of
from ccmm_plugin_facilities.failover_losses import load_losses
from ccmm_plugin_facilities.failover_state import LONGEST, DrillState, parse_drill_state
from ccmm_plugin_facilities.log_files import LONGEST_S, files_of, text_lines
from ccmm_plugin_facilities.log_span import parse_times

MOST_DRILLS: Final = 1000
MOST_EVENTS: Final = 100_000
_TIMES: Final = ("rfc3339", "rfc3164", "web", "epoch")
_LINE_BYTES: Final = 4096
_LINE: Final = r" (?P<node>\S+) Keepalived\S*: (?:VRRP_Instance)?\(INSTANCE\):? "
_KEEPALIVED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "active": _LINE + "Entering MASTER STATE",
        "passive": _LINE + "(?:Entering BACKUP STATE|[Ee]ntering FAULT [Ss]|sent 0 priority)",  # it was stopped
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failover(Source):
    """Switch-over drills of one service."""

    plugin: ClassVar[str] = "failover"
    value: ClassVar[int] = 60
    feeds: ClassVar[tuple[str, ...]] = ("exercise",)
    example: ClassVar[str] = """
# Planned switch-overs, as a log shows them: docs/plugins/failover.md.
[[source]]
name = "acd_failover"
plugin = "failover"
every = "15m"
service = "acd"
plan = "/etc/ccmm/drills.csv"        # columns ref, from, until: what stands in it before it begins is a drill
home = "acd-a"                       # the node that usually serves, as the lines name it
folder = "/var/log"                  # of the log of all nodes, rotated files beside it
pattern = "keepalived.log*"
keepalived = "VI_1"                  # lines of keepalived about this instance; or give the two patterns:
# active = ' (?P<node>\\S+) pacemaker.*: acd started$'
# passive = ' (?P<node>\\S+) pacemaker.*: acd stopped$'   # without a node: whichever served
# times = "rfc3339"                  # or rfc3164 (Nov 22 06:25:01), web, epoch
# zone = "Asia/Shanghai"             # of times without one; else the center's
# settle = "10m"                     # until all lines are there
# rto = "5m"                         # the time in which another node has to serve
# rpo = "1m"                         # of how long a time data may be lost
# losses = "/etc/ccmm/losses.csv"    # columns ref, lost_minutes: what was found missing after a drill; kept by hand
"""

    service: str
    plan: Path
    home: str
    folder: Path
    pattern: str
    active: re.Pattern[bytes]
    passive: re.Pattern[bytes]
    times: str = "rfc3339"
    zone: ZoneInfo | None = None
    settle: timedelta = timedelta(minutes=10)
    limits: Limits
    losses: Path | None = None

    @classmethod
    def from_options(cls, options: Options) -> Self:
        times, pattern = options.text("times", "rfc3339"), options.text("pattern")
        if times not in _TIMES:
            raise BadOption("times", f"one of {', '.join(_TIMES)}")
        if "/" in pattern:
            raise BadOption("pattern", "names of files, such as keepalived.log*")
        active, passive = _patterns(options)
        return cls(
            service=options.text("service"),
            plan=options.path("plan"),
            home=options.text("home"),
            folder=options.path("folder"),
            pattern=pattern,
            active=active,
            passive=passive,
            times=times,
            zone=zone_option(options),
            settle=timedelta(seconds=options.seconds("settle", 600)),
            limits=Limits(rto_s=options.seconds("rto", None), rpo_s=options.seconds("rpo", None)),
            losses=options.path("losses", None),
        )

    def manifest(self) -> Manifest:
        return Manifest(files=(self.plan, *((self.losses,) if self.losses else ())), folders=(self.folder,))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        state, until = parse_drill_state(window.cursor), window.now - self.settle
        pending, late = state.plan(self._drills(window), window.now)
        files_of(self.folder, self.pattern)  # without its log nothing is vouched for, drill or not
        begun = [drill for drill in pending if drill.begin <= until]
        losses = load_losses(self.losses) if self.losses is not None else {}
        known = set(state.aways)
        without = self._close(begun, state, window, until)
        for ref, held in state.aways.items():
            lost_minutes = losses.get(ref)
            if ref not in known or lost_minutes != held.lost_minutes:
                begin, end, attributes = exercise_of(held.away, self.service, self.limits, lost_minutes)
                yield occurrence("exercise", ref, begin, end, **attributes)
                state.state(ref, held.away, lost_minutes)
        covers = state.cover(until)
        counted = {"planned after they began": late, "without a switch-over": without}
        detail = ", ".join(f"drills {what}: {n}" for what, n in counted.items() if n)
        yield Done(covers, state.to_cursor(), detail=detail)

    def check(self, window: Window) -> Iterator[CheckLine]:
        drills = self._drills(window)
        coming = [drill for drill in drills if drill.begin > window.now]
        yield CheckLine("ok", "plan", f"{len(drills)} drills, {len(coming)} of them to come")
        since = window.now - timedelta(days=31)
        events = self._events(since, window.now, window)
        nodes = sorted({event.node for event in events if event.node is not None})
        told = f"{len(events)} lines of nodes that begin or cease to serve, in files of the last 31 days"
        yield CheckLine("ok" if events else "warning", "log", told)
        if nodes and self.home not in nodes:
            yield CheckLine("warning", "home", f"no line names {self.home}; the lines name {', '.join(nodes)[:200]}")

    def _close(self, drills: list[Drill], state: DrillState, window: Window, until: datetime) -> int:
        """What the lines say of each drill that is over; how many were without a switch-over."""
        if not drills:
            return 0
        events = self._events(min(drill.begin for drill in drills) - timedelta(days=1), until, window)
        times = absences(events, self.home)
        without = 0
        for drill in drills:
            away = away_of(drill, times)
            if away is None and until >= drill.end:
                without += 1
                state.close(drill.ref)
            elif away is not None and (away.back_s is not None or until >= drill.end + LONGEST):
                state.state(drill.ref, away, None)
                state.close(drill.ref)
        return without

    def _events(self, since: datetime, until: datetime, window: Window) -> list[Event]:
        time_of, zone = parse_times(self.times), self.zone or window.zone
        found: list[Event] = []
        for written_s, line in text_lines(self.folder, self.pattern, since.timestamp(), time.monotonic() + LONGEST_S):
            serves = (match := self.active.search(line[:_LINE_BYTES])) is not None
            if match is None and (match := self.passive.search(line[:_LINE_BYTES])) is None:
                continue
            second = time_of(line, zone, written_s)
            if second is None:
                raise SourceUnavailable(Reason.UNREADABLE, "a line about a node has no time: is `times` right?")
            if since.timestamp() <= second <= until.timestamp():
                found.append(Event(second=second, node=_node(match), serves=serves))
            if len(found) > MOST_EVENTS:
                raise SourceUnavailable(Reason.FLOOD, f"more than {MOST_EVENTS} lines: are the patterns right?")
        return found

    def _drills(self, window: Window) -> list[Drill]:
        times = LocalTimes(self.zone or window.zone)
        found: list[Drill] = []
        try:
            with self.plan.open("rb") as file:
                for row in read_rows(file, Dialect(), columns=("ref", "from", "until")):
                    begin, end = (times.parse(row.cell(name)) for name in ("from", "until"))
                    if end <= begin or not row.cell("ref"):
                        raise BadTable("a drill needs a ref, and an end after its beginning", row=row.number)
                    found.append(Drill(ref=row.cell("ref"), begin=begin, end=end))
        except FileNotFoundError as error:
            raise SourceUnavailable(Reason.NOT_FOUND, f"{self.plan} is not there") from error
        except OSError as error:
            raise SourceUnavailable(Reason.REFUSED, f"{self.plan} cannot be read: {error.strerror or error}") from error
        except BadTable as error:
            raise SourceUnavailable(Reason.UNREADABLE, f"{self.plan}: {error}") from error
        if len({drill.ref for drill in found}) < len(found) or len(found) > MOST_DRILLS:
            raise SourceUnavailable(Reason.UNREADABLE, f"{self.plan}: each ref once, and {MOST_DRILLS} drills at most")
        return found


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Failover)


def _patterns(options: Options) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    instance = options.text("keepalived", None)
    given = [options.text(key, None) for key in _KEEPALIVED]
    if instance is not None:
        if given != [None, None]:
            raise BadOption("keepalived", "either an instance of keepalived, or active and passive")
        texts = [text.replace("INSTANCE", re.escape(instance)) for text in _KEEPALIVED.values()]
    else:
        texts = [options.text(key) for key in _KEEPALIVED]
    try:
        active, passive = (re.compile(text.encode()) for text in texts)
    except re.error as error:
        raise BadOption("active", f"regular expressions: {error}") from error
    if "node" not in active.groupindex:
        raise BadOption("active", "a group (?P<node>...) that names the node")
    return active, passive


def _node(match: re.Match[bytes]) -> str | None:
    held = match.groupdict().get("node")
    return None if held is None else held.decode("utf-8", "replace")
