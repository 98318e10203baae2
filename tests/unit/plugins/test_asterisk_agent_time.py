"""Log-ins and pauses of agents from the queue log."""

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmm_plugin_telephony.agent_time import AgentTime, days_of, restored
from ccmm_plugin_telephony.asterisk.agent_lines import apply_line
from ccmm_plugin_telephony.asterisk.queue_log import parse_line
from ccmm_plugin_telephony.asterisk.queue_source import QueueLog
from tests.support.queue_logs import Reader, append, at, column, in_order, line, measures, rolls, write

EVENTS = ["ADDMEMBER", "REMOVEMEMBER", "PAUSE", "UNPAUSE", "PAUSEALL", "UNPAUSEALL", "AGENTLOGIN", "AGENTLOGOFF"]


def come(time: datetime, agent: str = "A1", queue: str = "q") -> str:
    return line(time, "MANAGER", queue, agent, "ADDMEMBER", "")


def go(time: datetime, agent: str = "A1", queue: str = "q") -> str:
    return line(time, "MANAGER", queue, agent, "REMOVEMEMBER", "")


@pytest.fixture
def logs(tmp_path: Path) -> Reader:
    return Reader(QueueLog(queue_log=tmp_path / "queue_log"))


def test_an_agent_in_two_queues_is_logged_in_once(logs: Reader) -> None:
    lines = [come(at("09:00")), come(at("09:10"), queue="p"), go(at("12:00")), go(at("13:00"), queue="p")]
    write(logs.source.queue_log, lines)
    found = measures(logs.read(at("02:00", day=3)))
    slot = found["login_time", "A1", at("00:00")].sum
    assert (slot.total, slot.count) == (4 * 3600, 1)


def test_a_session_is_a_row_for_each_hour_it_touches(logs: Reader) -> None:
    write(logs.source.queue_log, [come(at("09:30")), go(at("11:10"))])
    hours = rolls(logs.read(at("13:00")), "session")
    assert {hour: column(roll, "lasted") for hour, roll in hours.items()} == {
        at("09:00"): [1800],
        at("10:00"): [3600],
        at("11:00"): [600],
    }
    assert list(hours[at("10:00")].clear_key) == ["A1"]
    assert column(hours[at("10:00")], "system") == ["acd"]


def test_a_session_that_goes_on_is_stated_up_to_the_horizon_and_grows(logs: Reader) -> None:
    write(logs.source.queue_log, [come(at("09:30"))])
    assert column(rolls(logs.read(at("10:45")), "session")[at("10:00")], "lasted") == [900]
    for hour in range(11, 16):
        logs.read(at(f"{hour}:45"))
    append(logs.source.queue_log, [go(at("15:20"))])
    logs.read(at("17:00"))
    hours = rolls(logs.stated, "session")
    assert [column(hours[at(f"{hour:02d}:00")], "lasted") for hour in range(9, 16)] == [[1800], *[[3600]] * 5, [1200]]
    assert all(roll.complete for roll in hours.values())


def test_a_session_over_midnight_counts_to_both_days(logs: Reader) -> None:
    write(logs.source.queue_log, [come(at("22:00")), go(at("03:00", day=3))])
    logs.read(at("23:45"))
    logs.read(at("01:00", day=3))
    logs.read(at("01:00", day=4))
    found = measures(logs.stated)
    assert found["login_time", "A1", at("00:00")].sum.total == 2 * 3600
    assert found["login_time", "A1", at("00:00", day=3)].sum.total == 3 * 3600


def test_pauses_are_told_by_reason_and_counted_once_over_queues(logs: Reader) -> None:
    write(
        logs.source.queue_log,
        [
            line(at("10:00"), "NONE", "NONE", "A1", "PAUSEALL", "lunch"),
            line(at("10:00"), "NONE", "q", "A1", "PAUSE", "lunch"),
            line(at("10:00"), "NONE", "p", "A1", "PAUSE", "lunch"),
            line(at("10:30"), "NONE", "NONE", "A1", "UNPAUSEALL", ""),
            line(at("10:30"), "NONE", "q", "A1", "UNPAUSE", ""),
            line(at("11:00"), "NONE", "q", "A1", "PAUSE", ""),
            line(at("11:05"), "NONE", "q", "A1", "UNPAUSE", ""),
        ],
    )
    found = measures(logs.read(at("02:00", day=3)))
    assert {names: m.sum.total for (id, names, _), m in found.items() if id == "pause_time"} == {
        "A1 lunch": 1800,
        "A1 unstated": 300,
    }


def test_a_member_added_in_pause_is_paused_and_one_who_goes_is_not_paused_any_more(logs: Reader) -> None:
    lines = [line(at("10:00"), "MANAGER", "q", "A1", "ADDMEMBER", "PAUSED"), go(at("10:20"))]
    write(logs.source.queue_log, lines)
    found = measures(logs.read(at("02:00", day=3)))
    assert found["pause_time", "A1 unstated", at("00:00")].sum.total == 1200


def test_a_restart_ends_log_ins_of_channels_but_not_memberships(logs: Reader) -> None:
    lines = [
        line(at("09:00"), "c1", "NONE", "A2", "AGENTLOGIN", "SIP/2"),
        come(at("09:00")),
        line(at("10:00"), "NONE", "NONE", "NONE", "QUEUESTART", ""),
        go(at("11:00")),
    ]
    write(logs.source.queue_log, lines)
    found = measures(logs.read(at("02:00", day=3)))
    assert found["login_time", "A2", at("00:00")].sum.total == 3600
    assert found["login_time", "A1", at("00:00")].sum.total == 2 * 3600


def test_each_day_is_stated_once_however_often_the_log_is_read(logs: Reader) -> None:
    lines = [text for day in (2, 3, 4) for text in (come(at("08:00", day=day)), go(at("16:00", day=day)))]
    for day in (2, 3, 4, 5):
        for hour in range(24):
            now = at(f"{hour:02d}:10", day=day)
            write(logs.source.queue_log, [text for text in in_order(lines) if int(text[:10]) <= now.timestamp()])
            logs.read(now)
    days = {start: m.sum.total for (id, _, start), m in measures(logs.stated).items() if id == "login_time"}
    assert days == {at("00:00", day=day): 8 * 3600 for day in (2, 3, 4)}


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3 * 86400), st.sampled_from(EVENTS), st.sampled_from("ABC"))), st.data())
def test_a_state_restored_goes_on_as_if_never_stopped(steps: list[tuple[int, str, str]], data: st.DataObject) -> None:
    start = int(at("00:00").timestamp())
    lines = [parse_line(f"{start + s}|c|q|{agent}|{event}|x".encode()) for s, event, agent in sorted(steps)]
    cut = data.draw(st.integers(0, len(lines)))
    through, before = AgentTime(), AgentTime()
    for text in lines:
        apply_line(through, text)
    for text in lines[:cut]:
        apply_line(before, text)
    after = restored(before.snapshot(start))
    for text in lines[cut:]:
        apply_line(after, text)
    for day in range(3):
        assert after.day(start + day * 86400) == through.day(start + day * 86400)


@settings(deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 10**6))
def test_days_add_up_to_the_span(since: int, length: int) -> None:
    parts = list(days_of(since, since + length))
    assert sum(seconds for _, seconds in parts) == length
    assert all(day % 86400 == 0 and 0 < seconds <= 86400 for day, seconds in parts)
