"""All rows of one kind that a judgement reads, column by column: a row is its place in the columns."""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from operator import eq, sub
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

from ccmm_rules.cel import Compiled
from ccmm_rules.columns import Coded, Columns, coded
from ccmm_rules.evidence import Happening
from ccmm_rules.operators.remembered import Column, Remembered
from ccmm_rules.operators.windows import local_hours, nights_between, workdays_between
from ccmm_rules.rowlanguage import attribute_types
from ccmm_rules.spec import DAY_MS, HOUR_MS
from ccmm_rules.vocabulary.tables import Kind

T = TypeVar("T")
MINUTE_MS = 60_000
SIGNED = 2**63  # pseudonyms from here on are negative, as CEL holds them
Stamps = Sequence[int | None]
Compute = Callable[[int], Column]  # of an attribute that the engine computes, as of an instant
TIMED = frozenset(("late",))  # of those, the ones that change by time alone
_SUFFIXES = ("_days", "_hours", "_minutes", "_workdays")
_SHAPES = frozenset(("open", "has_ended", "local_hour"))
_FEW = frozenset(("bool", "string", "list"))  # types of which few values are expected


class Table:
    """Occurrences oldest first, or entries (which start at 0). Each column is made once."""

    def __init__(
        self,
        kind: Kind,
        zone: ZoneInfo,
        answers: Mapping[str, object],
        rows: Sequence[Happening],
        expired: frozenset[int] = frozenset(),
        known_until: Sequence[int] | None = None,
        computed: Mapping[str, Compute] | None = None,
    ) -> None:
        """`expired`: attestations whose date has passed since the watermark. `known_until`: how far open rows are."""
        self._computed = computed or {}
        self.kind, self.rows, self.expired = kind, rows, expired
        self.types = attribute_types(kind)
        self.profile = {f"profile.{name}": value for name, value in answers.items()}
        packed = rows if isinstance(rows, Columns) else None
        self.starts: Sequence[int] = packed.starts if packed else [row.started_ms for row in rows]
        self.zone = zone
        self._packed = packed
        self._attributes = [] if packed else [row.attributes for row in rows]
        self._known_until = known_until
        self._all_key_ids: frozenset[str] | None = None
        self._ends_by: dict[int, Sequence[int]] = {}
        self._longest: dict[int, int] = {}
        self._made: dict[tuple[str, int], Column] = {}
        self._columns: dict[tuple[str, int], Column] = {}
        self._coded: dict[tuple[str, int], Coded[object] | None] = {}
        self._stamps: dict[str, Stamps] = {}
        self._tests: dict[str, Remembered] = {}

    @cached_property
    def ends(self) -> Stamps:
        """When each row ended, as far as is known."""
        return self._packed.ends if self._packed else [row.ended_ms for row in self.rows]

    @cached_property
    def key_ids(self) -> Sequence[str]:
        """Under which key its pseudonyms were made."""
        return self._packed.key_ids if self._packed else [row.key_id for row in self.rows]

    @cached_property
    def _ids(self) -> Sequence[str | int]:
        return self._packed.ids if self._packed else [row.id for row in self.rows]

    def key_ids_at(self, places: Sequence[int]) -> frozenset[str]:
        """Of these rows; hardly ever is there more than one."""
        if self._all_key_ids is None:
            self._all_key_ids = _distinct(self.key_ids)
        if len(self._all_key_ids) < 2:
            return self._all_key_ids if places else frozenset()
        return frozenset([self.key_ids[at] for at in places])

    def ends_by(self, now_ms: int) -> Sequence[int]:
        """When each row ended; the instant, for what has not ended by then."""
        if now_ms not in self._ends_by:
            begun = zip(self.starts, self.ends, strict=True)
            self._ends_by[now_ms] = [end if end is not None else max(now_ms, start) for start, end in begun]
        return self._ends_by[now_ms]

    def longest_ms(self, now_ms: int) -> int:
        """How long the longest row lasts: what began that long before an instant has ended by then."""
        if now_ms not in self._longest:
            self._longest[now_ms] = max(map(sub, self.ends_by(now_ms), self.starts), default=0)
        return self._longest[now_ms]

    def order(self, place: int) -> tuple[int, str, str]:
        """Ties go by time, then key, then source."""
        source = self._packed.source if self._packed else self.rows[place].source
        return self.starts[place], str(self._ids[place]), source

    def in_order(self, places: Sequence[int], key: Callable[[int], Any] | None = None) -> Sequence[int]:
        """These rows, which lie by their starts, as `order` or another key has those that began at once."""
        starts = picked(self.starts, places)
        tied = list(compress(range(len(places)), map(eq, starts, starts[1:])))  # those that have a follower
        if not tied:
            return places
        ordered, end = list(places), 0
        for first in tied:
            if first >= end:
                end = bisect_right(starts, starts[first])
                ordered[first:end] = sorted(ordered[first:end], key=key or self.order)
        return ordered

    def marks(self, compiled: Compiled, places: Sequence[int], now_ms: int) -> bytes:
        """What a test says of rows, see `Remembered.marks`."""
        if compiled.source not in self._tests:
            self._tests[compiled.source] = Remembered(compiled, self.profile)
        return self._tests[compiled.source].marks(_Places(self, places, now_ms))

    def pick(self, name: str, places: Sequence[int], now_ms: int = 0) -> Column:
        """A column, of these rows."""
        return picked(self.column(name, now_ms), places)

    def is_timeless(self, name: str) -> bool:
        """Whether its values are the same at every instant."""
        if name in TIMED:
            return False
        if name in self.types or name in _SHAPES or name.startswith("profile."):
            return True
        return name.startswith("has_") and name[4:] in self.types

    def column(self, name: str, now_ms: int) -> Column:
        """The values of a name that tests may use; None where it has none. Lists are tuples."""
        key = (name, 0 if self.is_timeless(name) else now_ms)
        if key not in self._columns:
            made = self._raw(key)
            self._columns[key] = list(made) if isinstance(made, Coded) else made
        return self._columns[key]

    def coded(self, name: str, now_ms: int) -> Coded[object] | None:
        """The same by its few values; None where it may have many."""
        key = (name, 0 if self.is_timeless(name) else now_ms)
        if key not in self._coded:
            is_few = self.types.get(name) in _FEW or name in _SHAPES or name.startswith("has_") or self._lacks(name)
            made = self._raw(key) if is_few else ()
            self._coded[key] = made if isinstance(made, Coded) else coded(made) if is_few else None
        return self._coded[key]

    def _lacks(self, name: str) -> bool:
        """Whether none of the rows has the attribute."""
        return self._packed is not None and name in self.kind.attributes and name not in self._packed.told

    def _raw(self, key: tuple[str, int]) -> Column:
        """Made once, by its few values or not."""
        if key not in self._made:
            self._made[key] = self._make(*key)
        return self._made[key]

    def stamps(self, name: str) -> Stamps:
        """A time of the rows, ms."""
        if self.kind.form == "occurrence" and name in ("started", "ended"):
            return self.starts if name == "started" else self.ends
        if name not in self._stamps:
            self._stamps[name] = [value if type(value) is int else None for value in self._values(name)]
        return self._stamps[name]

    def _values(self, name: str) -> Column:
        return self._ids if name == "key" else self._attribute(name)

    def _make(self, name: str, now_ms: int) -> Column:
        word = self.types.get(name)
        if name in self._computed:
            return self._computed[name](now_ms)
        if word is not None:
            return (
                self.stamps(name)
                if word == "time"
                else _typed(self._values(name), word, is_packed=self._packed is not None)
            )
        if name.startswith("has_") and name[4:] in self.types:
            held = self.stamps(name[4:]) if self.types[name[4:]] == "time" else self._attribute(name[4:])
            if isinstance(held, Coded):
                return Coded([value is not None for value in held.values], held.codes)
            return [value is not None for value in held]
        for suffix in _SUFFIXES:
            stem = name.removesuffix(suffix)
            if stem != name and self.types.get(stem) == "time":
                return self._ages(stem, suffix, now_ms)
        return self._shape(name, now_ms)

    def _attribute(self, name: str) -> Column:
        if name in self._computed:
            return self._computed[name](0)
        if self._packed is None:
            return [held.get(name) for held in self._attributes]
        return self._packed.told[name] if name in self._packed.told else Coded([None], bytes(len(self.starts)))

    def _until(self, stamps: Stamps, now_ms: int) -> list[tuple[int, int]]:
        """(start, end) with the end so far where it has not come."""
        so_far = self._known_until or [now_ms] * len(self.rows)
        return [
            (start, max(until, start) if stamp is None else stamp)
            for start, stamp, until in zip(self.starts, stamps, so_far, strict=True)
        ]

    def _ages(self, stem: str, suffix: str, now_ms: int) -> Column:
        """Days and hours: how long ago, floored. Minutes and working days: from the start, so far if not come."""
        stamps = self.stamps(stem)
        if suffix in ("_days", "_hours"):
            unit = DAY_MS if suffix == "_days" else HOUR_MS
            return [None if stamp is None else (now_ms - stamp) // unit for stamp in stamps]
        pairs = self._until(stamps, now_ms)
        if suffix == "_minutes":
            return [(end - start) / MINUTE_MS for start, end in pairs]
        return [workdays_between(start, end, self.zone) for start, end in pairs]

    def _shape(self, name: str, now_ms: int) -> Column:
        if name == "open":
            return [end is None for end in self.ends]
        if name == "has_ended":
            return [end is not None for end in self.ends]
        if name == "local_hour":
            return local_hours(self.starts, self.zone)
        pairs = self._until(self.ends, now_ms)
        if name == "nights":
            return [nights_between(start, end, self.zone) for start, end in pairs]
        if name == "lasted_minutes":
            return [(end - start) / MINUTE_MS for start, end in pairs]
        unit = {"lasted_hours": HOUR_MS, "lasted_days": DAY_MS}.get(name)
        return [None if unit is None else (end - start) // unit for start, end in pairs]


def picked(column: Sequence[T], places: Sequence[int]) -> Sequence[T]:
    """Of these rows; those that lie together are cut out."""
    if isinstance(places, range) and places.step == 1:
        return column if len(places) == len(column) else column[places.start : places.stop]
    return [column[at] for at in places]


def _distinct(words: Sequence[str]) -> frozenset[str]:
    return frozenset(words.values[code] for code in set(words.codes)) if isinstance(words, Coded) else frozenset(words)


def _typed(values: Column, word: str, *, is_packed: bool) -> Column:
    """As tests see them; what was packed is of its type."""
    if isinstance(values, Coded):
        return values
    if word.startswith("@"):
        if is_packed and None not in values:
            return memoryview(array("Q", cast(Sequence[int], values))).cast("B").cast("q").tolist()
        return [None if type(value) is not int else value if value < SIGNED else value - 2 * SIGNED for value in values]
    if is_packed:
        return values
    if word == "double":
        return [float(value) if isinstance(value, int | float) else None for value in values]
    if word == "list":
        return [value if isinstance(value, tuple) else None for value in values]
    return [None if isinstance(value, tuple) else value for value in values]


def signed(pseudonym: int) -> int:
    """64 bits as CEL holds them."""
    return pseudonym if pseudonym < SIGNED else pseudonym - 2 * SIGNED


@dataclass(frozen=True, slots=True)
class _Places:
    """Some rows of a table, at an instant."""

    table: Table
    places: Sequence[int]
    now_ms: int

    def __len__(self) -> int:
        return len(self.places)

    def coded(self, name: str) -> Coded[object] | None:
        column = self.table.coded(name, self.now_ms)
        return column.at(self.places) if column is not None else None

    def column(self, name: str, among: Sequence[int]) -> Column:
        column, places = self.table.column(name, self.now_ms), self.places
        return [column[at] for at in (places if len(among) == len(places) else map(places.__getitem__, among))]
