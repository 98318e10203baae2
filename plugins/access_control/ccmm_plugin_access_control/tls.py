"""The `tls` source: which versions of TLS and which weak suites every listed port accepts, and until when its
certificate is valid.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Final, Self

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
from ccmm_plugin_access_control.tls_ask import Accepted, Endpoint, accepted_by, why_not_trusted

FIRST_LOOK: Final = timedelta(seconds=1)  # what the first list vouches for before itself
SOON: Final = timedelta(days=30)
MOST: Final = 200
_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls(Source):
    """Ports that have to be encrypted, as anybody who connects sees them."""

    plugin: ClassVar[str] = "tls"
    value: ClassVar[int] = 40
    feeds: ClassVar[tuple[str, ...]] = ("endpoint",)
    example: ClassVar[str] = """
# What every listed port accepts of TLS, asked from where the agent stands: docs/plugins/tls.md.
[[source]]
name = "encrypted_ports"
plugin = "tls"
every = "6h"
# ca_file = "/etc/ccmm/own-ca.pem"   # for `check`: without it the authorities that this machine trusts
# call_timeout = "5s"                # for one question; each port is asked up to eleven

[source.endpoints]                   # the name that leaves the center = host:port; all that have to be encrypted
crm = "crm.center.example:443"
directory = "ldap.center.example:636"
"""

    endpoints: tuple[Endpoint, ...]
    ca_file: Path | None = None
    timeout_s: float = 5.0

    @classmethod
    def from_options(cls, options: Options) -> Self:
        listed = options.table("endpoints")
        endpoints = tuple(_endpoint(name, listed.text(name)) for name in listed.keys())  # noqa: SIM118 - no mapping
        if not 0 < len(endpoints) <= MOST:
            raise BadOption("endpoints", f"1 to {MOST} lines")
        timeout_s = options.seconds("call_timeout", 5)
        if timeout_s > 10:
            raise BadOption("call_timeout", "at most 10s")
        return cls(endpoints=endpoints, ca_file=options.path("ca_file", None), timeout_s=float(timeout_s))

    def manifest(self) -> Manifest:
        places = sorted({(endpoint.host, endpoint.port) for endpoint in self.endpoints})
        return Manifest(files=(self.ca_file,) if self.ca_file else (), endpoints=tuple(places))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        found = self._ask()
        entries = [
            (
                name,
                {
                    "protocol": "tls",
                    "tls_minor": accepted.tls_minor,
                    "weak_suites": accepted.weak,
                    "encrypted": bool(accepted.versions),
                    "expires": accepted.expires,
                },
            )
            for name, accepted in found.items()
        ]
        yield inventory("endpoint", window.now, entries)
        since = parse_cursor(window.cursor, window.now) or window.now - FIRST_LOOK
        yield Done((since, window.now), f"{window.now.timestamp():.3f}".encode())

    def check(self, window: Window) -> Iterator[CheckLine]:
        found = self._ask()
        for endpoint in self.endpoints:
            accepted = found[endpoint.name]
            yield _version_line(endpoint.name, accepted)
            if not accepted.versions:
                continue
            if accepted.weak:
                yield CheckLine("warning", endpoint.name, "takes a weak suite (RC4, 3DES, export, NULL, anonymous)")
            yield _expiry_line(endpoint.name, accepted, window.now)
            why = why_not_trusted(endpoint, self.timeout_s, str(self.ca_file) if self.ca_file else None)
            if why is not None:
                yield CheckLine("warning", endpoint.name, f"its certificate is not trusted from here: {why}")

    def _ask(self) -> dict[str, Accepted]:
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            found = pool.map(lambda endpoint: accepted_by(endpoint, self.timeout_s), self.endpoints)
            return {endpoint.name: one for endpoint, one in zip(self.endpoints, found, strict=True)}


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Tls)


def parse_cursor(cursor: bytes, now: datetime) -> datetime | None:
    """When the last list was made; None where there was none, or it says a time after now."""
    try:
        before = datetime.fromtimestamp(float(cursor), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return before if before < now else None


def _endpoint(name: str, written: str) -> Endpoint:
    host, colon, port = written.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    is_host = bool(host) and host.isascii() and host.isprintable() and not set(host) & set(" /@[]")
    if not colon or not is_host or not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        raise BadOption(f"endpoints.{name[:100]}", "host:port")
    return Endpoint(name, host, int(port))


def _version_line(name: str, accepted: Accepted) -> CheckLine:
    if not accepted.versions:
        return CheckLine("failed", name, "answers, and not in TLS: encrypt it, or take it off the list")
    if accepted.tls_minor < 0:
        return CheckLine("failed", name, "still accepts SSL 3.0: turn it off")
    if accepted.tls_minor < 2:
        return CheckLine("failed", name, f"still accepts TLS 1.{accepted.tls_minor}: turn off what is below TLS 1.2")
    return CheckLine("ok", name, f"accepts nothing below TLS 1.{accepted.tls_minor}")


def _expiry_line(name: str, accepted: Accepted, now: datetime) -> CheckLine:
    if accepted.expires is None:
        return CheckLine("warning", name, "shows no certificate to whom it does not know")
    told = f"its certificate is valid until {accepted.expires:%Y-%m-%d}"
    return CheckLine("warning" if accepted.expires < now + SOON else "ok", name, told)
