"""Sources that are asked through an HTTP proxy, in a real reader process: the proxy is all that they may reach."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.reading import SourceSpec, check_source_process, describe_source, read_source
from ccmm_agent.testing_http import Asked, Certificate, Reply, Simulator, certificate, http_simulator, json_reply
from ccmm_proto.reasons import Reason
from ccmm_proto.v1.statement_pb2 import OBSERVED, UNAVAILABLE
from tests.support import salesforce_center
from tests.support.connect import ACCOUNT, INSTANCE, KEY, REGION, Connect, contact, user
from tests.support.connect import SECRET as CONNECT_SECRET
from tests.support.genesys import CLIENT, Genesys
from tests.support.genesys import SECRET as GENESYS_SECRET
from tests.support.genesys_detail import conversation
from tests.support.kernel import needs_landlock
from tests.support.proxies import Fault, http_proxy
from tests.support.salesforce_orgs import PEM

ZONE = ZoneInfo("Asia/Shanghai")
PLUGIN = Path(__file__).parents[2] / "support"
NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
PASSWORD = "pr0xy-canary"
TOKEN = "t0ken-canary"
Table = dict[str, object]


@pytest.fixture
def made(tmp_path: Path) -> Certificate:
    return certificate(tmp_path, "localhost", "127.0.0.1")


def secret_file(folder: Path, name: str, content: bytes) -> str:
    path = folder / name
    path.write_bytes(content)
    path.chmod(0o600)
    return str(path)


def web(folder: Path, now: datetime, made: Certificate) -> tuple[AbstractContextManager[Simulator], Table]:
    def calls(asked: Asked) -> Reply:
        return json_reply({"calls": 7}) if asked.headers["authorization"] == f"Bearer {TOKEN}" else Reply(401)

    return http_simulator(calls, tls=made), {"url": "URL", "token_file": secret_file(folder, "t", TOKEN.encode())}


def genesys(folder: Path, now: datetime, made: Certificate) -> tuple[AbstractContextManager[Simulator], Table]:
    cloud = Genesys(conversations=[conversation("c1", now - timedelta(hours=1))])
    places: Table = {"api_url": "URL", "login_url": "URL", "region": "mypurecloud.de", "client_id": CLIENT}
    secret = secret_file(folder, "g", GENESYS_SECRET.encode())
    return cloud.running(made), {**places, "secret_file": secret, "history": "2h"}


def connect(folder: Path, now: datetime, made: Certificate) -> tuple[AbstractContextManager[Simulator], Table]:
    cloud = Connect(contacts=[contact("c1", now - timedelta(hours=1))], users=[user("u-1", "ann", "p-2", tag="E1")])
    who: Table = {"region": REGION, "account_id": ACCOUNT, "instance_id": INSTANCE, "access_key_id": KEY}
    secret = secret_file(folder, "c", CONNECT_SECRET.encode())
    pace: Table = {"history": "30m", "searches_per_minute": 600}
    return cloud.running(made), {**who, "endpoint_url": "URL", "secret_file": secret, **pace}


def salesforce(folder: Path, now: datetime, made: Certificate) -> tuple[AbstractContextManager[Simulator], Table]:
    who: Table = {"url": "URL", "login_url": "URL", "client_id": "app", "username": "ccmm@center.example"}
    mapped: Table = {"fields": salesforce_center.FIELDS, "values": salesforce_center.VALUES}
    return salesforce_center.center().running(made), {**who, **mapped, "key_file": secret_file(folder, "s", PEM)}


CLOUDS = [
    pytest.param("web", web, NOON, id="web"),
    pytest.param("genesys_cloud", genesys, None, id="genesys"),
    pytest.param("amazon_connect", connect, None, id="connect"),
    pytest.param("salesforce", salesforce, salesforce_center.NOW, id="salesforce"),
]
Make = Callable[[Path, datetime, Certificate], tuple[AbstractContextManager[Simulator], Table]]


def spec_of(word: str, options: Table, **more: object) -> SourceSpec:
    given = {**options, **more}
    if word == "web":
        return SourceSpec(name="w", plugin=word, options=given, module="web_plugin", path=PLUGIN)
    return SourceSpec(name="w", plugin=word, options=given)


def filled(options: Table, server: Simulator, made: Certificate) -> Table:
    known: Table = {key: server.url if value == "URL" else value for key, value in options.items()}
    return {**known, "ca_file": str(made.file), "call_timeout": "2s"}


@pytest.fixture
def log_in(tmp_path: Path) -> Table:
    return {"proxy_user": "ccmm", "proxy_password_file": secret_file(tmp_path, "p", PASSWORD.encode())}


@pytest.mark.parametrize(("word", "make", "at"), CLOUDS)
def test_a_cloud_is_read_through_the_proxy_which_is_all_that_is_reached(
    tmp_path: Path, made: Certificate, log_in: Table, word: str, make: Make, at: datetime | None
) -> None:
    now = at or datetime.now(UTC)
    running, options = make(tmp_path, now, made)
    with running as server, http_proxy(log_in=("ccmm", PASSWORD)) as proxy:
        spec = spec_of(word, filled(options, server, made), proxy=proxy.url, **log_in)
        assert describe_source(spec).manifest.endpoints == (("127.0.0.1", proxy.port),)
        reading = read_source(spec, cursor=b"", now=now, zone=ZONE)
        assert reading.outcome == OBSERVED, reading.detail
        assert set(proxy.asked) == {f"127.0.0.1:{server.port}"}
        lines = check_source_process(spec, now=now, zone=ZONE)
        (told,) = [line.detail for line in lines if line.subject == "proxy"]
        assert told.endswith(f"which should let this machine reach only 127.0.0.1:{server.port}")
        assert "canary" not in f"{reading} {lines}"
        assert b"canary" not in bytes(proxy.carried)


@pytest.mark.parametrize(("word", "make", "at"), CLOUDS)
@pytest.mark.parametrize(
    ("answer", "password", "reason", "words"),
    [
        (407, None, Reason.REFUSED, "asks for a log-in (HTTP 407)"),
        (200, "wr0ng-canary", Reason.REFUSED, "does not accept the log-in (HTTP 407)"),
        (403, None, Reason.REFUSED, "opens no way to 127.0.0.1:"),
        (502, None, Reason.UNREACHABLE, "cannot reach 127.0.0.1:"),
        (Fault.HANG, None, Reason.TIMEOUT, "does not open the way in time"),
        (None, None, Reason.UNREACHABLE, "is not there, nothing listens"),
    ],
)
def test_a_proxy_that_fails_is_told_of_by_every_cloud(
    tmp_path: Path,
    made: Certificate,
    word: str,
    make: Make,
    at: datetime | None,
    answer: Fault | int | None,
    password: str | None,
    reason: Reason,
    words: str,
) -> None:
    now = at or datetime.now(UTC)
    running, options = make(tmp_path, now, made)
    log_in = ("ccmm", PASSWORD) if password else None
    with running as server, http_proxy(log_in=log_in, answer=answer or 200) as proxy:
        more: Table = {"proxy": proxy.url if answer else "http://127.0.0.1:1"}
        if password:
            more |= {"proxy_user": "ccmm", "proxy_password_file": secret_file(tmp_path, "p", password.encode())}
        reading = read_source(spec_of(word, filled(options, server, made), **more), cursor=b"", now=now, zone=ZONE)
        assert (reading.outcome, reading.reason) == (UNAVAILABLE, reason), reading.detail
        assert words in reading.detail
        assert "canary" not in reading.detail
        assert server.asked == []


@needs_landlock
def test_behind_a_proxy_the_api_itself_stays_closed(tmp_path: Path, made: Certificate) -> None:
    running, options = web(tmp_path, NOON, made)
    with running as server, http_proxy() as proxy:
        spec = spec_of("web", filled(options, server, made), proxy=proxy.url, direct=True)
        reading = read_source(spec, cursor=b"", now=NOON, zone=ZONE)
        assert (reading.outcome, reading.reason) == (UNAVAILABLE, Reason.REFUSED)
        assert "denied by isolation: the manifest does not name this endpoint" in reading.detail
        assert (server.asked, proxy.asked) == ([], [])
        opened = spec_of("web", filled(options, server, made), direct=True)  # without a proxy the same is allowed
        assert read_source(opened, cursor=b"", now=NOON, zone=ZONE).outcome == OBSERVED
