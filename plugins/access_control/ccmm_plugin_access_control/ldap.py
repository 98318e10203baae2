"""The `ldap` source: each run states the whole list of accounts of a directory, or why it could not.

Two schemas are known: OpenLDAP's with its password policy (ldap_open), and Active Directory's (ad_domain).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Protocol, Self
from urllib.parse import urlsplit

from ccmm_agent.facts import inventory
from ccmm_agent.plugin import (
    BadOption,
    CheckLine,
    Done,
    Manifest,
    Observation,
    Options,
    Source,
    Window,
    hookimpl,
)
from ccmm_agent.secret_file import load_password, password_line
from ccmm_plugin_access_control import ad_domain, ldap_open
from ccmm_plugin_access_control.ad_domain import ActiveDirectory
from ccmm_plugin_access_control.ldap_directory import Account, Directory, Where
from ccmm_plugin_access_control.ldap_facts import Reading
from ccmm_plugin_access_control.ldap_open import OpenLdap

FLAGS = ("privileged", "customer_data", "remote")
GLOBAL_CATALOGUE = (3268, 3269)
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


class Schema(Protocol):
    """What the entries of a directory mean, and which are asked for."""

    def accounts(self, directory: Directory, now: datetime) -> list[tuple[str, dict[str, object]]]:
        """The whole list: account name and attributes. Raises SourceUnavailable."""

    def check(self, directory: Directory, now: datetime) -> Iterator[CheckLine]:
        """What the account that looks sees, and whether it may do more than look."""


class Ldap(Source):
    """Accounts of a directory, as a read-only account of it sees them."""

    plugin: ClassVar[str] = "ldap"
    value: ClassVar[int] = 80
    feeds: ClassVar[tuple[str, ...]] = ("account",)
    example: ClassVar[str] = """
# Accounts of an OpenLDAP directory or of a domain of Active Directory, by a read-only account: docs/plugins/ldap.md.
[[source]]
name = "directory"
plugin = "ldap"
every = "1h"
url = "ldaps://ldap.example:636"          # or ldap://... with start_tls = true
bind_dn = "uid=svc-compliance,ou=services,dc=contact,dc=example"
password_file = "/etc/ccmm/directory.password"   # readable for the agent's account only
base = "dc=contact,dc=example"
system = "directory"                      # what the rules call this system
# schema = "active_directory"             # or "openldap", which holds where it is left out
# ca_file = "/etc/ccmm/directory-ca.pem"  # without it: the authorities that this machine trusts
# start_tls = true
# filter = "(|(objectClass=inetOrgPerson)(objectClass=account))"
# account = "uid"                         # Active Directory: "sAMAccountName"
# person = ["employeeNumber"]             # the first that is there; the same number as in the HR list
# mfa = "oathTokenSerial"                 # the attribute that a second factor leaves
# disabled = "departureTime"              # the attribute that holds when an account was disabled, if there is one
# privileged_groups = ["admins", "cn=it-operations,ou=groups,dc=contact,dc=example"]
# customer_data_groups = ["card-data-access"]
# remote_groups = ["vpn"]
# service_bases = ["ou=services,dc=contact,dc=example"]
# service_accounts = ["svc-fax"]
# default_policy = "cn=default,ou=policies,dc=contact,dc=example"   # openldap only: its ppolicy_default
# other_domains = ["branch.center.example"]   # active_directory only: child domains that other sources read
# page_size = 500
"""

    def __init__(self, place: _Place, schema: Schema) -> None:
        self._place = place
        self._schema = schema

    @classmethod
    def from_options(cls, options: Options) -> Self:
        word = options.text("schema", "openldap")
        if word not in _SCHEMAS:
            raise BadOption("schema", f"one of {', '.join(_SCHEMAS)}")
        place = _place(options)
        if word == "active_directory" and place.port in GLOBAL_CATALOGUE:
            raise BadOption("url", "port 636 or 389: the global catalogue (3268, 3269) lacks most of what is read")
        return cls(place, _SCHEMAS[word](options))

    def manifest(self) -> Manifest:
        place = self._place
        files = (place.password_file, *((place.ca_file,) if place.ca_file else ()))
        return Manifest(files=files, endpoints=((place.host, place.port),))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        with self._open() as directory:
            found = self._schema.accounts(directory, window.now)
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
            yield from self._schema.check(directory, window.now)

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


def _openldap(options: Options) -> OpenLdap:
    where = Where(base=options.text("base"), filter=options.text("filter", ldap_open.PEOPLE), page=_page_size(options))
    return OpenLdap(where, _reading(options, "uid", ("employeeNumber",)), options.text("default_policy", None))


def _active_directory(options: Options) -> ActiveDirectory:
    where = Where(base=options.text("base"), filter=options.text("filter", ad_domain.PEOPLE), page=_page_size(options))
    reading = _reading(options, "sAMAccountName", ("employeeID", "employeeNumber"))
    return ActiveDirectory(where, reading, options.texts("other_domains", ()))


_SCHEMAS: Mapping[str, Callable[[Options], Schema]] = {"openldap": _openldap, "active_directory": _active_directory}


def _reading(options: Options, account: str, person: tuple[str, ...]) -> Reading:
    return Reading(
        system=options.text("system"),
        account=options.text("account", account),
        person=options.texts("person", person),
        mfa=options.text("mfa", None),
        disabled=options.text("disabled", None),
        flags={flag: options.texts(f"{flag}_groups", ()) for flag in FLAGS},
        service_bases=options.texts("service_bases", ()),
        service_accounts=options.texts("service_accounts", ()),
    )


def _page_size(options: Options) -> int:
    return options.whole("page_size", 500, least=1, most=10_000)


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
    )


def _expiry_lines(expires_in_s: int | None) -> Iterator[CheckLine]:
    if expires_in_s is not None and timedelta(seconds=expires_in_s) < SOON:
        yield CheckLine("warning", "log-in", f"the account's password expires in {expires_in_s // 86400} days")


def _paging_line(has_paging: bool) -> CheckLine:
    if has_paging:
        return CheckLine("ok", "paging", "the server pages its answers")
    return CheckLine("failed", "paging", "the server does not offer paged results: a large list would be cut off")
