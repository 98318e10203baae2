"""The `zkteco` source: passages by the hour, badges, stays and the device itself, from one ZKTeco terminal.

The terminal gives its whole log each time; hours that are over are stated once, later changes as revisions. What
vanished from the log is told, and where the log does not go on from what was stated, the time between is not vouched
for.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
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
from ccmm_agent.secret_file import password_line
from ccmm_plugin_access_control.device_log import REASON, LogReading, clock_words, digest_of, hour_of, parse_log_marks
from ccmm_plugin_access_control.passages import Passage, hour_roll
from ccmm_plugin_access_control.stays import Stays
from ccmm_plugin_access_control.zk_facts import Meaning, Seen, passages
from ccmm_plugin_access_control.zk_records import User, parse_log, parse_users
from ccmm_plugin_access_control.zk_terminal import Look, Place, look_at
from ccmm_proto.errors import Malformed
from ccmm_proto.period import HOUR_MS, from_ms

BATCH = 100_000  # passages stated by one run; the rest follows at once
NEARLY_FULL = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class ZKTeco(Source):
    """Who passed a terminal when, who is enrolled at it, and whether it lives."""

    plugin: ClassVar[str] = "zkteco"
    value: ClassVar[int] = 60
    example: ClassVar[str] = """
# Attendance and users of one ZKTeco terminal, read only: docs/plugins/zkteco.md.
[[source]]
name = "front-door"
plugin = "zkteco"
every = "1h"
host = "192.0.2.40"
# port = 4370
# udp = true                         # old terminals know no TCP
# comm_key_file = "/etc/ccmm/zkteco.key"   # the digits of Comm Key, where the terminal has one
# look_timeout = "60s"               # for one whole look
door = "Front door"                  # as in the register of doors
# door_zone = "office"               # public office floor quality it_room power
# opens_door = false                 # a time clock that opens nothing
# direction = "in"                   # a terminal that hangs on one side of the door
# badge = "card"                     # name badges by card number, as other doors do; else by user id
# state_users = false                # another source states the badges
# presence = true                    # stays, where people punch in and out at this terminal
# site = "Shanghai"                  # of the stays
# controlled = true
# dedicated = true
# project = "Project A"
# zone = "Asia/Shanghai"             # of the terminal's clock; without it the center's
# clock_limit = "5m"                 # a clock that is further off is not believed
# settle = "15m"                     # an hour is stated so long after its end

# [source.states]                    # attendance state = direction, where they differ from the maker's
# "0" = "in"
# "1" = "out"

# [source.groups]                    # user group = personal, shared, temporary, visitor
# "1" = "personal"
"""

    place: Place
    meaning: Meaning
    state_users: bool = True
    presence: bool = False
    site: str | None = None
    zone: ZoneInfo | None = None
    clock_limit: timedelta = timedelta(minutes=5)
    settle: timedelta = timedelta(minutes=15)

    @property
    def feeds(self) -> tuple[str, ...]:
        badges = ("badge",) if self.state_users else ()
        return ("passage", "device", *badges, *(("presence",) if self.presence else ()))

    @classmethod
    def from_options(cls, options: Options) -> Self:
        clock_limit, settle = options.seconds("clock_limit", 300), options.seconds("settle", 900)
        if settle < clock_limit:
            raise BadOption("settle", "no less than clock_limit: a slow clock would write into hours that are stated")
        return cls(
            place=Place(
                host=options.text("host"),
                port=options.whole("port", 4370, least=1, most=65535),
                udp=options.flag("udp", False),
                key_file=options.path("comm_key_file", None),
                timeout_s=float(options.seconds("look_timeout", 60)),
            ),
            meaning=Meaning.from_options(options),
            state_users=options.flag("state_users", True),
            presence=options.flag("presence", False),
            site=options.text("site", None),
            zone=zone_option(options),
            clock_limit=timedelta(seconds=clock_limit),
            settle=timedelta(seconds=settle),
        )

    def manifest(self) -> Manifest:
        files = () if self.place.key_file is None else (self.place.key_file,)
        return Manifest(files=files, endpoints=((self.place.host, self.place.port),))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        look, times = look_at(self.place), LocalTimes(self.zone or window.zone)
        offset = _offset(look, times, window.now)
        if abs(offset) > self.clock_limit:
            raise SourceUnavailable(
                Reason.UNREADABLE, f"{clock_words('terminal', offset)}: set it, and let it follow a time server"
            )
        try:
            yield from self._facts(window, look, times, offset)
        except Malformed as error:
            raise SourceUnavailable(Reason.UNREADABLE, f"{self.place.host}: {error}: read again") from error

    def check(self, window: Window) -> Iterator[CheckLine]:
        if self.place.key_file is not None:
            yield password_line(self.place.key_file)
        look, times = look_at(self.place), LocalTimes(self.zone or window.zone)
        told = f"{self.place.host}: firmware {look.firmware[:40] or 'not told'}, {look.after.records} records"
        yield CheckLine("ok", "terminal", f"{told}, {look.after.users} users")
        offset = _offset(look, times, window.now)
        yield CheckLine("ok" if abs(offset) <= self.clock_limit else "failed", "clock", clock_words("terminal", offset))
        if look.after.room and look.after.records > NEARLY_FULL * look.after.room:
            yield CheckLine(
                "warning", "memory", f"{look.after.records} of {look.after.room} records: what happens then?"
            )
        if self.place.key_file is None:
            yield CheckLine(
                "warning", "comm key", "anybody in this network may erase its log: set one (Comm., Comm Key)"
            )
        yield CheckLine("warning", "rights", "the protocol has no reading account: who has the comm key may write too")
        try:
            yield from self._meaning_lines(window, look, times)
        except Malformed as error:
            yield CheckLine("failed", "records", str(error))

    def _facts(self, window: Window, look: Look, times: LocalTimes, offset: timedelta) -> Iterator[Observation | Done]:
        marks, device = parse_log_marks(window.cursor), digest_of(look.serial)
        closing = hour_of(min(window.now, window.now + offset) - self.settle)
        reading = LogReading(marks, device, closing=closing, most=BATCH)
        users, stays = _users(look), Stays(self.site)
        seen = Seen(from_ms((marks.until or 0) * HOUR_MS))
        for passage in self._passages(look, users, times, window.now, seen):
            reading.take(passage)
            if self.presence and reading.oldest <= hour_of(passage.at) < reading.hours.limit:
                stays.take(passage)
        if marks.device == device and seen.undated > marks.noted:
            reading.is_broken = True  # some passages since the last look have no time
        reading.finish()
        yield self._device(window, look)
        if self.state_users:
            yield inventory("badge", window.now, self.meaning.badges(users).items())
        for hour, kept in sorted(reading.hours.kept.items()):
            yield hour_roll(hour, kept, complete=hour != reading.cut_hour, revision=0, reason="")
        changed = reading.changed()
        again: dict[int, list[Passage]] = {hour: [] for hour in changed}
        for passage in self._passages(look, users, times, window.now, Seen(window.now)) if changed else ():
            if (hour := hour_of(passage.at)) in again:
                again[hour].append(passage)
        for hour, kept in sorted(again.items()):
            yield hour_roll(hour, kept, complete=True, revision=changed[hour].revision, reason=REASON)
        stated = {*reading.hours.kept, *changed}
        yield from stays.ended_in(stated)
        detail = _detail(seen, reading, stays.unpaired_between(marks.until or 0, reading.until))
        after = reading.marks_after(changed, noted=seen.undated)
        yield Done(reading.covers(), after.to_cursor(), more=reading.has_more, detail=detail)

    def _passages(
        self, look: Look, users: list[User], times: LocalTimes, now: datetime, seen: Seen
    ) -> Iterator[Passage]:
        least, most = look.before.records, look.after.records
        punches = parse_log(look.log, least, most, {user.place: user for user in users})
        by_id = {user.id: user for user in users}
        return passages(punches, self.meaning, by_id, times, latest=now + self.clock_limit, seen=seen)

    def _device(self, window: Window, look: Look) -> Observation:
        is_full = bool(look.after.room) and look.after.records >= look.after.room
        told = {"class": "reader", "zone": self.meaning.zone, "healthy": not is_full, "seen": window.now}
        return inventory("device", window.now, [(self.meaning.door, told)])

    def _meaning_lines(self, window: Window, look: Look, times: LocalTimes) -> Iterator[CheckLine]:
        users, seen, directions = _users(look), Seen(from_ms(0)), dict[object, int]()
        for passage in self._passages(look, users, times, window.now, seen):
            direction = passage.attributes["direction"]
            directions[direction] = directions.get(direction, 0) + 1
        told = ", ".join(f"{count} {direction or 'neither'}" for direction, count in directions.items())
        is_told = len(directions) > 1 or "*" in self.meaning.states
        yield CheckLine("ok" if is_told else "warning", "directions", told or "no record yet")
        groups = {user.group for user in users} - self.meaning.groups.keys()
        if self.meaning.groups and groups:
            yield CheckLine("warning", "groups", f"leave as unknown: {', '.join(sorted(groups))[:300]}")
        badges = self.meaning.badges(users)
        yield CheckLine("ok", "badges", f"{len(badges)}, {sum(user.is_manager for user in users)} of them manage it")
        if seen.undated or seen.ahead or seen.steps_back:
            told = (
                f"{seen.undated} records without a date, {seen.ahead} in the future; went back {seen.steps_back} times"
            )
            yield CheckLine("warning", "clock before", told)


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(ZKTeco)


def _users(look: Look) -> list[User]:
    return parse_users(look.users, min(look.before.users, look.after.users), max(look.before.users, look.after.users))


def _offset(look: Look, times: LocalTimes, now: datetime) -> timedelta:
    """How far the terminal's clock is ahead of ours."""
    ours = now + timedelta(seconds=look.clock_s)
    theirs = (times.instant(look.clock), times.instant(look.clock, before=ours + timedelta(days=1)))
    return min((one - ours for one in theirs), key=abs)


def _detail(seen: Seen, reading: LogReading, unpaired: int) -> str:
    """What could not be taken, or is gone; in counts only."""
    told = [
        (reading.lost, "records stated before are no longer on the terminal"),
        (
            int(reading.is_broken),
            "time: the log does not go on from what was stated; the time between is not vouched for",
        ),
        (seen.undated, "records without a date: the terminal's clock had stopped"),
        (seen.ahead, "records lie in the future: the terminal's clock was set back"),
        (seen.steps_back, "times the terminal's clock went back"),
        (seen.doubled, "records stand twice and are stated once"),
        (seen.gone, "records of users who are deleted"),
        (unpaired, "ways in or out without the other"),
    ]
    return "; ".join(f"{count} {words}" for count, words in told if count)[:500]
