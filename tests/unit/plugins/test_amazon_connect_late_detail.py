"""Amazon Connect: work after a contact and recordings that are still under way, and a comparison that is off."""

from pathlib import Path
from typing import Any

import pytest

from ccmm_agent.testing import read_all
from ccmm_agent.testing_http import Simulator
from ccmm_plugin_telephony.connect import calls_source
from tests.support.connect import Connect, contact, user
from tests.support.connect_center import calls, secret, server
from tests.support.queue_logs import ZONE, at, column, measures, rolls

__all__ = ["secret", "server"]

OVER = {"DisconnectReason": "CUSTOMER_DISCONNECT"}
RECORDING = {
    "MediaStreamType": "AUDIO",
    "Status": "AVAILABLE",
    "StartTimestamp": at("10:05:05").timestamp(),
    "StopTimestamp": at("10:40:05").timestamp(),
}


@pytest.fixture
def cloud() -> Connect:
    one = contact("c1", at("10:05"), wait_s=5, talk_s=2100)  # ends at 10:40:05
    return Connect(contacts=[one], users=[user("u-1", "ann", "p-2", tag="E1")])


def after_work(found: list[Any]) -> tuple[float, int, int, int]:
    one = measures(found)["after_call_time", "Support", at("10:00")]
    return one.sum.total, one.sum.count, one.unfinished, one.revision


def test_a_contact_whose_recording_may_not_be_there_yet_is_not_over(
    cloud: Connect, server: Simulator, secret: Path
) -> None:
    """Asked five minutes after the end the recording is not there: it was made, and comes a little later."""
    cloud.details = {"c1": OVER}
    detailed = calls(server, secret, history="1h", detail=True)
    found, done = read_all(detailed, now=at("10:45"), zone=ZONE)
    assert after_work(found) == (0.0, 0, 1, 0)
    assert not rolls(found, "recording")
    cloud.details = {"c1": {**OVER, "AgentInfo": {"AfterContactWorkDuration": 60}, "Recordings": [RECORDING]}}
    found, _ = read_all(detailed, cursor=done.cursor, now=at("11:00"), zone=ZONE)
    assert after_work(found) == (60.0, 1, 0, 1)
    (roll,) = rolls(found, "recording").values()
    assert (column(roll, "playable"), column(roll, "length")) == ([1], [2100])


def test_work_after_a_contact_that_goes_on_is_no_work_of_zero_seconds(
    cloud: Connect, server: Simulator, secret: Path
) -> None:
    begun = {"AfterContactWorkStartTimestamp": at("10:40:05").timestamp()}
    cloud.details = {"c1": {**OVER, "AgentInfo": begun}}
    detailed = calls(server, secret, history="1h", detail=True)
    found, done = read_all(detailed, now=at("11:00"), zone=ZONE)
    assert after_work(found) == (0.0, 0, 1, 0)
    ended = {"AfterContactWorkEndTimestamp": at("11:05:05").timestamp(), "AfterContactWorkDuration": 1500}
    cloud.details = {"c1": {**OVER, "AgentInfo": {**begun, **ended}}}
    found, _ = read_all(detailed, cursor=done.cursor, now=at("11:15"), zone=ZONE)
    assert after_work(found) == (1500.0, 1, 0, 1)


def test_a_run_without_the_comparison_says_so(server: Simulator, secret: Path) -> None:
    assert read_all(calls(server, secret, history="1h"), now=at("11:30"), zone=ZONE)[1].detail == ""
    alone = calls(server, secret, history="1h", cross_check=False)
    assert "cross_check = false" in read_all(alone, now=at("11:30"), zone=ZONE)[1].detail


def test_a_call_out_that_was_queued_is_no_call_that_came_in(cloud: Connect, server: Simulator, secret: Path) -> None:
    cloud.contacts = [contact("c1", at("10:05")), contact("c2", at("10:06"), wait_s=0, method="OUTBOUND")]
    found, done = read_all(calls(server, secret, history="1h"), now=at("11:00"), zone=ZONE)
    assert measures(found)["calls_offered", "Support", at("10:00")].count == 1
    assert done.detail == "1 outbound calls of queues are in no figure"


def test_agents_who_never_end_their_work_hold_nothing_up(
    cloud: Connect, server: Simulator, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More contacts than a batch asks about wait for their agents: they are unfinished, and the run ends."""
    monkeypatch.setattr(calls_source, "_DETAILS", 1)
    cloud.contacts = [contact("c1", at("10:05")), contact("c2", at("10:06"))]
    begun = {**OVER, "AgentInfo": {"AfterContactWorkStartTimestamp": at("10:08").timestamp()}}
    cloud.details = {"c1": begun, "c2": begun}
    found, done = read_all(calls(server, secret, history="1h", detail=True), now=at("11:00"), zone=ZONE)
    assert after_work(found) == (0.0, 0, 2, 0)
    assert (done.covers is not None, done.more) == (True, False)
