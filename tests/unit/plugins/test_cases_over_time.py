"""Cases as they get old, and get other names: no figure shrinks because a case is no longer read."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ccmm_agent.plugin import BadOption, Done, Observation, Options
from ccmm_agent.testing import read_all
from ccmm_plugin_crm.odoo import OdooCases
from ccmm_plugin_crm.salesforce import SalesforceCases
from ccmm_plugin_crm.tickets_table import TicketsTable
from tests.support.odoo_center import FIELDS, NOW, VALUES, ZONE, cases, center, figures, read_at
from tests.support.odoo_servers import OdooServer, ticket

COLUMNS = {"case": "no", "due": "due", "closed": "done"}


def old_case(opened: str) -> OdooServer:
    """Due on 20 November, and not closed."""
    return OdooServer(tickets=[ticket(10, opened, sla_deadline="2026-11-20 02:00:00")])


def test_a_case_of_86_days_stays_in_the_figures_of_its_day(tmp_path: Path) -> None:
    server = old_case("2026-08-26 02:00:00")
    found, done = read_at(server, tmp_path)
    assert figures(found)["cases_due", 20, "enquiry"] == (1, 0)
    for days in (5, 20, 40):
        found, done = read_at(server, tmp_path, NOW + timedelta(days=days), done.cursor)
        assert (figures(found), done.detail) == ({}, "")


def test_a_case_that_falls_due_after_keep_counts_at_no_time_and_is_told(tmp_path: Path) -> None:
    """It was opened 111 days before, and `keep` is 90 days."""
    server = old_case("2026-08-01 02:00:00")
    found, done = read_at(server, tmp_path)
    assert (figures(found), list(cases(found))) == ({}, ["10"])
    assert done.detail == "1 cases fell due, closed or were opened again later than `keep`: not counted"
    found, _ = read_at(server, tmp_path, NOW + timedelta(days=5), done.cursor)
    assert figures(found) == {}


def test_a_complaint_that_gets_another_name_stays_one_that_was_made(tmp_path: Path) -> None:
    server = center()
    _, done = read_at(server, tmp_path)
    server.tickets[0].update(ticket_type_id=[1, "Question"], write_date="2026-11-22 06:30:00")
    found, again = read_at(server, tmp_path, NOW + timedelta(hours=1), done.cursor)
    assert (cases(found)["10"]["class"], cases(found)["10"]["relabelled"]) == ("enquiry", True)
    assert figures(found) == {}
    found, _ = read_at(server, tmp_path, NOW + timedelta(days=1), again.cursor)
    assert (cases(found), {key[0] for key in figures(found) if key[0] == "complaints"}) == ({}, set())


def read_table(folder: Path, rows: list[str], now: datetime, cursor: bytes = b"") -> tuple[list[Observation], Done]:
    path = folder / "tickets.csv"
    path.write_text("no,made,due,done\n" + "".join(f"{row}\n" for row in rows))
    os.utime(path, (now.timestamp(), now.timestamp()))
    given = {"path": str(path), "started": "made", "until": "day", "keep": "30d", "look_back": "20d"}
    source = TicketsTable.from_options(Options({**given, "columns": COLUMNS}))
    return read_all(source, cursor=cursor, now=now, zone=ZONE)


def test_a_table_s_case_that_falls_due_after_keep_counts_at_no_time_and_is_told(tmp_path: Path) -> None:
    """Opened on 10 October, due on 15 November: 36 days. Its neighbour of 29 days counts, and goes on counting."""
    rows = ["T1,2026-10-10 10:00,2026-11-15 10:00,", "T2,2026-10-17 10:00,2026-11-15 10:00,"]
    cursor, due = b"", list[tuple[int, int]]()
    for days in (0, 4, 8, 16):
        now = datetime(2026, 11, 20, 6, 0, tzinfo=UTC) + timedelta(days=days)
        more = True
        while more:
            found, done = read_table(tmp_path, rows, now, cursor)
            cursor, more = done.cursor, done.more
            due += [(one.measure.count, one.measure.revision) for one in found if one.measure.id == "cases_due"]
        assert "later than `keep`" in done.detail or days == 16
    assert due == [(1, 0)]


@pytest.mark.parametrize(
    ("look_back", "columns", "more"),
    [
        ("15d", {"reopened": "again"}, {}),
        ("8d", {"customer": "who", "topic": "what"}, {"every_contact": True}),
    ],
)
def test_what_counts_days_later_is_looked_for_as_long(
    look_back: str, columns: dict[str, str], more: dict[str, object], tmp_path: Path
) -> None:
    """Reopened within 14 days, asked again within seven: a day that is not stated again would stay too good."""
    given = {"path": str(tmp_path / "x.csv"), "started": "made", "columns": {**COLUMNS, **columns}, **more}
    with pytest.raises(BadOption, match="look_back"):
        TicketsTable.from_options(Options({**given, "look_back": look_back}))
    TicketsTable.from_options(Options({**given, "look_back": "16d"}))


def test_odoo_and_salesforce_look_back_as_long_as_a_case_may_be_opened_again(tmp_path: Path) -> None:
    odoo = {"url": "https://x.example", "database": "c", "username": "u", "key_file": str(tmp_path / "key")}
    force = {"url": "https://x.example", "client_id": "c", "username": "u", "key_file": str(tmp_path / "key")}
    named = {"fields": FIELDS, "values": VALUES, "model": "helpdesk.ticket"}
    for build, given in ((OdooCases.from_options, odoo), (SalesforceCases.from_options, force)):
        with pytest.raises(BadOption, match="look_back"):
            build(Options({**given, **named, "look_back": "14d"}))
        build(Options({**given, **named, "look_back": "16d"}))
