"""`inventory`, `occurrences`, `documents`, `attestations`: from evidence to names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from ccmm_rules.conclude import Bound
from ccmm_rules.evidence import SourceFacts, Span
from ccmm_rules.expression import Scalar
from ccmm_rules.model import Read, Rule
from ccmm_rules.operators.computed import computed_index
from ccmm_rules.operators.counting import Frame, Judged, two_looks
from ccmm_rules.operators.crossing import next_crossing
from ccmm_rules.operators.derived_rows import feed_of, feeds_now, ground_of, reach_of, trouble_of, window_of
from ccmm_rules.operators.expecting import Expected, expecting, groups_of
from ccmm_rules.operators.groups import named
from ccmm_rules.operators.holes import holed
from ccmm_rules.operators.metric import unknown
from ccmm_rules.operators.rowset import Chosen, goods_of, rows_of
from ccmm_rules.operators.table import Table, picked
from ccmm_rules.operators.view import FeedState, Reading, View, backfill_share, uncovered
from ccmm_rules.operators.windows import workdays_between
from ccmm_rules.spec import RowSource, RowsSpec
from ccmm_rules.verdict import Spot

_LAG_MS = {"minutes": 60_000, "hours": 3_600_000, "days": 86_400_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The window and expected groups of one read."""

    feed: FeedState
    span: Span | None
    units: tuple[Span, ...]
    expected: Expected
    hole: str


def read_rows(read: Read, view: View, rule: Rule) -> Reading:
    spec = read.spec
    assert isinstance(spec, RowsSpec)
    feed = feed_of(read, _sources(spec), view)
    if feed.state:
        return unknown(feed.state, feed.reason, feed)
    if view.zone is None:
        return unknown("missing", "zone", feed)
    scene = _scene(spec, view, feed, view.zone)
    if scene.expected.why == "unanswered":
        return unknown("missing", "unanswered", feed)
    trouble = trouble_of((spec.source,), view, scene.span, feed.watermark_ms)
    if trouble and not scene.hole:
        return unknown("inconclusive", trouble, feed)
    rows = rows_of(spec.source, view, scene.span, feed.watermark_ms)
    judged = _newest(_judge(spec, rows, scene, view.at_ms), rows, spec)
    frame = Frame(
        spec=spec,
        expected=scene.expected.groups,
        hoped=scene.expected.hoped,
        from_ms=scene.span.from_ms if scene.span else None,
        now_ms=view.at_ms,
        names=read.names,
    )
    worst, best = two_looks(judged, frame)
    return Reading(
        bound=_bound(read, rule, scene, judged, worst, best, rows),
        log_index=max(feed.log_index, computed_index(rows.table.kind, rows.table.rows, view)),
        deadline_ms=feed.deadline_ms,
        again_ms=next_crossing(read, rule, rows, judged, view, scene.span.from_ms if scene.span else 0),
        backfill=backfill_share(_speakers(spec, view), scene.span or Span(feed.watermark_ms - 1, feed.watermark_ms)),
        span=scene.span or Span(feed.watermark_ms, feed.watermark_ms),
        spot=_spot(spec, judged, rows),
        watermark_ms=feed.watermark_ms,
    )


def _spot(spec: RowsSpec, judged: Judged, rows: Chosen) -> Spot | None:
    """The first bad row by its group, or else by its own name."""
    bad = [at for at, good in enumerate(judged.goods) if good is False]
    if spec.test is None or not bad:
        return None
    name: object = ""
    if spec.group is not None and not spec.group.grain:
        name = judged.groups[bad[0]]
    elif spec.newest is None:
        name = rows.table.rows[rows.places[bad[0]]].id
    shown = name % 2**64 if isinstance(name, int) else name  # columns hold pseudonyms signed
    return Spot(at_ms=judged.stamps[bad[0]], group=named(shown), count=len(bad))


def rows_windows(read: Read, view: View) -> Iterator[tuple[str, Span]]:
    """(kind, window) of the occurrences that the read will need."""
    spec = read.spec
    assert isinstance(spec, RowsSpec)
    if spec.source.form != "occurrence" or spec.source.derived is not None:
        return
    feed = feed_of(read, _sources(spec), view)
    if not feed.state and view.zone is not None:
        yield spec.source.kind, _window(spec, feed, view.zone)[0]


def _scene(spec: RowsSpec, view: View, feed: FeedState, zone: ZoneInfo) -> Scene:
    if spec.source.form != "occurrence":
        expected = expecting(spec.group, view, (), feed.watermark_ms)
        hole = view.hole_after(feed.watermark_ms, reach_ms=0)
        return Scene(feed=feed, span=None, units=(), expected=expected, hole=hole)
    span, units = _window(spec, feed, zone)
    ground = ground_of((spec.source,), span, view)
    hole = view.hole_after(ground.from_ms, reach_ms=reach_of((spec.source,)))
    hole = hole or ("uncovered" if uncovered(_speakers(spec, view), ground) else "")
    expected = expecting(spec.group, view, units, feed.watermark_ms)
    return Scene(feed=feed, span=span, units=tuple(units), expected=expected, hole=hole)


def _speakers(spec: RowsSpec, view: View) -> list[SourceFacts]:
    """The sources of the rows: those of the list of who is expected need not reach back."""
    return [facts for feed in feeds_now(spec.source, view) for facts in view.feeding(feed)]


def _sources(spec: RowsSpec) -> tuple[RowSource, ...]:
    """The rows, and the list of who is expected."""
    entries = spec.group.entries if spec.group is not None else None
    return (spec.source, entries) if entries is not None else (spec.source,)


def _window(spec: RowsSpec, feed: FeedState, zone: ZoneInfo) -> tuple[Span, Sequence[Span]]:
    """The window, and the calendar units expected in it."""
    if spec.over is None:
        return _all_time(feed), []
    return window_of(spec.over, feed, zone, spec.group.unit if spec.group is not None else "")


def _all_time(feed: FeedState) -> Span:
    """Without `over`: since all of the sources vouch."""
    begin = max(source.covered[0].from_ms for source in feed.sources)
    return Span(min(begin, feed.watermark_ms), feed.watermark_ms)


def _judge(spec: RowsSpec, rows: Chosen, scene: Scene, now_ms: int) -> Judged:
    table, places = rows.table, rows.places
    goods: Sequence[bool | None] = [at not in table.expired for at in places]
    if spec.test is not None:
        goods = goods_of(rows, spec.test, scene.feed.watermark_ms, now_ms)
    stamps = table.starts if spec.source.form == "occurrence" else table.stamps("approved")
    numbers = table.pick(spec.number, places, now_ms) if spec.number else ()
    return Judged(
        goods=goods,
        maybe=[at in rows.maybe for at in places] if rows.maybe else None,
        groups=groups_of(spec.group, table, places, scene.units),
        stamps=picked(stamps, places),
        numbers=_plain(numbers),
        weights=_plain(table.pick(spec.weight, places, now_ms)) if spec.weight else (),
        lags=lags_of(spec.lag, spec.lag_unit, table, places, now_ms, absolute=spec.absolute) if spec.lag else (),
    )


def _plain(values: Sequence[object]) -> list[float | None]:
    return [value if isinstance(value, int | float) else None for value in values]


def lags_of(
    lag: tuple[str, str], unit: str, table: Table, places: Sequence[int], now_ms: int, *, absolute: bool
) -> list[float | None]:
    """From the first time to the second; so far where the second has not come. None: the first is not known."""
    begins, ends = table.stamps(lag[0]), table.stamps(lag[1])
    found: list[float | None] = []
    for at in places:
        begin, end = begins[at], ends[at]
        if begin is None:
            found.append(None)
            continue
        length = lag_between(begin, end if end is not None else max(now_ms, begin), unit, table.zone)
        found.append(abs(length) if absolute else length)
    return found


def lag_between(begin_ms: int, end_ms: int, unit: str, zone: ZoneInfo) -> float:
    """In the unit; working days are counted as the calendar has them."""
    if unit == "workdays":
        return float(workdays_between(begin_ms, end_ms, zone))
    return (end_ms - begin_ms) / _LAG_MS[unit]


def _newest(judged: Judged, rows: Chosen, spec: RowsSpec) -> Judged:
    """The newest N, of each group."""
    if spec.newest is None:
        return judged
    names = [str(rows.table.rows[at].id) for at in rows.places]
    by_group: dict[object, list[int]] = {}
    for at in sorted(range(len(names)), key=lambda at: (judged.stamps[at] or 0, names[at]), reverse=True):
        kept = by_group.setdefault(judged.groups[at] if spec.group is not None else "", [])
        if len(kept) < spec.newest:
            kept.append(at)
    return judged.only([at for kept in by_group.values() for at in reversed(kept)])


def _bound(
    read: Read,
    rule: Rule,
    scene: Scene,
    judged: Judged,
    worst: dict[str, Scalar],
    best: dict[str, Scalar],
    rows: Chosen,
) -> Bound:
    spec, expected = read.spec, scene.expected
    assert isinstance(spec, RowsSpec)
    if scene.hole:
        kept = _despite_loss(spec, worst)
        owed = {name: value for name, value in kept.items() if name not in ("absent", "least")}
        return holed(read, rule, scene.hole, owed if expected.why == "empty" else kept)
    if spec.newest is not None and judged.maybe is not None:  # those of which it is not known may stand before others
        return Bound(state="inconclusive", reason="undecidable")
    if expected.key_ids and len(expected.key_ids | {rows.table.key_ids[at] for at in rows.places}) > 1:
        return Bound(state="inconclusive", reason="keys")
    count = len(judged.goods)
    stay = ("n", "good") if expected.why == "empty" else ("n", "good", "least", "absent")  # where nobody owes a row
    if not count or expected.why == "empty":
        hoped = emptied(read, best, spec.empty, stay)
        return replace(emptied(read, worst, spec.empty, stay), best=hoped.best)
    if count < spec.sample:
        kept = {"n": worst["n"]} if "n" in worst else {}
        return Bound(state="inconclusive", reason="sample", worst=kept, best=kept)
    return Bound(state="inconclusive" if worst != best else "", reason="undecidable" if worst != best else "",
                 worst=worst, best=best)  # fmt: skip


def _despite_loss(spec: RowsSpec, worst: dict[str, Scalar]) -> dict[str, Scalar]:
    """Names that a lost statement can but raise or lower as `holed` has it."""
    group = spec.group
    if spec.source.form != "occurrence" or spec.source.derived is not None or spec.newest is not None:
        return {}  # what is lost may take the place of what is there
    if group is not None and group.entries is not None:  # a lost list may expect others
        return {}
    if group is None or group.unit:
        return worst
    gone = {"last_days", "gap_days"} | (set() if group.expects else {"least"})  # of a group that nobody knows of
    return {name: value for name, value in worst.items() if name not in gone}


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
