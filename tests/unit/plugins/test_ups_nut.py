"""What upsd may send, and what no upsd would: read as it is meant, or said; never half a truth, never for ever."""

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import Options, Reason, SourceUnavailable, Window
from ccmm_agent.testing import read_all
from ccmm_plugin_facilities.nut_protocol import LINE_BYTES, format_line, parse_line, parse_pairs
from ccmm_plugin_facilities.ups import Ups
from ccmm_proto.errors import Malformed
from tests.support.answering import answering

NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
BEGIN, END = b"BEGIN LIST VAR floor\n", b"END LIST VAR floor\n"
LISTED = b'BEGIN LIST UPS\nUPS floor "hall 1"\nEND LIST UPS\n'
STATUS = b'VAR floor ups.status "OL"\n'
CANARY = "canary-of-this-test"


def source(port: int, **changed: object) -> Ups:
    table = {"host": "127.0.0.1", "port": port, "units": {"floor": "u1"}, "look_timeout": "1s"}
    return Ups.from_options(Options({**table, **changed}))


def sending(*pieces: bytes, pause_s: float = 0.0) -> Callable[[socket.socket], None]:
    """Answers the first line with these bytes and hangs up."""

    def serve(stream: socket.socket) -> None:
        stream.recv(1000)
        for piece in pieces:
            stream.sendall(piece)
            time.sleep(pause_s)
        stream.shutdown(socket.SHUT_WR)
        while stream.recv(1000):  # what it asks beyond that would else tear down what was sent
            pass

    return serve


@given(st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1), min_size=1, max_size=5))
def test_parsing_undoes_formatting(words: list[str]) -> None:
    assert parse_line(format_line(*words).removesuffix(b"\n")) == tuple(words)


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"])))
def test_a_quoted_text_comes_back(text: str) -> None:
    with suppress(ValueError):
        assert parse_line(format_line("VAR", "x", text + '"').removesuffix(b"\n")) == ("VAR", "x", text + '"')


@given(st.binary(max_size=200))
def test_only_the_declared_error_escapes(line: bytes) -> None:
    with suppress(Malformed):
        assert parse_line(line)


@given(st.lists(st.lists(st.sampled_from(["VAR", "floor", "a", "b"]), max_size=5).map(tuple)))
def test_a_list_has_only_its_own_lines(lines: list[tuple[str, ...]]) -> None:
    with suppress(Malformed):
        assert len(parse_pairs(("VAR", "floor"), lines)) == len(lines)


@pytest.mark.parametrize(
    ("pieces", "reason", "words"),
    [
        ([BEGIN, STATUS], Reason.UNREADABLE, "end of the connection"),
        ([BEGIN, STATUS[:-5]], Reason.UNREADABLE, "end of the connection"),
        ([b""], Reason.UNREADABLE, "end of the connection"),
        ([b"\x00\xff\xfe garbage\n"], Reason.UNREADABLE, "another answer"),
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], Reason.UNREADABLE, "another answer"),
        ([b"x" * (3 * LINE_BYTES)], Reason.UNREADABLE, "a line without end"),
        ([b"x" * (LINE_BYTES + 1) + b"\n"], Reason.UNREADABLE, "too long"),
        ([BEGIN, b'VAR floor ups.status "OL\n', END], Reason.UNREADABLE, "open quotes"),
        ([BEGIN, b"\n", END], Reason.UNREADABLE, "empty line"),
        ([BEGIN, STATUS, STATUS, END], Reason.UNREADABLE, "twice"),
        ([BEGIN, STATUS, b'VAR rack ups.load "1"\n', END], Reason.UNREADABLE, "another list"),
        ([BEGIN, END, LISTED], Reason.UNREADABLE, "floor: no status"),
        ([BEGIN, b'VAR floor ups.status "WAIT"\n', END, LISTED], Reason.UNREADABLE, "floor: no status"),
        ([BEGIN, b"".join(b'VAR floor a%d "1"\n' % n for n in range(5001)), END], Reason.FLOOD, "more than 5000"),
        ([b"ERR ACCESS-DENIED\n"], Reason.REFUSED, "upsd.conf"),
        ([b"ERR UNKNOWN-UPS\n"], Reason.NOT_FOUND, "ups.conf"),
        ([b"ERR DATA-STALE\n"], Reason.UNREADABLE, "driver"),
        ([b"ERR\n"], Reason.UNREADABLE, "no reason"),
        ([b"ERR SOMETHING-NEW\n"], Reason.UNREADABLE, "SOMETHING-NEW"),
        ([BEGIN, STATUS, b"ERR DRIVER-NOT-CONNECTED\n", END], Reason.UNREADABLE, "driver"),
    ],
)
def test_what_is_no_whole_answer_is_said(pieces: list[bytes], reason: Reason, words: str) -> None:
    with answering(sending(*pieces)) as port, pytest.raises(SourceUnavailable, match=words) as caught:
        read_all(source(port, look_timeout="20s"), now=NOW, zone=ZONE)
    assert caught.value.reason is reason


def test_an_answer_that_drips_ends_with_the_time_for_all_of_it() -> None:
    drip = [BEGIN, *(bytes([byte]) for byte in STATUS * 10)]
    begun = time.monotonic()
    with answering(sending(*drip, pause_s=0.05)) as port, pytest.raises(SourceUnavailable, match="1 s") as caught:
        read_all(source(port), now=NOW, zone=ZONE)
    assert caught.value.reason is Reason.TIMEOUT
    assert time.monotonic() - begun < 3


def test_an_answer_in_small_pieces_is_whole() -> None:
    with answering(sending(*(bytes([byte]) for byte in BEGIN + STATUS + END + LISTED))) as port:
        found, done = read_all(source(port), now=NOW, zone=ZONE)
    assert (found, done.covers, done.detail) == ([], None, "")


def test_after_starttls_the_server_is_verified_and_only_then_told_the_password(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    (tmp_path / "secret").write_text(CANARY)
    told: list[bytes] = []

    def serve(stream: socket.socket) -> None:
        assert stream.recv(100) == b"STARTTLS\n"
        stream.sendall(b"OK STARTTLS\n")
        with context.wrap_socket(stream, server_side=True) as encrypted:
            for answer in (b"OK\n", b"OK\n", BEGIN + STATUS + END, LISTED):
                told.append(encrypted.recv(1000))
                encrypted.sendall(answer)
            encrypted.recv(100)

    def given(port: int, **changed: object) -> Ups:
        who = {"username": "ccmm", "password_file": str(tmp_path / "secret"), "start_tls": True, "host": "localhost"}
        return source(port, **{**who, "ca_file": str(tmp_path / "ca.pem"), **changed})

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with answering(serve) as port:
        read_all(given(port), now=NOW, zone=ZONE)
    assert told == [b"USERNAME ccmm\n", b"PASSWORD " + CANARY.encode() + b"\n", b"LIST VAR floor\n", b"LIST UPS\n"]
    told.clear()
    with answering(serve) as port, pytest.raises(SourceUnavailable, match="ca_file") as caught:
        read_all(given(port, ca_file=None), now=NOW, zone=ZONE)
    assert caught.value.reason is Reason.UNREACHABLE
    assert told == []


@pytest.mark.parametrize("answer", [b"ERR INVALID-PASSWORD\n", b"OK\nERR ACCESS-DENIED\n", b"\n"])
def test_no_error_and_no_line_of_check_tells_the_password(tmp_path: Path, answer: bytes) -> None:
    (tmp_path / "secret").write_text(CANARY)
    (tmp_path / "secret").chmod(0o644)
    with answering(sending(answer)) as port:
        asked = source(port, username="ccmm", password_file=str(tmp_path / "secret"))
        with pytest.raises(SourceUnavailable) as caught:
            read_all(asked, now=NOW, zone=ZONE)
        lines = []
        with suppress(SourceUnavailable):
            for line in asked.check(Window(cursor=b"", now=NOW, zone=ZONE)):
                lines.append(line)
    assert CANARY not in str(caught.value) + repr(asked) + str(lines)
