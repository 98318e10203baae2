"""Genesys Cloud: calls from the detail, read whole and read on; by a simulator over HTTP."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ccmm_agent.plugin import BadOption, Options, Window
from ccmm_agent.reading import SourceSpec
from ccmm_agent.testing import check_source, read_all
from ccmm_agent.testing_http import Simulator
from ccmm_plugin_telephony.genesys.calls_source import Calls
from tests.support.genesys import CLIENT, Genesys
from tests.support.genesys_center import DETAIL, calls, cloud, options, presence, secret, server, users
from tests.support.genesys_detail import conversation, told, user
from tests.support.late_call import talk_once_it_ended
from tests.support.queue_logs import ZONE, at, column, count_at, measures, rolls, total
from tests.support.secrets import assert_secret_stays
from tests.support.stated import entries

__all__ = ["cloud", "secret", "server"]


@pytest.mark.parametrize("make", [calls, users])
def test_the_sources_keep_the_contract(server: Simulator, secret: Path, make: Any) -> None:
    healthy, broken = make(server, secret), make(server, secret, api_url="http://127.0.0.1:1")
    check_source(healthy, broken, window=Window(cursor=b"", now=at("12:00"), zone=ZONE))


def test_figures_of_a_quarter_hour_as_counted_by_hand(server: Simulator, secret: Path) -> None:
    found, done = read_all(calls(server, secret), now=at("12:00"), zone=ZONE)
    counted, n = measures(found), partial(count_at, found, queue="Support")
    assert (n("calls_offered"), n("calls_answered"), n("calls_abandoned"), n("calls_left")) == (4, 2, 1, 1)
    assert (n("short_calls"), n("agent_releases"), n("ring_no_answer")) == (1, 1, 2)
    late = partial(count_at, found, queue="Sales", start="09:15")
    assert (late("calls_transferred"), late("calls_offered")) == (1, 1)
    waits = counted["wait_answered", "Support", at("09:00")].histogram
    assert (round(waits.total, 3), list(waits.buckets)[:6]) == (32.4, [0, 0, 0, 1, 1, 0])
    waits = counted["wait_answered", "Sales", at("09:15")].histogram
    assert list(waits.buckets)[4:6] == [0, 1]  # 20.1 s is not within 20 s
    assert counted["wait_abandoned", "Support", at("09:00")].histogram.total == 7.5
    for id, seconds in (("talk_time", 105.0), ("hold_time", 20.0), ("after_call_time", 40.0)):
        assert counted[id, "Support", at("09:00")].sum.total == seconds
    (roll,) = rolls(found, "call").values()
    assert list(roll.clear_key) == ["c1", "c2", "c3", "c4", "c5"]
    assert column(roll, "released_by") == ["caller", "agent", "caller", "system", "system"]
    assert column(roll, "agent") == ["E-u-1", "E-u-2", "", "", "E-u-1"]
    assert done.covers == (at("10:00"), at("11:30"))
    assert entries(found, "setting")["queue/Support/service_level_percent"]["number"] == 80.0
    assert "+4930123456" not in str(found)
    assert "Ann" not in str(found)


def test_pages_are_followed_and_each_conversation_counts_once(server: Simulator, secret: Path, cloud: Genesys) -> None:
    cloud.conversations = [conversation(f"c{n}", at("10:00") + timedelta(seconds=n)) for n in range(250)]
    found, _ = read_all(calls(server, secret), now=at("12:00"), zone=ZONE)
    assert total(found, "calls_offered", "Support") == 250
    pages = [
        json.loads(asked.body)["paging"]["pageNumber"] for asked in server.asked if asked.path.endswith("details/query")
    ]
    assert {1, 2, 3} <= {*pages}
    cloud.queues = {f"q-{n}": f"Queue {n}" for n in range(230)}
    found, _ = read_all(calls(server, secret), now=at("12:00"), zone=ZONE)
    assert sum(word.endswith("service_level_s") for word in entries(found, "setting")) == 230


def test_a_call_that_ends_late_is_a_revision_and_nothing_is_stated_twice(
    server: Simulator, secret: Path, cloud: Genesys
) -> None:
    cloud.conversations = [conversation("c1", at("09:05"), over=False), conversation("c2", at("09:06"))]

    def end() -> None:
        cloud.conversations[0] = conversation("c1", at("09:05"), talk_s=7000)

    talk = talk_once_it_ended(calls(server, secret), end)
    assert (talk.sum.total, talk.revision_reason) == (7060.0, "finished_late")


def test_a_call_that_came_over_midnight_is_found(server: Simulator, secret: Path, cloud: Genesys) -> None:
    """The query gives only conversations that began on a day which the interval touches."""
    cloud.conversations = [conversation("c1", at("00:00:10", day=3))]
    source = calls(server, secret, history="1h")
    found, _ = read_all(source, now=at("01:30", day=3), zone=ZONE)
    assert total(found, "calls_offered", "Support") == 1


def test_history_comes_from_jobs_in_steps(server: Simulator, secret: Path, cloud: Genesys) -> None:
    cloud.conversations = [conversation(f"c{n}", at("00:10") + timedelta(minutes=20 * n)) for n in range(60)]
    cloud.available_until = told(at("18:00"))
    found, done = read_all(calls(server, secret, history="1d"), now=at("22:00"), zone=ZONE)
    assert total(found, "calls_offered", "Support") == 60
    assert sum(len(roll.clear_key) for roll in rolls(found, "call").values()) == 60
    jobs = [asked for asked in server.asked if asked.path == f"{DETAIL}/jobs"]
    assert len(jobs) >= 2
    assert done.covers is not None
    assert done.covers[1] == at("21:30")


def test_check_tells_what_it_found(server: Simulator, secret: Path, cloud: Genesys) -> None:
    window = Window(cursor=b"", now=at("10:15"), zone=ZONE)
    lines = {line.subject: line for line in calls(server, secret).check(window)}
    assert (lines["queues"].detail[:9], lines["last hour"].detail[:1]) == ("2 visible", "5")
    cloud.users.append(user("u-3", "Cid", employerInfo={}))
    cloud.presences = {"u-1": [presence("09:30", None, "ON_QUEUE")]}
    lines = {line.subject: line for line in users(server, secret).check(window)}
    assert lines["person"].detail.startswith("1 of 3 have no employee_id")
    assert lines["presence"].detail == "of 1 users in the last hour"


@pytest.mark.parametrize("wrong", [{"region": "nowhere"}, {"region": "a/b.c"}, {"person": "name"}, {"history": "40d"}])
def test_wrong_options_are_refused(server: Simulator, secret: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(BadOption):
        calls(server, secret, **wrong)


def test_the_region_names_both_hosts(secret: Path) -> None:
    given_ = {"region": "usw2.pure.cloud", "client_id": CLIENT, "secret_file": str(secret)}
    manifest = Calls.from_options(Options(given_)).manifest()
    assert manifest.endpoints == (("login.usw2.pure.cloud", 443), ("api.usw2.pure.cloud", 443))


@pytest.mark.parametrize("plugin", ["genesys_cloud", "genesys_cloud_users"])
def test_it_is_read_in_a_reader_process_and_its_secrets_stay_there(
    server: Simulator, secret: Path, cloud: Genesys, plugin: str
) -> None:
    now = datetime.now(UTC)
    cloud.conversations = [conversation("c1", now - timedelta(hours=1))]
    spec = SourceSpec(name="cloud", plugin=plugin, options=options(server, secret, history="2h"))
    assert_secret_stays(spec, secret, now)
