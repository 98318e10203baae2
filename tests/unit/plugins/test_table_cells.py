import io
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from ccmm_agent.delimited import BadTable, Dialect
from ccmm_agent.plugin import BadOption, SourceUnavailable, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_tables import export
from ccmm_tables.columns import Cell, Row, duration_of, joined, text_of, time_of
from ccmm_tables.sheet import workbook_rows
from ccmm_tables.table_rows import Stated, parse_stated
from tests.support.tables import (
    NOW,
    ROSTER,
    ROSTER_OPTIONS,
    TICKET_OPTIONS,
    TICKETS,
    TIMES,
    ZONE,
    problem,
    read,
    source,
    written,
)

EMPTY: Mapping[str, object] = {"columns": {}, "values": {}, "constants": {}, "absent": {}}


def workbook(rows: list[list[object]], title: str = "Sheet") -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


BOOK: list[list[object]] = [
    ["staff no", "status", "hire date", "leave date", "hours"],
    [1001, "在职", datetime(2024, 3, 1), None, 160.0],  # noqa: DTZ001
    [],
    ["1002", "离职", "2023-01-09", date(2026, 10, 31), 0],
]


def test_a_workbook_gives_what_its_csv_gives(tmp_path: Path) -> None:
    (from_book,), _ = read(source(written(tmp_path / "r.xlsx", workbook(BOOK)), ROSTER_OPTIONS))
    (from_csv,), _ = read(source(written(tmp_path / "r.csv", ROSTER), ROSTER_OPTIONS))
    assert from_book == from_csv
    named = source(written(tmp_path / "n.xlsx", workbook(BOOK, "2026")), ROSTER_OPTIONS, sheet="2026")
    assert len(read(named)[0]) == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([1003, "在职", "=TODAY()", None, 1], "row 5, column 'hire date': a formula that was never calculated"),
        ([1003, "在职", "#REF!", None, 1], "row 5, column 'hire date': an error value"),
        ([1003, "在职", None, None, 1.5], "row 5, column 'hours': no whole number"),
        ([1003, "在职", 45000, None, 1], "row 5, column 'hire date': no time"),
    ],
)
def test_cells_of_a_workbook_that_say_nothing_are_named(tmp_path: Path, row: list[object], message: str) -> None:
    assert message in problem(source(written(tmp_path / "r.xlsx", workbook([*BOOK, row])), ROSTER_OPTIONS))


def test_a_workbook_is_read_in_a_reader_process_with_all_that_it_needs(tmp_path: Path) -> None:
    path = written(tmp_path / "r.xlsx", workbook(BOOK))
    spec = SourceSpec(name="roster", plugin="table", options={"path": str(path), **ROSTER_OPTIONS})
    reading = read_source(spec, cursor=b"", now=NOW, zone=ZONE)
    assert (reading.reason, reading.detail) == ("", "")
    assert len(reading.observations[0].inventory.entries) == 2


def test_a_workbook_that_is_none_or_a_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.xlsx"
    assert "no workbook" in problem(source(written(path, ROSTER), ROSTER_OPTIONS))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 20_000_000)
    assert "unpacks to 20000000 bytes" in problem(source(path, ROSTER_OPTIONS))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("nothing.txt", "nothing")
    assert "not understood" in problem(source(path, ROSTER_OPTIONS))
    assert "no sheet" in problem(source(written(path, workbook(BOOK)), ROSTER_OPTIONS, sheet="2027"))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 255)), max_size=12), st.integers(1, 6000))
def test_of_a_damaged_workbook_only_a_bad_table_escapes(flips: list[tuple[int, int]], length: int) -> None:
    damaged = bytearray(workbook(BOOK))
    for at, byte in flips:
        damaged[at % len(damaged)] = byte
    with suppress(BadTable):
        list(workbook_rows(io.BytesIO(bytes(damaged[: len(damaged) - length % 50])), None, Dialect(), ("staff no",)))


@settings(deadline=None)
@given(st.text(max_size=200), st.sampled_from([ROSTER_OPTIONS, TICKET_OPTIONS]))
def test_of_any_rows_only_the_declared_error_escapes(
    tmp_path_factory: pytest.TempPathFactory, text: str, options: Mapping[str, object]
) -> None:
    header = (ROSTER if options is ROSTER_OPTIONS else TICKETS).splitlines()[0]
    path = written(tmp_path_factory.getbasetemp() / "any.csv", f"{header}\n{text}".encode("utf-8", "surrogatepass"))
    with suppress(SourceUnavailable):
        read(source(path, options))


INSTANTS = st.integers(0, 4 * 10**9).map(lambda second: datetime.fromtimestamp(second, UTC))
CELLS: st.SearchStrategy[Cell] = st.one_of(
    st.text(max_size=12),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.datetimes(),
    st.dates(),
    st.times(),
    st.timedeltas(),
)


@given(CELLS)
def test_any_cell_is_a_time_a_duration_or_a_bad_table(cell: Cell) -> None:
    assert isinstance(text_of(cell), str)
    with suppress(BadTable):
        assert time_of(cell, TIMES).tzinfo is UTC
    with suppress(BadTable):
        assert duration_of(cell) >= 0


def test_durations_of_workbooks_are_seconds() -> None:
    assert duration_of(time(0, 3, 25)) == 205
    assert duration_of(timedelta(hours=30)) == 108_000
    assert duration_of(datetime(1899, 12, 31, 6)) == 108_000  # noqa: DTZ001


@given(
    st.builds(
        Stated,
        as_of=st.none() | INSTANTS,
        digest=st.text(),
        rows=st.integers(0),
        next_row=st.integers(0),
        days=st.dictionaries(st.integers(), st.tuples(st.text(), st.integers(0))),
    )
)
def test_the_cursor_is_read_as_it_was_written(stated: Stated) -> None:
    found = parse_stated(stated.to_cursor())
    assert (found.digest, found.rows, found.next_row, found.days) == (
        stated.digest,
        stated.rows,
        stated.next_row,
        stated.days,
    )
    assert (found.as_of is None) == (stated.as_of is None)
    if found.as_of and stated.as_of:
        assert abs(found.as_of - stated.as_of) < timedelta(milliseconds=1)


@given(st.binary(max_size=60) | st.sampled_from([b"[1,2,3]", b'[1,1e99,"",0,0,{}]', b'[1,0,"",0,0,[]]', b"[]", b"7"]))
def test_any_other_cursor_begins_anew(cursor: bytes) -> None:
    assert parse_stated(cursor) == Stated()


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"kind": "document"}, "kind"),
        ({"kind": "wait_answered"}, "kind"),
        ({"kind": "nothing"}, "kind"),
        ({"columns": {"wings": "status"}}, "columns.wings"),
        ({**EMPTY, "kind": "account"}, "columns.system"),
        ({"constants": {"active": True}}, "constants.active"),
        ({"constants": {"joined": "2026"}}, "constants.joined"),
        ({"durations": {"joined": "s"}}, "durations.joined"),
        ({"durations": {"worked_days": "weeks"}}, "durations.worked_days"),
        ({"values": {"active": {"在职": "yes"}}}, "values.active.在职"),
        ({"key": []}, "key"),
        ({"started": "hire date"}, "started"),
        ({**EMPTY, "kind": "case", "started": "hire date", "ended": "leave date", "lasted": "hours"}, "lasted"),
    ],
)
def test_a_wrong_mapping_is_refused_by_name(changed: dict[str, object], key: str) -> None:
    with pytest.raises(BadOption) as caught:
        source(Path("/srv/roster.csv"), ROSTER_OPTIONS, **changed)
    assert caught.value.key == key


def test_the_old_workbook_form_is_refused() -> None:
    with pytest.raises(BadOption, match=r"save the old .xls form as .xlsx"):
        source(Path("/srv/roster.xls"), ROSTER_OPTIONS)


def test_a_workbook_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "has_workbooks", lambda: False)
    with pytest.raises(BadOption, match=r"ccmm-tables\[xlsx\]"):
        source(Path("/srv/roster.xlsx"), ROSTER_OPTIONS)


def test_a_row_without_its_required_attribute_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "account,system\njdoe,\n")
    one = source(path, {"kind": "account", "key": "account", "columns": {"system": "system"}})
    assert "row 2, column 'system': the cell is empty" in problem(one)


def test_check_warns_of_an_export_that_is_old(tmp_path: Path) -> None:
    one = source(written(tmp_path / "r.csv", ROSTER), ROSTER_OPTIONS)
    lines = {line.subject: line for line in one.check(Window(cursor=b"", now=NOW, zone=ZONE))}
    assert (lines["table"].verdict, lines["export"].verdict) == ("ok", "ok")
    lines = {line.subject: line for line in one.check(Window(cursor=b"", now=NOW + timedelta(days=3), zone=ZONE))}
    assert lines["export"].verdict == "warning"


def test_a_field_joined_from_two_cells_needs_both() -> None:
    assert joined(Row(2, {"d": date(2026, 11, 22), "t": time(8, 30)}), ("d", "t")) == datetime(2026, 11, 22, 8, 30)  # noqa: DTZ001
    with pytest.raises(BadTable, match="one of the cells is empty"):
        joined(Row(2, {"d": "2026-11-22"}), ("d", "t"))
