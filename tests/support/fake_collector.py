"""A small collector with behaviour: it enrolls, renews, takes statements, gives receipts, and fails as told."""

import hashlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import grpc
import trustme
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ccmm_proto.chain import ZERO
from ccmm_proto.envelope import ENROLL_TYPE, RENEW_TYPE, STATEMENT_TYPE, pae, verify_envelope
from ccmm_proto.errors import CcmmError
from ccmm_proto.v1 import service_pb2 as pb
from ccmm_proto.v1.service_pb2_grpc import (
    EnrollmentServicer,
    EvidenceServicer,
    add_EnrollmentServicer_to_server,
    add_EvidenceServicer_to_server,
)
from ccmm_proto.v1.statement_pb2 import Statement
from ccmm_proto.wire import MAX_MESSAGE_BYTES, parse_statement, sign_receipt

TRUST_DOMAIN = "test.example"
CENTER = "north"
AGENT = "agent-1"


def raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


@dataclass
class Authority:
    """A CA for both sides: trustme's, with agent certificates as the collector would issue them."""

    ca: trustme.CA = field(default_factory=trustme.CA)

    @property
    def certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.ca.cert_pem.bytes())

    def issue(
        self, key: ec.EllipticCurvePublicKey, *, life: timedelta, since: datetime | None = None, agent: str = AGENT
    ) -> x509.Certificate:
        begin = since or datetime.now(UTC) - timedelta(seconds=1)
        name = f"spiffe://{TRUST_DOMAIN}/center/{CENTER}/agent/{agent}"
        signer = serialization.load_pem_private_key(self.ca.private_key_pem.bytes(), None)
        assert isinstance(signer, ec.EllipticCurvePrivateKey)
        builder = x509.CertificateBuilder(
            issuer_name=self.certificate.subject,
            subject_name=x509.Name([]),
            public_key=key,
            serial_number=x509.random_serial_number(),
            not_valid_before=begin,
            not_valid_after=begin + life,
        ).add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(name)]), critical=True)
        return builder.sign(signer, hashes.SHA256())


@dataclass
class Held:
    """One statement in the fake's log."""

    epoch: int
    sequence: int
    digest: bytes
    envelope: bytes
    receipt: bytes

    @property
    def statement(self) -> Statement:
        return parse_statement(parse_payload(self.envelope))


def parse_payload(envelope: bytes) -> bytes:
    from ccmm_proto.envelope import parse_envelope

    return parse_envelope(envelope).payload


class FakeCollector(EnrollmentServicer, EvidenceServicer):
    """Start it, read `log`, set the knobs."""

    def __init__(self) -> None:
        self.authority = Authority()
        self.receipt_key = Ed25519PrivateKey.generate()
        self.log: list[Held] = []
        self.forks: list[Statement] = []
        self.evidence_keys: dict[str, bytes] = {}
        self.tokens = {"token-1": ""}
        self.first_agent = True
        self.life = timedelta(days=7)
        self.revoked = False
        self.streams = 0
        self.renewals = 0
        self.end_over: set[int] = set()  # statements (by sequence) that end the stream
        self.end_all = False
        self.end_with = grpc.StatusCode.RESOURCE_EXHAUSTED
        self.end_saying = "the collector stumbled"
        self.end_politely = False  # every stream, right after its heads
        self.refuse: dict[int, str] = {}  # sequence -> error name
        self.retry_after_ms = 0
        self.false_receipts = False
        self.lose_receipts = False
        self.port = 0
        self.enroll_port = 0
        self._lock = threading.Lock()
        self._server: grpc.Server | None = None
        self._certificate = self.authority.ca.issue_cert("localhost", "127.0.0.1")

    # --- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        pair = (
            self._certificate.private_key_pem.bytes(),
            b"".join(blob.bytes() for blob in self._certificate.cert_chain_pems),
        )
        server = grpc.server(
            ThreadPoolExecutor(8),
            options=(("grpc.max_receive_message_length", MAX_MESSAGE_BYTES), ("grpc.so_reuseport", 0)),
        )
        add_EvidenceServicer_to_server(self, server)
        add_EnrollmentServicer_to_server(self, server)
        mutual = grpc.ssl_server_credentials([pair], self.authority.ca.cert_pem.bytes(), require_client_auth=True)
        self.port = server.add_secure_port(f"127.0.0.1:{self.port}", mutual)
        self.enroll_port = server.add_secure_port(f"127.0.0.1:{self.enroll_port}", grpc.ssl_server_credentials([pair]))
        server.start()
        self._server = server

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop(0).wait()
            self._server = None

    @property
    def fingerprint(self) -> bytes:
        leaf = x509.load_pem_x509_certificate(self._certificate.cert_chain_pems[0].bytes())
        return leaf.fingerprint(hashes.SHA256())

    def join_code(self, token: str = "token-1") -> pb.JoinCode:
        return pb.JoinCode(host="127.0.0.1", port=self.enroll_port, certificate_sha256=self.fingerprint, token=token)

    # --- what tests ask -------------------------------------------------------------------------------------------

    def statements(self) -> list[Statement]:
        with self._lock:
            return [held.statement for held in self.log]

    def wait_for(self, count: int, seconds: float = 20.0) -> list[Statement]:
        until = time.monotonic() + seconds
        while len(self.log) < count and time.monotonic() < until:
            time.sleep(0.02)
        assert len(self.log) >= count, f"{len(self.log)} statements of {count} came"
        return self.statements()

    def forget_after(self, count: int) -> None:
        """Restored from an old backup."""
        with self._lock:
            del self.log[count:]

    # --- enrollment ----------------------------------------------------------------------------------------------

    def Enroll(self, request: pb.EnrollRequest, context: grpc.ServicerContext) -> pb.EnrollResponse:
        spent_by = self.tokens.get(request.token)
        if spent_by is None or spent_by not in ("", request.evidence_key.hex()):
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "token_refused: unknown, expired or spent")
        claim = pb.EnrollClaim(token=request.token, csr_sha256=hashlib.sha256(request.transport_csr).digest())
        self._verify(context, request.evidence_key, request.proof, pae(ENROLL_TYPE, claim.SerializeToString()))
        self.tokens[request.token] = request.evidence_key.hex()
        self.evidence_keys[AGENT] = request.evidence_key
        return self._admission(request.transport_csr)

    def Renew(
        self, request_iterator: Iterator[pb.RenewRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.RenewResponse]:
        claim = next(request_iterator).claim
        if self.revoked:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "revoked: this agent was revoked")
        nonce = hashlib.sha256(str(time.time_ns()).encode()).digest()
        yield pb.RenewResponse(nonce=nonce)
        proof = pb.RenewProof(
            center=claim.center,
            agent=claim.agent,
            csr_sha256=hashlib.sha256(claim.transport_csr).digest(),
            nonce=nonce,
        )
        signed = pae(RENEW_TYPE, proof.SerializeToString())
        self._verify(context, self.evidence_keys[claim.agent], next(request_iterator).proof, signed)
        self.renewals += 1
        yield pb.RenewResponse(renewed=self._admission(claim.transport_csr))

    def _verify(self, context: grpc.ServicerContext, key: bytes, proof: bytes, signed: bytes) -> None:
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(proof, signed)
        except InvalidSignature:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "bad_signature: the proof does not verify")

    def _admission(self, csr: bytes) -> pb.EnrollResponse:
        request = x509.load_der_x509_csr(csr)
        assert request.is_signature_valid
        key = request.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        leaf = self.authority.issue(key, life=self.life)
        return pb.EnrollResponse(
            center=CENTER,
            agent=AGENT,
            trust_domain=TRUST_DOMAIN,
            certificate_chain=[leaf.public_bytes(serialization.Encoding.DER)],
            root_certificate=self.authority.certificate.public_bytes(serialization.Encoding.DER),
            evidence_host="127.0.0.1",
            evidence_port=self.port,
            receipt_key=raw(self.receipt_key.public_key()),
            log_id="log-1",
            log_key=raw(Ed25519PrivateKey.generate().public_key()),
            first_agent=self.first_agent,
        )

    # --- evidence ------------------------------------------------------------------------------------------------

    def Submit(
        self, request_iterator: Iterator[pb.AgentMessage], context: grpc.ServicerContext
    ) -> Iterator[pb.CollectorMessage]:
        assert next(request_iterator).WhichOneof("message") == "hello"
        self.streams += 1
        if self.revoked:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "revoked: this agent was revoked")
        yield pb.CollectorMessage(heads=pb.Heads(heads=self._heads()))
        if self.end_politely:
            return
        for message in request_iterator:
            answer = self._take(message.envelope, context)
            if self.retry_after_ms:
                yield pb.CollectorMessage(retry_after=pb.RetryAfter(milliseconds=self.retry_after_ms))
            if not self.lose_receipts:
                yield answer

    def _heads(self) -> list[pb.Head]:
        heads = []
        for epoch in sorted({held.epoch for held in self.log}):
            held = {one.sequence: one.digest for one in self.log if one.epoch == epoch}
            following = next(number for number in range(len(held) + 1) if number not in held)
            digest = held[following - 1] if following else b""
            heads.append(pb.Head(epoch=epoch, next_sequence=following, digest=digest, highest_sequence=max(held)))
        return heads

    def _take(self, envelope: bytes, context: grpc.ServicerContext) -> pb.CollectorMessage:
        key = Ed25519PublicKey.from_public_bytes(self.evidence_keys[AGENT])
        try:
            opened = verify_envelope(envelope, key, STATEMENT_TYPE)
            statement = parse_statement(opened.payload)
        except CcmmError as error:
            return pb.CollectorMessage(refusal=pb.Refusal(name=error.name, message=str(error)))
        if self.end_all or statement.sequence in self.end_over:
            context.abort(self.end_with, self.end_saying)
        if name := self.refuse.get(statement.sequence):
            return pb.CollectorMessage(refusal=pb.Refusal(digest=opened.digest, name=name, message="as told"))
        with self._lock:
            return pb.CollectorMessage(receipt=self._keep(statement, opened.digest, envelope))

    def _keep(self, statement: Statement, digest: bytes, envelope: bytes) -> bytes:
        by_place = {(held.epoch, held.sequence): held for held in self.log}
        held = by_place.get((statement.epoch, statement.sequence))
        if held is not None and held.digest == digest:
            return held.receipt
        before = by_place.get((statement.epoch, statement.sequence - 1))
        fits = statement.previous == (before.digest if before else ZERO if statement.sequence == 0 else None)
        receipt = pb.Receipt(
            agent=statement.agent,
            center=statement.center,
            epoch=statement.epoch,
            sequence=statement.sequence + (1 if self.false_receipts else 0),
            digest=digest,
            log_id="log-1",
            log_index=len(self.log),
            recorded_ms=int(time.time() * 1000),
        )
        signed = sign_receipt(receipt, self.receipt_key)
        if held is not None or (before is not None and not fits):
            self.forks.append(statement)
        else:
            self.log.append(Held(statement.epoch, statement.sequence, digest, envelope, signed))
        return signed
