"""What an Odoo holds, as cases and figures: by a server that speaks its XML-RPC over a real socket."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ccmm_agent.plugin import Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source
from ccmm_plugin_crm import odoo as odoo_module
from ccmm_plugin_crm.case_fields import CaseFields, Users
from ccmm_plugin_crm.case_memory import parse_memory
from ccmm_plugin_crm.odoo_rpc import METHODS
from ccmm_proto.v1.statement_pb2 import OBSERVED
from tests.support.odoo_center import FIELDS, NOW, VALUES, ZONE, cases, center, figures, read_at, source
from tests.support.odoo_servers import OdooServer, ticket


def test_odoo_keeps_the_source_contract(tmp_path: Path) -> None:
    server = center()
    with server.running() as gone:
        pass
    with server.running() as running:
        window = Window(cursor=b"", now=NOW, zone=ZONE)
        check_source(source(running.url, tmp_path), source(gone.url, tmp_path), window=window)
    assert set(server.called) <= METHODS
    assert server.changes == []


def test_each_record_is_a_case_with_what_its_fields_say(tmp_path: Path) -> None:
    found, _ = read_at(center(), tmp_path)
    told = cases(found)
    assert sorted(told) == ["10", "11", "12"]  # an archived one too
    first = told["10"]
    assert (first["class"], first["customer"], first["agent"]) == ("complaint", "55", "E1007")
    assert first["closed"] == _ms(20, 12)
    assert first["due"] == _ms(21, 2)
    assert (told["11"]["class"], told["11"]["number"], "closed" in told["11"]) == ("enquiry", "+86 21 5555 0101", False)
    assert "Wang" not in str(found)
    assert "Li Na" not in str(found)


def test_days_count_what_was_due_and_what_was_done(tmp_path: Path) -> None:
    found, done = read_at(center(), tmp_path)
    told = {key: count for key, (count, revision) in figures(found).items() if count}
    assert told == {
        ("complaints", 20, "complaint"): 1,
        ("cases_closed", 20, "complaint"): 1,
        ("cases_due", 21, "complaint"): 1,
        ("cases_due", 21, "enquiry"): 1,
        ("cases_on_time", 21, "complaint"): 1,
        ("complaints_due", 21, "complaint"): 1,
        ("complaints_on_time", 21, "complaint"): 1,
        ("cases_closed", 21, "enquiry"): 1,
    }
    assert done.covers == (datetime(2026, 10, 23, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC))


def test_from_the_cursor_on_only_what_changed_is_stated(tmp_path: Path) -> None:
    server = center()
    _, done = read_at(server, tmp_path)
    found, again = read_at(server, tmp_path, NOW + timedelta(hours=1), done.cursor)
    assert (cases(found), figures(found), again.detail) == ({}, {}, "")
    server.tickets[1].update(close_date="2026-11-21 02:30:00", write_date="2026-11-22 06:30:00")
    found, _ = read_at(server, tmp_path, NOW + timedelta(hours=2), again.cursor)
    assert list(cases(found)) == ["11"]
    assert {key[0]: value for key, value in figures(found).items() if value[0]}["cases_on_time"] == (1, 1)


def test_a_due_time_that_is_put_off_between_two_looks_shows(tmp_path: Path) -> None:
    server = center()
    _, done = read_at(server, tmp_path)
    server.tickets[1].update(sla_deadline="2026-11-30 03:00:00", write_date="2026-11-22 06:30:00")
    found, again = read_at(server, tmp_path, NOW + timedelta(hours=1), done.cursor)
    assert cases(found)["11"]["due_moves"] == 1
    found, _ = read_at(server, tmp_path, NOW + timedelta(days=9), again.cursor)
    assert ("cases_due_moved", 30) in {key[:2] for key, value in figures(found).items() if value[0]}


def test_a_case_that_is_opened_again_shows_even_when_it_is_closed_again(tmp_path: Path) -> None:
    server = center()
    _, done = read_at(server, tmp_path)
    server.tickets[0].update(close_date=False, write_date="2026-11-22 06:30:00")
    found, again = read_at(server, tmp_path, NOW + timedelta(hours=1), done.cursor)
    assert "closed" not in cases(found)["10"]
    assert [value for key, value in figures(found).items() if key[0] == "cases_reopened" and value[0]] == [(1, 1)]
    server.tickets[0].update(close_date="2026-11-22 06:50:00", write_date="2026-11-22 06:50:00")
    found, last = read_at(server, tmp_path, NOW + timedelta(days=1), again.cursor)
    closed = [value for key, value in figures(found).items() if key[0] == "cases_closed" and value[0]]
    assert closed == [(1, 0)]
    found, _ = read_at(server, tmp_path, NOW + timedelta(days=1), last.cursor)
    assert figures(found) == {}


def test_cases_that_are_gone_are_told(tmp_path: Path) -> None:
    server = center()
    _, done = read_at(server, tmp_path)
    del server.tickets[0]
    server.hidden.add(11)
    found, again = read_at(server, tmp_path, NOW + timedelta(hours=1), done.cursor)
    assert again.detail == "2 cases seen before are gone: deleted, or hidden from the account"
    assert all(revision == 1 for _, revision in figures(found).values())
    _, third = read_at(server, tmp_path, NOW + timedelta(hours=1), again.cursor)
    assert third.detail == ""


def test_old_cases_leave_the_memory_without_a_word(tmp_path: Path) -> None:
    server = center()
    _, done = read_at(server, tmp_path, keep="30d")
    _, again = read_at(server, tmp_path, NOW + timedelta(days=70), done.cursor, keep="30d")
    memory = parse_memory(again.cursor)
    assert memory is not None
    assert (again.detail, dict(memory.cases)) == ("", {})


def test_many_records_come_page_by_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(odoo_module, "PAGE", 50)
    server = OdooServer(tickets=[ticket(number, "2026-11-20 02:00:00") for number in range(3, 400, 3)])
    found, _ = read_at(server, tmp_path)
    assert len(cases(found)) == 133


def test_a_day_is_due_at_its_end_in_the_center() -> None:
    fields = CaseFields(
        fields={"due": "date_deadline"},
        values={"class": {}, "origin": {}, "claim": {}, "channel": {}},
        opened="create_date",
    )
    row = ticket(1, "2026-11-20 02:00:00", date_deadline="2026-11-21")
    case = fields.case("1", row, Users(logins={}, fields=frozenset()), ZONE)
    assert case.due == datetime(2026, 11, 21, 15, 59, 59, tzinfo=UTC)


def test_it_is_read_in_a_reader_process(tmp_path: Path) -> None:
    server = center()
    with server.running() as running:
        source(running.url, tmp_path)
        table = {"url": running.url, "database": "center", "username": "ccmm", "key_file": str(tmp_path / "key")}
        table |= {"model": "helpdesk.ticket", "fields": FIELDS, "values": VALUES}  # type: ignore[dict-item]
        reading = read_source(SourceSpec(name="o", plugin="odoo", options=table), cursor=b"", now=NOW, zone=ZONE)
    assert reading.outcome == OBSERVED, reading.detail
    assert len(cases(reading.observations)) == 3
    assert server.changes == []


def _ms(day: int, hour: int) -> int:
    return int(datetime(2026, 11, day, hour, tzinfo=UTC).timestamp() * 1000)
