"""TLS of both ports: the server's certificate is changed at half its life while `serve` runs, open streams stay."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import grpc

from ccmm_collector.authority import Authority, utc_now
from ccmm_proto.errors import BadConfig

logger = logging.getLogger(__name__)

LOOK_EVERY = timedelta(hours=1)
WARN_BEFORE = timedelta(days=90)


class ServerTls:
    """Asked by gRPC at every handshake, from its own threads."""

    def __init__(self, authority: Authority, clock: Callable[[], datetime] = utc_now) -> None:
        self._authority = authority
        self._clock = clock
        self._lock = threading.Lock()
        self._look_again = clock() + LOOK_EVERY
        self._files = authority.server_files(clock())
        self._warn()

    def credentials(self, *, clients: bool) -> grpc.ServerCredentials:
        """For a port; `clients`: only clients with a certificate of ours are let in."""
        trust = self._authority.trust if clients else None
        newer, first = self.changes(), self.current()

        def configuration() -> grpc.ServerCertificateConfiguration | None:
            files = newer()
            return None if files is None else grpc.ssl_server_certificate_configuration([files], trust)

        initial = grpc.ssl_server_certificate_configuration([first], trust)
        return grpc.dynamic_ssl_server_credentials(initial, configuration, clients)  # type: ignore[arg-type]  # None is documented

    def changes(self) -> Callable[[], tuple[bytes, bytes] | None]:
        """A function that gives `current` where it is another one than last time, else None.

        gRPC frees what it used before while handshakes in other threads still use it (grpc issue 36693): answered with
        the same certificate at every handshake, strangers who knock often enough bring the process down.
        """
        shown = self.current()

        def newer() -> tuple[bytes, bytes] | None:
            nonlocal shown
            files = self.current()
            if files == shown:
                return None
            shown = files
            return files

        return newer

    def current(self) -> tuple[bytes, bytes]:
        """Key and chain (PEM) to show now."""
        with self._lock:
            now = self._clock()
            if now >= self._look_again:
                self._look_again = now + LOOK_EVERY
                self._renew(now)
            return self._files

    def _renew(self, now: datetime) -> None:
        self._warn()
        try:
            self._files = self._authority.server_files(now)
        except (BadConfig, OSError) as error:  # the certificate at hand may still do
            logger.error("server certificate not renewed", extra={"error": str(error)})

    def _warn(self) -> None:
        left = self._authority.issuing.not_valid_after_utc - self._clock()
        if left < WARN_BEFORE:
            logger.warning("issuing key runs out: run ccmm-collector renew-ca", extra={"days": left.days})
