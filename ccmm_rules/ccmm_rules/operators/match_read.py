"""`match`: two row sets joined, from evidence to names."""

from collections import Counter
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from ccmm_rules.conclude import Bound
from ccmm_rules.evidence import Span
from ccmm_rules.expression import Scalar
from ccmm_rules.model import Read, Rule
from ccmm_rules.operators.computed import computed_index
from ccmm_rules.operators.crossing import pair_crossing
from ccmm_rules.operators.derived_rows import feed_of, feeds_now, ground_of, reach_of, trouble_of, window_of
from ccmm_rules.operators.holes import holed
from ccmm_rules.operators.joining import (
    Goodness,
    Joined,
    Sets,
    before_ms,
    joined,
    sets_of,
    sources_of,
    tables_of,
    windows_of,
)
from ccmm_rules.operators.metric import unknown
from ccmm_rules.operators.rows_read import emptied, lag_between
from ccmm_rules.operators.view import FeedState, Reading, View, backfill_share, uncovered
from ccmm_rules.operators.windows import nearest_rank
from ccmm_rules.spec import MatchSpec

_LOWER_IS_WORSE = frozenset(("share", "good", "good_share", "mean"))
_HIGHER_IS_WORSE = frozenset(("only_a", "only_a_share", "only_b", "only_b_share", "bad", "bad_share", "spread"))
_Ends = list[tuple[int | None, int | None]]


def read_match(read: Read, view: View, rule: Rule) -> Reading:
    spec = read.spec
    assert isinstance(spec, MatchSpec)
    feed = feed_of(read, sources_of(spec), view)
    if feed.state:
        return unknown(feed.state, feed.reason, feed)
    if view.zone is None:
        return unknown("missing", "zone", feed)
    span = window_of(spec.over, feed, view.zone)[0] if spec.over is not None else None
    hole = _hole(spec, view, feed, span)
    troubles = [
        trouble_of((source,), view, wide, feed.watermark_ms)
        for source, wide in windows_of(spec, span, feed.watermark_ms)
    ]
    if any(troubles) and not hole:
        return unknown("inconclusive", next(filter(None, troubles)), feed)
    sets = sets_of(spec, view, span, feed.watermark_ms)
    tests = [joining.condition for joining in spec.partners if joining.condition is not None]
    tests += [spec.test.compiled] if spec.test is not None else []
    looks = _looks(spec, sets, view, span)
    return Reading(
        bound=_bound(read, rule, sets, hole, [look[0] for look in looks]),
        log_index=max(feed.log_index, *(computed_index(table.kind, table.rows, view) for table in tables_of(sets))),
        deadline_ms=feed.deadline_ms,
        again_ms=pair_crossing(spec, rule, looks[1][1], tests, view),
        backfill=backfill_share(feed.sources, span or Span(feed.watermark_ms - 1, feed.watermark_ms)),
        span=span or Span(feed.watermark_ms, feed.watermark_ms),
        watermark_ms=feed.watermark_ms,
    )


def match_windows(read: Read, view: View) -> Iterator[tuple[str, Span]]:
    """(kind, window) of the occurrences that the read will need."""
    spec = read.spec
    assert isinstance(spec, MatchSpec)
    feed = feed_of(read, sources_of(spec), view)
    if feed.state or view.zone is None:
        return
    all_time = Span(0, feed.watermark_ms)
    span = window_of(spec.over, feed, view.zone)[0] if spec.over is not None else None
    for source, wide in windows_of(spec, span, feed.watermark_ms):
        if source.form == "occurrence" and source.derived is None:
            yield source.kind, wide or all_time


def _hole(spec: MatchSpec, view: View, feed: FeedState, span: Span | None) -> str:
    """Lists: lost after the list used. Occurrences: lost or not covered since the window began, tolerance included."""
    sources = sources_of(spec)
    forms = {source.form for source in sources}
    found = ""
    if forms - {"occurrence"}:
        found = view.hole_after(feed.watermark_ms, reach_ms=0)
    if "occurrence" in forms and span is not None and not found:
        ground = ground_of(sources, Span(span.from_ms - before_ms(spec), span.to_ms), view)
        feeds = {feed for source in sources if source.form == "occurrence" for feed in feeds_now(source, view)}
        fed = [facts for feed in sorted(feeds) for facts in view.feeding(feed)]
        looked = ground if any(source.derived is not None for source in sources) else span
        found = view.hole_after(ground.from_ms, reach_ms=reach_of(sources))
        found = found or ("uncovered" if uncovered(fed, looked) else "")
    return found


def _looks(spec: MatchSpec, sets: Sets, view: View, span: Span | None) -> "list[tuple[dict[str, Scalar], _Ends]]":
    """Worst and best; where everything could be decided they are the same, and are counted once."""
    goodness = Goodness(spec, sets, view)

    def look(*, hopeful: bool) -> tuple[dict[str, Scalar], _Ends]:
        found = joined(spec, sets, view, span, goodness, hopeful=hopeful)
        return _look(spec, sets, found, goodness, view.at_ms, hopeful=hopeful)

    worst = look(hopeful=False)
    doubtful = goodness.doubtful or any(side.doubtful for side in sets.sides)
    return [worst, look(hopeful=True) if doubtful else worst]


def _look(
    spec: MatchSpec, sets: Sets, found: Joined, goodness: Goodness, now_ms: int, *, hopeful: bool
) -> tuple[dict[str, Scalar], _Ends]:
    """(names, ends of the lags) of one look."""
    names = dict(found.counts)
    if spec.test is not None:
        names |= _tested(spec.test.side, goodness.marks(found.pairs, hopeful=hopeful))
    ends = _ends(spec, sets, found) if spec.lag else []
    names |= _lags(spec, ends, now_ms, sets.base.table.zone)
    if spec.by:
        names |= _groups(spec, sets, found)
    return names, ends


def _tested(side: str, marks: Sequence[bool]) -> dict[str, Scalar]:
    count = sum(1 for mark in marks if mark == (side == "good"))
    names: dict[str, Scalar] = {side: count}
    if marks:
        names[f"{side}_share"] = 100.0 * count / len(marks)
    return names


def _ends(spec: MatchSpec, sets: Sets, found: Joined) -> _Ends:
    assert spec.lag is not None
    (first, second), base = spec.lag, sets.base.table

    def at(word: str, a: int, b: int, alternative: int) -> int | None:
        table, place = (base, a) if word.startswith("a.") else (sets.sides[alternative].rows.table, b)
        return table.stamps(word[2:])[place]

    return [(at(first, *pair), at(second, *pair)) for pair in found.pairs]


def _lags(spec: MatchSpec, ends: _Ends, now_ms: int, zone: ZoneInfo) -> dict[str, Scalar]:
    """So far where the end has not come; unbound where a beginning is not known."""
    if not ends or any(begin is None for begin, _ in ends):
        return {}
    until = [(begin or 0, end if end is not None else max(now_ms, begin or 0)) for begin, end in ends]
    lengths = [lag_between(begin, end, spec.lag_unit, zone) for begin, end in until]
    ordered = sorted(abs(length) if spec.absolute else length for length in lengths)
    names: dict[str, Scalar] = {f"p{rank}": nearest_rank(ordered, rank) for rank in (50, 90, 95)}
    return names | {"max": ordered[-1]}


def _groups(spec: MatchSpec, sets: Sets, found: Joined) -> dict[str, Scalar]:
    totals, matched = Counter[object](), Counter[object]()
    groups = sets.base.table.pick(spec.by, found.judged)
    totals.update(groups)
    matched.update([group for at, group in zip(found.judged, groups, strict=True) if at in found.matched])
    counts = [(matched[group], total) for group, total in totals.items()]
    large = [pair for pair in counts if pair[1] >= spec.sample]
    small = [pair for pair in counts if pair[1] < spec.sample]
    if small and sum(total for _, total in small) >= max(spec.sample, 1):
        large.append((sum(both for both, _ in small), sum(total for _, total in small)))
    shares = [100.0 * both / total for both, total in large]
    if not shares:
        return {"groups": 0}
    spread = max(shares) - min(shares)
    return {"groups": len(shares), "worst": min(shares), "mean": sum(shares) / len(shares), "spread": spread}


def _bound(read: Read, rule: Rule, sets: Sets, hole: str, looks: list[dict[str, Scalar]]) -> Bound:
    spec = read.spec
    assert isinstance(spec, MatchSpec)
    if hole:
        unbinds = spec.base.form != "occurrence" or any(source.derived is not None for source in sources_of(spec))
        kept = {} if unbinds else {name: value for name, value in looks[0].items() if looks[1].get(name) == value}
        if spec.pick in ("nearest", "first"):  # a partner that was lost may be nearer, and no good one
            kept.pop("good", None)
        return holed(read, rule, hole, kept)
    joinings = (*spec.partners, *((spec.also,) if spec.also is not None else ()))
    if any(joining.pseudonymous for joining in joinings) and len(sets.key_ids) > 1:
        return Bound(state="inconclusive", reason="keys")
    if sets.doubtful:
        return Bound(state="inconclusive", reason="undecidable")
    a = int(looks[0]["a"])
    if a == 0:
        return emptied(read, looks[0], spec.empty, ("a", "b"))
    if a < spec.sample:
        return Bound(state="inconclusive", reason="sample", worst={"a": a}, best={"a": a})
    if spec.lag and looks[0]["both"] == 0 and looks[1]["both"] == 0 and spec.empty is not None:
        lags: dict[str, Scalar] = dict.fromkeys(("p50", "p90", "p95", "max"), float(spec.empty))
        looks = [look | lags for look in looks]
    worst, best = _sided(looks)
    return Bound(
        state="" if worst == best else "inconclusive",
        reason="" if worst == best else "undecidable",
        worst=worst,
        best=best,
    )


def _sided(looks: list[dict[str, Scalar]]) -> tuple[dict[str, Scalar], dict[str, Scalar]]:
    """Names with a worse side keep both looks; any other that differs is unbound."""
    worst: dict[str, Scalar] = {}
    best: dict[str, Scalar] = {}
    for name in looks[0].keys() & looks[1].keys():
        low, high = sorted((looks[0][name], looks[1][name]), key=float)
        if low == high:
            worst[name] = best[name] = looks[0][name]
        elif name in _LOWER_IS_WORSE or name == "worst":
            worst[name], best[name] = low, high
        elif name in _HIGHER_IS_WORSE:
            worst[name], best[name] = high, low
    return worst, best
