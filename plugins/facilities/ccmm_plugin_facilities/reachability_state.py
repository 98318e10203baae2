"""What the `reachability` source remembers: seconds watched and down of each service, by five minutes. Pure.

The time from one look to the next counts by what the later one finds. A service that was not asked before has no such
time yet; neither has anything when two looks lie too far apart.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ccmm_agent.facts import seconds
from ccmm_agent.plugin import Observation
from ccmm_plugin_facilities.watch import Span, Watch, parse_watch
from ccmm_proto.period import floor_to, from_ms

VERSION: Final = 1
SLOT_MS: Final = 300_000
_Slot = list[int]  # milliseconds watched, of them down, looks, of them that found it down


@dataclass(slots=True)
class State:
    """All that a cursor holds."""

    watch: Watch = field(default_factory=Watch)
    slots: dict[int, dict[str, _Slot]] = field(default_factory=dict)  # start → service
    asked: frozenset[str] = frozenset()  # services of the last look
    is_witness_dead: bool = False  # it failed when all services answered last

    def look(self, is_up: Mapping[str, bool], now_ms: int, *, gap_ms: int) -> None:
        """Adds the time since the last look. Raises SourceUnavailable where the clock went back."""
        self.watch = self.watch.look(now_ms, gap_ms=gap_ms)
        if self.watch.before_ms is not None:
            for start, length_ms in _pieces(self.watch.before_ms, now_ms):
                services = self.slots.setdefault(start, {})
                for service in is_up.keys() & self.asked:
                    watched, down, looks, failed = services.get(service, (0, 0, 0, 0))
                    lost = 0 if is_up[service] else length_ms
                    services[service] = [watched + length_ms, down + lost, looks + 1, failed + (not is_up[service])]
        self.asked = frozenset(is_up)

    def close(self, observer: str) -> tuple[list[Observation], Span | None]:
        """The slots that are over, and the time that was watched in them."""
        self.watch, covers = self.watch.close(SLOT_MS)
        found: list[Observation] = []
        for start in sorted(start for start in self.slots if start < self.watch.stated_ms):
            for service, (watched, down, looks, failed) in sorted(self.slots.pop(start).items()):
                for id, spent, n in (("probe_watched", watched, looks), ("probe_down", down, failed)):
                    at = from_ms(start)
                    found.append(seconds(id, at, spent / 1000, n, service=service, observer=observer))
        return found, covers

    def to_cursor(self) -> bytes:
        """For `parse_state`."""
        held = [VERSION, self.watch.to_list(), self.slots, sorted(self.asked), self.is_witness_dead]
        return json.dumps(held, separators=(",", ":")).encode()


def parse_state(cursor: bytes) -> State:
    """From a cursor; from anything else a new one: nothing was watched before."""
    try:
        version, watch, slots, asked, is_dead = json.loads(cursor)
        if version != VERSION:
            return State()
        return State(
            watch=parse_watch(*watch),
            slots={
                int(start): {service: [int(part) for part in slot] for service, slot in services.items()}
                for start, services in slots.items()
            },
            asked=frozenset(str(service) for service in asked),
            is_witness_dead=bool(is_dead),
        )
    except (ValueError, TypeError, AttributeError, OverflowError, OSError, RecursionError):
        return State()


def _pieces(begin_ms: int, end_ms: int) -> Iterator[tuple[int, int]]:
    """The slots that a time touches, and for how long."""
    while begin_ms < end_ms:
        start = floor_to(begin_ms, SLOT_MS)
        until = min(start + SLOT_MS, end_ms)
        yield start, until - begin_ms
        begin_ms = until
