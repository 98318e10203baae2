"""Which node served when, by the lines of a log, and what that says of the drills that were planned. Pure.

A machine can tell when a node was lost, when another one served, and when the first served again. It cannot tell a
drill from an outage: a drill is what stood in the plan before it began.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A node began to serve, or ceased to. `node` None: whichever it was that served."""

    second: int
    node: str | None
    serves: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """One line of the plan."""

    ref: str
    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """A time in which the usual node did not serve. Seconds since the epoch."""

    lost_s: int | None  # when it ceased; None where no line says so
    taken_s: int | None  # when another node began to serve; None: none did
    back_s: int | None  # when the usual one served again; None: not yet

    @property
    def began_s(self) -> int:
        """The first that is known of it."""
        known = [second for second in (self.lost_s, self.taken_s) if second is not None]
        return min(known)

    @property
    def gap_s(self) -> int | None:
        """How long no node served, where both ends are known."""
        until = self.taken_s if self.taken_s is not None else self.back_s
        return None if self.lost_s is None or until is None else max(0, until - self.lost_s)


def absences(events: Iterable[Event], home: str) -> list[Away]:
    """The times in which `home` did not serve, oldest first. Before the first line it is taken to serve."""
    found: list[Away] = []
    serving: str | None = home
    lost_s: int | None = None
    away: Away | None = None
    for event in sorted(events, key=lambda event: (event.second, event.serves)):
        if not event.serves:
            if serving is not None and event.node in (None, serving):
                lost_s = event.second if serving == home else lost_s
                serving = None
            continue
        if event.node == home:
            if away is not None or lost_s is not None:
                found.append(_returned(away, lost_s, event.second))
            away, lost_s = None, None
        elif away is None:
            away = Away(lost_s=lost_s, taken_s=event.second, back_s=None)
        serving = event.node
    if away is not None or lost_s is not None:
        found.append(away or Away(lost_s=lost_s, taken_s=None, back_s=None))
    return found


def away_of(drill: Drill, times: Sequence[Away]) -> Away | None:
    """The first absence that began within the drill; None where the usual node served all the time."""
    begin, end = drill.begin.timestamp(), drill.end.timestamp()
    return next((away for away in times if begin <= away.began_s < end), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """In what time another node has to serve, and of how long a time data may be lost. None: it is not said."""

    rto_s: int | None
    rpo_s: int | None


def exercise_of(
    away: Away, service: str, limits: Limits, lost_minutes: float | None
) -> tuple[datetime, datetime | None, dict[str, object]]:
    """Begin, end and attributes of the exercise. Passed: another node served, in time where that can be told."""
    gap_s = away.gap_s
    in_time = gap_s is None or limits.rto_s is None or gap_s <= limits.rto_s
    attributes: dict[str, object] = {
        "class_": "failover",
        "ref": service,
        "passed": away.taken_s is not None and in_time,
        "seconds": None if gap_s is None else float(gap_s),
        "minutes": None if gap_s is None else gap_s / 60,
        "rto_minutes": None if limits.rto_s is None else limits.rto_s / 60,
        "rpo_minutes": None if limits.rpo_s is None else limits.rpo_s / 60,
        "lost_minutes": lost_minutes,
    }
    ended = None if away.back_s is None else datetime.fromtimestamp(away.back_s, UTC)
    return datetime.fromtimestamp(away.began_s, UTC), ended, attributes


def _returned(away: Away | None, lost_s: int | None, back_s: int) -> Away:
    if away is None:
        return Away(lost_s=lost_s, taken_s=None, back_s=back_s)
    return Away(lost_s=away.lost_s, taken_s=away.taken_s, back_s=back_s)
