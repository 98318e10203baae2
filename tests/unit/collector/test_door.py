"""Who gets through TLS at all: refusals in the handshake have no name, the connection just does not come about."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from ccmm_collector.config import new_config
from ccmm_collector.init import init
from ccmm_collector.keys import load_ec_key
from tests.unit.collector.conftest import Collector, serving
from tests.unit.collector.small_agent import Transport


def test_plaintext_is_not_answered(collector: Collector) -> None:
    for port in (collector.ports.evidence, collector.ports.enrollment):
        with grpc.insecure_channel(f"localhost:{port}") as channel:
            submit: Any = channel.stream_stream("/ccmm.v1.Evidence/Submit")
            with pytest.raises(grpc.RpcError) as error:
                next(submit(iter([b""]), timeout=5))
            assert error.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_certificate_of_another_authority_is_not_let_in(collector: Collector, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    init(elsewhere, new_config("collector", "localhost:0"))
    with serving(elsewhere) as other:
        stranger = other.agent()
    mixed = replace(collector.agent(), transport=stranger.transport)
    with pytest.raises(grpc.RpcError) as error, mixed.stream():
        pass
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_client_without_a_certificate_is_not_let_in(collector: Collector) -> None:
    agent = collector.agent()
    bare = grpc.ssl_channel_credentials(agent.server_pem)
    with grpc.secure_channel(f"localhost:{collector.ports.evidence}", bare) as channel:
        submit: Any = channel.stream_stream("/ccmm.v1.Evidence/Submit")
        with pytest.raises(grpc.RpcError) as error:
            next(submit(iter([b""]), timeout=5))
        assert error.value.code() is grpc.StatusCode.UNAVAILABLE


def test_enrollment_is_not_served_on_the_evidence_port(collector: Collector) -> None:
    agent = collector.agent()
    with agent.stream() as talk:
        enroll: Any = talk.channel.unary_unary("/ccmm.v1.Enrollment/Enroll")
        with pytest.raises(grpc.RpcError) as error:
            enroll(b"", timeout=5)
        assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_the_certificate_of_the_server_itself_is_not_let_in(collector: Collector) -> None:
    agent = collector.agent()
    keys = collector.folder / "keys"
    server = replace(agent, transport=Transport(load_ec_key(keys / "server.key"), (keys / "server.pem").read_bytes()))
    with pytest.raises(grpc.RpcError) as error, server.stream():
        pass
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE
