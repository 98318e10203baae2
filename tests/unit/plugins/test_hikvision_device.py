"""What a Hikvision device may answer: whole, or said; never half a list, never for ever."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.delimited import LocalTimes
from ccmm_agent.plugin import Reason, SourceUnavailable, Window
from ccmm_agent.testing_http import Asked, Fault, Reply, certificate, json_reply
from ccmm_plugin_access_control.hik_events import (
    parse_card,
    parse_event,
    parse_holder,
    parse_levels,
    parse_page,
    parse_xml,
)
from ccmm_plugin_access_control.hik_facts import in_order
from ccmm_proto.errors import Malformed
from tests.support.doors import rows_of, utc
from tests.support.hik_morning import CARD, NOW, ZONE, morning, read, source
from tests.support.hikvision_devices import CARDS, EVENTS, USERS, HikDevice, every

TIMES = LocalTimes(ZoneInfo("Asia/Shanghai"))
CANARY = "canary-of-this-device"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)
NAMES = st.sampled_from(
    ("serialNo", "time", "major", "minor", "doorNo", "cardNo", "employeeNo", "employeeNoString", "Valid", "doorRight")
)


def problem(device: HikDevice, folder: Path, **changed: object) -> tuple[Reason, str]:
    with device.running() as server, pytest.raises(SourceUnavailable) as caught:
        read(source(server.url, folder, **changed))
    return caught.value.reason, caught.value.detail


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.HANG, Reason.TIMEOUT),
        (Fault.DRIP, Reason.TIMEOUT),
        (Fault.CUT, Reason.UNREACHABLE),
        (Fault.NO_HTTP, Reason.UNREADABLE),
        (Fault.LOG_IN_PAGE, Reason.UNREADABLE),
        (Fault.WRONG_ENCODING, Reason.UNREADABLE),
        (Fault.HALF, Reason.UNREADABLE),
        (Fault.OVERSIZED, Reason.FLOOD),
        (Fault.BOMB, Reason.FLOOD),
        (json_reply({}, 403), Reason.REFUSED),
        (json_reply({}, 500), Reason.UNREACHABLE),
    ],
)
@pytest.mark.parametrize("path", [EVENTS, USERS, "/ISAPI/System/time"])
def test_what_is_no_whole_answer_is_said(fault: Fault | Reply, reason: Reason, path: str, tmp_path: Path) -> None:
    device = morning()
    with device.running() as server:
        server.fail(fault, path=path)
        with pytest.raises(SourceUnavailable) as caught:
            read(source(server.url, tmp_path, call_timeout="1s" if fault in (Fault.HANG, Fault.DRIP) else "20s"))
    assert caught.value.reason is reason, caught.value.detail
    assert CANARY not in caught.value.detail


def test_a_wrong_password_is_refused_and_nowhere_told(tmp_path: Path) -> None:
    reason, told = problem(HikDevice(password="another"), tmp_path)
    assert (reason, "secret is not accepted" in told, CANARY in told) == (Reason.REFUSED, True, False)


def test_a_missing_right_is_named(tmp_path: Path) -> None:
    device = morning()
    with device.running() as server:
        server.fail(json_reply({"subStatusCode": "lowPrivilege"}, 403), path=EVENTS)
        with pytest.raises(SourceUnavailable, match="Log Search"):
            read(source(server.url, tmp_path))


def test_without_its_password_nothing_is_asked(tmp_path: Path) -> None:
    device = morning()
    with device.running() as server:
        one = source(server.url, tmp_path)
        (tmp_path / "password").unlink()
        with pytest.raises(SourceUnavailable) as caught:
            read(one)
        assert server.asked == []
    assert caught.value.reason is Reason.NOT_FOUND


def test_its_own_certificate_is_trusted_where_it_is_given(tmp_path: Path) -> None:
    issued = certificate(tmp_path)
    with morning().running(tls=issued) as server:
        found, _ = read(source(server.url, tmp_path, ca_file=str(issued.file)))
        assert len(rows_of(found)) == 3
        with pytest.raises(SourceUnavailable, match="self-signed"):
            read(source(server.url, tmp_path))


def test_a_list_that_ends_before_its_total_is_none(tmp_path: Path) -> None:
    reason, told = problem(HikDevice(total_beyond=1, events=[]), tmp_path)
    assert (reason, "0 of 1, and no more" in told) == (Reason.UNREADABLE, True)


def test_a_device_that_gives_other_times_than_asked_for_is_not_believed(tmp_path: Path) -> None:
    device = morning()
    device.ignores_time = True
    device.add(5, 1, utc(1, day=2), **CARD)
    reason, told = problem(device, tmp_path)
    assert (reason, "another time" in told) == (Reason.UNREADABLE, True)


def test_a_clock_that_is_off_is_not_believed(tmp_path: Path) -> None:
    device = morning()
    device.clock = "2026-11-22T14:10:05+08:00"
    reason, told = problem(device, tmp_path)
    assert (reason, "600 s ahead" in told, "NTP" in told) == (Reason.UNREADABLE, True, True)


def test_a_clock_without_an_offset_is_the_zone_s(tmp_path: Path) -> None:
    device = morning()
    device.clock = "2026-11-22T14:00:05"
    with device.running() as server:
        found, _ = read(source(server.url, tmp_path))
    assert len(rows_of(found)) == 3


@pytest.mark.parametrize(
    "broken",
    [
        {"time": "yesterday"},
        {"serialNo": "1001"},
        {"serialNo": 1001},
        {"cardNo": "1" * 2000},
        {"doorNo": -1},
    ],
)
def test_one_event_that_is_not_understood_is_no_smaller_list(broken: dict[str, object], tmp_path: Path) -> None:
    device = morning()
    device.events.append({**device.events[-1], "serialNo": 1005, **broken})
    assert problem(device, tmp_path)[0] is Reason.UNREADABLE


def test_the_same_event_on_two_pages_is_one(tmp_path: Path) -> None:
    device = HikDevice()
    for at in every(1, 40, utc(0)):
        device.add(5, 1, at, **CARD)
    device.events.insert(29, device.events[0])
    with device.running() as server:
        found, _ = read(source(server.url, tmp_path))
    assert len(rows_of(found)) == 40


def test_a_card_that_stands_twice_is_no_list(tmp_path: Path) -> None:
    device = morning()
    device.cards = [{"cardNo": "7", "employeeNo": "1"}, {"cardNo": "7", "employeeNo": "2"}]
    reason, told = problem(device, tmp_path)
    assert (reason, "stands twice" in told) == (Reason.UNREADABLE, True)


def test_a_device_that_never_ends_a_list_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccmm_plugin_access_control.hik_device.MOST_PAGES", 5)
    device = morning()

    def endless(asked: Asked) -> Reply:
        reply = device.answer(asked)
        if asked.path != CARDS or reply.status != 200:
            return reply
        told = {"responseStatusStrg": "MORE", "numOfMatches": 1, "totalMatches": 9, "CardInfo": [{"cardNo": "1"}]}
        return json_reply({"CardInfoSearch": told})

    with device.running() as server:
        server.answer = endless
        with pytest.raises(SourceUnavailable, match="pages") as caught:
            read(source(server.url, tmp_path))
    assert caught.value.reason is Reason.FLOOD


def test_check_says_what_is_read_and_what_is_wrong(tmp_path: Path) -> None:
    device = morning()
    device.level, device.clock = "Administrator", "2026-11-22T15:00:05+08:00"
    device.add(5, 214, utc(2), doorNo=3)
    with device.running() as server:
        one = source(server.url, tmp_path)
        lines = {
            line.subject: (line.verdict, line.detail) for line in one.check(Window(cursor=b"", now=NOW, zone=ZONE))
        }
        device.lists_accounts = False
        again = {line.subject: line.verdict for line in one.check(Window(cursor=b"", now=NOW, zone=ZONE))}
    assert lines["password file"][0] == "ok"
    assert lines["device"] == ("ok", f"127.0.0.1:{server.port}: DS-K1T804MF, firmware V1.4.0")
    assert lines["clock"][0] == "failed"
    assert (lines["rights"][0], again["rights"]) == ("warning", "ok")
    assert lines["events"] == ("ok", "5 of the last day, 3 of them passages")
    assert lines["directions"] == ("warning", "none is told: fill [source.readers]")
    assert lines["doors"][1].endswith(": 3")
    assert lines["codes"][1] == "neither passage nor alert: 5/214 ×1"
    assert CANARY not in f"{lines}"


@given(st.dictionaries(NAMES, JSON, max_size=8))
def test_only_the_declared_error_escapes(row: dict[str, object]) -> None:
    for parse in (lambda: parse_event(row, TIMES), lambda: parse_holder(row, TIMES), lambda: parse_card(row)):
        with suppress(Malformed):
            parse()


@given(JSON)
def test_a_page_is_whole_or_none(answer: object) -> None:
    told = answer if isinstance(answer, dict) else {"AcsEvent": answer}
    with suppress(Malformed):
        parse_page(told, "AcsEvent", "InfoList")


@given(st.binary(max_size=200))
def test_bytes_are_xml_or_none(body: bytes) -> None:
    for parse in (parse_xml, parse_levels):
        with suppress(Malformed):
            parse(body)


def test_an_entity_that_grows_is_no_xml() -> None:
    body = b'<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;&x;">]><a><b>&y;</b></a>'
    with pytest.raises(Malformed):
        parse_xml(body)


@given(st.lists(st.integers(1, 50), max_size=60))
def test_events_come_in_order_and_once(serials: list[int]) -> None:
    begin = datetime(2026, 11, 22, tzinfo=UTC)
    rows: list[dict[str, object]] = [
        {"serialNo": serial, "time": begin.replace(minute=serial).isoformat()} for serial in serials
    ]
    found = list(in_order(parse_event(row, TIMES) for row in rows))
    assert [event.serial for event in found] == sorted(set(serials))
