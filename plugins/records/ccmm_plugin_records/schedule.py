"""The `schedule` source: forecast, plan and worked stretches, from files or databases; all figures are computed here.

A forecast counts as it stood when it was published. Plans of days that are over are remembered: whoever changes one
afterwards adds to its late exceptions, whatever the table says of when it was entered.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Self
from zoneinfo import ZoneInfo

from ccmm_agent.plugin import (
    BadOption,
    CheckLine,
    Done,
    Manifest,
    Observation,
    Options,
    Source,
    Window,
    hookimpl,
)
from ccmm_plugin_records.schedule_days import Days, add_gone, add_plans, add_staffed
from ccmm_plugin_records.schedule_frozen import frozen, published
from ccmm_plugin_records.schedule_seen import Seen, newest_plans, parse_seen
from ccmm_plugin_records.schedule_spans import midnight_after
from ccmm_plugin_records.schedule_tables import ForecastTable, Span, SpanTable, Told
from ccmm_proto.period import DAY_MS, QUARTER_MS, floor_to, from_ms, to_ms
from ccmm_tables.amounts import DAY_S, slot_start, state
from ccmm_tables.opened import Opened


@dataclass(frozen=True, slots=True)
class _Looked:
    """What the tables hold, and until when all of them can tell."""

    told: tuple[Told, ...]
    plan: tuple[Span, ...] | None
    worked: tuple[Span, ...] | None
    as_of: datetime
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule(Source):
    """Workforce management: what was expected, planned and worked."""

    plugin: ClassVar[str] = "schedule"
    value: ClassVar[int] = 60
    example: ClassVar[str] = """
# Forecast, plan and work, from files or databases: docs/plugins/schedule.md. Each of the three tables may be left out.
[[source]]
name = "wfm"
plugin = "schedule"
every = "6h"

[source.forecast]                  # one row for each interval and queue
path = "/srv/wfm/forecast.csv"     # or sheet, encoding ... as of docs/plugins/table.md; or url, table ... as of sql.md
started = ["date", "from"]
interval = "30m"                   # 15m 30m 1h: how long a row is
published = "published at"         # rows without one are not published; without the option the first read decides
[source.forecast.columns]
queue = "queue"
contacts = "expected calls"
required = "seats"

[source.plan]                      # one row for each stretch of a person
path = "/srv/wfm/plan.csv"
started = ["date", "from"]
ended = ["date", "to"]             # or lasted = "hours"
published = "published at"         # for the days of notice
entered = "entered at"             # of exceptions: when they were entered; they lie over the shift
[source.plan.columns]
agent = "staff no"
state = "activity"
team = "team"
# site = "site"
[source.plan.values.state]         # work training meeting break leave off
"Calls" = "work"
"Lunch" = "break"

[source.worked]                    # one row for each stretch, from the switch or the time clock
path = "/srv/acd/states.csv"
started = "from"
ended = "to"
[source.worked.columns]
agent = "staff no"
state = "state"
queue = "queue"
[source.worked.values.state]
"Ready" = "work"
"Talking" = "work"
"Break" = "break"
"""

    forecast: ForecastTable | None
    plan: SpanTable | None
    worked: SpanTable | None

    @property
    def feeds(self) -> tuple[str, ...]:
        names = {"contacts": "forecast_contacts", "required": "staff_required"}
        found = [feed for name, feed in names.items() if self.forecast and name in self.forecast.mapping.declared.names]
        if self.plan is not None:
            found += ["plan_time", "late_exception_time"]
            found += ["schedule_notice"] if self.plan.published else []
            found += ["plan_kept_time", "absent_time"] if self.worked is not None else []
        return (*found, *(["staff_staffed"] if self.worked is not None else []))

    @classmethod
    def from_options(cls, options: Options) -> Self:
        forecast, plan, worked = (options.table(name, None) for name in ("forecast", "plan", "worked"))
        if forecast is None and plan is None and worked is None:
            raise BadOption("plan", "one or several of the tables forecast, plan and worked")
        return cls(
            forecast=ForecastTable.from_options(forecast) if forecast else None,
            plan=SpanTable.from_options(plan, is_plan=True) if plan else None,
            worked=SpanTable.from_options(worked, is_plan=False) if worked else None,
        )

    def manifest(self) -> Manifest:
        needed = [table.rows.manifest() for table in (self.forecast, self.plan, self.worked) if table is not None]
        return Manifest(
            files=tuple(dict.fromkeys(path for one in needed for path in one.files)),
            folders=tuple(dict.fromkeys(path for one in needed for path in one.folders)),
            endpoints=tuple(dict.fromkeys(place for one in needed for place in one.endpoints)),
        )

    def read(self, window: Window) -> Iterator[Observation | Done]:
        seen = parse_seen(window.cursor)
        looked = self._looked(window)
        if seen.until is not None and looked.as_of < seen.until:  # an older export, or a clock that went back
            yield Done((looked.as_of, looked.as_of), window.cursor, detail=looked.detail)
            return
        told = published(looked.told)
        stated, forecasts = frozen(seen.forecasts, told, looked.as_of, is_first=seen.until is None)
        yield from stated
        end = from_ms(floor_to(to_ms(looked.as_of), QUARTER_MS))
        after, begin = Seen(until=end, forecasts=forecasts), min((one.start for one in looked.told), default=end)
        if looked.plan is not None or looked.worked is not None:
            end = from_ms(floor_to(to_ms(looked.as_of), DAY_MS))
            days = self._added_up(looked, seen, window.zone)
            begin = end if days is None else days.begin
            found, after = _stated(days, seen, after, end)
            yield from found
        if seen.until is not None:
            begin = max(begin, seen.until) if self.worked or self.plan else seen.until
        yield Done((min(begin, end), end), after.to_cursor(), detail=looked.detail)

    def check(self, window: Window) -> Iterator[CheckLine]:
        for name, table in (("forecast", self.forecast), ("plan", self.plan), ("worked", self.worked)):
            if table is None:
                yield CheckLine("ok", name, "not read: what needs it is not stated")
            else:
                yield from table.rows.check(window, table.columns(), _look(name, table))

    def _looked(self, window: Window) -> _Looked:
        ends: list[datetime] = [window.now]
        details: list[str] = []
        told: tuple[Told, ...] = ()
        plan = worked = None
        if self.forecast is not None:
            with self.forecast.rows.opened(window, self.forecast.columns()) as opened:
                told = tuple(self.forecast.told(opened))
            ends.append(opened.as_of)
            details.append(opened.detail)
        if self.plan is not None:
            with self.plan.rows.opened(window, self.plan.columns()) as opened:
                plan = tuple(self.plan.spans(opened))
            ends.append(opened.as_of)
            details.append(opened.detail)
        if self.worked is not None:
            with self.worked.rows.opened(window, self.worked.columns()) as opened:
                worked = tuple(self.worked.spans(opened))
            # An export that is made anew every day may still hold the days before yesterday only.
            ends.append(max((span.stretch.end for span in worked), default=opened.as_of))
            ends.append(opened.as_of)
            details.append(opened.detail)
        return _Looked(told, plan, worked, min(ends), "; ".join(dict.fromkeys(filter(None, details))))

    def _added_up(self, looked: _Looked, seen: Seen, zone: ZoneInfo) -> Days | None:
        """From the first whole day that all tables hold; None where they hold nothing."""
        firsts = [min(span.stretch.start for span in spans) for spans in (looked.plan, looked.worked) if spans]
        if not firsts:
            return None
        days = Days(zone, midnight_after(max(firsts), zone), looked.as_of)
        if looked.plan is not None:
            add_plans(days, looked.plan, looked.worked, seen.plans)
            add_gone(days, looked.plan, seen.plans, has_work=looked.worked is not None)
        if looked.worked is not None:
            required = [(to_ms(one.start), one.dimensions) for one in looked.told if one.measure == "staff_required"]
            add_staffed(days, looked.worked, required)
        return days


def _stated(days: Days | None, seen: Seen, after: Seen, end: datetime) -> tuple[list[Observation], Seen]:
    """Figures of days that are over and new, or changed; a table of the last weeks only takes nothing back."""
    if days is None:
        return [], replace(after, until=end, days=seen.days, plans=seen.plans)
    first = to_ms(days.begin) // DAY_MS  # this day and those before stay as they were stated
    if first in seen.days:
        days.amounts.days.pop(first, None)
    earlier = {day: stated for day, stated in seen.days.items() if day <= first}
    reached = {day: stated for day, stated in seen.days.items() if day > first}
    found, stated = state(days.amounts, reached, seen.until, end)
    over = {key: plan for key, plan in days.plans.items() if _is_over(key[1], days.zone, end)}
    plans = newest_plans({**seen.plans, **over}, end)
    return found, replace(after, until=end, days={**earlier, **stated}, plans=plans)


def _is_over(day: int, zone: ZoneInfo, end: datetime) -> bool:
    noon = datetime.fromordinal(day).replace(hour=12, tzinfo=zone)
    return slot_start(noon, DAY_S, zone) + DAY_MS <= to_ms(end)


def _look(name: str, table: ForecastTable | SpanTable) -> Callable[[Opened], Iterable[CheckLine]]:
    def look(opened: Opened) -> Iterator[CheckLine]:
        if isinstance(table, ForecastTable):
            told = list(table.told(opened))
            days = {one.start.date() for one in told}
            yield CheckLine("ok", name, f"{len(told)} published figures of quarter hours in {len(days)} days")
        else:
            spans = list(table.spans(opened))
            people = {span.agent for span in spans}
            yield CheckLine("ok", name, f"{len(spans)} stretches of {len(people)} people")

    return look


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Schedule)
