"""Strangers at both ports, and noise over a stream: each is turned away, and the next honest one is served."""

import itertools
import random
import socket
import ssl
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from cryptography import x509

from ccmm_collector.authority import Authority
from ccmm_collector.config import load_config
from ccmm_proto.join_code import format_join_code
from ccmm_proto.v1.service_pb2 import AgentMessage, EnrollRequest, Hello
from ccmm_proto.v1.service_pb2_grpc import EnrollmentStub, EvidenceStub
from tests.e2e.hostile import Door, assert_served, fails, guest, hear, log_entries, opened, refusals
from tests.e2e.product import command
from tests.unit.collector.small_agent import SmallAgent, Transport

PORTS = pytest.mark.parametrize("port", ["evidence", "enrollment"])
NOISES = 10_000
KNOCKS = 20_000
PATIENCE = 10.0


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with opened(tmp_path_factory.mktemp("noise")) as door:
        yield door


def assert_open(door: Door) -> None:
    """A new agent is enrolled and served: both ports work."""
    assert_served(door.admitted())


def status_of(channel: grpc.Channel, port: str) -> grpc.StatusCode:
    """How this port answers over this channel."""
    with channel, pytest.raises(grpc.RpcError) as refused:
        speak(channel, port)
    assert isinstance(refused.value, grpc.Call)
    code = refused.value.code()
    assert isinstance(code, grpc.StatusCode)
    return code


def speak(channel: grpc.Channel, port: str) -> None:
    """Say the first thing that is said on this port."""
    if port == "enrollment":
        EnrollmentStub(channel).Enroll(EnrollRequest(token="x"), timeout=PATIENCE)
    else:
        next(EvidenceStub(channel).Submit(iter([AgentMessage(hello=Hello())]), timeout=PATIENCE))


@PORTS
def test_a_plaintext_connection_is_turned_away(door: Door, port: str) -> None:
    assert status_of(grpc.insecure_channel(f"127.0.0.1:{door.ports[port]}"), port) is grpc.StatusCode.UNAVAILABLE
    assert_open(door)


@PORTS
def test_a_client_that_trusts_another_authority_does_not_speak(door: Door, port: str, tmp_path: Path) -> None:
    credentials = grpc.ssl_channel_credentials(another_authority(tmp_path).trust)
    channel = grpc.secure_channel(f"127.0.0.1:{door.ports[port]}", credentials)
    assert status_of(channel, port) is grpc.StatusCode.UNAVAILABLE
    assert_open(door)


def test_nothing_without_a_certificate_is_heard_on_the_evidence_port(door: Door) -> None:
    root = (door.collector_folder / "keys" / "root.pem").read_bytes()
    channel = grpc.secure_channel(f"127.0.0.1:{door.ports['evidence']}", grpc.ssl_channel_credentials(root))
    assert status_of(channel, "evidence") is grpc.StatusCode.UNAVAILABLE
    assert_open(door)


def test_a_certificate_that_another_authority_made_for_the_same_name_is_not_believed(
    door: Door, tmp_path: Path
) -> None:
    agent, forged = door.admitted(), Transport()
    request = x509.load_der_x509_csr(forged.csr())
    made = another_authority(tmp_path).issue(request, agent.signer.center, agent.signer.agent, datetime.now(UTC))
    forged.take(made.chain)
    assert no_stream(replace(agent, transport=forged)) is grpc.StatusCode.UNAVAILABLE
    assert_served(agent)


def no_stream(agent: SmallAgent) -> object:
    """How its stream is refused."""
    with pytest.raises(grpc.RpcError) as refused, agent.stream():
        pass
    assert isinstance(refused.value, grpc.Call)
    return refused.value.code()


def another_authority(place: Path) -> Authority:
    """Of somebody else's collector, which calls itself the same."""
    command("ccmm-collector", "init", place / "another", "--name", "e2e", "--address", "127.0.0.1:0")
    config = load_config(place / "another")
    authority = Authority.load(place / "another", config)
    authority.server_files(datetime.now(UTC))
    return authority


def test_an_agent_does_not_give_its_token_to_another_collector(door: Door, tmp_path: Path) -> None:
    code = door.code()
    code.certificate_sha256 = bytes(32)
    said = fails("ccmm-agent", "join", format_join_code(code), tmp_path / "agent", "--zone", "UTC")
    assert "another certificate than the join code names" in said
    code.certificate_sha256 = door.code().certificate_sha256
    guest(code).enroll(code.token)  # it was not spent


@PORTS
def test_garbage_and_half_a_handshake_stop_nobody(door: Door, port: str) -> None:
    chance = random.Random(8)
    with ExitStack() as held:
        for _ in range(50):
            plain = held.enter_context(socket.create_connection(("127.0.0.1", door.ports[port]), timeout=PATIENCE))
            plain.sendall(chance.choice((b"\x16\x03\x01\x02\x00", b"PRI * HTTP/2.0\r\n", b"")) + chance.randbytes(400))
        # They are all still open.
        assert_open(door)


def test_thousands_of_broken_handshakes_side_by_side_do_not_bring_it_down(door: Door) -> None:
    # gRPC frees a certificate that is changed under a handshake in another thread: so none may change without need.
    ports = itertools.cycle(door.ports[port] for port in ("evidence", "enrollment"))
    with ThreadPoolExecutor(8) as threads:
        knocked = list(threads.map(knock, itertools.islice(ports, KNOCKS)))
    process = door.collector.process
    assert process
    assert process.poll() is None
    assert all(knocked)
    assert_open(door)


def knock(port: int) -> bool:
    """Begin a handshake and leave. False: nobody was there."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as plain:
            plain.sendall(b"\x16\x03\x01\x02\x00" + bytes(400))
    except ConnectionRefusedError:
        return False
    except OSError:  # it hung up first
        return True
    return True


def test_garbage_inside_the_handshaken_connection_stops_nobody(door: Door) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("127.0.0.1", door.ports["enrollment"]), timeout=PATIENCE) as plain,
        context.wrap_socket(plain) as tls,
    ):
        tls.sendall(random.Random(9).randbytes(4000))
        assert_open(door)


def test_ten_thousand_random_byte_strings_are_all_refused_by_name_on_one_stream(door: Door) -> None:
    agent, chance = door.admitted(), random.Random(10)
    good = agent.signer.statement()
    before = log_entries(door.collector_folder)
    noises = [noise(chance, good) for _ in range(NOISES)]
    with agent.stream() as talk:
        talk.say(*noises)
        names = Counter(hear(talk).refusal.name for _ in noises)
        assert set(names) == {"malformed", "bad_signature"}
        assert log_entries(door.collector_folder) == before
        talk.say(good)
        assert agent.read_receipt(hear(talk)).sequence == 0
    counted = refusals(door)
    assert {name: counted[agent.signer.agent, name] for name in names} == dict(names)


def noise(chance: random.Random, good: bytes) -> bytes:
    """Random bytes; or a good envelope with random bytes over a part of it, which gets further."""
    if chance.random() < 0.5:
        return chance.randbytes(chance.randrange(300))
    at = chance.randrange(len(good) - 4)
    return good[:at] + chance.randbytes(chance.randrange(4, 40)) + good[at + chance.randrange(4, 40) :]


def test_messages_that_are_none_are_refused_and_the_stream_goes_on(door: Door) -> None:
    agent = door.admitted()
    with agent.stream() as talk:
        for message in (b"", b"\xff\xff\xff", b"\x1a\x02hi"):
            talk.say_raw(message)
            assert hear(talk).refusal.name == "malformed"
        talk.say(agent.signer.statement())
        assert agent.read_receipt(hear(talk)).sequence == 0


def test_a_message_above_five_mebibytes_ends_its_own_stream_alone(door: Door) -> None:
    agent, other = door.admitted(), door.admitted()
    with other.stream() as bystander:
        with agent.stream() as talk:
            talk.say(bytes(6 << 20))
            with pytest.raises(grpc.RpcError) as ended:
                hear(talk)
            assert isinstance(ended.value, grpc.Call)
            assert ended.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        bystander.say(other.signer.statement())
        assert other.read_receipt(hear(bystander)).sequence == 0
    assert_served(agent)
