"""What an Odoo may answer: whole, or said; and what it can be asked."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Reason, SourceUnavailable, Window
from ccmm_agent.testing_http import Fault
from ccmm_plugin_crm.case_fields import CaseFields, Users
from ccmm_plugin_crm.case_memory import parse_memory
from ccmm_plugin_crm.odoo_rpc import Odoo, parse_answer
from ccmm_proto.errors import Malformed
from tests.support.odoo_center import FIELDS, NOW, ZONE, cases, center, problem, read_at, source
from tests.support.odoo_servers import ticket


def test_a_server_that_gives_a_part_gives_no_list(tmp_path: Path) -> None:
    server = center()
    server.most = 2
    reason, told = problem(server, tmp_path)
    assert (reason, "2 of 3 records" in told) == (Reason.LIMITED, True)


def test_rights_that_are_missing_are_named(tmp_path: Path) -> None:
    server = center()
    server.may_read = False
    reason, told = problem(server, tmp_path)
    assert (reason, "User right, all documents" in told) == (Reason.REFUSED, True)
    server.may_read, server.hidden = True, {10, 11, 12}
    reason, told = problem(server, tmp_path)
    assert (reason, "all documents" in told) == (Reason.REFUSED, True)
    found, _ = read_at(server, tmp_path, may_be_empty=True)
    assert cases(found) == {}


def test_a_wrong_key_another_database_model_or_field_is_said(tmp_path: Path) -> None:
    server = center()
    server.key = "another"
    reason, told = problem(server, tmp_path)
    assert (reason, "API key" in told, "canary" in told) == (Reason.REFUSED, True, False)
    server.key = "canary-api-key"
    assert "is there such a database" in problem(server, tmp_path, database="elsewhere")[1]
    assert "fault 2" in problem(server, tmp_path, model="crm.lead")[1]
    server.unknown_fields.add("sla_deadline")
    reason, told = problem(server, tmp_path)
    assert (reason, "no field 'sla_deadline'" in told) == (Reason.NOT_FOUND, True)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.HANG, Reason.TIMEOUT),
        (Fault.DRIP, Reason.TIMEOUT),
        (Fault.CUT, Reason.UNREACHABLE),
        (Fault.LOG_IN_PAGE, Reason.UNREADABLE),
        (Fault.HALF, Reason.UNREADABLE),
        (Fault.WRONG_ENCODING, Reason.UNREADABLE),
        (Fault.OVERSIZED, Reason.FLOOD),
        (Fault.BOMB, Reason.FLOOD),
    ],
)
def test_what_is_no_whole_answer_is_said(fault: Fault, reason: Reason, tmp_path: Path) -> None:
    with center().running() as running:
        running.fail(fault, path="/xmlrpc/2/object")
        with pytest.raises(SourceUnavailable) as caught:
            list(
                source(running.url, tmp_path, call_timeout="1s" if fault in (Fault.HANG, Fault.DRIP) else "20s").read(
                    Window(cursor=b"", now=NOW, zone=ZONE)
                )
            )
    assert caught.value.reason is reason, caught.value.detail
    assert "canary" not in caught.value.detail


@pytest.mark.parametrize(
    "broken",
    [
        {"create_date": False},
        {"close_date": "yesterday"},
        {"close_date": "2020-01-01 00:00:00"},
        {"ticket_type_id": {"id": 2}},
        {"partner_phone": "1" * 2000},
    ],
)
def test_one_record_that_is_not_understood_is_no_smaller_list(broken: dict[str, object], tmp_path: Path) -> None:
    server = center()
    server.tickets.append({**ticket(13, "2026-11-21 05:00:00"), **broken})
    if broken.get("create_date") is False:
        server.tickets[-1]["create_date"] = "2026-11-21T05:00"
        server.tickets[-1]["write_date"] = "now"
    assert problem(server, tmp_path)[0] is Reason.UNREADABLE


def test_a_word_without_a_meaning_is_asked_for(tmp_path: Path) -> None:
    reason, told = problem(center(), tmp_path, values={"class": {"投诉": "complaint"}})
    assert (reason, 'values.class does not name, and no "*"' in told, "Question" in told) == (
        Reason.UNREADABLE,
        True,
        False,
    )


def test_check_says_what_is_read_and_what_is_too_much(tmp_path: Path) -> None:
    server = center()
    server.may_write = True
    server.tickets.append(ticket(20, "2026-11-21 05:00:00"))
    with server.running() as running:
        one = source(running.url, tmp_path)
        lines = {
            line.subject: (line.verdict, line.detail) for line in one.check(Window(cursor=b"", now=NOW, zone=ZONE))
        }
    assert lines["log-in"][1].endswith("database center, Odoo 17.0")
    assert lines["fields"][0] == "ok"
    assert lines["cases"] == ("ok", "4 of the last 7 days can be read")
    assert lines["hidden"][1].startswith("7 numbers")
    assert lines["rights"] == (
        "warning",
        "the account may write, create, unlink records of helpdesk.ticket: it needs read",
    )
    assert "canary" not in str(lines)


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"model": "helpdesk ticket"}, "model"),
        ({"keep": "7d"}, "keep"),
        ({"values": {"class": {"A": "grievance"}}}, "values.class"),
        ({"fields": {"due": "d"}}, "fields.class"),
        ({"url": "http://192.0.2.1"}, "url"),
    ],
)
def test_options_that_mean_nothing_stop_the_start(changed: Mapping[str, Any], key: str, tmp_path: Path) -> None:
    with pytest.raises(BadOption) as caught:
        source(**{"url": "https://192.0.2.1", "folder": tmp_path, **changed})
    assert caught.value.key == key


def test_no_method_but_those_that_read_can_be_called() -> None:
    asked = Odoo(None, "center", "ccmm", "key")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="only reads"):
        asked._ask("helpdesk.ticket", "unlink", [[1]], {})


@given(st.binary(max_size=300))
def test_bytes_are_an_answer_or_none(body: bytes) -> None:
    with suppress(Malformed):
        parse_answer(body)


def test_an_answer_that_grows_by_entities_is_none() -> None:
    body = b'<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx">]><methodResponse><params><param><value>&x;</value></param></params>'
    with pytest.raises(Malformed):
        parse_answer(body + b"</methodResponse>")


@given(
    st.dictionaries(
        st.sampled_from(("id", "create_date", "write_date", "ticket_type_id", "user_id", "sla_deadline", "close_date")),
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=20)
        | st.lists(st.integers() | st.text(), max_size=3),
    )
)
def test_only_the_declared_error_escapes(row: dict[str, object]) -> None:
    fields = CaseFields(
        fields=FIELDS,
        values={"class": {"*": "enquiry"}, "origin": {}, "claim": {}, "channel": {}},
        opened="create_date",
    )
    with suppress(Malformed):
        fields.case("1", row, Users(logins={7: "E1007"}, fields=frozenset(("user_id",))), ZONE)


@given(st.binary(max_size=200))
def test_a_cursor_is_a_memory_or_none(cursor: bytes) -> None:
    assert parse_memory(cursor) is None
