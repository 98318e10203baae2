"""The queue log: its lines, what they amount to, and how reading goes on."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Done, Options, Reason, SourceUnavailable, Window
from ccmm_agent.testing import check_source
from ccmm_plugin_telephony.asterisk.queue_log import parse_line
from ccmm_plugin_telephony.asterisk.queue_source import QueueLog
from ccmm_plugin_telephony.cursor import parse_cursor
from ccmm_proto.errors import Malformed
from ccmm_proto.histogram import within
from tests.support.queue_logs import (
    ZONE,
    Reader,
    abandoned,
    answered,
    append,
    at,
    column,
    in_order,
    line,
    measures,
    rolls,
    total,
    write,
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "queue_log"


def reader(log: Path, **options: object) -> Reader:
    return Reader(replace(QueueLog(queue_log=log), **options))  # type: ignore[arg-type]


def refusal(source: QueueLog, cursor: bytes, now: datetime) -> SourceUnavailable:
    with pytest.raises(SourceUnavailable) as refused:
        list(source.read(Window(cursor=cursor, now=now, zone=ZONE)))
    return refused.value


def test_the_source_keeps_the_contract(log: Path, tmp_path: Path) -> None:
    write(log, in_order([*answered(at("09:00"), "c1", 3, 60), *abandoned(at("09:20"), "c2", 30)]))
    broken = QueueLog(queue_log=tmp_path / "absent" / "queue_log")
    window = Window(cursor=b"", now=at("12:00"), zone=ZONE)
    assert len(check_source(QueueLog(queue_log=log), broken, window=window)) == 10


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_only_malformed_escapes_from_a_line(noise: bytes) -> None:
    for text in (noise, b"1772442000|" + noise, b"1772442000|c|q|a|CONNECT|" + noise):
        try:
            parsed = parse_line(text)
        except Malformed:
            continue
        assert parsed.call.isprintable()
        assert parsed.queue.isprintable()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"1772442000|c|q|a", "fields"),
        (b"yesterday|c|q|a|PAUSE|x", "time"),
        (b"99|c|q|a|PAUSE|x", "time"),
        (b"1772442000|c\0|q|a|PAUSE|x", "text"),
        (b"1772442000|c|\xff\xfe|a|PAUSE|x", "text"),
        (b"1772442000|c|q|a|CONNECT|soon|x|1", "number"),
        (b"1772442000|c|q|a|COMPLETEAGENT|3", "fields"),
        (b"1772442000|c|q|a|ABANDON|1|1|-5", "number"),
    ],
)
def test_a_line_that_cannot_be_of_this_log_says_why(text: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        parse_line(text)


def test_a_callers_name_in_another_encoding_does_not_lose_the_call() -> None:
    assert parse_line(b"1772442000|c|q|NONE|ENTERQUEUE|\xb0\xa1|\xff|1").event == "ENTERQUEUE"


def test_an_attended_transfer_is_read_from_its_end() -> None:
    parsed = parse_line(b"1772442000|c|q|A1|ATTENDEDTRANSFER|LINK|SIP/1|SIP/2|4|90|1")
    assert (parsed.wait_s, parsed.talk_s) == (4, 90)


def test_a_call_belongs_to_the_quarter_hour_in_which_it_entered(log: Path) -> None:
    write(log, answered(at("09:14:55"), "c1", 20, 600))
    found = measures(reader(log).read(at("12:00")))
    assert found["calls_answered", "q", at("09:00")].count == 1
    assert list(found["wait_answered", "q", at("09:00")].histogram.buckets).index(1) == 4  # 20 s counts as within 20 s
    assert found["talk_time", "q", at("09:00")].sum.total == 600
    assert not any(start == at("09:15") for _, _, start in found)


def test_a_blind_transfer_enters_a_queue_twice(log: Path) -> None:
    lines = [
        line(at("09:00"), "c1", "support", "NONE", "ENTERQUEUE", "", "0770000000", 1),
        line(at("09:00:07"), "c1", "support", "A1", "CONNECT", 7, "leg", 2),
        line(at("09:00:20"), "c1", "support", "A1", "BLINDTRANSFER", "sales", "inbound", 7, 13, 1),
        *answered(at("09:00:20"), "c1", 5, 30, queue="sales"),
    ]
    found = reader(write(log, lines)).read(at("12:00"))
    assert total(found, "calls_offered", "support") == total(found, "calls_offered", "sales") == 1
    assert total(found, "calls_transferred", "support") == 1
    assert total(found, "calls_transferred", "sales") == 0
    roll = rolls(found, "call")[at("09:00")]
    assert list(roll.clear_key) == ["c1", "c1"]
    assert column(roll, "talk") == [13, 30]


def test_unanswered_rings_count_by_attempt_and_cancelled_ones_not(log: Path) -> None:
    call = answered(at("09:00"), "c1", 20, 60)
    rings = [
        line(at("09:00:05"), "c1", "q", "A2", "RINGNOANSWER", 5000),
        line(at("09:00:10"), "c1", "q", "A3", "RINGNOANSWER", 5000),
        line(at("09:00:12"), "c1", "q", "A4", "RINGCANCELED", 900),
    ]
    found = reader(write(log, in_order([*call, *rings]))).read(at("12:00"))
    assert total(found, "ring_no_answer") == 2
    assert total(found, "calls_offered") == 1


@pytest.mark.parametrize(
    "event", ["EXITWITHTIMEOUT|1|1|30", "EXITWITHKEY|2|1|1|30", "EXITEMPTY|1|1|30", "EXITWITHTIMEOUT|1"]
)
def test_a_call_that_leaves_otherwise_was_neither_answered_nor_abandoned(log: Path, event: str) -> None:
    lines = [
        line(at("09:00"), "c1", "q", "NONE", "ENTERQUEUE", "", "1", 1),
        line(at("09:00:30"), "c1", "q", "NONE", *event.split("|")),
    ]
    found = reader(write(log, lines)).read(at("12:00"))
    counts = {id: total(found, id) for id in ("calls_offered", "calls_answered", "calls_abandoned", "calls_left")}
    assert counts == {"calls_offered": 1, "calls_answered": 0, "calls_abandoned": 0, "calls_left": 1}


def test_a_call_that_has_not_ended_is_unfinished_and_stated_again_when_it_ends(log: Path) -> None:
    first, connect, end = answered(at("09:10"), "c1", 10, 4800)
    logs = reader(write(log, [first, connect]))
    found = measures(logs.read(at("10:00")))
    assert found["talk_time", "q", at("09:00")].unfinished == 1
    assert found["calls_answered", "q", at("09:00")].unfinished == 0
    append(log, [end])
    again = measures(logs.read(at("11:00")))
    assert again["talk_time", "q", at("09:00")].sum.total == 4800
    assert again["talk_time", "q", at("09:00")].revision == 1
    assert again["talk_time", "q", at("09:00")].revision_reason == "finished_late"
    assert column(rolls(logs.stated, "call")[at("09:00")], "talk") == [4800]


def test_after_a_restart_of_asterisk_its_open_calls_stay_unfinished_and_hold_nothing_up(log: Path) -> None:
    lost = answered(at("09:10"), "c1", 10, 60)[0]
    restart = line(at("09:11"), "NONE", "NONE", "NONE", "QUEUESTART", "")
    logs = reader(write(log, [lost, restart]))
    assert measures(logs.read(at("11:00")))["calls_offered", "q", at("09:00")].unfinished == 1
    held = parse_cursor(logs.cursor)
    assert held is not None
    assert held.from_ms == at("10:00").timestamp() * 1000  # the lost call does not keep its hour open
    assert logs.read(at("12:00")) == []


def test_agents_travel_under_their_staff_ids(log: Path, tmp_path: Path) -> None:
    table = tmp_path / "agents.csv"
    table.write_text("agent,staff\nA1,E1007\nLocal/2001@agents/n,E1008\n", encoding="utf-8-sig")
    found = reader(write(log, answered(at("09:05"), "c1", 3, 60)), agents=table).read(at("12:00"))
    assert column(rolls(found, "call")[at("09:00")], "agent") == ["E1007"]
    table.write_text("A1,E1007\nA1,E1008\n")
    assert refusal(QueueLog(queue_log=log, agents=table), b"", at("12:00")).reason is Reason.UNREADABLE


def test_recordings_may_not_be_required(log: Path) -> None:
    write(log, answered(at("09:05"), "c1", 3, 60))
    found = reader(log, recordings_required=False).read(at("12:00"))
    assert column(rolls(found, "call")[at("09:00")], "required") == [0]


def test_options_are_read_strictly(log: Path) -> None:
    source = QueueLog.from_options(Options({"queue_log": str(log), "settle": "45m", "batch_kib": 64}))
    assert (source.settle, source.batch_bytes) == (timedelta(minutes=45), 65536)
    with pytest.raises(BadOption, match="resume_after"):
        QueueLog.from_options(Options({"queue_log": str(log), "resume_after": "yesterday"}))


def test_the_wait_that_connect_told_stands_where_the_end_of_the_call_tells_a_second_more(log: Path) -> None:
    entered, connected, ended = answered(at("09:00"), "c1", 20, 60)
    write(log, [entered, connected, ended.replace("COMPLETECALLER|20|", "COMPLETECALLER|21|")])
    pbx = reader(log)
    pbx.read(at("12:00"))
    (waits,) = [measure.histogram for key, measure in measures(pbx.stated).items() if key[0] == "wait_answered"]
    assert (within(waits.buckets, 20), waits.total) == (1, 20.0)


def test_lines_set_apart_are_counted_in_the_detail_and_never_repeated(log: Path) -> None:
    write(log, in_order(abandoned(at("09:00"), "c1", 30)))
    with log.open("ab") as file:
        file.write(b"Jane Doe 13800138000\n1772442000|c|q|a|CONNECT|soon\n")
    *_, done = QueueLog(queue_log=log).read(Window(cursor=b"", now=at("12:00"), zone=ZONE))
    assert isinstance(done, Done)
    assert done.detail == "2 lines set apart: 1 fields, 1 number"
