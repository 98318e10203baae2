"""What the `ups` source remembers from look to look, and what each look adds to what is stated. Pure.

Readings of a quarter hour are gathered and stated once it is over; an alert is stated when it begins and again, under
the same id, when it is over; a battery test once.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from ccmm_agent.facts import gauge, occurrence
from ccmm_agent.plugin import Observation
from ccmm_plugin_facilities.ups_look import ON_BATTERY, Look, parse_tested
from ccmm_plugin_facilities.watch import Span, Watch, parse_watch
from ccmm_proto.period import QUARTER_MS, floor_to, from_ms

VERSION: Final = 1
FULL: Final = 95.0  # % of charge from which the run time is that of a charged battery again
RECHARGING_MS: Final = 24 * 3600 * 1000  # so long at most run times are passed over after a time on battery
OLDEST: Final = timedelta(days=3650)
_Gauge = list[float]  # lowest, highest, last, how many


@dataclass(slots=True)
class State:
    """All that a cursor holds."""

    watch: Watch = field(default_factory=Watch)
    quarters: dict[int, dict[str, dict[str, _Gauge]]] = field(default_factory=dict)  # start → UPS → quantity
    alerts: dict[str, dict[str, int]] = field(default_factory=dict)  # UPS → word → since
    results: dict[str, str] = field(default_factory=dict)  # UPS → what its last battery test told at the last look
    tested: dict[str, str] = field(default_factory=dict)  # UPS → date and result of the test that was stated
    battery: dict[str, int] = field(default_factory=dict)  # UPS → when it was last seen on battery

    def gather(self, looks: Mapping[str, Look], now_ms: int) -> None:
        """Adds the readings of one look to its quarter hour."""
        quarter = self.quarters.setdefault(floor_to(now_ms, QUARTER_MS), {})
        for ups, look in looks.items():
            self._note_battery(ups, look, now_ms)
            held = quarter.setdefault(ups, {})
            for quantity, value in look.values.items():
                if quantity == "ups_runtime" and ups in self.battery:
                    continue  # what is left of a discharge is not how long the load of the day would be carried
                low, high, _, n = held.get(quantity, (value, value, value, 0))
                held[quantity] = [min(low, value), max(high, value), value, n + 1]

    def close(self) -> tuple[list[Observation], Span | None]:
        """The quarter hours that are over, and the time that was watched in them."""
        self.watch, covers = self.watch.close(QUARTER_MS)
        over = sorted(start for start in self.quarters if start < self.watch.stated_ms)
        found = [
            gauge("reading", from_ms(start), low, high, last, int(n), ups=ups, quantity=quantity)
            for start in over
            for ups, quantities in sorted(self.quarters.pop(start).items())
            for quantity, (low, high, last, n) in sorted(quantities.items())
        ]
        return found, covers

    def alarms(self, looks: Mapping[str, Look], now_ms: int) -> Iterator[Observation]:
        """What began and what ended since the last look: at the first look that shows it."""
        for ups, look in sorted(looks.items()):
            standing = look.alarms | ({ON_BATTERY} if look.on_battery else set())
            held = self.alerts.setdefault(ups, {})
            for word in sorted(held.keys() - standing):
                yield _alert(ups, word, held.pop(word), now_ms)
            for word in sorted(standing - held.keys()):
                held[word] = now_ms
                yield _alert(ups, word, now_ms, None)

    def battery_tests(
        self, looks: Mapping[str, Look], now_ms: int, zone: ZoneInfo, format: str | None
    ) -> Iterator[Observation]:
        """Tests that are over: at the date that the UPS tells; where it tells none, when one in progress was done."""
        for ups, look in sorted(looks.items()):
            before = self.results.get(ups)
            self.results[ups] = look.result
            if look.result not in ("passed", "failed"):
                continue
            if look.tested:
                when = parse_tested(look.tested, zone, format)
                # Many tell the day only: a test that fails after one that passed, or passes after it, is another one.
                is_new = self.tested.get(ups) != f"{look.tested} {look.result}"
                if when is None or not is_new or not from_ms(now_ms) - OLDEST < when <= from_ms(now_ms):
                    continue
                self.tested[ups] = f"{look.tested} {look.result}"
            elif before == "running":
                when = from_ms(now_ms)
            else:
                continue
            yield occurrence(
                "exercise",
                f"{ups} battery {when:%Y-%m-%dT%H:%M:%SZ}{'' if look.result == 'passed' else ' failed'}",
                when,
                class_="battery",
                ref=ups,
                passed=look.result == "passed",
            )

    def to_cursor(self) -> bytes:
        """For `parse_state`."""
        held = [self.watch.to_list(), self.quarters, self.alerts, self.results, self.tested, self.battery]
        return json.dumps([VERSION, *held], separators=(",", ":")).encode()

    def _note_battery(self, ups: str, look: Look, now_ms: int) -> None:
        if look.on_battery or look.calibrating:
            self.battery[ups] = now_ms
        elif ups in self.battery:
            charged = look.values.get("ups_charge", 0.0) >= FULL
            if charged or now_ms - self.battery[ups] > RECHARGING_MS:
                del self.battery[ups]


def parse_state(cursor: bytes) -> State:
    """From a cursor; from anything else a new one: nothing was looked at before, and nothing of it is vouched for."""
    try:
        version, watch, quarters, alerts, results, tested, battery = json.loads(cursor)
        if version != VERSION:
            return State()
        return State(
            watch=parse_watch(*watch),
            quarters={int(start): _gauges(by_ups) for start, by_ups in quarters.items()},
            alerts={ups: {str(word): int(since) for word, since in held.items()} for ups, held in alerts.items()},
            results={ups: str(result) for ups, result in results.items()},
            tested={ups: str(date) for ups, date in tested.items()},
            battery={ups: int(when) for ups, when in battery.items()},
        )
    except (ValueError, TypeError, AttributeError, OverflowError, OSError, RecursionError):
        return State()


def _gauges(by_ups: Mapping[str, Mapping[str, list[float]]]) -> dict[str, dict[str, _Gauge]]:
    found: dict[str, dict[str, _Gauge]] = {}
    for ups, quantities in by_ups.items():
        for quantity, (low, high, last, n) in quantities.items():
            found.setdefault(ups, {})[quantity] = [float(low), float(high), float(last), int(n)]
    return found


def _alert(ups: str, word: str, since_ms: int, until_ms: int | None) -> Observation:
    known = {"signal": ON_BATTERY} if word == ON_BATTERY else {"class_": word}
    ended = None if until_ms is None else from_ms(until_ms)
    return occurrence("alert", f"{ups} {word} {since_ms}", from_ms(since_ms), ended, system="ups", **known)
