"""The HTTP client of plugins against a web server that fails in every way it can, over real sockets."""

import base64
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_agent.testing_http import Asked, Fault, Reply, Simulator, certificate, http_simulator, json_reply
from ccmm_agent.web import Answer, Place, Web, basic, bearer, digest, form_body, header, json_body
from tests.support.answering import answering

SECRET = "s3cr3t-canary"
PERSON = "zhang.wei"


def tickets(asked: Asked) -> Reply:
    return json_reply({"asked": asked.path, "names": ["张伟"] * 50})


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccmm_agent.web._PAUSE_S", 0.05)


@pytest.fixture
def server() -> Iterator[Simulator]:
    with http_simulator(tickets) as running:
        yield running


def place(url: str, **changed: object) -> Place:
    host, port = re.fullmatch(r"https?://([^:/]+):(\d+).*", url).groups()  # type: ignore[union-attr]
    given: dict[str, object] = {"url": url, "host": host, "port": int(port), "timeout_s": 5.0, **changed}
    return Place(**given)  # type: ignore[arg-type]


def asked_of(url: str, *, budget_s: float = 20.0, most_bytes: int = 1 << 20, **changed: object) -> Answer:
    with Web(place(url, **changed), bearer(SECRET), budget_s=budget_s, most_bytes=most_bytes) as web:
        return web.get("/tickets", {"owner": PERSON}, what="tickets", right="the right ShowTicket")


@contextmanager
def refusal(reason: Reason, words: str) -> Iterator[None]:
    """SourceUnavailable with these words, and never the secret or what was asked about whom."""
    with pytest.raises(SourceUnavailable, match=words) as caught:
        yield
    assert caught.value.reason is reason
    assert "tickets: " in caught.value.detail
    assert SECRET not in caught.value.detail
    assert PERSON not in caught.value.detail


def test_a_question_carries_its_query_and_its_secret_and_brings_the_whole_answer(server: Simulator) -> None:
    answer = asked_of(server.url)
    assert answer.json_object() == {"asked": "/tickets", "names": ["张伟"] * 50}
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    (asked,) = server.asked
    assert (asked.method, asked.query, asked.headers["authorization"]) == (
        "GET",
        {"owner": PERSON},
        f"Bearer {SECRET}",
    )


def test_forms_and_json_are_posted_with_headers_of_their_own(server: Simulator) -> None:
    with Web(place(f"{server.url}/api"), header("X-Api-Key", SECRET)) as web:
        web.post("/token", form_body({"grant_type": "client credentials", "scope": "读"}), what="token")
        web.post("/query", json_body({"who": "张伟"}), what="query", headers={"X-Zone": "cn"})
    token, query = server.asked
    assert (token.path, token.form()) == ("/api/token", {"grant_type": "client credentials", "scope": "读"})
    assert (query.json(), query.headers["x-zone"]) == ({"who": "张伟"}, "cn")
    assert {asked.headers["x-api-key"] for asked in server.asked} == {SECRET}


def test_names_and_passwords_are_utf_8(server: Simulator) -> None:
    with Web(place(server.url), basic("合规", "密码")) as web:
        web.get("/", what="start")
    kind, packed = server.asked[0].headers["authorization"].split()
    assert (kind, base64.b64decode(packed).decode()) == ("Basic", "合规:密码")


def digest_asked(asked: Asked) -> Reply:
    given = asked.headers.get("authorization", "")
    if 'username="reader"' not in given or 'nonce="once"' not in given:
        challenge = 'Digest realm="door", qop="auth", nonce="once", algorithm=MD5'
        return Reply(401, b"x" * (8 << 20), {"WWW-Authenticate": challenge})
    return json_reply({"asked": asked.body.decode()})


def test_a_challenge_is_answered_once_and_its_long_page_is_not_read() -> None:
    with http_simulator(digest_asked) as server, Web(place(server.url), digest("reader", SECRET)) as web:
        first = web.post("/events", json_body([1]), what="events")
        again = web.post("/events", json_body([2]), what="events")
        assert [first.json_object(), again.json_object()] == [{"asked": "[1]"}, {"asked": "[2]"}]
        assert len(server.asked) == 3
        assert SECRET not in str(server.asked)


def test_a_wrong_password_for_a_challenge_is_refused() -> None:
    with http_simulator(digest_asked) as server, Web(place(server.url), digest("other", SECRET)) as web:
        with refusal(Reason.REFUSED, "the secret is not accepted"):
            web.get("/events", what="tickets")
        assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (400, Reason.UNREADABLE, "does not take the question"),
        (401, Reason.REFUSED, "secret is not accepted .*expired or revoked$"),
        (403, Reason.REFUSED, "give it the right ShowTicket"),
        (404, Reason.NOT_FOUND, "correct url"),
        (405, Reason.UNREADABLE, "cannot be asked so"),
        (407, Reason.REFUSED, "a proxy"),
        (408, Reason.TIMEOUT, "408"),
        (410, Reason.NOT_FOUND, "no longer there"),
        (418, Reason.UNREADABLE, "another kind .HTTP 418"),
        (204, Reason.UNREADABLE, "another kind .HTTP 204"),
        (500, Reason.UNREACHABLE, "the server fails .HTTP 500.: look at its log"),
        (504, Reason.TIMEOUT, "HTTP 504"),
    ],
)
def test_each_status_is_told_with_its_mend(server: Simulator, status: int, reason: Reason, words: str) -> None:
    server.fail(Reply(status, f"{SECRET} {PERSON}".encode() if status != 204 else b""))
    with refusal(reason, words):
        asked_of(server.url)
    assert len(server.asked) == (3 if status in (500, 504) else 1)


def test_a_status_that_was_asked_for_is_an_answer(server: Simulator) -> None:
    server.fail(json_reply({"code": "GONE"}, 404))
    with Web(place(server.url)) as web:
        answer = web.get("/x", what="x", statuses=(200, 404))
    assert (answer.status, answer.json_object()) == (404, {"code": "GONE"})


def test_a_refused_secret_tells_of_clocks_that_lie_apart(server: Simulator) -> None:
    an_hour_ago = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    server.fail(Reply(401, headers={"Date": an_hour_ago}))
    with refusal(Reason.REFUSED, r"its clock is 3(599|600|601) s behind ours: set the clocks"):
        asked_of(server.url)


@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_that_the_server_asks_for_is_kept(server: Simulator, status: int) -> None:
    server.fail(json_reply({}, status, retry_after="1"), times=1)
    begin = time.monotonic()
    assert asked_of(server.url).status == 200
    assert 0.9 < time.monotonic() - begin < 4
    assert len(server.asked) == 2


@pytest.mark.parametrize("wait", ["3600", "Fri, 31 Dec 2199 23:59:59 GMT"])
def test_a_wait_longer_than_the_time_left_is_told_at_once(server: Simulator, wait: str) -> None:
    server.fail(json_reply({}, 429, retry_after=wait))
    begin = time.monotonic()
    with refusal(Reason.LIMITED, "asks to wait [0-9]+ s: ask it less often"):
        asked_of(server.url)
    assert time.monotonic() - begin < 1
    assert len(server.asked) == 1


def test_a_server_that_only_ever_says_later_ends_with_the_budget(server: Simulator) -> None:
    server.fail(json_reply({}, 429, retry_after="0"))
    with refusal(Reason.LIMITED, "limits how often"):
        asked_of(server.url, budget_s=0.3)
    assert 2 <= len(server.asked) <= 6


def test_a_redirect_is_told_without_its_query_and_followed_nowhere(server: Simulator) -> None:
    elsewhere = f"https://login.example:8443/sso?user={PERSON}"
    server.fail(Reply(302, b"x" * (8 << 20), {"Location": elsewhere}))
    with refusal(Reason.UNREADABLE, "elsewhere .HTTP 302 to https://login.example:8443.: set url"):
        asked_of(server.url)
    assert len(server.asked) == 1


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.CLOSE, Fault.RESET])
def test_a_lost_connection_is_tried_again_for_a_get_and_not_for_a_post(server: Simulator, fault: Fault) -> None:
    server.fail(fault, times=2)
    assert asked_of(server.url).status == 200
    assert len(server.asked) == 3
    server.fail(fault)
    with refusal(Reason.UNREACHABLE, "the connection was lost before the answer was whole"):
        asked_of(server.url)
    assert len(server.asked) == 6
    with Web(place(server.url)) as web:
        with refusal(Reason.UNREACHABLE, "lost"):
            web.post("/query", json_body({}), what="tickets")
        assert len(server.asked) == 7
        server.heal()
        server.fail(fault, times=1)
        assert web.post("/query", json_body({}), what="tickets", repeatable=True).status == 200


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.DRIP, Fault.DRIP_HEAD])
@pytest.mark.parametrize("tls", [False, True])
def test_nothing_outlasts_the_time_for_an_answer(tmp_path: Path, fault: Fault, tls: bool) -> None:
    made = certificate(tmp_path)
    with http_simulator(tickets, tls=made if tls else None) as server:
        server.fail(fault)
        begin = time.monotonic()
        with refusal(Reason.TIMEOUT, "no whole answer in time"):
            asked_of(server.url, timeout_s=0.7, ca_file=made.file if tls else None)
        assert 0.6 < time.monotonic() - begin < 1.5


def test_the_budget_ends_all_questions_together(server: Simulator) -> None:
    with Web(place(server.url), budget_s=0.6) as web:
        web.get("/one", what="one")
        server.fail(Fault.DRIP)
        with refusal(Reason.TIMEOUT, "in time"):
            web.get("/two", what="tickets")
        assert web.left_s < 0.1
        time.sleep(web.left_s)
        with refusal(Reason.TIMEOUT, "no time is left"):
            web.get("/three", what="tickets")


def test_a_handshake_that_hangs_ends_in_time() -> None:
    held = threading.Event()

    def hold(_stream: socket.socket) -> None:
        held.wait(5)

    with answering(hold) as port:
        begin = time.monotonic()
        with refusal(Reason.TIMEOUT, "in time"):
            asked_of(f"https://127.0.0.1:{port}", timeout_s=0.6)
        held.set()
    assert time.monotonic() - begin < 1.5


@pytest.mark.parametrize(
    ("fault", "reason", "words"),
    [
        (Fault.NO_HTTP, Reason.UNREADABLE, "does not speak HTTP"),
        (Fault.OVERSIZED, Reason.FLOOD, "more than 1 MiB: ask for smaller pages"),
        (Fault.BOMB, Reason.FLOOD, "more than 1 MiB"),
        (Fault.TORN_GZIP, Reason.UNREADABLE, "gzip that is cut off"),
        (Fault.LOG_IN_PAGE, Reason.UNREADABLE, "a web page, no JSON: a log-in page"),
        (Fault.WRONG_ENCODING, Reason.UNREADABLE, "text that is not UTF-8"),
        (Fault.HALF, Reason.UNREADABLE, "no sound JSON"),
    ],
)
def test_what_is_no_whole_answer_is_none(server: Simulator, fault: Fault, reason: Reason, words: str) -> None:
    server.fail(fault)
    with refusal(reason, words):
        asked_of(server.url).json()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[" * 200_000, "nested too deep"),
        (b'{"a": NaN}', "no sound JSON"),
        (b"1" * 5000, "no sound JSON"),
        (b"[]", "an object was expected"),
    ],
)
def test_json_that_python_alone_would_choke_on_is_refused(server: Simulator, body: bytes, words: str) -> None:
    server.fail(Reply(200, body))
    with refusal(Reason.UNREADABLE, words):
        asked_of(server.url).json_object()


def raw(content: bytes) -> Callable[[socket.socket], None]:
    def serve(stream: socket.socket) -> None:
        stream.recv(65536)
        stream.sendall(content)

    return serve


def endless(head: bytes) -> Callable[[socket.socket], None]:
    def serve(stream: socket.socket) -> None:
        stream.recv(65536)
        stream.sendall(head)
        while True:  # until the client closes
            stream.sendall(b"x" * 65536)

    return serve


def test_a_page_without_end_that_nobody_needs_is_not_read() -> None:
    challenge = b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n\r\n'
    for head, reason in (
        (b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", Reason.UNREADABLE),
        (challenge, Reason.REFUSED),
    ):
        with (
            answering(endless(head)) as port,
            Web(place(f"http://127.0.0.1:{port}", timeout_s=1.0), digest("reader", SECRET)) as web,
            refusal(reason, "HTTP (302|401)"),
        ):
            web.get("/", what="tickets")


def test_an_answer_that_cannot_show_its_end_is_believed_of_json_only() -> None:
    for kind, believed in (("application/json", True), ("text/csv", False)):
        with answering(raw(f"HTTP/1.0 200 OK\r\nContent-Type: {kind}\r\n\r\n[1]".encode())) as port:
            if believed:
                assert asked_of(f"http://127.0.0.1:{port}").json() == [1]
            else:
                with refusal(Reason.UNREADABLE, "whether it is whole cannot be known"):
                    asked_of(f"http://127.0.0.1:{port}")


def test_an_encoding_that_was_not_asked_for_and_one_that_lies_are_refused(server: Simulator) -> None:
    for coding, words in (("br", "not asked for"), ("gzip", "not gzip, as it says")):
        server.fail(Reply(200, b"{}", {"Content-Encoding": coding}))
        with refusal(Reason.UNREADABLE, words):
            asked_of(server.url)


def test_chunks_that_break_off_are_no_answer() -> None:
    chunks = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1]\r\n"
    with answering(raw(chunks)) as port, refusal(Reason.UNREACHABLE, "lost before the answer was whole"):
        asked_of(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("names", "begins", "ends", "words"),
    [
        (("127.0.0.1",), -2, -1, "certificate has expired: renew it there, or set the clock here .20"),
        (("127.0.0.1",), 1, 2, "certificate is not valid yet"),
        (("door.example",), -1, 1, "for another name: use that name in url, or set tls_name"),
    ],
)
def test_certificates_are_told_with_their_mend(
    tmp_path: Path, names: tuple[str, ...], begins: int, ends: int, words: str
) -> None:
    made = certificate(tmp_path, *names, begins=timedelta(days=begins), ends=timedelta(days=ends))
    with http_simulator(tickets, tls=made) as server:
        with refusal(Reason.UNREACHABLE, words):
            asked_of(server.url, ca_file=made.file)
        assert server.asked == []


def test_a_self_signed_certificate_is_trusted_only_by_its_file(tmp_path: Path) -> None:
    made = certificate(tmp_path, "door.example")
    with http_simulator(tickets, tls=made) as server:
        with refusal(Reason.UNREACHABLE, "self-signed, or of an authority unknown here: set ca_file"):
            asked_of(server.url, tls_name="door.example")
        assert asked_of(server.url, ca_file=made.file, tls_name="door.example").status == 200


def test_a_file_of_authorities_that_holds_none_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "ca.pem"
    with pytest.raises(SourceUnavailable, match=r"ca_file .*ca.pem is not there"):
        asked_of("https://127.0.0.1:1", ca_file=empty)
    empty.write_text("no certificate")
    with pytest.raises(SourceUnavailable, match=r"ca.pem holds no certificate"):
        asked_of("https://127.0.0.1:1", ca_file=empty)


def test_tls_where_there_is_none_and_a_port_where_nothing_is(server: Simulator) -> None:
    with refusal(Reason.UNREACHABLE, "is it https"):
        asked_of(server.url.replace("http:", "https:"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with refusal(Reason.UNREACHABLE, "nothing listens there"):
            asked_of(f"http://127.0.0.1:{free.getsockname()[1]}")


def test_a_name_that_nobody_knows_is_told() -> None:
    with refusal(Reason.UNREACHABLE, "(host name is not known|no name server answers)"):
        asked_of("https://nowhere.invalid:443", timeout_s=3.0)


def test_neither_proxies_nor_netrc_of_the_environment_are_used(
    server: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    for name, value in (
        ("NETRC", str(netrc)),
        ("HTTP_PROXY", "http://127.0.0.1:1"),
        ("ALL_PROXY", "http://127.0.0.1:1"),
    ):
        monkeypatch.setenv(name, value)
        monkeypatch.setenv(name.lower(), value)
    with Web(place(server.url)) as web:
        web.get("/", what="start")
    assert "authorization" not in server.asked[0].headers


def test_a_secret_that_http_cannot_carry_is_told_without_it(server: Simulator) -> None:
    for auth in (bearer("张"), digest("张", "x")):
        server.fail(Reply(401, headers={"WWW-Authenticate": 'Digest realm="r", nonce="n", qop="auth"'}))
        with Web(place(server.url), auth) as web, refusal(Reason.BAD_OPTION, "HTTP cannot carry"):
            web.get("/tickets", what="tickets")


def test_connections_are_kept_and_closed(server: Simulator) -> None:
    before = open_files()
    with Web(place(server.url)) as web:
        for _ in range(5):
            web.get("/", what="start")
    deadline = time.monotonic() + 5
    while open_files() > before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert open_files() == before


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
