"""How far clocks are off, by hand: servers wrong by a known time, daemons that say so, references that fail."""

import math
import os
import struct
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Options, Reason, Window
from ccmm_agent.testing import read_all
from ccmm_plugin_facilities import chrony_message, ntp_message
from ccmm_plugin_facilities.clock import Clock
from ccmm_plugin_facilities.look_state import parse_look_state
from ccmm_proto.errors import Malformed
from tests.support.refusals import refusal
from tests.support.time_server import Answering, clock_that_is, datagram_server

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
CSV = "0A010203,10.1.2.3,3,1795372822.77,-0.120000000,0.0,0.0,0.003,0.003,0.092,0.040000000,0.010000000,64.1,Normal\n"


def clocks(references: list[dict[str, object]], *systems: dict[str, object]) -> Clock:
    options = Options({"references": references, "systems": list(systems)})
    built = Clock.from_options(options)
    options.refuse_unknown()
    return built


def patient(source: Clock) -> Clock:
    """The same, waiting 0.6 s for an answer and not a whole second."""
    servers = [system.server and replace(system.server, timeout_s=0.6) for system in source.systems]
    pairs = zip(source.systems, servers, strict=True)
    return replace(source, systems=tuple(replace(system, server=server) for system, server in pairs))


def at(port: int, **more: object) -> dict[str, object]:
    return {"host": "127.0.0.1", "port": port, **more}


def readings(source: Clock, now: datetime = NOON) -> dict[tuple[str, str], float]:
    """What one look gathers: (quantity, source) → value."""
    _, done = read_all(source, now=now, zone=ZONE)
    (quarter,) = parse_look_state(done.cursor).quarters.values()
    found = {}
    for key, (_, _, last, n, _) in quarter.items():
        assert n == 1
        words = dict(part.split(": ") for part in key.strip("{}").replace('"', "").split(", "))
        found[(words["quantity"], words["source"])] = last
    return found


@pytest.mark.parametrize("ahead_s", [2.5, -2.5, 0.0, 4000.0])
def test_a_system_is_judged_by_the_reference_and_not_by_our_clock(ahead_s: float) -> None:
    """Both servers are an hour away from our clock, so ours is no judge; the sign of the offset does not matter."""
    with (
        datagram_server(clock_that_is(3600.0)) as reference,
        datagram_server(clock_that_is(3600.0 + ahead_s)) as system,
    ):
        own: dict[str, object] = {"source": "own", "ask": "own"}
        found = readings(clocks([at(reference)], at(system, source="acd", ask="ntp"), own))
    assert found[("clock_offset", "acd")] == pytest.approx(abs(ahead_s) * 1000, abs=40)
    assert found[("clock_offset", "own")] == pytest.approx(3600_000, abs=40)
    assert found[("clock_stratum", "acd")] == 2
    assert ("clock_stratum", "own") not in found


@pytest.mark.parametrize(
    "unsynchronised",
    [{"leap": 3}, {"stratum": 0, "leap": 3, "reference": bytes(4)}, {"reference": b"\x7f\x7f\x01\x01"}],
)
def test_a_clock_that_follows_nothing_has_a_value_and_is_no_reference(unsynchronised: dict[str, int]) -> None:
    with (
        datagram_server(clock_that_is(0.0)) as reference,
        datagram_server(clock_that_is(7.0, **unsynchronised)) as system,  # type: ignore[arg-type]  # by the test's table
    ):
        found = readings(clocks([at(reference)], at(system, source="acd", ask="ntp")))
        with refusal(Reason.UNREACHABLE, "no reference: .*it is no reference"):
            readings(clocks([at(system)], at(reference, source="acd", ask="ntp")))
    assert found[("clock_offset", "acd")] == pytest.approx(7000, abs=40)
    assert found[("clock_stratum", "acd")] == 16


def test_one_reference_is_enough_and_the_others_are_counted() -> None:
    with datagram_server(clock_that_is(0.0)) as good, datagram_server(clock_that_is(0.0, leap=3)) as bad:
        source = clocks([at(bad), at(good)], {"source": "own", "ask": "own"})
        _, done = read_all(source, now=NOON, zone=ZONE)
        lines = list(source.check(Window(cursor=b"", now=NOON, zone=ZONE)))
    assert done.detail == "references that could not be used: 1 of 2; the reference is in a private network"
    warned = [line.detail for line in lines if line.verdict == "warning"]
    assert any("no reference" in line for line in warned)
    assert any("key" in line for line in warned)
    assert any("private network" in line for line in warned)


def test_a_system_that_is_judged_is_no_reference() -> None:
    with datagram_server(clock_that_is(0.0)) as port, refusal(Reason.UNREACHABLE, "is judged itself"):
        readings(clocks([at(port)], at(port, source="acd", ask="ntp")))


def test_references_that_differ_are_none() -> None:
    with (
        datagram_server(clock_that_is(0.0)) as one,
        datagram_server(clock_that_is(0.8)) as other,
        refusal(Reason.UNREADABLE, r"differ by 0\.8 s"),
    ):
        readings(clocks([at(one), at(other)], {"source": "own", "ask": "own"}))


@pytest.mark.parametrize(
    ("system", "reason", "words"),
    [
        (clock_that_is(0.0, stratum=0, reference=b"RATE"), Reason.REFUSED, "acd: .*RATE"),
        (lambda asked: None, Reason.TIMEOUT, "acd: .*did not answer"),
        (lambda asked: clock_that_is(0.0)(bytes(48)), Reason.TIMEOUT, "did not answer"),  # somebody else's question
        (lambda asked: b"nonsense", Reason.UNREADABLE, "no answer of a time server"),
        (lambda asked: asked, Reason.TIMEOUT, "did not answer"),  # our own question, mirrored
        (clock_that_is(0.0, slow_s=0.5), Reason.UNREADABLE, "too long to judge"),
    ],
)
def test_a_system_that_cannot_be_judged_is_no_system_less(system: Answering, reason: Reason, words: str) -> None:
    with (
        datagram_server(clock_that_is(0.0)) as reference,
        datagram_server(system) as port,
        refusal(reason, words),
    ):
        readings(patient(clocks([at(reference)], at(port, source="acd", ask="ntp"), {"source": "own", "ask": "own"})))


@pytest.mark.parametrize(("type", "text"), [("sha1", "HEX:" + "a1" * 20), ("aes128", "HEX:" + "b2" * 16)])
def test_an_answer_without_a_proof_by_the_key_is_none(tmp_path: Path, type: str, text: str) -> None:
    key = tmp_path / "key"
    key.write_text(text)
    keyed: dict[str, object] = {"key_id": 7, "key_type": type, "key_file": str(key)}
    for tail, words in ((b"", "without a proof"), (bytes(4), "crypto-NAK"), (bytes(24), "without a proof")):

        def answer(asked: bytes, tail: bytes = tail) -> bytes | None:
            plain = clock_that_is(0.0)(asked)
            return None if plain is None else plain + tail

        with datagram_server(answer) as port, refusal(Reason.UNREACHABLE, words):
            readings(clocks([at(port, **keyed)], {"source": "own", "ask": "own"}))


def test_the_proof_by_a_key_covers_the_whole_message() -> None:
    """RFC 8573 and RFC 5905: key and message, or the CMAC of the message; a digest above 20 bytes is cut."""
    for type, length in (("md5", 16), ("sha1", 20), ("sha256", 20), ("aes128", 16)):
        key = ntp_message.parse_key(7, type, "HEX:" + "b2" * 16)
        asked = ntp_message.format_request(b"12345678", key)
        assert len(asked) == 48 + 4 + length
        plain = clock_that_is(0.0)(asked)
        assert plain is not None
        good = plain + struct.pack(">I", 7) + ntp_message._digest(key, plain)
        assert ntp_message.parse_reply(good, b"12345678", key, near=time.time()) is not None
        for at_byte in (1, 20, 47, 50, 60):
            torn = bytearray(good)
            torn[at_byte] ^= 1
            with pytest.raises(Malformed):
                ntp_message.parse_reply(bytes(torn), b"12345678", key, near=time.time())
    assert "b2" not in repr(key)


def test_times_after_2036_are_of_the_next_era() -> None:
    near = datetime(2036, 2, 8, tzinfo=UTC).timestamp()
    raw = struct.pack(">Q", int((near + 2208988800) % 2**32) << 32)
    datagram = bytes([0x24, 2]) + bytes(22) + b"12345678" + raw + raw
    reply = ntp_message.parse_reply(datagram, b"12345678", None, near=near)
    assert reply is not None
    assert reply.sent == near


@given(st.binary(max_size=150), st.booleans())
def test_whatever_a_time_server_sends_is_an_answer_or_none(datagram: bytes, keyed: bool) -> None:
    key = ntp_message.parse_key(7, "sha1", "canary") if keyed else None
    try:
        found = ntp_message.parse_reply(datagram, datagram[24:32], key, near=0.0)
    except Malformed:
        return
    assert found is None or (math.isfinite(found.sent) and 1 <= found.stratum <= 16)


@given(st.binary(min_size=104, max_size=120))
def test_whatever_chronyd_sends_is_tracking_or_none(datagram: bytes) -> None:
    head = struct.pack(">BBHHHH6xIII", 6, 2, 0, 33, 5, 0, 9, 0, 0)
    for sent in (datagram, head + datagram[len(head) :]):
        try:
            found = chrony_message.parse_reply(sent, 9)
        except Malformed:
            continue
        assert found is None or 0 <= found.error_s < math.inf


@given(st.text(max_size=120) | st.lists(st.sampled_from(["7F7F0101", "3", "nan", "0.1", "Normal"])).map(",".join))
def test_whatever_a_file_holds_is_tracking_or_malformed(text: str) -> None:
    try:
        assert 0 <= chrony_message.parse_csv(text).error_s < math.inf
    except Malformed:
        return


@pytest.mark.parametrize(
    ("line", "offset_ms", "stratum"),
    [
        (CSV, 120 + 10 + 20, 3),  # correction, dispersion, half of the delay: the most that it can be off
        (CSV.replace("Normal", "Not synchronised"), 16_000, 16),
        (CSV.replace("0A010203", "7F7F0101"), 16_000, 16),
    ],
)
def test_what_a_daemon_says_of_itself_counts_with_its_own_largest_error(
    tmp_path: Path, line: str, offset_ms: float, stratum: int
) -> None:
    path = tmp_path / "tracking"
    path.write_text(line)
    with datagram_server(clock_that_is(0.0)) as reference:
        source = clocks([at(reference)], {"source": "crm", "ask": "chronyc", "file": str(path)})
        found = readings(source, now=datetime.now(UTC))
        os.utime(path, (0, 0))
        with refusal(Reason.UNREADABLE, "crm: .* min old: does the job"):
            readings(source, now=datetime.now(UTC))
        path.write_text("503 No such source")
        with refusal(Reason.UNREADABLE, "no line of"):
            readings(source, now=datetime.now(UTC))
        path.unlink()
        with refusal(Reason.NOT_FOUND, "is not there"):
            readings(source, now=datetime.now(UTC))
    assert found == {("clock_offset", "crm"): pytest.approx(offset_ms), ("clock_stratum", "crm"): stratum}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"references": []}, "nobody at the center sets"),
        ({"systems": []}, "1 to 64 systems"),
        ({"systems": [{"source": "a", "ask": "own"}, {"source": "a", "ask": "own"}]}, "another name"),
        ({"systems": [{"source": "a", "ask": "date"}]}, "one of ntp, own, chrony, chronyc"),
        ({"references": [{"host": "ntp.example", "key_id": 1}]}, "key_id and key_file"),
        ({"references": [{"host": "ntp.example", "key_type": "crc32"}]}, "one of md5"),
    ],
)
def test_what_cannot_judge_is_refused_by_name(changed: dict[str, object], words: str) -> None:
    given: dict[str, object] = {"references": [{"host": "ntp.example"}], "systems": [{"source": "a", "ask": "own"}]}
    with pytest.raises(BadOption, match=words):
        Clock.from_options(Options({**given, **changed}))


def test_a_quarter_hour_holds_the_worst_of_its_looks() -> None:
    cursor = b""
    with datagram_server(clock_that_is(0.0)) as reference:
        for minute, ahead in ((0, 0.1), (5, 1.5), (10, 0.2), (15, 0.1)):
            with datagram_server(clock_that_is(ahead)) as system:
                source = clocks([at(reference)], at(system, source="acd", ask="ntp"))
                found, done = read_all(source, cursor=cursor, now=NOON + timedelta(minutes=minute), zone=ZONE)
                cursor = done.cursor
    offset = next(one.measure for one in found if one.measure.dimensions[0].text == "clock_offset")
    assert offset.gauge.max == pytest.approx(1500, abs=40)
    assert (offset.gauge.count, done.covers) == (3, (NOON, NOON + timedelta(minutes=15)))
    assert [(d.name, d.text) for d in offset.dimensions] == [
        ("quantity", "clock_offset"),
        ("resource", "ntp"),
        ("source", "acd"),
    ]
