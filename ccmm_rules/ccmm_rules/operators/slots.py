"""`slots`: a KPI per slot, in grains or rolling. An uncovered slot is bad in the worst look, good in the best.

So is one in which a gauge was not read. A slot outside the time that counts (`during`) is no slot.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal
from zoneinfo import ZoneInfo

from ccmm_rules.conclude import Bound
from ccmm_rules.evidence import Span
from ccmm_rules.expression import Scalar
from ccmm_rules.model import Read, Rule
from ccmm_rules.operators.groups import expected_of, median, named
from ccmm_rules.operators.holes import holed
from ccmm_rules.operators.masking import masked, settled_window
from ccmm_rules.operators.metric import unknown
from ccmm_rules.operators.slot_cells import SHORTEST_DAY_MS, Cells, cells_of, nothing
from ccmm_rules.operators.spans import parts_within, united
from ccmm_rules.operators.tallies import counted_spans
from ccmm_rules.operators.tally import Tally, ends_of, sample_of, value_of
from ccmm_rules.operators.view import FeedState, Reading, View, backfill_share, uncovered
from ccmm_rules.operators.windows import GRAIN_UNITS, calendar_slots
from ccmm_rules.spec import UNIT_MS, SlotSpec
from ccmm_rules.verdict import Spot
from ccmm_rules.vocabulary.tables import Metric

Ends = tuple[float, float]  # what is compared: of a range its ends, else one value twice


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """Values of one group, oldest first; None: uncovered, or not read. Slots below the sample are left out."""

    group: object
    values: tuple[Ends | None, ...]
    starts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What values hang on beside the slots: the time that counts, what of it nobody vouched for, who is expected."""

    span: Span
    counted: tuple[Span, ...]
    missing: tuple[Span, ...]
    expected: tuple[object, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the slots of a scene give by level; nothing where two sources state the same."""

    levels: dict[int, Bound]
    spot: Spot | None


def read_slots(read: Read, view: View, rule: Rule) -> Reading:
    spec = read.spec
    assert isinstance(spec, SlotSpec)
    metric = view.vocabulary.metrics[spec.metric]
    feed = view.feed_state(read.feeds, read.fresh_for_ms)
    if feed.state:
        return unknown(feed.state, feed.reason, feed)
    if view.zone is None:
        return unknown("missing", "zone", feed)
    target = view.meets(metric) if spec.target else None
    if spec.target and target is None:
        return unknown("missing", "unanswered", feed)
    scene = _scene(metric, spec, view, feed, settled_window(metric, spec, feed.watermark_ms, view.zone))
    if isinstance(scene, Reading):
        return scene
    hole = view.hole_after(scene.span.from_ms)
    stays = not view.hole_after(feed.watermark_ms, reach_ms=0)  # else the window may lie later: what is lost moves it
    met = {level: spec.meets or target or _limit_of(rule, metric, level) for level in rule.levels}
    key = (rule.digest, read.name, metric.hash, view.zone.key, hole, stays, tuple(met.items()), scene)
    reach = Span(scene.span.from_ms - metric.flat_ms, scene.span.to_ms)
    (found,) = view.evidence.kept(
        key, metric.measures, reach, lambda: [_found(read, view, rule, scene, met, hole, stays)]
    )
    if not found.levels:
        return unknown("inconclusive", "disputed", feed)
    return Reading(
        bound=found.levels[rule.level],
        levels=found.levels,
        log_index=feed.log_index,
        deadline_ms=feed.deadline_ms,
        backfill=backfill_share(feed.sources, scene.span),
        span=scene.span,
        spot=found.spot,
    )


def _scene(metric: Metric, spec: SlotSpec, view: View, feed: FeedState, span: Span) -> Scene | Reading:
    """Or the reading that says why there is none."""
    mask = masked(view, spec.during, span)
    if mask.state:
        return unknown(mask.state, mask.reason, feed)
    expected, why = expected_of(spec.group, view)
    if why:
        return unknown("missing" if why == "unanswered" else "inconclusive", why, feed)
    counted = counted_spans(metric, span, mask.spans)
    gaps = uncovered(feed.sources, span)
    return Scene(
        span=span,
        counted=tuple(counted),
        missing=tuple(united([cut for part in counted for cut in parts_within(gaps, part)])) if gaps else (),
        expected=tuple(expected) if expected is not None else None,
    )


def _found(
    read: Read, view: View, rule: Rule, scene: Scene, met: Mapping[int, Ends | None], hole: str, stays: bool
) -> Found:
    spec = read.spec
    assert isinstance(spec, SlotSpec)
    metric = view.vocabulary.metrics[spec.metric]
    groups = _groups(metric, spec, view, scene)
    firm = stays and not metric.flat_ms and (spec.during is None or not spec.during.kind)
    by_limit = {
        meets: _judged(read, rule, metric, groups, meets, hole, firm=firm)
        for meets in dict.fromkeys(met.values() if groups else ())
        if meets is not None
    }
    unlimited = Bound(state="inconclusive", reason="limit")
    levels = {level: unlimited if meets is None else by_limit[meets] for level, meets in met.items()} if groups else {}
    return Found(levels=levels, spot=_spot(groups, met[rule.level]))


def _limit_of(rule: Rule, metric: Metric, level: int) -> Ends | None:
    limit = next((table.at(level) for table in rule.limits if table.name == "limit"), None)
    if limit is None:
        return None
    return (float(limit), float("inf")) if metric.better == "up" else (float("-inf"), float(limit))


def _groups(metric: Metric, spec: SlotSpec, view: View, scene: Scene) -> list[Slots]:
    """Values of each group; none where two sources state the same."""
    assert view.zone is not None
    span, counted, expected = scene.span, scene.counted, scene.expected
    slots, bases = slots_in(spec, span, view.zone)
    by = spec.group.by if spec.group else ""
    found, disputed = cells_of(metric, spec.where, by, view, counted, bases)
    if disputed:
        return []
    cells: dict[object, Cells] = {name: nothing(metric) for name in expected or ()} | found
    due = slots if counted == (span,) else [slot for slot in slots if _overlaps(counted, slot)]
    lost = [_overlaps(scene.missing, slot) if scene.missing else False for slot in due]
    groups = cells or {"": nothing(metric)}
    values = [_values(metric, spec, group, parts, due, lost) for group, parts in groups.items()]
    return [_silent(slots, due) if _is_silent(metric, slots, cells, expected, span) else slots for slots in values]


def _is_silent(
    metric: Metric, slots: Slots, cells: Mapping[object, Cells], expected: Sequence[object] | None, span: Span
) -> bool:
    """Whether a group that is expected told nothing in the whole window that could be divided."""
    if metric.formula == "count" or slots.values or slots.group not in (expected or ()):
        return False
    return sample_of(metric, cells[slots.group].tally(span)) <= 0


def _silent(slots: Slots, due: Sequence[Span]) -> Slots:
    """Nobody knows any of its slots."""
    return Slots(group=slots.group, values=(None,) * len(due), starts=tuple(slot.from_ms for slot in due))


def slots_in(spec: SlotSpec, span: Span, zone: ZoneInfo) -> tuple[Sequence[Span], Sequence[Span]]:
    """The slots of the window, and the pieces that do not overlap of which they are made: of short ones the first."""
    if spec.every in GRAIN_UNITS:
        units = calendar_slots(span, spec.every, zone)
        return units, units
    length = int(spec.every[:-1]) * UNIT_MS[spec.every[-1]]
    step = spec.step_ms or length
    slots = [Span(start, start + length) for start in range(span.from_ms, span.to_ms - length + 1, step)]
    until_ms = span.to_ms - step + 1 if step >= SHORTEST_DAY_MS else min(span.to_ms - step, span.from_ms) + 1
    return slots, [Span(start, start + step) for start in range(span.from_ms, until_ms, step)]


def _overlaps(parts: Sequence[Span], slot: Span) -> bool:
    """`parts` sorted and apart: only the last that begins before the slot ends can reach into it."""
    place = bisect_left(parts, slot.to_ms, key=attrgetter("from_ms")) - 1
    return place >= 0 and parts[place].to_ms > slot.from_ms


def _values(
    metric: Metric, spec: SlotSpec, group: object, cells: Cells, slots: Sequence[Span], lost: Sequence[bool]
) -> Slots:
    values: list[Ends | None] = []
    starts: list[int] = []
    known: dict[Tally, Ends | Literal[False] | None] = {}  # many slots are alike
    for slot, is_lost, tally in zip(slots, lost, cells.tallies(slots), strict=True):
        if tally not in known:
            known[tally] = _ends(metric, spec, tally)
        ends = None if is_lost else known[tally]
        if ends is not False:
            values.append(ends)
            starts.append(slot.from_ms)
    return Slots(group=group, values=tuple(values), starts=tuple(starts))


def _ends(metric: Metric, spec: SlotSpec, tally: Tally) -> Ends | Literal[False] | None:
    """None: a gauge that was not read; False: too little to judge."""
    is_enough = sample_of(metric, tally) >= (0 if metric.formula == "count" else max(spec.sample, 1))
    if metric.is_gauge:
        return ends_of(metric, tally) if is_enough else None
    value = value_of(metric, tally)
    return (value, value) if value is not None and is_enough else False


def _spot(groups: list[Slots], meets: Ends | None) -> Spot | None:
    """The slot that is furthest from what it should meet, the newest of several; None: all known ones meet it."""
    low, high = meets or (float("-inf"), float("inf"))
    beyond = [
        (max(low - ends[0], ends[1] - high), start, named(group.group))
        for group in groups
        for ends, start in zip(group.values, group.starts, strict=True)
        if ends is not None and not (low <= ends[0] and ends[1] <= high)
    ]
    if not beyond:
        return None
    _, start, name = max(beyond)
    return Spot(at_ms=start, group=name, count=len(beyond))


def _judged(
    read: Read, rule: Rule, metric: Metric, groups: list[Slots], meets: Ends, hole: str, *, firm: bool
) -> Bound:
    """Not `firm`: what is lost may move the window, or show that a sensor stood still or that a slot does not count."""
    count = sum(len(group.values) for group in groups)
    if count == 0:
        return Bound(state="inconclusive", reason="empty", worst={"n": 0, "good": 0}, best={"n": 0, "good": 0})
    worst, best = (_look(metric, groups, meets, count, hopeful=hopeful) for hopeful in (False, True))
    if hole:
        return holed(read, rule, hole, worst if firm else {})
    uncertain = any(value is None for group in groups for value in group.values)
    return Bound(
        state="inconclusive" if uncertain else "", reason="uncovered" if uncertain else "", worst=worst, best=best
    )


def _look(metric: Metric, groups: list[Slots], meets: Ends, count: int, *, hopeful: bool) -> Mapping[str, Scalar]:
    low, high = meets
    marks = [
        [hopeful if ends is None else low <= ends[0] and ends[1] <= high for ends in group.values] for group in groups
    ]
    known = [ends[0] for group in groups for ends in group.values if ends is not None]
    good = sum(sum(row) for row in marks)
    names: dict[str, Scalar] = {"n": count, "good": good, "bad": count - good, "share": 100.0 * good / count}
    names["streak"] = min((_streak(row) for row in marks if row), default=0)
    if len(known) == count and metric.formula != "range":
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
