"""A web API asked through an HTTP proxy, over real sockets: the way, its log-in, and all that fails at it."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccmm_agent.mend import mend_of
from ccmm_agent.options import BadOption, Options
from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_agent.testing_http import Asked, Certificate, Reply, Simulator, certificate, http_simulator, json_reply
from ccmm_agent.web import Answer, Web, bearer, manifest_of, place_lines, place_of
from tests.support.proxies import Fault, http_proxy
from tests.support.web_tickets import short_pauses

__all__ = ["short_pauses"]

SECRET = "s3cr3t-canary"
PASSWORD = "pr0xy-c@nary: 密码"


def tickets(asked: Asked) -> Reply:
    return json_reply({"asked": asked.path})


@pytest.fixture
def made(tmp_path: Path) -> Certificate:
    return certificate(tmp_path, "localhost", "127.0.0.1")


@pytest.fixture
def server(made: Certificate) -> Iterator[Simulator]:
    with http_simulator(tickets, tls=made) as running:
        yield running


def asked(server: Simulator, made: Certificate, proxy: str, *, budget_s: float = 20.0, **changed: object) -> Answer:
    options = {"url": server.url, "ca_file": str(made.file), "call_timeout": "2s", "proxy": proxy, **changed}
    with Web(place_of(Options(options)), bearer(SECRET), budget_s=budget_s) as web:
        web.get("/first", what="tickets")
        return web.get("/tickets", what="tickets")


def test_the_api_is_asked_through_the_proxy_and_tls_ends_at_the_api(server: Simulator, made: Certificate) -> None:
    with http_proxy() as proxy:
        assert asked(server, made, proxy.url).json_object() == {"asked": "/tickets"}
        assert proxy.asked == [f"127.0.0.1:{server.port}"]  # one way for both questions
        assert [one.headers["authorization"] for one in server.asked] == [f"Bearer {SECRET}"] * 2
        assert SECRET not in proxy.heads[0]
        assert SECRET.encode() not in proxy.carried
        assert b"/tickets" not in proxy.carried


def test_the_name_of_the_certificate_is_that_of_the_api(server: Simulator, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = certificate(tmp_path / "other", "api.example")
    with http_simulator(tickets, tls=other) as named, http_proxy() as proxy:
        with pytest.raises(SourceUnavailable, match="tickets: its certificate is for another name"):
            asked(named, other, proxy.url)
        assert asked(named, other, proxy.url, tls_name="api.example").status == 200
        with pytest.raises(SourceUnavailable, match="self-signed, or of an authority unknown"):
            asked(server, other, proxy.url)


def test_a_host_that_only_the_proxy_knows_is_not_looked_up_here(made: Certificate, server: Simulator) -> None:
    with http_proxy(answer=403) as proxy:
        with pytest.raises(SourceUnavailable, match=r"opens no way to api\.invalid:443"):
            asked(server, made, proxy.url, url="https://api.invalid")
        assert proxy.asked == ["api.invalid:443"]


def test_a_proxy_that_asks_for_a_log_in_gets_it_and_the_api_does_not(
    server: Simulator, made: Certificate, tmp_path: Path
) -> None:
    password = tmp_path / "proxy.password"
    password.write_text(f"{PASSWORD}\n")
    with http_proxy(log_in=("ccmm", PASSWORD)) as proxy:
        answer = asked(server, made, proxy.url, proxy_user="ccmm", proxy_password_file=str(password))
        assert answer.status == 200
        assert not [name for one in server.asked for name in one.headers if "proxy" in name]
        password.write_text("wr0ng-canary")
        with pytest.raises(SourceUnavailable, match="does not accept the log-in") as caught:
            asked(server, made, proxy.url, proxy_user="ccmm", proxy_password_file=str(password))
        assert "canary" not in str(caught.value)
        assert len(proxy.asked) == 2  # a wrong password is told once: three of them would lock an account
        password.unlink()
        with pytest.raises(SourceUnavailable, match=r"proxy\.password is not there"):
            asked(server, made, proxy.url, proxy_user="ccmm", proxy_password_file=str(password))


@pytest.mark.parametrize(
    ("answer", "reason", "words", "mend"),
    [
        (407, Reason.REFUSED, "asks for a log-in (HTTP 407): set proxy_user and proxy_password_file", "proxy_log_in"),
        (403, Reason.REFUSED, "opens no way to 127.0.0.1:PORT (HTTP 403): allow CONNECT to it there", "proxy_way"),
        (405, Reason.REFUSED, "opens no way to 127.0.0.1:PORT (HTTP 405)", "proxy_way"),
        (502, Reason.UNREACHABLE, "cannot reach 127.0.0.1:PORT (HTTP 502)", "proxy_way"),
        (Fault.NO_HTTP, Reason.UNREACHABLE, "does not answer as an HTTP proxy does", "no_proxy"),
        (Fault.CLOSE, Reason.UNREACHABLE, "does not answer as an HTTP proxy does", "no_proxy"),
    ],
)
def test_what_fails_at_the_proxy_is_said_of_the_proxy(
    server: Simulator, made: Certificate, answer: Fault | int, reason: Reason, words: str, mend: str
) -> None:
    with http_proxy(answer=answer) as proxy:
        with pytest.raises(SourceUnavailable) as caught:
            asked(server, made, proxy.url)
        told = caught.value.detail
        assert caught.value.reason is reason
        expected = words.replace("PORT", str(server.port))
        assert told.startswith(f"127.0.0.1:{server.port}: tickets: the proxy 127.0.0.1:{proxy.port} {expected}")
        found = mend_of(str(caught.value))
        assert found is not None
        assert found.word == mend
        assert server.asked == []


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.DRIP])
def test_a_proxy_that_hangs_or_drips_is_left_in_time(server: Simulator, made: Certificate, fault: Fault) -> None:
    with http_proxy(answer=fault) as proxy:
        begun = time.monotonic()
        with pytest.raises(SourceUnavailable, match="does not open the way in time") as caught:
            asked(server, made, proxy.url, call_timeout="1s")
        assert time.monotonic() - begun < 1.9
        assert caught.value.reason is Reason.TIMEOUT


def test_a_way_that_is_cut_is_asked_for_again_and_then_told(server: Simulator, made: Certificate) -> None:
    with http_proxy(answer=Fault.CUT) as proxy:
        with pytest.raises(SourceUnavailable, match="the connection was lost"):
            asked(server, made, proxy.url)
        assert len(proxy.asked) == 3


def test_a_proxy_that_is_not_there_is_told(server: Simulator, made: Certificate) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(SourceUnavailable, match=f"the proxy 127.0.0.1:{port} is not there, nothing listens"):
        asked(server, made, f"http://127.0.0.1:{port}")
    with pytest.raises(SourceUnavailable, match=r"the proxy proxy\.invalid:3128 has a host name that is not known"):
        asked(server, made, "http://proxy.invalid:3128")


def test_a_proxy_that_takes_no_connection_is_left_in_time(server: Simulator, made: Certificate) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        threading.Event().wait(0.1)
        with pytest.raises(SourceUnavailable, match="gives no connection in time") as caught:
            asked(server, made, f"http://127.0.0.1:{port}", call_timeout="1s")
        for one in waiting:
            one.close()
    assert caught.value.reason is Reason.TIMEOUT


def test_the_environment_names_no_proxy(server: Simulator, made: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    with http_proxy(answer=403) as wrong, http_proxy() as proxy:
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, wrong.url)
        monkeypatch.setenv("NO_PROXY", "*")
        assert asked(server, made, proxy.url).status == 200
        assert wrong.asked == []


def test_the_manifest_names_the_proxy_and_not_the_api() -> None:
    given = {"proxy": "http://proxy.example:3128", "proxy_user": "ccmm", "proxy_password_file": "/etc/ccmm/p"}
    api = place_of(Options({"url": "https://api.example", **given}))
    login = place_of(Options({"url": "https://login.example", **given}))
    manifest = manifest_of(api, login, files=(Path("/etc/ccmm/s"),))
    assert manifest.endpoints == (("proxy.example", 3128),)
    assert manifest.files == (Path("/etc/ccmm/s"), Path("/etc/ccmm/p"))
    (line, _) = place_lines(api, login)
    assert line.detail == (
        "through proxy.example:3128, which should let this machine reach only api.example:443, login.example:443"
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"proxy": "https://proxy.example:3128"}, "http://HOST:PORT"),
        ({"proxy": "proxy.example:3128"}, "http://HOST:PORT"),
        ({"proxy": "http://proxy.example"}, "http://HOST:PORT"),
        ({"proxy": "http://ccmm:secret@proxy.example:3128"}, "http://HOST:PORT"),
        ({"proxy": "http://proxy.example:3128/way?x"}, "http://HOST:PORT"),
        ({"proxy": "http://proxy.example:99999"}, "http://HOST:PORT"),
        ({"proxy": "socks5://proxy.example:1080"}, "http://HOST:PORT"),
        ({"proxy_user": "ccmm", "proxy_password_file": "/p"}, "together, or proxy alone"),
        ({"proxy": "http://p:1", "proxy_user": "ccmm"}, "together, or proxy alone"),
        ({"proxy": "http://p:1", "proxy_password_file": "/p"}, "together, or proxy alone"),
        ({"proxy": "http://p:1", "proxy_user": "a:b", "proxy_password_file": "/p"}, "without a colon"),
        ({"proxy": "http://p:1", "url": "http://api.example", "plain": True}, "nothing is asked in clear"),
        ({"proxy": "http://p:1", "url": "http://127.0.0.1:80"}, "nothing is asked in clear"),
    ],
)
def test_options_that_name_no_proxy_are_refused(changed: dict[str, object], words: str) -> None:
    with pytest.raises(BadOption, match=re.escape(words)) as caught:
        place_of(Options({"url": "https://api.example", **changed}))
    assert "secret" not in str(caught.value)
