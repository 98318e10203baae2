"""Occurrences column by column, where there are many: a column is made when it is asked for, a row as well."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, cast, overload

from ccmm_rules.evidence import AttributeValue, Happening

T = TypeVar("T", covariant=True)
Column = Sequence[AttributeValue | None]
KEY, ENDED, KEY_ID = "key", "ended", "."  # columns beside the attributes, none of which has such a name
MOST_CODES = 256


@dataclass(frozen=True, slots=True, eq=False)
class Coded(Sequence[T], Generic[T]):
    """A column of few distinct values: that of a row is `values[codes[row]]`. What holds of a value is found once."""

    values: Sequence[T]  # 256 at most
    codes: bytes

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[T]:
        return map(self.values.__getitem__, self.codes)

    @overload
    def __getitem__(self, place: int) -> T: ...

    @overload
    def __getitem__(self, place: slice) -> "Coded[T]": ...

    def __getitem__(self, place: int | slice) -> "T | Coded[T]":
        return Coded(self.values, self.codes[place]) if isinstance(place, slice) else self.values[self.codes[place]]

    def at(self, places: Sequence[int]) -> "Coded[T]":
        """Of these rows."""
        if isinstance(places, range) and places.step == 1:
            return self[places.start : places.stop]
        return Coded(self.values, bytes(map(self.codes.__getitem__, places)))


def coded(values: Sequence[T]) -> Coded[T] | None:
    """A column by its distinct values; None where there are too many."""
    numbers = {value: number for number, value in enumerate(dict.fromkeys(values))}
    return Coded(list(numbers), bytes(map(numbers.__getitem__, values))) if len(numbers) <= MOST_CODES else None


class Lazily(Mapping[str, Column]):
    """Columns by name, each made when it is first asked for: most judgements ask for a few."""

    def __init__(self, names: Iterable[str], make: Callable[[str], Column]) -> None:
        self._names = frozenset(names)
        self._make = make
        self._made: dict[str, Column] = {}

    def __getitem__(self, name: str) -> Column:
        if name not in self._made:
            if name not in self._names:
                raise KeyError(name)
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Columns(Sequence[Happening]):
    """Occurrences of one source column by column, where there are many: one value a row, None where a row has none.

    As a sequence it makes each row when it is asked for.
    """

    agent: str
    source: str
    starts: Sequence[int]
    told: Mapping[str, Column]  # KEY, ENDED, KEY_ID, and the attributes

    @property
    def ids(self) -> Sequence[str | int]:
        return cast(Sequence[str | int], self.told[KEY])

    @property
    def ends(self) -> Sequence[int | None]:
        return cast(Sequence[int | None], self.told[ENDED])

    @property
    def key_ids(self) -> Sequence[str]:
        return cast(Sequence[str], self.told[KEY_ID])

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, place: int) -> Happening: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Happening]: ...

    def __getitem__(self, place: int | slice) -> Happening | Sequence[Happening]:
        if isinstance(place, slice):
            return [self._row(at) for at in range(*place.indices(len(self)))]
        return self._row(place)

    def _row(self, place: int) -> Happening:
        names = [name for name in self.told if name not in (KEY, ENDED, KEY_ID)]
        return Happening(
            agent=self.agent,
            source=self.source,
            id=self.ids[place],
            started_ms=self.starts[place],
            ended_ms=self.ends[place],
            key_id=self.key_ids[place],
            attributes={name: value for name in names if (value := self.told[name][place]) is not None},
        )

    def between(self, first: int, end: int) -> "Columns":
        """The rows from one place up to another."""
        if first <= 0 and end >= len(self):
            return self
        told = Lazily(self.told, lambda name: self.told[name][first:end])
        return Columns(agent=self.agent, source=self.source, starts=self.starts[first:end], told=told)
