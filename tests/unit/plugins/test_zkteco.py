"""What a ZKTeco terminal holds, as facts: by a terminal that speaks its protocol over a real socket."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from ccmm_agent.plugin import BadOption, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source
from ccmm_proto.v1.statement_pb2 import OBSERVED
from tests.support.doors import hours, rows_of, utc
from tests.support.zk_morning import NOW, ZONE, inventory_of, local, ms, read, read_at, source, terminal
from tests.support.zk_terminals import CLEAR_LOG, DISABLE, UNLOCK, Enrolled, Record, Terminal


def test_a_terminal_keeps_the_source_contract() -> None:
    box, gone = terminal(), terminal()
    with gone.running() as nobody:
        pass
    with box.running() as port:
        found = check_source(source(port), source(nobody), window=Window(cursor=b"", now=NOW, zone=ZONE))
    assert {one.WhichOneof("fact") for one in found} == {"roll", "inventory"}


def test_each_punch_is_a_passage_at_its_instant_under_the_user_id() -> None:
    with terminal().running() as port:
        found, done = read(source(port, door_zone="office", controlled=True, groups={"1": "personal", "9": "visitor"}))
    base = {"door": "Front door", "zone": "office", "result": "open", "controlled": True}
    staff = {**base, "badge": "1001", "person": "1001", "badge_class": "personal"}
    guest = {**base, "badge": "V1", "person": "V1", "badge_class": "visitor"}
    assert rows_of(found) == [
        ("1001", utc(0, 1).replace(second=7), {**staff, "direction": "in"}),
        ("V1", utc(0, 1).replace(second=9), {**guest, "direction": "in"}),
        ("1001", utc(4, 30), {**staff, "direction": "out"}),
    ]
    assert hours(found) == {0: (2, 0), 4: (1, 0)}
    assert done.covers == (utc(1), utc(5))  # the first hour may be cut; the last one is not over by 15 minutes
    assert done.detail == ""


def test_users_are_badges_and_the_terminal_is_a_reader() -> None:
    with terminal().running() as port:
        found, _ = read(source(port, door_zone="it_room", project="Project A", groups={"1": "personal"}))
    badges = inventory_of(found, "badge")
    assert {name: (one["class"], one["enabled"]) for name, one in badges.items()} == {
        "1001": ("personal", True),
        "1002": ("personal", False),
        "V1": ("unknown", True),
    }
    assert badges["1001"]["project"] == "Project A"
    device = inventory_of(found, "device")["Front door"]
    assert (device["class"], device["zone"], device["healthy"]) == ("reader", "it_room", True)
    assert device["seen"] == int(NOW.timestamp() * 1000)


def test_names_passwords_and_serial_numbers_stay_in_the_house() -> None:
    with terminal().running() as port:
        found, done = read(source(port))
        lines = list(source(port).check(Window(cursor=b"", now=NOW, zone=ZONE)))
    told = f"{found} {done} {lines}"
    for secret in ("Wang", "Li Na", "Guest", "4711", "BRCW"):
        assert secret not in told


@pytest.mark.parametrize(("record_size", "user_size"), [(8, 28), (16, 28), (40, 72)])
@pytest.mark.parametrize("udp", [False, True])
def test_old_and_new_terminals_tell_the_same(record_size: int, user_size: int, udp: bool) -> None:
    users = [Enrolled(place, str(1000 + place), card=place) for place in range(1, 90)]
    records = [
        Record(str(1000 + number % 89 + 1), local(8) + timedelta(seconds=number), number % 2, place=number % 89 + 1)
        for number in range(1500)
    ]
    box = Terminal(users=users, records=records, record_size=record_size, user_size=user_size)
    with box.running(udp=udp) as port:
        found, _ = read(source(port, udp=udp))
    rows = rows_of(found)
    assert [(at, row["direction"]) for _, at, row in sorted(rows, key=lambda row: row[1])] == [
        (utc(0) + timedelta(seconds=number), "out" if number % 2 else "in") for number in range(1500)
    ]
    assert [key for key, _, _ in sorted(rows, key=lambda row: row[1])][:3] == ["1001", "1002", "1003"]
    assert len(inventory_of(found, "badge")) == 89


def test_badges_by_card_number_go_by_the_user_id_where_there_is_no_card() -> None:
    with terminal().running() as port:
        found, _ = read(source(port, badge="card"))
    assert {key for key, _, _ in rows_of(found)} == {"9001", "V1"}
    assert set(inventory_of(found, "badge")) == {"9001", "9002", "V1"}
    assert inventory_of(found, "badge")["9001"]["person"] == "1001"


def test_a_deleted_user_of_an_old_terminal_is_a_passage_of_nobody_known() -> None:
    box = Terminal(users=[Enrolled(1, "1001")], record_size=8, user_size=28)
    box.records = [Record("", local(8, 1), 0, place=1), Record("", local(8, 2), 0, place=7)]
    with box.running() as port:
        found, done = read(source(port))
    assert [(key, row.get("person")) for key, _, row in rows_of(found)] == [("-", None), ("1001", "1001")]
    assert done.detail == "1 records of users who are deleted"


def test_stays_begin_with_the_first_way_in_and_end_with_the_next_way_out() -> None:
    records = [
        Record("1001", local(8, 0), 0),
        Record("1002", local(8, 0), 0),
        Record("1001", local(8, 1), 0),  # once more
        Record("1001", local(12, 0), 2),
        Record("V1", local(12, 10), 1),  # nobody saw them come
        Record("1002", local(12, 30), 1),
    ]
    with terminal(records).running() as port:
        found, done = read(source(port, presence=True, site="Shanghai", groups={"1": "personal", "9": "visitor"}))
    stays = [one.occurrence for one in found if one.occurrence.kind == "presence"]
    assert [(one.id.text, one.started_ms, one.ended_ms) for one in stays] == [
        ("2026-11-22T00:00:00Z 1", ms(utc(0)), ms(utc(4))),
        ("2026-11-22T00:00:00Z 2", ms(utc(0)), ms(utc(4, 30))),
    ]
    told = {attribute.name: attribute.value for attribute in stays[0].attributes}
    assert told["person"].text == "1001"
    assert (told["on_site"].flag, told["visitor"].flag, told["site"].text) == (True, False, "Shanghai")
    assert done.detail == "1 ways in or out without the other"


def test_a_stay_that_ends_later_is_stated_once_then_and_under_its_own_name() -> None:
    box = terminal([Record("1001", local(8, 0), 0), Record("1002", local(8, 0), 0), Record("1002", local(9, 0), 1)])
    first, done = read_at(box, NOW, presence=True)
    box.records.append(Record("1001", local(14, 30), 1))
    second, again = read_at(box, NOW + timedelta(hours=2), done.cursor, presence=True)
    third, _ = read_at(box, NOW + timedelta(hours=3), again.cursor, presence=True)
    names = [
        [one.occurrence.id.text for one in found if one.HasField("occurrence")] for found in (first, second, third)
    ]
    assert names == [["2026-11-22T00:00:00Z 2"], ["2026-11-22T00:00:00Z 1"], []]


def test_a_night_shift_is_a_stay_and_two_days_are_none() -> None:
    records = [
        Record("1002", local(8, 0, day=20), 0),
        Record("1001", local(22, 0, day=20), 0),
        Record("1001", local(6, 0, day=21), 1),
        Record("1002", local(8, 0, day=22), 1),
    ]
    with terminal(records).running() as port:
        found, done = read(source(port, presence=True))
    assert [one.occurrence.ended_ms for one in found if one.HasField("occurrence")] == [ms(utc(22, day=20))]
    assert done.detail == "2 ways in or out without the other"


def test_states_and_a_fixed_direction_are_the_house_s_own() -> None:
    records = [Record("1001", local(8, 0), 0), Record("1001", local(9, 0), 9)]
    with terminal(records).running() as port:
        mapped, _ = read(source(port, states={"9": "in"}, opens_door=False))
        fixed, _ = read(source(port, direction="out"))
    assert [(row.get("direction"), row.get("result")) for _, _, row in rows_of(mapped)] == [(None, None), ("in", None)]
    assert [row["direction"] for _, _, row in rows_of(fixed)] == ["out", "out"]


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"badge": "name"}, "badge"),
        ({"direction": "up"}, "direction"),
        ({"states": {"0": "inside"}}, "states.0"),
        ({"groups": {"1": "staff"}}, "groups.1"),
        ({"settle": "1m"}, "settle"),
        ({"look_timeout": "soon"}, "look_timeout"),
    ],
)
def test_options_that_mean_nothing_stop_the_start(changed: Mapping[str, object], key: str) -> None:
    with pytest.raises(BadOption) as caught:
        source(4370, **changed)
    assert caught.value.key == key


def test_it_is_read_in_a_reader_process_and_only_read(tmp_path: Path) -> None:
    box = terminal(key=123456)
    (tmp_path / "key").write_text("123456\n")
    (tmp_path / "key").chmod(0o600)
    with box.running() as port:
        table = {"host": "127.0.0.1", "port": port, "door": "Front door", "comm_key_file": str(tmp_path / "key")}
        reading = read_source(SourceSpec(name="z", plugin="zkteco", options=table), cursor=b"", now=NOW, zone=ZONE)
    assert reading.outcome == OBSERVED, reading.detail
    assert len(rows_of(reading.observations)) == 3
    assert not {CLEAR_LOG, UNLOCK, DISABLE} & {*box.asked}
    assert (len(box.records), box.door_opened, box.disabled) == (3, 0, False)
