"""Alerts of Alertmanager and rules of Prometheus: what a look adds, and what is no look."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Done, Observation, Options, Reason, Window
from ccmm_agent.testing import check_source, read_all
from ccmm_agent.testing_http import Fault, Reply, Simulator, http_simulator, json_reply
from ccmm_plugin_facilities.monitoring import Prometheus
from ccmm_plugin_facilities.monitoring_ask import instant_of
from ccmm_plugin_facilities.monitoring_state import parse_state
from ccmm_proto.errors import Malformed
from tests.support.fake_monitoring import TOKEN, FakeMonitoring, text
from tests.support.refusals import refusal

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def system() -> FakeMonitoring:
    made = FakeMonitoring(up_since=NOON - timedelta(days=1))
    made.fire("QueueTooLong", NOON - timedelta(minutes=9), severity="critical", service="hotline")
    made.fire("Watchdog", NOON - timedelta(days=1))
    for name in ("QueueTooLong", "Watchdog", "RecorderDown"):
        made.rule(name)
    made.rule("a:recording:rule", kind="recording")
    return made


@pytest.fixture
def server(system: FakeMonitoring) -> Iterator[Simulator]:
    with http_simulator(system.answer) as running:
        yield running


def source(url: str, folder: Path, **changed: object) -> Prometheus:
    token = folder / "monitoring.token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    given: dict[str, object] = {
        "alertmanager": url,
        "prometheus": url,
        "token_file": str(token),
        "ignore": ["Watchdog"],
    }
    given |= {"alert": [{"name": "QueueTooLong", "signal": "queue"}], "ignore": ["Watchdog"]}
    given |= {"colours": {"critical": "red"}}
    options = Options({**given, **changed})
    built = Prometheus.from_options(options)
    options.refuse_unknown()
    return built


def read(given: Prometheus, cursor: bytes = b"", now: datetime = NOON) -> tuple[list[Observation], Done]:
    return read_all(given, cursor=cursor, now=now, zone=ZONE)


def alerts(found: list[Observation]) -> list[tuple[str, bool, dict[str, object]]]:
    """Id, is over, attributes."""
    seen = [one.occurrence for one in found if one.WhichOneof("fact") == "occurrence"]
    return [
        (one.id.text, one.HasField("ended_ms"), {a.name: a.value.text or a.value.time_ms for a in one.attributes})
        for one in seen
    ]


def live(found: list[Observation]) -> dict[str, bool]:
    (listed,) = [one.inventory for one in found if one.WhichOneof("fact") == "inventory"]
    return {e.key.text: next(a.value.flag for a in e.attributes if a.name == "live") for e in listed.entries}


def test_the_source_keeps_the_contract(server: Simulator, tmp_path: Path) -> None:
    window = Window(cursor=b"", now=NOON, zone=ZONE)
    broken = source(server.url, tmp_path, prometheus="http://127.0.0.1:1")
    check_source(source(server.url, tmp_path), broken, window=window)


def test_an_alert_is_stated_when_it_begins_and_when_it_is_over(
    system: FakeMonitoring, server: Simulator, tmp_path: Path
) -> None:
    given = source(server.url, tmp_path)
    found, done = read(given)
    words = {"signal": "queue", "service": "hotline", "colour": "red"}
    assert alerts(found) == [("f0 2026-11-20T11:51:00Z", False, words)]
    assert live(found) == {"QueueTooLong": True, "Watchdog": True, "RecorderDown": True}
    found, done = read(given, done.cursor, NOON + timedelta(minutes=1))
    assert (alerts(found), done.covers) == ([], (NOON, NOON + timedelta(minutes=1)))
    del system.alerts[0]
    found, done = read(given, done.cursor, NOON + timedelta(minutes=2))
    assert alerts(found) == [("f0 2026-11-20T11:51:00Z", True, words)]
    found, done = read(given, done.cursor, NOON + timedelta(minutes=30))
    assert (alerts(found), done.covers) == ([], None)


def test_only_a_silence_that_was_set_while_it_fired_says_that_somebody_has_seen_it(
    system: FakeMonitoring, server: Simulator, tmp_path: Path
) -> None:
    began = NOON - timedelta(minutes=9)
    system.silences = [
        {"id": "planned", "startsAt": text(began - timedelta(hours=1))},
        {"id": "second", "startsAt": text(began + timedelta(minutes=5))},
        {"id": "first", "startsAt": text(began + timedelta(minutes=4))},
    ]
    given = source(server.url, tmp_path, ack_by_silence=True)
    for silenced, acked in ((["planned"], None), (["planned", "second", "first"], began + timedelta(minutes=4))):
        system.alerts[0]["status"]["silencedBy"] = silenced
        ((_, _, told),) = alerts(read(given)[0])
        assert told.get("acked") == (None if acked is None else acked.timestamp() * 1000)
    ((_, _, told),) = alerts(read(source(server.url, tmp_path))[0])
    assert "acked" not in told


def test_a_silence_that_ran_out_does_not_take_back_that_it_was_seen(
    system: FakeMonitoring, server: Simulator, tmp_path: Path
) -> None:
    system.silences = [{"id": "s", "startsAt": text(NOON - timedelta(minutes=5))}]
    system.alerts[0]["status"]["silencedBy"] = ["s"]
    given = source(server.url, tmp_path, ack_by_silence=True)
    _, done = read(given)
    system.alerts[0]["status"]["silencedBy"] = []
    found, done = read(given, done.cursor, NOON + timedelta(minutes=1))
    assert alerts(found) == []
    system.alerts.clear()
    ((_, is_over, told),) = alerts(read(given, done.cursor, NOON + timedelta(minutes=2))[0])
    assert (is_over, "acked" in told) == (True, True)


def test_an_alertmanager_that_has_just_started_ends_nothing(
    system: FakeMonitoring, server: Simulator, tmp_path: Path
) -> None:
    given = source(server.url, tmp_path)
    _, done = read(given)
    gone, system.up_since = system.alerts, NOON
    system.alerts = []
    found, done = read(given, done.cursor, NOON + timedelta(minutes=1))
    assert (alerts(found), done.detail) == ([], "Alertmanager has just started: nothing ended")
    system.alerts = gone
    found, done = read(given, done.cursor, NOON + timedelta(minutes=6))
    assert (alerts(found), done.detail) == ([], "alerts left out by `ignore`: 1")


def test_a_rule_that_was_not_tried_yet_is_as_it_was(system: FakeMonitoring, server: Simulator, tmp_path: Path) -> None:
    given = source(server.url, tmp_path)
    system.rules[2]["health"] = "err"
    found, done = read(given)
    assert live(found) == {"QueueTooLong": True, "Watchdog": True, "RecorderDown": False}
    for rule in system.rules:
        rule["health"] = "unknown"
    system.rule("New", "unknown")
    found, done = read(given, done.cursor, NOON + timedelta(minutes=1))
    assert live(found) == {"QueueTooLong": True, "Watchdog": True, "RecorderDown": False, "New": False}


def test_of_two_rules_of_one_name_each_has_to_work(system: FakeMonitoring, server: Simulator, tmp_path: Path) -> None:
    system.rule("RecorderDown", "err")
    assert live(read(source(server.url, tmp_path))[0])["RecorderDown"] is False


@pytest.mark.parametrize(
    ("fault", "path", "reason", "words"),
    [
        (Reply(401), "", Reason.REFUSED, "HTTP 401"),
        (Fault.HALF, "/api/v2/alerts", Reason.UNREADABLE, "no sound JSON"),
        (Fault.CUT, "/api/v1/rules", Reason.UNREACHABLE, "the rules: the connection was lost"),
        (json_reply({}), "/api/v2/alerts", Reason.UNREADABLE, "Alertmanager answered with alerts of another shape"),
        (json_reply([{}]), "/api/v2/alerts", Reason.UNREADABLE, "an answer without labels"),
        (json_reply({"status": "error"}), "/api/v1/rules", Reason.UNREADABLE, "Prometheus answered with an error"),
        (Reply(404), "/api/v2/status", Reason.NOT_FOUND, "the status: it is not there"),
    ],
)
def test_what_cannot_be_read_is_said(
    server: Simulator, tmp_path: Path, fault: Fault | Reply, path: str, reason: Reason, words: str
) -> None:
    server.fail(fault, path=path)
    with refusal(reason, words):
        read(source(server.url, tmp_path))


def test_check_tells_of_names_without_a_rule(server: Simulator, tmp_path: Path) -> None:
    given = source(server.url, tmp_path, alert=[{"name": "Gone"}])
    lines = list(given.check(Window(cursor=b"", now=NOON, zone=ZONE)))
    assert [line.subject for line in lines if line.verdict == "warning"] == ["Gone"]


def test_two_ways_to_log_in_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match="or token_file"):
        source("https://a.example", tmp_path, username="x", password_file="/p")


@given(st.binary(max_size=60))
def test_any_cursor_is_a_state(cursor: bytes) -> None:
    assert parse_state(parse_state(cursor).to_cursor()) == parse_state(cursor)


@given(st.text(max_size=40) | st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat()))
def test_any_text_is_an_instant_or_malformed(text: str) -> None:
    try:
        found = instant_of({"startsAt": text}, "startsAt")
    except Malformed:
        return
    assert found.utcoffset() == timedelta(0)
