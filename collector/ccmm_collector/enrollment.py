"""How an agent earns its identity: a join token spends itself on an evidence key, and that key renews the certificate.

Every enrollment and renewal is an act in the log, in the same transaction that spends the token.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509 import CertificateSigningRequest

from ccmm_collector import enrolled
from ccmm_collector.authority import Authority, Issued, parse_request
from ccmm_collector.config import check_name
from ccmm_collector.enrolled import Agent, Token
from ccmm_collector.log import EvidenceLog
from ccmm_collector.transaction import Transaction
from ccmm_proto.envelope import ENROLL_TYPE, RENEW_TYPE, pae
from ccmm_proto.errors import BadConfig, BadSignature, Malformed, Revoked, TokenRefused, UnknownAgent
from ccmm_proto.v1 import service_pb2 as pb

TOKEN_BYTES = 32
MAX_TTL = timedelta(days=1)
KEPT_AFTER_EXPIRY_MS = 24 * 3600 * 1000  # so that a late guest is told "expired", not "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """Someone at the door whose request is well formed and who proved to hold the evidence key."""

    token_sha256: bytes
    evidence_key: bytes
    request: CertificateSigningRequest


def invite(log: EvidenceLog, center: str, agent: str | None, ttl: timedelta) -> tuple[str, str]:
    """A fresh token for one agent of the center, and that agent's name. The store keeps the token's hash only."""
    check_name("center", center)
    if not timedelta(0) < ttl <= MAX_TTL:
        raise BadConfig("--ttl: a join code lives for at most 1d")
    if agent is not None:
        check_name("agent", agent)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    name = log.write(lambda transaction: _store_token(transaction, token, center, agent, ttl)).result()
    return token, name


def _store_token(transaction: Transaction, token: str, center: str, agent: str | None, ttl: timedelta) -> str:
    connection, now_ms = transaction.connection, transaction.recorded_ms
    taken = {known.agent for known in enrolled.agents(connection) if known.center == center}
    if agent is not None and agent in taken:
        raise TokenRefused(f"agent {agent} of {center} is enrolled already: a new installation needs a new name")
    if agent is None:
        taken |= enrolled.invited_names(connection, center, now_ms)
        agent = next(name for n in range(1, len(taken) + 2) if (name := f"agent-{n}") not in taken)
    enrolled.forget_tokens(connection, now_ms - KEPT_AFTER_EXPIRY_MS)
    expires_ms = now_ms + int(ttl.total_seconds() * 1000)
    fresh = Token(center=center, agent=agent, expires_ms=expires_ms, spent_key=None)
    enrolled.insert_token(connection, _sha256(token.encode()), fresh)
    return agent


def parse_enroll(request: pb.EnrollRequest) -> Guest:
    """The guest, its proof verified; raises Malformed or BadSignature."""
    if not request.token:
        raise Malformed("enroll: a token is expected")
    csr = parse_request(request.transport_csr)
    claim = pb.EnrollClaim(token=request.token, csr_sha256=_sha256(request.transport_csr))
    _verify_proof(request.evidence_key, request.proof, ENROLL_TYPE, claim.SerializeToString(deterministic=True))
    return Guest(token_sha256=_sha256(request.token.encode()), evidence_key=request.evidence_key, request=csr)


def verify_renewal(claim: pb.RenewClaim, agent: Agent, nonce: bytes, proof: bytes) -> CertificateSigningRequest:
    """The certificate request of an agent that just proved to hold its evidence key; raises Malformed, BadSignature."""
    csr = parse_request(claim.transport_csr)
    proved = pb.RenewProof(center=claim.center, agent=claim.agent, csr_sha256=_sha256(claim.transport_csr), nonce=nonce)
    _verify_proof(agent.evidence_key, proof, RENEW_TYPE, proved.SerializeToString(deterministic=True))
    return csr


def _verify_proof(key: bytes, proof: bytes, payload_type: str, payload: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(proof, pae(payload_type, payload))
    except ValueError as error:
        raise Malformed("evidence_key: an Ed25519 public key of 32 bytes is expected") from error
    except InvalidSignature as error:
        raise BadSignature("the proof was not made by the evidence key") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """An agent and its new certificate."""

    center: str
    agent: str
    issued: Issued
    first_agent: bool


def enrolling(guest: Guest, authority: Authority) -> Callable[[Transaction], Admitted]:
    """The job that spends the token and enrolls; raises TokenRefused or Revoked before it writes anything."""

    def job(transaction: Transaction) -> Admitted:
        connection = transaction.connection
        token = _valid_token(transaction, guest)
        again = token.spent_key is not None
        if not again:
            _check_free(transaction, token, guest)
        issued = authority.issue(guest.request, token.center, token.agent, _instant(transaction))
        if again:
            _append_renewed(transaction, token.center, token.agent, issued)
        else:
            act = pb.AgentEnrolled(
                center=token.center,
                agent=token.agent,
                evidence_key=guest.evidence_key,
                certificate_serial=issued.serial,
                not_after_ms=issued.not_after_ms,
            )
            # One transaction: there is no spent token without an enrolled agent, whenever the collector dies.
            transaction.append_act(pb.Act(agent_enrolled=act))
            enrolled.spend_token(connection, guest.token_sha256, guest.evidence_key)
        return _admitted(transaction, token.center, token.agent, issued)

    return job


def renewing(
    center: str, agent: str, request: CertificateSigningRequest, authority: Authority
) -> Callable[[Transaction], Admitted]:
    """The job that renews; raises UnknownAgent or Revoked."""

    def job(transaction: Transaction) -> Admitted:
        check_enrolled(enrolled.find_agent(transaction.connection, center, agent), center, agent)
        issued = authority.issue(request, center, agent, _instant(transaction))
        _append_renewed(transaction, center, agent, issued)
        return _admitted(transaction, center, agent, issued)

    return job


def check_enrolled(found: Agent | None, center: str, agent: str) -> Agent:
    """The agent, enrolled and not revoked; raises UnknownAgent or Revoked."""
    if found is None:
        raise UnknownAgent(f"agent {agent} of {center} is not enrolled here")
    if found.is_revoked:
        raise Revoked(f"agent {agent} of {center} was revoked: {found.revoked_reason}")
    return found


def _valid_token(transaction: Transaction, guest: Guest) -> Token:
    connection = transaction.connection
    token = enrolled.find_token(connection, guest.token_sha256)
    if token is None:
        raise TokenRefused("the join code is not known here: ask for a new one")
    if token.spent_key is None:
        if token.expires_ms <= transaction.recorded_ms:
            raise TokenRefused("the join code has expired: ask for a new one")
        return token
    # Spent. The same key may come again until its first receipt: a crash after spending must lock nobody out.
    if token.spent_key != guest.evidence_key:
        raise TokenRefused("the join code was used by another key: ask for a new one")
    check_enrolled(enrolled.find_agent(connection, token.center, token.agent), token.center, token.agent)
    if enrolled.has_chain(connection, token.center, token.agent):
        raise TokenRefused("the join code was used, and its agent has sent evidence since: renew instead")
    return token


def _check_free(transaction: Transaction, token: Token, guest: Guest) -> None:
    if enrolled.find_agent(transaction.connection, token.center, token.agent) is not None:
        raise TokenRefused(f"agent {token.agent} of {token.center} is enrolled already: ask for a new join code")
    if enrolled.agent_of_key(transaction.connection, guest.evidence_key) is not None:
        raise TokenRefused("this evidence key belongs to an agent already: join with a fresh folder")


def _append_renewed(transaction: Transaction, center: str, agent: str, issued: Issued) -> None:
    act = pb.AgentRenewed(
        center=center, agent=agent, certificate_serial=issued.serial, not_after_ms=issued.not_after_ms
    )
    transaction.append_act(pb.Act(agent_renewed=act))


def _admitted(transaction: Transaction, center: str, agent: str, issued: Issued) -> Admitted:
    first = enrolled.is_first_agent(transaction.connection, center, agent)
    return Admitted(center=center, agent=agent, issued=issued, first_agent=first)


def _instant(transaction: Transaction) -> datetime:
    return datetime.fromtimestamp(transaction.recorded_ms / 1000, UTC)


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def revoke(log: EvidenceLog, named: str, reason: str) -> Agent:
    """Revoke `AGENT` or `CENTER/AGENT`, once: a second time gives what stands. Raises UnknownAgent or BadConfig."""

    def job(transaction: Transaction) -> Agent:
        agent = find_named(enrolled.agents(transaction.connection), named)
        if agent.is_revoked:
            return agent
        act = pb.AgentRevoked(center=agent.center, agent=agent.agent, reason=reason)
        entry = transaction.append_act(pb.Act(agent_revoked=act))
        return replace(agent, revoked_index=entry.index, revoked_reason=reason)

    return log.write(job).result()


def find_named(agents: Iterable[Agent], named: str) -> Agent:
    """The one agent that `AGENT` or `CENTER/AGENT` names."""
    found = [agent for agent in agents if named in (agent.agent, f"{agent.center}/{agent.agent}")]
    if not found:
        raise UnknownAgent(f"no agent {named} is enrolled here")
    if len(found) > 1:
        choices = ", ".join(f"{agent.center}/{agent.agent}" for agent in found)
        raise BadConfig(f"several agents are called {named}: say which of {choices}")
    return found[0]
