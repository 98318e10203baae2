"""Genesys Cloud: pages that get lost on the way, work that goes on after a call, and a comparison that is off."""

import json
from pathlib import Path
from typing import Any

import pytest

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_agent.testing import read_all
from ccmm_agent.testing_http import Simulator, http_simulator, json_reply
from tests.support.genesys import Genesys
from tests.support.genesys_center import calls, secret, server, users
from tests.support.genesys_detail import conversation, told, user
from tests.support.queue_logs import ZONE, at, measures

__all__ = ["secret", "server"]

QUERY = "/api/v2/analytics/conversations/details/query"
PRESENCE = "/api/v2/analytics/users/details/query"


@pytest.fixture
def cloud() -> Genesys:
    return Genesys(users=[user("u-1", "Ann")])


def altered(cloud: Genesys, path: str, alter: Any) -> Any:
    """The simulator, whose answers of one path are altered; `alter` gets page number and answer."""

    def answer(asked: Any) -> Any:
        reply = cloud._answer(asked)
        if asked.path != path:
            return reply
        return json_reply(alter(json.loads(asked.body)["paging"]["pageNumber"], json.loads(reply.body)))

    return http_simulator(answer)


@pytest.mark.parametrize("lost", [{}, {"totalHits": 0}, {"conversations": [], "totalHits": 100}])
def test_a_second_page_that_comes_empty_is_a_lost_one(cloud: Genesys, secret: Path, lost: dict[str, Any]) -> None:
    """150 calls are announced by the first page; the second is empty, and does not announce them again."""
    cloud.conversations = [conversation(f"c{n}", at("10:01")) for n in range(150)]
    with altered(cloud, QUERY, lambda page, answer: answer if page == 1 else lost) as server:
        source = calls(server, secret, history="2h", cross_check=False)
        with pytest.raises(SourceUnavailable) as error:
            read_all(source, now=at("12:00"), zone=ZONE)
    assert error.value.reason is Reason.LIMITED
    assert "100 conversations came where 150" in error.value.detail


def test_conversations_without_their_count_are_no_whole_answer(cloud: Genesys, secret: Path) -> None:
    cloud.conversations = [conversation(f"c{n}", at("10:01")) for n in range(150)]

    def uncounted(_: int, answer: dict[str, Any]) -> dict[str, Any]:
        return {"conversations": answer.get("conversations", [])}

    with altered(cloud, QUERY, uncounted) as server:
        source = calls(server, secret, history="2h", cross_check=False)
        with pytest.raises(SourceUnavailable) as error:
            read_all(source, now=at("12:00"), zone=ZONE)
    assert error.value.reason is Reason.UNREADABLE


def test_a_second_page_of_presences_that_comes_empty_is_a_lost_one(cloud: Genesys, secret: Path) -> None:
    here = {"startTime": told(at("10:00")), "endTime": told(at("11:00")), "systemPresence": "ON_QUEUE"}
    cloud.presences = {f"u-{n}": [here] for n in range(120)}
    with altered(cloud, PRESENCE, lambda page, answer: answer if page == 1 else {}) as server:
        source = users(server, secret, history="1d")
        with pytest.raises(SourceUnavailable) as error:
            read_all(source, now=at("12:00"), zone=ZONE)
    assert error.value.reason is Reason.LIMITED


def test_work_that_goes_on_after_the_call_is_not_over(cloud: Genesys, server: Simulator, secret: Path) -> None:
    """The call of 10:05 ended at 10:26:05, the agent works on it until 10:46:05: 1200 s, which no look may lose."""
    still = conversation("c1", at("10:05"), wait_s=5, talk_s=1260)
    agent = still["participants"][-1]["sessions"][0]
    agent["segments"][-1].pop("segmentEnd")
    agent["metrics"] = [one for one in agent["metrics"] if one["name"] != "tAcw"]
    cloud.conversations = [still]
    source = calls(server, secret, history="1h")
    found, done = read_all(source, now=at("10:45"), zone=ZONE)
    first = measures(found)["after_call_time", "Support", at("10:00")]
    assert (first.sum.count, first.unfinished, measures(found)["calls_answered", "Support", at("10:00")].count) == (
        0,
        1,
        1,
    )
    cloud.conversations = [conversation("c1", at("10:05"), wait_s=5, talk_s=1260, after_s=1200)]
    found, _ = read_all(source, cursor=done.cursor, now=at("11:15"), zone=ZONE)
    later = measures(found)["after_call_time", "Support", at("10:00")]
    assert (later.sum.total, later.sum.count, later.unfinished, later.revision) == (1200.0, 1, 0, 1)


def test_a_run_without_the_comparison_says_so(cloud: Genesys, server: Simulator, secret: Path) -> None:
    cloud.conversations = [conversation("c1", at("10:05"))]
    compared = calls(server, secret, history="1h")
    assert read_all(compared, now=at("11:00"), zone=ZONE)[1].detail == ""
    alone = calls(server, secret, history="1h", cross_check=False)
    assert "cross_check = false" in read_all(alone, now=at("11:00"), zone=ZONE)[1].detail


def test_a_call_of_a_campaign_that_goes_through_a_queue_is_no_call_that_came_in(
    cloud: Genesys, server: Simulator, secret: Path
) -> None:
    """It waits for nobody: counted among the others it would make every service level better."""
    campaign = {**conversation("c2", at("10:06"), wait_s=0), "originatingDirection": "outbound"}
    cloud.conversations = [conversation("c1", at("10:05"), wait_s=50), campaign]
    found, done = read_all(calls(server, secret, history="1h"), now=at("11:00"), zone=ZONE)
    assert measures(found)["calls_offered", "Support", at("10:00")].count == 1
    assert done.detail == "1 outbound calls of queues are in no figure"
