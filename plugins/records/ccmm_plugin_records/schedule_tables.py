"""The three tables of a schedule, from the options: forecast, plan, and what was worked; each a file or a query."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from sys import intern
from typing import Self

from ccmm_agent.delimited import BadTable, LocalTimes
from ccmm_agent.plugin import BadOption, Options
from ccmm_plugin_records.schedule_spans import Stretch
from ccmm_proto.kinds import Attribute, Form, Sort, Type
from ccmm_proto.period import QUARTER_MS, to_ms
from ccmm_tables.columns import Row
from ccmm_tables.declared import Declared, column_names, time_in
from ccmm_tables.mapping import TableMapping
from ccmm_tables.opened import Opened
from ccmm_tables.rows import Rows

STATES = ("work", "training", "meeting", "break", "leave", "off")
QUARTER = timedelta(minutes=15)
INTERVALS = {"15m": 1, "30m": 2, "1h": 4}  # quarter hours
MOST_S = 36 * 3600  # of one stretch: a longer one is an error of the table
_TEXT = Attribute(type=Type.TEXT, optional=True)
_NUMBER = Attribute(type=Type.NUMBER, optional=True)
_PERSON = Attribute(type=Type.PSEUDONYM, sort=Sort.PERSON)
_QUEUES = ("queue", "channel", "number", "class")

Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One row of the forecast, for one quarter hour."""

    measure: str
    start: datetime
    dimensions: Dimensions
    value: float
    published: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastTable:
    """Contacts expected and people required, by interval and queue."""

    rows: Rows
    mapping: TableMapping
    published: str | None
    quarters: int

    @classmethod
    def from_options(cls, options: Options) -> Self:
        """Raises BadOption."""
        interval = options.text("interval", "15m")
        if interval not in INTERVALS:
            raise BadOption("forecast.interval", f"one of {', '.join(INTERVALS)}")
        attributes = dict.fromkeys(_QUEUES, _TEXT) | {"contacts": _NUMBER, "required": _NUMBER}
        mapping = _mapping(options, Declared.from_options(options, attributes))
        if not mapping.declared.names & {"contacts", "required"}:
            raise BadOption("forecast.columns", "a column for `contacts`, for `required`, or for both")
        return cls(
            rows=Rows.from_options(options),
            mapping=mapping,
            published=options.text("published", None),
            quarters=INTERVALS[interval],
        )

    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.mapping.columns(), *([self.published] if self.published else [])]))

    def told(self, opened: Opened) -> Iterator[Told]:
        """Every row that is published, by the quarter hour. Raises BadTable."""
        for row in self.mapping.declared.rows(opened):
            published = time_in(row, (self.published,), opened.times) if self.published else None
            if self.published and (published is None or published > opened.as_of):
                continue
            found = self.mapping.declared.attributes(row, opened.times)
            start = self.mapping.start_of(row, opened.times)
            if to_ms(start) % QUARTER_MS:
                raise BadTable("an interval that does not begin with a quarter hour", row=row.number)
            dimensions = tuple((name, str(found[name])) for name in sorted(_QUEUES) if name in found)
            for name, measure in (("contacts", "forecast_contacts"), ("required", "staff_required")):
                if name in found:
                    value = float(str(found[name]))
                    if not 0 <= value < 1e7:
                        raise BadTable(f"{name} below nothing, or beyond all measure", row=row.number)
                    share = value / self.quarters if name == "contacts" else value
                    for at in range(self.quarters):
                        yield Told(
                            measure=measure,
                            start=start + at * QUARTER,
                            dimensions=dimensions,
                            value=share,
                            published=published,
                        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One row of the plan, or of what was worked."""

    agent: str
    stretch: Stretch
    team: str | None
    site: str | None
    dimensions: Dimensions  # of the queue
    published: datetime | None
    entered: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanTable:
    """Who is in which state from when to when."""

    rows: Rows
    mapping: TableMapping
    published: str | None
    entered: str | None

    @classmethod
    def from_options(cls, options: Options, *, is_plan: bool) -> Self:
        """Raises BadOption."""
        more = ("team", "site") if is_plan else _QUEUES
        state = Attribute(type=Type.TEXT)
        declared = Declared.from_options(options, {"agent": _PERSON, "state": state} | dict.fromkeys(more, _TEXT))
        table = "plan" if is_plan else "worked"
        for name in ("agent", "state"):
            if name not in declared.names:
                raise BadOption(f"{table}.columns.{name}", "a column (a state may stand under `constants`)")
        mapping = _mapping(options, declared)
        if not (mapping.ended or mapping.lasted):
            raise BadOption(f"{table}.ended", "a column, or `lasted`")
        return cls(
            rows=Rows.from_options(options),
            mapping=mapping,
            published=options.text("published", None) if is_plan else None,
            entered=options.text("entered", None) if is_plan else None,
        )

    def columns(self) -> tuple[str, ...]:
        single = [name for name in (self.published, self.entered) if name]
        return tuple(dict.fromkeys([*self.mapping.columns(), *single]))

    def spans(self, opened: Opened) -> Iterator[Span]:
        """Every row; what has not ended goes on until the table was exported. Raises BadTable."""
        shared: dict[Dimensions, Dimensions] = {}  # rows are many, people and queues are not
        for row in self.mapping.declared.rows(opened):
            found = self.mapping.declared.attributes(row, opened.times)
            start = self.mapping.start_of(row, opened.times)
            end = self.mapping.end_of(row, opened.times, start)
            stretch = Stretch(start, max(start, opened.as_of) if end is None else end, _state(str(found["state"]), row))
            if end is not None and stretch.seconds > MOST_S:
                raise BadTable("a stretch of more than 36 hours", row=row.number)
            dimensions = tuple((name, str(found[name])) for name in sorted(_QUEUES) if name in found)
            yield Span(
                agent=intern(str(found["agent"])),
                stretch=stretch,
                team=_text(found, "team"),
                site=_text(found, "site"),
                dimensions=shared.setdefault(dimensions, dimensions),
                published=self._time(row, self.published, opened.times),
                entered=self._time(row, self.entered, opened.times),
            )

    def _time(self, row: Row, column: str | None, times: LocalTimes) -> datetime | None:
        return time_in(row, (column,), times) if column else None


def _text(found: Mapping[str, object], name: str) -> str | None:
    return intern(str(found[name])) if name in found else None


def _state(word: str, row: Row) -> str:
    if word not in STATES:
        raise BadTable(
            f"a state that is none of {', '.join(STATES)}: say under `values.state` what it is", row=row.number
        )
    return intern(word)


def _mapping(options: Options, declared: Declared) -> TableMapping:
    return TableMapping(
        word="schedule",
        form=Form.OCCURRENCE,
        key=(),
        started=column_names(options, "started"),
        ended=column_names(options, "ended", ()),
        lasted=options.text("lasted", None),
        counted=None,
        as_of=None,
        declared=declared,
    )
