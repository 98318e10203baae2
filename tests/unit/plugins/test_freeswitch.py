"""The event socket of FreeSWITCH: what may be sent, what comes back, what is refused; by the simulator."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmm_agent.plugin import CheckLine, Reason, SourceUnavailable, Window
from ccmm_agent.reading import SourceSpec
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_telephony.freeswitch.event_protocol import Framer, Message, format_line, parse_table
from ccmm_plugin_telephony.freeswitch.event_socket import ALLOWED, CommandNotAllowed, Endpoint, connected
from ccmm_plugin_telephony.freeswitch.socket_source import CallCenter
from ccmm_proto.errors import Malformed
from tests.support.freeswitch import Fault, FreeSwitch
from tests.support.freeswitch_center import NINE, options, secret, source, switch
from tests.support.queue_logs import ZONE, at
from tests.support.refusals import refusal_of
from tests.support.secrets import assert_secret_stays
from tests.support.stated import entries

__all__ = ["secret", "switch"]

WINDOW = Window(cursor=b"", now=at("09:30"), zone=ZONE)


def refused(broken: CallCenter) -> SourceUnavailable:
    return refusal_of(broken, WINDOW.now, ZONE)


def test_the_source_keeps_the_contract(switch: FreeSwitch, secret: Path) -> None:
    healthy = source(switch, secret)
    check_source(healthy, replace(healthy, endpoint=replace(healthy.endpoint, port=1)), window=WINDOW)


def test_settings_and_agents_of_the_switch(switch: FreeSwitch, secret: Path) -> None:
    found, _ = read_all(source(switch, secret), now=WINDOW.now, zone=ZONE)
    assert sorted(one.inventory.kind for one in found if one.HasField("inventory")) == ["account", "setting"]
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
    assert_secret_stays(spec, secret, WINDOW.now)
