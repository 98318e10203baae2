"""What the `monitoring_prometheus` source remembers: alerts that stand, when each rule fired last. Pure.

Alertmanager keeps no history: an alert is stated when a look first shows it, again when somebody has seen it, and again
when a look does not show it any more.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from ccmm_plugin_facilities.monitoring_words import Alarm, AlertRule
from ccmm_plugin_facilities.watch import Watch, parse_watch
from ccmm_proto.period import from_ms, to_ms

VERSION: Final = 1


@dataclass(slots=True)
class State:
    """All that a cursor holds."""

    watch: Watch = field(default_factory=Watch)
    standing: dict[str, Alarm] = field(default_factory=dict)
    fired: dict[str, int] = field(default_factory=dict)  # rule -> ms
    live: dict[str, bool] = field(default_factory=dict)  # rule -> at the last look that told it

    def alarms(self, firing: Iterable[Alarm], now: datetime, *, is_whole: bool) -> Iterator[Alarm]:
        """What is new. Not `is_whole`: the list may lack some, so nothing ends."""
        seen: set[str] = set()
        for alarm in sorted(firing, key=lambda one: (one.started, one.id)):
            seen.add(alarm.id)
            self.fired[alarm.name] = max(to_ms(alarm.started), self.fired.get(alarm.name, 0))
            known = self.standing.get(alarm.id)
            if known is not None:
                alarm = replace(alarm, acked=known.acked or alarm.acked)
            if known != alarm:
                self.standing[alarm.id] = alarm
                yield alarm
        for id in sorted(self.standing.keys() - seen) if is_whole else ():
            yield replace(self.standing.pop(id), ended=now)

    def rules(self, rules: Iterable[AlertRule], untried: Iterable[str]) -> list[AlertRule]:
        """With the last time that each fired, and, where it was not tried yet, with what the last look told of it."""
        waiting, found = {*untried}, []
        for rule in rules:
            if rule.fired is not None:
                self.fired[rule.name] = max(to_ms(rule.fired), self.fired.get(rule.name, 0))
            live = self.live.get(rule.name, False) if rule.name in waiting else rule.live
            fired = self.fired.get(rule.name)
            found.append(replace(rule, live=live, fired=None if fired is None else from_ms(fired)))
        self.live = {name: all(one.live for one in found if one.name == name) for name in {one.name for one in found}}
        self.fired = {name: ms for name, ms in self.fired.items() if name in self.live}
        return found

    def to_cursor(self) -> bytes:
        """For `parse_state`."""
        standing = [
            [one.id, one.name, to_ms(one.started), one.acked and to_ms(one.acked), one.severity, one.service]
            for _, one in sorted(self.standing.items())
        ]
        held = [VERSION, self.watch.to_list(), standing, self.fired, self.live]
        return json.dumps(held, separators=(",", ":"), ensure_ascii=False).encode()


def parse_state(cursor: bytes) -> State:
    """From a cursor; from anything else a new one."""
    try:
        version, watch, standing, fired, live = json.loads(cursor)
        if version != VERSION:
            return State()
        alarms = [_alarm(*row) for row in standing]
        return State(
            watch=parse_watch(*watch),
            standing={alarm.id: alarm for alarm in alarms},
            fired={str(name): to_ms(from_ms(int(ms))) for name, ms in fired.items()},
            live={str(name): bool(is_live) for name, is_live in live.items()},
        )
    except (ValueError, TypeError, AttributeError, OverflowError, OSError, RecursionError):
        return State()


def _alarm(id: str, name: str, started: int, acked: int | None, severity: str, service: str) -> Alarm:
    texts: tuple[Any, ...] = (id, name, severity, service)
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("no texts")
    seen = None if acked is None else from_ms(acked)
    return Alarm(id=id, name=name, started=from_ms(started), acked=seen, severity=severity, service=service)
