"""Problems and triggers of Zabbix, as both ways of giving a token tell them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Done, Observation, Options, Reason, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_agent.testing_http import Fault, Reply, Simulator, http_simulator, json_reply
from ccmm_plugin_facilities import zabbix, zabbix_ask
from ccmm_plugin_facilities.zabbix import Zabbix
from ccmm_proto.errors import Malformed
from ccmm_proto.v1.statement_pb2 import OBSERVED
from tests.support.fake_zabbix import TOKEN, FakeZabbix
from tests.support.refusals import refusal

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NOON_S = int(NOON.timestamp())
ALERT = [{"name": "Queue waits too long", "signal": "queue", "service": "hotline"}]


@pytest.fixture
def system() -> FakeZabbix:
    """A problem of the morning that was seen and is over, one that stands, one that is none."""
    made = FakeZabbix()
    made.trigger(11, "Queue waits too long", lastchange=NOON_S - 3600)
    made.trigger(12, "Recorder is down on {HOST.NAME}", status=1)
    made.trigger(13, "Zabbix agent is not available")
    made.trigger(14, "Queue waits too long", lastchange=NOON_S - 7200)
    over = made.problem(11, NOON_S - 7200)
    made.update(over, NOON_S - 7000, 4)
    made.update(over, NOON_S - 7100, 2)
    made.resolve(over, NOON_S - 3600)
    made.problem(12, NOON_S - 1800, severity=5)
    made.problem(13, NOON_S - 1700)
    return made


@pytest.fixture
def server(system: FakeZabbix) -> Iterator[Simulator]:
    with http_simulator(system.answer) as running:
        yield running


def table(url: str, folder: Path, **changed: object) -> dict[str, object]:
    token = folder / "zabbix.token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    given: dict[str, object] = {"url": f"{url}/zabbix", "token_file": str(token), "groups": ["Contact center"]}
    given |= {"alert": ALERT, "colours": {"disaster": "red"}, "ignore": ["Zabbix agent is not available"]}
    return {**given, "call_timeout": "5s", **changed}


def source(url: str, folder: Path, **changed: object) -> Zabbix:
    options = Options(table(url, folder, **changed))
    built = Zabbix.from_options(options)
    options.refuse_unknown()
    return built


def read(given: Zabbix, cursor: bytes = b"", now: datetime = NOON) -> tuple[list[Observation], Done]:
    return read_all(given, cursor=cursor, now=now, zone=ZONE)


def alerts(found: list[Observation]) -> dict[str, dict[str, object]]:
    """By id: begin, end and times as seconds before noon, words as texts."""
    told: dict[str, dict[str, object]] = {}
    for one in (one.occurrence for one in found if one.WhichOneof("fact") == "occurrence"):
        told[one.id.text] = {"started": NOON_S - one.started_ms // 1000}
        if one.HasField("ended_ms"):
            told[one.id.text]["ended"] = NOON_S - one.ended_ms // 1000
        for attribute in one.attributes:
            is_time = attribute.value.HasField("time_ms")
            value = NOON_S - attribute.value.time_ms // 1000 if is_time else attribute.value.text
            told[one.id.text][attribute.name] = value
    return told


def rules(found: list[Observation]) -> dict[str, tuple[bool, bool]]:
    """Name -> live, has fired."""
    (listed,) = [one.inventory for one in found if one.WhichOneof("fact") == "inventory"]
    return {
        entry.key.text: (
            next(a.value.flag for a in entry.attributes if a.name == "live"),
            any(a.name == "fired" for a in entry.attributes),
        )
        for entry in listed.entries
    }


@pytest.mark.parametrize("version", ["5.4.0", "6.0.14", "6.4.0", "7.2.1"])
def test_the_source_keeps_the_contract(system: FakeZabbix, server: Simulator, tmp_path: Path, version: str) -> None:
    system.version = version
    window = Window(cursor=b"", now=NOON, zone=ZONE)
    check_source(source(server.url, tmp_path), source("http://127.0.0.1:1", tmp_path), window=window)


def test_problems_are_stated_with_who_saw_them_when(server: Simulator, tmp_path: Path) -> None:
    found, done = read(source(server.url, tmp_path))
    assert alerts(found) == {
        "zabbix 1": {
            "started": 7200,
            "ended": 3600,
            "acked": 7100,
            "acted": 7000,
            "signal": "queue",
            "service": "hotline",
        },
        "zabbix 3": {"started": 1800, "colour": "red"},
    }
    assert rules(found) == {
        "Queue waits too long": (True, True),
        "Recorder is down on {HOST.NAME}": (False, False),
        "Zabbix agent is not available": (True, False),
    }
    assert done.covers == (NOON - timedelta(days=30), NOON)


def test_what_becomes_of_a_problem_is_stated_once(system: FakeZabbix, server: Simulator, tmp_path: Path) -> None:
    given = source(server.url, tmp_path)
    _, done = read(given)
    later = NOON + timedelta(minutes=5)
    found, done = read(given, done.cursor, later)
    assert (alerts(found), done.covers) == ({}, (NOON, later))
    system.update(system.events[2], NOON_S + 400, 2)
    found, done = read(given, done.cursor, NOON + timedelta(minutes=10))
    assert alerts(found) == {"zabbix 3": {"started": 1800, "colour": "red", "acked": -400}}
    system.update(system.events[2], NOON_S + 700, 16)
    system.resolve(system.events[2], NOON_S + 800)
    found, done = read(given, done.cursor, NOON + timedelta(minutes=15))
    assert alerts(found) == {"zabbix 3": {"started": 1800, "colour": "red", "ended": -800}}
    assert alerts(read(given, done.cursor, NOON + timedelta(minutes=20))[0]) == {}


def test_a_problem_that_was_written_late_is_not_missed_nor_stated_twice(
    system: FakeZabbix, server: Simulator, tmp_path: Path
) -> None:
    given = source(server.url, tmp_path)
    _, done = read(given)
    system.problem(11, NOON_S - 60)
    found, done = read(given, done.cursor, NOON + timedelta(minutes=5))
    assert list(alerts(found)) == ["zabbix 5"]
    assert alerts(read(given, done.cursor, NOON + timedelta(minutes=9))[0]) == {}


def test_more_problems_than_one_answer_holds_are_all_read(
    system: FakeZabbix, server: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zabbix_ask, "PAGE", 10)
    for second in range(95):
        system.resolve(system.problem(11, NOON_S - 600 + second), NOON_S - 100)
    assert len(alerts(read(source(server.url, tmp_path))[0])) == 97


def test_more_standing_problems_than_can_be_kept_are_said(
    server: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zabbix, "MOST", 1)
    monkeypatch.setattr(zabbix, "ANSWERED_LATER", timedelta(0))
    with refusal(Reason.FLOOD, "close what is none in Zabbix"):
        read(source(server.url, tmp_path, ignore=[]))


@pytest.mark.parametrize(
    ("fault", "reason", "words"),
    [
        (Reply(404), Reason.NOT_FOUND, "correct url"),
        (Fault.LOG_IN_PAGE, Reason.UNREADABLE, "a log-in page"),
        (Fault.CUT, Reason.UNREACHABLE, "lost"),
        (json_reply({"result": "no version"}), Reason.UNREADABLE, "a version that is none"),
        (json_reply({"error": {"code": -32500, "message": "x", "data": "canary"}}), Reason.UNREADABLE, "error -32500"),
        (json_reply({"error": {"code": -32602, "data": "Not authorized."}}), Reason.REFUSED, "role may not call"),
    ],
)
def test_what_cannot_be_read_is_said(
    server: Simulator, tmp_path: Path, fault: Fault | Reply, reason: Reason, words: str
) -> None:
    server.fail(fault)
    with refusal(reason, words):
        read(source(server.url, tmp_path))


def test_a_wrong_token_and_what_the_account_may_not_see_are_refused(
    system: FakeZabbix, server: Simulator, tmp_path: Path
) -> None:
    with refusal(Reason.REFUSED, "no host group 'Elsewhere' is seen: give the account the right to read it"):
        read(source(server.url, tmp_path, groups=["Contact center", "Elsewhere"]))
    given = source(server.url, tmp_path)
    (tmp_path / "zabbix.token").write_text("wrong-canary")
    with refusal(Reason.REFUSED, "the token is not accepted, or its role may not call hostgroup.get"):
        read(given)
    system.triggers.clear()
    with refusal(Reason.REFUSED, "no trigger of these host groups is seen"):
        read(source(server.url, tmp_path))


def test_check_tells_of_names_that_are_not_there_and_of_rights_to_write(
    system: FakeZabbix, server: Simulator, tmp_path: Path
) -> None:
    system.editable = 3
    window = Window(cursor=b"", now=NOON, zone=ZONE)
    given = source(server.url, tmp_path, alert=[{"name": "Gone"}])
    warnings = {line.subject: line.detail for line in given.check(window) if line.verdict == "warning"}
    assert warnings == {
        "Gone": "stands in the options, and no trigger is called so",
        "too many rights": "this account may write to 3 hosts of the groups",
    }


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"groups": []}, "groups"),
        ({"colours": {"critical": "red"}}, "not_classified"),
        ({"colours": {"high": "pink"}}, "blue, yellow"),
        ({"alert": [{"name": "a", "signal": "nope"}]}, "alert.signal"),
        ({"alert": [{"name": "a"}, {"name": "a"}]}, "each name once"),
        ({"alert": [{"name": "a"}], "ignore": ["a"]}, "ignore"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(tmp_path: Path, changed: dict[str, object], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        source("https://zabbix.example", tmp_path, **changed)


def test_it_is_read_in_a_reader_process_with_all_that_it_needs(server: Simulator, tmp_path: Path) -> None:
    spec = SourceSpec(name="zabbix", plugin="monitoring_zabbix", options=table(server.url, tmp_path))
    reading = read_source(spec, cursor=b"", now=NOON, zone=ZONE)
    assert (reading.outcome, reading.reason, len(reading.observations)) == (OBSERVED, "", 3)


@given(st.binary(max_size=60))
def test_any_cursor_is_one_or_none(cursor: bytes) -> None:
    state = zabbix._parse_state(cursor)
    assert state is None or zabbix._parse_state(state.to_cursor()) == state


values = st.none() | st.integers(-1, 1 << 70) | st.text(max_size=5)
rows = st.dictionaries(st.sampled_from(["eventid", "objectid", "clock", "r_eventid", "severity"]), values)


@given(rows, st.none() | st.lists(st.dictionaries(st.sampled_from(["clock", "action"]), values)) | st.text(max_size=3))
def test_any_row_is_a_problem_or_malformed(row: dict[str, object], answers: object) -> None:
    try:
        found = zabbix_ask._event({**row, "acknowledges": answers})
    except Malformed:
        return
    assert found.started.tzinfo is UTC
