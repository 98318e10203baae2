"""Keeps the transport certificate alive: renewed at half life, and after it expired."""

import asyncio
import logging
import time
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec

from ccmm_agent import clock
from ccmm_agent.enroll import renew
from ccmm_agent.home import Home
from ccmm_agent.identity import Transport, verify_transport
from ccmm_proto.errors import BadCertificate, CcmmError

log = logging.getLogger(__name__)

MAX_PAUSE_S = 3600.0  # between two attempts while the old certificate still serves


class CertificateKeeper:
    """The present certificate of one agent, and when it was last tried to renew it."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._transport = home.keys.transport()
        self._tried = float("-inf")

    @property
    def transport(self) -> Transport:
        """What the next connection uses."""
        return self._transport

    def is_due(self, at: datetime) -> bool:
        """Past half life, and the last attempt is long enough ago: an hour, or a twentieth of a short life."""
        life = self._transport.not_after - self._transport.half_life
        pause = min(MAX_PAUSE_S, life.total_seconds() / 10)
        return at >= self._transport.half_life and time.monotonic() - self._tried >= pause

    async def ready(self) -> Transport:
        """A certificate to connect with, renewed first where it must be. Raises BadCertificate, Unreachable ..."""
        at = clock.now()
        expired = at > self._transport.not_after
        if expired or self.is_due(at):
            try:
                await self.renew()
            except CcmmError:
                if expired:
                    raise
        verify_transport(self._transport, self._home.enrollment, clock.now())
        return self._transport

    async def renew(self) -> None:
        """A new key and certificate, saved and used from the next connection on. Raises what the collector said."""
        self._tried = time.monotonic()
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            chain = await asyncio.to_thread(renew, self._home.enrollment, self._home.keys.evidence(), key)
        except CcmmError as error:
            log.warning("certificate not renewed", extra={"why": str(error)})
            if not isinstance(error, BadCertificate):
                raise
            raise BadCertificate(f"renewal: {error}") from error
        # Durable after this line: the new pair is used from now on. A crash before: the old pair serves, or is renewed.
        self._home.keys.save_transport(key, chain)
        self._transport = self._home.keys.transport()
        log.info("certificate renewed", extra={"not_after": str(self._transport.not_after)})
