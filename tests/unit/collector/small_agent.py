"""A small agent for tests: signs statements, joins and submits over real channels, and keeps what it is answered."""

import hashlib
import itertools
import queue
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ccmm_proto.envelope import ENROLL_TYPE, RENEW_TYPE, STATEMENT_TYPE, pae, parse_envelope, sign_envelope
from ccmm_proto.v1 import service_pb2 as wire
from ccmm_proto.v1.service_pb2_grpc import EnrollmentStub
from ccmm_proto.v1.statement_pb2 import OBSERVED, EpochStart, Measure, Note, Observation, Run, Span, Statement
from ccmm_proto.wire import parse_receipt

QUARTER_MS = 900_000
PATIENCE = 10.0


def now_ms() -> int:
    return time.time_ns() // 1_000_000


_RUNS = itertools.count(1)  # two runs are never the same, also within one millisecond


def some_run(observations: int = 1, start_ms: int = 1_760_000_400_000) -> Run:
    """A run that counted offered calls."""
    facts = [
        Observation(measure=Measure(id="calls_offered", start_ms=start_ms + n * QUARTER_MS, period_s=900, count=n))
        for n in range(observations)
    ]
    return Run(
        source="pbx",
        plugin="asterisk",
        run_id=f"r{next(_RUNS)}",
        part=1,
        parts=1,
        outcome=OBSERVED,
        covers=Span(from_ms=start_ms, to_ms=start_ms + observations * QUARTER_MS),
        observations=facts,
    )


@dataclass
class Signer:
    """Signs the statements of one agent, one after the other."""

    center: str = "north"
    agent: str = "agent-1"
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    epoch: int = 0
    sequence: int = 0
    previous: bytes = bytes(32)

    def statement(self, **fields: Any) -> bytes:
        """The next envelope of the chain."""
        envelope = self.odd(sequence=self.sequence, previous=self.previous, **fields)
        self.sequence += 1
        self.previous = parse_envelope(envelope).digest
        return envelope

    def odd(self, **fields: Any) -> bytes:
        """An envelope signed by this agent's key with any fields; the chain stays where it is."""
        body = {} if {"run", "note"} & fields.keys() else {"run": some_run()}
        head: dict[str, Any] = {
            "schema": 1,
            "center": self.center,
            "agent": self.agent,
            "epoch": self.epoch,
            "created_ms": now_ms(),
        }
        statement = Statement(**(head | body | fields))
        return sign_envelope(STATEMENT_TYPE, statement.SerializeToString(deterministic=True), self.key)

    def statements(self, count: int) -> list[bytes]:
        return [self.statement() for _ in range(count)]

    def next_epoch(self) -> bytes:
        """Open the next epoch with its reason."""
        self.epoch, self.sequence, self.previous = self.epoch + 1, 0, bytes(32)
        return self.statement(
            epoch_start=EpochStart(reason=EpochStart.SNAPSHOT_RESTORED),
            note=Note(kind=Note.SPOOL_CORRUPT, detail="restored"),
        )


@dataclass
class Transport:
    """A transport key and the certificate for it."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    chain_pem: bytes = b""

    def csr(self) -> bytes:
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def take(self, chain: Iterable[bytes]) -> None:
        self.chain_pem = b"".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in chain)


@dataclass
class SmallAgent:
    """An agent on the wire: one transport key, one signer."""

    host: str
    enrollment_port: int
    server_pem: bytes  # what the enrollment port showed; pinned
    signer: Signer = field(default_factory=Signer)
    transport: Transport = field(default_factory=Transport)
    welcome: wire.EnrollResponse = field(default_factory=wire.EnrollResponse)

    def server_sha256(self) -> bytes:
        return x509.load_pem_x509_certificate(self.server_pem).fingerprint(hashes.SHA256())

    def enroll_request(self, token: str) -> wire.EnrollRequest:
        csr = self.transport.csr()
        claim = wire.EnrollClaim(token=token, csr_sha256=hashlib.sha256(csr).digest())
        proof = self.signer.key.sign(pae(ENROLL_TYPE, claim.SerializeToString(deterministic=True)))
        key = self.signer.key.public_key().public_bytes_raw()
        return wire.EnrollRequest(token=token, evidence_key=key, transport_csr=csr, proof=proof)

    def enroll(self, token: str) -> Self:
        with self.enrollment() as stub:
            self._welcomed(stub.Enroll(self.enroll_request(token), timeout=PATIENCE))
        self.signer.center, self.signer.agent = self.welcome.center, self.welcome.agent
        return self

    def renew(self, key: Ed25519PrivateKey | None = None) -> Self:
        """Renew the certificate, proving with the evidence key (or another)."""
        csr = self.transport.csr()
        claim = wire.RenewClaim(center=self.signer.center, agent=self.signer.agent, transport_csr=csr)
        with self.enrollment() as stub:
            steps = Steps([wire.RenewRequest(claim=claim)])
            call = stub.Renew(steps, timeout=PATIENCE)
            nonce = next(call).nonce
            proved = wire.RenewProof(
                center=claim.center, agent=claim.agent, csr_sha256=hashlib.sha256(csr).digest(), nonce=nonce
            )
            payload = pae(RENEW_TYPE, proved.SerializeToString(deterministic=True))
            steps.add(wire.RenewRequest(proof=(key or self.signer.key).sign(payload)))
            self._welcomed(next(call).renewed)
        return self

    def _welcomed(self, welcome: wire.EnrollResponse) -> None:
        self.welcome = welcome
        self.transport.take(welcome.certificate_chain)

    @contextmanager
    def enrollment(self) -> Iterator[EnrollmentStub]:
        credentials = grpc.ssl_channel_credentials(self.server_pem)
        with grpc.secure_channel(f"{self.host}:{self.enrollment_port}", credentials) as channel:
            yield EnrollmentStub(channel)

    @contextmanager
    def stream(self) -> Iterator["Talk"]:
        """An open stream, its heads read."""
        credentials = grpc.ssl_channel_credentials(
            x509.load_der_x509_certificate(self.welcome.root_certificate).public_bytes(Encoding.PEM),
            self.transport.key_pem(),
            self.transport.chain_pem,
        )
        target = f"{self.host}:{self.welcome.evidence_port}"
        with grpc.secure_channel(target, credentials) as channel, Talk(channel) as talk:
            yield talk

    def receipts(self, envelopes: Sequence[bytes]) -> list[wire.Receipt]:
        """Submit these and verify their receipts."""
        with self.stream() as talk:
            talk.say(*envelopes)
            return [self.read_receipt(talk.hear()) for _ in envelopes]

    def read_receipt(self, answer: wire.CollectorMessage) -> wire.Receipt:
        key = Ed25519PublicKey.from_public_bytes(self.welcome.receipt_key)
        return parse_receipt(answer.receipt, key)


class Steps:
    """What a client says on a stream, one after the other, until it is closed."""

    def __init__(self, messages: Iterable[Any] = ()) -> None:
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.add(*messages)

    def add(self, *messages: Any) -> None:
        for message in messages:
            self._queue.put(message)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        message = self._queue.get()
        if message is None:
            raise StopIteration
        return message


class Talk:
    """One Submit stream. Raw bytes go out, so that anything can be said."""

    def __init__(self, channel: grpc.Channel) -> None:
        submit: Any = channel.stream_stream("/ccmm.v1.Evidence/Submit")
        self.channel = channel
        self._said = Steps()
        self._call = submit(self._said, timeout=60)

    def __enter__(self) -> Self:
        self.say_raw(wire.AgentMessage(hello=wire.Hello(software_version="test")).SerializeToString())
        self.heads = self.hear().heads
        return self

    def __exit__(self, *_: object) -> None:
        self._said.add(None)
        self._call.cancel()

    def say(self, *envelopes: bytes) -> None:
        for envelope in envelopes:
            self.say_raw(wire.AgentMessage(envelope=envelope).SerializeToString())

    def say_raw(self, message: bytes) -> None:
        self._said.add(message)

    def hear(self) -> wire.CollectorMessage:
        """The next answer."""
        return wire.CollectorMessage.FromString(next(self._call))

    def done(self) -> None:
        """Say no more, and expect no more answers."""
        self._said.add(None)
        for answer in self._call:
            raise AssertionError(f"an answer that nobody waits for: {wire.CollectorMessage.FromString(answer)}")
