"""The HTTP client of plugins: what it asks with, what it keeps, and what each status is told as; over real sockets."""

import base64
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from ccmm_agent.plugin import Reason
from ccmm_agent.testing_http import Asked, Reply, Simulator, http_simulator, json_reply
from ccmm_agent.web import Web, basic, bearer, digest, form_body, header, json_body
from tests.support.web_tickets import PERSON, SECRET, asked_of, place, refusal, server, short_pauses

__all__ = ["server", "short_pauses"]


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


def test_a_redirect_is_told_without_its_query_and_followed_nowhere(server: Simulator) -> None:
    elsewhere = f"https://login.example:8443/sso?user={PERSON}"
    server.fail(Reply(302, b"x" * (8 << 20), {"Location": elsewhere}))
    with refusal(Reason.UNREADABLE, "elsewhere .HTTP 302 to https://login.example:8443.: set url"):
        asked_of(server.url)
    assert len(server.asked) == 1


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
