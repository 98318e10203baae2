"""The `hikvision` source: passages by the hour, alerts, badges, stays and the device itself, from one Hikvision device.

Its log is searched from the hours that were stated last, in windows; what vanished from there is told. Where the log
does not go on from what was stated (overwritten, cleared, another device), the time between is not vouched for.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, Self
from zoneinfo import ZoneInfo

from ccmm_agent.delimited import LocalTimes, zone_option
from ccmm_agent.facts import inventory
from ccmm_agent.plugin import (
    BadOption,
    CheckLine,
    Done,
    Manifest,
    Observation,
    Options,
    Reason,
    Source,
    SourceUnavailable,
    Window,
    hookimpl,
)
from ccmm_agent.secret_file import load_password, password_line
from ccmm_agent.web import Place, Web, digest, manifest_of, place_lines, place_of
from ccmm_plugin_access_control.device_log import (
    REASON,
    LogMarks,
    LogReading,
    clock_words,
    digest_of,
    hour_of,
    parse_log_marks,
)
from ccmm_plugin_access_control.hik_device import Device
from ccmm_plugin_access_control.hik_events import Event, parse_card, parse_holder, parse_moment
from ccmm_plugin_access_control.hik_facts import Alerts, Meaning, Untold, in_order
from ccmm_plugin_access_control.hik_search import Searched, search
from ccmm_plugin_access_control.passages import Passage, hour_roll
from ccmm_plugin_access_control.stays import LONGEST, Stays
from ccmm_proto.errors import Malformed

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hikvision(Source):
    """Who passed a Hikvision device when, what it raised, who is enrolled, and whether it lives."""

    plugin: ClassVar[str] = "hikvision"
    value: ClassVar[int] = 60
    example: ClassVar[str] = """
# Events, users and cards of one Hikvision access control device, by ISAPI, read only: docs/plugins/hikvision.md.
[[source]]
name = "lobby"
plugin = "hikvision"
every = "1h"
url = "https://192.0.2.41"
# ca_file = "/etc/ccmm/lobby.pem"     # its own certificate, where it signed for itself
# tls_name = "lobby.example"          # the name in that certificate, where it is not in url
# plain = true                        # http: the log-in is a digest, the answers are in clear
# call_timeout = "30s"
username = "ccmm"
password_file = "/etc/ccmm/lobby.password"
device = "Lobby"                      # as in the register of doors
# state_users = false                 # another source states the badges
# presence = true                     # stays, where readers or attendance states tell in and out
# site = "Shanghai"                   # of the stays
# controlled_doors = ["Server room"]
# dedicated_doors = ["Project A"]
# project = "Project A"
# zone = "Asia/Shanghai"              # of times without an offset; without it the center's
# clock_limit = "5m"                  # a clock that is further off is not believed
# settle = "15m"                      # an hour is stated so long after its end
# look_back = "3h"                    # stated hours that are looked at again
# history = "31d"                     # how far back the first run goes

[source.doors]                        # door number = its name in the register of doors
1 = "Lobby"
2 = "Server room"

[source.door_zones]                   # door = public, office, floor, quality, it_room, power
"Server room" = "it_room"

[source.readers]                      # reader number = direction; without it the attendance status tells
1 = "in"
2 = "out"

# [source.user_types]                 # the device's user type = personal, shared, temporary, visitor
# "normal" = "personal"
"""

    place: Place
    username: str
    password_file: Path
    meaning: Meaning
    state_users: bool = True
    presence: bool = False
    site: str | None = None
    zone: ZoneInfo | None = None
    clock_limit: timedelta = timedelta(minutes=5)
    settle: timedelta = timedelta(minutes=15)
    look_back: timedelta = timedelta(hours=3)
    history: timedelta = timedelta(days=31)

    @property
    def feeds(self) -> tuple[str, ...]:
        badges = ("badge",) if self.state_users else ()
        return ("passage", "alert", "device", *badges, *(("presence",) if self.presence else ()))

    @classmethod
    def from_options(cls, options: Options) -> Self:
        clock_limit, settle = options.seconds("clock_limit", 300), options.seconds("settle", 900)
        if settle < clock_limit:
            raise BadOption("settle", "no less than clock_limit: a slow clock would write into hours that are stated")
        presence = options.flag("presence", False)
        look_back = timedelta(seconds=options.seconds("look_back", 3 * 3600))
        return cls(
            place=place_of(options),
            username=options.text("username"),
            password_file=options.path("password_file"),
            meaning=Meaning.from_options(options),
            state_users=options.flag("state_users", True),
            presence=presence,
            site=options.text("site", None),
            zone=zone_option(options),
            clock_limit=timedelta(seconds=clock_limit),
            settle=timedelta(seconds=settle),
            look_back=max(look_back, LONGEST + _HOUR) if presence else look_back,
            history=timedelta(seconds=options.seconds("history", 31 * 86400)),
        )

    def manifest(self) -> Manifest:
        return manifest_of(self.place, files=(self.password_file,))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        try:
            with self._web() as web:
                yield from self._read(window, Device(web))
        except Malformed as error:
            raise SourceUnavailable(Reason.UNREADABLE, f"{self.place.where}: {error}") from error

    def check(self, window: Window) -> Iterator[CheckLine]:
        yield password_line(self.password_file)
        yield from place_lines(self.place)
        try:
            with self._web() as web:
                yield from self._lines(window, Device(web))
        except Malformed as error:
            yield CheckLine("failed", "answers", str(error))

    def _web(self) -> Web:
        return Web(self.place, digest(self.username, load_password(self.password_file)))

    def _read(self, window: Window, device: Device) -> Iterator[Observation | Done]:
        times = LocalTimes(self.zone or window.zone)
        name = digest_of(device.info().get("serialNumber", ""))
        clock = self._clock(device, times)
        offset = clock - window.now
        if abs(offset) > self.clock_limit:
            raise SourceUnavailable(
                Reason.UNREADABLE, f"{clock_words('device', offset)}: set it, and let it follow NTP"
            )
        marks = parse_log_marks(window.cursor)
        closing = hour_of(min(window.now, clock) - self.settle)
        first = hour_of(window.now - self.history) if marks.until is None else marks.until
        since = self._since(marks, first)
        found = search(device, times, since=since, first=first, closing=max(closing, first))
        yield inventory("device", window.now, [(self.meaning.device, {"class": "reader", "seen": window.now})])
        if found.until >= closing and self.state_users:
            yield inventory("badge", window.now, self._badges(device, times, window.now).items())
        yield from self._facts(marks, name, found, since, has_more=found.until < closing)

    def _facts(
        self, marks: LogMarks, name: str, found: Searched, since: int, *, has_more: bool
    ) -> Iterator[Observation | Done]:
        reading = LogReading(marks, name, closing=found.until, most=1 << 30, since=since)
        stays, untold = Stays(self.site), Untold(marks.until or 0)
        noted = marks.noted if marks.device == name else 0
        alerts = Alerts(self.meaning, dict(marks.open), marks.until or 0, noted or 1 << 53)
        kept: list[Passage] = []
        for event in in_order(found.events):
            untold.take(event, found.until)
            alerts.take(event, found.until)
            if (passage := self.meaning.passage(event)) is not None:
                kept.append(passage)
                reading.take(passage)
                if self.presence and hour_of(passage.at) < found.until:
                    stays.take(passage)
        if 0 < untold.last < noted:
            reading.is_broken = True  # its numbers began anew: the log was cleared
        reading.finish()
        changed = reading.changed()
        for hour, passages in sorted(reading.hours.kept.items()):
            yield hour_roll(hour, passages, complete=hour != reading.cut_hour, revision=0, reason="")
        for hour, one in sorted(changed.items()):
            again = [passage for passage in kept if hour_of(passage.at) == hour]
            yield hour_roll(hour, again, complete=True, revision=one.revision, reason=REASON)
        yield from alerts.found
        yield from stays.ended_in({*reading.hours.kept, *changed})
        after = reading.marks_after(changed, noted=untold.last or noted, open=alerts.going_on())
        unpaired = stays.unpaired_between(marks.until or 0, reading.until)
        yield Done(reading.covers(), after.to_cursor(), more=has_more, detail=_detail(reading, untold, unpaired))

    def _since(self, marks: LogMarks, first: int) -> int:
        """From the newest hour that was stated with something in it, and as far as stated hours are looked at again."""
        if marks.until is None:
            return first
        newest = max((hour for hour, one in marks.hours.items() if one.count and hour >= marks.floor), default=first)
        return min(newest, first - int(self.look_back / _HOUR))

    def _clock(self, device: Device, times: LocalTimes) -> datetime:
        return parse_moment(device.local_time(), times)

    def _badges(self, device: Device, times: LocalTimes, now: datetime) -> dict[str, dict[str, object]]:
        holders = [parse_holder(row, times) for row in device.users()]
        return self.meaning.badges(holders, [parse_card(row) for row in device.cards()], now)

    def _lines(self, window: Window, device: Device) -> Iterator[CheckLine]:
        times, info = LocalTimes(self.zone or window.zone), device.info()
        told = f"{info.get('model', '')[:40]}, firmware {info.get('firmwareVersion', '')[:40]}"
        yield CheckLine("ok", "device", f"{self.place.where}: {told}")
        offset = self._clock(device, times) - window.now
        yield CheckLine("ok" if abs(offset) <= self.clock_limit else "failed", "clock", clock_words("device", offset))
        yield self._rights(device)
        hour = hour_of(window.now)
        found = search(device, times, since=hour - 24, first=hour - 24, closing=hour)
        yield from self._event_lines(list(in_order(found.events)))
        if self.state_users:
            yield CheckLine("ok", "badges", f"{len(self._badges(device, times, window.now))} can be read")

    def _rights(self, device: Device) -> CheckLine:
        try:
            level = device.levels().get(self.username, "")
        except SourceUnavailable:
            level = ""
        if level == "Administrator":
            return CheckLine(
                "warning", "rights", "the account is an administrator's: make an operator's that only queries"
            )
        return CheckLine("ok", "rights", f"the device tells of the account: {level[:40] or 'nothing'}")

    def _event_lines(self, events: list[Event]) -> Iterator[CheckLine]:
        untold, passages = Untold(0), [one for event in events if (one := self.meaning.passage(event)) is not None]
        for event in events:
            untold.take(event, 1 << 53)
        yield CheckLine("ok", "events", f"{len(events)} of the last day, {len(passages)} of them passages")
        if passages and not any(one.attributes["direction"] for one in passages):
            yield CheckLine("warning", "directions", "none is told: fill [source.readers]")
        doors = {str(event.door) for event in events if event.door} - self.meaning.doors.keys()
        if doors:
            yield CheckLine("warning", "doors", f"without a name in [source.doors]: {', '.join(sorted(doors))[:200]}")
        if untold.codes:
            yield CheckLine("warning", "codes", f"neither passage nor alert: {untold.words()}"[:300])


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Hikvision)


def _detail(reading: LogReading, untold: Untold, unpaired: int) -> str:
    """What could not be taken, or is gone; in counts only."""
    told = [
        (reading.lost, "events stated before are no longer in the log"),
        (
            int(reading.is_broken),
            "break: the log does not go on from what was stated; the time between is not vouched for",
        ),
        (untold.missing, "numbers are missing in the log: erased, or not shown to this account"),
        (unpaired, "ways in or out without the other"),
    ]
    parts = [f"{count} {words}" for count, words in told if count]
    parts += [f"neither passage nor alert (major/minor): {untold.words()}"] if untold.codes else []
    return "; ".join(parts)[:500]
