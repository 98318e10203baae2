"""The enrollment port: joining with a token, renewing with the evidence key. TLS, but nobody is known yet."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ccmm_collector import enrolled, store
from ccmm_collector.authority import Authority
from ccmm_collector.codes import abort
from ccmm_collector.enrollment import Admitted, check_enrolled, enrolling, parse_enroll, renewing, verify_renewal
from ccmm_collector.log import EvidenceLog
from ccmm_collector.transaction import Transaction
from ccmm_proto.errors import CcmmError, Malformed, Permanent, StoreFull
from ccmm_proto.v1 import service_pb2 as pb
from ccmm_proto.wire import parse_message

logger = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[bytes, bytes]
T = TypeVar("T")

MAX_REQUEST_BYTES = 64 << 10
NONCE_BYTES = 32
ANSWER_SECONDS = 30.0  # a nonce that is not answered by then is worth nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """What every agent is told about this collector."""

    trust_domain: str
    evidence_host: str
    evidence_port: int
    receipt_key: Ed25519PublicKey
    log_key: Ed25519PublicKey


class EnrollmentService:
    """`ccmm.v1.Enrollment`."""

    def __init__(self, log: EvidenceLog, authority: Authority, welcome: Welcome) -> None:
        self._log = log
        self._authority = authority
        self._welcome = welcome

    def handlers(self) -> grpc.GenericRpcHandler:
        """Requests arrive as bytes, so that what is malformed gets an answer with a name."""
        return grpc.method_handlers_generic_handler(
            "ccmm.v1.Enrollment",
            {
                "Enroll": grpc.unary_unary_rpc_method_handler(self.enroll),
                "Renew": grpc.stream_stream_rpc_method_handler(self.renew),
            },
        )

    async def enroll(self, message: bytes, context: Context) -> bytes:
        """A token becomes an identity."""
        try:
            guest = parse_enroll(parse_message(pb.EnrollRequest, message))
            admitted = await self._write(enrolling(guest, self._authority))
        except CcmmError as error:
            await self._refuse(context, error)
        logger.info("agent enrolled", extra={"center": admitted.center, "agent": admitted.agent})
        return self._response(admitted).SerializeToString()

    async def renew(self, _messages: object, context: Context) -> None:
        """Claim, nonce, proof, certificate; works after expiry too, and not after revocation."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                claim = (await _step(context, "claim")).claim
                reader = self._log.reader()
                found = enrolled.find_agent(reader, claim.center, claim.agent)
                agent = check_enrolled(found, claim.center, claim.agent)
                nonce = secrets.token_bytes(NONCE_BYTES)  # lives in this call only
                await context.write(pb.RenewResponse(nonce=nonce).SerializeToString())
                proof = (await _step(context, "proof")).proof
            request = verify_renewal(claim, agent, nonce, proof)
            admitted = await self._write(renewing(claim.center, claim.agent, request, self._authority))
        except TimeoutError:
            await self._refuse(context, Malformed("renew: no proof came in time"))
        except CcmmError as error:
            await self._refuse(context, error)
        await context.write(pb.RenewResponse(renewed=self._response(admitted)).SerializeToString())
        logger.info("agent renewed", extra={"center": admitted.center, "agent": admitted.agent})

    async def _write(self, job: Callable[[Transaction], T]) -> T:
        return await asyncio.wrap_future(self._log.write(job))

    async def _refuse(self, context: Context, error: CcmmError) -> None:
        logger.warning("enrollment refused", extra={"error": error.name, "peer": context.peer()})
        if isinstance(error, Permanent):
            with suppress(StoreFull):  # a count may be lost, the answer must not
                await self._write(
                    lambda transaction: store.count_refusal(
                        transaction.connection, "", "", error.name, transaction.recorded_ms
                    )
                )
        await abort(context, error)

    def _response(self, admitted: Admitted) -> pb.EnrollResponse:
        welcome = self._welcome
        return pb.EnrollResponse(
            center=admitted.center,
            agent=admitted.agent,
            trust_domain=welcome.trust_domain,
            certificate_chain=admitted.issued.chain,
            root_certificate=self._authority.root_der,
            evidence_host=welcome.evidence_host,
            evidence_port=welcome.evidence_port,
            receipt_key=welcome.receipt_key.public_bytes_raw(),
            log_id=self._log.log_id,
            log_key=welcome.log_key.public_bytes_raw(),
            first_agent=admitted.first_agent,
        )


async def _step(context: Context, step: str) -> pb.RenewRequest:
    message = await context.read()
    if not isinstance(message, bytes):
        raise Malformed(f"renew: the stream ended where a {step} is expected")
    request = parse_message(pb.RenewRequest, message)
    if request.WhichOneof("step") != step:
        raise Malformed(f"renew: a {step} is expected")
    return request
