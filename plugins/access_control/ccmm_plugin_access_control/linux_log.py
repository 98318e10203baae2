"""The `linux_log` source: log-ins by ssh and refused attempts, from the auth log of a Linux host.

Each run reads the live file and the one that was rotated last, and states what lies between the end of the last run and
a little before now. So nothing is stated twice, and what was rotated away unread leaves a hole that nobody vouches for.
"""

import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Self
from zoneinfo import ZoneInfo

from ccmm_agent.delimited import zone_option
from ccmm_agent.facts import occurrence
from ccmm_agent.plugin import (
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
from ccmm_plugin_access_control.linux_log_lines import (
    Line,
    LogIn,
    Refusal,
    dated,
    log_ins_of,
    parse_line,
    refusals_of,
)

MAX_BYTES = 128 << 20  # of both files, unpacked
MAX_LINE = 64 << 10
MOST = 20_000  # facts of one run; the rest follows at once
OLD = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Read:
    """What both files hold; `oldest` None: no line with a time."""

    lines: list[tuple[datetime, Line]]
    oldest: datetime | None
    newest: datetime | None
    strange: int  # lines without a header that is known


@dataclass(frozen=True, slots=True, kw_only=True)
class LinuxLog(Source):
    """The auth log of the host that the agent runs on."""

    plugin: ClassVar[str] = "linux_log"
    feeds: ClassVar[tuple[str, ...]] = ("session", "refusal")
    value: ClassVar[int] = 50
    example: ClassVar[str] = """
# Log-ins by ssh and refused attempts, from the auth log of this Linux host: docs/plugins/linux_auth.md.
[[source]]
name = "host-log"
plugin = "linux_log"
every = "15m"
host = "pbx-01"                     # as in linux_auth: a part of the key of each account
log = "/var/log/auth.log"           # /var/log/secure on Red Hat
# rotated = "/var/log/auth.log.1"   # without it: the name of the log with .1
# system = "linux"
# settle = "3m"                     # how late lines may come
# zone = "Asia/Shanghai"            # of times without offset; without it the center's

# [source.persons]                  # account = staff id; a log-in without a person counts as nobody's
# zhang = "E1007"
"""

    host: str
    system: str
    log: Path
    rotated: Path
    settle: timedelta
    zone: ZoneInfo | None
    persons: Mapping[str, str]

    @classmethod
    def from_options(cls, options: Options) -> Self:
        log, persons = options.path("log"), options.table("persons", None)
        return cls(
            host=options.text("host"),
            system=options.text("system", "linux"),
            log=log,
            rotated=options.path("rotated", log.with_name(f"{log.name}.1")),
            settle=timedelta(seconds=options.seconds("settle", 180)),
            zone=zone_option(options),
            persons={name: persons.text(name) for name in persons.keys()} if persons else {},  # noqa: SIM118
        )

    def manifest(self) -> Manifest:
        return Manifest(files=(self.log, self.rotated))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        until = (window.now - self.settle).replace(microsecond=0)
        before = _parse_cursor(window.cursor)
        if before is not None and until < before:
            why = f"it is stated up to {before:%Y-%m-%d %H:%M:%S} UTC: the clock of this machine went back"
            raise SourceUnavailable(Reason.UNREADABLE, why)
        found = self._read(window)
        silent = found.newest is not None and until - found.newest > OLD
        if found.newest is not None and silent:
            # Nobody seems to write it any more: what came later would stand elsewhere, and is not vouched for.
            until = max(found.newest + OLD, before or found.newest)
        since = max(before, found.oldest) if before and found.oldest else before or found.oldest or until
        facts = sorted(self._facts(found, since, until), key=lambda one: one[0])
        end, more = until, len(facts) > MOST
        if more:
            end = facts[MOST][0]
            if end == facts[0][0]:
                raise SourceUnavailable(Reason.FLOOD, f"more than {MOST} log-ins and refusals in one second")
        yield from (fact for at, fact in facts if at < end)
        told = [f"{found.strange} lines are of no known form"] if found.strange else []
        told += ["no line for two days: is it still written? Nothing later is vouched for"] if silent else []
        covers = (since, end) if found.oldest is not None and since < end else None
        yield Done(covers, end.isoformat().encode(), more=more, detail="; ".join(told))

    def check(self, window: Window) -> Iterator[CheckLine]:
        found = self._read(window)
        log_ins, refused = log_ins_of(found.lines), list(refusals_of(found.lines))
        told = f"{len(log_ins)} log-ins and {len(refused)} refusals in it"
        if found.oldest is not None:
            told += f", since {found.oldest:%Y-%m-%d %H:%M} UTC"
        yield CheckLine("ok" if found.oldest else "warning", str(self.log), told)
        if found.newest is not None and window.now - found.newest > OLD:
            yield CheckLine("warning", str(self.log), "no line for two days: is it still written?")
        if found.strange:
            yield CheckLine("warning", str(self.log), f"{found.strange} lines are of no known form")
        nobodys = sum(one.account not in self.persons for one in log_ins)
        if nobodys:
            yield CheckLine("warning", "persons", f"{nobodys} log-ins name no person of [source.persons]")

    def _facts(self, found: Read, since: datetime, until: datetime) -> Iterator[tuple[datetime, Observation]]:
        """What began or ended in the time, by that instant: a session that ends is told again, with its end."""
        for refusal in refusals_of(found.lines):
            if since <= refusal.at < until:
                yield refusal.at, self._refusal(refusal)
        for log_in in log_ins_of(found.lines):
            if since <= log_in.at < until:
                is_over = log_in.ended is not None and log_in.ended == log_in.at
                yield log_in.at, self._session(log_in, log_in.ended if is_over else None)
            if log_in.ended is not None and log_in.ended > log_in.at and since <= log_in.ended < until:
                yield log_in.ended, self._session(log_in, log_in.ended)

    def _session(self, one: LogIn, ended: datetime | None) -> Observation:
        return occurrence(
            "session",
            f"{self.host} {one.id}",
            one.at,
            ended,
            system=self.system,
            account=f"{one.account}@{self.host}",
            person=self.persons.get(one.account),
            lasted=None if ended is None else int((ended - one.at).total_seconds()),
        )

    def _refusal(self, one: Refusal) -> Observation:
        account = f"{one.account}@{self.host}"[:200] if one.account else None
        id = f"{self.host} {one.id}"
        return occurrence("refusal", id, one.at, one.at, system=self.system, account=account, reason=one.reason)

    def _read(self, window: Window) -> Read:
        zone = self.zone or window.zone
        lines: list[tuple[datetime, Line]] = []
        strange, left = 0, MAX_BYTES
        for path in (self.rotated, self.log):
            if path == self.rotated and not path.exists():
                continue
            told, odd, size = _load(path, left)
            changed = min(datetime.fromtimestamp(path.stat().st_mtime, UTC), window.now)
            lines += dated(told, changed, zone)
            strange, left = strange + odd, left - size
        if strange and not lines:
            why = f"no line of {self.log} is of a known form: is it the right file?"
            raise SourceUnavailable(Reason.UNREADABLE, why)
        oldest = min((at for at, _ in lines), default=None)
        newest = max((at for at, _ in lines), default=None)
        return Read(lines, oldest, newest, strange)


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(LinuxLog)


def _load(path: Path, limit: int) -> tuple[list[Line], int, int]:
    """Lines, how many are of no known form, and bytes. A last line that is still being written is left out."""
    found: list[Line] = []
    last: Line | None = None  # it says up to when the log is written, whatever it tells
    strange, size = 0, 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            while (content := file.readline(MAX_LINE)).endswith(b"\n"):
                size += len(content)
                if size > limit:
                    raise SourceUnavailable(Reason.FLOOD, f"{path} has more than {MAX_BYTES} bytes: rotate it daily")
                line = parse_line(content.rstrip(b"\r\n"))
                strange += line is None and bool(content.strip())
                if line is not None and (not found or line.tells):
                    found.append(line)
                last = line or last
            if len(content) == MAX_LINE:
                raise SourceUnavailable(Reason.UNREADABLE, f"{path} has a line above {MAX_LINE} bytes")
    except FileNotFoundError as error:
        raise SourceUnavailable(Reason.NOT_FOUND, f"{path} is not there") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceUnavailable(Reason.UNREADABLE, f"{path} is a damaged gzip file") from error
    except OSError as error:
        told = f"{path} cannot be read: {error.strerror or error}; add the agent's account to the group adm"
        raise SourceUnavailable(Reason.REFUSED, told) from error
    if last is not None and last is not found[-1]:
        found.append(last)
    return found, strange, size


def _parse_cursor(cursor: bytes) -> datetime | None:
    """Up to when it is stated; None where there is no such cursor."""
    try:
        found = datetime.fromisoformat(cursor.decode("ascii"))
    except ValueError:
        return None
    return found.astimezone(UTC) if found.utcoffset() is not None else None
