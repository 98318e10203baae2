"""From passwd(5), group(5) and shadow(5) to `account` entries: pure. Of a password only its state is kept, no hash.

An account is enabled where it has a shell to log in to and has not expired. A locked password alone closes nothing: a
key still opens the account. What the files do not tell is left out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from ccmm_proto.errors import Malformed

NO_SHELLS: Final = frozenset({"nologin", "false", "sync", "shutdown", "halt", "true"})
MAX_LINES: Final = 200_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_DAYS: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A line of passwd."""

    name: str
    uid: int
    gid: int
    gecos: tuple[str, ...]
    has_shell: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """A line of shadow, without the hash."""

    locked: bool  # no password opens it
    empty: bool  # none is needed
    changed: datetime | None
    ends: datetime | None  # from then on nobody logs in to it


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What the files cannot say."""

    host: str
    system: str
    persons: Mapping[str, str] = field(default_factory=dict)
    gecos_part: int | None = None  # which part between commas is the person, from 1
    service_accounts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """What sshd and sudo let in; None: not read, so not known."""

    privileged: frozenset[str] = frozenset()  # accounts that sudo or a group makes root, uid 0 apart
    has_sudo: bool = False  # sudoers was read: who is not privileged by it, is not
    has_ssh: bool = False
    root_by_ssh: bool | None = None
    second_factor: bool | None = None


def parse_passwd(content: bytes) -> list[Login]:
    """Raises Malformed, too for NIS lines: what they bring stands elsewhere, and the list would not be whole."""
    found = []
    for at, parts in _lines(content, 7):
        if parts[0].startswith(("+", "-")):
            raise Malformed(f"line {at} brings accounts of NIS: read that directory itself")
        shell = parts[6].rpartition("/")[2]
        found.append(
            Login(
                name=parts[0],
                uid=_whole(parts[2], at),
                gid=_whole(parts[3], at),
                gecos=tuple(part.strip() for part in parts[4].split(",")),
                has_shell=shell not in NO_SHELLS,
            )
        )
    if len({one.name for one in found}) < len(found):
        raise Malformed("an account stands twice")
    if not found:
        raise Malformed("no account in it")
    return found


def parse_group(content: bytes) -> dict[str, tuple[int, frozenset[str]]]:
    """Name of each group -> its number and members; raises Malformed."""
    found: dict[str, tuple[int, frozenset[str]]] = {}
    for at, parts in _lines(content, 4):
        members = frozenset(name.strip() for name in parts[3].split(",") if name.strip())
        found[parts[0]] = (_whole(parts[2], at), members)
    return found


def parse_shadow(content: bytes) -> dict[str, Shadow]:
    """Name -> states; raises Malformed. The hashes are let go line by line."""
    return {parts[0]: _shadow(parts, at) for at, parts in _lines(content, 9)}


def members(groups: Mapping[str, tuple[int, frozenset[str]]], names: Iterable[str], logins: list[Login]) -> set[str]:
    """Accounts in any of these groups, by its list or as their first group."""
    found: set[str] = set()
    for name in names:
        if name in groups:
            number, listed = groups[name]
            found |= listed | {one.name for one in logins if one.gid == number}
    return found


def account_of(
    login: Login, shadow: Shadow | None, last_login: datetime | None, ways: Ways, meaning: Meaning, now: datetime
) -> tuple[str, dict[str, object]]:
    """One entry: its key names the host too, as the same account name may stand on many."""
    ends = shadow.ends if shadow is not None else None
    is_root = login.uid == 0
    closed = is_root and shadow is not None and shadow.locked and ways.root_by_ssh is False
    enabled = login.has_shell and not closed and (ends is None or ends > now)
    remote = enabled and ways.has_ssh and not (is_root and ways.root_by_ssh is False)
    privileged = is_root or login.name in ways.privileged or (False if ways.has_sudo else None)
    return f"{login.name}@{meaning.host}", {
        "system": meaning.system,
        "person": _person(login, meaning),
        "enabled": enabled,
        "disabled": ends if ends is not None and ends <= now else None,
        "locked": shadow.locked if shadow is not None else None,
        "password_changed": shadow.changed if shadow is not None else None,
        "last_login": last_login,
        "privileged": privileged,
        "remote": remote if ways.has_ssh else None,
        "mfa": ways.second_factor,
        "service": login.name in meaning.service_accounts,
    }


def _person(login: Login, meaning: Meaning) -> str | None:
    if login.name in meaning.persons:
        return meaning.persons[login.name]
    if meaning.gecos_part is None or len(login.gecos) < meaning.gecos_part:
        return None
    return login.gecos[meaning.gecos_part - 1] or None


def _shadow(parts: list[str], at: int) -> Shadow:
    changed, longest, idle, ends = (_days(parts[index], at) for index in (2, 4, 6, 7))
    limits = [ends] if ends is not None else []
    if changed is not None and longest is not None and idle is not None:
        limits.append(changed + longest + idle + 1)  # the password ran out, and so did the time to change it
    return Shadow(
        locked=parts[1].startswith(("!", "*")),
        empty=parts[1] == "",
        changed=_EPOCH + timedelta(days=changed) if changed else None,  # 0: to be changed at the next log-in
        ends=_EPOCH + timedelta(days=min(limits)) if limits else None,
    )


def _days(text: str, at: int) -> int | None:
    """Days since 1970. None: not set, or so far away that it means never."""
    if text in ("", "-1"):
        return None
    days = _whole(text, at)
    return days if days < _MAX_DAYS - 1 else None


def _lines(content: bytes, width: int) -> Iterable[tuple[int, list[str]]]:
    try:
        lines = content.decode().split("\n")
    except UnicodeDecodeError as error:
        raise Malformed("not UTF-8") from error
    if len(lines) > MAX_LINES:
        raise Malformed(f"more than {MAX_LINES} lines")
    for at, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split(":")
        if len(parts) != width or not parts[0]:
            raise Malformed(f"line {at} has not {width} fields")
        yield at, parts


def _whole(text: str, at: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        raise Malformed(f"line {at}: a number is expected")
    return int(text)
