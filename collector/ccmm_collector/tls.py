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

        def configuration() -> grpc.ServerCertificateConfiguration:
            trust = self._authority.trust if clients else None
            return grpc.ssl_server_certificate_configuration([self.current()], trust)

        return grpc.dynamic_ssl_server_credentials(configuration(), configuration, clients)

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
