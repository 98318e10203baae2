"""`match`: two row sets joined, from evidence to names."""

from collections.abc import Sequence
from dataclasses import dataclass

from ccmm_rules.conclude import Bound
from ccmm_rules.evidence import Span
from ccmm_rules.expression import Scalar
from ccmm_rules.model import HOUR_MS, Joining, MatchSpec, Read, Rule
from ccmm_rules.operators.crossing import pair_crossing
from ccmm_rules.operators.holes import holed
from ccmm_rules.operators.metric import unknown
from ccmm_rules.operators.pairing import Pair, PairTest, Side, key_ids, owners, pair_up, side_of, tolerance_ms
from ccmm_rules.operators.rows_read import LAG_MS, emptied
from ccmm_rules.operators.rowset import Reader, Row, rows_of
from ccmm_rules.operators.view import FeedState, Reading, View, backfill_share, uncovered
from ccmm_rules.operators.windows import nearest_rank, row_window

KEY_MS = 4 * HOUR_MS  # partners joined by key alone may start this far apart
_LOWER_IS_WORSE = frozenset(("share", "good", "good_share", "mean"))
_HIGHER_IS_WORSE = frozenset(("only_a", "only_a_share", "only_b", "only_b_share", "bad", "bad_share", "spread"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sets:
    """The rows of both sides, ready to be paired."""

    base: tuple[Row, ...]
    waiting: frozenset[int]  # identities of rows too young to be called unmatched
    reader: Reader
    sides: tuple[Side, ...]
    inner: Span | None  # where partners count as `b`
    as_of_ms: int
    doubtful: bool  # of some row it cannot be said whether it belongs


def read_match(read: Read, view: View, rule: Rule) -> Reading:
    spec = read.spec
    assert isinstance(spec, MatchSpec)
    feed = view.feed_state(read.feeds, read.fresh_for_ms)
    if feed.state:
        return unknown(feed.state, feed.reason, feed)
    if view.zone is None:
        return unknown("missing", "zone", feed)
    span = row_window(spec.over, feed.watermark_ms, view.zone) if spec.over is not None else None
    sets = _sets(spec, view, feed, span)
    tests = [joining.condition for joining in spec.partners if joining.condition is not None]
    tests += [spec.test.compiled] if spec.test is not None else []
    looks = _looks(spec, sets, view.at_ms)
    hole = _hole(spec, view, feed, span)
    return Reading(
        bound=_bound(read, rule, sets, hole, [look[0] for look in looks]),
        log_index=feed.log_index,
        deadline_ms=feed.deadline_ms,
        again_ms=pair_crossing(spec, rule, looks[1][1], tests, view.at_ms),
        backfill=backfill_share(feed.sources, span or Span(feed.watermark_ms - 1, feed.watermark_ms)),
    )


def _hole(spec: MatchSpec, view: View, feed: FeedState, span: Span | None) -> str:
    """Lists: lost after the list used. Occurrences: lost or not covered since the window began, tolerance included."""
    joinings = [*spec.partners, *([spec.also] if spec.also is not None else [])]
    forms = {spec.base.form, *(joining.source.form for joining in joinings)}
    found = ""
    if forms - {"occurrence"}:
        found = view.hole_after(feed.watermark_ms, reach_ms=0)
    if "occurrence" in forms and span is not None and not found:
        before, _ = tolerance_ms(spec.partners, KEY_MS)
        kinds = {source.kind for source in (spec.base, *(j.source for j in joinings)) if source.form == "occurrence"}
        sources = [source for kind in sorted(kinds) for source in view.feeding(kind)]
        found = view.hole_after(span.from_ms - before) or ("uncovered" if uncovered(sources, span) else "")
    return found


def _sets(spec: MatchSpec, view: View, feed: FeedState, span: Span | None) -> Sets:
    assert view.zone is not None
    kinds = view.vocabulary.kinds
    readers = {
        kind: Reader(kinds[kind], view.zone, view.answers)
        for kind in {spec.base.kind, *(joining.source.kind for joining in (*spec.partners, *_also(spec)))}
    }
    reader = readers[spec.base.kind]
    watermark = feed.watermark_ms
    before, after = tolerance_ms(spec.partners, KEY_MS)
    wide = Span(span.from_ms - before, watermark) if span is not None else None
    base = rows_of(spec.base, view, reader, span, watermark)
    doubtful = any(row.maybe for row in base)
    if spec.also is not None:
        other = readers[spec.also.source.kind]
        third = side_of(spec.also, rows_of(spec.also.source, view, other, wide, watermark), reader, other)
        kept = owners(pair_up(base, reader, [third], "all", watermark, lambda a, b: True, hopeful=True))
        base = [row for row in base if row.number in kept]
    partners = [(joining, readers[joining.source.kind]) for joining in spec.partners]
    sides = tuple(
        side_of(joining, rows_of(joining.source, view, other, wide, watermark), reader, other)
        for joining, other in partners
    )
    timed = spec.base.form == "occurrence" and any(side.joining.source.form == "occurrence" for side in sides)
    waiting = frozenset(row.number for row in base if timed and row.started_ms > watermark - after)
    return Sets(
        base=tuple(base), waiting=waiting, reader=reader, sides=sides, inner=span, as_of_ms=watermark, doubtful=doubtful
    )


def _also(spec: MatchSpec) -> tuple[Joining, ...]:
    return (spec.also,) if spec.also is not None else ()


_Ends = list[tuple[int | None, int | None]]


def _looks(spec: MatchSpec, sets: Sets, now_ms: int) -> "list[tuple[dict[str, Scalar], _Ends]]":
    """Worst and best; where everything could be decided they are the same, and are counted once."""
    test = PairTest(spec.test.compiled, sets.reader, sets.sides[0].reader) if spec.test is not None else None
    worst = _look(spec, sets, test, now_ms, hopeful=False)
    doubtful = any(side.doubtful for side in sets.sides) or (test is not None and None in test.memory.values())
    return [worst, _look(spec, sets, test, now_ms, hopeful=True) if doubtful else worst]


def _look(
    spec: MatchSpec, sets: Sets, test: PairTest | None, now_ms: int, *, hopeful: bool
) -> tuple[dict[str, Scalar], _Ends]:
    """(names, ends of the lags) with undecidable conditions taken as pairs, or not."""
    good_when = spec.test is not None and spec.test.side == "good"

    def is_good(a: Row, b: Row) -> bool:
        if test is None:
            return True
        marks = {
            hopeful if found is None else found is good_when
            for found in (test(a, b, instant) for instant in {sets.as_of_ms, now_ms})
        }
        return False not in marks

    pairs = pair_up(sets.base, sets.reader, sets.sides, spec.pick, sets.as_of_ms, is_good, hopeful=hopeful)
    by_a = owners(pairs)
    judged = [row for row in sets.base if row.number in by_a or row.number not in sets.waiting]
    used = {pair.b.number for pair in pairs}
    partners = {row.number: row for side in sets.sides for row in side.rows if _inside(row, sets.inner)}
    names: dict[str, Scalar] = {"a": len(judged), "b": len(partners), "both": len(by_a)}
    names |= {"only_a": len(judged) - len(by_a), "only_b": sum(1 for key in partners if key not in used)}
    if judged:
        names |= {
            "share": 100.0 * len(by_a) / len(judged),
            "only_a_share": 100.0 * (len(judged) - len(by_a)) / len(judged),
        }
    if partners:
        names["only_b_share"] = 100.0 * int(names["only_b"]) / len(partners)
    elif judged:
        names["only_b_share"] = 0.0
    if spec.test is not None:
        names |= _tested(spec.test.side, [is_good(pair.a, pair.b) for pair in pairs])
    ends = [_ends(spec, sets, pair) for pair in pairs] if spec.lag else []
    names |= _lags(spec, ends, now_ms)
    if spec.by:
        names |= _groups(spec, sets, judged, frozenset(by_a))
    return names, ends


def _inside(row: Row, span: Span | None) -> bool:
    return span is None or row.started_ms == 0 or span.from_ms <= row.started_ms <= span.to_ms


def _tested(side: str, marks: Sequence[bool]) -> dict[str, Scalar]:
    count = sum(1 for mark in marks if mark == (side == "good"))
    names: dict[str, Scalar] = {side: count}
    if marks:
        names[f"{side}_share"] = 100.0 * count / len(marks)
    return names


def _ends(spec: MatchSpec, sets: Sets, pair: Pair) -> tuple[int | None, int | None]:
    assert spec.lag is not None
    found = []
    for word in spec.lag:
        reader, row = (sets.reader, pair.a) if word.startswith("a.") else (sets.sides[pair.alternative].reader, pair.b)
        found.append(reader.stamp(word[2:], row))
    return found[0], found[1]


def _lags(spec: MatchSpec, ends: _Ends, now_ms: int) -> dict[str, Scalar]:
    """So far where the end has not come; unbound where a beginning is not known."""
    if not ends or any(begin is None for begin, _ in ends):
        return {}
    lengths = [(end if end is not None else max(now_ms, begin or 0)) - (begin or 0) for begin, end in ends]
    ordered = sorted((abs(length) if spec.absolute else length) / LAG_MS[spec.lag_unit] for length in lengths)
    names: dict[str, Scalar] = {f"p{rank}": nearest_rank(ordered, rank) for rank in (50, 90, 95)}
    return names | {"max": ordered[-1]}


def _groups(spec: MatchSpec, sets: Sets, judged: Sequence[Row], matched: frozenset[int]) -> dict[str, Scalar]:
    get = sets.reader.getter(spec.by)
    counts: dict[object, list[int]] = {}
    for row in judged:
        value = get(row, row.started_ms)
        pair = counts.setdefault(tuple(value) if isinstance(value, list) else value, [0, 0])
        pair[0] += row.number in matched
        pair[1] += 1
    large = [pair for pair in counts.values() if pair[1] >= spec.sample]
    small = [pair for pair in counts.values() if pair[1] < spec.sample]
    if small and sum(total for _, total in small) >= max(spec.sample, 1):
        large.append([sum(both for both, _ in small), sum(total for _, total in small)])
    shares = [100.0 * both / total for both, total in large]
    if not shares:
        return {"groups": 0}
    spread = max(shares) - min(shares)
    return {"groups": len(shares), "worst": min(shares), "mean": sum(shares) / len(shares), "spread": spread}


def _bound(read: Read, rule: Rule, sets: Sets, hole: str, looks: list[dict[str, Scalar]]) -> Bound:
    spec = read.spec
    assert isinstance(spec, MatchSpec)
    if hole:
        lists = spec.base.form != "occurrence"
        return holed(read, rule, hole, {} if lists else {k: v for k, v in looks[0].items() if looks[1].get(k) == v})
    if any(joining.pseudonymous for joining in spec.partners):
        ids = key_ids([*sets.base, *(row for side in sets.sides for row in side.rows)])
        if len(ids) > 1:
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
