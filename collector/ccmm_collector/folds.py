"""What is kept in memory between two judgements, so that one statement more costs one statement. All of it may go."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence, Sized
from typing import Generic, TypeVar

from ccmm_collector import projection_sql as sql
from ccmm_collector.columns import Day
from ccmm_collector.fold import WORTH_KEEPING, Fold, kept_fold
from ccmm_collector.packing import entries_of
from ccmm_collector.projection import View
from ccmm_rules.evidence import Entry, Happening, MeasureRow

KEPT_FOLDS = 2_000  # centers
KEPT_ENTRIES = 200_000
KEPT_RESULTS = 50_000  # two of each: what rules read of slots
KEPT_SLOTS = 200_000
KEPT_HAPPENINGS = 400_000
KEPT_ROLLED = 400_000

T = TypeVar("T", bound=Sized)


class Kept(Generic[T]):
    """Things with members by key, the least used ones let go when they hold more than `limit` members in all."""

    def __init__(self, limit: int) -> None:
        """Empty."""
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
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


class Folds:
    """Folded runs and chains of many centers and unpacked lists, so that one statement more costs one statement."""

    def __init__(self) -> None:
        """Empty: what is asked for first comes from the projection."""
        self._folds: OrderedDict[str, Fold] = OrderedDict()
        self._bodies: Kept[Sequence[Entry]] = Kept(KEPT_ENTRIES)
        self.made: Kept[Sequence[object]] = Kept(KEPT_RESULTS)
        self.slots: Kept[Sequence[MeasureRow]] = Kept(KEPT_SLOTS)
        self.happenings: Kept[Sequence[Happening]] = Kept(KEPT_HAPPENINGS)
        self.days: Kept[Day] = Kept(KEPT_ROLLED)

    def at(self, view: View) -> Fold:
        """The fold of a center at the view's index; going back in time keeps nothing."""
        fold = self._folds.get(view.center)
        is_past = fold is not None and view.index < fold.index
        projection, connection = view.projection, view.projection.connection
        if fold is None or is_past:
            fold = kept_fold(connection, view.center, view.index)
        told = fold.up_to(connection, view.center, view.index)
        if told >= WORTH_KEEPING and view.is_newest:
            projection.keep_fold(view.center, fold)
        if not is_past:
            self._folds[view.center] = fold
            self._folds.move_to_end(view.center)
            while len(self._folds) > KEPT_FOLDS:
                self._folds.popitem(last=False)
        return fold

    def entries(self, view: View, digest: bytes) -> Sequence[Entry]:
        """The entries of a list's body."""
        return self._bodies.get(digest, lambda: entries_of(view.projection.rows(sql.BODY, digest)[0][0]))
