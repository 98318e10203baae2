"""What a monitoring system calls an alert, and what we call it; pure.

Every alert is stated, in the words that the options give to its name; only those of `ignore` are not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Self

from ccmm_agent.facts import occurrence
from ccmm_agent.plugin import BadOption, Observation, Options

SIGNALS: Final = (
    *("abandonment", "answer_rate", "camera_blocked", "door_forced", "door_held", "lines", "on_battery", "platform"),
    *("power", "queue", "recorder", "temperature"),
)
COLOURS: Final = ("blue", "yellow", "orange", "red")
_WORDS: Final = ("signal", "system", "class", "service")
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alert of a monitoring system, as it is known by now."""

    id: str
    name: str  # of its rule
    started: datetime
    ended: datetime | None = None
    acked: datetime | None = None  # somebody says: I have seen it
    acted: datetime | None = None  # somebody says: this is done about it
    severity: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """One rule as it stands in the monitoring system."""

    name: str
    live: bool
    fired: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The center's words, from the options."""

    named: Mapping[str, Mapping[str, str]]  # name of a rule -> signal, system, class, service
    colours: Mapping[str, str]  # severity -> colour
    ignored: frozenset[str]

    @classmethod
    def from_options(cls, options: Options) -> Self:
        named: dict[str, dict[str, str]] = {}
        for table in options.tables("alert"):
            name = table.text("name")
            if name in named:
                raise BadOption("alert", f"each name once; {name[:100]!r} stands twice")
            named[name] = {word: text for word in _WORDS if (text := table.text(word, None)) is not None}
            if named[name].get("signal", SIGNALS[0]) not in SIGNALS:
                raise BadOption("alert.signal", f"one of {', '.join(SIGNALS)}")
        table = options.table("colours", Options({}))
        colours = {severity: table.text(severity) for severity in table.keys()}  # noqa: SIM118 - no mapping
        if not set(colours.values()) <= {*COLOURS}:
            raise BadOption("colours", f"severities = one of {', '.join(COLOURS)}")
        ignored = frozenset(options.texts("ignore", ()))
        if both := sorted(ignored & named.keys()):
            raise BadOption("ignore", f"names that stand in no [[source.alert]]; {both[0][:100]!r} does")
        return cls(named=named, colours=colours, ignored=ignored)

    def alert(self, alarm: Alarm) -> Observation:
        """An alert in our words."""
        told = self.named.get(alarm.name, {})
        return occurrence(
            "alert",
            alarm.id,
            alarm.started,
            None if alarm.ended is None else max(alarm.ended, alarm.started),
            signal=told.get("signal"),
            system=told.get("system"),
            class_=told.get("class"),
            service=told.get("service") or alarm.service[:_LONGEST] or None,
            colour=self.colours.get(alarm.severity),
            acked=alarm.acked,
            acted=alarm.acted,
        )

    def rules(self, rules: Iterable[AlertRule]) -> list[tuple[str, dict[str, object]]]:
        """Entries of the list of rules. Of several of one name each has to be live; the latest to fire counts."""
        merged: dict[str, AlertRule] = {}
        for rule in rules:
            name = rule.name[:_LONGEST]
            if name in merged:
                fired = max((one for one in (rule.fired, merged[name].fired) if one is not None), default=None)
                merged[name] = replace(merged[name], live=rule.live and merged[name].live, fired=fired)
            else:
                merged[name] = rule
        return [
            (name, {"signal": self.named.get(name, {}).get("signal"), "live": rule.live, "fired": rule.fired})
            for name, rule in merged.items()
        ]
