"""From events, users and cards of a Hikvision device to passages, alerts and badges. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from ccmm_agent.facts import occurrence
from ccmm_agent.plugin import BadOption, Observation, Options
from ccmm_plugin_access_control.device_log import hour_of
from ccmm_plugin_access_control.hik_codes import BEGINS, ENDS, SIGNALS, is_known, result_of
from ccmm_plugin_access_control.hik_events import Event, Holder
from ccmm_plugin_access_control.passages import NO_BADGE, UNKNOWN, Attributes, Passage
from ccmm_proto.errors import Malformed
from ccmm_proto.period import from_ms, to_ms

_CLASSES = ("personal", "shared", "temporary", "visitor")
_ATTENDANCE = {"checkIn": "in", "breakIn": "in", "overtimeIn": "in"} | dict.fromkeys(
    ("checkOut", "breakOut", "overtimeOut", "overTimeOut"), "out"
)
_BLOCKED = "blackList"
_MOST_OPEN = 200  # alerts whose end is waited for


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What the device's numbers and words mean in this house."""

    device: str
    doors: Mapping[str, str]  # number -> name
    zones: Mapping[str, str]  # name of a door -> zone
    readers: Mapping[str, str]  # number -> direction
    user_types: Mapping[str, str]  # the device's word -> class
    controlled: frozenset[str]
    dedicated: frozenset[str]
    project: str | None

    @classmethod
    def from_options(cls, options: Options) -> Self:
        """Raises BadOption."""
        return cls(
            device=options.text("device"),
            doors=_numbered(options, "doors"),
            zones=_table(options, "door_zones"),
            readers=_words(_numbered(options, "readers"), "readers", ("in", "out")),
            user_types=_words(_table(options, "user_types"), "user_types", _CLASSES),
            controlled=frozenset(options.texts("controlled_doors", ())),
            dedicated=frozenset(options.texts("dedicated_doors", ())),
            project=options.text("project", None),
        )

    def door(self, number: int) -> str:
        """By its name, else by the device and its number there; without a number it is the device."""
        return self.doors.get(str(number), f"{self.device} {number}" if number else self.device)

    def class_of(self, user_type: str) -> str | None:
        """A visitor is one; whether a normal user's badge is personal only the house knows."""
        if user_type in self.user_types:
            return self.user_types[user_type]
        return "visitor" if user_type == "visitor" else UNKNOWN if user_type and self.user_types else None

    def passage(self, event: Event) -> Passage | None:
        """None where the event is no passage."""
        result = result_of(event.major, event.minor)
        if result is None:
            return None
        badge, door = event.card or event.person, self.door(event.door)
        attributes: Attributes = {
            "badge": badge or None,
            "person": event.person or None,
            "badge_class": self.class_of(event.user_type),
            "door": door,
            "zone": self.zones.get(door),
            "direction": self.readers.get(str(event.reader)) or _ATTENDANCE.get(event.attendance),
            "result": result,
            "controlled": door in self.controlled if self.controlled else None,
            "dedicated": door in self.dedicated if self.dedicated else None,
            "project": self.project,
        }
        return Passage(badge or NO_BADGE, event.at, attributes)

    def badges(
        self, holders: Iterable[Holder], cards: Iterable[tuple[str, str]], now: datetime
    ) -> dict[str, Attributes]:
        """Badge -> attributes: each card, and each person without one. Raises Malformed."""
        by_person = {holder.person: holder for holder in holders}
        found: dict[str, Attributes] = {}
        for card, person in cards:
            if card in found:
                raise Malformed("a card stands twice among the cards")
            found[card] = self._badge(by_person.get(person), person, now)
        carried = {str(one["person"]) for one in found.values()}
        for person, holder in by_person.items():
            if person not in carried and person not in found:
                found[person] = self._badge(holder, person, now)
        return found

    def _badge(self, holder: Holder | None, person: str, now: datetime) -> Attributes:
        if holder is None:  # a card without its user opens nothing
            return {"person": person or None, "enabled": False, "project": self.project}
        is_over = holder.until is not None and holder.until <= now
        is_early = holder.since is not None and holder.since > now
        zones = {self.zones.get(self.door(door)) for door in holder.doors}
        return {
            "person": person,
            "class": self.class_of(holder.user_type),
            "enabled": not is_over and not is_early and holder.user_type != _BLOCKED,
            "disabled": holder.until if is_over else None,
            "zones": sorted(zone for zone in zones if zone) or None,
            "project": self.project,
        }


@dataclass(slots=True)
class Alerts:
    """Alerts that begin and end, door by door. `open`: those whose end is waited for, by their id."""

    meaning: Meaning
    open: dict[str, int]
    since: int  # what began in earlier hours was stated before, but for what has
    noted: int  # a higher number than this
    found: list[Observation] = field(default_factory=list)

    def take(self, event: Event, until: int) -> None:
        """Events in their order; those of hours from `until` on come again."""
        hour = hour_of(event.at)
        if hour >= until or (hour < self.since and event.serial <= self.noted):
            return
        place, code = self.meaning.door(event.door), (event.major, event.minor)
        if word := BEGINS.get(code):
            id = f"{place} {word} {event.serial or to_ms(event.at)}"
            self.open[id] = to_ms(event.at)
            self.found.append(self._alert(id, word, event.at, None))
        for word in ENDS.get(code, ()):
            for id in [id for id in self.open if id.startswith(f"{place} {word} ")]:
                self.found.append(self._alert(id, word, from_ms(self.open.pop(id)), event.at))

    def going_on(self) -> dict[str, int]:
        """For the cursor: the latest ones."""
        return dict(sorted(self.open.items(), key=lambda one: one[1])[-_MOST_OPEN:])

    def _alert(self, id: str, word: str, began: datetime, ended: datetime | None) -> Observation:
        known = {"signal": word} if word in SIGNALS else {"class_": word}
        ended = None if ended is None else max(began, ended)
        return occurrence("alert", id, began, ended, system=self.meaning.device, **known)


@dataclass(slots=True)
class Untold:
    """Events that are no passage and no alert, by their number, and numbers that are missing in the log."""

    since: int  # of earlier hours it was told before
    codes: Counter[str] = field(default_factory=Counter)
    _serials: set[int] = field(default_factory=set)

    def take(self, event: Event, until: int) -> None:
        """Each event once; those of hours from `until` on come again."""
        if hour_of(event.at) >= until:
            return
        if event.serial:
            self._serials.add(event.serial)
        if hour_of(event.at) >= self.since and not is_known(event.major, event.minor):
            self.codes[f"{event.major}/{event.minor}" if event.major == 5 else f"{event.major}/*"] += 1

    @property
    def last(self) -> int:
        """The highest number."""
        return max(self._serials, default=0)

    @property
    def missing(self) -> int:
        """Numbers between the lowest and the highest that did not come."""
        return 0 if not self._serials else max(self._serials) - min(self._serials) + 1 - len(self._serials)

    def words(self) -> str:
        """Codes and counts, the most frequent first."""
        return ", ".join(f"{code} ×{count}" for code, count in self.codes.most_common(12))


def in_order(events: Iterable[Event]) -> Iterator[Event]:
    """Each once, by time and number. Raises Malformed where one number names two events."""
    by_serial: dict[int, Event] = {}
    others: set[Event] = set()
    for event in events:
        if not event.serial:
            others.add(event)
        elif by_serial.setdefault(event.serial, event) != event:
            raise Malformed("two events have the same serialNo")
    yield from sorted((*by_serial.values(), *others), key=lambda event: (event.at, event.serial, event.minor))


def _table(options: Options, key: str) -> dict[str, str]:
    told = options.table(key, None)
    return {} if told is None else {name: told.text(name) for name in told.keys()}  # noqa: SIM118 - no mapping


def _numbered(options: Options, key: str) -> dict[str, str]:
    found = _table(options, key)
    for number in found:
        if not number.isascii() or not number.isdigit():
            raise BadOption(f"{key}.{number[:20]}", "a number as on the device")
    return found


def _words(found: dict[str, str], key: str, words: tuple[str, ...]) -> dict[str, str]:
    for name, word in found.items():
        if word not in words:
            raise BadOption(f"{key}.{name[:20]}", f"one of {', '.join(words)}")
    return found
