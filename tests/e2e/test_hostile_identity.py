"""Who may be whom: tokens, certificates, keys, and what revoking an agent does."""

import random
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ccmm_collector.authority import Authority
from ccmm_collector.config import load_config
from ccmm_proto.join_code import format_join_code
from ccmm_proto.v1.statement_pb2 import Envelope
from tests.e2e.hostile import Door, assert_served, fails, guest, hear, opened, refusals, told
from tests.e2e.product import BIN
from tests.unit.collector.small_agent import Signer, SmallAgent, Talk, Transport

WITHIN_S = 5.0


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with opened(tmp_path_factory.mktemp("identity")) as door:
        yield door


def refusal_at_the_door(someone: SmallAgent, token: str) -> str:
    """What is said to somebody whose token does not open the door."""
    with pytest.raises(grpc.RpcError) as refused:
        someone.enroll(token)
    return told(refused.value)


def test_a_token_of_another_center_makes_nobody_of_this_one(door: Door) -> None:
    mine, theirs = guest(door.code("north")), door.code("south")
    stranger = guest(theirs).enroll(theirs.token)
    assert stranger.signer.center == "south"
    stranger.signer.center = mine.signer.center = "north"
    with stranger.stream() as talk:
        talk.say(stranger.signer.statement())
        assert hear(talk).refusal.name == "foreign_center"
    # Nor is the key of an agent of one center taken in at another.
    again = replace(stranger, transport=Transport())
    assert refusal_at_the_door(again, door.code("north").token).startswith("token_refused: this evidence key belongs")


def test_a_token_that_expired_opens_nothing(door: Door, tmp_path: Path) -> None:
    code = door.code("north", "--ttl", "1s")
    time.sleep(1.1)
    assert refusal_at_the_door(guest(code), code.token).startswith("token_refused: the join code has expired")
    assert "expired" in fails("ccmm-agent", "join", format_join_code(code), tmp_path / "agent", "--zone", "UTC")
    assert not (tmp_path / "agent" / "enrollment.json").exists()


def test_a_token_that_nobody_gave_opens_nothing(door: Door) -> None:
    assert refusal_at_the_door(guest(door.code()), "A" * 43).startswith("token_refused: the join code is not known")


def test_a_token_used_twice_by_different_keys_serves_the_first_alone(door: Door) -> None:
    code = door.code()
    first = guest(code).enroll(code.token)
    before = refusals(door)["", "token_refused"]
    assert refusal_at_the_door(guest(code), code.token).startswith("token_refused: the join code was used by another")
    assert refusals(door)["", "token_refused"] == before + 1
    assert_served(first)


def test_the_same_key_may_repeat_its_token_until_its_first_receipt(door: Door) -> None:
    code = door.code()
    first = guest(code).enroll(code.token)
    # As after a crash that lost the answer: the same evidence key, a new transport key.
    again = replace(first, transport=Transport()).enroll(code.token)
    assert (again.signer.center, again.signer.agent) == (first.welcome.center, first.welcome.agent)
    assert_served(again)
    late = refusal_at_the_door(replace(first, transport=Transport()), code.token)
    assert late.startswith("token_refused: the join code was used, and its agent has sent evidence since")


def test_a_stolen_token_without_the_key_that_proves_the_request_opens_nothing(door: Door) -> None:
    code = door.code()
    thief, owner = guest(code), guest(code)
    request = owner.enroll_request(code.token)
    request.transport_csr = thief.transport.csr()  # someone in between would put in their own transport key
    with thief.enrollment() as stub, pytest.raises(grpc.RpcError) as refused:
        stub.Enroll(request, timeout=10)
    assert told(refused.value).startswith("bad_signature")
    owner.enroll(code.token)
    assert_served(owner)


def test_the_certificate_of_one_center_carries_no_statement_of_another(door: Door) -> None:
    north, south = door.admitted("north"), door.admitted("south")
    honest = south.signer.statement()
    with north.stream() as talk:
        talk.say(honest)
        assert hear(talk).refusal.name == "foreign_center"
        # Nor does north's own key sign for south, nor south's key for north.
        talk.say(Signer("south", south.signer.agent, north.signer.key).statement())
        assert hear(talk).refusal.name == "foreign_center"
        talk.say(Signer("north", north.signer.agent, south.signer.key).statement())
        assert hear(talk).refusal.name == "wrong_key"
    assert door.about(north).places == door.about(south).places == []
    assert south.receipts([honest])[0].center == "south"


def test_no_altered_byte_is_believed(door: Door) -> None:
    agent, chance = door.admitted(), random.Random(2)
    good = agent.signer.statement()
    with agent.stream() as talk:
        for at in range(len(good)):
            talk.say(good[:at] + bytes([good[at] ^ (1 << chance.randrange(8))]) + good[at + 1 :])
        names = {hear(talk).refusal.name for _ in good}
        assert names == {"bad_signature", "malformed"}
        talk.say(good)
        assert agent.read_receipt(hear(talk)).sequence == 0
    assert door.about(agent).places == [(0, True)]


def test_an_envelope_relayed_with_another_keyid_is_the_same_statement(door: Door) -> None:
    agent = door.admitted()
    original = agent.signer.statement()
    relayed = Envelope.FromString(original)
    relayed.signatures[0].keyid = "somebody-else"
    assert relayed.SerializeToString() != original
    with agent.stream() as talk:
        talk.say(original, relayed.SerializeToString(), agent.signer.statement())
        first, again, following = (hear(talk).receipt for _ in range(3))
    assert first == again != following
    held = door.about(agent)
    assert held.places == [(0, True), (1, True)]
    assert held.statements[0].envelope == original
    assert held.raised == []


def test_a_revoked_agent_is_cut_off_on_its_live_stream_and_stays_out(door: Door) -> None:
    agent = door.admitted()
    with agent.stream() as talk:
        revoked = revoke_while_it_speaks(door, agent, talk)
        with pytest.raises(grpc.RpcError) as ended:
            hear_out(talk)
        assert time.monotonic() - revoked < WITHIN_S
        assert told(ended.value).startswith("revoked: ")
        assert "laptop stolen" in told(ended.value)
    assert_shut(agent)
    with pytest.raises(grpc.RpcError) as refused:
        agent.renew()
    assert told(refused.value).startswith("revoked: ")
    held = door.about(agent)
    assert [act.WhichOneof("act") for act in held.acts] == ["agent_enrolled", "agent_revoked"]
    # Whatever it sent meanwhile: nothing of it stands behind the revocation.
    assert held.statements
    assert held.entries[-1].kind == "act"


def revoke_while_it_speaks(door: Door, agent: SmallAgent, talk: Talk) -> float:
    """Revoke the agent, which goes on sending all the time; the instant when it was done."""
    named = f"{agent.signer.center}/{agent.signer.agent}"
    command = [str(BIN / "ccmm-collector"), "revoke", str(door.collector_folder), named, "--reason", "laptop stolen"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as revoking:
        while revoking.poll() is None:
            talk.say(agent.signer.statement())
            time.sleep(0.01)
    assert revoking.returncode == 0
    done = time.monotonic()
    talk.say(*agent.signer.statements(10))
    return done


def hear_out(talk: Talk) -> None:
    """Until the stream ends: after the first refusal no receipt may come."""
    refused = False
    while True:
        answer = hear(talk)
        refused = refused or answer.refusal.name == "revoked"
        assert (answer.WhichOneof("message") == "refusal") == refused


def assert_shut(agent: SmallAgent) -> None:
    """Its certificate is still good for days; the door stays shut all the same."""
    with pytest.raises(grpc.RpcError) as refused, agent.stream():
        pass
    assert told(refused.value).startswith("revoked: ")


def test_a_certificate_is_renewed_only_by_the_key_that_was_enrolled(door: Door) -> None:
    agent = door.admitted()
    with pytest.raises(grpc.RpcError) as refused:
        replace(agent, transport=Transport()).renew(Ed25519PrivateKey.generate())
    assert told(refused.value).startswith("bad_signature")
    assert_served(replace(agent, transport=Transport()).renew())


def test_a_certificate_that_runs_out_ends_its_stream_and_opens_no_other(door: Door) -> None:
    agent, brief = door.admitted(), Transport()
    config = load_config(door.collector_folder)
    then = datetime.now(UTC) - config.certificate_life + timedelta(seconds=5)
    request = x509.load_der_x509_csr(brief.csr())
    authority = Authority.load(door.collector_folder, config)
    brief.take(authority.issue(request, agent.signer.center, agent.signer.agent, then).chain)
    brief_agent = replace(agent, transport=brief)
    with brief_agent.stream() as talk:
        talk.say(agent.signer.statement())
        assert agent.read_receipt(hear(talk)).sequence == 0
        with pytest.raises(grpc.RpcError) as ended:
            hear(talk)
    assert told(ended.value).startswith("bad_certificate: ")
    with pytest.raises(grpc.RpcError) as refused, brief_agent.stream():
        pass
    assert "bad_certificate" not in told(refused.value)  # TLS itself does not let it in, and cannot say why
    assert_served(brief_agent.renew())
