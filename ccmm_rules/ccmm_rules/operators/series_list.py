"""`series: {each: LIST}`: a row per metric (or per process, `any_of: metrics`) of a profile list.

A metric whose sources are silent makes the read missing; one that cannot be known otherwise (uncovered, too few, no
such metric) is bad in the worst look and good in the best. A test on `met` or `on_target` needs the center's target.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ccmm_rules.conclude import Bound
from ccmm_rules.evidence import Entry
from ccmm_rules.expression import Scalar
from ccmm_rules.model import Read, Rule
from ccmm_rules.operators.answers import target_names
from ccmm_rules.operators.series import Curve, curve_of, read_series, row_names
from ccmm_rules.operators.series_load import BENCHMARK
from ccmm_rules.operators.view import FeedState, Reading, View
from ccmm_rules.spec import SeriesSpec
from ccmm_rules.verdict import Spot
from ccmm_rules.vocabulary.tables import Metric

ATTESTATION = "attestation"
QUANTILES = (("q10", 10.0), ("q25", 25.0), ("q50", 50.0), ("q75", 75.0), ("q90", 90.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One entry of the list: whether its test holds (None: cannot be known), or why the read cannot be read."""

    entry: str
    good: bool | None = None
    state: str = ""  # missing, or inconclusive where good is None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """What all rows share."""

    read: Read
    spec: SeriesSpec
    view: View
    tables: tuple[Mapping[str, object], ...] | None  # the attested tables in date; None: not known
    curves: list[Curve]  # those looked at, added to as rows are judged


def read_series_or_list(read: Read, view: View, rule: Rule) -> Reading:
    """`series` of either form."""
    assert isinstance(read.spec, SeriesSpec)
    return _read_list(read, read.spec, view) if read.spec.each else read_series(read, view, rule)


def _read_list(read: Read, spec: SeriesSpec, view: View) -> Reading:
    entries = view.answers.get(spec.each)
    if not isinstance(entries, list):
        return Reading(bound=Bound(state="missing", reason="unanswered"))
    benchmark = view.feed_state((ATTESTATION,), read.fresh_for_ms) if spec.against else None
    tables, until = _tables(view, benchmark) if benchmark is not None else (None, None)
    scene = _Scene(read=read, spec=spec, view=view, tables=tables, curves=[])
    rows = [_row(scene, entry) for entry in dict.fromkeys(entries)]
    if benchmark is not None and benchmark.state:
        rows.append(_Row(entry=BENCHMARK, state=benchmark.state, reason=benchmark.reason))
    elif benchmark is not None and (hole := view.hole_after(benchmark.watermark_ms, reach_ms=0)):
        rows.append(_Row(entry=BENCHMARK, state="inconclusive", reason=hole))
    return _reading(scene, rows, benchmark, until)


def _reading(scene: _Scene, rows: Sequence[_Row], benchmark: FeedState | None, until: int | None) -> Reading:
    """Freshness is that of the metric heard longest ago, and of the answers used."""
    view, curves = scene.view, scene.curves
    feeds = [curve.feed for curve in curves] + ([benchmark] if benchmark is not None else [])
    facts = [view.answer_facts(name) for name in _answers(scene, rows)]
    ends = [feed.deadline_ms for feed in feeds] + [end for _, end in facts]
    spans = [curve.span for curve in curves if curve.span is not None]
    worst = next((row for row in rows if row.good is False), None)
    return Reading(
        bound=_bound(rows),
        log_index=max([feed.log_index for feed in feeds] + [index for index, _ in facts], default=-1),
        deadline_ms=min((end for end in ends if end is not None), default=None),
        again_ms=until,
        backfill=max((curve.backfill for curve in curves), default=0.0),
        span=min(spans) if spans else None,
        watermark_ms=min((feed.watermark_ms for feed in feeds if not feed.state), default=None),
        spot=Spot(group=worst.entry, count=sum(row.good is False for row in rows)) if worst is not None else None,
    )


def _answers(scene: _Scene, rows: Sequence[_Row]) -> list[str]:
    """Names of the scope answers that the read rests on."""
    targets = [name for curve in scene.curves for name in target_names(curve.metric)] if _needs_target(scene) else []
    processes = [f"metrics.{row.entry}" for row in rows] if scene.spec.any_of else []
    return [scene.spec.each, *processes, *targets]


def _needs_target(scene: _Scene) -> bool:
    assert scene.spec.test is not None
    return not scene.spec.test.compiled.names.isdisjoint(("met", "on_target"))


def _bound(rows: Sequence[_Row]) -> Bound:
    entries = [row for row in rows if row.entry != BENCHMARK]
    if not entries:
        none: dict[str, Scalar] = {"n": 0, "good": 0}
        return Bound(state="inconclusive", reason="empty", worst=none, best=none)
    worst, best = (_counts(entries, hopeful=hopeful) for hopeful in (False, True))
    absent = next((row for row in rows if row.state == "missing"), None)
    if absent is not None:
        return Bound(state="missing", reason=absent.reason, best=best)
    lost = next((row for row in rows if row.reason in ("hole", "disputed")), None)
    if lost is not None:
        return Bound(state="inconclusive", reason=lost.reason)
    unsure = next((row for row in rows if row.good is None), None)
    if unsure is None:
        return Bound(worst=worst, best=best)
    return Bound(state="inconclusive", reason=unsure.reason, worst=worst, best=best)


def _counts(rows: Sequence[_Row], *, hopeful: bool) -> dict[str, Scalar]:
    good = sum(1 for row in rows if (hopeful if row.good is None else row.good))
    return {"n": len(rows), "good": good, "bad": len(rows) - good, "share": 100.0 * good / max(len(rows), 1)}


def _row(scene: _Scene, entry: str) -> _Row:
    """An entry is a metric, or with `any_of` a process: then it is good where any of its metrics is."""
    metrics: Sequence[str] | None = (entry,)
    if scene.spec.any_of:
        metrics = scene.view.metrics_of(entry)
    if not metrics:
        return _Row(entry=entry, state="missing", reason="unanswered")
    found = [_judge(scene, entry, name) for name in metrics]
    for row in found:
        if row.state == "missing" or row.reason in ("hole", "disputed"):
            return row
    if any(row.good for row in found):
        return _Row(entry=entry, good=True)
    return next((row for row in found if row.good is None), found[0])


def _judge(scene: _Scene, entry: str, name: str) -> _Row:
    metric = scene.view.vocabulary.metrics.get(name)
    if metric is None:
        return _Row(entry=entry, state="inconclusive", reason="undecidable")
    curve = curve_of(metric, scene.spec, scene.view, scene.read.fresh_for_ms)
    scene.curves.append(curve)
    if curve.state:
        return _Row(entry=entry, state=curve.state, reason=curve.reason)
    meets = scene.view.meets(metric)
    if meets is None and _needs_target(scene):
        return _Row(entry=entry, state="missing", reason="unanswered")
    assert scene.spec.test is not None
    compiled = scene.spec.test.compiled
    names = row_names(curve, meets)
    if "rank" in compiled.names and scene.tables is not None and "value" in names:
        rank = _rank(metric, float(names["value"]), scene.tables)
        if rank is None:
            return _Row(entry=entry, good=False)
        names["rank"] = rank
    profile = {f"profile.{key}": value for key, value in scene.view.answers.items()}
    good = compiled.evaluate({**profile, **names})
    if not isinstance(good, bool):
        return _Row(entry=entry, state="inconclusive", reason="sample" if None in curve.values else "undecidable")
    return _Row(entry=entry, good=good)


def _tables(view: View, feed: FeedState) -> tuple[tuple[Mapping[str, object], ...] | None, int | None]:
    """Rows of independent benchmarks in date, and when the next of them runs out."""
    if feed.state:
        return None, None
    found, ends = [], []
    for source in feed.sources:
        listing = view.listing_of(ATTESTATION, source)
        for entry in listing.entries if listing is not None else ():
            end = entry.attributes.get("until")
            if _counts_as_table(entry) and (not isinstance(end, int) or view.at_ms <= end):
                found.append(entry.attributes)
                ends += [end + 1] if isinstance(end, int) else []
    return tuple(found), min(ends, default=None)


def _counts_as_table(entry: Entry) -> bool:
    return entry.attributes.get("class") == BENCHMARK and entry.attributes.get("independent") is True


def _rank(metric: Metric, value: float, tables: Sequence[Mapping[str, object]]) -> float | None:
    """Percent of others that the value is at least as good as, rounded down to a quantile of the table.

    Of several tables the one that flatters least counts; a table made by another definition is none.
    """
    ranks = [
        _rank_in(metric, value, table)
        for table in tables
        if table.get("metric") == metric.id and table.get("definition") == metric.hash
    ]
    return min((rank for rank in ranks if rank is not None), default=None)


def _rank_in(metric: Metric, value: float, table: Mapping[str, object]) -> float | None:
    known = [
        (float(bound), percent) for name, percent in QUANTILES if isinstance(bound := table.get(name), int | float)
    ]
    if not known or metric.better == "band":
        return None
    if metric.better == "up":
        return max((percent for bound, percent in known if value >= bound), default=0.0)
    return max((100.0 - percent for bound, percent in known if value <= bound), default=0.0)
