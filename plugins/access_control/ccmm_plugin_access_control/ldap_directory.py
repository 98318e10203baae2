"""Reading a directory: bind, paged search, unbind, and nothing else. Every failure is a SourceUnavailable.

A search that gives only a part of the entries (size limit, time limit, referral to another server) is LIMITED: a
smaller directory is never returned.
"""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self, TypeAlias

from ldap3 import NONE, SIMPLE, Connection, Server, Tls
from ldap3.core.exceptions import LDAPException, LDAPInvalidFilterError

from ccmm_agent.plugin import Reason, SourceUnavailable

PAGED_RESULTS = "1.2.840.113556.1.4.319"  # RFC 2696
MAX_ENTRIES = 500_000
TIMEOUT_S = 30
Scope: TypeAlias = Literal["BASE", "SUBTREE"]
_PASSWORD_POLICY = "1.3.6.1.4.1.42.2.27.8.5.1"  # noqa: S105 - a control's OID
_POLICY_ERRORS = {
    0: "Password expired",
    1: "Account locked",
    2: "Password must be changed",
}  # draft-behera, section 6.2
_LIMITS = {3: "time limit", 4: "size limit", 9: "referral", 10: "referral", 11: "administrative limit", 12: "no paging"}
_BUSY = {51: "busy", 52: "unavailable", 80: "internal error"}
_MISSING = 32


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


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """One entry: attribute names in lower case, values as the server gave them."""

    dn: str
    values: Mapping[str, Sequence[bytes]]

    def texts(self, attribute: str) -> list[str]:
        """The values of an attribute that are text, in order of the alphabet; none where it is absent."""
        found = self.values.get(attribute.lower(), ())
        return sorted(text for value in found if (text := value.decode("utf-8", "replace").strip()))

    def text(self, attribute: str) -> str | None:
        """The first of `texts`."""
        return next(iter(self.texts(attribute)), None)


@dataclass(frozen=True, slots=True)
class _Search:
    """What is asked; `page` 0: without the paged-results control."""

    base: str
    filter: str
    attributes: tuple[str, ...]
    scope: Scope
    page: int
    types_only: bool = False


@dataclass(frozen=True, slots=True)
class PolicyAnswer:
    """What the password policy says beside the answer to a log-in."""

    error: int | None = None
    expires_in_s: int | None = None


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
            raise SourceUnavailable(Reason.UNREACHABLE, f"{self._account.host}: {_cause(error)}") from error
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
        found = self.entries("", "(objectClass=*)", ["supportedControl"], scope="BASE", page=0)
        return any(PAGED_RESULTS in entry.texts("supportedControl") for entry in found)

    def entries(
        self, base: str, filter: str, attributes: Sequence[str], *, scope: Scope = "SUBTREE", page: int = 500
    ) -> list[DirectoryEntry]:
        """All entries, page by page (`page` 0: without the control). Raises SourceUnavailable, also for a part."""
        return list(self._pages(_Search(base, filter, tuple(attributes), scope, page)))

    def showing(self, base: str, filter: str, attribute: str, *, page: int = 500) -> int:
        """How many entries would show an attribute. Its values are not asked for and never travel."""
        found = self._pages(_Search(base, filter, (attribute,), "SUBTREE", page, types_only=True))
        return sum(1 for entry in found if attribute.lower() in entry.values)

    def _pages(self, search: _Search) -> Iterator[DirectoryEntry]:
        cookie: bytes | None = None
        got = 0
        while True:
            self._ask(search, cookie)
            for entry in self._taken():
                got += 1
                yield entry
            if got > MAX_ENTRIES:
                raise SourceUnavailable(Reason.LIMITED, f"more than {MAX_ENTRIES} entries below {search.base}")
            cookie = _next_cookie(self._connection.result) if search.page else None
            if not cookie:
                return

    def _open(self) -> None:
        connection = self._connection
        connection.open(read_server_info=False)
        if self._account.start_tls:
            connection.start_tls(read_server_info=False)
        policy = [(_PASSWORD_POLICY, False, None)]
        if not connection.bind(read_server_info=False, controls=policy):
            raise _refused_bind(connection.result)
        self.password_expires_in_s = _policy_answer(connection.result).expires_in_s

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
            raise SourceUnavailable(Reason.UNREACHABLE, f"the search broke off: {_cause(error)}") from error
        code = int(self._connection.result["result"])
        if code != 0:
            raise _refused_search(code, search.base, len(self._connection.response or ()))

    def _taken(self) -> Iterator[DirectoryEntry]:
        for answer in self._connection.response or ():
            if answer["type"] == "searchResRef":
                raise SourceUnavailable(Reason.LIMITED, "a part of the directory is on another server (referral)")
            if answer["type"] == "searchResEntry":
                raw = answer["raw_attributes"]
                yield DirectoryEntry(answer["dn"], {name.lower(): list(values or ()) for name, values in raw.items()})


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
        check_names=False,
        read_only=True,
        receive_timeout=TIMEOUT_S,
        return_empty_attributes=False,
    )


def _next_cookie(result: Mapping[str, object]) -> bytes | None:
    controls = result.get("controls")
    control = controls.get(PAGED_RESULTS) if isinstance(controls, Mapping) else None
    if control is None:
        raise SourceUnavailable(Reason.LIMITED, "the server ignored the paged-results control")
    cookie = control["value"]["cookie"]
    return bytes(cookie) if cookie else None


def _refused_bind(result: Mapping[str, object]) -> SourceUnavailable:
    """Code 49 says no more than "invalid credentials"; why, the password-policy control tells."""
    code = int(str(result["result"]))
    if code in _BUSY:
        return SourceUnavailable(Reason.UNREACHABLE, f"the directory is {_BUSY[code]} (result code {code})")
    error = _policy_answer(result).error
    why = str(result["description"]) if error is None else _POLICY_ERRORS.get(error, f"policy error {error}")
    return SourceUnavailable(Reason.REFUSED, f"the directory refuses the log-in: {why} (result code {code})")


def _policy_answer(result: Mapping[str, object]) -> PolicyAnswer:
    controls = result.get("controls")
    control = controls.get(_PASSWORD_POLICY) if isinstance(controls, Mapping) else None
    return parse_policy_answer(control["value"]) if control else PolicyAnswer()


def parse_policy_answer(value: bytes) -> PolicyAnswer:
    """The control's value: SEQUENCE { [0] CHOICE { [0] seconds, [1] log-ins } OPTIONAL, [1] ENUMERATED OPTIONAL }.

    Of a value of another shape nothing is told.
    """
    fields = dict(_elements(value[2:])) if value[:1] == b"\x30" else {}
    warning = dict(_elements(fields.get(0xA0, b"")))
    error, expires = fields.get(0x81), warning.get(0x80)
    return PolicyAnswer(
        int.from_bytes(error, "big") if error else None, int.from_bytes(expires, "big") if expires else None
    )


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of BER elements of short length."""
    while len(data) >= 2 and data[1] < 128:
        yield data[0], data[2 : 2 + data[1]]
        data = data[2 + data[1] :]


def _refused_search(code: int, base: str, got: int) -> SourceUnavailable:
    if code in _LIMITS:
        return SourceUnavailable(
            Reason.LIMITED, f"only a part was given: {_LIMITS[code]} (result code {code}) after {got} entries"
        )
    if code == _MISSING:
        return SourceUnavailable(Reason.NOT_FOUND, f"{base} is not there, or this account may not see it")
    if code in _BUSY:
        return SourceUnavailable(Reason.UNREACHABLE, f"the directory is {_BUSY[code]} (result code {code})")
    return SourceUnavailable(Reason.REFUSED, f"the search below {base} is refused (result code {code})")


def _cause(error: LDAPException) -> str:
    """What the socket or the TLS library said."""
    text = str(error).strip("()\"', ") or type(error).__name__
    return text.splitlines()[0][:200]
