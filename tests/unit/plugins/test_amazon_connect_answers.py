"""What Amazon Connect refuses or lacks: said by name, and never a smaller count; no answer breaks a parser."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmm_agent.plugin import Reason
from ccmm_agent.testing import read_all
from ccmm_agent.testing_http import Fault, Reply, Simulator
from ccmm_plugin_telephony.connect.contact_record import contacts_of, parse_detail, parse_record
from ccmm_plugin_telephony.connect.people import accounts_of
from ccmm_proto.errors import Malformed
from tests.support.connect import ACTIONS, Connect, error
from tests.support.connect_center import NOON, calls, cloud, refused, secret, server, users
from tests.support.queue_logs import ZONE, total

__all__ = ["cloud", "secret", "server"]


def test_a_search_that_lacks_contacts_is_said_and_never_counted(
    server: Simulator, secret: Path, cloud: Connect
) -> None:
    cloud.more_counted = 1
    found = refused(calls(server, secret))
    assert (found.reason, "lacks" in found.detail) == (Reason.LIMITED, True)
    assert read_all(calls(server, secret, cross_check=False), now=NOON, zone=ZONE)[0]


def test_pages_that_do_not_go_on_are_unreadable(server: Simulator, secret: Path) -> None:
    server.fail(
        Reply(200, b'{"Contacts": [], "NextToken": "1"}', {"Content-Type": "application/json"}), path="/search-c"
    )
    assert "do not go on" in refused(calls(server, secret)).detail


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_a_missing_right_is_named(server: Simulator, secret: Path, cloud: Connect, action: str) -> None:
    cloud.actions = ACTIONS - {action}
    found = refused(users(server, secret) if "Profiles" in action else calls(server, secret, detail=True))
    assert (found.reason, action in found.detail) == (Reason.REFUSED, True), found.detail


def test_a_wrong_key_a_wrong_secret_and_a_wrong_instance_are_told_apart(server: Simulator, secret: Path) -> None:
    found = refused(calls(server, secret, access_key_id="AKIAOTHER"))
    assert (found.reason, "access key is not known" in found.detail) == (Reason.REFUSED, True)
    found = refused(calls(server, secret, instance_id="other"))
    assert (found.reason, "instance_id" in found.detail) == (Reason.NOT_FOUND, True)
    secret.write_text("wrong-canary")
    found = refused(calls(server, secret))
    assert (found.reason, "does not fit" in found.detail) == (Reason.REFUSED, True)


def test_throttling_is_waited_for_a_moment_and_then_said(server: Simulator, secret: Path) -> None:
    throttled = error(429, "ThrottlingException", "Rate exceeded")
    server.fail(throttled, times=1, path="/search-contacts")
    assert total(read_all(calls(server, secret), now=NOON, zone=ZONE)[0], "calls_offered", "Support") == 4
    server.fail(throttled, path="/queues-summary")
    assert refused(calls(server, secret)).reason is Reason.LIMITED


@pytest.mark.parametrize(
    ("fault", "reasons"),
    [
        (Fault.HANG, {Reason.TIMEOUT}),
        (Fault.CUT, {Reason.UNREACHABLE}),
        (Fault.CLOSE, {Reason.UNREACHABLE}),
        (Fault.HALF, {Reason.UNREADABLE}),
        (Fault.LOG_IN_PAGE, {Reason.UNREADABLE}),
        (Fault.WRONG_ENCODING, {Reason.UNREADABLE}),
        (Fault.NO_HTTP, {Reason.UNREACHABLE}),
        (error(500, "InternalServiceException", ""), {Reason.UNREACHABLE}),
        (error(400, "InvalidRequestException", "canary"), {Reason.UNREADABLE}),
        (Reply(200, b'{"Contacts": [{"Channel": "VOICE"}]}', {}), {Reason.UNREADABLE}),
        (Reply(200, b'{"message": "fine"}', {}), {Reason.UNREADABLE}),
        (Reply(200, b"", {}), {Reason.UNREADABLE}),
    ],
)
def test_an_answer_that_is_none_is_unavailable_not_smaller(
    server: Simulator, secret: Path, fault: Fault | Reply, reasons: set[Reason]
) -> None:
    server.fail(fault, path="/search-contacts")
    assert refused(calls(server, secret, call_timeout="1s")).reason in reasons


KEYS = (
    *("Id", "Channel", "InitiationMethod", "InitiationTimestamp", "QueueInfo", "EnqueueTimestamp", "AgentInfo", "Tags"),
    *("ConnectedToAgentTimestamp", "DisconnectTimestamp", "Recordings", "Status", "StartTimestamp", "StopTimestamp"),
    *("AfterContactWorkDuration", "Username", "SecurityProfileIds", "DisconnectReason", "MediaStreamType"),
)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["VOICE", NOON])
)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), st.recursive(LEAVES, nested, max_leaves=20), max_size=8))
def test_only_malformed_escapes_from_any_answer(part: dict[str, Any]) -> None:
    def contacts() -> None:
        record = parse_record({"Channel": "VOICE", "Id": "c", "InitiationTimestamp": NOON, **part})
        contacts_of([record] if record else [], {}, {}, {})

    for parse in (contacts, lambda: parse_detail(part), lambda: accounts_of([part], "x", {}, ())):
        try:
            parse()
        except Malformed:
            continue
