"""Plan and work of every person as figures of days and quarter hours: always computed from the stretches. Pure.

Adherence is the planned time spent in the planned state, never a percentage that somebody exported.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ccmm_plugin_records.schedule_spans import Stretch, both, by_day, difference_s, painted
from ccmm_plugin_records.schedule_tables import QUARTER, Dimensions, Span
from ccmm_proto.period import QUARTER_MS, floor_to, from_ms, to_ms
from ccmm_tables.amounts import Amounts

PLANNED = frozenset(("work", "training", "meeting", "break"))  # planned time; leave and off are none
_ATTENDED = PLANNED - {"break"}  # planned time in which a person has to be there
_AWAY = (None, "off", "leave")
LATE_DAYS = 40  # of the past: changes of plans of older days are not looked for
_DAY = timedelta(days=1)

PersonDay = tuple[str, int]  # short digest of the person, ordinal of the civil day
Plans = Mapping[PersonDay, tuple[Stretch, ...]]


@dataclass(frozen=True, slots=True)
class Work:
    """State and queue of a stretch that was worked."""

    state: str
    dimensions: Dimensions


@dataclass(slots=True)
class Days:
    """Figures as they are added up; and the plans of days that are over, as they stand now."""

    zone: ZoneInfo
    begin: datetime
    until: datetime
    plans: dict[PersonDay, tuple[Stretch, ...]] = field(default_factory=dict)
    amounts: Amounts = field(init=False)

    def __post_init__(self) -> None:
        self.amounts = Amounts(self.zone)

    def holds(self, stretch: Stretch) -> bool:
        return self.begin <= stretch.start and stretch.start < self.until


def add_plans(days: Days, plan: Sequence[Span], worked: Sequence[Span] | None, known: Plans) -> None:
    """Planned, kept, absent and late time by person and day; days of notice. `worked` None: no such table is read."""
    by_agent = _grouped(worked or ())
    for agent, spans in _grouped(plan).items():
        order = sorted(spans, key=lambda span: (span.entered is not None, span.entered or span.stretch.start))
        planned = _cut(painted(span.stretch for span in order), days)
        done = painted(span.stretch for span in sorted(by_agent.get(agent, ()), key=lambda span: span.stretch.start))
        named = _named(agent, spans)
        entered = _late_by_day(spans, days)
        _add_notice(days, spans, named)
        for day, stretches in planned.items():
            person_day = (_short(agent), day)
            over = stretches[0].start.astimezone(days.zone).replace(hour=12)
            counted = [one for one in stretches if one.state in PLANNED]
            if counted:
                _add(days, "plan_time", over, named, sum(one.seconds for one in counted))
            if counted and worked is not None:
                pieces = list(both(counted, done))
                kept = sum(piece.seconds for piece, state in pieces if _keeps(piece.state, state))
                _add(days, "plan_kept_time", over, named, kept)
                missed = sum(piece.seconds for piece, state in pieces if piece.state in _ATTENDED and state in _AWAY)
                _add(days, "absent_time", over, named, missed)
            before = known.get(person_day)
            changed = difference_s(before, stretches) if before is not None else 0.0
            days.plans[person_day] = before if before is not None else tuple(stretches)
            if counted or changed:
                _add(days, "late_exception_time", over, named, max(changed, entered.get(day, 0.0)))


def add_gone(days: Days, plan: Sequence[Span], known: Plans, *, has_work: bool) -> None:
    """Plans of days that stood in the table when the day ended, and do not any more: all of it was changed."""
    agents = {_short(agent): _named(agent, spans) for agent, spans in _grouped(plan).items()}
    for (person, day), stretches in known.items():
        at = datetime.fromordinal(day).replace(hour=12, tzinfo=days.zone)
        if (person, day) in days.plans or person not in agents or not days.begin <= at < days.until:
            continue
        days.plans[person, day] = stretches
        seconds = sum(one.seconds for one in stretches if one.state in PLANNED)
        _add(days, "late_exception_time", at, agents[person], seconds)
        for measure in ("plan_time", *(("plan_kept_time", "absent_time") if has_work else ())):
            _add(days, measure, at, agents[person], 0.0)


def add_staffed(days: Days, worked: Sequence[Span], required: Iterable[tuple[int, Dimensions]]) -> None:
    """People at work by quarter hour and queue: their time in it, whoever is in two queues in the one entered last."""
    seconds: dict[tuple[int, Dimensions], float] = {}
    for spans in _grouped(worked).values():
        works = [Work(span.stretch.state, span.dimensions) for span in spans]
        order = sorted(range(len(spans)), key=lambda at: spans[at].stretch.start)
        for one in painted(Stretch(spans[at].stretch.start, spans[at].stretch.end, str(at)) for at in order):
            work = works[int(one.state)]
            if work.state == "work":
                _spread(seconds, one, work.dimensions)
    slots = set(required) | {(quarter, dimensions) for quarter, dimensions in seconds}
    seen = {dimensions for _, dimensions in seconds}
    slots |= {(start, dimensions) for start in _quarters(days) for dimensions in seen}
    for start, dimensions in slots:
        if days.begin <= from_ms(start) and from_ms(start) + QUARTER <= days.until:
            people = int(seconds.get((start, dimensions), 0.0) / QUARTER.total_seconds() + 0.5)
            days.amounts.add("staff_staffed", from_ms(start), dimensions, people)


def _quarters(days: Days) -> range:
    return range(floor_to(to_ms(days.begin), QUARTER_MS), to_ms(days.until), QUARTER_MS)


def _spread(seconds: dict[tuple[int, Dimensions], float], one: Stretch, dimensions: Dimensions) -> None:
    start = one.start
    while start < one.end:
        quarter = floor_to(to_ms(start), QUARTER_MS)
        end = min(from_ms(quarter) + QUARTER, one.end)
        seconds[quarter, dimensions] = seconds.get((quarter, dimensions), 0.0) + (end - start).total_seconds()
        start = end


def _add_notice(days: Days, spans: Sequence[Span], named: Dimensions) -> None:
    """Of each day the shift that was published last; what was entered as an exception is no schedule."""
    starts: dict[int, tuple[datetime, datetime]] = {}
    for span in spans:
        if span.published is None or span.entered is not None or span.stretch.state not in PLANNED:
            continue
        day = span.stretch.start.astimezone(days.zone).toordinal()
        start, told = starts.get(day, (span.stretch.start, span.published))
        starts[day] = (min(start, span.stretch.start), max(told, span.published))
    for start, told in starts.values():
        if days.begin <= start < days.until:
            days.amounts.add("schedule_notice", start, named, (start - told) / _DAY)


def _late_by_day(spans: Sequence[Span], days: Days) -> dict[int, float]:
    """Seconds of each civil day that were entered after it."""
    found: dict[int, list[Stretch]] = {}
    for span in spans:
        if span.entered is None:
            continue
        for piece in by_day(span.stretch, days.zone):
            if span.entered >= _end_of_day(piece.start, days.zone):
                found.setdefault(_ordinal(piece, days.zone), []).append(piece)
    return {day: sum(one.seconds for one in painted(pieces)) for day, pieces in found.items()}


def _end_of_day(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0) + _DAY


def _cut(planned: Iterable[Stretch], days: Days) -> dict[int, list[Stretch]]:
    """By the ordinal of the civil day, only what `days` holds."""
    found: dict[int, list[Stretch]] = {}
    for one in planned:
        for piece in by_day(one, days.zone):
            if days.holds(piece):
                found.setdefault(_ordinal(piece, days.zone), []).append(piece)
    return found


def _keeps(planned: str, worked: str | None) -> bool:
    return worked == planned or (planned == "break" and worked in _AWAY)


def _add(days: Days, measure: str, at: datetime, named: Dimensions, value: float) -> None:
    days.amounts.add(measure, at, named, float(value))  # a nought is 0.0, as in the digest of the day


def _grouped(spans: Iterable[Span]) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = {}
    for span in spans:
        found.setdefault(span.agent.strip(), []).append(span)
    return found


def _named(agent: str, spans: Sequence[Span]) -> Dimensions:
    told = [("agent", agent)]
    for name in ("site", "team"):
        words = [str(getattr(span, name)) for span in spans if getattr(span, name)]
        told += [(name, words[-1])] if words else []
    return tuple(told)


def _ordinal(piece: Stretch, zone: ZoneInfo) -> int:
    return piece.start.astimezone(zone).toordinal()


def _short(agent: str) -> str:
    return hashlib.sha256(agent.strip().encode()).hexdigest()[:12]
