"""Stays in the building, out of passages in and out: `presence`. Pure.

A stay begins with the first way in and ends with the next way out of the same badge. Where one of the two is missing,
or they lie further apart than anybody stays, there is none: it is counted and not guessed.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from ccmm_agent.facts import occurrence
from ccmm_agent.plugin import Observation
from ccmm_plugin_access_control.device_log import hour_of
from ccmm_plugin_access_control.passages import NO_BADGE, Passage

LONGEST = timedelta(hours=18)
_VISITOR = "visitor"


class _Entry(NamedTuple):
    """A way in: the name of the stay that begins with it, and whose it is."""

    name: str
    at: datetime
    badge: str
    person: str | None
    visitor: bool


@dataclass(slots=True)
class Stays:
    """Takes passages as they followed each other, and holds the stays that ended."""

    site: str | None
    _found: list[tuple[_Entry, datetime]] = field(default_factory=list)
    _unpaired: list[datetime] = field(default_factory=list)  # ways in without out, and out without in
    _inside: dict[str, _Entry] = field(default_factory=dict)  # by badge
    _numbers: dict[datetime, int] = field(default_factory=dict)

    def take(self, passage: Passage) -> None:
        """Each passage once. A second way in without a way out between is the same stay."""
        if passage.badge == NO_BADGE or passage.attributes.get("result") not in (None, "open"):
            return
        direction, entry = passage.attributes.get("direction"), self._inside.get(passage.badge)
        if entry is not None and not timedelta() <= passage.at - entry.at <= LONGEST:
            del self._inside[passage.badge]
            self._unpaired.append(entry.at + LONGEST)
            entry = None
        if direction == "in" and entry is None:
            self._inside[passage.badge] = self._entry(passage)
        elif direction == "out" and entry is not None:
            del self._inside[passage.badge]
            self._found.append((entry, passage.at))
        elif direction == "out":
            self._unpaired.append(passage.at)

    def ended_in(self, hours: Collection[int]) -> Iterator[Observation]:
        """The stays that ended in these hours. The id of a stay is its beginning, never whose it is."""
        for entry, left in self._found:
            if hour_of(left) in hours:
                yield occurrence(
                    "presence",
                    entry.name,
                    entry.at,
                    left,
                    person=entry.person,
                    badge=entry.badge,
                    visitor=entry.visitor,
                    site=self.site,
                    on_site=True,
                )

    def unpaired_between(self, begin: int, end: int) -> int:
        """Ways out of these hours without a way in, and ways in whose time for a way out ran out in them."""
        waiting = (entry.at + LONGEST for entry in self._inside.values())
        return sum(begin <= hour_of(at) < end for at in (*self._unpaired, *waiting))

    def _entry(self, passage: Passage) -> _Entry:
        """Stays that begin in one second are numbered in the order of the log."""
        self._numbers[passage.at] = number = self._numbers.get(passage.at, 0) + 1
        person = passage.attributes.get("person")
        return _Entry(
            name=f"{passage.at:%Y-%m-%dT%H:%M:%SZ} {number}",
            at=passage.at,
            badge=passage.badge,
            person=None if person is None else str(person),
            visitor=passage.attributes.get("badge_class") == _VISITOR,
        )
