"""The runs and chains of one center, folded up to an index, and how the projection keeps that: it is long to tell."""

import json
from collections import Counter
from dataclasses import dataclass, field
from sqlite3 import Connection
from typing import Any, Self

from ccmm_collector import projection_sql as sql
from ccmm_collector.coverage import SourceRuns
from ccmm_collector.holes import Chains
from ccmm_rules.evidence import Span

WORTH_KEEPING = 64  # entries about a center that are folded in less time than a kept fold is read in
AT_ONCE = 20  # centers whose folds are made while nothing arrives


@dataclass(slots=True)
class Fold:
    """What of a center was folded up to an index."""

    index: int = -1
    chains: Chains = field(default_factory=Chains)
    runs: dict[int, SourceRuns] = field(default_factory=dict)  # by number of the source

    def up_to(self, connection: Connection, center: str, index: int) -> int:
        """Fold in what became known since; how many statements that was."""
        if self.index >= index:
            return 0
        links = connection.execute(sql.CHAIN, (center, self.index, index)).fetchall()
        for link in links:
            self.chains.add(link)
        for number, _, _ in connection.execute(sql.SOURCES, (center,)).fetchall():
            runs = self.runs.setdefault(number, SourceRuns())
            for run in connection.execute(sql.RUNS, (number, self.index, index)).fetchall():
                runs.add(run)
            for feed, from_ms, to_ms in connection.execute(sql.LATE, (number, self.index, index)).fetchall():
                runs.add_late(feed, Span(from_ms, to_ms))
        self.index = index
        return len(links)

    def state(self) -> str:
        """All of it, as JSON."""
        runs = [[number, runs.state()] for number, runs in self.runs.items()]
        return json.dumps([self.chains.state(), runs], separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def of_state(cls, index: int, state: str) -> Self:
        """What `state` told."""
        chains, runs = json.loads(state)
        return cls(index, Chains.of_state(chains), {number: SourceRuns.of_state(told) for number, told in runs})


def kept_fold(connection: Connection, center: str, index: int) -> Fold:
    """The fold that is kept of a center, where it knows no more than an index; else an empty one."""
    row = connection.execute(sql.FOLD, (center, index)).fetchone()
    return Fold.of_state(row[0], row[1]) if row else Fold()


class KeptFolds:
    """The folds that one projection keeps. What is made is written by the open transaction."""

    def __init__(self, connection: Connection) -> None:
        """Over the projection's own connection."""
        self._connection = connection
        self._arrived: Counter[str] = Counter()  # statements about each center since its fold was kept
        self.fresh: list[tuple[Any, ...]] = []  # made, and not written yet

    def touch(self, centers: list[str]) -> None:
        """A statement came about each of these."""
        self._arrived.update(centers)

    def keep(self, center: str, fold: Fold) -> None:
        """A fold of all that is known of the center."""
        del self._arrived[center]
        self.fresh.append((center, fold.index, fold.state()))

    def fill(self, position: int) -> None:
        """Fold the centers of which most is to be folded."""
        for center, count in self._arrived.most_common(AT_ONCE):
            if count < WORTH_KEEPING:
                break
            (index,) = self._connection.execute(sql.NEWEST_OF, (center, position)).fetchone()
            fold = kept_fold(self._connection, center, index)
            fold.up_to(self._connection, center, index)
            self.keep(center, fold)

    def write(self) -> int:
        """Write what was made since; how much that was."""
        count = len(self.fresh)
        self._connection.executemany(sql.KEEP_FOLD, self.fresh)
        self.fresh.clear()
        return count
