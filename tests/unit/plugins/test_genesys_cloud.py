"""Genesys Cloud: calls from the detail, accounts and presence; by a simulator over HTTP."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Observation, Options, Reason, SourceUnavailable, Window
from ccmm_agent.reading import SourceSpec, check_source_process, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_agent.testing_http import Fault, Simulator, json_reply
from ccmm_plugin_telephony.genesys.calls_source import Calls
from ccmm_plugin_telephony.genesys.conversation import contacts_of
from ccmm_plugin_telephony.genesys.directory import accounts_of, queue_names
from ccmm_plugin_telephony.genesys.presence import agent_time_of
from ccmm_plugin_telephony.genesys.users_source import Users
from ccmm_proto.errors import Malformed
from ccmm_proto.v1.statement_pb2 import OBSERVED, UNAVAILABLE
from tests.support.genesys import CLIENT, PERMISSIONS, SECRET, Genesys, conversation, told, user
from tests.support.queue_logs import ZONE, at, column, measures, rolls, total

DETAIL = "/api/v2/analytics/conversations/details"
NOON = at("12:00")
QUEUES = {"q-1": "Support", "q-2": "Sales"}
CALLS = [
    conversation("c1", at("09:01"), wait_s=12.4, talk_s=100, hold_s=20, after_s=30),
    conversation("c2", at("09:02"), wait_s=20.0, talk_s=5, ended_by="client", agent="u-2", missed=2),
    conversation("c3", at("09:03"), wait_s=7.5, answered=False),
    conversation("c4", at("09:14:50"), wait_s=60, answered=False, outcome="tFlowOut"),
    conversation("c5", at("09:16"), wait_s=20.1, queue="q-2", transferred=True),
]


@pytest.fixture
def cloud() -> Genesys:
    return Genesys(conversations=[*CALLS], users=[user("u-1", "Ann"), user("u-2", "Bob")])


@pytest.fixture
def server(cloud: Genesys) -> Iterator[Simulator]:
    with cloud.running() as running:
        yield running


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "genesys.secret"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o600)
    return path


def options(server: Simulator, secret: Path, **more: object) -> dict[str, object]:
    places = {"api_url": server.url, "login_url": server.url, "call_timeout": "2s"}
    return {"region": "mypurecloud.de", "client_id": CLIENT, "secret_file": str(secret), **places, **more}


def calls(server: Simulator, secret: Path, **more: object) -> Calls:
    built = Calls.from_options(Options(options(server, secret, **{"history": "3h", **more})))
    return replace(built, account=replace(built.account, poll_s=0.01))


def users(server: Simulator, secret: Path, **more: object) -> Users:
    return Users.from_options(Options(options(server, secret, **{"history": "1d", **more})))


def refused(source: Calls | Users, now: datetime = NOON) -> SourceUnavailable:
    with pytest.raises(SourceUnavailable) as error:
        read_all(source, now=now, zone=ZONE)
    assert "canary" not in error.value.detail
    return error.value


def entries(observations: list[Observation], kind: str) -> dict[str, dict[str, object]]:
    inventory = next(one.inventory for one in observations if one.inventory.kind == kind)
    return {
        entry.key.text: {a.name: getattr(a.value, str(a.value.WhichOneof("value"))) for a in entry.attributes}
        for entry in inventory.entries
    }


@pytest.mark.parametrize("make", [calls, users])
def test_the_sources_keep_the_contract(server: Simulator, secret: Path, make: Any) -> None:
    healthy, broken = make(server, secret), make(server, secret, api_url="http://127.0.0.1:1")
    check_source(healthy, broken, window=Window(cursor=b"", now=at("12:00"), zone=ZONE))


def test_figures_of_a_quarter_hour_as_counted_by_hand(server: Simulator, secret: Path) -> None:
    found, done = read_all(calls(server, secret), now=at("12:00"), zone=ZONE)
    counted = measures(found)

    def n(id: str, queue: str = "Support", start: str = "09:00") -> int:
        measure = counted.get((id, queue, at(start)))
        return measure.count if measure else 0

    assert (n("calls_offered"), n("calls_answered"), n("calls_abandoned"), n("calls_left")) == (4, 2, 1, 1)
    assert (n("short_calls"), n("agent_releases"), n("ring_no_answer")) == (1, 1, 2)
    assert (n("calls_transferred", "Sales", "09:15"), n("calls_offered", "Sales", "09:15")) == (1, 1)
    waits = counted["wait_answered", "Support", at("09:00")].histogram
    assert (round(waits.total, 3), list(waits.buckets)[:6]) == (32.4, [0, 0, 0, 1, 1, 0])
    late = counted["wait_answered", "Sales", at("09:15")].histogram
    assert list(late.buckets)[4:6] == [0, 1]  # 20.1 s is not within 20 s
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


def contact(one: dict[str, Any]) -> tuple[object, ...]:
    (found,) = contacts_of(one, QUEUES, {})
    return found.outcome, found.wait_s, found.talk_s, found.ended_by, found.is_open


def test_who_ended_a_call_and_whether_it_is_over() -> None:
    ends = {
        "client": "agent",
        "endpoint": "agent",
        "peer": "caller",
        "system": "system",
        "transfer": "transfer",
        "?": None,
    }
    assert {word: contact(conversation("c", at("09:00"), ended_by=word))[3] for word in ends} == ends
    assert contact(conversation("c", at("09:00"), over=False)) == ("answered", 5.0, None, None, True)
    assert contact(conversation("c", at("09:00"), over=False, answered=False, outcome="tOther"))[0] == "waiting"


def test_a_call_that_enters_the_same_queue_twice_is_two_entries_with_their_own_waits() -> None:
    first = conversation("c", at("09:00"), wait_s=4, talk_s=50, transferred=True)
    second = conversation("c", at("09:05"), wait_s=9, talk_s=70, agent="u-2")
    one = {**first, "participants": [*second["participants"][::-1], *first["participants"][::-1]]}
    found = contacts_of(one, QUEUES, {})
    assert [(c.entered_s, c.wait_s, c.talk_s, c.agent, c.ended_by) for c in found] == [
        (at("09:00").timestamp(), 4.0, 50.0, "u-1", "transfer"),
        (at("09:05").timestamp(), 9.0, 70.0, "u-2", "caller"),
    ]


def test_an_answer_belongs_to_the_entering_before_it_and_a_second_agent_changes_nothing() -> None:
    flowed = conversation("c", at("09:00"), wait_s=30, answered=False, outcome="tFlowOut")
    taken = conversation("c", at("09:02"), wait_s=4)
    helper = conversation("c", at("09:02:01"), wait_s=50, agent="u-2")["participants"][-1]
    one = {**taken, "participants": [*flowed["participants"], *taken["participants"], helper]}
    left, answered = contacts_of(one, QUEUES, {})
    assert (left.outcome, left.wait_s, left.ended_by) == ("left", 30.0, "system")
    assert (answered.outcome, answered.wait_s, answered.agent) == ("answered", 4.0, "u-1")


def test_a_call_that_no_queue_took_and_what_is_no_call() -> None:
    out = conversation("o", at("09:00"))
    out["originatingDirection"] = "outbound"
    out["participants"] = [part for part in out["participants"] if part["purpose"] != "acd"]
    (found,) = contacts_of(out, QUEUES, {})
    assert (found.queue, found.direction, found.outcome, found.talk_s) == (None, "out", "answered", 60.0)
    inside = {**out, "participants": [part for part in out["participants"] if part["purpose"] == "agent"]}
    assert contacts_of(inside, QUEUES, {}) == []
    chat = json.loads(json.dumps(CALLS[0]).replace('"voice"', '"chat"'))
    assert contacts_of(chat, QUEUES, {}) == []


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


def test_a_lost_page_and_a_part_of_the_detail_are_said_and_never_counted(
    server: Simulator, secret: Path, cloud: Genesys
) -> None:
    cloud.more_announced = 3
    error = refused(calls(server, secret))
    assert (error.reason, "5 conversations came where 8" in error.detail) == (Reason.LIMITED, True)
    cloud.more_announced, cloud.more_aggregated = 0, 2
    error = refused(calls(server, secret))
    assert (error.reason, "lacks" in error.detail) == (Reason.LIMITED, True)
    assert read_all(calls(server, secret, cross_check=False), now=at("12:00"), zone=ZONE)[0]


def test_a_call_that_ends_late_is_a_revision_and_nothing_is_stated_twice(
    server: Simulator, secret: Path, cloud: Genesys
) -> None:
    source = calls(server, secret)
    cloud.conversations = [conversation("c1", at("09:05"), over=False), conversation("c2", at("09:06"))]
    found, done = read_all(source, now=at("10:15"), zone=ZONE)
    talk = measures(found)["talk_time", "Support", at("09:00")]
    assert (talk.sum.count, talk.unfinished) == (1, 1)
    found, done = read_all(source, cursor=done.cursor, now=at("11:00"), zone=ZONE)
    assert measures(found) == {}
    cloud.conversations = [conversation("c1", at("09:05"), talk_s=7000), conversation("c2", at("09:06"))]
    found, done = read_all(source, cursor=done.cursor, now=at("11:45"), zone=ZONE)
    talk = measures(found)["talk_time", "Support", at("09:00")]
    assert (talk.sum.total, talk.unfinished, talk.revision, talk.revision_reason) == (7060.0, 0, 1, "finished_late")
    assert not measures(read_all(source, cursor=done.cursor, now=at("12:15"), zone=ZONE)[0])


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


@pytest.mark.parametrize(
    ("states", "reason", "words"),
    [
        (("FAILED",), Reason.LIMITED, "ended as FAILED"),
        (("QUEUED", "CANCELLED"), Reason.LIMITED, "CANCELLED"),
        (("EXPIRED",), Reason.LIMITED, "EXPIRED"),
        (("PENDING",), Reason.TIMEOUT, "not done in time"),
    ],
)
def test_a_job_that_is_not_fulfilled_is_said(
    server: Simulator,
    secret: Path,
    cloud: Genesys,
    states: tuple[str, ...],
    reason: Reason,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ccmm_plugin_telephony.genesys.cloud._LEAST_S", 89.5)
    cloud.available_until, cloud.job_states = told(at("18:00")), states
    error = refused(calls(server, secret, history="1d"), now=at("22:00"))
    assert (error.reason, words in error.detail) == (reason, True), error.detail


def test_a_job_whose_pages_do_not_go_on_is_unreadable(server: Simulator, secret: Path, cloud: Genesys) -> None:
    cloud.available_until = told(at("18:00"))
    server.fail(json_reply({"conversations": [], "cursor": "1"}), path=f"{DETAIL}/jobs/job-0/results")
    assert "do not go on" in refused(calls(server, secret, history="1d"), now=at("22:00")).detail


@pytest.mark.parametrize("permission", sorted(PERMISSIONS))
def test_a_missing_permission_is_named(server: Simulator, secret: Path, cloud: Genesys, permission: str) -> None:
    cloud.permissions = PERMISSIONS - {permission}
    source = users(server, secret) if "userDetail" in permission else calls(server, secret)
    error = refused(source)
    assert (error.reason, permission in error.detail) == (Reason.REFUSED, True), error.detail


def test_a_wrong_secret_is_told_from_a_lost_token(server: Simulator, secret: Path) -> None:
    secret.write_text("wrong-canary")
    error = refused(calls(server, secret))
    assert (error.reason, "client_id or its secret" in error.detail) == (Reason.REFUSED, True)
    secret.write_text(SECRET)
    server.fail(json_reply({"access_token": "other", "token_type": "bearer"}), path="/oauth")
    error = refused(calls(server, secret))
    assert (error.reason, "401" in error.detail) == (Reason.REFUSED, True)


def test_a_limit_of_requests_is_waited_for(server: Simulator, secret: Path) -> None:
    server.fail(json_reply({"code": "too.many.requests"}, 429, retry_after="1"), times=1, path=f"{DETAIL}/query")
    assert total(read_all(calls(server, secret), now=at("12:00"), zone=ZONE)[0], "calls_offered", "Support") == 4
    server.fail(json_reply({"code": "too.many.requests"}, 429, retry_after="600"), path="/api/v2/routing")
    assert refused(calls(server, secret)).reason is Reason.LIMITED


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.HANG, Reason.TIMEOUT),
        (Fault.CUT, Reason.UNREACHABLE),
        (Fault.HALF, Reason.UNREADABLE),
        (Fault.LOG_IN_PAGE, Reason.UNREADABLE),
        (Fault.WRONG_ENCODING, Reason.UNREADABLE),
        (json_reply({"conversations": "many"}), Reason.UNREADABLE),
        (json_reply({"conversations": [{"participants": []}]}), Reason.UNREADABLE),
    ],
)
def test_an_answer_that_is_none_is_unavailable_not_smaller(
    server: Simulator, secret: Path, fault: Fault, reason: Reason
) -> None:
    server.fail(fault, path=f"{DETAIL}/query")
    assert refused(calls(server, secret, call_timeout="1s")).reason is reason


KEYS = (
    *("conversationId", "conversationStart", "conversationEnd", "participants", "sessions", "mediaType", "purpose"),
    *("segments", "segmentStart", "metrics", "name", "emitDate", "value", "queueId", "id", "state", "userId"),
    *("primaryPresence", "startTime", "authorization", "roles", "entities"),
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("2026-03-02T09:00:00Z")


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)


@settings(deadline=None)
@given(st.recursive(LEAVES, nested, max_leaves=25))
def test_only_malformed_escapes_from_any_json(value: object) -> None:
    part = value if isinstance(value, dict) else {"participants": value}
    for parse in (
        lambda: contacts_of(part, {}, {}),
        lambda: agent_time_of([part], {}, 0, 10**12),
        lambda: accounts_of([part], "email", ()),
        lambda: queue_names([part]),
    ):
        try:
            parse()
        except Malformed:
            continue


def presence(since: str, until: str | None, word: str, day: int = 2) -> dict[str, Any]:
    ends = {"endTime": told(at(until, day))} if until else {}
    return {"startTime": told(at(since, day)), "systemPresence": word, **ends}


def test_log_ins_and_pauses_as_counted_by_hand(server: Simulator, secret: Path, cloud: Genesys) -> None:
    cloud.presences = {
        "u-1": [
            presence("07:00", "08:00", "OFFLINE"),
            presence("08:00", "08:30", "AVAILABLE"),
            presence("08:30", "10:30", "ON_QUEUE"),
            presence("10:30", "11:00", "MEAL"),
            presence("11:00", None, "OFFLINE"),
        ],
        "u-2": [presence("23:00", "01:00:30", "ON_QUEUE", 1) | {"endTime": told(at("01:00:30"))}],
    }
    source = users(server, secret)
    first, done = read_all(source, now=at("10:15"), zone=ZONE)
    second, done = read_all(source, cursor=done.cursor, now=at("13:00"), zone=ZONE)
    third, _ = read_all(source, cursor=done.cursor, now=at("01:00", day=3), zone=ZONE)
    found = [*first, *second, *third]
    hours = rolls(found, "session")
    lasted = {hour: dict(zip(roll.clear_key, column(roll, "lasted"), strict=True)) for hour, roll in hours.items()}
    assert {hour.hour: spans["E-u-1"] for hour, spans in lasted.items() if "E-u-1" in spans} == {
        8: 3600,
        9: 3600,
        10: 3600,
    }
    assert {(hour.day, hour.hour): spans["E-u-2"] for hour, spans in lasted.items() if "E-u-2" in spans} == {
        (1, 23): 3600,
        (2, 0): 3600,
        (2, 1): 30,
    }
    days = measures(found)
    assert days["login_time", "E-u-1", at("00:00")].sum.total == 3 * 3600
    assert days["pause_time", "E-u-1 AVAILABLE", at("00:00")].sum.total == 1800
    assert days["pause_time", "E-u-1 MEAL", at("00:00")].sum.total == 1800
    assert days["login_time", "E-u-2", at("00:00")].sum.total == 3630


def test_accounts_with_roles_and_last_log_in(server: Simulator, secret: Path, cloud: Genesys) -> None:
    admin = {"authorization": {"roles": [{"name": "Admin"}, {"name": "Employee"}]}, "dateLastLogin": told(at("08:00"))}
    cloud.users = [user("u-1", "Ann", **admin), user("u-3", "Cid", state="inactive", employerInfo={})]
    cloud.users += [user(f"u-{n}", f"N{n}") for n in range(10, 240)]
    found, _ = read_all(users(server, secret), now=at("12:00"), zone=ZONE)
    accounts = entries(found, "account")
    assert len(accounts) == 232
    ann, cid = accounts["ann@x.example"], accounts["cid@x.example"]
    assert (ann["enabled"], ann["privileged"], ann["person"]) == (True, True, "E-u-1")
    assert (cid["enabled"], cid["privileged"], "person" in cid) == (False, False, False)
    cloud.users = []
    assert refused(users(server, secret)).reason is Reason.REFUSED


def test_two_queues_of_one_name_stay_apart() -> None:
    queues = [{"id": "a", "name": "Support"}, {"id": "b", "name": "Support"}, {"id": "c", "name": "Sales"}]
    assert queue_names(queues) == {"a": "a", "b": "b", "c": "Sales"}


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
    reading = read_source(spec, cursor=b"", now=now, zone=ZONE)
    assert (reading.outcome, reading.reason) == (OBSERVED, ""), reading.detail
    lines = check_source_process(spec, now=now, zone=ZONE)
    assert "canary" not in f"{reading} {lines} {reading.cursor!r}"
    secret.write_text("wrong-canary")
    reading = read_source(spec, cursor=b"", now=now, zone=ZONE)
    assert (reading.outcome, reading.reason) == (UNAVAILABLE, Reason.REFUSED)
    assert "canary" not in reading.detail
