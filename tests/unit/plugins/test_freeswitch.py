"""The event socket of FreeSWITCH: what may be sent, what comes back, log-ins from look to look; by the simulator."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmm_agent.plugin import CheckLine, Observation, Options, Reason, SourceUnavailable, Window
from ccmm_agent.reading import SourceSpec, check_source_process, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_telephony.agent_time import AgentTime
from ccmm_plugin_telephony.freeswitch.agent_watch import Seen, watch
from ccmm_plugin_telephony.freeswitch.event_protocol import Framer, Message, format_line, parse_table
from ccmm_plugin_telephony.freeswitch.event_socket import ALLOWED, CommandNotAllowed, Endpoint, connected
from ccmm_plugin_telephony.freeswitch.socket_source import CallCenter
from ccmm_proto.errors import Malformed
from ccmm_proto.v1.statement_pb2 import OBSERVED, UNAVAILABLE
from tests.support.freeswitch import Fault, FreeSwitch
from tests.support.queue_logs import ZONE, at, column, measures, rolls

NINE = int(at("09:00").timestamp())
USERS = {"ccmm@default": ("user-canary", "version callcenter_config"), "poor@default": ("p", "version")}
WINDOW = Window(cursor=b"", now=at("09:30"), zone=ZONE)


@pytest.fixture
def switch() -> Iterator[FreeSwitch]:
    agents = {
        "1001@default": ("Available", NINE),
        "1002@default": ("On Break", NINE),
        "1003@default": ("Logged Out", 0),
    }
    tiers = [("support", agent) for agent in agents]
    with FreeSwitch(agents=agents, tiers=tiers, queues=["support", "sales"], users=USERS).running() as running:
        yield running


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "freeswitch.secret"
    path.write_text("s3cret-canary\n")
    path.chmod(0o600)
    return path


def options(switch: FreeSwitch, secret: Path, **more: object) -> dict[str, object]:
    given_ = {"host": "127.0.0.1", "port": switch.port, "secret_file": str(secret), "connect_timeout": "1s"}
    return {**given_, **more}


def source(switch: FreeSwitch, secret: Path, **more: object) -> CallCenter:
    return CallCenter.from_options(Options(options(switch, secret, **more)))


def refused(broken: CallCenter) -> SourceUnavailable:
    with pytest.raises(SourceUnavailable) as error:
        list(broken.read(WINDOW))
    assert "canary" not in error.value.detail
    return error.value


def entries(observations: list[Observation], kind: str) -> dict[str, dict[str, object]]:
    (inventory,) = [one.inventory for one in observations if one.inventory.kind == kind]
    return {
        entry.key.text: {a.name: getattr(a.value, str(a.value.WhichOneof("value"))) for a in entry.attributes}
        for entry in inventory.entries
    }


def test_the_source_keeps_the_contract(switch: FreeSwitch, secret: Path) -> None:
    healthy = source(switch, secret)
    check_source(healthy, replace(healthy, endpoint=replace(healthy.endpoint, port=1)), window=WINDOW)


def test_settings_and_agents_of_the_switch(switch: FreeSwitch, secret: Path) -> None:
    found, _ = read_all(source(switch, secret), now=WINDOW.now, zone=ZONE)
    told = {key: entry.get("value", entry.get("number")) for key, entry in entries(found, "setting").items()}
    assert str(told["freeswitch/version"]).startswith("FreeSWITCH Version 1.10.12")
    assert {key.removeprefix("queue/support/"): told[key] for key in told if key.startswith("queue/support/")} == {
        "strategy": "longest-idle-agent",
        "recorded": 1.0,
        "max_wait_time": 0.0,
        "max_wait_time_with_no_agent": 0.0,
        "discard_abandoned_after": 60.0,
        "tier_rule_wait_second": 300.0,
        "agents": 3.0,
    }
    assert told["queue/sales/agents"] == 0.0
    accounts = entries(found, "account")
    assert [*accounts] == ["1001@default", "1002@default", "1003@default"]
    assert (accounts["1003@default"]["enabled"], accounts["1003@default"]["system"]) == (True, "acd")
    switch.record_template = "(null)"
    found, _ = read_all(source(switch, secret), now=WINDOW.now, zone=ZONE)
    assert entries(found, "setting")["queue/support/recorded"]["number"] == 0.0


def test_nothing_but_reading_commands_can_be_sent(switch: FreeSwitch) -> None:
    endpoint = Endpoint(host="127.0.0.1", port=switch.port)
    wanted = [
        *("callcenter_config agent set status 1001@default 'Logged Out'", "callcenter_config queue unload support"),
        *(
            "fsctl shutdown",
            "uuid_kill all",
            "originate user/1001 &park",
            "system rm",
            "version\n\napi fsctl shutdown",
            "",
        ),
    ]
    with connected(endpoint, switch.password) as asked:
        for command in wanted:
            with pytest.raises(CommandNotAllowed):
                asked.ask(command)  # type: ignore[arg-type]  # what the types already refuse
        asked.ask("version")
    assert [line for line in switch.seen if line != "exit"] == [f"auth {switch.password}", "api version"]
    assert {*wanted}.isdisjoint(ALLOWED)


def test_a_secret_of_two_lines_sends_nothing(switch: FreeSwitch, secret: Path) -> None:
    secret.write_text("s3cret\n\napi fsctl shutdown\n")
    assert refused(source(switch, secret)).reason is Reason.UNREADABLE
    with pytest.raises(ValueError, match="one line"):
        format_line("auth", "x\n\napi fsctl shutdown")
    assert refused(source(switch, secret, user="ccmm\n\nexit")).reason is Reason.UNREADABLE
    assert not [line for line in switch.seen if "shutdown" in line]


@pytest.mark.parametrize(
    ("fault", "reason", "words"),
    [
        ("acl", Reason.REFUSED, "apply-inbound-acl"),
        ("silent", Reason.TIMEOUT, "firewall"),
        ("hung", Reason.TIMEOUT, "did not answer within 1 s"),
        ("truncated", Reason.UNREACHABLE, "closed within an answer"),
        ("closed", Reason.UNREACHABLE, "closed within an answer"),
        ("notice", Reason.UNREACHABLE, "closed the connection"),
        ("cut_list", Reason.UNREADABLE, "does not end with"),
        ("not_found", Reason.NOT_FOUND, "mod_callcenter loaded"),
        ("endless", Reason.UNREADABLE, "headers without end"),
        ("length", Reason.UNREADABLE, "impossible length"),
        ("other", Reason.UNREADABLE, "content type"),
    ],
)
def test_a_switch_that_misbehaves_is_unavailable_not_smaller(
    switch: FreeSwitch, secret: Path, fault: Fault, reason: Reason, words: str
) -> None:
    switch.fault = fault
    error = refused(source(switch, secret))
    assert (error.reason, words in error.detail) == (reason, True), error.detail


def test_a_wrong_password_and_a_missing_right_are_told_apart(switch: FreeSwitch, secret: Path) -> None:
    secret.write_text("wrong-canary")
    error = refused(source(switch, secret))
    assert (error.reason, "event_socket.conf.xml" in error.detail) == (Reason.REFUSED, True)
    error = refused(source(switch, secret, user="ccmm@default"))
    assert "esl-password" in error.detail
    secret.write_text("p")
    error = refused(source(switch, secret, user="poor@default"))
    assert (error.reason, "esl-allowed-api" in error.detail) == (Reason.REFUSED, True)


def test_a_pipe_inside_a_name_is_no_shifted_row(switch: FreeSwitch, secret: Path) -> None:
    switch.agents["10|01"] = ("Available", NINE)
    assert refused(source(switch, secret)).reason is Reason.UNREADABLE


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(0, 60))
def test_only_malformed_escapes_from_what_the_switch_sends(noise: bytes, at_: int) -> None:
    whole = b"Content-Type: api/response\nContent-Length: 12\n\nname|x\na|+OK\nContent-Type: a\n\n"
    try:
        for message in Framer().feed(whole[:at_] + noise + whole[at_:]):
            parse_table(message.body, ("name",))
    except Malformed:
        return


@given(st.lists(st.integers(1, 40), max_size=8))
def test_messages_are_the_same_however_they_arrive(cuts: list[int]) -> None:
    first = "Content-Type: api/response\nContent-Length: 7\n\nnäme\n\n"
    sent = f"{first}Content-Type: command/reply\nReply-Text: +OK\n\n".encode()
    framer, begin = Framer(), 0
    messages: list[Message] = []
    for cut in [*cuts, len(sent)]:
        messages += framer.feed(sent[begin : begin + cut])
        begin += cut
    assert [(one.kind, one.body, one.reply) for one in messages] == [
        ("api/response", "näme\n\n", ""),
        ("command/reply", "", "+OK"),
    ]


class Looks:
    """One source that looks again and again."""

    def __init__(self, switch: FreeSwitch, secret: Path) -> None:
        self.switch, self.source, self.cursor = switch, source(switch, secret), b""
        self.stated: list[Observation] = []
        self.covered: list[tuple[datetime, datetime] | None] = []

    def look(self, now: datetime, **agents: tuple[str, str]) -> None:
        for name, (status, since) in agents.items():
            self.switch.agents[name] = (status, int(at(since).timestamp()))
        found, done = read_all(self.source, cursor=self.cursor, now=now, zone=ZONE)
        self.cursor = done.cursor
        self.stated += found
        self.covered.append(done.covers)


@pytest.fixture
def looks(switch: FreeSwitch, secret: Path) -> Looks:
    switch.agents.clear()
    switch.tiers.clear()
    return Looks(switch, secret)


def test_log_ins_and_breaks_are_known_to_the_second_from_look_to_look(looks: Looks) -> None:
    looks.look(at("08:00"), A1=("Logged Out", "07:00"))
    looks.look(at("08:10"), A1=("Available", "08:07"))
    looks.look(at("08:20"), A1=("On Break", "08:15:30"))
    looks.look(at("08:30"), A1=("Available", "08:25:30"))
    for minutes in range(40, 120, 10):
        looks.look(at("08:00") + timedelta(minutes=minutes))
    looks.look(at("10:00"), A1=("Logged Out", "09:52"))
    for minutes in range(10, 20 * 60, 25):
        looks.look(at("10:00") + timedelta(minutes=minutes))
    hours = rolls(looks.stated, "session")
    assert {hour: column(roll, "lasted") for hour, roll in hours.items()} == {at("08:00"): [3180], at("09:00"): [3120]}
    found = measures(looks.stated)
    login, pause = found["login_time", "A1", at("00:00")], found["pause_time", "A1 On Break", at("00:00")]
    assert (login.sum.total, pause.sum.total) == (6300.0, 600.0)
    assert looks.covered[0] is None
    spans = [span for span in looks.covered if span]
    assert spans[0][0] == at("08:00")
    assert all(one[1] == other[0] for one, other in pairwise(spans))


def test_a_long_gap_between_looks_is_vouched_for_by_nobody(looks: Looks) -> None:
    looks.look(at("08:00"), A1=("Available", "07:00"), A2=("Available", "07:00"))
    looks.look(at("08:15"))
    looks.look(at("10:00"), A2=("Available", "09:40"))  # A2 was away at some time between
    looks.look(at("10:15"))
    assert looks.covered == [None, (at("08:00"), at("08:15")), None, (at("10:00"), at("10:15"))]
    hours = rolls(looks.stated, "session")
    lasted = {hour: dict(zip(roll.clear_key, column(roll, "lasted"), strict=True)) for hour, roll in hours.items()}
    assert lasted[at("09:00")] == {"A1": 3600}  # whose status had not changed since 07:00
    assert lasted[at("08:00")] == {"A1": 3600, "A2": 900}
    assert lasted[at("10:00")] == {"A1": 900, "A2": 900}


def test_an_agent_taken_off_the_list_left_when_last_seen(looks: Looks) -> None:
    looks.look(at("08:00"), A1=("Available", "07:00"))
    looks.look(at("08:20"))
    looks.switch.agents.clear()
    looks.look(at("08:40"))
    looks.look(at("09:00"))
    assert column(rolls(looks.stated, "session")[at("08:00")], "lasted") == [1200]


def test_a_clock_that_went_back_is_said(looks: Looks) -> None:
    looks.look(at("08:00"), A1=("Available", "07:00"))
    with pytest.raises(SourceUnavailable, match="clock"):
        looks.look(at("07:30"))


@given(
    st.lists(st.tuples(st.sampled_from(["Available", "On Break", "Logged Out"]), st.integers(-7200, 7200)), max_size=12)
)
def test_time_logged_in_is_never_longer_than_the_time_watched(steps: list[tuple[str, int]]) -> None:
    """Whatever a switch says of when a status changed."""
    agents, now_s, before_s = AgentTime(), NINE, None
    for status, offset in steps:
        watch(agents, [Seen(agent="A", status=status, changed_s=now_s + offset)], before_s, now_s)
        before_s, now_s = now_s, now_s + 600
    stays = agents.stays_until(now_s)
    assert sum(stay.until_s - stay.since_s for stay in stays) <= now_s - NINE
    assert all(one.until_s <= other.since_s for one, other in pairwise(stays))


def checked(switch: FreeSwitch, secret: Path, **more: object) -> dict[str, CheckLine]:
    return {line.subject: line for line in source(switch, secret, **more).check(WINDOW)}


def test_check_tells_of_rights_and_of_what_no_account_can_be_kept_from(switch: FreeSwitch, secret: Path) -> None:
    told = checked(switch, secret)
    assert (told["rights"].verdict, told["writing"].verdict) == ("warning", "warning")
    assert (told["queues"].detail, told["agents"].detail) == ("2 loaded", "3 with 3 tiers")
    secret.write_text("user-canary")
    assert "rights" not in checked(switch, secret, user="ccmm@default")
    switch.users = {"ccmm@default": ("user-canary", "version callcenter_config fsctl")}
    assert "fsctl" in checked(switch, secret, user="ccmm@default")["rights"].detail
    secret.chmod(0o644)
    assert "chmod 600" in checked(switch, secret, user="ccmm@default")["password file"].detail


def test_it_is_read_in_a_reader_process_and_its_secret_stays_there(switch: FreeSwitch, secret: Path) -> None:
    spec = SourceSpec(name="switch", plugin="freeswitch", options=options(switch, secret))
    reading = read_source(spec, cursor=b"", now=at("09:30"), zone=ZONE)
    assert (reading.outcome, reading.reason) == (OBSERVED, ""), reading.detail
    lines = check_source_process(spec, now=at("09:30"), zone=ZONE)
    assert b"canary" not in (reading.cursor or b"")
    assert "canary" not in f"{reading} {lines}"
    secret.write_text("wrong-canary")
    reading = read_source(spec, cursor=b"", now=at("09:30"), zone=ZONE)
    assert (reading.outcome, reading.reason) == (UNAVAILABLE, Reason.REFUSED)
    assert "canary" not in reading.detail
