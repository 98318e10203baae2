"""Who is whose partner: by equal keys, by time, or both. Ties go by time, then by key, never by arrival."""

import bisect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ccmm_rules.cel import Compiled
from ccmm_rules.expression import Scalar
from ccmm_rules.model import DAY_MS, Joining
from ccmm_rules.operators.rowset import Reader, Row

LONG_MS = 7 * DAY_MS  # what lasts may have begun so long before what lies inside it


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two rows and the alternative that joined them. `sure`: its condition could be decided."""

    a: Row
    b: Row
    alternative: int
    sure: bool


class PairTest:
    """A test of pairs, remembered by the values it used."""

    def __init__(self, compiled: Compiled, first: Reader, second: Reader) -> None:
        self.compiled, self.profile = compiled, first.profile
        names = sorted(name for name in compiled.names if not name.startswith("profile."))
        self.plan = [(name, name.startswith("a."), (first if name.startswith("a.") else second)) for name in names]
        self.memory: dict[tuple[object, ...], Scalar | None] = {}

    def __call__(self, a: Row, b: Row, now_ms: int) -> Scalar | None:
        values = [reader.getter(name[2:])(a if left else b, now_ms) for name, left, reader in self.plan]
        key = tuple(tuple(value) if isinstance(value, list) else value for value in values)
        if key not in self.memory:
            bound = {name: value for (name, _, _), value in zip(self.plan, values, strict=True) if value is not None}
            self.memory[key] = self.compiled.evaluate(bound | self.profile)
        return self.memory[key]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The rows of one alternative, with their reader."""

    joining: Joining
    rows: tuple[Row, ...]
    reader: Reader
    condition: PairTest | None

    @property
    def doubtful(self) -> bool:
        """Whether, so far, some pair could not be decided."""
        met = self.condition is not None and None in self.condition.memory.values()
        return met or any(row.maybe for row in self.rows)


def side_of(joining: Joining, rows: Sequence[Row], first: Reader, second: Reader) -> Side:
    test = PairTest(joining.condition, first, second) if joining.condition is not None else None
    return Side(joining=joining, rows=tuple(rows), reader=second, condition=test)


Prefer = Callable[[Row, Row], bool]


def pair_up(
    base: Sequence[Row], reader: Reader, sides: Sequence[Side], pick: str, now_ms: int, prefer: Prefer, *, hopeful: bool
) -> list[Pair]:
    """`hopeful`: a pair whose condition cannot be decided is a pair. The first alternative that fits wins."""
    pairs: list[Pair] = []
    waiting = list(base)
    taken: set[int] = set()
    for index, side in enumerate(sides):
        found = list(_candidates(waiting, reader, side, index, now_ms, hopeful=hopeful))
        chosen = _chosen([pair for pair in found if pair.b.number not in taken], pick, prefer)
        pairs += chosen
        taken |= {pair.b.number for pair in chosen} if pick in ("nearest", "best") else set()
        served = {pair.a.number for pair in chosen}
        waiting = [row for row in waiting if row.number not in served]
    return pairs


def _chosen(found: list[Pair], pick: str, prefer: Prefer) -> list[Pair]:
    if pick == "all":
        return found
    if pick == "first":
        ordered = sorted(found, key=lambda pair: (pair.b.started_ms, str(pair.b.key), pair.b.source))
        return _one_each(ordered, exclusive=False)
    best = pick == "best"
    ordered = sorted(found, key=lambda pair: (best and not prefer(pair.a, pair.b), *_nearness(pair)))
    return _one_each(ordered, exclusive=True)


def _nearness(pair: Pair) -> tuple[int, int, str, int, str, str]:
    distance = abs(pair.b.started_ms - pair.a.started_ms)
    return (distance, pair.a.started_ms, str(pair.a.key), pair.b.started_ms, str(pair.b.key), pair.b.source)


def _one_each(ordered: list[Pair], *, exclusive: bool) -> list[Pair]:
    used_a: set[int] = set()
    used_b: set[int] = set()
    chosen = []
    for pair in ordered:
        if pair.a.number in used_a or (exclusive and pair.b.number in used_b):
            continue
        used_a.add(pair.a.number)
        used_b.add(pair.b.number)
        chosen.append(pair)
    return chosen


def _candidates(
    base: Sequence[Row], reader: Reader, side: Side, index: int, now_ms: int, *, hopeful: bool
) -> Iterator[Pair]:
    joining = side.joining
    left = [reader.getter(name) for name, _ in joining.same]
    right = [side.reader.getter(name) for _, name in joining.same]
    buckets: dict[tuple[object, ...], list[Row]] = {}
    for row in sorted(side.rows, key=lambda row: (row.started_ms, str(row.key), row.source)):
        key = tuple(get(row, now_ms) for get in right)
        if None not in key:
            buckets.setdefault(key, []).append(row)
    starts = {key: [row.started_ms for row in rows] for key, rows in buckets.items()}
    test = side.condition
    for a in base:
        key = tuple(get(a, now_ms) for get in left)
        for b in _near(a, buckets.get(key, ()), starts.get(key, ()), joining, now_ms):
            if _same_row(a, b):
                continue
            fits = test(a, b, now_ms) if test is not None else True
            sure = isinstance(fits, bool) and not b.maybe
            if (fits is True and (sure or hopeful)) or (fits is None and hopeful):
                yield Pair(a=a, b=b, alternative=index, sure=sure)


def _same_row(a: Row, b: Row) -> bool:
    """A row is not its own partner."""
    return (a.agent, a.source, a.key, a.started_ms) == (b.agent, b.source, b.key, b.started_ms) and (
        a.attributes is b.attributes
    )


def _near(a: Row, rows: Sequence[Row], starts: Sequence[int], joining: Joining, now_ms: int) -> Sequence[Row]:
    """Those of `rows` (oldest first) whose time fits."""
    if joining.time_ms is not None:
        low, high = joining.time_ms
        begin = bisect.bisect_left(starts, a.started_ms + low)
        return rows[begin : bisect.bisect_right(starts, a.started_ms + high)]
    if joining.inside_ms is not None:
        slack = joining.inside_ms
        before = rows[: bisect.bisect_right(starts, a.started_ms + slack)]
        return [b for b in before if a.started_ms <= _end(b, now_ms) + slack]
    if joining.overlap_ms is not None:
        slack = joining.overlap_ms
        before = rows[: bisect.bisect_right(starts, _end(a, now_ms) + slack)]
        return [b for b in before if a.started_ms <= _end(b, now_ms) + slack]
    return rows


def _end(row: Row, now_ms: int) -> int:
    return row.ended_ms if row.ended_ms is not None else max(now_ms, row.started_ms)


def tolerance_ms(joinings: Sequence[Joining], key_ms: int) -> tuple[int, int]:
    """(before, after): how far partners may lie outside the window of `a`."""
    before = after = 0
    for joining in joinings:
        low, high = joining.time_ms or (-key_ms, key_ms)
        slack = joining.inside_ms if joining.inside_ms is not None else joining.overlap_ms
        if slack is not None:
            low, high = -max(slack, LONG_MS), slack
        before, after = max(before, -low), max(after, high)
    return before, after


def key_ids(rows: Sequence[Row]) -> frozenset[str]:
    return frozenset(row.key_id for row in rows)


def owners(pairs: Sequence[Pair]) -> Mapping[int, list[Pair]]:
    """Pairs by the identity of their `a`."""
    found: dict[int, list[Pair]] = {}
    for pair in pairs:
        found.setdefault(pair.a.number, []).append(pair)
    return found
