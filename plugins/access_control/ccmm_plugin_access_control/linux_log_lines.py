"""Log-ins and refusals out of an auth log, in the three forms that rsyslog and journald write: pure.

    Nov 22 06:11:54 host sshd[23087]: ...                       RFC 3164: neither year nor zone
    2026-11-22T06:11:54.797106+00:00 host sshd[23087]: ...      RFC 3339
    <38>1 2026-11-22T06:11:54.797106+00:00 host sshd 23087 ...  RFC 5424

A key that is refused before another one is taken is no refusal: clients offer all their keys in turn.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_HEADER: Final = re.compile(
    rb"(?:<\d{1,3}>1 )?(?:(?P<iso>\d{4}-\d\d-\d\dT\S{8,22})|(?P<month>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) "
    rb"(?P<clock>\d\d:\d\d:\d\d)) \S+ (?:(?P<app>[\w./-]+)(?:\[(?P<pid>\d+)\])?:|"
    rb"(?P<app5>[\w./-]+) (?P<pid5>\d+|-) \S+ (?:-|\[.*?\])) +(?P<text>.*)"
)
_MONTHS: Final = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_SSHD: Final = (b"sshd", b"sshd-session")
_PROGRAMS: Final = (*_SSHD, b"sudo", b"su")
_TELLING: Final = re.compile(
    rb"Failed |Accepted |closed by invalid| not allowed|session closed for|Disconnected from user|NOT in|failure|FAILED"
)
_REPEATED: Final = re.compile(rb"message repeated (\d{1,4}) times: \[ (.*)\]")
_FAILED: Final = re.compile(rb"Failed (\S+) for (invalid user )?(.*?) from \S+ port \d+")
_ACCEPTED: Final = re.compile(rb"Accepted (\S+) for (\S+) from \S+ port \d+")
_LEFT: Final = re.compile(rb"Connection closed by invalid user (.*?) \S+ port \d+")
_NOT_ALLOWED: Final = re.compile(rb"User (\S+) from \S+ not allowed because ")
_CLOSED: Final = re.compile(rb"(?:pam_unix\(sshd:session\): session closed for|Disconnected from) user ")
_NO_SUDO: Final = re.compile(rb"(\S+) : (?:user NOT in sudoers|command not allowed)")
_SUDO_FAILED: Final = re.compile(rb"pam_unix\(sudo:auth\): authentication failure;.* user=(\S+)")
_SU_FAILED: Final = re.compile(rb"FAILED SU \(to \S+\) (\S+) on ")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a program that lets people in. `wall` is its local time where the line has no year."""

    at: datetime | None
    wall: datetime | None  # of a leap year
    app: bytes
    pid: bytes
    text: bytes

    @property
    def tells(self) -> bool:
        """Whether it may be of a log-in or a refusal; of a busy log most lines are not."""
        return self.app in _PROGRAMS and _TELLING.search(self.text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One attempt that was refused, and why: account, password, rights."""

    at: datetime
    account: str
    reason: str
    id: str


@dataclass(slots=True, kw_only=True)
class LogIn:
    """One connection that was let in; `ended` None: it is open, or its end is not in the log."""

    at: datetime
    account: str
    id: str
    ended: datetime | None = None


def parse_line(line: bytes) -> Line | None:
    """None for what has no such header."""
    match = _HEADER.match(line)
    if match is None:
        return None
    app = (match["app"] or match["app5"] or b"").rpartition(b"/")[2]
    at = wall = None
    try:
        if match["iso"]:
            at = datetime.fromisoformat(match["iso"].decode("ascii", "replace"))
            if at.utcoffset() is None:
                return None
            at = at.astimezone(UTC).replace(microsecond=0)
        elif match["month"] in _MONTHS:
            clock = match["clock"].decode()
            wall = datetime.fromisoformat(f"2024-{_MONTHS.index(match['month']) + 1:02}-{int(match['day']):02}T{clock}")
        else:
            return None
    except (ValueError, OverflowError):
        return None
    return Line(at, wall, app, match["pid"] or match["pid5"] or b"", match["text"])


def dated(lines: list[Line], newest: datetime, zone: ZoneInfo) -> list[tuple[datetime, Line]]:
    """Each line with its time. Years are counted back from `newest`, when the file was last changed."""
    limit = newest.astimezone(zone).replace(tzinfo=None) + timedelta(days=1)
    year = limit.year
    found: list[tuple[datetime, Line]] = []
    for line in reversed(lines):
        at = line.at
        if at is None and line.wall is not None:
            local = _in_year(line.wall, year)
            if local is None or local > limit:
                year -= 1
                local = _in_year(line.wall, year)
            if local is None:
                continue
            limit = local + timedelta(days=1)  # clocks go back a little; a day is the most that is granted
            at = local.replace(tzinfo=zone).astimezone(UTC)
        if at is not None:
            found.append((at, line))
    return found[::-1]


def refusals_of(lines: Iterable[tuple[datetime, Line]]) -> Iterator[Refusal]:
    """In the order of the log. All lines are needed: what follows says whether a key was the last one."""
    told = [(at, line) for at, line in lines if line.app in _PROGRAMS]
    accepted = {line.pid for _, line in told if line.app in _SSHD and _ACCEPTED.match(line.text)}
    failed = {line.pid for _, line in told if line.app in _SSHD and _FAILED.match(_plain(line.text))}
    numbers: dict[tuple[datetime, bytes], int] = {}
    for at, line in told:
        times, text = _times(line.text)
        found = _refused(line, text, accepted, failed)
        if found is None:
            continue
        for _ in range(times):
            number = numbers[at, line.pid] = numbers.get((at, line.pid), -1) + 1
            id = f"{at:%Y-%m-%dT%H:%M:%SZ} {line.pid.decode()} {number}"
            yield Refusal(at=at, account=found[0].decode("utf-8", "replace"), reason=found[1], id=id)


def log_ins_of(lines: Iterable[tuple[datetime, Line]]) -> list[LogIn]:
    """Connections by ssh, each with its end where the log has it."""
    found: list[LogIn] = []
    standing: dict[bytes, LogIn] = {}
    for at, line in lines:
        if line.app not in _SSHD:
            continue
        if (match := _ACCEPTED.match(line.text)) is not None:
            account = match[2].decode("utf-8", "replace")
            standing[line.pid] = LogIn(at=at, account=account, id=f"{at:%Y-%m-%dT%H:%M:%SZ} {line.pid.decode()}")
            found.append(standing[line.pid])
        elif _CLOSED.match(line.text) and line.pid in standing:
            standing.pop(line.pid).ended = at
    return found


def _refused(line: Line, text: bytes, accepted: set[bytes], failed: set[bytes]) -> tuple[bytes, str] | None:
    """Whose attempt it was, and why it failed; None where it was none."""
    if line.app == b"sudo":
        if (match := _NO_SUDO.match(text)) is not None:
            return match[1], "rights"
        match = _SUDO_FAILED.match(text)
        return (match[1], "password") if match is not None else None
    if line.app == b"su":
        match = _SU_FAILED.match(text)
        return (match[1], "password") if match is not None else None
    if (match := _FAILED.match(text)) is not None:
        if match[1] == b"none" or (match[1] == b"publickey" and line.pid in accepted):
            return None
        return match[3], "account" if match[2] else "password"
    if (match := _LEFT.match(text)) is not None and line.pid not in failed:
        return match[1], "account"
    match = _NOT_ALLOWED.match(text)
    return (match[1], "rights") if match is not None and line.pid not in failed else None


def _times(text: bytes) -> tuple[int, bytes]:
    match = _REPEATED.fullmatch(text)
    return (int(match[1]), match[2]) if match is not None else (1, text)


def _plain(text: bytes) -> bytes:
    return _times(text)[1]


def _in_year(wall: datetime, year: int) -> datetime | None:
    try:
        return wall.replace(year=year)
    except ValueError:  # the 29th of February
        return None
