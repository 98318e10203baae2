"""One call record of FreeSWITCH: what the variables of mod_callcenter amount to, and records that are none."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmm_agent.plugin import Reason, SourceUnavailable, Window
from ccmm_agent.testing import read_all
from ccmm_plugin_telephony.freeswitch.csv_record import TEMPLATE, line_parser, parse_template
from ccmm_plugin_telephony.freeswitch.record import contacts_of, parse_record
from ccmm_plugin_telephony.freeswitch.xml_record import parse_file
from ccmm_proto.errors import Malformed
from tests.support.freeswitch import abandoned_call, answered_call, csv_line, epoch, xml_file
from tests.support.freeswitch_calls import CALLS, csv_source, put, read, write, xml_source
from tests.support.queue_logs import ZONE, at, total

PARSE = line_parser(parse_template(TEMPLATE))


def contact(call: Mapping[str, str]) -> tuple[object, ...]:
    (one,) = contacts_of(parse_record(call), {}, {})
    return one.queue, one.outcome, one.wait_s, one.talk_s, one.ended_by


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
