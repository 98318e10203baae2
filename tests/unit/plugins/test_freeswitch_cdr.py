"""Call records of FreeSWITCH: what the variables of mod_callcenter amount to, hostile records, reading on."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Observation, Options, Reason, SourceUnavailable, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_telephony.freeswitch.cdr_source import CallRecords
from ccmm_plugin_telephony.freeswitch.csv_record import TEMPLATE, line_parser, parse_template
from ccmm_plugin_telephony.freeswitch.record import NEEDED, contacts_of, parse_record
from ccmm_plugin_telephony.freeswitch.xml_record import parse_file
from ccmm_proto.errors import Malformed
from ccmm_proto.v1.statement_pb2 import OBSERVED
from tests.support.freeswitch import abandoned_call, answered_call, csv_line, epoch, xml_file
from tests.support.queue_logs import ZONE, at, column, measures, rolls, total

PARSE = line_parser(parse_template(TEMPLATE))


def write(path: Path, calls: Iterable[Mapping[str, str]]) -> Path:
    path.write_text("".join(f"{csv_line(call)}\n" for call in calls))
    return path


def put(folder: Path, call: Mapping[str, str], applications: list[tuple[str, str, int]] | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"a_{call['uuid']}.cdr.xml"
    path.write_bytes(xml_file(call, applications))
    os.utime(path, (int(call["end_epoch"]),) * 2)
    return path


def csv_source(path: Path, **more: object) -> CallRecords:
    return CallRecords.from_options(Options({"cdr": str(path), "template": TEMPLATE, **more}))


def xml_source(folder: Path, **more: object) -> CallRecords:
    return CallRecords.from_options(Options({"xml_folder": str(folder), **more}))


def read(source: CallRecords, now: datetime, cursor: bytes = b"") -> tuple[list[Observation], bytes]:
    found, done = read_all(source, cursor=cursor, now=now, zone=ZONE)
    return found, done.cursor


def contact(call: Mapping[str, str]) -> tuple[object, ...]:
    (one,) = contacts_of(parse_record(call), {}, {})
    return one.queue, one.outcome, one.wait_s, one.talk_s, one.ended_by


CALLS = [
    answered_call("c1", at("09:01"), 12, 100),
    answered_call("c2", at("09:02"), 20, 5, sip_hangup_disposition="send_bye"),
    abandoned_call("c3", at("09:03"), 7),
    abandoned_call("c4", at("09:14"), 60, cc_cancel_reason="TIMEOUT"),
    answered_call("c5", at("09:16"), 3, 40, cc_queue="sales", cc_agent="1002@default"),
]


@pytest.mark.parametrize("kind", ["csv", "xml"])
def test_the_source_keeps_the_contract(tmp_path: Path, kind: str) -> None:
    if kind == "csv":
        healthy = csv_source(write(tmp_path / "Master.csv", CALLS))
        broken = csv_source(tmp_path / "absent.csv")
    else:
        for call in CALLS:
            put(tmp_path / "xml_cdr", call)
        healthy, broken = xml_source(tmp_path / "xml_cdr"), xml_source(tmp_path / "absent")
    assert len(check_source(healthy, broken, window=Window(cursor=b"", now=at("12:00"), zone=ZONE))) > 10


@pytest.mark.parametrize("kind", ["csv", "xml"])
def test_figures_of_a_quarter_hour_as_counted_by_hand(tmp_path: Path, kind: str) -> None:
    if kind == "csv":
        source = csv_source(write(tmp_path / "Master.csv", CALLS))
    else:
        for call in CALLS:
            put(tmp_path / "xml_cdr", call)
        source = xml_source(tmp_path / "xml_cdr")
    found, _ = read(source, at("12:00"))
    counted = measures(found)

    def n(id: str, queue: str = "support", start: str = "09:00") -> int:
        measure = counted.get((id, queue, at(start)))
        return measure.count if measure else 0

    assert (n("calls_offered"), n("calls_answered"), n("calls_abandoned"), n("calls_left")) == (4, 2, 1, 1)
    assert (n("short_calls"), n("agent_releases"), n("calls_transferred")) == (1, 1, 0)
    assert n("calls_offered", "sales", "09:15") == 1
    waits = counted["wait_answered", "support", at("09:00")].histogram
    assert (waits.total, list(waits.buckets)[:6]) == (32.0, [0, 0, 0, 1, 1, 0])  # 12 s within 15, 20 s within 20
    talk = counted["talk_time", "support", at("09:00")].sum
    assert (talk.total, talk.count) == (105.0, 2)
    assert not {id for id, _, _ in counted} & {"ring_no_answer", "hold_time", "after_call_time"}
    (roll,) = rolls(found, "call").values()
    assert list(roll.clear_key) == ["c1", "c2", "c3", "c4", "c5"]
    assert column(roll, "released_by") == ["caller", "agent", "caller", "system", "caller"]
    assert column(roll, "answered") == [1, 1, 0, 0, 1]


def test_who_left_a_queue_is_told_from_who_gave_up() -> None:
    gave_up = abandoned_call("c", at("09:00"), 30)
    assert contact(gave_up) == ("support", "abandoned", 30, None, "caller")
    went_on = {**gave_up, "end_epoch": epoch(at("09:05"))}  # to a mailbox, on a key or after a time
    assert contact(went_on) == ("support", "left", 30, None, "system")
    for reason in ("TIMEOUT", "NO_AGENT_TIMEOUT", "EXIT_WITH_KEY"):
        assert contact({**gave_up, "cc_cancel_reason": reason})[1] == "left"
    assert contact({**gave_up, "cc_cause": "", "cc_queue_canceled_epoch": ""})[1:3] == ("abandoned", 30)


def test_who_ended_an_answered_call() -> None:
    call = answered_call("c", at("09:00"), 5, 60)
    ends = {
        "recv_bye": "caller",
        "recv_cancel": "caller",
        "send_bye": "agent",
        "": None,
    }
    assert {word: contact({**call, "sip_hangup_disposition": word})[4] for word in ends} == ends
    survey = {**call, "end_epoch": epoch(at("09:02"))}
    assert contact(survey)[3:] == (60, "agent")
    moved = {**call, "transfer_history": "ARRAY::1772442000:u:bl_xfer:1700/default/XML"}
    assert contact(moved)[4] == "transfer"


def test_an_epoch_of_an_earlier_queue_does_not_count() -> None:
    """The variables of the queue before stay where the next one does not overwrite them."""
    call = abandoned_call("c", at("09:10"), 30, cc_queue_answered_epoch=epoch(at("09:00")))
    assert contact(call) == ("support", "abandoned", 30, None, "caller")
    unfinished = answered_call("c", at("09:10"), 5, 60, cc_queue_terminated_epoch=epoch(at("09:05")))
    assert contact(unfinished)[3] == 60


def test_queues_that_a_call_passed_before_its_last_are_counted_from_an_xml_record(tmp_path: Path) -> None:
    call = answered_call("c", at("09:10"), 5, 60)
    stamp = int(at("09:01").timestamp()) * 1_000_000
    entered = [("callcenter", "first", stamp), ("callcenter", "support", stamp + 540_000_000)]
    put(tmp_path / "x", call, entered)
    found, _ = read(xml_source(tmp_path / "x"), at("12:00"))
    assert (total(found, "calls_offered", "first"), total(found, "calls_left", "first")) == (1, 1)
    assert (total(found, "calls_offered", "support"), total(found, "calls_answered", "support")) == (1, 1)
    moved = xml_file({**call, "transfer_history": "1772442000:u:bl_xfer:1700/default/XML"}, entered)
    first, _ = contacts_of(parse_file(moved), {}, {})
    assert (first.outcome, first.is_open) == ("waiting", False)  # answered there or not: nobody can tell


def test_an_agents_side_is_no_call(tmp_path: Path) -> None:
    agent = answered_call("leg", at("09:01"), 12, 100, cc_side="agent")
    leg = {**answered_call("leg2", at("09:01"), 12, 100), "cc_queue": "", "originating_leg_uuid": "c1"}
    found, _ = read(csv_source(write(tmp_path / "Master.csv", [CALLS[0], agent, leg])), at("12:00"))
    assert total(found, "calls_offered", "support") == 1
    assert list(rolls(found, "call")[at("09:00")].clear_key) == ["c1"]


def test_a_call_that_no_queue_took_is_a_call_and_no_figure(tmp_path: Path) -> None:
    out = {"uuid": "o1", "start_epoch": epoch(at("09:00")), "bridge_epoch": epoch(at("09:00:10"))}
    out |= {"end_epoch": epoch(at("09:01:10")), "context": "default"}
    path = write(tmp_path / "Master.csv", [out, {**out, "uuid": "o2", "bridge_epoch": "0", "context": "other"}])
    found, _ = read(csv_source(path, directions={"default": "out"}), at("12:00"))
    roll = rolls(found, "call")[at("09:00")]
    assert (column(roll, "direction"), column(roll, "answered"), column(roll, "talk")) == (
        ["out", None],
        [1, 0],
        [60, None],
    )
    assert column(roll, "system") == ["cdr", "cdr"]
    assert measures(found) == {}


def test_agents_are_named_by_their_staff_id(tmp_path: Path) -> None:
    table = tmp_path / "agents.csv"
    table.write_text("agent,staff\n1001@default,E7\n")
    found, _ = read(csv_source(write(tmp_path / "Master.csv", CALLS[:1]), agents=str(table)), at("12:00"))
    assert column(rolls(found, "call")[at("09:00")], "agent") == ["E7"]


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_only_malformed_escapes_from_a_line_and_a_file(noise: bytes) -> None:
    line, file = csv_line(CALLS[0]).encode(), xml_file(CALLS[0])
    for text in (noise, line[: len(noise)] + noise, noise + line):
        with_malformed(lambda text=text: PARSE(text))
    for text in (noise, file[: len(noise) * 3] + noise + file[len(noise) * 3 :]):
        with_malformed(lambda text=text: parse_file(text))


def with_malformed(parse: object) -> None:
    assert callable(parse)
    try:
        parse()
    except Malformed:
        return


@pytest.mark.parametrize(
    "content",
    [
        b'<?xml version="1.0"?><!DOCTYPE cdr [<!ENTITY a "b">]><cdr><variables><uuid>&a;</uuid></variables></cdr>',
        b'<?xml version="1.0" encoding="no-such"?><cdr><variables/></cdr>',
        b"<cdr><variables>",
        b"<cdr/>",
        b"<html></html>",
        b"x" * (3 * 1024 * 1024),
    ],
)
def test_a_file_that_is_no_record_is_malformed(content: bytes) -> None:
    with pytest.raises(Malformed):
        parse_file(content)


def test_a_line_whose_cells_were_moved_is_set_apart_and_said(tmp_path: Path) -> None:
    path = write(tmp_path / "Master.csv", CALLS)
    with path.open("a") as file:
        file.write(csv_line(CALLS[0]).replace('"c1"', '"c9","Ann"') + "\n" + "\0\n")
    _, done = read_all(csv_source(path), now=at("12:00"), zone=ZONE)
    assert done.detail == "2 lines set apart: 1 fields, 1 quoting"
    lines = {one.subject: one for one in csv_source(path).check(Window(cursor=b"", now=at("12:00"), zone=ZONE))}
    assert lines["records"].verdict == "warning"
    assert lines["calls"].detail.startswith("5 in the next batch, 5 of them")


def test_a_file_of_something_else_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "Master.csv").write_text("name,score\n" * 100)
    with pytest.raises(SourceUnavailable) as refused:
        read(csv_source(tmp_path / "Master.csv"), at("12:00"))
    assert refused.value.reason is Reason.UNREADABLE


@pytest.mark.parametrize("kind", ["csv", "xml"])
def test_a_call_that_ends_late_is_a_revision_and_nothing_is_stated_twice(tmp_path: Path, kind: str) -> None:
    late = answered_call("late", at("09:05"), 10, 7200)
    path = write(tmp_path / "Master.csv", CALLS[:1])
    put(tmp_path / "x", CALLS[0])
    source = csv_source(path) if kind == "csv" else xml_source(tmp_path / "x")
    first, cursor = read(source, at("10:15"))
    assert total(first, "calls_offered", "support") == 1
    cursor = read(source, at("11:00"), cursor)[1]
    write(path, [CALLS[0], late])
    put(tmp_path / "x", late)
    second, cursor = read(source, at("11:45"), cursor)
    offered = measures(second)["calls_offered", "support", at("09:00")]
    assert (offered.count, offered.revision, offered.revision_reason) == (2, 1, "finished_late")
    assert read(source, at("12:45"), cursor)[0] == []


@pytest.mark.parametrize("kind", ["csv", "xml"])
def test_small_batches_and_rotation_give_the_same_calls(tmp_path: Path, kind: str) -> None:
    calls = [answered_call(f"c{n}", at("01:00") + timedelta(seconds=53 * n), 4, 30) for n in range(400)]
    write(tmp_path / "Master.csv.2026-03-02-03-00-00", calls[:201])
    path = write(tmp_path / "Master.csv", calls[201:])
    for call in calls:
        put(tmp_path / "x", call)
    sizes = ("batch_kib", (1024, 8)) if kind == "csv" else ("batch_files", (20_000, 100))
    for size in sizes[1]:
        options = {sizes[0]: size}
        source = csv_source(path, **options) if kind == "csv" else xml_source(tmp_path / "x", **options)
        found, _ = read(source, at("12:00"))
        assert total(found, "calls_offered", "support") == 400
        assert sum(len(roll.clear_key) for roll in rolls(found, "call").values()) == 400


def test_a_record_that_was_read_and_is_gone_is_said_until_a_person_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    paths = [put(folder, call) for call in CALLS]
    _, cursor = read(xml_source(folder), at("10:15"))
    paths[0].unlink()
    with pytest.raises(SourceUnavailable, match="1 files that were read are gone"):
        read(xml_source(folder), at("10:30"), cursor)
    put(folder, answered_call("n", at("11:05"), 5, 30))
    on = replace(xml_source(folder, resume_after="2026-03-02T10:30:00Z"))
    found, done = read_all(on, cursor=cursor, now=at("12:00"), zone=ZONE)
    assert done.covers == (at("11:00"), at("11:30"))
    assert total(found, "calls_offered", "support") == 1


def test_a_rewritten_csv_is_unreadable_and_an_emptied_one_limited(tmp_path: Path) -> None:
    path = write(tmp_path / "Master.csv", CALLS)
    _, cursor = read(csv_source(path), at("14:00"))
    write(path, CALLS[1:])
    with pytest.raises(SourceUnavailable) as rewritten:
        read(csv_source(path), at("14:15"), cursor)
    assert rewritten.value.reason is Reason.UNREADABLE
    path.write_text("")
    with pytest.raises(SourceUnavailable) as emptied:
        read(csv_source(path), at("14:15"), cursor)
    assert emptied.value.reason is Reason.LIMITED


def test_a_young_file_that_is_not_whole_waits_for_the_next_read(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    path = put(folder, CALLS[0])
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    os.utime(path, (at("11:59:30").timestamp(),) * 2)
    source = xml_source(folder)
    found, done = read_all(source, now=at("12:00"), zone=ZONE)
    assert (found, done.detail) == ([], "")
    os.utime(path, (at("11:00").timestamp(),) * 2)
    with pytest.raises(SourceUnavailable, match="no records of mod_xml_cdr"):
        read_all(source, now=at("12:00"), zone=ZONE)
    put(folder, CALLS[1])
    assert read_all(source, now=at("12:00"), zone=ZONE)[1].detail == "1 lines set apart: 1 xml"


def test_a_clock_change_of_the_center_moves_no_call(tmp_path: Path) -> None:
    """Epochs have no zone: the hour that Berlin has twice is two quarter hours like others."""
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    path = write(tmp_path / "Master.csv", [answered_call("a", first, 1, 9), answered_call("b", second, 1, 9)])
    found, _ = read(csv_source(path), datetime(2026, 10, 25, 4, tzinfo=UTC))
    assert sorted(start for id, _, start in measures(found) if id == "calls_offered") == [first, second]


def test_without_the_columns_of_an_ending_nothing_is_told_of_it(tmp_path: Path) -> None:
    template = ",".join(f'"${{{name}}}"' for name in NEEDED)
    path = tmp_path / "Master.csv"
    path.write_text(",".join(f'"{CALLS[1].get(name, "")}"' for name in NEEDED) + "\n")
    source = CallRecords.from_options(Options({"cdr": str(path), "template": template}))
    assert not {"agent_releases", "calls_transferred"} & {*source.feeds}
    found, _ = read(source, at("12:00"))
    assert not {id for id, _, _ in measures(found)} & {"agent_releases", "calls_transferred"}
    told = {line.subject for line in source.check(Window(cursor=b"", now=at("12:00"), zone=ZONE))}
    assert "template" in told


@pytest.mark.parametrize(
    "wrong",
    [
        {"cdr": "/x/Master.csv"},
        {"cdr": "/x/Master.csv", "template": '"${uuid}"'},
        {"cdr": "/x/Master.csv", "template": f'{TEMPLATE},"${{uuid}}"'},
        {"cdr": "/x/Master.csv", "template": TEMPLATE, "xml_folder": "/x"},
        {"xml_folder": "/x", "template": TEMPLATE},
        {"xml_folder": "/x", "directions": {"public": "away"}},
        {},
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadOption):
        CallRecords.from_options(Options(wrong))


@pytest.mark.parametrize("kind", ["csv", "xml"])
def test_it_is_read_in_a_reader_process_with_all_that_it_needs(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "Master.csv", CALLS)
    put(tmp_path / "x", CALLS[0])
    csv: dict[str, object] = {"cdr": str(path), "template": TEMPLATE}
    options: dict[str, object] = csv if kind == "csv" else {"xml_folder": str(tmp_path / "x")}
    spec = SourceSpec(name="calls", plugin="freeswitch_cdr", options=options)
    reading = read_source(spec, cursor=b"", now=at("12:00"), zone=ZONE)
    assert (reading.outcome, reading.detail) == (OBSERVED, "")
