"""What `ignore` drops is counted in the evidence, and an Alertmanager that gets no alerts is none."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ccmm_agent.plugin import Reason
from ccmm_agent.testing_http import Simulator, http_simulator
from tests.support.fake_monitoring import FakeMonitoring
from tests.support.refusals import refusal
from tests.unit.plugins.test_monitoring_prometheus import NOON, alerts, read, source


@pytest.fixture
def system() -> FakeMonitoring:
    return FakeMonitoring(up_since=NOON - timedelta(days=1))


@pytest.fixture
def server(system: FakeMonitoring) -> Iterator[Simulator]:
    with http_simulator(system.answer) as running:
        yield running


def test_alerts_that_are_ignored_are_counted(system: FakeMonitoring, server: Simulator, tmp_path: Path) -> None:
    for name in ("QueueTooLong", "RecorderDown"):
        system.fire(name, NOON - timedelta(hours=1))
        system.rule(name)
    found, done = read(source(server.url, tmp_path, alert=[], ignore=["RecorderDown"]))
    assert len(alerts(found)) == 1
    assert done.detail == "alerts left out by `ignore`: 1"


def test_an_alertmanager_without_any_alert_that_fires_is_another_one(
    system: FakeMonitoring, server: Simulator, tmp_path: Path
) -> None:
    system.rule("RecorderDown", fired=NOON - timedelta(hours=1))
    with refusal(Reason.UNREADABLE, "1 rules of Prometheus fire, and "):
        read(source(server.url, tmp_path))


def test_a_rule_that_fires_unseen_beside_others_is_counted(
    system: FakeMonitoring, server: Simulator, tmp_path: Path
) -> None:
    system.fire("QueueTooLong", NOON - timedelta(hours=1))
    for name in ("QueueTooLong", "RecorderDown"):
        system.rule(name, fired=NOON - timedelta(hours=1))
    _, done = read(source(server.url, tmp_path))
    assert done.detail == "rules that fire and that Alertmanager does not show: 1"


def test_a_rule_that_has_just_begun_to_fire_is_waited_for(
    system: FakeMonitoring, server: Simulator, tmp_path: Path
) -> None:
    system.rule("RecorderDown", fired=NOON - timedelta(minutes=1))
    assert read(source(server.url, tmp_path))[1].detail == ""
