"""`serve` as a process: its ready line, its orderly end, one at a time."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ccmm_collector import enrollment
from ccmm_collector.log import EvidenceLog
from ccmm_collector.serve import Ports, load_ports, serve
from ccmm_proto.errors import BadConfig
from tests.unit.collector.conftest import HALF_HOUR, Collector
from tests.unit.collector.small_agent import SmallAgent

PROGRAM = "import sys; from pathlib import Path; from ccmm_collector.serve import serve; serve(Path(sys.argv[1]))"


@contextmanager
def process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PROGRAM, str(folder)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def ready(child: subprocess.Popen[str]) -> Ports:
    assert child.stdout is not None
    word, evidence, enroll = child.stdout.readline().split()
    assert word == "ready"
    return Ports(evidence=int(evidence.rpartition(":")[2]), enrollment=int(enroll.rpartition(":")[2]))


def enroll(folder: Path, ports: Ports, log: EvidenceLog) -> SmallAgent:
    pem = (folder / "keys" / "server.pem").read_bytes()
    return SmallAgent("localhost", ports.enrollment, pem).enroll(enrollment.invite(log, "north", None, HALF_HOUR)[0])


def test_serve_says_its_ports_when_ready_and_ends_on_sigterm(folder: Path, log: EvidenceLog) -> None:
    with process(folder) as child:
        ports = ready(child)
        assert load_ports(folder) == ports
        assert json.loads((folder / "serve.json").read_text())["pid"] == child.pid
        assert enroll(folder, ports, log).welcome.evidence_port == ports.evidence
        child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=10) == 0
    assert load_ports(folder) is None


def test_an_agent_on_an_open_stream_is_told_that_the_collector_stops(folder: Path, log: EvidenceLog) -> None:
    with process(folder) as child:
        agent = enroll(folder, ready(child), log)
        with agent.stream() as talk:
            talk.say(agent.signer.statement())
            talk.hear()
            child.send_signal(signal.SIGTERM)
            with pytest.raises(grpc.RpcError, match="stopping"):
                talk.hear()
        assert child.wait(timeout=10) == 0


def test_what_a_receipt_promised_survives_kill_9(folder: Path, log: EvidenceLog) -> None:
    with process(folder) as child:
        agent = enroll(folder, ready(child), log)
        with agent.stream() as talk:
            statements = agent.signer.statements(50)
            talk.say(*statements)
            receipts = [agent.read_receipt(talk.hear()) for _ in range(20)]
            child.kill()
    held = {entry.digest: entry.index for entry in log.entries(after=-1, limit=999)}
    assert all(held[receipt.digest] == receipt.log_index for receipt in receipts)
    assert load_ports(folder) is None, "the dead one's ports are not believed"
    with process(folder) as child:
        agent.welcome.evidence_port = ready(child).evidence
        again = agent.receipts(statements)
    assert [receipt.sequence for receipt in again] == list(range(50))
    assert again[:20] == receipts
    assert len([entry for entry in log.entries(after=-1, limit=999) if entry.kind == "statement"]) == 50


def test_only_one_serve_runs_on_a_folder(folder: Path) -> None:
    with process(folder) as child:
        ready(child)
        with pytest.raises(BadConfig, match="another serve runs"):
            serve(folder)


def test_a_port_that_is_taken_is_named(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = folder / "collector.toml"
        port = taken.getsockname()[1]
        config.write_text(config.read_text().replace("evidence_port = 0", f"evidence_port = {port}"))
        with pytest.raises(BadConfig, match=f"evidence_port: 127.0.0.1:{port} is not free"):
            serve(folder)


def test_serve_works_without_the_root_key(folder: Path, log: EvidenceLog) -> None:
    (folder / "root-key" / "root.key").unlink()
    with process(folder) as child:
        assert enroll(folder, ready(child), log).welcome.center == "north"


def test_the_judge_is_started_with_the_log_and_stopped_whatever_happens(folder: Path) -> None:
    seen: list[object] = []

    class Judging:
        def stop(self) -> None:
            seen.append("stopped")

    def start(where: Path, log: EvidenceLog, judges: int) -> Judging:
        seen.extend([where, log.size(), judges])
        return Judging()

    (folder / "keys" / "issuing.key").unlink()
    with pytest.raises(BadConfig, match=r"issuing\.key"):
        serve(folder, start)
    assert seen == [folder, 0, 1, "stopped"]


def test_health_is_served_on_both_ports(collector: Collector) -> None:
    agent = collector.agent()
    request = health_pb2.HealthCheckRequest()
    with agent.stream() as talk:
        check = health_pb2_grpc.HealthStub(talk.channel).Check(request, timeout=5)
        assert check.status == health_pb2.HealthCheckResponse.SERVING
    credentials = grpc.ssl_channel_credentials(agent.server_pem)
    with grpc.secure_channel(f"localhost:{collector.ports.enrollment}", credentials) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check(request, timeout=5)
        assert check.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"pid": "x", "evidence": 1, "enrollment": 2}'])
def test_a_damaged_serve_file_is_named(folder: Path, text: str) -> None:
    (folder / "serve.json").write_text(text)
    with pytest.raises(BadConfig, match=r"serve\.json"):
        load_ports(folder)
