"""`slots`: a KPI per slot, in grains or rolling. An uncovered slot is bad in the worst look, good in the best."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import attrgetter
from zoneinfo import ZoneInfo

from ccmm_rules.conclude import Bound
from ccmm_rules.evidence import MeasureRow, Span
from ccmm_rules.expression import Scalar
from ccmm_rules.model import Read, Rule
from ccmm_rules.operators.groups import expected_of, median
from ccmm_rules.operators.holes import holed
from ccmm_rules.operators.metric import fits, unknown
from ccmm_rules.operators.tally import contributions, sample_of, value_of, width
from ccmm_rules.operators.view import Reading, View, backfill_share, uncovered
from ccmm_rules.operators.windows import GRAIN_UNITS, calendar_slots, closed_window
from ccmm_rules.spec import UNIT_MS, SlotSpec
from ccmm_rules.vocabulary.tables import Metric

Cells = list[dict[int, float]]  # one sum by start of period for each part of a tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """Values of one group, oldest first; None: uncovered. Slots below the sample are left out."""

    group: object
    values: tuple[float | None, ...]


def read_slots(read: Read, view: View, rule: Rule) -> Reading:
    spec = read.spec
    assert isinstance(spec, SlotSpec)
    metric = view.vocabulary.metrics[spec.metric]
    feed = view.feed_state(metric.measures, read.fresh_for_ms)
    if feed.state:
        return unknown(feed.state, feed.reason, feed)
    if view.zone is None:
        return unknown("missing", "zone", feed)
    span = closed_window(spec.over, feed.watermark_ms - metric.settle_ms, view.zone)
    expected, why = expected_of(spec.group, view)
    if why:
        return unknown("missing" if why == "unanswered" else "inconclusive", why, feed)
    cells, disputed = _cells(metric, spec, view, span, expected)
    if disputed:
        return unknown("inconclusive", "disputed", feed)
    missing = uncovered(feed.sources, span)
    slots = _slots(metric, spec, span, view.zone)
    groups = [_judge(metric, spec, group, parts, slots, missing) for group, parts in cells.items()]
    hole = view.hole_after(span.from_ms)
    levels = {level: _at_level(read, rule, metric, spec, groups, level, hole) for level in rule.levels}
    return Reading(
        bound=levels[rule.level],
        levels=levels,
        log_index=feed.log_index,
        deadline_ms=feed.deadline_ms,
        backfill=backfill_share(feed.sources, span),
    )


def _cells(
    metric: Metric, spec: SlotSpec, view: View, span: Span, expected: tuple[str, ...] | None
) -> tuple[dict[object, Cells], bool]:
    """Sums by group and start of period; and whether two sources state the same slot."""
    by = spec.group.by if spec.group else ""
    key = ("cells", metric.id, spec.where, by, span, _by_day(spec))
    found, disputed = view.once(key, lambda: _summed(metric, spec, by, view, span))
    cells: dict[object, Cells] = {name: _nothing(metric) for name in expected or ()}
    cells |= found
    return cells or {"": _nothing(metric)}, disputed


def _nothing(metric: Metric) -> Cells:
    return [{} for _ in range(width(metric))]


def _summed(metric: Metric, spec: SlotSpec, by: str, view: View, span: Span) -> tuple[dict[object, Cells], bool]:
    parts: dict[object, Cells] = {}
    disputed = False
    for measure in metric.measures:
        for group, rows in _by_group(measure, spec, by, view, span).items():
            sums = parts.setdefault(group, _nothing(metric))
            for sum_of, column in zip(sums, contributions(metric, measure, rows), strict=True):
                for row, value in zip(rows, column, strict=True):
                    start = row.start_ms
                    sum_of[start] = sum_of[start] + value if start in sum_of else value
        disputed = disputed or _disputed(measure, spec, view, span)
    return parts, disputed


def _by_day(spec: SlotSpec) -> bool:
    """Whether sums of days will do: they are kept, where 13 months of quarter hours would have to be added up."""
    return spec.every in GRAIN_UNITS and spec.during is None


def _fitting(measure: str, spec: SlotSpec, view: View, span: Span) -> Sequence[MeasureRow]:
    rows = view.days(measure, span) if _by_day(spec) else view.slots(measure, span)
    return [row for row in rows if fits(row, spec.where)] if spec.where else rows


def _by_group(measure: str, spec: SlotSpec, by: str, view: View, span: Span) -> dict[object, Sequence[MeasureRow]]:
    """Rows by group, in the order in which groups first appear."""
    rows = _fitting(measure, spec, view, span)
    if not by:
        return {"": rows} if rows else {}
    found: dict[object, list[MeasureRow]] = {}
    for row in rows:
        found.setdefault(dict(row.dimensions).get(by, ""), []).append(row)
    return dict(found)


def _disputed(measure: str, spec: SlotSpec, view: View, span: Span) -> bool:
    key = ("disputed", measure, spec.where, span, _by_day(spec))
    return view.once(key, lambda: _contradict(_fitting(measure, spec, view, span)))


def _contradict(rows: Sequence[MeasureRow]) -> bool:
    """Whether two sources state one slot of one group."""
    if len(set(map(attrgetter("agent", "source"), rows))) < 2:
        return False
    owners: dict[object, tuple[str, str]] = {}
    return any(
        owners.setdefault((row.dimensions, row.start_ms), (row.agent, row.source)) != (row.agent, row.source)
        for row in rows
    )


def _slots(metric: Metric, spec: SlotSpec, span: Span, zone: ZoneInfo) -> list[Span]:
    if spec.every in GRAIN_UNITS:
        return calendar_slots(span, spec.every, zone)
    length = int(spec.every[:-1]) * UNIT_MS[spec.every[-1]]
    step = spec.step_ms or length
    return [Span(start, start + length) for start in range(span.from_ms, span.to_ms - length + 1, step)]


def _judge(
    metric: Metric,
    spec: SlotSpec,
    group: object,
    cells: Cells,
    slots: Sequence[Span],
    missing: Sequence[Span],
) -> Slots:
    """Prefix sums, so that a rolling window costs two look-ups."""
    starts = sorted(cells[0])
    sums = [list(accumulate([part[start] for start in starts], initial=0.0)) for part in cells]
    values: list[float | None] = []
    least = 0 if metric.formula == "count" else max(spec.sample, 1)
    for slot in slots:
        if any(gap.from_ms < slot.to_ms and gap.to_ms > slot.from_ms for gap in missing):
            values.append(None)
            continue
        low, high = bisect_left(starts, slot.from_ms), bisect_left(starts, slot.to_ms)
        tally = tuple([part[high] - part[low] for part in sums])
        value = value_of(metric, tally)
        if value is not None and sample_of(metric, tally) >= least:
            values.append(value)
    return Slots(group=group, values=tuple(values))


def _at_level(
    read: Read, rule: Rule, metric: Metric, spec: SlotSpec, groups: list[Slots], level: int, hole: str
) -> Bound:
    meets = spec.meets
    if meets is None:
        limit = next((table.at(level) for table in rule.limits if table.name == "limit"), None)
        if limit is None:
            return Bound(state="inconclusive", reason="limit")
        meets = (float(limit), float("inf")) if metric.better == "up" else (float("-inf"), float(limit))
    count = sum(len(group.values) for group in groups)
    if count == 0:
        return Bound(state="inconclusive", reason="empty", worst={"n": 0, "good": 0}, best={"n": 0, "good": 0})
    worst, best = (_look(metric, groups, meets, count, hopeful=hopeful) for hopeful in (False, True))
    if hole:
        return holed(read, rule, hole, worst)
    uncertain = any(value is None for group in groups for value in group.values)
    return Bound(
        state="inconclusive" if uncertain else "", reason="uncovered" if uncertain else "", worst=worst, best=best
    )


def _look(
    metric: Metric, groups: list[Slots], meets: tuple[float, float], count: int, *, hopeful: bool
) -> dict[str, Scalar]:
    low, high = meets
    marks = [[hopeful if value is None else low <= value <= high for value in group.values] for group in groups]
    known = [value for group in groups for value in group.values if value is not None]
    good = sum(sum(row) for row in marks)
    names: dict[str, Scalar] = {"n": count, "good": good, "bad": count - good, "share": 100.0 * good / count}
    names["streak"] = min((_streak(row) for row in marks if row), default=0)
    if len(known) == count:
        names["median"] = median(known)
        if metric.better != "band":
            names["worst"] = min(known) if metric.better == "up" else max(known)
    return names


def _streak(row: list[bool]) -> int:
    """Good slots in a row, counted back from the newest."""
    streak = 0
    for mark in reversed(row):
        if not mark:
            break
        streak += 1
    return streak
