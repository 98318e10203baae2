"""Asking over real sockets: who answers is up, who does not is down, and what this machine cannot ask is neither."""

import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_facilities.dns_message import format_question, parse_reply
from ccmm_plugin_facilities.probe import Target, why_down
from ccmm_plugin_facilities.sip import Answer, cut_message, format_options, parse_answer
from ccmm_proto.errors import Malformed
from tests.support.answering import answering
from tests.support.answering_sip import answer, datagrams

NAME = "www.center.example"


def asked(ask: str, port: int, timeout_s: float = 1.0, **more: object) -> str | None:
    given: dict[str, object] = {"service": "s", "ask": ask, "host": "127.0.0.1", "port": port, "name": NAME, **more}
    return why_down(Target(**given), timeout_s)  # type: ignore[arg-type]  # options of one test


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@given(st.binary(max_size=300))
def test_only_the_declared_error_escapes(received: bytes) -> None:
    for parse in (parse_answer, cut_message, lambda data: parse_reply(data, 1, NAME)):
        with suppress(Malformed):
            parse(received)


@given(st.integers(100, 699), st.text("0123456789abcdef", min_size=1, max_size=32), st.booleans(), st.binary())
def test_an_answer_is_read_whole_or_in_pieces(status: int, call_id: str, compact: bool, body: bytes) -> None:
    request = format_options("sbc.example", 5060, ("10.0.0.1", 40000), "UDP", call_id)
    message = answer(request, f"{status} Whatever", body=body, compact=compact)
    assert parse_answer(message) == Answer(status, call_id, "1 OPTIONS")
    assert cut_message(b"\r\n" + message + message[:7]) == (message, message[:7])
    assert cut_message(message[: len(message) - len(body) - 1]) is None


def test_hosts_of_six_are_written_in_brackets() -> None:
    request = format_options("2001:db8::1", 5060, ("::1", 40000), "TCP", "a").decode()
    assert request.startswith("OPTIONS sip:[2001:db8::1]:5060;transport=tcp SIP/2.0\r\nVia: SIP/2.0/TCP [::1]:40000;")
    assert request.endswith("Content-Length: 0\r\n\r\n")


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "405 Method Not Allowed", "486 Busy Here", "501 X"])
def test_who_answers_options_is_there(status: str) -> None:
    with datagrams(lambda request: [answer(request, "100 Trying"), answer(request, status)]) as port:
        assert asked("sip", port) is None


@pytest.mark.parametrize("status", ["408 Request Timeout", "500 Server Error", "503 Service Unavailable", "603 X"])
def test_who_says_that_nothing_works_is_down(status: str) -> None:
    with datagrams(lambda request: [answer(request, status)]) as port:
        assert asked("sip", port) == f"it answers {status[:3]} to OPTIONS"


def test_a_lost_datagram_is_asked_again() -> None:
    seen: list[bytes] = []

    def answers(request: bytes) -> list[bytes]:
        seen.append(request)
        return [answer(request)] if len(seen) > 1 else []

    with datagrams(answers) as port:
        assert asked("sip", port, 3.0) is None
    assert seen[0] == seen[1]


def test_an_answer_to_another_question_is_none() -> None:
    def foreign(request: bytes) -> list[bytes]:
        return [answer(request).replace(b"Call-ID: ", b"Call-ID: x"), answer(request).replace(b"1 OPTIONS", b"1 BYE")]

    with datagrams(foreign) as port:
        assert asked("sip", port) == "no answer within 1 s"


def test_garbage_is_passed_over_and_named_where_nothing_else_comes() -> None:
    with datagrams(lambda request: [b"\x00\xff", answer(request)]) as port:
        assert asked("sip", port) is None
    with datagrams(lambda request: [b"\x00\xff"] * 5) as port:
        assert "it answers with a message without end" in str(asked("sip", port))


def test_nobody_there_is_down_at_once_where_the_system_says_so() -> None:
    begun = time.monotonic()
    for ask in ("sip", "sip_tcp", "tcp", "tls", "dns"):
        assert asked(ask, free_port(), 5.0) == "Connection refused", ask
    assert time.monotonic() - begun < 4


def sip_server(*, answers: Callable[[bytes], bytes], pause_s: float = 0.0) -> Callable[[socket.socket], None]:
    def serve(stream: socket.socket) -> None:
        told = answers(stream.recv(4000))
        for at in range(0, len(told), 40 if pause_s else len(told)):
            stream.sendall(told[at : at + (40 if pause_s else len(told))])
            time.sleep(pause_s)

    return serve


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        (lambda request: answer(request, "183 X", body=b"v=0") + answer(request), "None"),
        (lambda request: answer(request, "503 X"), "503"),
        (lambda request: answer(request)[:-9], "without an answer"),
        (lambda request: b"HTTP/1.1 400 Bad Request\r\n\r\n", "no SIP response"),
        (lambda request: b"x" * 70_000, "too long"),
        (lambda request: answer(request).replace(b"Content-Length: 0", b"Content-Length: -5"), "without length"),
    ],
)
def test_options_over_a_stream(answers: Callable[[bytes], bytes], why: str) -> None:
    with answering(sip_server(answers=answers)) as port:
        assert why in str(asked("sip_tcp", port))


def test_a_stream_that_drips_ends_with_the_time() -> None:
    begun = time.monotonic()
    with answering(sip_server(answers=lambda request: b"SIP/2.0 200 OK\r\n" * 99, pause_s=0.2)) as port:
        assert asked("sip_tcp", port) == "no answer within 1 s"
    assert time.monotonic() - begun < 3


def reply(question: bytes, *, code: int = 0, answers: int = 1, flags: int = 0x8180) -> bytes:
    return question[:2] + struct.pack(">5H", flags | code, 1, answers, 0, 0) + question[12:]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "None"),
        ({"answers": 0, "flags": 0x8380}, "None"),
        ({"code": 3}, "code 3"),
        ({"code": 2}, "code 2"),
        ({"answers": 0}, "no address"),
        ({"flags": 0x0180}, "no answer to this question"),
    ],
)
def test_a_name_server_is_up_where_it_knows_the_name(given: dict[str, int], why: str) -> None:
    with datagrams(lambda question: [reply(question, **given)]) as port:
        assert why in str(asked("dns", port))


def test_a_reply_to_another_question_is_none() -> None:
    question = format_question(7, NAME)
    assert parse_reply(reply(question), 7, NAME.upper()) is None
    for number, name in ((8, NAME), (7, "other.example")):
        with pytest.raises(Malformed):
            parse_reply(reply(question), number, name)


@contextmanager
def tls_server(identity: str, folder: Path) -> Iterator[int]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(identity).configure_cert(context)

    def serve(stream: socket.socket) -> None:
        with context.wrap_socket(stream, server_side=True) as encrypted:
            encrypted.recv(1)

    with answering(serve) as port:
        yield port


def test_tls_is_up_with_a_certificate_that_customers_would_take(tmp_path: Path) -> None:
    with tls_server("127.0.0.1", tmp_path) as port:
        assert asked("tls", port, ca_file=tmp_path / "ca.pem") is None
        assert "unable to get local issuer" in str(asked("tls", port))
        assert asked("tls", port, verify=False) is None
    with tls_server("other.example", tmp_path) as port:
        assert "IP address mismatch" in str(asked("tls", port, ca_file=tmp_path / "ca.pem"))


def test_a_server_that_accepts_and_says_nothing_is_up_by_tcp_and_down_by_tls() -> None:
    with answering(lambda stream: time.sleep(2)) as port:
        assert asked("tcp", port) is None
        assert asked("tls", port, 0.5) == "no answer within 0.5 s"


@pytest.mark.parametrize("number", [101, 24, 1])
def test_what_this_machine_cannot_ask_is_no_outage_of_the_target(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> socket.socket:
        raise OSError(number, "here")

    monkeypatch.setattr(socket, "create_connection", fail)
    with pytest.raises(SourceUnavailable, match="could not ask from here") as caught:
        asked("tcp", 1)
    assert caught.value.reason is Reason.UNREACHABLE


def test_a_resolver_that_does_not_answer_is_ours_and_an_unknown_name_the_targets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> socket.socket:
        raise socket.gaierror(code, "x")

    monkeypatch.setattr(socket, "create_connection", fail)
    code = socket.EAI_NONAME
    assert asked("tcp", 1) == "its name is not known"
    code = socket.EAI_AGAIN
    with pytest.raises(SourceUnavailable, match="cannot be resolved"):
        asked("tcp", 1)
