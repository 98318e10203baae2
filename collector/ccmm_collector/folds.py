"""What is kept in memory between two judgements, so that one statement more costs one statement. All of it may go."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ccmm_collector import projection_sql as sql
from ccmm_collector.coverage import SourceRuns
from ccmm_collector.holes import Chains
from ccmm_collector.packing import entries_of
from ccmm_collector.projection import View
from ccmm_rules.evidence import Entry, Happening, MeasureRow

KEPT_ENTRIES = 200_000
KEPT_SLOTS = 200_000
KEPT_HAPPENINGS = 200_000

T = TypeVar("T")


class Kept(Generic[T]):
    """Sequences by key, the least used ones let go when they hold more than `limit` members in all."""

    def __init__(self, limit: int) -> None:
        """Empty."""
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[Hashable, Sequence[T]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Sequence[T]]) -> Sequence[T]:
        """What is kept under the key, made where nothing is. The key names the content: nothing kept is ever stale."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
            return found
        made = self._kept[key] = make()
        self._size += len(made) + 1
        while self._size > self._limit and len(self._kept) > 1:
            self._size -= len(self._kept.popitem(last=False)[1]) + 1
        return made


@dataclass(slots=True)
class Fold:
    """What of a center was folded up to an index."""

    index: int = -1
    chains: Chains = field(default_factory=Chains)
    runs: dict[int, SourceRuns] = field(default_factory=dict)  # by number of the source


class Folds:
    """Folded runs and chains of many centers and unpacked lists, so that one statement more costs one statement."""

    def __init__(self) -> None:
        """Empty: everything is folded from the projection when first asked for."""
        self._folds: dict[str, Fold] = {}
        self._bodies: Kept[Entry] = Kept(KEPT_ENTRIES)
        self.slots: Kept[MeasureRow] = Kept(KEPT_SLOTS)
        self.happenings: Kept[Happening] = Kept(KEPT_HAPPENINGS)

    def at(self, view: View) -> Fold:
        """The fold of a center at the view's index; going back in time folds anew and keeps nothing."""
        fold = self._folds.setdefault(view.center, Fold())
        if view.index < fold.index:
            fold = Fold()
        span = (fold.index, view.index)
        if fold.index < view.index:
            for link in view.projection.rows(sql.CHAIN, view.center, *span):
                fold.chains.add(link)
            for number, _, _ in view.projection.rows(sql.SOURCES, view.center):
                runs = fold.runs.setdefault(number, SourceRuns())
                for run in view.projection.rows(sql.RUNS, number, *span):
                    runs.add(run)
            fold.index = view.index
        return fold

    def entries(self, view: View, digest: bytes) -> Sequence[Entry]:
        """The entries of a list's body."""
        return self._bodies.get(digest, lambda: entries_of(view.projection.rows(sql.BODY, digest)[0][0]))
