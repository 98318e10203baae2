"""The source `asterisk_recordings`: a folder of sound files, as MixMonitor or a recorder writes them."""

import fnmatch
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, Self
from zoneinfo import ZoneInfo

from ccmm_agent import facts
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
)
from ccmm_plugin_telephony.asterisk.recordings import (
    EMPTY_WAV_BYTES,
    GROUPS,
    HEADER_BYTES,
    Name,
    Sound,
    parse_name,
    parse_sound,
)
from ccmm_plugin_telephony.cursor import LogCursor, parse_cursor
from ccmm_plugin_telephony.folder import files_below
from ccmm_plugin_telephony.instant import EARLIEST_S, parse_zone
from ccmm_plugin_telephony.staff import load_staff
from ccmm_plugin_telephony.stated import GREW, LATE, Stated
from ccmm_proto.errors import Malformed
from ccmm_proto.period import HOUR_MS, QUARTER_MS, floor_to, from_ms, to_ms

LOOK_BACK_MS = 4 * HOUR_MS  # a file may still grow or go that long
_BATCH_FILES = 20_000
_STATED = ("encrypted", "key_local", "protected", "deletions_logged", "legal_hold", "floor_days", "ceiling_days")


@dataclass(frozen=True, slots=True, order=True)
class SoundFile:
    """A file as the folder lists it; `about_ms` is its start, read from the name, or else its last change."""

    about_ms: int
    path: Path
    size_bytes: int
    name: Name | None = field(compare=False)  # None: the pattern does not fit


@dataclass(frozen=True, slots=True, kw_only=True)
class Recordings(Source):
    """Recordings by the hour, and what the folder holds."""

    plugin: ClassVar[str] = "asterisk_recordings"
    value: ClassVar[int] = 70
    feeds: ClassVar[tuple[str, ...]] = ("recording", "holding")
    example: ClassVar[str] = """\
# Call recordings of Asterisk: names, sizes, times and the first 256 bytes are read, never the sound.
[[source]]
name = "recordings"
plugin = "asterisk_recordings"
every = "15m"
folder = "/var/spool/asterisk/monitor"
pattern = "*.wav"                    # also *.gsm, *.ulaw, *.alaw, *.sln; folders below are searched
# The name without suffix; groups: call (the id that the queue log has), agent, queue, started (20261122T055619Z,
# or without Z in the zone given here, else the center's)
name_pattern = "(?P<call>.+)"
# zone = "Asia/Shanghai"
# agents = "/etc/ccmm/agents.csv"    # agent name or interface, staff id
settle = "30m"
# What the folder cannot show by itself, as the center states it: how it is kept, and for how long at least and at most.
# [source.holding]
# encrypted = true
# key_local = false                  # the key lies on the same disk
# protected = true
# deletions_logged = true
# legal_hold = false
# floor_days = 90
# ceiling_days = 400
"""

    folder: Path
    pattern: str = "*.wav"
    name_pattern: re.Pattern[str] = re.compile("(?P<call>.+)")
    agents: Path | None = None
    zone: ZoneInfo | None = None  # None: the center's
    settle: timedelta = timedelta(minutes=30)
    kept: Mapping[str, bool | int] = field(default_factory=dict)  # what the center states of the folder

    @classmethod
    def from_options(cls, options: Options) -> Self:
        return cls(
            folder=options.path("folder"),
            pattern=options.text("pattern", "*.wav"),
            name_pattern=_compiled(options.text("name_pattern", "(?P<call>.+)")),
            agents=options.path("agents", None),
            zone=parse_zone(options.text("zone", None)),
            settle=timedelta(seconds=options.seconds("settle", 1800)),
            kept=_kept(options.table("holding", None)),
        )

    def manifest(self) -> Manifest:
        return Manifest(files=(self.agents,) if self.agents else (), folders=(self.folder,))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        cursor = parse_cursor(window.cursor)
        files = sorted(self._files(self.zone or window.zone))
        live_ms = floor_to(to_ms(window.now - self.settle), QUARTER_MS)
        dated_ms = [file.about_ms for file in files if file.about_ms >= EARLIEST_S * 1000]
        first_ms = floor_to(dated_ms[0], QUARTER_MS) if dated_ms else live_ms
        stated_ms = cursor.stated_ms if cursor else min(first_ms, live_ms)
        known_ms = cursor.from_ms if cursor else stated_ms
        within = [file for file in files if known_ms <= file.about_ms < live_ms]
        horizon_ms = live_ms
        if len(within) > _BATCH_FILES:  # the rest is history for the next batch
            horizon_ms = max(stated_ms + QUARTER_MS, floor_to(within[_BATCH_FILES].about_ms, QUARTER_MS))
        yield self._holding(files, window.now)
        if horizon_ms <= stated_ms:
            fresh = LogCursor(stated_ms=stated_ms, from_ms=stated_ms, position=None).to_bytes()
            yield Done(None, window.cursor or fresh)
            return
        stated = Stated(cursor.slots if cursor else {})
        chosen = [file for file in within if file.about_ms < horizon_ms]
        yield from self._hours(chosen, stated_ms, horizon_ms, stated)
        next_ms = max(known_ms, floor_to(horizon_ms - LOOK_BACK_MS, HOUR_MS))
        kept = LogCursor(stated_ms=horizon_ms, from_ms=next_ms, position=None, slots=stated.kept(next_ms))
        nameless = sum(file.name is None for file in chosen)
        detail = f"{nameless} files whose name does not fit name_pattern" if nameless else ""
        yield Done((from_ms(stated_ms), from_ms(horizon_ms)), kept.to_bytes(), more=horizon_ms < live_ms, detail=detail)

    def check(self, window: Window) -> Iterator[CheckLine]:
        files = sorted(self._files(self.zone or window.zone))
        yield CheckLine("ok", str(self.folder), f"{len(files)} files match {self.pattern}")
        if not files:
            yield CheckLine("warning", "files", "none yet: is this the folder, and the pattern?")
            return
        sample = files[-200:]
        bad = Counter(why for file in sample if (why := self._trouble(file)) is not None)
        for why, n in bad.most_common():
            yield CheckLine("warning", why, f"{n} of the newest {len(sample)} files")
        empty = sum(file.size_bytes <= _empty_bytes(file.path) for file in files)
        if empty:
            yield CheckLine("warning", "empty files", f"{empty} of {len(files)} hold no sound and do not count")

    def _trouble(self, file: SoundFile) -> str | None:
        if file.name is None:
            return "name_pattern does not fit"
        return None if self._sound(file) is not None else "no sound file of a known format"

    def _files(self, zone: ZoneInfo) -> Iterator[SoundFile]:
        if not self.folder.is_dir():
            raise SourceUnavailable(Reason.NOT_FOUND, f"no folder {self.folder}")
        try:
            for path, found in files_below(self.folder):
                if fnmatch.fnmatch(path.name, self.pattern):
                    yield self._sound_file(path, found, zone)
        except PermissionError as error:
            raise SourceUnavailable(Reason.REFUSED, f"may not read all of {self.folder}") from error

    def _sound_file(self, path: Path, found: os.stat_result, zone: ZoneInfo) -> SoundFile:
        changed_ms = int(found.st_mtime * 1000)
        try:
            name = parse_name(path.stem, self.name_pattern, zone)
        except Malformed:
            name = None
        about_ms = to_ms(name.started) if name and name.started else changed_ms
        return SoundFile(about_ms, path, found.st_size, name)

    def _sound(self, file: SoundFile) -> Sound | None:
        try:
            with file.path.open("rb") as stream:
                return parse_sound(file.path.suffix.lower(), stream.read(HEADER_BYTES), file.size_bytes)
        except (Malformed, FileNotFoundError):
            return None
        except PermissionError as error:
            raise SourceUnavailable(Reason.REFUSED, f"may not open the files in {self.folder}") from error

    def _hours(self, files: list[SoundFile], stated_ms: int, horizon_ms: int, stated: Stated) -> Iterator[Observation]:
        staff = load_staff(self.agents) if self.agents else {}
        hours: dict[int, list[facts.Row]] = defaultdict(list)
        for file in files:
            hours[floor_to(file.about_ms, HOUR_MS)].append(self._row(file, staff))
        for hour_ms, rows in sorted(hours.items()):
            whole, due = hour_ms + HOUR_MS <= horizon_ms, hour_ms + HOUR_MS > stated_ms
            revision = stated.revision(f"recording/{hour_ms}", [whole, *rows], due=due)
            if revision is not None:
                reason = "" if not revision else GREW if due else LATE
                yield facts.roll("recording", from_ms(hour_ms), rows, complete=whole, revision=revision, reason=reason)

    def _row(self, file: SoundFile, staff: dict[str, str]) -> facts.Row:
        name, sound = file.name or Name(), self._sound(file)
        attributes: dict[str, object] = {
            "call": name.call,
            "agent": staff.get(name.agent, name.agent) if name.agent else None,
            "queue": name.queue,
            "length": round(sound.length_s) if sound else None,
            "playable": bool(sound and sound.playable),
        }
        return name.call or file.path.stem, from_ms(file.about_ms - file.about_ms % 1000), attributes

    def _holding(self, files: list[SoundFile], now: datetime) -> Observation:
        """One line on what the folder holds; `kept_days` is the age of the oldest file."""
        entry: dict[str, object] = {
            "class": "recording",
            "source": "asterisk",
            "files": len(files),
            "size_bytes": sum(file.size_bytes for file in files),
            "empty_files": sum(file.size_bytes <= _empty_bytes(file.path) for file in files),
            **self.kept,
        }
        if files:
            oldest, newest = from_ms(max(0, files[0].about_ms)), from_ms(max(0, files[-1].about_ms))
            entry |= {"oldest": oldest, "newest": newest, "kept_days": max(0, (now - oldest).days)}
        return facts.inventory("holding", now, [(self.folder.name or "recordings", entry)])


def _kept(stated: Options | None) -> dict[str, bool | int]:
    """Raises BadOption."""
    if stated is None:
        return {}
    found: dict[str, bool | int] = {}
    for name in stated.keys():  # noqa: SIM118 - Options is no mapping
        if name not in _STATED:
            raise BadOption(f"holding.{name}", f"one of {', '.join(_STATED)}")
        found[name] = stated.whole(name) if name.endswith("_days") else stated.flag(name)
    return found


def _empty_bytes(path: Path) -> int:
    return EMPTY_WAV_BYTES if path.suffix.lower() in (".wav", ".wav49") else 0


def _compiled(text: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise BadOption("name_pattern", f"a regular expression: {error}") from error
    if "call" not in pattern.groupindex or set(pattern.groupindex) - set(GROUPS):
        raise BadOption("name_pattern", f"a group named call, and no others than {', '.join(GROUPS)}")
    return pattern
