"""Real TLS servers, and servers that are none: what each accepts is told, and what cannot be told is said."""

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Options, Reason, SourceUnavailable, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, options_of_example, read_all
from ccmm_plugin_access_control.tls import Tls
from ccmm_plugin_access_control.tls_hello import (
    SSL3,
    TLS10,
    TLS12,
    TLS13,
    VERSIONS,
    WEAK,
    Answer,
    format_hello,
    parse_answer,
)
from ccmm_proto.errors import Malformed
from ccmm_proto.v1.statement_pb2 import OBSERVED
from tests.support.answering import answering
from tests.support.tls_servers import AUTHORITY, UNTIL, tls_server

ZONE = ZoneInfo("Asia/Shanghai")
V = ssl.TLSVersion


def source(**ports: object) -> Tls:
    more: dict[str, object] = {name: ports.pop(name) for name in ("call_timeout", "ca_file") if name in ports}
    more["endpoints"] = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    options = Options(more)
    built = Tls.from_options(options)
    options.refuse_unknown()
    return built


def told(**ports: object) -> dict[str, dict[str, object]]:
    (one,), done = read_all(source(**ports), now=datetime.now(UTC), zone=ZONE)
    assert one.inventory.complete
    assert done.covers is not None
    return {
        entry.key.text: {
            each.name: getattr(each.value, each.value.WhichOneof("value") or "") for each in entry.attributes
        }
        for entry in one.inventory.entries
    }


def verdicts(**ports: object) -> list[tuple[str, str]]:
    lines = source(**ports).check(Window(cursor=b"", now=datetime.now(UTC), zone=ZONE))
    return [(line.verdict, line.detail) for line in lines]


@given(st.binary(max_size=200))
def test_only_the_declared_error_escapes(received: bytes) -> None:
    for data in (received, b"\x16\x03\x03" + len(received).to_bytes(2, "big") + received):
        with suppress(Malformed):
            parse_answer(data)


@given(st.sampled_from(VERSIONS), st.binary(max_size=32), st.binary(max_size=30))
def test_the_version_of_a_whole_hello_is_found_and_of_none_that_is_cut(
    version: int, session: bytes, tail: bytes
) -> None:
    extensions = b"\0\1" + len(tail).to_bytes(2, "big") + tail
    if version == TLS13:
        extensions += b"\0\x2b\0\2\3\4"
    hello = min(version, TLS12).to_bytes(2, "big") + bytes(32) + bytes([len(session)]) + session + b"\0\x2f\0"
    hello += len(extensions).to_bytes(2, "big") + extensions
    message = b"\2" + len(hello).to_bytes(3, "big") + hello
    record = b"\x16\3\3" + len(message).to_bytes(2, "big") + message
    assert parse_answer(record) == Answer(version)
    assert parse_answer(b"\x15\3\1\0\2\1\x70" + record) == Answer(version)
    assert parse_answer(record[:-1]) is None


def test_the_source_keeps_the_contract() -> None:
    with tls_server(V.TLSv1_2) as port:
        check_source(healthy=source(crm=port), broken=source(crm=port, old=1))


@pytest.mark.parametrize(
    ("lowest", "highest", "minor"),
    [
        (V.TLSv1, V.TLSv1_3, 0),
        (V.TLSv1_1, V.TLSv1_2, 1),
        (V.TLSv1_2, V.TLSv1_2, 2),
        (V.TLSv1_2, V.TLSv1_3, 2),
        (V.TLSv1_3, V.TLSv1_3, 3),
    ],
)
def test_the_lowest_version_that_a_port_accepts_is_told(
    lowest: ssl.TLSVersion, highest: ssl.TLSVersion, minor: int
) -> None:
    with tls_server(lowest, highest, "ECDHE+AESGCM:ECDHE+AES:@SECLEVEL=0") as port:
        found = told(crm=port)["crm"]
    expires = int(UNTIL.timestamp() * 1000)
    expected = {"protocol": "tls", "tls_minor": minor, "weak_suites": False, "encrypted": True, "expires": expires}
    assert found == expected


def test_ssl_3_is_less_than_any_tls() -> None:
    """A simulator: no library of today serves it."""

    def serve(stream: socket.socket) -> None:
        hello = stream.recv(2000)
        if hello[9:11] == b"\3\0":
            body = b"\3\0" + bytes(32) + b"\0\0\x05\0"
            stream.sendall(b"\x16\3\0\0\x2a\2\0\0\x26" + body)
        else:
            stream.sendall(b"\x15\3\1\0\2\2\x46")

    with answering(serve) as port:
        expected = {"protocol": "tls", "tls_minor": -1, "weak_suites": True, "encrypted": True}
        assert told(old=port)["old"] == expected


def test_a_port_that_speaks_no_tls_is_on_the_list_as_unencrypted() -> None:
    with answering(_plain) as port:
        assert told(crm=port)["crm"] == {"protocol": "tls", "tls_minor": -1, "encrypted": False}
        assert verdicts(crm=port) == [("failed", "answers, and not in TLS: encrypt it, or take it off the list")]


def _plain(stream: socket.socket) -> None:
    stream.recv(2000)
    stream.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def _silent(stream: socket.socket) -> None:
    time.sleep(2)


def _drip(stream: socket.socket) -> None:
    for byte in b"\x16\3\3\x01\x00" + bytes(60):
        stream.sendall(bytes([byte]))
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("serve", "reason", "words"),
    [
        (lambda stream: None, Reason.UNREADABLE, "closes every connection"),
        (_silent, Reason.TIMEOUT, "no answer within 1 s"),
        (_drip, Reason.TIMEOUT, "no answer within 1 s"),
    ],
)
def test_a_port_of_which_nothing_can_be_told_makes_no_smaller_list(
    serve: Callable[[socket.socket], None], reason: Reason, words: str
) -> None:
    with (
        answering(serve) as port,
        tls_server(V.TLSv1_2) as good,
        pytest.raises(SourceUnavailable, match=words) as caught,
    ):
        told(crm=port, good=good, call_timeout="1s")
    assert caught.value.reason is reason
    assert caught.value.detail.startswith("crm:")


def test_nobody_there_is_unreachable() -> None:
    with pytest.raises(SourceUnavailable, match="refused") as caught:
        told(crm=1)
    assert caught.value.reason is Reason.UNREACHABLE


def test_check_says_what_to_mend(tmp_path: Path) -> None:
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    with tls_server(V.TLSv1_2) as port:
        good = verdicts(crm=port, ca_file=str(tmp_path / "ca.pem"))
        foreign = verdicts(crm=port)
    assert good[0] == ("ok", "accepts nothing below TLS 1.2")
    assert ("ok", "its certificate is valid until 2031-05-06") in good
    assert any("not trusted from here: unable to get local issuer" in detail for _, detail in foreign)
    assert not any("not trusted" in detail for _, detail in good)
    with tls_server(V.TLSv1) as port:
        assert verdicts(crm=port)[0] == ("failed", "still accepts TLS 1.0: turn off what is below TLS 1.2")


def test_weak_suites_are_stated_and_warned_of_and_strong_ones_are_not() -> None:
    with tls_server(V.TLSv1_2, V.TLSv1_2, "ALL:aNULL:@SECLEVEL=0") as port:
        assert told(crm=port)["crm"]["weak_suites"] is True
        assert any("weak suite" in detail for _, detail in verdicts(crm=port))
    with tls_server(V.TLSv1_2, V.TLSv1_2, "ECDHE+AESGCM") as port:
        assert told(crm=port)["crm"]["weak_suites"] is False
        assert not any("weak suite" in detail for _, detail in verdicts(crm=port))


@pytest.mark.parametrize("only", VERSIONS[1:])
def test_suites_are_asked_for_in_each_version(only: int) -> None:
    """A simulator: it takes weak suites in one version alone, as where each version has its own list."""

    def serve(stream: socket.socket) -> None:
        hello = stream.recv(2000)
        version = TLS13 if b"\0\x2b\0\3\2\3\4" in hello else int.from_bytes(hello[9:11], "big")
        first = int.from_bytes(hello[46:48], "big")
        is_strong = first not in (WEAK[0], 0xC0B4)
        if version > SSL3 and (is_strong or version == only):
            more = b"\0\6\0\x2b\0\2\3\4" if version == TLS13 else b"\0\0"
            body = min(version, TLS12).to_bytes(2, "big") + bytes(33) + hello[46:48] + b"\0" + more
            stream.sendall(b"\x16\3\3\0" + bytes([len(body) + 4]) + b"\2\0\0" + bytes([len(body)]) + body)
        else:
            stream.sendall(b"\x15\3\1\0\2\2\x28")

    with answering(serve) as port:
        assert told(crm=port)["crm"] == {"protocol": "tls", "tls_minor": 0, "weak_suites": True, "encrypted": True}


def test_it_is_read_in_a_reader_process_with_all_that_it_needs() -> None:
    with tls_server(V.TLSv1_2) as port:
        spec = SourceSpec(name="ports", plugin="tls", options={"endpoints": {"crm": f"localhost:{port}"}})
        reading = read_source(spec, cursor=b"", now=datetime.now(UTC), zone=ZONE)
    assert (reading.outcome, reading.reason, reading.detail) == (OBSERVED, "", "")


def test_each_list_vouches_for_the_time_since_the_last_one() -> None:
    first = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
    with tls_server(V.TLSv1_2) as port:
        _, done = read_all(source(crm=port), now=first, zone=ZONE)
        _, again = read_all(source(crm=port), cursor=done.cursor, now=first + timedelta(hours=6), zone=ZONE)
    assert again.covers == (first, first + timedelta(hours=6))


@pytest.mark.parametrize("written", ["crm.example", "crm.example:0", "crm.example:99999", ":443", "a b:443", "h:4x"])
def test_what_is_no_host_and_port_is_refused(written: str) -> None:
    with pytest.raises(BadOption, match="host:port"):
        Tls.from_options(Options({"endpoints": {"crm": written}}))


def test_every_option_of_the_example_is_known_and_the_manifest_names_all() -> None:
    lines = [line.removeprefix("# ") for line in Tls.example.strip().splitlines()[1:]]

    class Full(Tls):
        example = "\n".join(lines)

    found = options_of_example(Full)
    manifest = Tls.from_options(found).manifest()
    found.refuse_unknown()
    assert manifest.endpoints == (("crm.center.example", 443), ("ldap.center.example", 636))
    assert [path.name for path in manifest.files] == ["own-ca.pem"]


def test_names_are_told_to_the_server_and_addresses_are_not() -> None:
    assert b"crm.example" in format_hello(TLS10, "crm.example", bytes(32))
    assert b"10.0.0.1" not in format_hello(TLS10, "10.0.0.1", bytes(32))
    assert b"crm.example" not in format_hello(SSL3, "crm.example", bytes(32))
