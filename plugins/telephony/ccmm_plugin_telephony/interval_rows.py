"""Rows of an interval report → figures of a queue per interval, as the switch counted them.

Only counts and totals are read: a percentage or a mean cannot be added up. A report of 30 or 60 minutes stands in the
quarter hour that its interval begins with. Counts within a bound go into the bucket of that bound, and the rest above
every bound: where a switch tells less, no wait looks shorter.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

from ccmm_agent.delimited import BadTable
from ccmm_agent.plugin import BadOption, Options
from ccmm_plugin_telephony.queue_facts import COUNTS, EXTRAS, SUMS, WAITS
from ccmm_proto.histogram import BUCKETS, WAIT_BOUNDS_S
from ccmm_proto.kinds import Attribute, Type
from ccmm_proto.period import QUARTER_MS, to_ms
from ccmm_tables.columns import Row, duration_of, text_of
from ccmm_tables.declared import column_names
from ccmm_tables.slots import Slots

MINUTES = (15, 30, 60)
TIME_IS = ("start", "end")
ANSWERED_IN = {"entry": "in which they entered", "answer": "of their answer", "end": "in which they ended"}
DIMENSIONS = {name: Attribute(type=Type.TEXT, optional=True) for name in ("queue", "channel", "class")}
_OF_WAIT = {"wait_answered": ("answered", "calls_answered"), "wait_abandoned": ("abandoned", "calls_abandoned")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How many waited up to each bound (columns that are added up), and how long all of them waited."""

    within: tuple[tuple[int, tuple[str, ...]], ...]
    total: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """What one row says: values by measure, buckets and total of waits."""

    counts: Mapping[str, int]
    sums: Mapping[str, float]
    waits: Mapping[str, tuple[list[int], float]]
    dimensions: Mapping[str, str]
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalRows:
    """The declared columns of an interval report, and how a row is read."""

    minutes: int
    ends: bool  # the time of a row is the end of its interval
    answered_in: str
    columns_of: Mapping[str, tuple[str, ...]]
    waits: Mapping[str, Waits] = field(default_factory=dict)

    @classmethod
    def from_options(cls, options: Options) -> Self:
        """Raises BadOption."""
        minutes = options.whole("interval_minutes")
        time_is, answered_in = options.text("time_is"), options.text("answered_in")
        for key, given, known in (("time_is", time_is, TIME_IS), ("answered_in", answered_in, tuple(ANSWERED_IN))):
            if given not in known:
                raise BadOption(key, f"one of {', '.join(known)}")
        if minutes not in MINUTES:
            raise BadOption("interval_minutes", "15, 30 or 60")
        table = options.table("measures")
        columns_of = {measure: column_names(table, measure) for measure in table.keys()}  # noqa: SIM118
        for measure in columns_of:
            if measure not in (*COUNTS, *EXTRAS, *SUMS):
                raise BadOption(f"measures.{measure}", f"one of {', '.join((*COUNTS, *EXTRAS, *SUMS))}")
        if "calls_offered" not in columns_of:
            raise BadOption("measures.calls_offered", "the column, or columns that add up to it")
        if set(SUMS) & columns_of.keys() and "calls_answered" not in columns_of:
            raise BadOption("measures.calls_answered", "a column, where durations of answered calls are read")
        waits = {measure: found for measure in WAITS if (found := _waits(options, measure, columns_of)) is not None}
        return cls(
            minutes=minutes,
            ends=time_is == "end",
            answered_in=answered_in,
            columns_of=columns_of,
            waits=waits,
        )

    @property
    def told(self) -> frozenset[str]:
        """The measures that this report tells."""
        return frozenset((*self.columns_of, *self.waits))

    def columns(self) -> Iterator[str]:
        """Every column with figures."""
        for columns in self.columns_of.values():
            yield from columns
        for waits in self.waits.values():
            yield from waits.total
            for _, columns in waits.within:
                yield from columns

    def note(self) -> str:
        """What people should know of these counts."""
        counted = ANSWERED_IN[self.answered_in]
        return f"as the switch counted them: {self.minutes} minutes, answered calls in the interval {counted}"

    def refuse_other_start(self, at: datetime, row: Row) -> None:
        """Raises BadTable for a time that no interval has."""
        if to_ms(at) % QUARTER_MS:
            raise BadTable(f"no {'end' if self.ends else 'start'} of an interval", row=row.number)

    def figure(self, row: Row, dimensions: Mapping[str, str]) -> Figure:
        """Raises BadTable for a cell that is no count or duration, and for more calls within a bound than there are."""
        counts = {
            measure: sum(_count(row, column) for column in columns)
            for measure, columns in self.columns_of.items()
            if measure not in SUMS
        }
        sums = {
            measure: sum(_seconds(row, column) for column in columns)
            for measure, columns in self.columns_of.items()
            if measure in SUMS
        }
        waits = {measure: _buckets(row, of, counts[_OF_WAIT[measure][1]]) for measure, of in self.waits.items()}
        return Figure(counts, sums, waits, dimensions, row.number)


def slots_of(figures: list[tuple[datetime, Figure]], zone: ZoneInfo) -> Slots:
    """Raises BadTable where an interval of a queue stands twice: it would be counted twice."""
    slots = Slots(zone)
    seen: set[tuple[datetime, tuple[tuple[str, str], ...]]] = set()
    for at, figure in figures:
        key = at, tuple(sorted(figure.dimensions.items()))
        if key in seen:
            again = _second_pass(at, zone), key[1]
            if again in seen or again == key:
                raise BadTable("this interval stands twice: name its queue in `columns`, or `where`", row=figure.row)
            key = again
        seen.add(key)
        _add(slots, key[0], figure)
    return slots


def _add(slots: Slots, at: datetime, figure: Figure) -> None:
    for measure, n in figure.counts.items():
        slots.amount(measure, at, **figure.dimensions).n += n
        slots.amount(measure, at, **figure.dimensions).total += n
    for measure, total in figure.sums.items():
        amount = slots.amount(measure, at, **figure.dimensions)
        amount.total += total
        amount.n += figure.counts["calls_answered"]
    for measure, (buckets, total) in figure.waits.items():
        amount = slots.amount(measure, at, **figure.dimensions)
        amount.buckets = [one + more for one, more in zip(amount.buckets, buckets, strict=True)]
        amount.total += total
        amount.n += sum(buckets)


def _second_pass(at: datetime, zone: ZoneInfo) -> datetime:
    """Of an hour that a clock change repeats, the second time; else the same."""
    local = at.astimezone(zone)
    return local.replace(fold=1).astimezone(at.tzinfo) if not local.fold else at


def _waits(options: Options, measure: str, columns_of: Mapping[str, tuple[str, ...]]) -> Waits | None:
    word, counted = _OF_WAIT[measure]
    table, total = options.table(f"{word}_within", None), f"{word}_wait"
    if table is None:
        if total in options.keys():  # noqa: SIM118 - Options is no mapping
            raise BadOption(f"{word}_within", f"bounds and columns beside `{total}`")
        return None
    if counted not in columns_of:
        raise BadOption(f"measures.{counted}", f"a column, beside `{word}_within`")
    within = []
    for bound in table.keys():  # noqa: SIM118
        if not bound.isdecimal() or int(bound) not in WAIT_BOUNDS_S:
            raise BadOption(f"{word}_within.{bound}", f"one of {', '.join(map(str, WAIT_BOUNDS_S))} (seconds)")
        within.append((int(bound), column_names(table, bound)))
    if not within:
        raise BadOption(f"{word}_within", "at least one bound")
    return Waits(within=tuple(sorted(within)), total=column_names(options, total))


def _buckets(row: Row, waits: Waits, n: int) -> tuple[list[int], float]:
    buckets, before = [0] * BUCKETS, 0
    for bound, columns in waits.within:
        up_to = sum(_count(row, column) for column in columns)
        if not before <= up_to <= n:
            raise BadTable(
                f"{up_to} calls within {bound} s, {before} within less, {n} in all: add up the columns from zero on",
                row=row.number,
                column=" + ".join(columns),
            )
        buckets[WAIT_BOUNDS_S.index(bound)], before = up_to - before, up_to
    buckets[-1] = n - before
    return buckets, sum(_seconds(row, column) for column in waits.total)


def _count(row: Row, column: str) -> int:
    text = text_of(row.cells.get(column, "")).strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise BadTable("no count", row=row.number, column=column)
    return int(text)


def _seconds(row: Row, column: str) -> float:
    try:
        return duration_of(row.cells[column])
    except KeyError:
        raise BadTable("the cell is empty", row=row.number, column=column) from None
    except BadTable as error:
        raise BadTable(error.args[0], row=row.number, column=column) from error
