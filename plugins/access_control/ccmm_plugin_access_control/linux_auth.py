"""The `linux_auth` source: accounts of a Linux host, how sshd, sudo and PAM let them in, and when they last came.

One run is one look at the files that the options name, of the host that the agent runs on. Where one of them cannot be
read or understood, the whole run says so.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Self, TypeVar

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
from ccmm_plugin_access_control.linux_accounts import (
    Login,
    Meaning,
    Shadow,
    Ways,
    account_of,
    members,
    parse_group,
    parse_passwd,
    parse_shadow,
)
from ccmm_plugin_access_control.linux_files import included, load_text, opened, parsed
from ccmm_plugin_access_control.linux_logins import last_of_lastlog, last_of_wtmp
from ccmm_plugin_access_control.linux_settings import (
    Include,
    Sshd,
    Sudo,
    lock_out,
    parse_sshd,
    parse_sudoers,
    sshd_settings,
)
from ccmm_plugin_access_control.tls import FIRST_LOOK, parse_cursor
from ccmm_proto.errors import Malformed

T = TypeVar("T")
Entry = tuple[str, dict[str, object]]
OPTIONAL = ("shadow", "sudoers", "sshd_config", "pam", "faillock", "lastlog", "wtmp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one look gave; None: the options do not name it."""

    logins: list[Login]
    groups: Mapping[str, tuple[int, frozenset[str]]]
    shadow: Mapping[str, Shadow] | None
    sshd: Sshd | None
    sudo: Sudo | None
    deny: int | None
    last: Mapping[str, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinuxAuth(Source):
    """The host that the agent runs on."""

    plugin: ClassVar[str] = "linux_auth"
    feeds: ClassVar[tuple[str, ...]] = ("account", "setting")
    value: ClassVar[int] = 60
    example: ClassVar[str] = """
# Accounts of this Linux host, sshd, sudo, lock-out, last log-ins: docs/plugins/linux_auth.md.
[[source]]
name = "host"
plugin = "linux_auth"
every = "1h"
host = "pbx-01"                               # its name in the keys of settings; leaves in clear
# system = "linux"                            # as reviews of access call it
# passwd = "/etc/passwd"
# group = "/etc/group"
# shadow = "/etc/shadow"                      # states of passwords; only where the agent's account may read it
sshd_config = "/etc/ssh/sshd_config"          # and the folder sshd_config.d beside it
# sudoers = "/etc/sudoers"                    # and the folder sudoers.d beside it
# pam = "/etc/pam.d/sshd"                     # and what it includes of its folder: the lock-out
# faillock = "/etc/security/faillock.conf"
lastlog = "/var/log/lastlog"
# wtmp = "/var/log/wtmp"
# privileged_groups = ["sudo", "wheel", "admin"]
# service_accounts = ["root", "backup"]       # accounts of programs: they need no person
# gecos_part = 2                              # which part of the comment field, between commas, is the staff id

# [source.persons]                            # account = staff id
# zhang = "E1007"
"""

    meaning: Meaning
    passwd: Path
    group: Path
    places: Mapping[str, Path]
    privileged_groups: tuple[str, ...]

    @classmethod
    def from_options(cls, options: Options) -> Self:
        persons = options.table("persons", None)
        places = {name: options.path(name, None) for name in OPTIONAL}
        if places["faillock"] is not None and places["pam"] is None:
            raise BadOption("faillock", "pam beside it: only a service's stack says whether it holds")
        meaning = Meaning(
            host=options.text("host"),
            system=options.text("system", "linux"),
            persons={name: persons.text(name) for name in persons.keys()} if persons else {},  # noqa: SIM118
            gecos_part=options.whole("gecos_part", None, least=1, most=9),
            service_accounts=frozenset(options.texts("service_accounts", ())),
        )
        return cls(
            meaning=meaning,
            passwd=options.path("passwd", Path("/etc/passwd")),
            group=options.path("group", Path("/etc/group")),
            places={name: path for name, path in places.items() if path is not None},
            privileged_groups=options.texts("privileged_groups", ("sudo", "wheel", "admin")),
        )

    def manifest(self) -> Manifest:
        folders = [self.places[name].parent / f"{name}.d" for name in ("sshd_config", "sudoers") if name in self.places]
        if "pam" in self.places:
            folders.append(self.places["pam"].parent)
        return Manifest(files=(self.passwd, self.group, *self.places.values()), folders=tuple(folders))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        found = self._found()
        yield inventory("account", window.now, self._accounts(found, window.now))
        yield inventory("setting", window.now, self._settings(found))
        since = parse_cursor(window.cursor, window.now) or window.now - FIRST_LOOK
        yield Done((since, window.now), f"{window.now.timestamp():.3f}".encode())

    def check(self, window: Window) -> Iterator[CheckLine]:
        found = self._found()
        entries = [told for _, told in self._accounts(found, window.now)]
        enabled = [one for one in entries if one["enabled"]]
        nobodys = sum(one["person"] is None and not one["service"] for one in enabled)
        yield CheckLine("ok", str(self.passwd), f"{len(entries)} accounts, {len(enabled)} enabled")
        if nobodys:
            told = f"{nobodys} enabled accounts name no person: persons, gecos_part or service_accounts"
            yield CheckLine("warning", "person", told)
        if found.shadow is None:
            yield CheckLine("warning", "shadow", "not read: expiry and locks of passwords are not known")
        else:
            yield CheckLine("warning", "shadow", "the agent's account may read hashes of passwords; states alone leave")
            empty = sum(one.empty for one in found.shadow.values())
            if empty:
                yield CheckLine("warning", "shadow", f"{empty} accounts need no password")
        for name, known in (("sudoers", found.sudo), ("sshd_config", found.sshd), ("pam", found.deny)):
            if known is None:
                yield CheckLine("warning", name, "not read: what it decides is not known")
        if found.deny == 0:
            yield CheckLine("warning", "pam", "no pam_faillock in this stack: an account never locks")
        if not {"lastlog", "wtmp"} & self.places.keys():
            yield CheckLine("warning", "last log-ins", "neither lastlog nor wtmp is named")
        elif not found.last:
            yield CheckLine("warning", "last log-ins", "there is none: does this host still write lastlog or wtmp?")

    def _found(self) -> Found:
        logins, groups = parsed(self.passwd, parse_passwd), parsed(self.group, parse_group)
        places = self.places
        shadow = parsed(places["shadow"], parse_shadow) if "shadow" in places else None
        if shadow is not None and (missing := sum(one.name not in shadow for one in logins)):
            told = f"{places['shadow']}: {missing} accounts of {self.passwd} have no line"
            raise SourceUnavailable(Reason.UNREADABLE, told)
        return Found(
            logins=logins,
            groups=groups,
            shadow=shadow,
            sshd=self._parsed("sshd_config", parse_sshd),
            sudo=self._parsed("sudoers", parse_sudoers),
            deny=self._deny(),
            last=self._last(logins),
        )

    def _parsed(self, name: str, parse: Callable[[str, Include], T]) -> T | None:
        if name not in self.places:
            return None
        path = self.places[name]
        try:
            return parse(load_text(path), included(path, path.parent / f"{name}.d"))
        except Malformed as error:
            raise SourceUnavailable(Reason.UNREADABLE, f"{path}: {error}") from error

    def _deny(self) -> int | None:
        if "pam" not in self.places:
            return None
        path = self.places["pam"]
        faillock = load_text(self.places["faillock"]) if "faillock" in self.places else None
        try:
            return lock_out(load_text(path), included(path, path.parent), faillock)
        except Malformed as error:
            raise SourceUnavailable(Reason.UNREADABLE, f"{path}: {error}") from error

    def _last(self, logins: list[Login]) -> dict[str, datetime]:
        """Account -> its newest log-in of both records."""
        found: dict[str, datetime] = {}
        for name in ("lastlog", "wtmp"):
            if name not in self.places:
                continue
            with opened(self.places[name]) as file:
                try:
                    by_uid = last_of_lastlog(file, [one.uid for one in logins]) if name == "lastlog" else {}
                    by_name = last_of_wtmp(file) if name == "wtmp" else {}
                except Malformed as error:
                    raise SourceUnavailable(Reason.UNREADABLE, f"{self.places[name]}: {error}") from error
            for one in logins:
                for when in (by_uid.get(one.uid), by_name.get(one.name)):
                    if when is not None:
                        found[one.name] = max(when, found.get(one.name, when))
        return found

    def _accounts(self, found: Found, now: datetime) -> list[Entry]:
        ways = Ways(
            privileged=frozenset(self._privileged(found)),
            has_sudo=found.sudo is not None,
            has_ssh=found.sshd is not None,
            root_by_ssh=found.sshd.root if found.sshd is not None else None,
            second_factor=found.sshd.second_factor if found.sshd is not None else None,
        )
        return [
            account_of(
                one, found.shadow.get(one.name) if found.shadow else None, found.last.get(one.name), ways,
                self.meaning, now,
            )
            for one in found.logins
        ]  # fmt: skip

    def _privileged(self, found: Found) -> Iterator[str]:
        yield from members(found.groups, self.privileged_groups, found.logins)
        if found.sudo is None:
            return
        for one in found.logins:
            own = {
                name: number
                for name, (number, listed) in found.groups.items()
                if number == one.gid or one.name in listed
            }
            if found.sudo.grants_to(one.name, one.uid, own):
                yield one.name

    def _settings(self, found: Found) -> Iterator[Entry]:
        told: list[tuple[str, dict[str, object]]] = []
        if found.sshd is not None:
            told += [(name, {"value": value}) for name, value in sshd_settings(found.sshd)]
            told.append(("sshd Match blocks", {"number": float(found.sshd.matches)}))
        if found.sudo is not None:
            told.append(("sudo grants", {"number": float(found.sudo.grants)}))
            told.append(("sudo grants without password", {"number": float(found.sudo.without_password)}))
        if found.deny is not None:
            told.append(("lock_out", {"class": "lock_out", "number": float(found.deny)}))
        if found.shadow is not None:
            empty = sum(one.empty for one in found.shadow.values())
            told.append(("accounts without password", {"number": float(empty)}))
        told.append(("accounts of uid 0", {"number": float(sum(one.uid == 0 for one in found.logins))}))
        for name, attributes in told:
            yield f"{self.meaning.host} {name}", {"system": self.meaning.system, **attributes}


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(LinuxAuth)
