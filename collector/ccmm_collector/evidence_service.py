"""The evidence port: who may come in, by certificate, and which streams are open."""

import asyncio
import logging

import grpc
from cryptography import x509

from ccmm_collector.authority import parse_agent_uri
from ccmm_collector.codes import abort
from ccmm_collector.ingest import Sender
from ccmm_collector.stream import Context, Intake, Stream
from ccmm_proto.errors import BadCertificate, CcmmError, Permanent, Retryable

logger = logging.getLogger(__name__)

STREAMS = 4  # of one agent at a time: one, and those that broke and nobody noticed yet


class EvidenceService:
    """`ccmm.v1.Evidence`: admits agents by their certificates and knows their streams."""

    def __init__(self, intake: Intake, trust_domain: str) -> None:
        self._intake = intake
        self._trust_domain = trust_domain
        self._streams: dict[Stream, None] = {}  # oldest first
        self._draining = False

    def handlers(self) -> grpc.GenericRpcHandler:
        """Messages arrive as bytes, so that a malformed one is refused by name and the next one still taken."""
        return grpc.method_handlers_generic_handler(
            "ccmm.v1.Evidence", {"Submit": grpc.stream_stream_rpc_method_handler(self.submit)}
        )

    async def submit(self, _messages: object, context: Context) -> None:
        """One agent's stream, from its certificate to its last receipt."""
        try:
            if self._draining:
                raise Retryable("the collector is stopping")
            sender = self._admit(context)
        except CcmmError as error:
            logger.warning("stream refused", extra={"error": error.name, "peer": context.peer()})
            await abort(context, error)
        stream = Stream(self._intake, context, sender)
        self._make_room(sender)
        self._streams[stream] = None
        logger.info("stream opened", extra={"center": sender.center, "agent": sender.agent})
        try:
            ended = await stream.run()
        finally:
            self._streams.pop(stream, None)
            logger.info("stream closed", extra={"center": sender.center, "agent": sender.agent})
        if ended is not None:
            await abort(context, ended)

    def end_unwelcome(self, now_ms: int) -> None:
        """End the streams of agents that were revoked or whose certificate ran out since they connected."""
        for stream in tuple(self._streams):
            sender = stream.sender
            try:
                self._intake.roster.admit(sender.center, sender.agent)
                _check_dates(sender, now_ms)
            except Permanent as error:
                logger.warning("stream ended", extra={"error": error.name, "agent": sender.agent})
                stream.end(error)

    def _make_room(self, sender: Sender) -> None:
        """One more stream of an agent ends its oldest ones: however often it connects, it holds only so much memory."""
        name = (sender.center, sender.agent)
        older = [stream for stream in self._streams if (stream.sender.center, stream.sender.agent) == name]
        for stream in older[: max(len(older) + 1 - STREAMS, 0)]:
            logger.warning("oldest stream ended", extra={"center": sender.center, "agent": sender.agent})
            stream.end(Retryable(f"more than {STREAMS} streams of one agent"))

    async def drain(self) -> None:
        """Answer what was received, then end every stream; the agents keep the rest."""
        self._draining = True
        for stream in tuple(self._streams):
            stream.finish(Retryable("the collector is stopping"))
        while self._streams:
            await asyncio.sleep(0.02)

    def _admit(self, context: Context) -> Sender:
        (pem,) = context.auth_context()["x509_pem_cert"]
        sender = parse_certificate(pem, self._trust_domain)
        self._intake.roster.admit(sender.center, sender.agent)
        return sender


def parse_certificate(pem: bytes, trust_domain: str) -> Sender:
    """Which agent this certificate names. TLS has verified its issuer and dates; raises BadCertificate."""
    certificate = x509.load_pem_x509_certificate(pem)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
    except (x509.ExtensionNotFound, ValueError) as error:
        raise BadCertificate("the certificate names no agent") from error
    center, agent = parse_agent_uri(uri, trust_domain)
    not_after_ms = int(certificate.not_valid_after_utc.timestamp() * 1000)
    return Sender(center=center, agent=agent, not_after_ms=not_after_ms)


def _check_dates(sender: Sender, now_ms: int) -> None:
    if sender.not_after_ms < now_ms:
        raise BadCertificate("the certificate has run out: renew it")
