"""Cases of Request Tracker: everything that must be loud, and captured answers."""

import json
from pathlib import Path

import pytest

from ccmm_agent.plugin import BadOption, Reason, Window
from ccmm_agent.testing_http import Fault, Reply, Simulator, json_reply
from ccmm_plugin_crm.rt_case import Words
from ccmm_plugin_crm.rt_facts import ticket_of
from tests.support.fake_request_tracker import FakeRequestTracker
from tests.support.refusals import refusal
from tests.support.rt_center import NOON, ZONE, read, server, source, tracker

__all__ = ["server", "tracker"]

WORDS = Words(queues=frozenset({"Support", "Complaints"}), classes={"Complaints": "complaint"})


@pytest.mark.parametrize(
    ("fault", "path", "reason", "words"),
    [
        (Reply(401), "", Reason.REFUSED, "HTTP 401"),
        (json_reply({}, 403), "/REST/2.0/queue", Reason.REFUSED, "SeeQueue on the queue 'Support'"),
        (json_reply({}, 403), "/REST/2.0/tickets", Reason.REFUSED, "SeeQueue, ShowTicket and SeeCustomField"),
        (Fault.HALF, "/REST/2.0/transactions", Reason.UNREADABLE, "no sound JSON"),
        (Fault.CUT, "/REST/2.0/transactions", Reason.UNREACHABLE, "lost"),
        (Fault.LOG_IN_PAGE, "", Reason.UNREADABLE, "a log-in page"),
        (json_reply({"items": "x"}), "/REST/2.0/transactions", Reason.UNREADABLE, "another version than 5"),
        (json_reply({"items": [{"id": "1"}]}), "/REST/2.0/transactions", Reason.UNREADABLE, "without Created"),
        (json_reply({"items": [], "total": None}), "/REST/2.0/tickets", Reason.UNREADABLE, "UseSQLForACLChecks"),
        (json_reply({"items": [], "total": 0}), "/REST/2.0/tickets", Reason.REFUSED, "give the right ShowTicket"),
    ],
)
def test_what_cannot_be_read_is_said(
    server: Simulator, tmp_path: Path, fault: Fault | Reply, path: str, reason: Reason, words: str
) -> None:
    server.fail(fault, path=path)
    with refusal(reason, words):
        read(source(server.url, tmp_path))


def test_a_token_of_a_person_who_may_write_is_warned_of(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path
) -> None:
    window = Window(cursor=b"", now=NOON, zone=ZONE)
    tracker.shown = "lifecycle"
    warnings = [line.detail for line in source(server.url, tmp_path).check(window) if line.verdict == "warning"]
    assert warnings == ["this account may write: lifecycle in Complaints, lifecycle in Support"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"queues": []}, "queues"),
        ({"closed": ["deleted"]}, "deleted ends none"),
        ({"classes": {"Complaints": "grievance"}}, "classes.Complaints"),
        ({"fields": {"call": "requestor"}}, "customer only"),
        ({"since": "long ago"}, "since"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(tmp_path: Path, changed: dict[str, object], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        source("https://rt.example", tmp_path, **changed)


def test_captured_answers_are_read(captures: Path) -> None:
    def body(name: str) -> dict[str, object]:
        text = (captures / "request-tracker-5" / name).read_bytes()
        return dict(json.loads(text.replace(b"\r\n", b"\n").partition(b"\n\n")[2]))

    rows = body("06-tickets.resp")["items"]
    assert isinstance(rows, list)
    tickets = [ticket_of(int(row["id"]), {**row, "Queue": {"id": "5"}}, [], {"5": "Complaints"}, {}) for row in rows]
    assert len(tickets) == 100
    assert {ticket.queue for ticket in tickets} == {"Complaints"}
    assert all((ticket.resolved is not None) == (ticket.status in WORDS.closed) for ticket in tickets)
    assert {"Call ID", "Complaint Category"} <= {name for ticket in tickets for name in ticket.fields}
