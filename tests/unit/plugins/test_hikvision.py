"""What a Hikvision device holds, as facts: by a device that speaks ISAPI over a real socket."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ccmm_agent.plugin import BadOption, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source
from ccmm_plugin_access_control.hik_codes import BEGINS, ENDS, OPEN, PASSBACK, REFUSED, is_known, result_of
from ccmm_proto.v1.statement_pb2 import OBSERVED
from tests.support.doors import rows_of, utc
from tests.support.hik_morning import BADGE, CARD, NOW, ZONE, alerts, morning, read_at, source
from tests.support.hikvision_devices import EVENTS, HikDevice, every
from tests.support.zk_morning import inventory_of, ms


def test_a_device_keeps_the_source_contract(tmp_path: Path) -> None:
    device = morning()
    with device.running() as gone:
        pass
    with device.running() as server:
        window = Window(cursor=b"", now=NOW, zone=ZONE)
        check_source(source(server.url, tmp_path), source(gone.url, tmp_path), window=window)
    assert device.changes == []


def test_passages_carry_who_where_and_whether_the_door_opened(tmp_path: Path) -> None:
    found, done = read_at(
        morning(),
        tmp_path,
        door_zones={"Server room": "it_room"},
        readers={"1": "in", "2": "out"},
        user_types={"normal": "personal"},
        controlled_doors=["Server room"],
    )
    front = {"door": "Front door", "direction": "in", "controlled": False}
    assert rows_of(found) == [
        (BADGE, utc(0, 1), {**front, "badge": BADGE, "person": "1001", "badge_class": "personal", "result": "open"}),
        ("999", utc(0, 5), {**front, "badge": "999", "result": "refused"}),
        (
            "1002",
            utc(3, 30),
            {
                "badge": "1002",
                "person": "1002",
                "door": "Server room",
                "zone": "it_room",
                "direction": "out",
                "controlled": True,
                "result": "open",
            },
        ),
    ]
    assert done.covers == (utc(1), utc(5))
    assert done.detail == ""


def test_the_captured_events_of_a_real_device_are_understood(tmp_path: Path, captures: Path) -> None:
    rows = json.loads((captures / "hikvision" / "hikvision-acsevent-captured.json").read_text())["AcsEvent"]["InfoList"]
    device = HikDevice(events=sorted(rows, key=lambda row: str(row["serialNo"])))
    found, done = read_at(device, tmp_path, datetime(2025, 8, 24, 15, 30, tzinfo=UTC))
    results = [(at.strftime("%H:%M:%S"), row["result"], row.get("person")) for _, at, row in rows_of(found)]
    assert sorted(results) == [
        ("12:37:02", "open", "30"),
        ("12:49:52", "refused", None),
        ("13:02:25", "refused", None),
        ("13:04:37", "open", "31"),
        ("13:12:37", "refused", None),
        ("13:25:30", "open", "31"),
    ]
    assert "31 numbers are missing in the log" in done.detail  # the capture holds six of 37
    assert "Person A" not in str(found)


def test_a_long_log_is_paged_by_what_came(tmp_path: Path) -> None:
    device = HikDevice()
    for at in every(1, 250, utc(0)):
        device.add(5, 1, at, **CARD, employeeNoString="1001")
    found, _ = read_at(device, tmp_path)
    assert len(rows_of(found)) == 250
    positions = [told["searchResultPosition"] for told in device.searches if "major" in told]
    assert {0, 30, 60} <= set(positions)
    assert len({told["searchID"] for told in device.searches}) == positions.count(0) + 2  # users and cards too


def test_numbers_without_a_meaning_are_counted_and_told(tmp_path: Path) -> None:
    device = morning()
    for _ in range(3):
        device.add(5, 214, utc(2))
    device.add(2, 0x404, utc(2))
    device.add(3, 0x50, utc(2))
    found, done = read_at(device, tmp_path)
    assert len(rows_of(found)) == 3
    assert done.detail == "neither passage nor alert (major/minor): 5/214 ×3, 2/* ×1, 3/* ×1"


def test_a_door_opened_from_afar_is_a_passage_of_nobody(tmp_path: Path) -> None:
    device = HikDevice()
    device.add(3, 0x400, utc(1))
    found, _ = read_at(device, tmp_path)
    assert [(key, row["result"], row.get("person")) for key, _, row in rows_of(found)] == [("-", "open", None)]


def test_forced_and_held_doors_and_blocked_views_are_alerts_with_their_end(tmp_path: Path) -> None:
    device = HikDevice()
    device.add(5, 0x1B, utc(1), doorNo=2)
    device.add(5, 0x1C, utc(1, 1))
    device.add(5, 0x1A, utc(1, 2), doorNo=2)
    device.add(1, 0x05, utc(2), doorNo=0)
    device.add(1, 0x404, utc(3), doorNo=0)
    found, done = read_at(device, tmp_path)
    assert alerts(found) == [
        ("Server room door_forced 1001", "door_forced", ms(utc(1)), 0),
        ("Front door door_held 1002", "door_held", ms(utc(1, 1)), 0),
        ("Server room door_forced 1001", "door_forced", ms(utc(1)), ms(utc(1, 2))),
        ("Lobby camera_blocked 1004", "camera_blocked", ms(utc(2)), 0),
        ("Lobby tamper 1005", "tamper", ms(utc(3)), 0),
    ]
    device.add(5, 0x1A, utc(5, 30))
    device.add(1, 0x06, utc(5, 31), doorNo=0)
    later, _ = read_at(device, tmp_path, NOW + timedelta(hours=1), done.cursor)
    assert alerts(later) == [
        ("Front door door_held 1002", "door_held", ms(utc(1, 1)), ms(utc(5, 30))),
        ("Lobby camera_blocked 1004", "camera_blocked", ms(utc(2)), ms(utc(5, 31))),
    ]


def test_each_card_is_a_badge_and_who_has_none_is_one_too(tmp_path: Path) -> None:
    device = morning()
    past = {"enable": True, "beginTime": "2020-01-01T00:00:00", "endTime": "2026-01-01T00:00:00"}
    device.users = [
        {
            "employeeNo": "1001",
            "name": "Wang Fang",
            "userType": "normal",
            "Valid": {"enable": False},
            "doorRight": "1,2",
        },
        {"employeeNo": "1002", "userType": "normal", "Valid": past, "doorRight": "1"},
        {"employeeNo": "V1", "userType": "visitor", "Valid": {**past, "endTime": "2030-01-01T00:00:00"}},
        {"employeeNo": "B1", "userType": "blackList"},
    ]
    device.cards = [{"cardNo": BADGE, "employeeNo": "1001"}, {"cardNo": "77", "employeeNo": "gone"}]
    found, _ = read_at(device, tmp_path, door_zones={"Server room": "it_room", "Front door": "public"})
    badges = inventory_of(found, "badge")
    told = {name: (one.get("person"), one["enabled"], one.get("class")) for name, one in badges.items()}
    assert told == {
        BADGE: ("1001", True, None),
        "77": ("gone", False, None),
        "1002": ("1002", False, None),
        "V1": ("V1", True, "visitor"),
        "B1": ("B1", False, None),
    }
    assert list(badges[BADGE]["zones"].word) == ["it_room", "public"]  # type: ignore[attr-defined]
    assert badges["1002"]["disabled"] == ms(datetime(2025, 12, 31, 16, tzinfo=UTC))
    assert "Wang" not in str(found)


def test_the_table_of_numbers_says_one_thing_of_each() -> None:
    assert not OPEN & REFUSED
    assert not PASSBACK & (OPEN | REFUSED)
    assert not {minor for major, minor in (*BEGINS, *ENDS) if major == 5} & (OPEN | REFUSED | PASSBACK)
    told = {(5, 1): "open", (5, 9): "refused", (5, 38): "open", (5, 39): "refused", (5, 75): "open", (5, 76): "refused"}
    assert {code: result_of(*code) for code in told} == told
    assert result_of(5, 10) == "passback"
    assert is_known(5, 21)
    assert not is_known(5, 214)
    assert not is_known(2, 1)


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"url": "http://192.0.2.1"}, "url"),
        ({"doors": {"first": "A"}}, "doors.first"),
        ({"readers": {"1": "left"}}, "readers.1"),
        ({"user_types": {"normal": "staff"}}, "user_types.normal"),
        ({"settle": "1m"}, "settle"),
    ],
)
def test_options_that_mean_nothing_stop_the_start(changed: Mapping[str, object], key: str, tmp_path: Path) -> None:
    with pytest.raises(BadOption) as caught:
        source(**{"url": "https://192.0.2.1", "folder": tmp_path, **changed})  # type: ignore[arg-type]
    assert caught.value.key == key


def test_it_is_read_in_a_reader_process_and_only_searched(tmp_path: Path) -> None:
    device = morning()
    with device.running() as server:
        source(server.url, tmp_path)
        table = {"url": server.url, "username": "ccmm", "password_file": str(tmp_path / "password"), "device": "Lobby"}
        reading = read_source(SourceSpec(name="h", plugin="hikvision", options=table), cursor=b"", now=NOW, zone=ZONE)
        asked = {(one.method, one.path) for one in server.asked}
    assert reading.outcome == OBSERVED, reading.detail
    assert len(rows_of(reading.observations)) == 3
    assert ("POST", EVENTS) in asked
    assert device.changes == []
