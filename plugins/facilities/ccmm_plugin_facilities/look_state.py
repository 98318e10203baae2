"""What a source that looks at instants remembers: readings by quarter hour, and which alerts stand. Pure.

Readings of a quarter hour are gathered and stated once it is over; an alert is stated when it begins and again, under
the same id, when it is over. A reading is named by its dimensions, `quantity` among them; noise is summed.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

from ccmm_agent.facts import gauge, occurrence, seconds
from ccmm_agent.plugin import Observation
from ccmm_plugin_facilities.watch import Span, Watch, parse_watch
from ccmm_proto.period import QUARTER_MS, floor_to, from_ms

VERSION: Final = 1
NOISE: Final = "noise"  # a quantity that is a measure of its own: a sum over readings
_Gathered = list[float]  # lowest, highest, last, how many, sum


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertWords:
    """How an alert is stated: its name in ids, and words of the vocabulary."""

    name: str
    signal: str | None = None
    system: str | None = None
    class_: str | None = None


@dataclass(slots=True)
class LookState:
    """All that a cursor holds."""

    watch: Watch = field(default_factory=Watch)
    quarters: dict[int, dict[str, _Gathered]] = field(default_factory=dict)  # start → dimensions as JSON
    alerts: dict[str, int] = field(default_factory=dict)  # name → since

    def gather(self, dimensions: Mapping[str, str], value: float, now_ms: int) -> None:
        """Adds one reading to its quarter hour."""
        quarter = self.quarters.setdefault(floor_to(now_ms, QUARTER_MS), {})
        key = json.dumps(dict(dimensions), sort_keys=True)
        low, high, _, n, total = quarter.get(key, (value, value, value, 0, 0.0))
        quarter[key] = [min(low, value), max(high, value), value, n + 1, total + value]

    def close(self) -> tuple[list[Observation], Span | None]:
        """The quarter hours that are over, and the time that was watched in them."""
        self.watch, covers = self.watch.close(QUARTER_MS)
        over = sorted(start for start in self.quarters if start < self.watch.stated_ms)
        return [_stated(start, key, held) for start in over for key, held in sorted(self._pop(start))], covers

    def alarms(self, raised: Mapping[AlertWords, bool], now_ms: int) -> Iterator[Observation]:
        """What began and what ended since the last look: at the first look that shows it."""
        for words, is_raised in sorted(raised.items(), key=lambda pair: pair[0].name):
            since = self.alerts.get(words.name)
            if is_raised and since is None:
                self.alerts[words.name] = now_ms
                yield _alert(words, now_ms, None)
            elif not is_raised and since is not None:
                del self.alerts[words.name]
                yield _alert(words, since, max(since, now_ms))

    def to_cursor(self) -> bytes:
        """For `parse_look_state`."""
        held = [VERSION, self.watch.to_list(), self.quarters, self.alerts]
        return json.dumps(held, separators=(",", ":")).encode()

    def _pop(self, start: int) -> list[tuple[str, _Gathered]]:
        return list(self.quarters.pop(start).items())


def parse_look_state(cursor: bytes) -> LookState:
    """From a cursor; from anything else a new one: nothing was looked at before, and nothing of it is vouched for."""
    try:
        version, watch, quarters, alerts = json.loads(cursor)
        if version != VERSION:
            return LookState()
        return LookState(
            watch=parse_watch(*watch),
            quarters={int(start): _held(by_key) for start, by_key in quarters.items()},
            alerts={str(name): int(since) for name, since in alerts.items()},
        )
    except (ValueError, TypeError, AttributeError, OverflowError, OSError, RecursionError):
        return LookState()


def _held(by_key: Mapping[str, list[float]]) -> dict[str, _Gathered]:
    found: dict[str, _Gathered] = {}
    for key, (low, high, last, n, total) in by_key.items():
        figures = [float(low), float(high), float(last), float(n), float(total)]
        dimensions = json.loads(key)
        if not all(map(isfinite, figures)) or not all(isinstance(text, str) for text in dimensions.values()):
            raise ValueError("no figures")
        found[key] = figures
    return found


def _stated(start: int, key: str, held: _Gathered) -> Observation:
    dimensions: dict[str, Any] = json.loads(key)
    low, high, last, n, total = held
    if dimensions.get("quantity") == NOISE:
        return seconds("noise", from_ms(start), total, int(n), **dimensions)
    return gauge("reading", from_ms(start), low, high, last, int(n), **dimensions)


def _alert(words: AlertWords, since_ms: int, until_ms: int | None) -> Observation:
    ended = None if until_ms is None else from_ms(until_ms)
    known = {"signal": words.signal, "system": words.system, "class_": words.class_}
    return occurrence("alert", f"{words.name} {since_ms}", from_ms(since_ms), ended, **known)
