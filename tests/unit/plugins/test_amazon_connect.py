"""Amazon Connect: contacts from the search, their detail, accounts, time online; by a simulator over HTTP."""

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ccmm_agent.plugin import BadOption, Options, Reason, Window
from ccmm_agent.reading import SourceSpec
from ccmm_agent.testing import check_source, read_all
from ccmm_agent.testing_http import Simulator
from ccmm_plugin_telephony.connect import calls_source
from ccmm_plugin_telephony.connect.calls_source import Contacts
from tests.support.connect import REGION, Connect, contact, user
from tests.support.connect_center import NOON, calls, cloud, options, refused, secret, server, users
from tests.support.late_call import talk_once_it_ended
from tests.support.queue_logs import ZONE, at, column, count_at, measures, rolls, total
from tests.support.secrets import assert_secret_stays
from tests.support.stated import entries

__all__ = ["cloud", "secret", "server"]


@pytest.mark.parametrize("make", [calls, users])
def test_the_sources_keep_the_contract(server: Simulator, secret: Path, make: Any) -> None:
    healthy, broken = make(server, secret), make(server, secret, endpoint_url="http://127.0.0.1:1")
    check_source(healthy, broken, window=Window(cursor=b"", now=NOON, zone=ZONE))


def test_figures_of_a_quarter_hour_as_counted_by_hand(server: Simulator, secret: Path) -> None:
    found, done = read_all(calls(server, secret), now=NOON, zone=ZONE)
    counted, n = measures(found), partial(count_at, found, queue="Support")
    assert (n("calls_offered"), n("calls_answered"), n("calls_abandoned"), n("calls_left")) == (4, 2, 1, 1)
    assert (n("short_calls"), n("calls_transferred"), n("calls_offered", queue="Sales", start="09:15")) == (1, 0, 1)
    waits = counted["wait_answered", "Support", at("09:00")].histogram
    assert (round(waits.total, 3), list(waits.buckets)[:6]) == (32.4, [0, 0, 0, 1, 1, 0])
    assert list(counted["wait_answered", "Sales", at("09:15")].histogram.buckets)[4:6] == [0, 1]
    assert counted["talk_time", "Support", at("09:00")].sum.total == pytest.approx(105)
    assert not {id for id, _, _ in counted} & {"hold_time", "after_call_time", "agent_releases", "ring_no_answer"}
    (roll,) = rolls(found, "call").values()
    assert list(roll.clear_key) == ["c1", "c2", "c3", "c4", "c5"]
    assert column(roll, "agent") == ["E1", "E2", "", "", "E1"]
    assert done.covers is not None
    assert done.covers[1] == at("11:30")


def test_with_detail_it_is_told_who_ended_a_call_and_what_was_recorded(server: Simulator, secret: Path) -> None:
    source = calls(server, secret, detail=True)
    assert {"agent_releases", "hold_time", "after_call_time", "recording"} <= {*source.feeds}
    found, done = read_all(source, now=NOON, zone=ZONE)
    counted = measures(found)
    sums = {id: counted[id, "Support", at("09:00")].sum.total for id in ("talk_time", "hold_time", "after_call_time")}
    assert sums == {"talk_time": pytest.approx(85), "hold_time": 20.0, "after_call_time": 30.0}
    assert total(found, "agent_releases", "Support") == 1
    assert (total(found, "calls_abandoned", "Support"), total(found, "calls_left", "Support")) == (0, 2)
    (calls_,) = rolls(found, "call").values()
    assert column(calls_, "released_by") == ["caller", "agent", "system", "system", "caller"]
    (recordings,) = rolls(found, "recording").values()
    assert list(recordings.clear_key) == ["c1", "c2"]
    assert (column(recordings, "length"), column(recordings, "playable")) == ([100, 0], [1, 0])
    assert "canary" not in f"{found} {done.cursor!r}"


def test_details_are_gathered_over_several_batches_and_asked_for_once(
    server: Simulator, secret: Path, cloud: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls_source, "_DETAILS", 2)
    source = calls(server, secret, detail=True)
    found, done = read_all(source, now=NOON, zone=ZONE)
    assert total(found, "calls_offered", "Support") == 4
    asked = [one.path for one in server.asked if one.path.startswith("/contacts/")]
    assert sorted(asked) == sorted({*asked})
    assert len(asked) == 5
    cloud.contacts.append(contact("c6", at("11:31")))
    read_all(source, cursor=done.cursor, now=at("12:30"), zone=ZONE)
    assert sum(one.path.endswith("/c1") for one in server.asked) == 1


def test_a_transfer_after_an_answer_and_a_callback_from_the_queue(
    server: Simulator, secret: Path, cloud: Connect
) -> None:
    cloud.contacts = [
        contact("a", at("09:00"), talk_s=50),
        contact("b", at("09:01"), queue="q-2", method="TRANSFER", before="a"),
        contact("c", at("09:02"), wait_s=30, answered=False),
        contact("d", at("09:40"), method="CALLBACK", before="c"),
    ]
    found, _ = read_all(calls(server, secret), now=NOON, zone=ZONE)
    assert total(found, "calls_transferred", "Support") == 1
    assert (total(found, "calls_left", "Support"), total(found, "calls_abandoned", "Support")) == (1, 0)
    (roll,) = rolls(found, "call").values()
    assert column(roll, "released_by") == ["system", None, "system", None]


def test_a_call_out_is_a_call_and_no_figure(server: Simulator, secret: Path, cloud: Connect) -> None:
    out = contact("o", at("09:00"), method="OUTBOUND")
    out["QueueInfo"] = {"Id": "q-1"}
    chat = {**contact("x", at("09:00")), "Channel": "CHAT"}
    cloud.contacts = [out, chat]
    found, _ = read_all(calls(server, secret), now=NOON, zone=ZONE)
    assert measures(found) == {}
    (roll,) = rolls(found, "call").values()
    assert (column(roll, "direction"), column(roll, "answered"), column(roll, "talk")) == (["out"], [1], [60])


def test_pages_are_followed(server: Simulator, secret: Path, cloud: Connect) -> None:
    cloud.page = 7
    cloud.contacts = [contact(f"c{n}", at("10:00") + timedelta(seconds=n)) for n in range(150)]
    cloud.queues = {f"q-{n}": f"Queue {n}" for n in range(130)}
    found, _ = read_all(calls(server, secret), now=NOON, zone=ZONE)
    assert total(found, "calls_offered", "Queue 1") == 150
    cloud.users = [user(f"u-{n}", f"user{n}", tag=f"E{n}") for n in range(230)]
    cloud.online = {f"u-{n}": (3600.0, 600.0) for n in range(230)}
    found, _ = read_all(users(server, secret), now=NOON, zone=ZONE)
    assert len(entries(found, "account")) == 230
    assert sum(id == "login_time" for id, _, _ in measures(found)) == 460  # two days


def test_a_call_that_ends_late_is_a_revision_and_nothing_is_stated_twice(
    server: Simulator, secret: Path, cloud: Connect
) -> None:
    cloud.contacts = [contact("c1", at("09:05"), ended=False), contact("c2", at("09:06"))]

    def end() -> None:
        cloud.contacts[0] = contact("c1", at("09:05"), talk_s=7000)

    assert talk_once_it_ended(calls(server, secret), end).sum.total == pytest.approx(7060)


def test_accounts_and_time_online(server: Simulator, secret: Path, cloud: Connect) -> None:
    cloud.online = {"u-1": (28_800.0, 1_800.0), "u-2": (0.0, 0.0)}
    found, done = read_all(users(server, secret), now=NOON, zone=ZONE)
    accounts = entries(found, "account")
    assert (accounts["bob"]["privileged"], accounts["bob"]["person"]) == (True, "E2")
    assert (accounts["ann"]["privileged"], "person" in accounts["cid"]) == (False, False)
    counted = measures(found)
    assert counted["login_time", "E1", at("00:00", day=1)].sum.total == 28_800.0
    assert counted["pause_time", "E1 non_productive", at("00:00", day=1)].sum.total == 1_800.0
    assert not [names for _, names, _ in counted if names.startswith("E2")]
    assert done.covers == (at("00:00", day=1), at("00:00"))
    assert not measures(read_all(users(server, secret), cursor=done.cursor, now=at("18:00"), zone=ZONE)[0])
    cloud.users = []
    assert refused(users(server, secret)).reason is Reason.NOT_FOUND


def test_check_tells_what_it_found(server: Simulator, secret: Path) -> None:
    window = Window(cursor=b"", now=at("09:50"), zone=ZONE)
    lines = {line.subject: line for line in calls(server, secret).check(window)}
    assert (lines["queues"].detail, lines["last hours"].detail[:16]) == ("2 visible", "5 voice contacts")
    lines = {line.subject: line for line in users(server, secret).check(window)}
    assert (lines["person_tag"].verdict, lines["person_tag"].detail[:6]) == ("warning", "1 of 3")


@pytest.mark.parametrize(
    "wrong", [{"region": "eu central"}, {"instance_id": "a/b"}, {"history": "40d"}, {"account_id": ""}]
)
def test_wrong_options_are_refused(server: Simulator, secret: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(BadOption):
        calls(server, secret, **wrong)


def test_nothing_of_this_machine_decides_who_asks(
    server: Simulator, secret: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[default]\nregion = us-east-1\nendpoint_url = http://127.0.0.1:1\n")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "config"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIASTRANGER")
    monkeypatch.setenv("AWS_PROFILE", "stranger")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert total(read_all(calls(server, secret), now=NOON, zone=ZONE)[0], "calls_offered", "Support") == 4
    assert Contacts.from_options(
        Options({k: v for k, v in options(server, secret).items() if k != "endpoint_url"})
    ).manifest().endpoints == ((f"connect.{REGION}.amazonaws.com", 443),)


@pytest.mark.parametrize("plugin", ["amazon_connect", "amazon_connect_users"])
def test_it_is_read_in_a_reader_process_and_its_secret_stays_there(
    server: Simulator, secret: Path, plugin: str
) -> None:
    now, history = at("10:15"), "30m" if plugin == "amazon_connect" else "1d"
    given_ = options(server, secret, history=history, searches_per_minute=600)
    spec = SourceSpec(name="cloud", plugin=plugin, options=given_)
    assert_secret_stays(spec, secret, now)
