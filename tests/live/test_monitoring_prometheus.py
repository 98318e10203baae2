"""A real Prometheus, a real Alertmanager: rules as they stand, an alert from its begin over its silence to its end."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import Done, Observation, Options, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_facilities import monitoring
from ccmm_plugin_facilities.monitoring import Prometheus
from ccmm_proto.v1.statement_pb2 import OBSERVED
from tests.support.prometheus import Monitoring, running_monitoring, wait_until

pytestmark = pytest.mark.live

ZONE = ZoneInfo("Asia/Shanghai")
TWICE = '(label_replace(vector(1), "a", "1", "", "") or label_replace(vector(1), "a", "2", "", ""))'
ALERT = [{"name": "QueueTooLong", "signal": "queue", "service": "hotline"}]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitoring]:
    with running_monitoring(tmp_path_factory.mktemp("monitoring")) as running:
        yield running


@pytest.fixture(autouse=True)
def grown_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """This Alertmanager knows all alerts at once."""
    monkeypatch.setattr(monitoring, "_YOUNG", timedelta(0))


def table(system: Monitoring, **changed: object) -> dict[str, object]:
    given = {"alertmanager": system.alertmanager, "prometheus": system.prometheus, "alert": ALERT}
    return {**given, "colours": {"page": "red"}, "ignore": ["Watchdog"], "ack_by_silence": True, **changed}


def source(system: Monitoring, **changed: object) -> Prometheus:
    options = Options(table(system, **changed))
    built = Prometheus.from_options(options)
    options.refuse_unknown()
    return built


def read(given: Prometheus, cursor: bytes = b"") -> tuple[list[Observation], Done]:
    return read_all(given, cursor=cursor, now=datetime.now(UTC), zone=ZONE)


def alerts(found: list[Observation]) -> list[dict[str, object]]:
    told = []
    for one in (one.occurrence for one in found if one.WhichOneof("fact") == "occurrence"):
        row: dict[str, object] = {a.name: a.value.text or a.value.time_ms for a in one.attributes}
        told.append({**row, "id": one.id.text, "started": one.started_ms, "ended": one.ended_ms})
    return told


def rules(found: list[Observation]) -> dict[str, dict[str, object]]:
    (listed,) = [one.inventory for one in found if one.WhichOneof("fact") == "inventory"]
    return {
        e.key.text: {a.name: a.value.text or a.value.time_ms or a.value.flag for a in e.attributes}
        for e in listed.entries
    }


def test_an_alert_from_its_begin_over_its_silence_to_its_end(system: Monitoring) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    system.rules(
        QueueTooLong="vector(1)",
        RecorderDown="vector(0) > 1",
        Watchdog="vector(1)",
        Broken=f"{TWICE} + on() {TWICE}",
    )
    wait_until(lambda: system.firing() == {"QueueTooLong", "Watchdog"})
    given = source(system)
    found, done = read(given)
    (began,) = alerts(found)
    assert (began["signal"], began["service"], began["colour"]) == ("queue", "hotline", "red")
    assert began["started"] >= before.timestamp() * 1000  # type: ignore[operator]
    assert ("acked" in began, began["ended"], done.covers) == (False, 0, None)
    listed = rules(found)
    assert {name for name, told in listed.items() if told.get("live")} == {"QueueTooLong", "RecorderDown", "Watchdog"}
    assert not listed["Broken"].get("live")
    assert ("fired" in listed["QueueTooLong"], "fired" in listed["RecorderDown"]) == (True, False)
    assert listed["QueueTooLong"]["signal"] == "queue"

    seen = datetime.now(UTC)
    system.silence("QueueTooLong", f"{seen:%Y-%m-%dT%H:%M:%S.%fZ}", f"{seen + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}")
    found, done = read(given, done.cursor)
    (acked,) = alerts(found)
    assert (acked["id"], acked["ended"]) == (began["id"], 0)
    assert abs(acked["acked"] - seen.timestamp() * 1000) < 2000  # type: ignore[operator]
    assert done.covers is not None

    system.rules(QueueTooLong="vector(0) > 1", RecorderDown="vector(0) > 1")
    wait_until(lambda: "QueueTooLong" not in system.firing())
    found, done = read(given, done.cursor)
    (over,) = alerts(found)
    assert (over["id"], over["acked"], over["ended"] > over["started"]) == (began["id"], acked["acked"], True)  # type: ignore[operator]
    listed = rules(found)
    assert (set(listed), "fired" in listed["QueueTooLong"]) == ({"QueueTooLong", "RecorderDown"}, True)
    assert alerts(read(given, done.cursor)[0]) == []


def test_the_source_keeps_the_contract_with_real_servers(system: Monitoring) -> None:
    system.rules(QueueTooLong="vector(1)")
    check_source(source(system), source(system, prometheus="http://127.0.0.1:1"))
    window = Window(cursor=b"", now=datetime.now(UTC), zone=ZONE)
    lines = {line.subject: line.verdict for line in source(system).check(window)}
    assert lines == {"Alertmanager": "ok", "Prometheus": "ok", "Watchdog": "warning", "too many rights": "warning"}


def test_it_is_read_in_a_reader_process_with_all_that_it_needs(system: Monitoring) -> None:
    spec = SourceSpec(name="monitoring", plugin="monitoring_prometheus", options=table(system))
    reading = read_source(spec, cursor=b"", now=datetime.now(UTC), zone=ZONE)
    assert (reading.outcome, reading.reason) == (OBSERVED, "")
    assert reading.detail == "Alertmanager has just started: nothing ended"
