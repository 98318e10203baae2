"""Who is whose partner: by equal keys, by time, or both. Ties go by time, then by key, never by arrival."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

from ccmm_rules.cel import Compiled
from ccmm_rules.columns import MOST_CODES, Coded
from ccmm_rules.operators.remembered import TRUE, Column, Remembered
from ccmm_rules.operators.rowset import Chosen
from ccmm_rules.operators.table import Table
from ccmm_rules.spec import DAY_MS, Joining

MANY = 4  # times as many rows as there are to be joined: then it is worth while to leave out those of other keys
LONG_MS = 7 * DAY_MS  # what lasts may have begun so long before what lies inside it
Pair = tuple[int, int, int]  # places of a and b, and the alternative that joined them
Prefer = Callable[[Sequence[Pair]], Sequence[bool]]


class PairTest:
    """A test of pairs, remembered by the values it used."""

    def __init__(self, compiled: Compiled, first: Table, second: Table) -> None:
        """Of rows `a` and `b` of two tables."""
        self._tables = (first, second)
        self._test = Remembered(compiled, first.profile)

    @property
    def doubtful(self) -> bool:
        """Whether, so far, some pair could not be decided."""
        return self._test.doubtful

    def __call__(self, pairs: Sequence[Pair], now_ms: int) -> bytes:
        """What it says of each pair, see `Remembered.marks`."""
        return self._test.marks(_Pairs(self._tables, pairs, now_ms))


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pairs of the rows of two tables, at an instant."""

    tables: tuple[Table, Table]
    pairs: Sequence[Pair]
    now_ms: int

    def __len__(self) -> int:
        return len(self.pairs)

    def coded(self, name: str) -> Coded[object] | None:
        end = 0 if name.startswith("a.") else 1
        column = self.tables[end].coded(name[2:], self.now_ms)
        return column.at([pair[end] for pair in self.pairs]) if column is not None else None

    def column(self, name: str, among: Sequence[int]) -> Column:
        end, pairs = 0 if name.startswith("a.") else 1, self.pairs
        column = self.tables[end].column(name[2:], self.now_ms)
        return [column[pair[end]] for pair in (pairs if len(among) == len(pairs) else [pairs[at] for at in among])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The rows of one alternative, and the test of its pairs."""

    joining: Joining
    rows: Chosen
    condition: PairTest | None

    @property
    def doubtful(self) -> bool:
        """Whether, so far, some pair could not be decided."""
        return bool(self.rows.maybe) or (self.condition is not None and self.condition.doubtful)


def side_of(joining: Joining, rows: Chosen, first: Table) -> Side:
    test = PairTest(joining.condition, first, rows.table) if joining.condition is not None else None
    return Side(joining=joining, rows=rows, condition=test)


def pair_up(
    base: Chosen, sides: Sequence[Side], pick: str, now_ms: int, prefer: Prefer, *, hopeful: bool
) -> list[Pair]:
    """`hopeful`: a pair whose condition cannot be decided is a pair. The first alternative that fits wins."""
    pairs: list[Pair] = []
    waiting = base.places
    taken: dict[Table, set[int]] = {}
    for index, side in enumerate(sides):
        gone = taken.setdefault(side.rows.table, set())
        found = _fitting(base.table, waiting, side, index, now_ms, hopeful=hopeful)
        chosen = _chosen([pair for pair in found if pair[1] not in gone] if gone else found, pick, prefer, base, side)
        pairs += chosen
        if pick in ("nearest", "best"):
            gone.update([b for _, b, _ in chosen])
        if index + 1 < len(sides):
            served = {a for a, _, _ in chosen}
            waiting = [a for a in waiting if a not in served]
    return pairs


def _fitting(table: Table, places: Sequence[int], side: Side, index: int, now_ms: int, *, hopeful: bool) -> list[Pair]:
    """Pairs that join and pass the condition, each a's partners oldest first."""
    found = _candidates(table, places, side, index, now_ms)
    maybe = side.rows.maybe
    if side.condition is None:
        return found if hopeful or not maybe else [pair for pair in found if pair[1] not in maybe]
    marks = side.condition(found, now_ms)
    if hopeful:
        return list(compress(found, marks))
    return [pair for pair, fits in zip(found, marks, strict=True) if fits == TRUE and pair[1] not in maybe]


def _chosen(found: list[Pair], pick: str, prefer: Prefer, base: Chosen, side: Side) -> list[Pair]:
    if pick == "all":
        return found
    if pick == "first":
        first: dict[int, Pair] = {}
        for pair in found:
            first.setdefault(pair[0], pair)
        return list(first.values())
    if len({a for a, _, _ in found}) == len(found) == len({b for _, b, _ in found}):
        return found
    times_a, times_b = Counter([a for a, _, _ in found]), Counter([b for _, b, _ in found])
    alone = [pair for pair in found if times_a[pair[0]] == 1 and times_b[pair[1]] == 1]
    rivals = [pair for pair in found if times_a[pair[0]] > 1 or times_b[pair[1]] > 1]
    worse = [not good for good in prefer(rivals)] if pick == "best" else [False] * len(rivals)
    first_table, second = base.table, side.rows.table
    ordered = sorted(
        zip(worse, rivals, strict=True), key=lambda ranked: (ranked[0], *_nearness(first_table, second, ranked[1]))
    )
    return alone + _one_each(pair for _, pair in ordered)


def _nearness(first: Table, second: Table, pair: Pair) -> tuple[int, int, str, int, str, str]:
    start, key, _ = first.order(pair[0])
    distance = abs(second.starts[pair[1]] - start)
    return (distance, start, key, *second.order(pair[1]))


def _one_each(ordered: Iterable[Pair]) -> list[Pair]:
    used_a: set[int] = set()
    used_b: set[int] = set()
    chosen = []
    for pair in ordered:
        if pair[0] in used_a or pair[1] in used_b:
            continue
        used_a.add(pair[0])
        used_b.add(pair[1])
        chosen.append(pair)
    return chosen


def _candidates(table: Table, places: Sequence[int], side: Side, index: int, now_ms: int) -> list[Pair]:
    """A row is not its own partner."""
    joining, other = side.joining, side.rows.table
    if not places:
        return []
    is_timed = not (joining.time_ms is None and joining.inside_ms is None and joining.overlap_ms is None)
    rows = _near(table, places, side, now_ms) if is_timed else side.rows
    if MANY * len(places) < len(rows.places):
        rows = _known_to(table, places, joining, rows)
    if not rows.places:
        return []
    left = _keys(table, [name for name, _ in joining.same], places)
    right = _keys(other, [name for _, name in joining.same], rows.places)
    if is_timed:
        found = _timed(table, zip(left, places, strict=True), _buckets(right, rows), side, index, now_ms)
    else:
        found = _by_key(zip(left, places, strict=True), right, rows, index)
    if table is other:
        return [pair for pair in found if pair[0] != pair[1]]
    if table.kind.name != other.kind.name:
        return found
    return [pair for pair in found if table.rows[pair[0]] != other.rows[pair[1]]]


def _near(table: Table, places: Sequence[int], side: Side, now_ms: int) -> Chosen:
    """Those rows of a side that time does not part from all the places. Both lie by their starts."""
    joining, other = side.joining, side.rows.table
    first, last = table.starts[places[0]], table.starts[places[-1]]
    if joining.time_ms is not None:
        low, high = first + joining.time_ms[0], last + joining.time_ms[1]
    else:
        slack = joining.inside_ms if joining.inside_ms is not None else joining.overlap_ms or 0
        ends = table.ends_by(now_ms)
        end = last if joining.inside_ms is not None else max(ends[a] for a in places)
        low, high = first - slack - other.longest_ms(now_ms), end + slack
    near, begun = side.rows.places, other.starts.__getitem__
    return Chosen(table=other, places=near[bisect_left(near, low, key=begun) : bisect_right(near, high, key=begun)])


def _known_to(table: Table, places: Sequence[int], joining: Joining, rows: Chosen) -> Chosen:
    """Of many rows those that share each key with one of a few places."""
    kept = rows.places
    for mine, theirs in joining.same:
        wanted = set(_told(table, mine, places)) - {None}
        few = rows.table.coded(theirs, 0)
        if few is not None:
            fits = bytes([value in wanted for value in few.values]).ljust(MOST_CODES, b"\0")
            kept = list(compress(kept, few.at(kept).codes.translate(fits)))
        else:
            kept = list(compress(kept, map(wanted.__contains__, _told(rows.table, theirs, kept))))
    return Chosen(table=rows.table, places=kept)


def _by_key(keyed: Iterable[tuple[object, int]], right: Sequence[object], rows: Chosen, index: int) -> list[Pair]:
    only = dict(zip(right, rows.places, strict=True))
    only.pop(None, None)
    if len(only) + right.count(None) == len(right):  # no two share a key
        return [(a, only[key], index) for key, a in keyed if key in only]
    buckets = _buckets(right, rows)
    return [(a, b, index) for key, a in keyed if key in buckets for b in buckets[key]]


def _buckets(keys: Sequence[object], rows: Chosen) -> Mapping[object, Sequence[int]]:
    """Rows by key, in order; without those whose key is not known."""
    buckets: dict[object, list[int]] = {}
    for key, at in zip(keys, rows.places, strict=True):
        if key is not None:
            buckets.setdefault(key, []).append(at)
    return {key: rows.table.in_order(bucket) if len(bucket) > 1 else bucket for key, bucket in buckets.items()}


def _keys(table: Table, names: Sequence[str], places: Sequence[int]) -> Sequence[object]:
    """What rows are joined by; None where part of it is not known."""
    if not names:
        return [()] * len(places)
    columns = [_told(table, name, places) for name in names]
    if len(columns) == 1:
        return columns[0]
    return [None if None in key else key for key in zip(*columns, strict=True)]


def _told(table: Table, name: str, places: Sequence[int]) -> Sequence[object]:
    """A reference that is an empty text says nothing, and is no other's."""
    column = table.pick(name, places)
    return [value or None for value in column] if table.types[name] == "string" else column


def _timed(
    table: Table,
    keyed: Iterable[tuple[object, int]],
    buckets: Mapping[object, Sequence[int]],
    side: Side,
    index: int,
    now_ms: int,
) -> list[Pair]:
    """Those whose time fits, too."""
    other, joining = side.rows.table, side.joining
    starts = {key: [other.starts[b] for b in bucket] for key, bucket in buckets.items()}
    low, high = joining.time_ms or (0, 0)
    slack = joining.inside_ms if joining.inside_ms is not None else joining.overlap_ms or 0
    lasting = joining.time_ms is None
    first_ends, second_ends = (table.ends_by(now_ms), other.ends_by(now_ms)) if lasting else ((), ())
    reach = slack + (other.longest_ms(now_ms) if lasting else 0)
    found: list[Pair] = []
    for key, a in keyed:
        if key not in buckets:
            continue
        bucket, begun, start = buckets[key], starts[key], table.starts[a]
        if joining.time_ms is not None:
            fitting = bucket[bisect_left(begun, start + low) : bisect_right(begun, start + high)]
        else:
            end = start if joining.inside_ms is not None else first_ends[a]
            before = bucket[bisect_left(begun, start - reach) : bisect_right(begun, end + slack)]
            fitting = [b for b in before if start <= second_ends[b] + slack]
        found += [(a, b, index) for b in fitting]
    return found


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
