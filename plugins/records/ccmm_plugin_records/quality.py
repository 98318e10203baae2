"""The `quality` source: scores, the recorded contacts that they were drawn from, and calibration.

Randomness is computed from the recorded contacts themselves, and whether all scorers were calibrated from who scored. A
score that is changed afterwards states its day again as a revision, and the run's signed detail counts it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Self
from zoneinfo import ZoneInfo

from ccmm_agent.plugin import (
    CheckLine,
    Done,
    Manifest,
    Observation,
    Options,
    Source,
    Window,
    hookimpl,
)
from ccmm_plugin_records.quality_facts import (
    Told,
    add_calibration,
    add_cells,
    add_scores,
    new_samples,
    samples_of_scores,
    samples_of_sessions,
)
from ccmm_plugin_records.quality_seen import Seen, parse_seen
from ccmm_plugin_records.quality_tables import Line, LineTable
from ccmm_proto.period import DAY_MS, floor_to, from_ms, to_ms
from ccmm_tables.amounts import Amounts, state
from ccmm_tables.counts import Days
from ccmm_tables.opened import Opened

BATCH = 50_000  # samples stated by one run; the rest follows at once
INSTANT = timedelta(seconds=1)


@dataclass(slots=True)
class _Looked:
    """What the tables hold, and until when all of them can tell."""

    lines: dict[str, list[Line]]
    as_of: datetime
    details: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality(Source):
    """Quality monitoring: what was checked, how it was chosen, and how far scorers agree."""

    plugin: ClassVar[str] = "quality"
    value: ClassVar[int] = 60
    example: ClassVar[str] = """
# Scores, recorded contacts and calibration, from files or databases: docs/plugins/quality.md.
[[source]]
name = "quality"
plugin = "quality"
every = "6h"

[source.scores]                    # one row for each contact that was checked
path = "/srv/qa/scores.csv"        # or sheet, encoding ... as of docs/plugins/table.md; or url, table ... as of sql.md
key = "form no"
started = "checked at"
[source.scores.columns]
agent = "staff no"
call = "call id"                   # needed where contacts are compared with the recorded ones
scorer = "checked by"              # stays at the center: tells who was to be calibrated
random = "drawn at random"
form = "form"
# queue = "queue"
# process = "process"
# channel = "channel"
# subject = "topic"
points = "points"
possible = "points possible"
critical = "critical error"
# passed = "passed"
steps = "steps"
steps_right = "steps right"

[source.recorded]                  # one row for each recorded contact, from the recorder or the switch; may be left out
path = "/srv/recorder/calls.csv"
started = "began"
[source.recorded.columns]
call = "call id"
agent = "staff no"
length = "seconds"

[source.calibration]               # one row for each scorer and contact of a session; may be left out
path = "/srv/qa/calibration.csv"
key = "session"
started = "date"
[source.calibration.columns]
scorer = "scorer"
score = "score"
reference = "reference"
blind = "blind"
# form = "form"
"""

    scores: LineTable
    recorded: LineTable | None
    calibration: LineTable | None

    @property
    def feeds(self) -> tuple[str, ...]:
        found = ["sample", "qa_checked"]
        found += ["qa_points", "qa_possible"] if self.scores.has("points") else []
        found += ["qa_critical"] if self.scores.has("critical") else []
        found += ["process_steps", "process_steps_right"] if self.scores.has("steps") else []
        found += ["qa_cells", "recorded_cells"] if self.recorded is not None else []
        return (*found, *(["calibration_gap"] if self.calibration is not None else []))

    @classmethod
    def from_options(cls, options: Options) -> Self:
        recorded, calibration = options.table("recorded", None), options.table("calibration", None)
        return cls(
            scores=LineTable.from_options("scores", options.table("scores")),
            recorded=LineTable.from_options("recorded", recorded) if recorded else None,
            calibration=LineTable.from_options("calibration", calibration) if calibration else None,
        )

    def manifest(self) -> Manifest:
        needed = [table.rows.manifest() for table in self._tables()]
        return Manifest(
            files=tuple(dict.fromkeys(path for one in needed for path in one.files)),
            folders=tuple(dict.fromkeys(path for one in needed for path in one.folders)),
            endpoints=tuple(dict.fromkeys(place for one in needed for place in one.endpoints)),
        )

    def read(self, window: Window) -> Iterator[Observation | Done]:
        seen = parse_seen(window.cursor)
        looked = self._looked(window)
        if seen.until is not None and looked.as_of < seen.until:  # an older export, or a clock that went back
            yield Done((looked.as_of, looked.as_of), window.cursor)
            return
        end = from_ms(floor_to(to_ms(looked.as_of), DAY_MS))
        told, samples, changed = new_samples(self._samples(looked, end), seen.samples)
        if len(told) > BATCH:
            # Vouched for is the whole only: a crash here, and this batch follows again.
            some = new_samples(told[:BATCH], seen.samples)[1]
            yield from (one.observation for one in told[:BATCH])
            yield Done(None, Seen(until=seen.until, days=seen.days, samples=some).to_cursor(), more=True)
            return
        yield from (one.observation for one in told)
        found, days = self._figures(looked, seen, window.zone, end)
        yield from found
        if changed:
            looked.details.append(f"{changed} samples changed after they were stated")
        begin = seen.until or min((line.at for line in looked.lines["scores"]), default=end - INSTANT)
        detail = "; ".join(dict.fromkeys(filter(None, looked.details)))
        yield Done((min(begin, end), end), Seen(until=end, days=days, samples=samples).to_cursor(), detail=detail)

    def check(self, window: Window) -> Iterator[CheckLine]:
        for table in self._tables():
            yield from table.rows.check(window, table.columns(), _look(table))
        if self.recorded is None:
            yield CheckLine("warning", "recorded", "not read: whether the sample is random is not stated")
        if not self.scores.has("random"):
            yield CheckLine(
                "warning", "random", "no column says whether chance chose: no score enters the random sample"
            )

    def _tables(self) -> Iterator[LineTable]:
        yield from (table for table in (self.scores, self.recorded, self.calibration) if table is not None)

    def _looked(self, window: Window) -> _Looked:
        looked = _Looked({"scores": [], "recorded": [], "calibration": []}, window.now, [])
        for table in self._tables():
            with table.rows.opened(window, table.columns()) as opened:
                looked.lines[table.name] = list(table.lines(opened))
            looked.as_of = min(looked.as_of, opened.as_of)
            looked.details.append(opened.detail)
        return looked

    def _samples(self, looked: _Looked, end: datetime) -> Iterator[Told]:
        """Of days that are over."""
        scores, calibration = looked.lines["scores"], looked.lines["calibration"]
        told = [*samples_of_scores(scores)]
        told += samples_of_sessions(calibration, scores, has_scorers=self.scores.has("scorer"))
        return (one for one in told if one.at < end)

    def _figures(
        self, looked: _Looked, seen: Seen, zone: ZoneInfo, end: datetime
    ) -> tuple[list[Observation], dict[str, Days]]:
        """New and changed days of what each table tells."""
        scores, recorded = looked.lines["scores"], looked.lines["recorded"]
        of_scores, of_cells, of_calibration = Amounts(zone), Amounts(zone), Amounts(zone)
        add_scores(of_scores, scores)
        add_calibration(of_calibration, looked.lines["calibration"])
        if self.recorded is not None:
            unknown = add_cells(of_cells, scores, recorded)
            looked.details.append(f"{unknown} checks of no recorded contact" if unknown else "")
        found: list[Observation] = []
        days: dict[str, Days] = {}
        for name, amounts, first in (
            ("scores", of_scores, _first_day(scores)),
            ("cells", of_cells, max(_first_day(recorded), _first_day(scores))),
            ("calibration", of_calibration, _first_day(looked.lines["calibration"])),
        ):
            told, days[name] = _stated(amounts, seen.days.get(name, {}), first, seen.until, end)
            found += told
        return found, days


def _stated(
    amounts: Amounts, known: Days, first: int, before: datetime | None, end: datetime
) -> tuple[list[Observation], Days]:
    """A table of the last weeks only takes nothing back: its first day, and those before, stay as they were stated."""
    first = first if known else -1
    amounts.days = {day: slots for day, slots in amounts.days.items() if day > first}
    earlier = {day: stated for day, stated in known.items() if day <= first}
    reached = {day: stated for day, stated in known.items() if day > first}
    found, stated = state(amounts, reached, before, end)
    return found, {**earlier, **stated}


def _first_day(lines: Iterable[Line]) -> int:
    return min((to_ms(line.at) // DAY_MS for line in lines), default=0)


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Quality)


def _look(table: LineTable) -> Callable[[Opened], Iterable[CheckLine]]:
    def look(opened: Opened) -> Iterator[CheckLine]:
        lines = list(table.lines(opened))
        yield CheckLine("ok", table.name, f"{len(lines)} rows of {table.rows.name} can be read")

    return look
