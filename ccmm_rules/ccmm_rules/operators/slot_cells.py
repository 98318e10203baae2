"""What measures say cell by cell: the pieces that slots, rolling or not, are put together from."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from operator import attrgetter

from ccmm_rules.evidence import MeasureRow, Span
from ccmm_rules.operators.cell_notes import Parts, noted_parts
from ccmm_rules.operators.day_notes import are_civil
from ccmm_rules.operators.gauges import readings
from ccmm_rules.operators.tally import Tally, Where, contributions, fits, joined, width
from ccmm_rules.operators.view import View
from ccmm_rules.spec import HOUR_MS
from ccmm_rules.vocabulary.tables import Metric

SHORTEST_DAY_MS = 23 * HOUR_MS
RowsOf = Callable[[str], Sequence[MeasureRow]]  # of a measure


@dataclass(frozen=True, slots=False, kw_only=True)
class Cells:
    """One group's tallies by start, part by part."""

    metric: Metric
    parts: Sequence[Mapping[int, float]]

    @cached_property
    def _is_gauge(self) -> bool:
        return self.metric.is_gauge

    @cached_property
    def starts(self) -> list[int]:
        return sorted(self.parts[0])

    @cached_property
    def _readings(self) -> list[Tally]:
        return list(zip(*([part[start] for start in self.starts] for part in self.parts), strict=True))

    @cached_property
    def sums(self) -> list[list[float]]:
        """Prefix sums, so that a rolling window costs two look-ups."""
        return [list(accumulate([part[start] for start in self.starts], initial=0.0)) for part in self.parts]

    def tally(self, slot: Span) -> Tally:
        """Of all cells that start in the slot."""
        low, high = bisect_left(self.starts, slot.from_ms), bisect_left(self.starts, slot.to_ms)
        if self._is_gauge:
            read = self._readings[low:high]
            return read[0] if len(read) == 1 and read[0][3] > 0 else joined(self.metric, read)  # alone: as it is
        return tuple([part[high] - part[low] for part in self.sums])

    def tallies(self, slots: Sequence[Span]) -> Sequence[Tally]:
        """Of each of the slots."""
        if self._is_gauge:
            return [self.tally(slot) for slot in slots]
        lows = [bisect_left(self.starts, slot.from_ms) for slot in slots]
        highs = [bisect_left(self.starts, slot.to_ms) for slot in slots]
        columns = [[part[high] - part[low] for low, high in zip(lows, highs, strict=True)] for part in self.sums]
        return list(zip(*columns, strict=True))


def cells_of(
    metric: Metric,
    where: Where,
    by: str,
    view: View,
    counted: Sequence[Span],
    bases: Sequence[Span],
    *,
    by_notes: bool = True,
) -> tuple[dict[object, Cells], bool]:
    """Cells by group; and whether two sources state the same. `bases` are the finest pieces that the slots need.

    `by_notes`: days of a long window may be kept; not where something better is kept of them.
    """
    key = ("cells", metric.id, tuple(where), by, tuple(counted), bases[0] if bases else None, len(bases))
    return view.once(key, lambda: _cells(metric, where, by, view, counted, bases, by_notes=by_notes))


def nothing(metric: Metric) -> Cells:
    return Cells(metric=metric, parts=[{} for _ in range(width(metric))])


def _cells(
    metric: Metric,
    where: Where,
    by: str,
    view: View,
    counted: Sequence[Span],
    bases: Sequence[Span],
    *,
    by_notes: bool,
) -> tuple[dict[object, Cells], bool]:
    daily = bases if len(counted) == 1 and is_by_days(metric, bases) else None

    def read(spans: Sequence[Span]) -> tuple[Parts, bool]:
        asked = [base for base in daily if started_in(base, spans)] if daily is not None else None
        return _parts(metric, where, by, lambda measure: _rows(metric, measure, view, spans, asked))

    noted = None
    if by_notes and len(counted) == 1 and (daily is None or are_civil(daily, counted[0], view)):
        what = ("cells" if daily is None else "days", tuple(where), by)
        noted = noted_parts(what, metric, counted[0], view, lambda span: read((span,)))
    found, disputed = noted or read(counted)
    return {group: Cells(metric=metric, parts=parts) for group, parts in found.items()}, disputed


def started_in(base: Span, spans: Sequence[Span]) -> bool:
    return any(span.from_ms <= base.from_ms < span.to_ms for span in spans)


def _parts(metric: Metric, where: Where, by: str, rows_of: RowsOf) -> tuple[Parts, bool]:
    found: Parts = {}
    disputed = False
    where = (*metric.where, *where)
    for measure in metric.measures:
        told = rows_of(measure)
        rows = [row for row in told if fits(row, where)] if where else told
        disputed = disputed or contradict(rows)
        for group, members in _by_group(rows, by).items():
            _put(metric, measure, members, found.setdefault(group, [{} for _ in range(width(metric))]))
    return found, disputed


def _put(metric: Metric, measure: str, rows: Sequence[MeasureRow], parts: list[dict[int, float]]) -> None:
    columns = contributions(metric, measure, rows)
    if metric.is_gauge:
        tallies: dict[int, list[Tally]] = {}
        for row, tally in zip(rows, zip(*columns, strict=True), strict=True):
            tallies.setdefault(row.start_ms, []).append(tally)
        for start, members in tallies.items():
            alone = len(members) == 1 and members[0][3] > 0  # one reading is what is joined of it
            for part, value in zip(parts, members[0] if alone else joined(metric, members), strict=True):
                part[start] = value
        return
    for part, column in zip(parts, columns, strict=True):
        for row, value in zip(rows, column, strict=True):
            start = row.start_ms
            part[start] = part[start] + value if start in part else value


def _rows(
    metric: Metric, measure: str, view: View, counted: Sequence[Span], daily: Sequence[Span] | None
) -> Sequence[MeasureRow]:
    """Slots of the time that counts; where pieces are whole days their sums, each at the start of its piece."""
    if daily is not None:
        return [row for base in daily for row in _summed(view, measure, base)]
    if not counted:
        return []
    found = readings(metric, measure, view, Span(counted[0].from_ms, counted[-1].to_ms))
    return found if len(counted) == 1 else [row for part in counted for row in started_within(found, part)]


def started_within(rows: Sequence[MeasureRow], span: Span) -> Sequence[MeasureRow]:
    """Of rows, oldest first, those that start in the span."""
    start = attrgetter("start_ms")
    return rows[bisect_left(rows, span.from_ms, key=start) : bisect_left(rows, span.to_ms, key=start)]


def is_by_days(metric: Metric, bases: Sequence[Span]) -> bool:
    """Whether sums, which evidence keeps by the day, do as well as slots: nobody asks then what each slot said."""
    return not metric.is_gauge and all(base.to_ms - base.from_ms >= SHORTEST_DAY_MS for base in bases)


def _summed(view: View, measure: str, base: Span) -> list[MeasureRow]:
    rows = view.totals(measure, base)
    return [row if row.start_ms == base.from_ms else row._replace(start_ms=base.from_ms) for row in rows]


def _by_group(rows: Sequence[MeasureRow], by: str) -> dict[object, Sequence[MeasureRow]]:
    """Rows by group, in the order in which groups first appear."""
    if not by:
        return {"": rows} if rows else {}
    found: dict[object, list[MeasureRow]] = {}
    for row in rows:
        found.setdefault(dict(row.dimensions).get(by, ""), []).append(row)
    return dict(found)


def contradict(rows: Sequence[MeasureRow]) -> bool:
    """Whether two sources state one slot of one group."""
    if len(set(map(attrgetter("agent", "source"), rows))) < 2:
        return False
    owners: dict[object, tuple[str, str]] = {}
    return any(
        owners.setdefault((row.dimensions, row.start_ms), (row.agent, row.source)) != (row.agent, row.source)
        for row in rows
    )
