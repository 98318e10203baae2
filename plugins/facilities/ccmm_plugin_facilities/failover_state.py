"""What the `failover` source remembers: which drills stood in the plan in time, and which are stated. Pure.

A drill that was first seen in the plan after it had begun is none: an outage cannot become a drill afterwards.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from ccmm_plugin_facilities.failover_drill import Away, Drill
from ccmm_proto.period import from_ms, to_ms

VERSION: Final = 1
KEPT: Final = timedelta(days=30)  # how long a drill is remembered after its end
LONGEST: Final = timedelta(hours=24)  # how long after its end is waited for the usual node to serve again


class Stated(NamedTuple):
    """When the usual node did not serve, as in `Away`, and the minutes of data that were lost."""

    lost_s: int | None
    taken_s: int | None
    back_s: int | None
    lost_minutes: float | None

    @property
    def away(self) -> Away:
        return Away(lost_s=self.lost_s, taken_s=self.taken_s, back_s=self.back_s)


@dataclass(slots=True)
class DrillState:
    """All that a cursor holds."""

    covered_ms: int | None = None  # all drills that began before it are stated, or will never be
    seen: dict[str, list[int]] = field(default_factory=dict)  # ref → begin and end, as first seen before the begin
    stated: dict[str, int] = field(default_factory=dict)  # ref → when it ended
    aways: dict[str, Stated] = field(default_factory=dict)  # ref → as stated, for a loss that is told later

    def plan(self, drills: Iterable[Drill], now: datetime) -> tuple[list[Drill], int]:
        """The drills that stood in the plan in time and are not stated, and how many did not.

        Until it begins a drill may be moved or called off; what stands in the plan then, holds.
        """
        self.seen = {ref: held for ref, held in self.seen.items() if held[0] <= to_ms(now)}  # others may be called off
        late = 0
        for drill in drills:
            known = drill.ref in self.seen or drill.ref in self.stated
            if now < drill.begin and not known:
                self.seen[drill.ref] = [to_ms(drill.begin), to_ms(drill.end)]
            elif not known and drill.end > now - KEPT:
                late += 1
        pending = [
            Drill(ref=ref, begin=from_ms(begin), end=from_ms(end))
            for ref, (begin, end) in sorted(self.seen.items())
            if ref not in self.stated
        ]
        return pending, late

    def state(self, ref: str, away: Away, lost_minutes: float | None) -> None:
        """This drill is stated so."""
        self.aways[ref] = Stated(away.lost_s, away.taken_s, away.back_s, lost_minutes)

    def close(self, ref: str) -> None:
        """This drill is stated, or is over without anything to state."""
        self.stated[ref] = self.seen.pop(ref)[1]

    def cover(self, now: datetime) -> tuple[datetime, datetime] | None:
        """The time since the last look in which no drill is open any more; forgets what is long over."""
        open_ms = [begin for begin, _ in self.seen.values()]
        until_ms = min([to_ms(now), *open_ms])
        covers = None
        if self.covered_ms is not None and self.covered_ms < until_ms:
            covers = (from_ms(self.covered_ms), from_ms(until_ms))
        self.covered_ms = max(self.covered_ms or 0, until_ms)
        self.stated = {ref: end for ref, end in self.stated.items() if from_ms(end) > now - KEPT}
        self.aways = {ref: held for ref, held in self.aways.items() if ref in self.stated}
        return covers

    def to_cursor(self) -> bytes:
        """For `parse_drill_state`."""
        held = [VERSION, self.covered_ms, self.seen, self.stated, self.aways]
        return json.dumps(held, separators=(",", ":")).encode()


def parse_drill_state(cursor: bytes) -> DrillState:
    """From a cursor; from anything else a new one: no plan was seen before."""
    try:
        version, covered_ms, seen, stated, *more = json.loads(cursor)  # more: not at first
        if version != VERSION:
            return DrillState()
        state = DrillState(
            covered_ms=None if covered_ms is None else int(covered_ms),
            seen={str(ref): [int(begin), int(end)] for ref, (begin, end) in seen.items()},
            stated={str(ref): int(end) for ref, end in stated.items()},
            aways={str(ref): _stated(*held) for ref, held in more[0].items()} if more else {},
        )
        instants = [state.covered_ms or 0, *state.stated.values(), *(at for pair in state.seen.values() for at in pair)]
        for instant in instants:
            from_ms(instant)
    except (ValueError, TypeError, AttributeError, OverflowError, OSError, RecursionError):
        return DrillState()
    return state


def _stated(lost_s: object, taken_s: object, back_s: object, lost_minutes: object) -> Stated:
    lost, taken, back = (None if second is None else int(str(second)) for second in (lost_s, taken_s, back_s))
    for second in (lost, taken, back):
        from_ms((second or 0) * 1000)
    if lost is None and taken is None:
        raise ValueError("a time away without a beginning")
    return Stated(lost, taken, back, None if lost_minutes is None else float(str(lost_minutes)))
