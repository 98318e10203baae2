"""What Genesys Cloud refuses, lacks or does not finish: said by name, and never a smaller count."""

from pathlib import Path

import pytest

from ccmm_agent.plugin import Reason
from ccmm_agent.testing import read_all
from ccmm_agent.testing_http import Fault, Simulator, json_reply
from tests.support.genesys import PERMISSIONS, SECRET, Genesys
from tests.support.genesys_center import DETAIL, calls, cloud, refused, secret, server, users
from tests.support.genesys_detail import told
from tests.support.queue_logs import ZONE, at, total

__all__ = ["cloud", "secret", "server"]


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
