"""How the agent earns its certificate: once by a join code, then again and again by its evidence key (FORMATS §8).

The enrollment port is believed because the join code carries the SHA-256 of its certificate; at renewal because its
certificate was issued under the root that enrollment brought.
"""

import hashlib
import hmac
import queue
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import NameOID

from ccmm_agent.identity import Enrollment, verify_chain
from ccmm_proto.envelope import ENROLL_TYPE, RENEW_TYPE, pae
from ccmm_proto.errors import BY_NAME, BadCertificate, CcmmError, Malformed, Permanent, Unreachable
from ccmm_proto.v1.service_pb2 import (
    EnrollClaim,
    EnrollRequest,
    EnrollResponse,
    JoinCode,
    RenewClaim,
    RenewProof,
    RenewRequest,
)
from ccmm_proto.v1.service_pb2_grpc import EnrollmentStub

TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Admission:
    """What the collector answered, checked."""

    enrollment: Enrollment
    chain: tuple[x509.Certificate, ...]
    first_agent: bool


def enroll(code: JoinCode, evidence: Ed25519PrivateKey, transport: ec.EllipticCurvePrivateKey) -> Admission:
    """Spend a join code. Raises Unreachable, BadCertificate (not the collector of the code), TokenRefused ..."""
    leaf = fetch_leaf(code.host, code.port, code.certificate_sha256)
    csr = signing_request(transport)
    claim = EnrollClaim(token=code.token, csr_sha256=hashlib.sha256(csr).digest())
    request = EnrollRequest(
        token=code.token,
        evidence_key=_raw(evidence),
        transport_csr=csr,
        proof=evidence.sign(pae(ENROLL_TYPE, claim.SerializeToString())),
    )
    credentials = grpc.ssl_channel_credentials(root_certificates=leaf)
    with grpc.secure_channel(target_of(code.host, code.port), credentials) as channel:
        try:
            response = EnrollmentStub(channel).Enroll(request, timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            raise error_of(error) from error
    return parse_admission(response, transport, host=code.host, port=code.port)


def renew(
    known: Enrollment, evidence: Ed25519PrivateKey, transport: ec.EllipticCurvePrivateKey
) -> tuple[x509.Certificate, ...]:
    """A fresh certificate chain for this key, also after the old one expired. Raises Revoked, Unreachable ..."""
    csr = signing_request(transport)
    steps: queue.SimpleQueue[RenewRequest | None] = queue.SimpleQueue()
    steps.put(RenewRequest(claim=RenewClaim(center=known.center, agent=known.agent, transport_csr=csr)))
    root = x509.load_der_x509_certificate(known.root_certificate)
    credentials = grpc.ssl_channel_credentials(root_certificates=root.public_bytes(serialization.Encoding.PEM))
    response = None
    with grpc.secure_channel(target_of(known.enrollment_host, known.enrollment_port), credentials) as channel:
        try:
            for answer in EnrollmentStub(channel).Renew(_until_none(steps), timeout=TIMEOUT_S):
                if answer.WhichOneof("step") == "renewed":
                    response = answer.renewed
                    steps.put(None)
                    break
                steps.put(RenewRequest(proof=_renew_proof(known, evidence, csr, answer.nonce)))
        except grpc.RpcError as error:
            raise error_of(error) from error
        finally:
            steps.put(None)
    if response is None:
        raise Malformed("renewal: the collector ended without a certificate")
    admission = parse_admission(response, transport, host=known.enrollment_host, port=known.enrollment_port)
    verify_chain(admission.chain, root)
    if (admission.enrollment.center, admission.enrollment.agent) != (known.center, known.agent):
        raise BadCertificate("renewal: the certificate is for another agent")
    return admission.chain


def _until_none(steps: "queue.SimpleQueue[RenewRequest | None]") -> Iterator[RenewRequest]:
    while (step := steps.get()) is not None:
        yield step


def _renew_proof(known: Enrollment, evidence: Ed25519PrivateKey, csr: bytes, nonce: bytes) -> bytes:
    if len(nonce) != 32:
        raise Malformed("renewal: a nonce of 32 bytes is expected")
    csr_sha256 = hashlib.sha256(csr).digest()
    proof = RenewProof(center=known.center, agent=known.agent, csr_sha256=csr_sha256, nonce=nonce)
    return evidence.sign(pae(RENEW_TYPE, proof.SerializeToString()))


def fetch_leaf(host: str, port: int, expected_sha256: bytes) -> bytes:
    """The certificate of the enrollment port as PEM. Raises BadCertificate unless it is the one of the join code."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # the fingerprint decides here; gRPC checks the name afterwards
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        with (
            socket.create_connection((host, port), timeout=TIMEOUT_S) as plain,
            context.wrap_socket(plain, server_hostname=host) as tls,
        ):
            der = tls.getpeercert(binary_form=True) or b""
    except OSError as error:
        raise Unreachable(f"{host}:{port}: {error}: is the collector running, and this host and port open?") from error
    if not hmac.compare_digest(hashlib.sha256(der).digest(), expected_sha256):
        raise BadCertificate(
            f"{host}:{port} shows another certificate than the join code names: somebody is in between"
        )
    return ssl.DER_cert_to_PEM_cert(der).encode()


def signing_request(key: ec.EllipticCurvePrivateKey) -> bytes:
    """DER. The collector takes the public key from it and names the agent itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ccmm-agent")])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.DER)


def parse_admission(
    response: EnrollResponse, transport: ec.EllipticCurvePrivateKey, *, host: str, port: int
) -> Admission:
    """The collector's answer, every part checked; raises Malformed or BadCertificate."""
    try:
        chain = tuple(x509.load_der_x509_certificate(der) for der in response.certificate_chain)
        root = x509.load_der_x509_certificate(response.root_certificate)
        Ed25519PublicKey.from_public_bytes(response.receipt_key)
        Ed25519PublicKey.from_public_bytes(response.log_key)
    except ValueError as error:
        raise Malformed(f"enrollment: the collector's answer cannot be read: {error}") from error
    if not (chain and response.center and response.agent and response.evidence_port and response.log_id):
        raise Malformed("enrollment: the collector's answer is not complete")
    if chain[0].public_key() != transport.public_key():
        raise BadCertificate("enrollment: the certificate is for another key")
    verify_chain(chain, root)
    enrollment = Enrollment(
        center=response.center,
        agent=response.agent,
        trust_domain=response.trust_domain,
        enrollment_host=host,
        enrollment_port=port,
        evidence_host=response.evidence_host or host,
        evidence_port=response.evidence_port,
        receipt_key=response.receipt_key,
        log_id=response.log_id,
        log_key=response.log_key,
        root_certificate=response.root_certificate,
    )
    return Admission(enrollment, chain, response.first_agent)


def error_of(error: grpc.RpcError) -> CcmmError:
    """Our named error of a gRPC status: the collector writes `name: message` into the details."""
    status, details = error.code(), error.details() or ""
    name, _, message = details.partition(": ")
    if name in BY_NAME:
        return BY_NAME[name](message or details)
    if status in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED):
        return Unreachable(f"the collector cannot be reached: {details}")
    return Permanent(f"the collector refused ({status.name.lower()}): {details}")


def target_of(host: str, port: int) -> str:
    """What gRPC wants to hear: an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
