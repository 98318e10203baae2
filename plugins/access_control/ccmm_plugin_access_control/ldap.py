"""The `ldap` source: each run states the whole list of accounts of an OpenLDAP directory, or why it could not."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Self
from urllib.parse import urlsplit

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
from ccmm_plugin_access_control.ldap_directory import Account, Directory, DirectoryEntry
from ccmm_plugin_access_control.ldap_facts import MEMBERS, PRIMARY, Reading, accounts, groups_of, lockouts

PEOPLE = "(|(objectClass=inetOrgPerson)(objectClass=account))"
GROUPS = "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))"
POLICIES = "(objectClass=pwdPolicy)"
FLAGS = ("privileged", "customer_data", "remote")
SOON = timedelta(days=14)
FIRST_LOOK = timedelta(seconds=1)  # what the first list vouches for before itself


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where to look."""

    host: str
    port: int
    tls: bool
    start_tls: bool
    ca_file: Path | None
    bind_dn: str
    password_file: Path
    base: str
    filter: str
    page: int


class Ldap(Source):
    """Accounts of a directory, as a read-only account of it sees them."""

    plugin: ClassVar[str] = "ldap"
    value: ClassVar[int] = 80
    feeds: ClassVar[tuple[str, ...]] = ("account",)
    example: ClassVar[str] = """
# Accounts of an OpenLDAP directory, by a read-only account of it: docs/plugins/ldap.md.
[[source]]
name = "directory"
plugin = "ldap"
every = "1h"
url = "ldaps://ldap.example:636"          # or ldap://... with start_tls = true
bind_dn = "uid=svc-compliance,ou=services,dc=contact,dc=example"
password_file = "/etc/ccmm/directory.password"   # readable for the agent's account only
base = "dc=contact,dc=example"
system = "directory"                      # what the rules call this system
# ca_file = "/etc/ccmm/directory-ca.pem"  # without it: the authorities that this machine trusts
# start_tls = true
# filter = "(|(objectClass=inetOrgPerson)(objectClass=account))"
# account = "uid"
# person = ["employeeNumber"]             # the first that is there; the same number as in the HR list
# mfa = "oathTokenSerial"                 # the attribute that a second factor leaves
# disabled = "departureTime"              # the attribute that holds when an account was disabled, if there is one
# privileged_groups = ["admins", "cn=it-operations,ou=groups,dc=contact,dc=example"]
# customer_data_groups = ["card-data-access"]
# remote_groups = ["vpn"]
# service_bases = ["ou=services,dc=contact,dc=example"]
# service_accounts = ["svc-fax"]
# default_policy = "cn=default,ou=policies,dc=contact,dc=example"   # the server's ppolicy_default
# page_size = 500
"""

    def __init__(self, place: _Place, reading: Reading) -> None:
        self._place = place
        self._reading = reading

    @classmethod
    def from_options(cls, options: Options) -> Self:
        flags = {flag: options.texts(f"{flag}_groups", ()) for flag in FLAGS}
        reading = Reading(
            system=options.text("system"),
            account=options.text("account", "uid"),
            person=options.texts("person", ("employeeNumber",)),
            mfa=options.text("mfa", None),
            disabled=options.text("disabled", None),
            flags=flags,
            service_bases=options.texts("service_bases", ()),
            service_accounts=options.texts("service_accounts", ()),
            default_policy=options.text("default_policy", None),
        )
        return cls(_place(options), reading)

    def manifest(self) -> Manifest:
        place = self._place
        files = (place.password_file, *((place.ca_file,) if place.ca_file else ()))
        return Manifest(files=files, endpoints=((place.host, place.port),))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        with self._open() as directory:
            entries = self._entries(directory)
            groups = groups_of(self._groups(directory), entries)
            policies = self._policies(directory)
        found = accounts(entries, groups, policies, self._reading, window.now)
        yield inventory("account", window.now, found)
        before = parse_cursor(window.cursor, window.now)
        yield Done((before or window.now - FIRST_LOOK, window.now), f"{window.now.timestamp():.3f}".encode())

    def check(self, window: Window) -> Iterator[CheckLine]:
        place = self._place
        yield password_line(place.password_file)
        with self._open() as directory:
            yield CheckLine("ok", "log-in", f"{place.host}:{place.port} accepts the account")
            yield from _expiry_lines(directory.password_expires_in_s)
            yield _paging_line(directory.has_paging())
            entries = self._entries(directory)
            groups = groups_of(self._groups(directory), entries)
            policies = self._policies(directory)
            shown = directory.showing(place.base, place.filter, "userPassword", page=place.page)
        found = accounts(entries, groups, policies, self._reading, window.now)
        yield CheckLine("ok", "accounts", f"{len(found)} accounts, {len(groups.names)} groups below {place.base}")
        yield from _rights_lines(entries, shown)
        if any(attributes["locked"] is None for _, attributes in found):
            yield CheckLine("warning", "locks", "some were locked, and no policy says how long: set `default_policy`")

    def _open(self) -> Directory:
        place = self._place
        return Directory(
            Account(
                host=place.host,
                port=place.port,
                tls=place.tls,
                start_tls=place.start_tls,
                ca_file=place.ca_file,
                bind_dn=place.bind_dn,
                password=load_password(place.password_file),
            )
        )

    def _entries(self, directory: Directory) -> list[DirectoryEntry]:
        place = self._place
        if not directory.entries(place.base, "(objectClass=*)", ["objectClass"], scope="BASE", page=0):
            # An account that may not see the top sees at most a part of what is below, and nothing says which.
            raise SourceUnavailable(Reason.REFUSED, f"this account may not read {place.base} itself")
        found = directory.entries(place.base, place.filter, self._reading.attributes(), page=place.page)
        if not found:
            raise SourceUnavailable(Reason.NOT_FOUND, f"no entry below {place.base} fits the filter, or may be seen")
        return found

    def _groups(self, directory: Directory) -> list[DirectoryEntry]:
        return directory.entries(
            self._place.base, GROUPS, ["cn", "objectClass", PRIMARY, *MEMBERS], page=self._place.page
        )

    def _policies(self, directory: Directory) -> dict[str, timedelta]:
        found = directory.entries(self._place.base, POLICIES, ["pwdLockoutDuration"], page=self._place.page)
        return lockouts(found)


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Ldap)


def parse_cursor(cursor: bytes, now: datetime) -> datetime | None:
    """When the last list was made; None where there was none, or it says a time after now."""
    try:
        before = datetime.fromtimestamp(float(cursor), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return before if before < now else None


def _place(options: Options) -> _Place:
    url = urlsplit(options.text("url"))
    tls, start_tls = url.scheme == "ldaps", options.flag("start_tls", False)
    try:
        host, port = url.hostname, url.port or (636 if tls else 389)
    except ValueError:
        host, port = None, 0
    if url.scheme not in ("ldap", "ldaps") or not host or url.path.strip("/") or url.query or url.username:
        raise BadOption("url", "ldaps://HOST[:PORT] or ldap://HOST[:PORT]")
    if not tls and not start_tls and host not in ("localhost", "127.0.0.1", "::1"):
        raise BadOption("url", "ldaps://, or start_tls = true: the password must not cross the network in clear")
    if tls and start_tls:
        raise BadOption("start_tls", "ldap:// beside it: ldaps:// is encrypted from the first byte")
    return _Place(
        host=host,
        port=port,
        tls=tls,
        start_tls=start_tls,
        ca_file=options.path("ca_file", None),
        bind_dn=options.text("bind_dn"),
        password_file=options.path("password_file"),
        base=options.text("base"),
        filter=options.text("filter", PEOPLE),
        page=options.whole("page_size", 500, least=1, most=10_000),
    )


def _expiry_lines(expires_in_s: int | None) -> Iterator[CheckLine]:
    if expires_in_s is not None and timedelta(seconds=expires_in_s) < SOON:
        yield CheckLine("warning", "log-in", f"the account's password expires in {expires_in_s // 86400} days")


def _paging_line(has_paging: bool) -> CheckLine:
    if has_paging:
        return CheckLine("ok", "paging", "the server pages its answers")
    return CheckLine("failed", "paging", "the server does not offer paged results: a large list would be cut off")


def _rights_lines(entries: Sequence[DirectoryEntry], shown: int) -> Iterator[CheckLine]:
    for what, *attributes in (("password ages", "pwdChangedTime"), ("last log-ins", "pwdLastSuccess", "authTimestamp")):
        seen = sum(1 for entry in entries if any(entry.text(attribute) for attribute in attributes))
        if seen:
            yield CheckLine("ok", what, f"{' or '.join(attributes)} is seen on {seen} of {len(entries)} entries")
        else:
            yield CheckLine("warning", what, f"no entry shows {' or '.join(attributes)}: not kept, or hidden from us")
    if shown:
        yield CheckLine("warning", "too many rights", f"this account may read the password hashes of {shown} entries")
    else:
        yield CheckLine("ok", "password hashes", "this account does not see them")
