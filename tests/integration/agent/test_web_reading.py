"""The HTTP client inside a real reader process: behind the fence, over TLS, by name and by address."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.reading import Reading, SourceSpec, check_source_process, read_source
from ccmm_agent.testing_http import Asked, Certificate, Fault, Reply, Simulator, certificate, http_simulator, json_reply
from ccmm_proto.reasons import Reason
from ccmm_proto.v1.statement_pb2 import OBSERVED, UNAVAILABLE

SECRET = "s3cr3t-canary"
ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
PLUGIN = Path(__file__).parents[2] / "support"


def calls(asked: Asked) -> Reply:
    return json_reply({"calls": 7}) if asked.headers["authorization"] == f"Bearer {SECRET}" else Reply(401)


@pytest.fixture
def made(tmp_path: Path) -> Certificate:
    return certificate(tmp_path, "localhost", "127.0.0.1")


@pytest.fixture
def server(made: Certificate) -> Iterator[Simulator]:
    with http_simulator(calls, tls=made) as running:
        yield running


def spec(server: Simulator, made: Certificate, *, secret: str = SECRET, **changed: object) -> SourceSpec:
    token = made.file.parent / "token"
    token.write_text(secret)
    token.chmod(0o600)
    table = {"url": server.url, "ca_file": str(made.file), "token_file": str(token), "call_timeout": "2s", **changed}
    return SourceSpec(name="w", plugin="web", options=table, module="web_plugin", path=PLUGIN)


def read(given: SourceSpec) -> Reading:
    return read_source(given, cursor=b"", now=NOON, zone=ZONE)


def test_an_api_is_read_behind_the_fence(server: Simulator, made: Certificate) -> None:
    for url in (server.url, f"https://localhost:{server.port}"):
        reading = read(spec(server, made, url=url))
        assert (reading.outcome, reading.detail) == (OBSERVED, "")
        assert reading.observations[0].measure.count == 7
    lines = check_source_process(spec(server, made), now=NOON, zone=ZONE)
    assert [line.verdict for line in lines if line.subject != "isolation"] == ["ok"]
    assert f"127.0.0.1:{server.port}" in lines[-1].detail


def test_a_place_that_the_manifest_does_not_name_is_not_reached(server: Simulator, made: Certificate) -> None:
    with http_simulator(calls, tls=made) as other:
        for beside in (other.url, "https://other.example:1"):
            reading = read(spec(server, made, beside=beside))
            assert (reading.outcome, reading.reason) == (UNAVAILABLE, Reason.REFUSED)
            assert "denied by isolation: the manifest does not name this" in reading.detail
        assert other.asked == []


@pytest.mark.parametrize(
    ("fault", "reason", "words"),
    [
        (Reply(403), Reason.REFUSED, "calls: the account may not see this"),
        (Fault.HANG, Reason.TIMEOUT, "calls: no whole answer in time"),
        (Fault.BOMB, Reason.FLOOD, "calls: an answer of more than 16 MiB"),
        (Fault.CUT, Reason.UNREACHABLE, "calls: the connection was lost"),
    ],
)
def test_what_fails_there_is_said_here(
    server: Simulator, made: Certificate, fault: Fault | Reply, reason: Reason, words: str
) -> None:
    server.fail(fault)
    reading = read(spec(server, made))
    assert (reading.outcome, reading.reason) == (UNAVAILABLE, reason)
    assert words in reading.detail


def test_a_wrong_secret_is_told_without_it(server: Simulator, made: Certificate) -> None:
    reading = read(spec(server, made, secret="wr0ng-canary"))
    assert (reading.reason, "HTTP 401" in reading.detail) == (Reason.REFUSED, True)
    assert "canary" not in reading.detail
