"""What a Salesforce organisation holds, as cases and figures: by one that speaks its REST API over a real socket."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Reason, SourceUnavailable
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_agent.testing_http import Fault, Reply, json_reply
from ccmm_plugin_crm.sf_history import parse_changes
from ccmm_proto.errors import Malformed
from ccmm_proto.v1.statement_pb2 import OBSERVED
from tests.support.odoo_center import cases, figures
from tests.support.salesforce_center import FIELDS, ID, NOW, VALUES, WINDOW, ZONE, at, center, problem, read_at, source
from tests.support.salesforce_orgs import BASE, Organisation, case, change


def test_salesforce_keeps_the_source_contract(tmp_path: Path) -> None:
    org = center()
    with org.running() as gone:
        pass
    with org.running() as running:
        check_source(source(running.url, tmp_path), source(gone.url, tmp_path), window=WINDOW)
    assert {word.split()[0] for word in org.asked} == {"GET"}


def test_each_record_is_a_case_deleted_ones_too(tmp_path: Path) -> None:
    found, done = read_at(center(), tmp_path)
    told = cases(found)
    assert sorted(told) == [ID(10), ID(11), ID(12)]
    first = told[ID(10)]
    assert (first["class"], first["customer"], first["agent"]) == ("complaint", "001A", "E1007@center.example")
    assert "agent" not in told[ID(11)]
    assert done.detail == "1 cases are deleted there, and counted still"
    counted = {key: count for key, (count, _) in figures(found).items() if count}
    assert counted == {
        ("complaints", 20, "complaint"): 1,
        ("cases_closed", 20, "complaint"): 1,
        ("cases_due", 21, "complaint"): 1,
        ("cases_due", 21, "enquiry"): 1,
        ("cases_on_time", 21, "complaint"): 1,
        ("complaints_due", 21, "complaint"): 1,
        ("complaints_on_time", 21, "complaint"): 1,
    }


def test_the_history_tells_what_was_opened_again_put_off_and_renamed(tmp_path: Path) -> None:
    org = center()
    org.history += [
        change(10, "Status", at(20, 13), "Closed", "New"),
        change(10, "Status", at(21, 1), "New", "Closed"),
        change(11, "Due__c", at(20, 5), at(20, 9), at(21, 3)),
        change(11, "Due__c", at(20, 6), at(21, 3), at(20, 9)),
        change(11, "Type", at(20, 7), "投诉", "Question"),
        change(11, "Owner", at(20, 8), "a", "b"),
    ]
    org.cases[0]["ClosedDate"] = at(21, 1)
    found, _ = read_at(org, tmp_path)
    told = cases(found)
    assert (told[ID(11)]["due_moves"], told[ID(11)]["relabelled"]) == (1, True)
    counted = {key: count for key, (count, _) in figures(found).items() if count}
    assert counted["cases_reopened", 20, "complaint"] == 1
    assert (counted["cases_closed", 20, "complaint"], counted["cases_closed", 21, "complaint"]) == (1, 1)
    assert counted["complaints", 20, "complaint"] == 2  # a complaint that got another name was made


def test_a_date_of_closing_that_stays_closes_nothing(tmp_path: Path) -> None:
    org = center()
    org.cases[0]["IsClosed"] = False
    found, _ = read_at(org, tmp_path)
    assert "closed" not in cases(found)[ID(10)]


def test_what_is_not_tracked_is_seen_from_look_to_look(tmp_path: Path) -> None:
    org = center()
    _, done = read_at(org, tmp_path)
    org.cases[1].update(Due__c=at(30, 3), LastModifiedDate=at(22, 6, 30))
    org.cases.pop()
    found, again = read_at(org, tmp_path, NOW + timedelta(hours=1), done.cursor)
    assert cases(found)[ID(11)]["due_moves"] == 1
    assert again.detail == "1 cases seen before are gone: erased, or hidden from the account"
    found, last = read_at(org, tmp_path, NOW + timedelta(hours=1), again.cursor)
    assert (cases(found), figures(found), last.detail) == ({}, {}, "")


def test_many_records_come_page_by_page_and_all_of_them(tmp_path: Path) -> None:
    org = Organisation(cases=[case(number, at(20, 2)) for number in range(1, 131)], page=50)
    found, _ = read_at(org, tmp_path)
    assert len(cases(found)) == 130
    assert f"GET {BASE}/query/c-100" in org.asked
    org.loses = 1
    reason, told = problem(org, tmp_path)
    assert (reason, "128 of 130 came" in told) == (Reason.LIMITED, True)


@pytest.mark.parametrize(
    ("changed", "reason", "words"),
    [
        ({"client_id": "other"}, Reason.REFUSED, "consumer key"),
        ({"username": "other"}, Reason.REFUSED, "approved for the app"),
    ],
)
def test_a_log_in_that_is_refused_says_what_to_mend(
    changed: dict[str, Any], reason: Reason, words: str, tmp_path: Path
) -> None:
    org = center()
    found = problem(org, tmp_path, **changed)
    assert (found[0], words in found[1]) == (reason, True), found


def test_another_log_in_host_than_the_user_s_is_said(tmp_path: Path) -> None:
    with center().running() as running:
        one = source(running.url, tmp_path, login_url=running.url.replace("127.0.0.1", "localhost"))
        with pytest.raises(SourceUnavailable, match="is login_url right"):
            read_all(one, now=NOW, zone=ZONE)


def test_an_organisation_that_moved_is_told_where(tmp_path: Path) -> None:
    org = center()
    org.elsewhere = "https://other.my.salesforce.com"
    reason, told = problem(org, tmp_path)
    assert (reason, "set url to https://other.my.salesforce.com" in told) == (Reason.UNREADABLE, True)
    org.elsewhere = "https://other.example/Wang Fang"
    assert "set url to its own address" in problem(org, tmp_path)[1]


@pytest.mark.parametrize("content", [b"", b"secret", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_key_that_is_none_is_said(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(content)
    org = center()
    reason, told = problem(org, tmp_path)
    assert (reason, "no private RSA key" in told, "AAAA" in told) == (Reason.UNREADABLE, True, False)
    assert org.asked == []


def test_no_key_at_all_is_not_found(tmp_path: Path) -> None:
    with center().running() as running:
        one = source(running.url, tmp_path)
        (tmp_path / "key.pem").unlink()
        with pytest.raises(SourceUnavailable) as caught:
            read_all(one, now=NOW, zone=ZONE)
    assert caught.value.reason is Reason.NOT_FOUND


@pytest.mark.parametrize(
    ("code", "status", "reason", "words"),
    [
        ("REQUEST_LIMIT_EXCEEDED", 403, Reason.LIMITED, "limit of API calls"),
        ("INVALID_TYPE", 400, Reason.REFUSED, "View All"),
        ("API_DISABLED_FOR_ORG", 403, Reason.REFUSED, "API Enabled"),
        ("INVALID_QUERY_LOCATOR", 400, Reason.UNREADABLE, "read again"),
        ("QUERY_TIMEOUT", 400, Reason.TIMEOUT, "shorter"),
        ("SOMETHING_NEW", 400, Reason.UNREADABLE, "SOMETHING_NEW"),
        ("with a name: Wang", 400, Reason.UNREADABLE, "unknown"),
    ],
)
def test_what_it_refuses_becomes_a_sentence(code: str, status: int, reason: Reason, words: str, tmp_path: Path) -> None:
    with center().running() as running:
        told = [{"errorCode": code, "message": "of Wang Fang"}]
        running.fail(json_reply(told, status), path=f"{BASE}/query")
        with pytest.raises(SourceUnavailable, match=words) as caught:
            read_all(source(running.url, tmp_path), now=NOW, zone=ZONE)
    assert caught.value.reason is reason
    assert "Wang" not in caught.value.detail


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.HANG, Reason.TIMEOUT),
        (Fault.CUT, Reason.UNREACHABLE),
        (Fault.HALF, Reason.UNREADABLE),
        (Fault.LOG_IN_PAGE, Reason.UNREADABLE),
        (Fault.WRONG_ENCODING, Reason.UNREADABLE),
        (Fault.BOMB, Reason.FLOOD),
        (json_reply([]), Reason.UNREADABLE),
        (json_reply({"records": [1], "done": True}), Reason.UNREADABLE),
        (json_reply({"records": [], "done": False}), Reason.UNREADABLE),
        (json_reply({"records": [], "done": False, "nextRecordsUrl": "https://evil.example/x"}), Reason.UNREADABLE),
        (json_reply({}, 401), Reason.REFUSED),
        (json_reply({}, 503), Reason.UNREACHABLE),
    ],
)
def test_what_is_no_whole_answer_is_said(fault: Fault | Reply, reason: Reason, tmp_path: Path) -> None:
    with center().running() as running:
        running.fail(fault, path=f"{BASE}/query")
        with pytest.raises(SourceUnavailable) as caught:
            read_all(
                source(running.url, tmp_path, call_timeout="1s" if fault is Fault.HANG else "20s"), now=NOW, zone=ZONE
            )
    assert caught.value.reason is reason, caught.value.detail
    assert "canary" not in caught.value.detail


def test_a_field_that_is_hidden_is_said_and_nothing_seen_is_no_empty_center(tmp_path: Path) -> None:
    org = center()
    org.hidden_fields = frozenset(("Due__c",))
    reason, told = problem(org, tmp_path)
    assert (reason, "field-level security" in told) == (Reason.NOT_FOUND, True)
    reason, told = problem(Organisation(), tmp_path)
    assert (reason, "View All on Case" in told) == (Reason.REFUSED, True)
    found, _ = read_at(Organisation(), tmp_path, may_be_empty=True)
    assert cases(found) == {}


def test_check_says_what_is_read_and_what_is_too_much(tmp_path: Path) -> None:
    org = center()
    org.writable, org.usage = True, "4900/5000"
    org.cases.append(case(20, at(21, 5)))
    with org.running() as running:
        lines = {line.subject: (line.verdict, line.detail) for line in source(running.url, tmp_path).check(WINDOW)}
    assert lines["password file"][0] == "ok"
    assert lines["fields"][0] == "ok"
    assert lines["rights"] == ("warning", "cases are createable, updateable for this account: it needs read")
    assert lines["cases"] == ("ok", "4 of the last 7 days can be read")
    assert lines["hidden"][1].startswith("7 case numbers")
    assert lines["limit"] == ("warning", "4900 of 5000 API calls of a day")
    assert "canary" not in str(lines)


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"fields": {"class": "Type FROM User --"}}, "fields.class"),
        ({"fields": {"opened": "1"}}, "fields.opened"),
        ({"api_version": "latest"}, "api_version"),
        ({"keep": "7d"}, "keep"),
        ({"login_url": "http://192.0.2.1"}, "login_url"),
    ],
)
def test_options_that_mean_nothing_stop_the_start(changed: dict[str, Any], key: str, tmp_path: Path) -> None:
    given: dict[str, Any] = {"values": {}, **changed}
    with pytest.raises(BadOption) as caught:
        source("https://center.my.salesforce.com", tmp_path, **given)
    assert caught.value.key == key


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(("CaseId", "Field", "CreatedDate", "OldValue", "NewValue")),
            st.none() | st.integers() | st.text(max_size=20) | st.just("2026-11-20T02:00:00.000+0000"),
        ),
        max_size=5,
    )
)
def test_lines_of_history_are_understood_or_refused(rows: list[dict[str, object]]) -> None:
    with suppress(Malformed):
        assert sum(map(len, parse_changes(rows, ZONE).values())) == len(rows)


def test_it_is_read_in_a_reader_process(tmp_path: Path) -> None:
    org = center()
    with org.running() as running:
        source(running.url, tmp_path)
        table: dict[str, object] = {"url": running.url, "login_url": running.url, "client_id": "app"}
        table |= {"username": "ccmm@center.example", "key_file": str(tmp_path / "key.pem")}
        table |= {"fields": FIELDS, "values": VALUES}
        reading = read_source(SourceSpec(name="s", plugin="salesforce", options=table), cursor=b"", now=NOW, zone=ZONE)
    assert reading.outcome == OBSERVED, reading.detail
    assert len(cases(reading.observations)) == 3
