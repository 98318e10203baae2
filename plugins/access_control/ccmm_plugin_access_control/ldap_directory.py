"""Reading a directory: bind, paged search, unbind, and nothing else. Every failure is a SourceUnavailable.

A search that gives only a part of the entries (size limit, time limit, referral to another server) is LIMITED: a
smaller directory is never returned.
"""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self, TypeAlias

from ldap3 import NONE, SIMPLE, Connection, Server, Tls
from ldap3.core.exceptions import LDAPException, LDAPInvalidFilterError

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_access_control.ldap_answers import (
    PAGED_RESULTS,
    PASSWORD_POLICY,
    cause,
    next_cookie,
    policy_answer,
    refused_bind,
    refused_search,
)
from ccmm_plugin_access_control.ldap_entries import DirectoryEntry, Part, domain_of, parse_range, referred

ACTIVE_DIRECTORY = "1.2.840.113556.1.4.800"  # LDAP_CAP_ACTIVE_DIRECTORY_OID
MAX_ENTRIES = 500_000
MAX_VALUES = 1_000_000  # of one attribute of one entry
STEP = 1000  # values asked for at once: Microsoft's advice for all versions of Windows
TIMEOUT_S = 30
Scope: TypeAlias = Literal["BASE", "SUBTREE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where the directory is and who looks. `ca_file` None: the authorities of this machine."""

    host: str
    port: int
    tls: bool  # from the first byte (ldaps)
    start_tls: bool
    ca_file: Path | None
    bind_dn: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What is looked at: the entries below `base` that fit `filter`, `page` at a time."""

    base: str
    filter: str
    page: int


@dataclass(frozen=True, slots=True)
class _Search:
    """What is asked; `page` 0: without the paged-results control."""

    base: str
    filter: str
    attributes: tuple[str, ...]
    scope: Scope
    page: int
    types_only: bool = False
    passed: frozenset[str] = frozenset()  # DNs that referrals may name: what lies there is not missed
    called: str = ""  # what to say in place of the base, where that could name a person


class _VerifiedTls(Tls):
    """ldap3 checks names by ssl.match_hostname, which Python has dropped; here the TLS library itself checks them."""

    def wrap_socket(self, connection: Connection, do_handshake: bool = False) -> None:
        context = ssl.create_default_context(cafile=self.ca_certs_file)
        connection.socket = context.wrap_socket(
            connection.socket, server_hostname=connection.server.host, do_handshake_on_connect=do_handshake
        )


class Directory:
    """An open connection of one account, read-only. Use as a context."""

    def __init__(self, account: Account) -> None:
        self.password_expires_in_s: int | None = None  # where the server warns of it
        self._account = account
        self._connection = _connection(account)

    def __enter__(self) -> Self:
        try:
            self._open()
        except LDAPException as error:
            self._close()
            raise SourceUnavailable(Reason.UNREACHABLE, f"{self._account.host}: {cause(error)}") from error
        except SourceUnavailable:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        with suppress(LDAPException, OSError):
            self._connection.unbind()
        if self._connection.socket is not None:  # ldap3 leaves it open where opening failed
            self._connection.socket.close()

    def has_paging(self) -> bool:
        """Does the server say that it knows the paged-results control?"""
        return PAGED_RESULTS in self.root("supportedControl").texts("supportedControl")

    def is_active_directory(self) -> bool:
        """Does the server say that it is a domain controller? Those say so to everybody, other servers need not."""
        try:
            return ACTIVE_DIRECTORY in self.root("supportedCapabilities").texts("supportedCapabilities")
        except SourceUnavailable as error:
            if error.reason in (Reason.NOT_FOUND, Reason.REFUSED):
                return False
            raise

    def root(self, *attributes: str) -> DirectoryEntry:
        """What the server says of itself; an empty entry where it says nothing."""
        found = self.entries("", "(objectClass=*)", attributes, scope="BASE", page=0)
        return found[0] if found else DirectoryEntry("", {})

    def entries(
        self,
        base: str,
        filter: str,
        attributes: Sequence[str],
        *,
        scope: Scope = "SUBTREE",
        page: int = 500,
        passed: frozenset[str] = frozenset(),
    ) -> list[DirectoryEntry]:
        """All entries, page by page (`page` 0: without the control). Raises SourceUnavailable, also for a part.

        Referrals to the DNs `passed` are passed over. Long lists that came in parts (`member;range=0-999`) are whole.
        """
        found = list(self._pages(_Search(base, filter, tuple(attributes), scope, page, passed=passed)))
        return [self._whole(entry) for entry in found]

    def people(
        self, where: Where, attributes: Sequence[str], *, passed: frozenset[str] = frozenset()
    ) -> list[DirectoryEntry]:
        """The entries that are accounts; at least one, and of a base that may be read."""
        if not self.entries(where.base, "(objectClass=*)", ["objectClass"], scope="BASE", page=0):
            # An account that may not see the top sees at most a part of what is below, and nothing says which.
            raise SourceUnavailable(Reason.REFUSED, f"this account may not read {where.base} itself")
        found = self.entries(where.base, where.filter, attributes, page=where.page, passed=passed)
        if not found:
            raise SourceUnavailable(Reason.NOT_FOUND, f"no entry below {where.base} fits the filter, or may be seen")
        return found

    def stream(
        self, where: Where, attributes: Sequence[str], *, passed: frozenset[str] = frozenset()
    ) -> Iterator[DirectoryEntry]:
        """The same one by one, with lists as they come: for attributes that are too large to hold for all entries."""
        return self._pages(_Search(where.base, where.filter, tuple(attributes), "SUBTREE", where.page, passed=passed))

    def showing(self, where: Where, attribute: str, *, passed: frozenset[str] = frozenset()) -> int:
        """How many entries would show an attribute. Its values are not asked for."""
        search = _Search(where.base, where.filter, (attribute,), "SUBTREE", where.page, types_only=True, passed=passed)
        return sum(1 for entry in self._pages(search) if attribute.lower() in entry.values)

    def _whole(self, entry: DirectoryEntry) -> DirectoryEntry:
        parts = {name: part for name in entry.values if (part := parse_range(name))}
        if not parts:
            return entry
        values = {name: list(found) for name, found in entry.values.items() if name not in parts}
        for name, part in parts.items():
            values.setdefault(part.attribute, []).extend(entry.values[name])
            values[part.attribute].extend(self._rest(entry.dn, part))
        return DirectoryEntry(entry.dn, values)

    def _rest(self, dn: str, part: Part) -> Iterator[bytes]:
        """The values behind a part, step by step until the server says that the end is reached."""
        while part.last is not None:
            wanted = part.last + 1
            asked = f"{part.attribute};range={wanted}-{wanted + STEP - 1}"
            search = _Search(dn, "(objectClass=*)", (asked,), "BASE", 0, called="an entry with a long list")
            came = {name: values for entry in self._pages(search) for name, values in entry.values.items()}
            parts = [(found, values) for name, values in came.items() if (found := parse_range(name))]
            fits = [one for one in parts if (one[0].attribute, one[0].first) == (part.attribute, wanted)]
            if not fits or wanted > MAX_VALUES:
                raise SourceUnavailable(
                    Reason.LIMITED, f"only the first {wanted} values of {part.attribute} of an entry were given"
                )
            part, values = fits[0]
            yield from values

    def _pages(self, search: _Search) -> Iterator[DirectoryEntry]:
        cookie: bytes | None = None
        got = 0
        while True:
            self._ask(search, cookie)
            for entry in self._taken(search.passed):
                got += 1
                yield entry
            if got > MAX_ENTRIES:
                raise SourceUnavailable(Reason.LIMITED, f"more than {MAX_ENTRIES} entries below {search.base}")
            cookie = next_cookie(self._connection.result) if search.page else None
            if not cookie:
                return

    def _open(self) -> None:
        connection = self._connection
        connection.open(read_server_info=False)
        if self._account.start_tls:
            connection.start_tls(read_server_info=False)
        policy = [(PASSWORD_POLICY, False, None)]
        if not connection.bind(read_server_info=False, controls=policy):
            raise refused_bind(connection.result)
        self.password_expires_in_s = policy_answer(connection.result).expires_in_s

    def _ask(self, search: _Search, cookie: bytes | None) -> None:
        try:
            self._connection.search(
                search.base,
                search.filter,
                search_scope=search.scope,
                attributes=list(search.attributes),
                types_only=search.types_only,
                paged_size=search.page or None,
                paged_cookie=cookie,
                paged_criticality=bool(search.page),
            )
        except LDAPInvalidFilterError as error:
            raise SourceUnavailable(Reason.BAD_OPTION, f"the filter {search.filter} is not understood") from error
        except LDAPException as error:
            raise SourceUnavailable(Reason.UNREACHABLE, f"the search broke off: {cause(error)}") from error
        code = int(self._connection.result["result"])
        if code != 0:
            raise refused_search(code, search.called or search.base, len(self._connection.response or ()))

    def _taken(self, passed: frozenset[str]) -> Iterator[DirectoryEntry]:
        for answer in self._connection.response or ():
            if answer["type"] == "searchResRef":
                _refuse_referral(answer["uri"], passed)
            if answer["type"] == "searchResEntry":
                raw = answer["raw_attributes"]
                yield DirectoryEntry(answer["dn"], {name.lower(): list(values or ()) for name, values in raw.items()})


def _refuse_referral(uris: Sequence[str], passed: frozenset[str]) -> None:
    """Raises SourceUnavailable unless all places are in `passed`."""
    elsewhere = ({referred(uri) for uri in uris} or {""}) - passed
    if elsewhere:
        to = ", ".join(sorted(domain_of(dn) for dn in elsewhere)) or "it"
        mend = ": let another source read that one, and name it in other_domains" if passed else ""
        raise SourceUnavailable(
            Reason.LIMITED, f"a part of the directory is on another server (referral to {to}){mend}"
        )


def _connection(account: Account) -> Connection:
    tls = None
    if account.tls or account.start_tls:
        ca_file = str(account.ca_file) if account.ca_file else None
        tls = _VerifiedTls(validate=ssl.CERT_REQUIRED, ca_certs_file=ca_file)
    server = Server(
        account.host, port=account.port, use_ssl=account.tls, tls=tls, get_info=NONE, connect_timeout=TIMEOUT_S
    )
    return Connection(
        server,
        user=account.bind_dn,
        password=account.password,
        authentication=SIMPLE,
        auto_bind="NONE",
        auto_referrals=False,
        auto_range=False,  # it would pass over a part that does not come
        check_names=False,
        read_only=True,
        receive_timeout=TIMEOUT_S,
        return_empty_attributes=False,
    )
