"""What a ZKTeco terminal may do to a reader, and what a reader may do to it: read, whole, within its time."""

import socket
import struct
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import zk.base
import zk.exception
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import Options, Reason, SourceUnavailable, Window
from ccmm_agent.testing import read_all
from ccmm_plugin_access_control.zk_line import Line, is_reading
from ccmm_plugin_access_control.zkteco import ZKTeco
from tests.support.answering import answering
from tests.support.zk_terminals import (
    AUTH,
    CONNECT,
    PORTION,
    SIZES,
    START,
    TIME,
    Enrolled,
    Record,
    Terminal,
    packed,
    scrambled,
)

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 22, 6, 0, 5, tzinfo=UTC)
CANARY = "73501946"


def many(count: int = 3000, **changed: object) -> Terminal:
    users = [Enrolled(place, str(1000 + place)) for place in range(1, 60)]
    at = packed(datetime(2026, 11, 22, 8, 0))  # noqa: DTZ001 - terminals know no zone
    records = [Record(str(1000 + number % 59 + 1), at + number, place=number % 59 + 1) for number in range(count)]
    return Terminal(users=users, records=records, **changed)  # type: ignore[arg-type]


def source(port: int, **changed: object) -> ZKTeco:
    table = {"host": "127.0.0.1", "port": port, "door": "Front door", "look_timeout": "2s"}
    return ZKTeco.from_options(Options({**table, **changed}))


def passages(box: Terminal, *, udp: bool = False, **changed: object) -> int:
    with box.running(udp=udp) as port:
        found, _ = read_all(source(port, udp=udp, **changed), now=NOW, zone=ZONE)
    return sum(len(one.roll.start_s) for one in found if one.HasField("roll"))


def problem(box: Terminal, *, udp: bool = False, **changed: object) -> tuple[Reason, str]:
    with pytest.raises(SourceUnavailable) as caught:
        passages(box, udp=udp, **changed)
    return caught.value.reason, caught.value.detail


def key_file(folder: Path, text: str) -> str:
    path = folder / "comm.key"
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


def client(port: int) -> Any:
    """pyzk as it is, over our line."""
    line = Line("127.0.0.1", port, udp=False, seconds=5)
    found = zk.base.ZK("127.0.0.1", port, ommit_ping=True)
    found._ZK__sock.close()
    found._ZK__create_socket = lambda: setattr(found, "_ZK__sock", line)
    found.helper.test_tcp = lambda: 0
    return found


@pytest.mark.parametrize(
    "act",
    [
        lambda one: one.unlock(),
        lambda one: one.disable_device(),
        lambda one: one.enable_device(),
        lambda one: one.clear_attendance(),
        lambda one: one.restart(),
        lambda one: one.poweroff(),
        lambda one: one.refresh_data(),
        lambda one: one.test_voice(),
        lambda one: one.set_time(datetime(2020, 1, 1)),  # noqa: DTZ001
        lambda one: one.set_user(uid=1, name="Mallory"),
        lambda one: one.delete_user(uid=1),
        lambda one: one.delete_user_template(uid=1),
        lambda one: one.read_with_buffer(7, 2),  # fingerprints
        lambda one: one.get_user_template(1),
        lambda one: one.get_network_params(),
        lambda one: one.enroll_user(uid=1),
        lambda one: one.set_sdk_build_1(),
        lambda one: next(one.live_capture()),
    ],
)
def test_what_does_not_only_read_never_leaves(act: Callable[[Any], object]) -> None:
    box = many(10)
    box.users[0] = Enrolled(1, "1001", "Wang Fang")
    with box.running() as port:
        library = client(port)
        library.connect()
        with closing(library._ZK__sock), pytest.raises(zk.exception.ZKError, match="stopped before it left"):
            act(library)
    assert set(box.asked) <= {CONNECT, SIZES, 1502, 1503, 1504}
    assert (len(box.records), box.door_opened, box.disabled) == (10, 0, False)


def test_the_log_in_is_pyzk_s_and_the_simulator_s_own() -> None:
    for key, session in ((0, 0), (1, 4242), (123456, 4242), (999999, 65535)):
        assert zk.base.make_commkey(key, session) == scrambled(key, session)


@given(st.binary(max_size=40))
def test_only_commands_that_read_pass(packet: bytes) -> None:
    if is_reading(packet):
        assert int.from_bytes(packet[:2], "little") in {11, 50, 201, 1000, 1001, 1100, 1102, 1502, 1503, 1504}


@pytest.mark.parametrize("udp", [False, True])
def test_a_long_log_comes_whole_whatever_the_pieces(udp: bool) -> None:
    assert passages(many(), udp=udp) == 3000


def test_pieces_of_a_few_bytes_and_live_events_between_answers_change_nothing() -> None:
    assert passages(many(60, dribbles=True, events=True), look_timeout="20s") == 60


def test_a_log_of_many_portions_comes_whole() -> None:
    assert passages(many(4000)) == 3600 + 400


def test_a_punch_while_the_log_is_read_is_one_record_more() -> None:
    box = many(100, grows_while_read=Record("1001", packed(datetime(2026, 11, 22, 13, 59))))  # noqa: DTZ001
    assert passages(box) == 100  # its hour is not over
    assert len(box.records) == 101


def test_the_right_comm_key_opens_and_stands_nowhere(tmp_path: Path) -> None:
    box = many(5, key=int(CANARY))
    file = key_file(tmp_path, CANARY)
    with box.running() as port:
        one = source(port, comm_key_file=file)
        found, done = read_all(one, now=NOW, zone=ZONE)
        lines = list(one.check(Window(cursor=b"", now=NOW, zone=ZONE)))
    assert AUTH in box.asked
    assert CANARY not in f"{found} {done} {lines}"
    assert ("ok", "password file") in [(line.verdict, line.subject) for line in lines]


def test_a_wrong_key_and_none_are_refused_with_what_to_do(tmp_path: Path) -> None:
    box = many(5, key=77)
    reason, told = problem(box, comm_key_file=key_file(tmp_path, CANARY))
    assert (reason, "does not take this comm key" in told, CANARY in told) == (Reason.REFUSED, True, False)
    reason, told = problem(box)
    assert (reason, "give comm_key_file" in told) == (Reason.REFUSED, True)


@pytest.mark.parametrize("text", ["secret", "4294967296", "-1", "１２３"])
def test_a_comm_key_is_a_number(tmp_path: Path, text: str) -> None:
    reason, told = problem(many(5), comm_key_file=key_file(tmp_path, text))
    assert (reason, "digits only" in told, text in told.partition(" holds ")[2]) == (Reason.UNREADABLE, True, False)


def test_without_its_key_file_nothing_is_asked(tmp_path: Path) -> None:
    box = many(5)
    assert problem(box, comm_key_file=str(tmp_path / "none"))[0] is Reason.NOT_FOUND
    assert box.asked == []


@pytest.mark.parametrize("cut", [0, 1, 1000])
def test_a_table_that_ends_in_its_middle_is_no_smaller_table(cut: int) -> None:
    reason, told = problem(many(truncated_to=cut))
    assert (reason, "hung up within an answer" in told) == (Reason.UNREADABLE, True)


@pytest.mark.parametrize("number", [0, 5])
def test_a_datagram_that_is_lost_is_no_smaller_table(number: int) -> None:
    assert problem(many(loses=number), udp=True)[0] is Reason.UNREADABLE


@pytest.mark.parametrize("command", [CONNECT, TIME, SIZES, 1503, PORTION])
def test_a_terminal_that_hangs_ends_with_the_time_for_all_of_it(command: int) -> None:
    begun = time.monotonic()
    reason, told = problem(many(hangs_at=command), look_timeout="1s")
    assert (reason, "within 1 s" in told) == (Reason.TIMEOUT, True)
    assert time.monotonic() - begun < 3


def test_a_terminal_that_dribbles_for_ever_ends_too() -> None:
    def serve(stream: socket.socket) -> None:
        stream.recv(1000)
        for byte in START + (100_000).to_bytes(4, "little") + bytes(200):
            stream.sendall(bytes((byte,)))
            time.sleep(0.05)

    begun = time.monotonic()
    with answering(serve) as port, pytest.raises(SourceUnavailable) as caught:
        read_all(source(port, look_timeout="1s"), now=NOW, zone=ZONE)
    assert caught.value.reason is Reason.TIMEOUT
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"", "hung up"),
        (b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n", "no packet of a ZKTeco terminal"),
        (START + (1 << 30).to_bytes(4, "little"), "no packet"),
        (START + (4).to_bytes(4, "little") + b"abcd", "no packet"),
        (START + (8).to_bytes(4, "little") + struct.pack("<4H", 2001, 0, 1, 0), "refuses"),
    ],
)
def test_what_is_no_terminal_is_said(sent: bytes, words: str) -> None:
    def serve(stream: socket.socket) -> None:
        stream.recv(1000)
        stream.sendall(sent)

    with answering(serve) as port, pytest.raises(SourceUnavailable, match=words) as caught:
        read_all(source(port), now=NOW, zone=ZONE)
    assert caught.value.reason is Reason.UNREADABLE


def test_nobody_there_is_unreachable_and_a_silent_udp_port_too() -> None:
    with many().running() as port:
        pass
    with pytest.raises(SourceUnavailable) as caught:
        read_all(source(port), now=NOW, zone=ZONE)
    assert caught.value.reason is Reason.UNREACHABLE
    with pytest.raises(SourceUnavailable) as caught:
        read_all(source(port, udp=True, look_timeout="1s"), now=NOW, zone=ZONE)
    assert caught.value.reason in (Reason.TIMEOUT, Reason.UNREACHABLE)


def test_without_counts_nothing_is_taken_for_an_empty_terminal() -> None:
    reason, told = problem(many(tells_sizes=False))
    assert (reason, "does not tell how many" in told) == (Reason.UNREADABLE, True)


@pytest.mark.parametrize("told_records", [2999, 3001, 0x7FFFFFFF])
def test_other_counts_than_records_are_no_answer(told_records: int) -> None:
    reason, told = problem(many(told_records=told_records))
    assert (reason, "the terminal counts" in told) == (Reason.UNREADABLE, True)


def test_a_clock_that_is_off_is_not_believed() -> None:
    for clock, words in ((datetime(2026, 11, 22, 14, 6), "355 s ahead"), (datetime(2026, 11, 22, 13, 0), "behind")):  # noqa: DTZ001
        reason, told = problem(many(5, clock=clock))
        assert (reason, words in told, "time server" in told) == (Reason.UNREADABLE, True, True)


def test_check_says_what_is_read_and_what_is_wrong() -> None:
    box = many(95, room=100, clock=datetime(2026, 11, 22, 15, 0))  # noqa: DTZ001
    box.users.append(Enrolled(99, "Admin", rights=14, group="3"))
    with box.running() as port:
        lines = {
            line.subject: (line.verdict, line.detail)
            for line in source(port, groups={"1": "personal"}).check(Window(cursor=b"", now=NOW, zone=ZONE))
        }
    assert lines["terminal"] == ("ok", "127.0.0.1: firmware Ver 6.60 Apr 28 2017, 95 records, 60 users")
    assert lines["clock"][0] == "failed"
    assert lines["memory"][0] == lines["comm key"][0] == lines["rights"][0] == "warning"
    assert lines["directions"] == ("warning", "95 in")
    assert lines["groups"] == ("warning", "leave as unknown: 3")
    assert lines["badges"] == ("ok", "60, 1 of them manage it")
