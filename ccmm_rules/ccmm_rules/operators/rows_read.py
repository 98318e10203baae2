"""`inventory`, `occurrences`, `documents`, `attestations`: from evidence to names."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ccmm_rules.conclude import Bound
from ccmm_rules.evidence import Span
from ccmm_rules.expression import Scalar
from ccmm_rules.model import Read, RowsSpec, Rule
from ccmm_rules.operators.counting import Frame, Judged, two_looks
from ccmm_rules.operators.crossing import next_crossing
from ccmm_rules.operators.groups import expected_of
from ccmm_rules.operators.holes import holed
from ccmm_rules.operators.metric import unknown
from ccmm_rules.operators.rowset import Reader, Row, judge_row, rows_of
from ccmm_rules.operators.view import FeedState, Reading, View, backfill_share, uncovered
from ccmm_rules.operators.windows import grain_window, row_window

LAG_MS = {"minutes": 60_000, "hours": 3_600_000, "days": 86_400_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The window and expected groups of one read."""

    zone: ZoneInfo
    feed: FeedState
    span: Span | None
    units: tuple[Span, ...]
    expected: tuple[object, ...] | None
    hole: str


def read_rows(read: Read, view: View, rule: Rule) -> Reading:
    spec = read.spec
    assert isinstance(spec, RowsSpec)
    feed = view.feed_state(read.feeds, read.fresh_for_ms)
    if feed.state:
        return unknown(feed.state, feed.reason, feed)
    if view.zone is None:
        return unknown("missing", "zone", feed)
    expected, why = expected_of(spec.group, view)
    if why == "unanswered":
        return unknown("missing", why, feed)
    scene = _scene(spec, view, feed, view.zone, expected)
    reader = Reader(view.vocabulary.kinds[spec.source.kind], view.zone, view.answers)
    rows = rows_of(spec.source, view, reader, scene.span, feed.watermark_ms)
    judged = _newest([_judge(spec, reader, row, scene, view) for row in rows], spec)
    frame = Frame(
        spec=spec,
        expected=scene.expected,
        from_ms=scene.span.from_ms if scene.span else None,
        now_ms=view.at_ms,
        names=read.names,
    )
    worst, best = two_looks(judged, frame)
    return Reading(
        bound=_bound(read, rule, scene, judged, worst, best, why),
        log_index=feed.log_index,
        deadline_ms=feed.deadline_ms,
        again_ms=next_crossing(read, rule, reader, rows, view.at_ms),
        backfill=backfill_share(feed.sources, scene.span or Span(feed.watermark_ms - 1, feed.watermark_ms)),
    )


def _scene(spec: RowsSpec, view: View, feed: FeedState, zone: ZoneInfo, expected: tuple[str, ...] | None) -> Scene:
    if spec.source.form != "occurrence":
        hole = view.hole_after(feed.watermark_ms, reach_ms=0)
        return Scene(zone=zone, feed=feed, span=None, units=(), expected=expected, hole=hole)
    units: list[Span] = []
    if spec.over is None:
        span = _all_time(feed)
    elif spec.group is not None and spec.group.grain:
        span, units = grain_window(spec.over, spec.group.by, feed.watermark_ms, zone)
    else:
        span = row_window(spec.over, feed.watermark_ms, zone)
    hole = view.hole_after(span.from_ms) or ("uncovered" if uncovered(feed.sources, span) else "")
    wanted: tuple[object, ...] | None = tuple(unit.from_ms for unit in units) if units else expected
    return Scene(zone=zone, feed=feed, span=span, units=tuple(units), expected=wanted, hole=hole)


def _all_time(feed: FeedState) -> Span:
    """Without `over`: since all of the sources vouch."""
    begin = max(source.covered[0].from_ms for source in feed.sources)
    return Span(min(begin, feed.watermark_ms), feed.watermark_ms)


def _judge(spec: RowsSpec, reader: Reader, row: Row, scene: Scene, view: View) -> Judged:
    good: bool | None = not row.expired
    if spec.test is not None:
        good = judge_row(reader, spec.test.compiled, spec.test.side, row, scene.feed.watermark_ms, view.at_ms)
    number = reader.getter(spec.number)(row, view.at_ms) if spec.number else None
    stamp = row.started_ms if spec.source.form == "occurrence" else reader.stamp("approved", row)
    return Judged(
        row=row,
        good=good,
        group=_group(spec, reader, row, scene),
        stamp_ms=stamp,
        number=number if isinstance(number, int | float) else None,
        lag=lag_of(spec.lag, spec.lag_unit, spec.absolute, reader, row, view.at_ms) if spec.lag else None,
    )


def _group(spec: RowsSpec, reader: Reader, row: Row, scene: Scene) -> object:
    if spec.group is None:
        return ""
    if spec.group.grain:
        for unit in scene.units:
            if unit.from_ms <= row.started_ms < unit.to_ms:
                return unit.from_ms
        return None  # in the unit that is still running
    value = reader.getter(spec.group.by)(row, row.started_ms)
    return tuple(value) if isinstance(value, list) else value


def lag_of(lag: tuple[str, str], unit: str, absolute: bool, reader: Reader, row: Row, now_ms: int) -> float | None:
    """From the first time to the second; so far where the second has not come. None: the first is not known."""
    begin, end = reader.stamp(lag[0], row), reader.stamp(lag[1], row)
    if begin is None:
        return None
    length = (end if end is not None else max(now_ms, begin)) - begin
    return (abs(length) if absolute else length) / LAG_MS[unit]


def _newest(judged: list[Judged], spec: RowsSpec) -> list[Judged]:
    """The newest N, of each group."""
    if spec.newest is None:
        return judged
    by_group: dict[object, list[Judged]] = {}
    for row in sorted(judged, key=lambda row: (row.stamp_ms or 0, str(row.row.key)), reverse=True):
        kept = by_group.setdefault(row.group if spec.group is not None else "", [])
        if len(kept) < spec.newest:
            kept.append(row)
    return [row for kept in by_group.values() for row in reversed(kept)]


def _bound(
    read: Read,
    rule: Rule,
    scene: Scene,
    judged: list[Judged],
    worst: dict[str, Scalar],
    best: dict[str, Scalar],
    why: str,
) -> Bound:
    spec = read.spec
    assert isinstance(spec, RowsSpec)
    if scene.hole:
        unbinds = spec.source.form != "occurrence"
        return holed(read, rule, scene.hole, {} if unbinds else worst)
    if not judged or why == "empty":
        return emptied(read, worst, spec.empty, ("n", "good", "least", "absent"))
    if len(judged) < spec.sample:
        kept = {"n": worst["n"]} if "n" in worst else {}
        return Bound(state="inconclusive", reason="sample", worst=kept, best=kept)
    return Bound(state="inconclusive" if worst != best else "", reason="undecidable" if worst != best else "",
                 worst=worst, best=best)  # fmt: skip


def emptied(read: Read, names: dict[str, Scalar], empty: float | int | None, stay: tuple[str, ...]) -> Bound:
    """Nothing there: what would prove harmlessness is unbound, unless the rule says what nothing means."""
    kept = {name: value for name, value in names.items() if name in stay}
    if empty is None:
        return Bound(state="inconclusive", reason="empty", worst=kept, best=kept)
    for name, word in read.names.items():
        if name in kept:
            continue
        if word == "double":
            kept[name] = float(empty)
        elif isinstance(empty, int) and name not in ("last_days", "gap_days", "n"):
            kept[name] = empty
    return Bound(worst=kept, best=kept)
