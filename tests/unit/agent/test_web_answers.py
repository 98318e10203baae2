"""What is no whole answer to the HTTP client of plugins is none: cut off, too large, or of another form."""

import socket
from collections.abc import Callable

import pytest

from ccmm_agent.plugin import Reason
from ccmm_agent.testing_http import Fault, Reply, Simulator
from ccmm_agent.web import Web, digest
from tests.support.answering import answering
from tests.support.web_tickets import SECRET, asked_of, place, refusal, server, short_pauses

__all__ = ["server", "short_pauses"]


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
