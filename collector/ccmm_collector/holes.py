"""Where numbers of an agent's chains are missing or claimed twice.

Within an epoch a missing number is a hole between its neighbours. An epoch has no known end: whatever was lost with
its last statements shows as time that no run covers, because a source's next run starts where its last kept one ended.
Only what is proven to be missing is a hole here: numbers below one that we hold or that a receipt shown at the next
epoch's start names, and whole epochs that were skipped.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Self

from ccmm_proto.chain import MAX_AHEAD_MS
from ccmm_rules.evidence import Hole

LinkRow = tuple[str, int, int, int, int, int]  # columns of projection_sql.CHAIN


@dataclass(slots=True)
class Island:
    """Numbers without a gap: first and last, and when those two statements were created."""

    first: int
    last: int
    first_ms: int
    last_ms: int


@dataclass(slots=True)
class Chains:
    """All counted statements of one center, folded to islands."""

    islands: dict[tuple[str, int], list[Island]] = field(default_factory=dict)  # by agent and epoch, in order
    claims: dict[tuple[str, int], int] = field(default_factory=dict)  # numbers below this one were receipted

    def add(self, link: LinkRow) -> None:
        """Fold one more statement in; the order does not matter, the same one twice changes nothing."""
        agent, epoch, sequence, created_ms, claimed_epoch, claimed = link
        if claimed:
            key = (agent, claimed_epoch)
            self.claims[key] = max(self.claims.get(key, 0), claimed)
        islands = self.islands.setdefault((agent, epoch), [])
        place = len(islands)
        while place and islands[place - 1].first > sequence:
            place -= 1
        if place and sequence <= islands[place - 1].last:
            return
        before = islands[place - 1] if place and islands[place - 1].last == sequence - 1 else None
        after = islands[place] if place < len(islands) and islands[place].first == sequence + 1 else None
        if before and after:
            before.last, before.last_ms = after.last, after.last_ms
            del islands[place]
        elif before:
            before.last, before.last_ms = sequence, created_ms
        elif after:
            after.first, after.first_ms = sequence, created_ms
        else:
            islands.insert(place, Island(sequence, sequence, created_ms, created_ms))

    def state(self) -> list[Any]:
        """All of it, as JSON holds it."""
        islands = [
            [*chain, [[island.first, island.last, island.first_ms, island.last_ms] for island in islands]]
            for chain, islands in self.islands.items()
        ]
        return [islands, [[*chain, claim] for chain, claim in self.claims.items()]]

    @classmethod
    def of_state(cls, state: list[Any]) -> Self:
        """What `state` told."""
        islands, claims = state
        return cls(
            {(agent, epoch): [Island(*island) for island in told] for agent, epoch, told in islands},
            {(agent, epoch): claim for agent, epoch, claim in claims},
        )

    def holes(self) -> list[Hole]:
        """All holes, by agent and time."""
        agents = sorted({agent for agent, _ in self.islands})
        return [hole for agent in agents for hole in self._holes_of(agent)]

    def _holes_of(self, agent: str) -> Iterator[Hole]:
        epochs = sorted(epoch for name, epoch in self.islands if name == agent)
        last_ms, expected = 0, 0
        for epoch, following in zip(epochs, [*epochs[1:], None], strict=True):
            islands = self.islands[agent, epoch]
            if epoch > expected or islands[0].first > 0:
                yield _hole(agent, last_ms, islands[0].first_ms)
            for before, after in pairwise(islands):
                yield _hole(agent, before.last_ms, after.first_ms)
            last_ms, expected = islands[-1].last_ms, epoch + 1
            if self.claims.get((agent, epoch), 0) > islands[-1].last + 1 and following is not None:
                yield _hole(agent, last_ms, self.islands[agent, following][0].first_ms)


def _hole(agent: str, from_ms: int, to_ms: int) -> Hole:
    """What is missing was said after `from_ms`, whatever time the statement behind it claims to be of.

    A clock that was set back between the two must not make the hole end before it begins: it would touch nothing.
    """
    return Hole(agent=agent, from_ms=from_ms, to_ms=to_ms if to_ms > from_ms else from_ms + MAX_AHEAD_MS + 1)


def forks(
    chains: Chains, created: dict[tuple[str, int, int], int], claimed: Iterable[tuple[str, int, int]]
) -> list[Hole]:
    """A disputed hole for each number that two statements claim, between its neighbours as far as they are known.

    `created`: creation times by agent, epoch and number, of the disputed numbers and their neighbours.
    """
    found = []
    for agent, epoch, sequence in claimed:
        own = created.get((agent, epoch, sequence))
        before = created.get((agent, epoch, sequence - 1), 0)
        islands = chains.islands.get((agent, epoch), [])
        later = [island.first_ms for island in islands if island.first > sequence]
        after = created.get((agent, epoch, sequence + 1)) or own or (later[0] if later else before)
        found.append(Hole(agent=agent, from_ms=min(before, after), to_ms=max(before, after), disputed=True))
    return found
