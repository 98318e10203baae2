"""Asking one port which versions of TLS it accepts, and for its certificate. The only module of it that connects."""

import os
import socket
import ssl
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_access_control.tls_hello import TLS10, VERSIONS, format_hello, parse_answer
from ccmm_proto.errors import Malformed

_PIECE_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One listed port, under the name that leaves the center."""

    name: str
    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What a port accepts. `expires` None: it shows no certificate to whom it does not know."""

    versions: tuple[int, ...]  # lowest first; none: no TLS at all
    weak: bool | None  # None: where there is no TLS there are no suites
    expires: datetime | None

    @property
    def tls_minor(self) -> int:
        """Of the lowest version: 2 for TLS 1.2, -1 for SSL and where there is no TLS."""
        return self.versions[0] - TLS10 if self.versions else -1


def accepted_by(endpoint: Endpoint, timeout_s: float) -> Accepted:
    """All of it, asked anew. Raises SourceUnavailable where one question was not answered."""
    try:
        chosen = {version: _chosen(endpoint, version, timeout_s) for version in VERSIONS}
        if all(answer == () for answer in chosen.values()):
            told = f"{endpoint.name}: it closes every connection without a word"
            raise SourceUnavailable(Reason.UNREADABLE, told)
        versions = tuple(version for version in VERSIONS if chosen[version] == version)
        # In each version: some systems keep a list of suites for each.
        took = (isinstance(_chosen(endpoint, each, timeout_s, weak_only=True), int) for each in versions)
        weak = any(took) if versions else None
        expires = _expires(endpoint, timeout_s) if versions else None
    except TimeoutError as error:
        told = f"{endpoint.name}: no answer within {timeout_s:g} s: a firewall, or it hangs"
        raise SourceUnavailable(Reason.TIMEOUT, told) from error
    except OSError as error:
        told = f"{endpoint.name}: {error.strerror or error}: is it there, and may the agent reach it?"
        raise SourceUnavailable(Reason.UNREACHABLE, told) from error
    return Accepted(versions=versions, weak=weak, expires=expires)


def why_not_trusted(endpoint: Endpoint, timeout_s: float, ca_file: str | None) -> str | None:
    """None where this machine, or the holder of `ca_file`, would trust its chain and name today."""
    context = ssl.create_default_context(cafile=ca_file)
    try:
        with (
            closing(socket.create_connection((endpoint.host, endpoint.port), timeout=timeout_s)) as stream,
            context.wrap_socket(stream, server_hostname=endpoint.host),
        ):
            return None
    except ssl.SSLError as error:
        return getattr(error, "verify_message", "") or error.reason or "no TLS there"
    except OSError as error:
        return error.strerror or str(error)


def _chosen(endpoint: Endpoint, version: int, timeout_s: float, *, weak_only: bool = False) -> int | tuple[()] | None:
    """The version that it takes; None where it refuses, or speaks no TLS; () where it closes without a word."""
    deadline = time.monotonic() + timeout_s
    received = b""
    with closing(socket.create_connection((endpoint.host, endpoint.port), timeout=timeout_s)) as stream:
        try:
            stream.sendall(format_hello(version, endpoint.host, os.urandom(32), weak_only=weak_only))
            while (answer := parse_answer(received)) is None:
                if (left := deadline - time.monotonic()) <= 0:
                    raise TimeoutError
                stream.settimeout(left)
                if not (piece := stream.recv(_PIECE_BYTES)):
                    return None if received else ()
                received += piece
        except ConnectionError:
            return None if received else ()
        except Malformed:
            return None
    return answer.version


def _expires(endpoint: Endpoint, timeout_s: float) -> datetime | None:
    """Of the certificate that it shows to anybody, whoever signed it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    name = None if ":" in endpoint.host else endpoint.host
    with closing(socket.create_connection((endpoint.host, endpoint.port), timeout=timeout_s)) as stream:
        try:
            with context.wrap_socket(stream, server_hostname=name) as encrypted:
                shown = encrypted.getpeercert(binary_form=True)
        except (ssl.SSLError, ConnectionError):
            return None
    try:
        return x509.load_der_x509_certificate(shown).not_valid_after_utc if shown else None
    except ValueError:
        return None
