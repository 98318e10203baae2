"""The `scap` source: scans of machines by OpenSCAP, from the files of results (XCCDF, ARF) that a timer writes.

It does not run `oscap`: a scan behind the fence of a reader would pass what it cannot see. One run reads what is new in
the folder; a file that is torn or strange makes the run unavailable and is named.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, Self
from zoneinfo import ZoneInfo

from ccmm_agent.delimited import zone_option
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
from ccmm_plugin_access_control.scap_scan import Scan
from ccmm_plugin_access_control.scap_state import State, parse_state
from ccmm_proto.errors import Malformed
from ccmm_proto.period import from_ms, to_ms

MAX_FILES = 20_000
MAX_FILE_BYTES = 128 << 20
BATCH_BYTES = 64 << 20
SEVERITIES = ("critical", "high", "medium", "low", "info", "unknown")
AHEAD = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Result:
    """One file of results, before it is opened."""

    path: Path
    changed_ns: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scap(Source):
    """A folder of results."""

    plugin: ClassVar[str] = "scap"
    feeds: ClassVar[tuple[str, ...]] = ("device", "exercise")
    value: ClassVar[int] = 60
    example: ClassVar[str] = """
# Scans by OpenSCAP: results that a timer writes to a folder: docs/plugins/scap.md.
[[source]]
name = "scans"
plugin = "scap"
every = "1h"
results = "/var/lib/scans/*.xml"     # results of XCCDF, or ARF; * ? [ ] in the name
profiles = ["xccdf_org.ssgproject.content_profile_standard"] # scans with other profiles are passed over
# critical = ["critical", "high"]    # severities of rules whose failure is a critical weakness
# fresh = "35d"                      # a host whose last scan is older is not known to be mended
# settle = "2m"                      # a file that changed later is still being written
# zone = "Asia/Shanghai"             # of times without offset; without it the center's

# [source.hosts]                     # name in the scan = its key in the list of assets; leaves in clear
# "pbx-01.example.com" = "pbx-01"
"""

    folder: Path
    pattern: str
    profiles: frozenset[str]
    critical: frozenset[str]
    fresh: timedelta
    settle: timedelta
    zone: ZoneInfo | None
    hosts: Mapping[str, str]

    @classmethod
    def from_options(cls, options: Options) -> Self:
        results, hosts = options.path("results"), options.table("hosts", None)
        critical = options.texts("critical", ("critical", "high"))
        if "high" not in critical or set(critical) - {*SEVERITIES}:
            told = f"high, the worst that XCCDF knows, and more of {', '.join(SEVERITIES)} where they count, too"
            raise BadOption("critical", told)
        profiles = options.texts("profiles")
        if not profiles:
            raise BadOption("profiles", "at least one id of a profile")
        return cls(
            folder=results.parent,
            pattern=results.name,
            profiles=frozenset(profiles),
            critical=frozenset(critical),
            fresh=timedelta(seconds=options.seconds("fresh", 35 * 86400)),
            settle=timedelta(seconds=options.seconds("settle", 120)),
            zone=zone_option(options),
            hosts={name: hosts.text(name) for name in hosts.keys()} if hosts else {},  # noqa: SIM118 - no mapping
        )

    def manifest(self) -> Manifest:
        return Manifest(folders=(self.folder,))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        state, until = parse_state(window.cursor), window.now - self.settle
        if state.until_ms is None and not self._results(window.now):
            missing = f"{self.folder} has no file {self.pattern} yet: does the timer of the scan run?"
            raise SourceUnavailable(Reason.NOT_FOUND, missing)
        waiting = [one for one in self._results(until) if state.files.get(one.path.name) != [one.changed_ns, one.size]]
        taken, ahead, other, oldest = 0, 0, 0, until
        while waiting and taken < BATCH_BYTES:
            one = waiting.pop(0)
            for scan in self._scans(one, window):
                oldest = min(oldest, scan.ended)
                if scan.ended > window.now + AHEAD:
                    ahead += 1
                elif scan.profile not in self.profiles:
                    other += 1
                else:
                    yield from state.take(scan, self._host(scan), self.critical, window.now)
            state.files[one.path.name] = [one.changed_ns, one.size]
            taken += one.size
        told = [f"{ahead} scans are dated ahead and not believed"] if ahead else []
        told += [f"{other} scans are of other profiles"] if other else []
        if state.until_ms is None:
            state.until_ms = to_ms(oldest)
        if waiting:
            yield Done(None, state.to_cursor(window.now), more=True, detail="; ".join(told))
            return
        yield inventory("device", window.now, state.devices(window.now, self.fresh))
        begin, state.until_ms = from_ms(state.until_ms), max(to_ms(until), state.until_ms)
        covers = (begin, until) if begin <= until else None
        self._forget(state)
        yield Done(covers, state.to_cursor(window.now), detail="; ".join(told))

    def check(self, window: Window) -> Iterator[CheckLine]:
        results = self._results(window.now)
        where = str(self.folder / self.pattern)
        yield CheckLine("ok" if results else "warning", where, f"{len(results)} files of results")
        profiles: dict[str, int] = {}
        for one in results[-3:]:
            try:
                scans = self._scans(one, window)
            except SourceUnavailable as error:
                yield CheckLine("failed", one.path.name, error.detail)
                continue
            for scan in scans:
                profiles[scan.profile] = profiles.get(scan.profile, 0) + 1
                yield _line(scan, self._host(scan), self.critical)
        for profile in sorted(profiles.keys() - self.profiles):
            yield CheckLine("warning", "profiles", f"scans of {profile[:200]} are passed over: it is not in `profiles`")

    def _host(self, scan: Scan) -> str:
        return self.hosts.get(scan.target, scan.target)

    def _results(self, until: datetime) -> list[Result]:
        """Files that were not changed after `until`, the oldest first. One dated in the future is there, too."""
        found, until_ns, now_ns = [], to_ms(until) * 10**6, to_ms(until + self.settle) * 10**6
        try:
            for path in self.folder.iterdir():
                if path.match(self.pattern):
                    if path.is_dir():
                        raise SourceUnavailable(Reason.REFUSED, f"{path.name} is a folder: `results` names files")
                    status = path.stat()
                    if not until_ns < status.st_mtime_ns <= now_ns:
                        found.append(Result(path, status.st_mtime_ns, status.st_size))
        except FileNotFoundError as error:
            raise SourceUnavailable(Reason.NOT_FOUND, f"{error.filename} is not there: does its timer run?") from error
        except OSError as error:
            told = f"{error.filename} cannot be read: {error.strerror or error}"
            raise SourceUnavailable(Reason.REFUSED, told) from error
        if len(found) > MAX_FILES:
            raise SourceUnavailable(Reason.FLOOD, f"{self.folder} has more than {MAX_FILES} files of results")
        return sorted(found, key=lambda one: (one.changed_ns, one.path.name))

    def _scans(self, one: Result, window: Window) -> list[Scan]:
        if find_spec("defusedxml") is None:
            told = 'defusedxml is not installed: pip install "ccmm-plugin-access-control[scap]"'
            raise SourceUnavailable(Reason.NOT_FOUND, told)
        from ccmm_plugin_access_control.scap_results import parse_results

        if one.size > MAX_FILE_BYTES:
            raise SourceUnavailable(Reason.FLOOD, f"{one.path.name} has more than {MAX_FILE_BYTES} bytes")
        try:
            with one.path.open("rb") as file:
                return parse_results(file, self.zone or window.zone)
        except Malformed as error:
            told = f"{one.path.name}: {error}; take it out of the folder, or write it anew"
            raise SourceUnavailable(Reason.UNREADABLE, told) from error
        except OSError as error:
            told = f"{one.path.name} cannot be read: {error.strerror or error}"
            raise SourceUnavailable(Reason.REFUSED, told) from error

    def _forget(self, state: State) -> None:
        """Files that are gone. What they said stays."""
        there = {path.name for path in self.folder.iterdir()}
        state.files = {name: mark for name, mark in state.files.items() if name in there}


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Scap)


def _line(scan: Scan, host: str, critical: frozenset[str]) -> CheckLine:
    if not scan.applied:
        return CheckLine("warning", host, "no rule applied: is the content of this system? such a scan says nothing")
    told = f"{scan.applied} rules applied, {len(scan.failed)} failed, {len(scan.open_of(critical))} of them critical"
    if scan.undecided:
        return CheckLine("warning", host, f"{told}; {scan.undecided} not decided: the scan is not full")
    return CheckLine("ok", host, told)
