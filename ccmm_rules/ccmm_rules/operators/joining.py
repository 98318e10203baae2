"""The rows of a `match` and their pairs: made once for all reads that join alike, whatever they count by."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from ccmm_rules.evidence import Span
from ccmm_rules.expression import Scalar
from ccmm_rules.operators.pairing import Pair, PairTest, Side, pair_up, side_of, tolerance_ms
from ccmm_rules.operators.remembered import FALSE, TRUE, UNDECIDED
from ccmm_rules.operators.rowset import Chosen, joining_key, rows_of, source_key
from ccmm_rules.operators.table import Table
from ccmm_rules.operators.view import View
from ccmm_rules.spec import HOUR_MS, Joining, MatchSpec, RowSource

KEY_MS = 4 * HOUR_MS  # partners joined by key alone may start this far apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Sets:
    """The rows of both sides, ready to be paired."""

    base: Chosen
    waiting: frozenset[int]  # rows too young to be called unmatched
    sides: tuple[Side, ...]
    partners: dict[Table, Sequence[int]]  # those that count as `b`
    key_ids: frozenset[str]
    as_of_ms: int
    doubtful: bool  # of some row it cannot be said whether it belongs


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Pairs of one look, and the rows of `a` that are judged."""

    pairs: Sequence[Pair]
    judged: Sequence[int]
    matched: frozenset[int]
    counts: dict[str, Scalar]


def windows_of(spec: MatchSpec, span: Span | None, watermark_ms: int) -> tuple[tuple[RowSource, Span | None], ...]:
    """Each set and where its rows may lie: of partners, and of the third set, as far before the window as they join."""
    partners = _before(spec.partners, span, watermark_ms)
    found = [(spec.base, span), *((joining.source, partners) for joining in spec.partners)]
    return (*found, *((joining.source, _before((joining,), span, watermark_ms)) for joining in _also(spec)))


def before_ms(spec: MatchSpec) -> int:
    """How far before the window partners or the third set may lie."""
    return max(tolerance_ms(spec.partners, KEY_MS)[0], tolerance_ms(_also(spec), KEY_MS)[0])


def _also(spec: MatchSpec) -> tuple[Joining, ...]:
    return (spec.also,) if spec.also is not None else ()


def _before(joinings: Sequence[Joining], span: Span | None, watermark_ms: int) -> Span | None:
    return Span(span.from_ms - tolerance_ms(joinings, KEY_MS)[0], watermark_ms) if span is not None else None


def tables_of(sets: Sets) -> tuple[Table, ...]:
    """Of the base and the partners."""
    return (sets.base.table, *(side.rows.table for side in sets.sides))


def sources_of(spec: MatchSpec) -> tuple[RowSource, ...]:
    """Of the base, the partners, and the third set."""
    return (spec.base, *(joining.source for joining in (*spec.partners, *_also(spec))))


def sets_of(spec: MatchSpec, view: View, span: Span | None, watermark_ms: int) -> Sets:
    return view.once(("sets", *_key(spec), span, watermark_ms), lambda: _sets(spec, view, span, watermark_ms))


def _key(spec: MatchSpec) -> tuple[object, ...]:
    return source_key(spec.base), joining_key(spec.also), tuple(joining_key(joining) for joining in spec.partners)


def _sets(spec: MatchSpec, view: View, span: Span | None, watermark_ms: int) -> Sets:
    (_, _), *windows = windows_of(spec, span, watermark_ms)
    base = rows_of(spec.base, view, span, watermark_ms)
    sides = [
        side_of(joining, rows_of(source, view, wide, watermark_ms), base.table)
        for joining, (source, wide) in zip((*spec.partners, *_also(spec)), windows, strict=True)
    ]
    keyed = [base, *(side.rows for side in sides if side.joining.pseudonymous)]
    doubtful = bool(base.maybe)
    if spec.also is not None:
        base, unsure = _with_third(base, sides.pop(), watermark_ms)
        doubtful = doubtful or unsure
    timed = spec.base.form == "occurrence" and any(side.joining.source.form == "occurrence" for side in sides)
    young = watermark_ms - tolerance_ms(spec.partners, KEY_MS)[1]
    starts = base.table.starts
    return Sets(
        base=base,
        waiting=frozenset(_begun(base.places, starts, young + 1)) if timed else frozenset(),
        sides=tuple(sides),
        partners=_partners(sides, span),
        key_ids=frozenset().union(*(rows.table.key_ids_at(rows.places) for rows in keyed)),
        as_of_ms=watermark_ms,
        doubtful=doubtful,
    )


def _with_third(base: Chosen, third: Side, watermark_ms: int) -> tuple[Chosen, bool]:
    """The rows that have a partner in the third set, and whether of some it cannot be said."""
    sure, maybe = (
        {a for a, _, _ in pair_up(base, [third], "all", watermark_ms, _all_good, hopeful=hopeful)}
        for hopeful in (False, True)
    )
    places = [at for at in base.places if at in maybe]
    return Chosen(table=base.table, places=places, maybe=base.maybe & maybe), sure != maybe


def _all_good(pairs: Sequence[Pair]) -> Sequence[bool]:
    return [True] * len(pairs)


def _partners(sides: Sequence[Side], span: Span | None) -> dict[Table, Sequence[int]]:
    found: dict[Table, Sequence[int]] = {}
    for side in sides:
        table, places = side.rows.table, side.rows.places
        if span is not None and places and table.starts[places[0]]:  # what has no start is of every window
            places = _begun(places, table.starts, span.from_ms, span.to_ms)
        found[table] = sorted({*found[table], *places}) if table in found else places
    return found


def _begun(places: Sequence[int], starts: Sequence[int], from_ms: int, to_ms: int | None = None) -> Sequence[int]:
    """Those of some rows, oldest first, that started in a stretch of time, its ends included."""
    first = bisect_left(places, from_ms, key=starts.__getitem__)
    return places[first : bisect_right(places, to_ms, key=starts.__getitem__) if to_ms is not None else len(places)]


class Goodness:
    """Whether pairs are good, by the test of the read: only those that are so as of the watermark and as of now."""

    def __init__(self, spec: MatchSpec, sets: Sets, view: View) -> None:
        """Without a test all pairs are good."""
        self._side = spec.test.side if spec.test is not None else ""
        self._instants = {sets.as_of_ms, view.at_ms}
        self._test: PairTest | None = None
        if spec.test is not None:
            compiled, first, second = spec.test.compiled, sets.base.table, sets.sides[0].rows.table
            key = ("pair test", compiled.source, first, second)
            self._test = view.once(key, lambda: PairTest(compiled, first, second))

    @property
    def doubtful(self) -> bool:
        """Whether, so far, some pair could not be decided."""
        return self._test is not None and self._test.doubtful

    def marks(self, pairs: Sequence[Pair], *, hopeful: bool) -> list[bool]:
        """One mark per pair; the undecidable is good where one is hopeful."""
        marks = [True] * len(pairs)
        if self._test is None:
            return marks
        for instant in self._instants:
            good = {TRUE if self._side == "good" else FALSE, *((UNDECIDED,) if hopeful else ())}
            results = self._test(pairs, instant)
            marks = [mark and found in good for mark, found in zip(marks, results, strict=True)]
        return marks


def joined(spec: MatchSpec, sets: Sets, view: View, span: Span | None, goodness: Goodness, *, hopeful: bool) -> Joined:
    """The pairs of one look: undecidable conditions taken as pairs, or not."""
    tested = (spec.test.side, spec.test.compiled.source) if spec.test is not None and spec.pick == "best" else None
    key = ("joined", *_key(spec), span, sets.as_of_ms, spec.pick, tested, hopeful)
    return view.once(key, lambda: _joined(spec, sets, goodness, hopeful=hopeful))


def _joined(spec: MatchSpec, sets: Sets, goodness: Goodness, *, hopeful: bool) -> Joined:
    def prefer(pairs: Sequence[Pair]) -> Sequence[bool]:
        return goodness.marks(pairs, hopeful=hopeful)

    pairs = pair_up(sets.base, sets.sides, spec.pick, sets.as_of_ms, prefer, hopeful=hopeful)
    matched = frozenset([a for a, _, _ in pairs])
    unjudged = sets.waiting - matched
    judged = [at for at in sets.base.places if at not in unjudged] if unjudged else sets.base.places
    return Joined(pairs=pairs, judged=judged, matched=matched, counts=_counts(sets, pairs, len(judged), len(matched)))


def _counts(sets: Sets, pairs: Sequence[Pair], judged: int, both: int) -> dict[str, Scalar]:
    used: dict[Table, set[int]] = {}
    for index, side in enumerate(sets.sides):
        used.setdefault(side.rows.table, set()).update([b for _, b, alternative in pairs if alternative == index])
    count = sum(len(places) for places in sets.partners.values())
    only_b = count - sum(len(used[table].intersection(places)) for table, places in sets.partners.items())
    names: dict[str, Scalar] = {"a": judged, "b": count, "both": both, "only_a": judged - both, "only_b": only_b}
    if judged:
        names |= {"share": 100.0 * both / judged, "only_a_share": 100.0 * (judged - both) / judged}
    if count:
        names["only_b_share"] = 100.0 * only_b / count
    elif judged:
        names["only_b_share"] = 0.0
    return names
