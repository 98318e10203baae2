"""The `tickets_table` source: cases from CSV and from a database, what changed, and what is refused."""

import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.delimited import BadTable, LocalTimes
from ccmm_agent.plugin import BadOption, Options, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source
from ccmm_plugin_crm.case_rows import ATTRIBUTES, CaseRows
from ccmm_plugin_crm.cases import Case
from ccmm_plugin_crm.tickets_table import TicketsTable
from ccmm_tables.columns import Row
from ccmm_tables.declared import Declared
from tests.support.stated import attributes
from tests.support.tables import NOW, ZONE
from tests.support.ticket_tables import (
    HEADER,
    OPTIONS,
    ROWS,
    PlaceOf,
    both,
    cases,
    csv_of,
    figures,
    problem,
    read,
    row_of,
    source,
    sqlite_of,
)


@both
def test_the_contract_is_kept(place_of: PlaceOf, tmp_path: Path) -> None:
    broken = source({"path": str(tmp_path / "none.csv")})
    check_source(healthy=source(place_of(tmp_path, ROWS)), broken=broken, window=Window(cursor=b"", now=NOW, zone=ZONE))


@both
def test_each_case_counts_on_the_day_of_what_happened(place_of: PlaceOf, tmp_path: Path) -> None:
    found, done = read(source(place_of(tmp_path, ROWS)))
    assert figures(found) == {
        ("complaints", "complaint", 10): 1,
        ("cases_closed", "complaint", 14): 1,
        ("cases_due", "complaint", 15): 1,
        ("cases_on_time", "complaint", 15): 1,
        ("complaints_due", "complaint", 15): 1,  # and told too late
        ("cases_due", "enquiry", 12): 1,
        ("cases_closed", "enquiry", 13): 1,
        ("cases_due", "enquiry", 20): 1,  # T3 is open, whatever its date of closing says
        ("cases_closed", "request", 13): 1,
        ("cases_reopened", "request", 13): 1,
        ("cases_closed", "request", 18): 2,
        ("cases_due", "request", 19): 1,
        ("cases_on_time", "request", 19): 1,
        ("cases_due_moved", "request", 19): 1,
    }
    assert done.covers == (datetime(2026, 11, 10, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC))


@both
def test_each_case_is_told_with_what_is_mapped_and_no_more(place_of: PlaceOf, tmp_path: Path) -> None:
    found, _ = read(source(place_of(tmp_path, ROWS)))
    told = {key: attributes(one) for key, one in cases(found).items()}
    assert set(told) == {"T1", "T2", "T3", "T4", "T5"}
    assert told["T1"]["closed"] == datetime(2026, 11, 16, 1, tzinfo=UTC)  # a complaint is closed when it is told
    assert told["T2"]["closed"] == datetime(2026, 11, 13, 2, tzinfo=UTC)
    assert "closed" not in told["T3"]
    assert (told["T5"]["due_moves"], told["T5"]["class"], told["T5"]["topic"]) == (1, "request", "loan")
    assert "Ms Li" not in str(found)


@both
def test_what_changed_is_stated_again_and_nothing_else(place_of: PlaceOf, tmp_path: Path) -> None:
    _, done = read(source(place_of(tmp_path, ROWS)))
    assert read(source(place_of(tmp_path, ROWS)), done.cursor)[0] == []
    closed = row_of("T3", "11 10:00", "咨询", "shut", due="20 10:00", done="19 10:00", who="K2", about="bill")
    changed = [*ROWS[:2], closed, *ROWS[3:]]
    found, after = read(source(place_of(tmp_path, changed)), done.cursor)
    assert set(cases(found)) == {"T3"}
    told = {key: n for key, n in figures(found).items() if n}
    assert told == {
        ("cases_closed", "enquiry", 19): 1,
        ("cases_due", "enquiry", 20): 1,
        ("cases_on_time", "enquiry", 20): 1,
    }
    assert {one.measure.revision for one in found if one.WhichOneof("fact") == "measure"} == {1}
    assert read(source(place_of(tmp_path, changed)), after.cursor)[0] == []


def test_a_case_that_is_taken_away_takes_its_figures_with_it(tmp_path: Path) -> None:
    _, done = read(source(sqlite_of(tmp_path)))
    found, _ = read(source(sqlite_of(tmp_path, [*ROWS[:1], *ROWS[2:]])), done.cursor)
    assert figures(found)["cases_due", "enquiry", 12] == 0
    assert {one.measure.revision for one in found} == {1}


def test_a_case_that_falls_due_long_after_it_was_opened_is_counted_then(tmp_path: Path) -> None:
    old = ("T0", "2026-08-01 09:00", "投诉", "open", "", "2026-11-20 10:00", *[""] * 6, "")
    newest = ROWS[-1]
    place = {**sqlite_of(tmp_path, [old, newest]), "since": "2026-11-15"}
    assert figures(read(source(place))[0])["cases_due", "complaint", 20] == 1
    assert ("cases_due", "complaint", 20) not in figures(read(source(place, keep="30d"))[0])


@both
def test_where_each_contact_makes_a_row_who_asks_again_was_not_helped(place_of: PlaceOf, tmp_path: Path) -> None:
    found, _ = read(source(place_of(tmp_path, ROWS), every_contact=True))
    told = figures(found)
    assert told["issues", "enquiry", 10] == 1  # T2, and T3 asks again
    assert ("issues_resolved_first", "enquiry", 10) not in told
    assert ("issues", "enquiry", 11) not in told
    assert told["issues_resolved_first", "complaint", 10] == 1
    assert (told["issues", "request", 12], told["issues_resolved_first", "request", 12]) == (2, 2)
    contacts = [key for one in found for key in one.roll.clear_key]
    assert sorted(contacts) == ["T1", "T2", "T3", "T4", "T5"]


@pytest.mark.parametrize(
    ("at", "value", "told"),
    [
        (2, "表扬", "row 3, column 'type': a word that `values.class` does not declare"),
        (3, "", "row 3: the cell is empty that says whether the case is open"),
        (5, "tomorrow", "row 3, column 'due': no time of the declared formats"),
        (6, "2026-11-09 10:00", "row 3: closed or told before it was opened"),
        (0, "T1", "a case stands twice"),
        (0, "", "row 3, column 'no': the cell is empty"),
    ],
)
def test_what_cannot_be_read_is_loud(tmp_path: Path, at: int, value: str, told: str) -> None:
    row = (*ROWS[1][:at], value, *ROWS[1][at + 1 :])
    assert told in problem(csv_of(tmp_path, [ROWS[0], row, *ROWS[2:]]))


COLUMNS: Mapping[str, str] = {"case": "no", "closed": "done"}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"columns": {"class": "type"}}, "columns.case"),
        ({"columns": {**COLUMNS, "closed_before": "before"}}, "columns.reopened_at"),
        ({"columns": {**COLUMNS, "reopened": "x", "reopened_at": "a", "closed_before": "b"}}, "columns.reopened_at"),
        ({"columns": {**COLUMNS, "sampled": "x"}}, "columns.wrong"),
        ({"columns": COLUMNS, "every_contact": True}, "every_contact"),
        ({"values": {"class": {"投诉": "whining"}}}, "values.class"),
        ({"constants": {"origin": "press"}}, "values.origin"),
        ({"columns": {**COLUMNS, "title": "text"}}, "columns.title"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path: Path, changed: Mapping[str, object], told: str) -> None:
    with pytest.raises(BadOption, match=re.escape(f"'{told}'")):
        source(csv_of(tmp_path), **changed)


def test_flags_of_reopening_sampling_and_marking(tmp_path: Path) -> None:
    columns = {
        "case": "no",
        "closed": "done",
        "reopened": "state",
        "sampled": "due",
        "wrong": "about",
        "first_contact": "who",
    }
    rows = [
        ("A", "2026-11-10 09:00", "", "yes", "", "2026-11-20 09:00", "2026-11-12 09:00", "", "", "", "no", "yes", ""),
        ("B", "2026-11-10 09:00", "", "no", "", "2026-11-20 09:00", "2026-11-12 09:00", "", "", "", "yes", "no", ""),
        ("C", "2026-11-22 10:00", "", "no", "", "", "", "", "", "", "", "no", ""),
    ]
    options = {"columns": columns, "values": None, "constants": {"class": "enquiry"}}
    told = figures(read(source(csv_of(tmp_path, rows), **options))[0])
    assert told == {
        ("issues", "enquiry", 10): 2,
        ("issues_marked_resolved", "enquiry", 10): 1,
        ("cases_closed", "enquiry", 12): 2,
        ("cases_reopened", "enquiry", 12): 1,
        ("cases_sampled", "enquiry", 20): 2,
        ("cases_wrong", "enquiry", 20): 1,
    }


def test_check_tells_what_nothing_tells(tmp_path: Path) -> None:
    window = Window(cursor=b"", now=NOW, zone=ZONE)
    assert {line.verdict for line in source(csv_of(tmp_path)).check(window)} == {"ok"}
    lines = list(source(csv_of(tmp_path), columns={"case": "no"}, values=None).check(window))
    told = "without their columns nothing tells cases_on_time, cases_reopened, complaints_on_time"
    assert (lines[-1].verdict, lines[-1].detail) == ("warning", told)


def test_a_reader_process_reads_it(tmp_path: Path) -> None:
    for place in (csv_of(tmp_path), sqlite_of(tmp_path)):
        spec = SourceSpec(name="tickets", plugin="tickets_table", options={**OPTIONS, **place})
        reading = read_source(spec, cursor=b"", now=NOW, zone=ZONE)
        assert (reading.reason, reading.detail) == ("", "")
        assert set(cases(list(reading.observations))) >= {"T1"}


@given(st.lists(st.text(max_size=12), min_size=len(HEADER), max_size=len(HEADER)))
def test_whatever_stands_in_the_cells_only_a_bad_table_escapes(cells: list[str]) -> None:
    options = Options(dict(OPTIONS))
    rows = CaseRows.from_options(options, Declared.from_options(options, ATTRIBUTES))
    row = Row(2, {name: cell for name, cell in zip(HEADER, cells, strict=True) if cell})
    with suppress(BadTable):
        assert isinstance(rows.case(row, NOW, LocalTimes(ZONE)), Case)


def test_each_example_of_the_page_is_taken() -> None:
    page = (Path(__file__).parents[3] / "docs" / "plugins" / "tickets_table.md").read_text("utf-8")
    examples = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert len(examples) >= 2
    for example in examples:
        table = tomllib.loads(example)
        given = Options(
            table | ({"url": "sqlite:////x.db"} if {"table", "query"} & table.keys() else {"path": "/x.csv"})
        )
        TicketsTable.from_options(given)
        given.refuse_unknown()
