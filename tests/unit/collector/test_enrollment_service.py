"""Joining and renewing over real TLS, and every misuse of a token."""

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmm_collector import enrolled, enrollment, store
from ccmm_collector.authority import parse_request
from ccmm_proto.envelope import parse_envelope
from ccmm_proto.errors import BadConfig, BadSignature, Malformed, TokenRefused, UnknownAgent
from ccmm_proto.v1 import service_pb2 as wire
from tests.unit.collector.conftest import Collector
from tests.unit.collector.small_agent import Signer, SmallAgent, Transport


def acts(collector: Collector) -> list[str]:
    entries = [entry for entry in collector.log.entries(after=-1, limit=99) if entry.kind == "act"]
    return [str(wire.Act.FromString(parse_envelope(entry.envelope).payload).WhichOneof("act")) for entry in entries]


def refusal_of(agent: SmallAgent, token: str) -> str:
    """The name of the error that joining with this token gives."""
    return refusal_of_request(agent, agent.enroll_request(token))


def refusal_of_request(agent: SmallAgent, request: wire.EnrollRequest) -> str:
    with agent.enrollment() as stub, pytest.raises(grpc.RpcError) as error:
        stub.Enroll(request, timeout=10)
    trailing: Any = error.value.trailing_metadata()
    name = dict(trailing)["ccmm-error"]
    assert str(error.value.details()).startswith(f"{name}: ")
    return str(name)


def test_a_token_becomes_a_certificate_that_names_center_and_agent(collector: Collector) -> None:
    agent = collector.guest().enroll(collector.token("north", "pbx-reader"))
    leaf, issuing = (x509.load_der_x509_certificate(der) for der in agent.welcome.certificate_chain)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uri = f"spiffe://{agent.welcome.trust_domain}/center/north/agent/pbx-reader"
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [uri]
    assert leaf.public_key() == agent.transport.key.public_key()
    leaf.verify_directly_issued_by(issuing)
    issuing.verify_directly_issued_by(x509.load_der_x509_certificate(agent.welcome.root_certificate))
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    assert timedelta(days=7) <= life <= timedelta(days=7, minutes=10)
    assert agent.welcome.evidence_port == collector.ports.evidence
    assert agent.welcome.log_id == collector.log.log_id
    assert acts(collector) == ["agent_enrolled"]


def test_only_the_first_agent_of_a_center_makes_the_pseudonym_key(collector: Collector) -> None:
    first, second, elsewhere = collector.agent("north"), collector.agent("north"), collector.agent("south")
    assert [agent.welcome.first_agent for agent in (first, second, elsewhere)] == [True, False, True]
    assert [agent.welcome.agent for agent in (first, second, elsewhere)] == ["agent-1", "agent-2", "agent-1"]


def test_the_same_key_may_repeat_its_token_until_its_first_receipt(collector: Collector) -> None:
    token = collector.token()
    agent = collector.guest().enroll(token)
    crashed = replace(agent, transport=Transport())  # it lost the answer and made a new transport key
    assert crashed.enroll(token).welcome.first_agent
    assert acts(collector) == ["agent_enrolled", "agent_renewed"]
    crashed.receipts([crashed.signer.statement()])
    assert refusal_of(crashed, token) == "token_refused"


def test_a_token_spent_by_one_key_is_refused_for_another(collector: Collector) -> None:
    token = collector.token()
    collector.guest().enroll(token)
    assert refusal_of(collector.guest(), token) == "token_refused"
    assert acts(collector) == ["agent_enrolled"]
    assert [refused.name for refused in store.refusals(collector.log.reader())] == ["token_refused"]


def test_an_unknown_token_is_refused(collector: Collector) -> None:
    assert refusal_of(collector.guest(), "guessed") == "token_refused"


def test_an_expired_token_is_refused(collector: Collector) -> None:
    token = collector.token(ttl=timedelta(milliseconds=1))
    time.sleep(0.01)
    assert refusal_of(collector.guest(), token) == "token_refused"


def test_a_token_of_another_center_gives_the_identity_of_that_center_only(collector: Collector) -> None:
    agent = collector.guest().enroll(collector.token("south"))
    assert (agent.welcome.center, agent.signer.center) == ("south", "south")


def test_a_key_that_is_enrolled_cannot_become_a_second_agent(collector: Collector) -> None:
    agent = collector.agent()
    assert refusal_of(agent, collector.token("south")) == "token_refused"


def test_a_name_that_is_taken_is_not_given_again(collector: Collector) -> None:
    early, late = collector.token("north", "reader"), collector.token("north", "reader")
    collector.guest().enroll(early)
    assert refusal_of(collector.guest(), late) == "token_refused"
    with pytest.raises(TokenRefused, match="enrolled already"):
        collector.token("north", "reader")


def test_a_revoked_agent_cannot_repeat_its_token(collector: Collector) -> None:
    token = collector.token()
    agent = collector.guest().enroll(token)
    enrollment.revoke(collector.log, "north/agent-1", "lost")
    assert refusal_of(agent, token) == "revoked"


def test_a_proof_by_another_key_is_a_bad_signature(collector: Collector) -> None:
    token = collector.token()
    guest, thief = collector.guest(), collector.guest()
    request = guest.enroll_request(token)
    request.proof = thief.enroll_request(token).proof
    assert refusal_of_request(guest, request) == "bad_signature"


def test_a_swapped_certificate_request_is_a_bad_signature(collector: Collector) -> None:
    guest = collector.guest()
    request = guest.enroll_request(collector.token())
    request.transport_csr = Transport().csr()
    assert refusal_of_request(guest, request) == "bad_signature"


def test_a_transport_key_of_another_curve_is_malformed(collector: Collector) -> None:
    guest = collector.guest(Transport(ec.generate_private_key(ec.SECP384R1())))
    assert refusal_of(guest, collector.token()) == "malformed"


@pytest.mark.parametrize("field", ["token", "evidence_key", "transport_csr"])
def test_an_incomplete_request_is_malformed(collector: Collector, field: str) -> None:
    guest = collector.guest()
    request = guest.enroll_request(collector.token())
    request.ClearField(field)  # type: ignore[arg-type]
    assert refusal_of_request(guest, request) == "malformed"


def test_the_token_itself_is_nowhere_in_the_store(collector: Collector) -> None:
    token = collector.token()
    collector.guest().enroll(token)
    for file in collector.folder.rglob("*"):
        assert not file.is_file() or token.encode() not in file.read_bytes(), file


def test_the_evidence_key_renews_the_certificate(collector: Collector) -> None:
    agent = collector.agent()
    before = agent.welcome.certificate_chain[0]
    agent.renew()
    assert agent.welcome.certificate_chain[0] != before
    assert acts(collector) == ["agent_enrolled", "agent_renewed"]
    found = enrolled.find_agent(collector.log.reader(), "north", "agent-1")
    assert found is not None
    leaf = x509.load_der_x509_certificate(agent.welcome.certificate_chain[0])
    assert found.certificate_serial == format(leaf.serial_number, "x")
    assert agent.receipts([agent.signer.statement()])


def test_renewing_needs_the_evidence_key_of_this_agent(collector: Collector) -> None:
    agent = collector.agent()
    with pytest.raises(grpc.RpcError, match="bad_signature"):
        agent.renew(Ed25519PrivateKey.generate())
    assert acts(collector) == ["agent_enrolled"]


def test_a_revoked_agent_cannot_renew(collector: Collector) -> None:
    agent = collector.agent()
    enrollment.revoke(collector.log, "agent-1", "stolen laptop")
    with pytest.raises(grpc.RpcError, match=r"revoked: .*stolen laptop"):
        agent.renew()


def test_nobody_renews_who_was_never_enrolled(collector: Collector) -> None:
    guest = replace(collector.guest(), signer=Signer(center="north", agent="ghost"))
    with pytest.raises(grpc.RpcError, match="unknown_agent"):
        guest.renew()


def test_a_nonce_is_good_for_its_own_call_only(collector: Collector) -> None:
    agent = collector.agent()
    claim = wire.RenewClaim(center="north", agent="agent-1", transport_csr=agent.transport.csr())
    with agent.enrollment() as stub:
        nonces = {next(stub.Renew(iter([wire.RenewRequest(claim=claim)]), timeout=5)).nonce for _ in range(3)}
        with pytest.raises(grpc.RpcError, match="malformed"):
            next(stub.Renew(iter([wire.RenewRequest(proof=b"x" * 64)]), timeout=5))
    assert len(nonces) == 3
    assert all(len(nonce) == 32 for nonce in nonces)


def test_revoking_twice_gives_what_stands(collector: Collector) -> None:
    collector.agent()
    first = enrollment.revoke(collector.log, "agent-1", "stolen")
    assert enrollment.revoke(collector.log, "agent-1", "again") == first
    assert acts(collector) == ["agent_enrolled", "agent_revoked"]


def test_an_agent_name_that_two_centers_use_must_be_said_with_its_center(collector: Collector) -> None:
    collector.agent("north")
    collector.agent("south")
    with pytest.raises(BadConfig, match="say which of north/agent-1, south/agent-1"):
        enrollment.revoke(collector.log, "agent-1", "x")
    with pytest.raises(UnknownAgent):
        enrollment.revoke(collector.log, "west/agent-1", "x")
    assert enrollment.revoke(collector.log, "south/agent-1", "x").center == "south"


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_only_malformed_escapes_from_parsing_a_certificate_request(noise: bytes) -> None:
    with pytest.raises(Malformed):
        parse_request(noise)


@settings(deadline=None)
@given(token=st.text(max_size=5), key=st.binary(max_size=40), proof=st.binary(max_size=70))
def test_only_declared_errors_escape_from_parsing_an_enrollment(token: str, key: bytes, proof: bytes) -> None:
    request = wire.EnrollRequest(token=token, evidence_key=key, proof=proof, transport_csr=Transport().csr())
    with pytest.raises((Malformed, BadSignature)):
        enrollment.parse_enroll(request)
