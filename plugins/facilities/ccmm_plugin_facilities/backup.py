"""The `backup` source: what lies in a restic or borg repository, which jobs were due and verified, restore tests.

One source is one repository. restic is asked by its program behind the reader's fence; borg, which cannot list without
writing, and restic where the admin wants it so, by the lists that a timer writes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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
from ccmm_agent.secret_file import password_line
from ccmm_plugin_facilities.backup_due import Copy, dues, waits_for_check
from ccmm_plugin_facilities.backup_list import (
    Listing,
    Noted,
    Snapshot,
    believed,
    parse_borg,
    parse_journal,
    parse_restic,
)
from ccmm_plugin_facilities.backup_options import copies_of, limits_lines, span
from ccmm_plugin_facilities.backup_state import State, holding_of, job_of, parse_state
from ccmm_plugin_facilities.backup_store import Restic, load_report, may_write
from ccmm_proto.errors import Malformed
from ccmm_proto.period import from_ms, to_ms

OLD = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one look at repository and journal gave."""

    snapshots: tuple[Snapshot, ...]  # in order of time
    encrypted: bool | None
    as_of: datetime
    ahead: int  # snapshots that are dated later than the list
    checks: tuple[Noted, ...]  # in order of time
    restores: tuple[Noted, ...]
    not_believed: int  # lines of the journal whose times cannot be


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup(Source):
    """One repository, as it is."""

    plugin: ClassVar[str] = "backup"
    value: ClassVar[int] = 60
    example: ClassVar[str] = """
# Backups in a restic or borg repository, read only: docs/plugins/backup.md.
[[source]]
name = "backups"
plugin = "backup"
every = "1h"
tool = "restic"                              # restic or borg
repository = "/srv/backup/restic"            # a folder; restic is run to list it, without lock and cache
password_file = "/etc/ccmm/restic.password"
# program = "/usr/bin/restic"
# program_timeout = "60s"
run_check = "structure"                      # let restic check each new copy: structure or data (all of it)
# for borg, or instead of repository, the list that a timer writes: snapshots = "/var/lib/backup/list.json"
# journal = "/var/lib/backup/journal.jsonl"  # what checks and restore tests gave, one line each
# restore_tests = true                       # state restore tests of the journal as exercises
# verify_within = "24h"                      # a copy without a check in this time counts as failed
# look_back = "7d"                           # how far the first run looks; no longer than every daily copy is kept
# system = "backup"                          # leaves in clear
# zone = "Asia/Shanghai"                     # of the times below; without it the center's

[[source.copies]]
copy = "crm"                                 # its name; leaves in clear
due = "01:30"
# within = "6h"                              # it has to begin by then
# weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
tags = ["crm"]                               # restic: host, tags (all of them), path
# host = "crm-01"
# path = "/srv/crm"
# with borg, how the names of its archives begin: prefix = "crm-"
# rto = "4h"                                 # how long a restore may take
# rpo = "26h"                                # of how long a time data may be lost
# project = "Project A"
"""

    tool: str
    copies: tuple[Copy, ...]
    restic: Restic | None
    run_check: str | None = None
    report: Path | None = None
    journal: Path | None = None
    restore_tests: bool = False
    verify_within: timedelta
    look_back: timedelta
    system: str = "backup"
    zone: ZoneInfo | None = None

    @property
    def feeds(self) -> tuple[str, ...]:
        always = ("holding", "job", "backup_jobs", "backup_jobs_verified")
        return (*always, "exercise") if self.restore_tests else always

    @classmethod
    def from_options(cls, options: Options) -> Self:
        tool = options.text("tool")
        if tool not in ("restic", "borg"):
            raise BadOption("tool", "restic or borg")
        restic, report = _restic(options, tool), options.path("snapshots", None)
        if (restic is None) == (report is None):
            raise BadOption("repository", "repository (of restic), or snapshots, the list that a timer writes")
        run_check = options.text("run_check", None)
        if run_check not in (None, "structure", "data") or (run_check and restic is None):
            raise BadOption("run_check", "structure or data, where restic is run")
        journal = options.path("journal", None)
        restore_tests = options.flag("restore_tests", False)
        if journal is None and (restore_tests or run_check is None):
            raise BadOption("journal", "a journal of checks and restore tests; without it nothing is ever verified")
        verify_within, look_back = span(options, "verify_within", 86400), span(options, "look_back", 7 * 86400)
        copies = copies_of(options, tool)
        if look_back < verify_within + max(copy.within for copy in copies):
            raise BadOption("look_back", "more than within and verify_within together")
        return cls(
            tool=tool,
            copies=copies,
            restic=restic,
            run_check=run_check,
            report=report,
            journal=journal,
            restore_tests=restore_tests,
            verify_within=verify_within,
            look_back=look_back,
            system=options.text("system", "backup"),
            zone=zone_option(options),
        )

    def manifest(self) -> Manifest:
        files = tuple(path for path in (self.report, self.journal) if path is not None)
        if self.restic is None:
            return Manifest(files=files)
        return Manifest(
            files=(*files, self.restic.password_file),
            folders=(self.restic.repository,),
            programs=(self.restic.program,),
        )

    def read(self, window: Window) -> Iterator[Observation | Done]:
        zone = self.zone or window.zone
        found, state = self._found(window, zone), parse_state(window.cursor)
        state.resume(to_ms(found.as_of), self.look_back // timedelta(milliseconds=1))
        checks = self._checks(found, state, zone)
        jobs, covers = state.decide(self.copies, found.snapshots, checks, found.as_of, zone, self.verify_within)
        own = {copy: tuple(filter(copy.is_of, found.snapshots)) for copy in self.copies}
        held = [holding_of(copy, kept, found.encrypted, self.system) for copy, kept in own.items()]
        yield inventory("holding", found.as_of, held)
        yield from (job_of(job, self.system) for job in jobs)
        yield from state.counts(self.system)
        if self.restore_tests:
            yield from state.exercises(self.copies, found.restores, found.snapshots, found.as_of)
        odd = [
            f"{n} {what}"
            for n, what in (
                (found.ahead, "copies dated ahead of the list"),
                (found.not_believed, "lines of the journal with times that cannot be"),
            )
            if n
        ]
        yield Done(covers, state.to_cursor(), detail=f"not believed: {', '.join(odd)}" if odd else "")

    def check(self, window: Window) -> Iterator[CheckLine]:
        if self.restic is not None:
            yield CheckLine("ok", "program", f"{self.restic.program} is restic {self.restic.version()}")
            yield password_line(self.restic.password_file)
            if may_write(self.restic.repository):
                told = "the agent's account may write here; the right to read is enough"
                yield CheckLine("warning", str(self.restic.repository), told)
        found = self._found(window, self.zone or window.zone)
        where = self.report or (self.restic.repository if self.restic else "")
        yield CheckLine("ok", str(where), f"{len(found.snapshots)} copies; list of {found.as_of:%Y-%m-%d %H:%M} UTC")
        if window.now - found.as_of > OLD:
            yield CheckLine("warning", str(where), "the list is older than two days: does its timer run?")
        if found.encrypted is False:
            yield CheckLine("warning", str(where), "the repository is not encrypted")
        if found.ahead or found.not_believed:
            told = f"{found.ahead} copies and {found.not_believed} lines of the journal have times that cannot be"
            yield CheckLine("warning", "clock", told)
        yield from (_copy_line(copy, found) for copy in self.copies)
        if self.restore_tests:
            yield from limits_lines(self.copies)
        stray = sum(not any(copy.is_of(one) for copy in self.copies) for one in found.snapshots)
        if stray:
            yield CheckLine("warning", "copies", f"{stray} copies belong to no [[source.copies]]")
        if self.journal is not None:
            told = f"{len(found.checks)} checks, {len(found.restores)} restore tests"
            yield CheckLine("ok" if found.checks or self.run_check else "warning", str(self.journal), told)

    def _found(self, window: Window, zone: ZoneInfo) -> Found:
        listing, as_of = self._listing(window, zone)
        noted = self._noted()
        kept = believed(noted, window.now)
        return Found(
            snapshots=tuple(sorted((one for one in listing.snapshots if one.at <= as_of), key=lambda one: one.at)),
            encrypted=listing.encrypted,
            as_of=as_of,
            ahead=sum(one.at > as_of for one in listing.snapshots),
            checks=tuple(sorted((one for one in kept if one.action == "check"), key=lambda one: one.started)),
            restores=tuple(one for one in kept if one.action == "restore"),
            not_believed=len(noted) - len(kept),
        )

    def _listing(self, window: Window, zone: ZoneInfo) -> tuple[Listing, datetime]:
        """All copies, and when that was so."""
        if self.restic is not None:
            before = self.restic.stored()
            listing = self._parsed(self.restic.snapshots(), self.restic.program, zone)
            if left_out := (before & self.restic.stored()) - listing.ids:
                told = f"restic lists not every snapshot of {self.restic.repository}: {len(left_out)} are left out"
                raise SourceUnavailable(Reason.LIMITED, told)
            return listing, from_ms(to_ms(window.now))
        if self.report is None:
            raise SourceUnavailable(Reason.BAD_OPTION, "neither a repository nor a list")
        content, as_of = load_report(self.report)
        return self._parsed(content, self.report, zone), min(as_of, window.now)

    def _parsed(self, content: bytes, where: Path, zone: ZoneInfo) -> Listing:
        try:
            return parse_restic(content) if self.tool == "restic" else parse_borg(content, zone)
        except Malformed as error:
            told = f"{where} gives no list of {self.tool}: {error}; a timer writes to another name, then renames"
            raise SourceUnavailable(Reason.UNREADABLE, told) from error

    def _noted(self) -> list[Noted]:
        if self.journal is None:
            return []
        content, _ = load_report(self.journal)
        try:
            noted = parse_journal(content)
        except Malformed as error:
            raise SourceUnavailable(Reason.UNREADABLE, f"{self.journal}: {error}") from error
        names = {copy.name for copy in self.copies}
        if self.restore_tests and any(one.action == "restore" and one.copy not in names for one in noted):
            raise SourceUnavailable(Reason.UNREADABLE, f"{self.journal}: a restore names no copy of the options")
        return noted

    def _checks(self, found: Found, state: State, zone: ZoneInfo) -> Sequence[Noted]:
        """Those of the journal, and where a copy waits for one, restic's own of this moment."""
        due = dues(self.copies, zone, from_ms(state.until_ms), found.as_of)
        waits = any(waits_for_check(at, copy, found.snapshots, found.checks) for at, copy in due)
        if not waits or self.restic is None or self.run_check is None:
            return found.checks
        passed = self.restic.is_sound(all_data=self.run_check == "data")
        return (*found.checks, Noted(action="check", started=found.as_of, ended=found.as_of, passed=passed))


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Backup)


def _restic(options: Options, tool: str) -> Restic | None:
    repository = options.path("repository", None)
    program, password_file = options.path("program", Path("/usr/bin/restic")), options.path("password_file", None)
    seconds = options.seconds("program_timeout", 60)
    if repository is None:
        return None
    if tool == "borg":
        raise BadOption("repository", "snapshots instead: borg cannot list a repository without writing")
    if password_file is None:
        raise BadOption("password_file", "the file with the password of the repository")
    return Restic(program=program, repository=repository, password_file=password_file, seconds=float(seconds))


def _copy_line(copy: Copy, found: Found) -> CheckLine:
    own = [one for one in found.snapshots if copy.is_of(one)]
    if not own:
        return CheckLine("failed", copy.name, "no copy is there: are host, tags, path or prefix right?")
    hours = (found.as_of - own[-1].at) / timedelta(hours=1)
    return CheckLine("ok" if hours <= 26 else "warning", copy.name, f"{len(own)} copies, the newest {hours:.0f} h old")
