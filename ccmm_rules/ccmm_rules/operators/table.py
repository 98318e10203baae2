"""All rows of one kind that a judgement reads, column by column: a row is its place in the columns."""

from collections.abc import Callable, Mapping, Sequence
from zoneinfo import ZoneInfo

from ccmm_rules.cel import Compiled
from ccmm_rules.evidence import Columns, Happening
from ccmm_rules.expression import Scalar
from ccmm_rules.operators.remembered import Remembered
from ccmm_rules.operators.windows import QUARTER_HOUR_MS, local_hour, nights_between, workdays_between
from ccmm_rules.rowlanguage import attribute_types
from ccmm_rules.spec import DAY_MS, HOUR_MS
from ccmm_rules.vocabulary.tables import Kind

MINUTE_MS = 60_000
SIGNED = 2**63  # pseudonyms from here on are negative, as CEL holds them
Column = Sequence[object]
Stamps = Sequence[int | None]
Compute = Callable[[int], Column]  # of an attribute that the engine computes, as of an instant
TIMED = frozenset(("late",))  # of those, the ones that change by time alone
_SUFFIXES = ("_days", "_hours", "_minutes", "_workdays")
_SHAPES = frozenset(("open", "has_ended", "local_hour"))


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
        self.times = frozenset(name for name, word in self.types.items() if word == "time")
        self.profile = {f"profile.{name}": value for name, value in answers.items()}
        packed = rows if isinstance(rows, Columns) else None
        self.starts: Sequence[int] = packed.starts if packed else [row.started_ms for row in rows]
        self.ends: Stamps = packed.ends if packed else [row.ended_ms for row in rows]
        self.key_ids: Sequence[str] = packed.key_ids if packed else [row.key_id for row in rows]
        self._ids: Sequence[str | int] = packed.ids if packed else [row.id for row in rows]
        self._sources: Sequence[str] = packed.sources if packed else [row.source for row in rows]
        self.zone = zone
        self._packed = packed.attributes if packed else None
        self._attributes = [] if packed else [row.attributes for row in rows]
        self._known_until = known_until
        self._all_key_ids: frozenset[str] | None = None
        self._ends_by: dict[int, Sequence[int]] = {}
        self._columns: dict[tuple[str, int], Column] = {}
        self._stamps: dict[str, Stamps] = {}
        self._tests: dict[str, Remembered] = {}

    def key_ids_at(self, places: Sequence[int]) -> frozenset[str]:
        """Of these rows; hardly ever is there more than one."""
        if self._all_key_ids is None:
            self._all_key_ids = frozenset(self.key_ids)
        if len(self._all_key_ids) < 2:
            return self._all_key_ids if places else frozenset()
        return frozenset([self.key_ids[at] for at in places])

    def ends_by(self, now_ms: int) -> Sequence[int]:
        """When each row ended; the instant, for what has not ended by then."""
        if now_ms not in self._ends_by:
            self._ends_by[now_ms] = [
                end if end is not None else max(now_ms, start)
                for start, end in zip(self.starts, self.ends, strict=True)
            ]
        return self._ends_by[now_ms]

    def order(self, place: int) -> tuple[int, str, str]:
        """Ties go by time, then key, then source."""
        return self.starts[place], str(self._ids[place]), self._sources[place]

    def results(self, compiled: Compiled, places: Sequence[int], now_ms: int) -> list[Scalar | None]:
        """A test on rows; None where it cannot be decided."""
        if compiled.source not in self._tests:
            self._tests[compiled.source] = Remembered(compiled, self.profile, self.times)
        test = self._tests[compiled.source]
        return test.results([self.pick(name, places, now_ms) for name in test.names], len(places))

    def pick(self, name: str, places: Sequence[int], now_ms: int = 0) -> Column:
        """A column, of these rows."""
        column = self.column(name, now_ms)
        return column if isinstance(places, range) and len(places) == len(column) else [column[at] for at in places]

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
            self._columns[key] = self._made(name, now_ms)
        return self._columns[key]

    def stamps(self, name: str) -> Stamps:
        """A time of the rows, ms."""
        if self.kind.form == "occurrence" and name in ("started", "ended"):
            return self.starts if name == "started" else self.ends
        if name not in self._stamps:
            self._stamps[name] = [value if type(value) is int else None for value in self._values(name)]
        return self._stamps[name]

    def _values(self, name: str) -> Column:
        return self._ids if name == "key" else self._attribute(name)

    def _made(self, name: str, now_ms: int) -> Column:
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
        return self._packed[name] if name in self._packed else [None] * len(self.starts)

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
            return _local_hours(self.starts, self.zone)
        pairs = self._until(self.ends, now_ms)
        if name == "nights":
            return [nights_between(start, end, self.zone) for start, end in pairs]
        if name == "lasted_minutes":
            return [(end - start) / MINUTE_MS for start, end in pairs]
        unit = {"lasted_hours": HOUR_MS, "lasted_days": DAY_MS}.get(name)
        return [None if unit is None else (end - start) // unit for start, end in pairs]


def _typed(values: Column, word: str, *, is_packed: bool) -> Column:
    """As tests see them; what was packed is of its type."""
    if word.startswith("@"):
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


def _local_hours(starts: Sequence[int], zone: ZoneInfo) -> list[int]:
    """A quarter of an hour that begins and ends in one local hour lies in it."""
    known: dict[int, int | None] = {}
    hours = []
    for start in starts:
        quarter = start // QUARTER_HOUR_MS
        if quarter not in known:
            first = local_hour(quarter * QUARTER_HOUR_MS, zone)
            last = local_hour((quarter + 1) * QUARTER_HOUR_MS - 1, zone)
            known[quarter] = first if first == last else None
        hour = known[quarter]
        hours.append(local_hour(start, zone) if hour is None else hour)
    return hours
