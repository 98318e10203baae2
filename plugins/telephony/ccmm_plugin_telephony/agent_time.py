"""Comings, goings and pauses → how long agents were logged in and paused.

Logged in: in at least one place. Paused: in at least one place. A switch without queues of its own has one place.
The state goes into the cursor, so a session of many hours needs no second reading of its beginning.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

DAY_S = 86_400
LOGIN = "login"  # the word for log-in time; pauses are "pause/REASON"


@dataclass(frozen=True, slots=True, order=True)
class Stay:
    """An agent was logged in from `since_s` to `until_s`."""

    agent: str
    since_s: int
    until_s: int


@dataclass(slots=True)
class AgentTime:
    """The state of all agents after what was applied so far, in the order of time."""

    places: dict[str, set[str]] = field(default_factory=dict)
    since: dict[str, int] = field(default_factory=dict)
    pauses: dict[str, dict[str, str]] = field(default_factory=dict)  # agent -> place -> reason
    paused_since: dict[str, tuple[int, str]] = field(default_factory=dict)
    spent: dict[tuple[str, str, int], tuple[int, int]] = field(default_factory=dict)  # agent, word, day -> s, n
    stays: list[Stay] = field(default_factory=list)  # that ended, as far back as the state was kept

    def come(self, agent: str, place: str, at_s: int) -> None:
        self.places.setdefault(agent, set()).add(place)
        self.since.setdefault(agent, at_s)

    def leave(self, agent: str, place: str, at_s: int) -> None:
        self.unpause(agent, place, at_s)
        places = self.places.get(agent, set())
        places.discard(place)
        if not places and (since_s := self.since.pop(agent, None)) is not None:
            self.places.pop(agent, None)
            self.spend(agent, LOGIN, since_s, at_s)
            if at_s > since_s:
                self.stays.append(Stay(agent, since_s, at_s))

    def pause(self, agent: str, place: str, reason: str, at_s: int) -> None:
        self.pauses.setdefault(agent, {})[place] = reason
        since = self.paused_since.get(agent)
        if since is None or since[1] != reason:
            self._end_pause(agent, at_s)
            self.paused_since[agent] = (at_s, reason)

    def unpause(self, agent: str, place: str | None, at_s: int) -> None:
        """`place` None: wherever the agent was paused."""
        places = self.pauses.get(agent, {})
        if place is None:
            places.clear()
        else:
            places.pop(place, None)
        if not places:
            self.pauses.pop(agent, None)
            self._end_pause(agent, at_s)

    def _end_pause(self, agent: str, at_s: int) -> None:
        since = self.paused_since.pop(agent, None)
        if since is not None:
            self.spend(agent, f"pause/{since[1]}", since[0], at_s)

    def spend(self, agent: str, word: str, since_s: int, until_s: int) -> None:
        """Counts a span that is over: of log-in (`LOGIN`), or of a pause (`pause/REASON`)."""
        for day_s, seconds in days_of(since_s, until_s):
            total, times = self.spent.get((agent, word, day_s), (0, 0))
            self.spent[agent, word, day_s] = (total + seconds, times + 1)

    def stays_until(self, horizon_s: int) -> list[Stay]:
        """Those that ended, and those that go on, up to the horizon."""
        going_on = [Stay(agent, since_s, horizon_s) for agent, since_s in self.since.items()]
        ended = [Stay(stay.agent, stay.since_s, min(stay.until_s, horizon_s)) for stay in self.stays]
        return sorted(stay for stay in (*ended, *going_on) if stay.until_s > stay.since_s)

    def day(self, day_s: int) -> dict[tuple[str, str], tuple[int, int]]:
        """(agent, word) → (seconds, how many) of a UTC day that is over."""
        sums = {(agent, word): sum_ for (agent, word, day), sum_ in self.spent.items() if day == day_s}
        going_on = [(agent, LOGIN, since_s) for agent, since_s in self.since.items()]
        going_on += [(agent, f"pause/{reason}", since_s) for agent, (since_s, reason) in self.paused_since.items()]
        for agent, word, since_s in going_on:
            seconds = dict(days_of(since_s, day_s + DAY_S)).get(day_s)
            if seconds is not None:
                total, times = sums.get((agent, word), (0, 0))
                sums[agent, word] = (total + seconds, times + 1)
        return sums

    def snapshot(self, from_s: int) -> dict[str, object]:
        """The state as JSON values; sums of days and stays that were over before `from_s` are left out."""
        day_s = from_s - from_s % DAY_S
        return {
            "stays": [[stay.agent, stay.since_s, stay.until_s] for stay in self.stays if stay.until_s > from_s],
            "places": {agent: sorted(places) for agent, places in self.places.items()},
            "since": dict(self.since),
            "pauses": {agent: dict(places) for agent, places in self.pauses.items()},
            "paused_since": {agent: list(since) for agent, since in self.paused_since.items()},
            "spent": [[*key, *sums] for key, sums in self.spent.items() if key[2] >= day_s],
        }


def restored(state: Mapping[str, object]) -> AgentTime:
    """The state of a snapshot. Raises KeyError, TypeError or ValueError for anything else."""
    tables = {name: state[name] for name in ("places", "since", "pauses", "paused_since")}
    places, since, pauses, paused_since = (_table(table) for table in tables.values())
    spent, stays = state["spent"], state.get("stays", [])  # a cursor of an older version keeps no stays
    if not isinstance(spent, list) or not isinstance(stays, list):
        raise TypeError("spent and stays are lists")
    return AgentTime(
        places={agent: {str(place) for place in names} for agent, names in places.items()},
        since={agent: int(at) for agent, at in since.items()},
        pauses={agent: {str(place): str(reason) for place, reason in of.items()} for agent, of in pauses.items()},
        paused_since={agent: (int(at), str(reason)) for agent, (at, reason) in paused_since.items()},
        spent={(str(agent), str(word), int(day)): (int(s), int(n)) for agent, word, day, s, n in spent},
        stays=[Stay(str(agent), int(since_s), int(until_s)) for agent, since_s, until_s in stays],
    )


def days_of(since_s: int, until_s: int) -> Iterator[tuple[int, int]]:
    """(UTC day, seconds in it) of a span of time."""
    while since_s < until_s:
        day_s = since_s - since_s % DAY_S
        ends_s = min(until_s, day_s + DAY_S)
        yield day_s, ends_s - since_s
        since_s = ends_s


def _table(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("a table is expected")
    return value
