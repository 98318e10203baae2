from contextlib import suppress
from datetime import UTC, datetime
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.delimited import (
    TIME_FORMATS,
    BadTable,
    Dialect,
    LocalTimes,
    Row,
    parse_duration,
    read_rows,
    time_formats,
    zone_option,
)
from ccmm_agent.plugin import BadOption, Options

BERLIN = ZoneInfo("Europe/Berlin")


def rows(text: str | bytes, *columns: str, start: int = 0, **dialect: object) -> list[Row]:
    written = text if isinstance(text, bytes) else text.encode()
    return list(read_rows(BytesIO(written), Dialect(**dialect), columns=columns, start=start))  # type: ignore[arg-type]


def test_header_names_and_cells_lose_the_blanks_round_them() -> None:
    (row,) = rows("\ufeff Time,\t Badge , Door\r\n 08:00 ,\u30001007\u00a0, front door\r\n", "Time", "Badge", "Door")
    assert [row.cell(name) for name in ("Time", "Badge", "Door")] == ["08:00", "1007", "front door"]


def test_gb18030_is_read_with_and_without_its_byte_order_mark() -> None:
    text = "刷卡时间,卡号,门\r\n2026-11-22 08:00,1007,前门\r\n"
    for written in (text.encode("gb18030"), ("\ufeff" + text).encode("gb18030")):
        (row,) = rows(written, "门", "刷卡时间", encoding="gb18030")
        assert row.cell("门") == "前门"


def test_zeros_kept_by_the_spreadsheet_trick_are_kept() -> None:
    (row,) = rows('badge\n="007"\n', "badge")
    assert row.cell("badge") == "007"


def test_rows_are_numbered_as_a_spreadsheet_does_title_and_blank_rows_included() -> None:
    found = rows("Door report\n\nbadge,door\n1,a\n,\n2,b\n", "badge", header_row=3)
    assert [(row.number, row.cell("badge")) for row in found] == [(4, "1"), (6, "2")]


def test_a_quoted_cell_may_hold_line_ends_and_delimiters() -> None:
    (row,) = rows('a,b\n"x, y\r\nz",2\n', "a", "b")
    assert (row.cell("a"), row.cell("b")) == ("x, y\r\nz", "2")


def test_a_row_is_read_again_from_the_end_of_the_one_before() -> None:
    text = 'badge,door\n1,"two\nlines"\n2,b\n3,c\n'
    first, *others = rows(text, "badge")
    resumed = rows(text, "badge", start=first.end)
    assert [row.cell("badge") for row in resumed] == ["2", "3"]
    assert [(row.start, row.end) for row in resumed] == [(row.start, row.end) for row in others]


def test_a_last_line_still_being_written_waits_for_its_line_end() -> None:
    assert [row.cell("a") for row in rows("a,b\n1,2\n3,", "a", whole_lines=True)] == ["1"]
    assert [row.cell("a") for row in rows("a,b\n1,2\n3,4", "a")] == ["1", "3"]


def test_a_row_that_ends_early_is_an_error_only_for_the_columns_it_lacks() -> None:
    (row,) = rows("a,b,c\n1,2\n", "a", "c")
    assert row.cell("a") == "1"
    with pytest.raises(BadTable, match="row 2, column 'c'"):
        row.cell("c")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (b"", "no header row"),
        (b"a,b\n", "the column is not there"),
        (b"x,x\n1,2\n", "stands twice"),
        (b"x,b\n1,2,3\n", "row 2: more cells than the header"),
        (b"\xff\xfex\x00", "UTF-16"),
        (b"x\n\x80\n", "not utf-8"),
        (b"x\n1\x002\n", "not text"),
        (b'x\n"1', "near byte"),
        (b'x\n"1"2\n', "near byte"),
        (b"x\n" + b"1" * 5000, "row 2: a cell of more than 4096"),
        (b"x\n" + b"1" * 200_000, "near byte"),
    ],
)
def test_what_cannot_be_read_is_named(written: bytes, message: str) -> None:
    with pytest.raises(BadTable, match=message):
        rows(written, "x")


def test_limits_on_bytes_and_rows_hold() -> None:
    with pytest.raises(BadTable, match="more than 5 bytes"):
        rows("x\n1\n2\n3\n", "x", max_bytes=5)
    with pytest.raises(BadTable, match="row 4: more than 3 rows"):
        rows("x\n1\n2\n3\n", "x", max_rows=3)


def test_no_message_repeats_the_content_of_a_cell() -> None:
    with pytest.raises(BadTable) as caught:
        rows("x\nJane Doe,1\n", "x")
    assert "Jane" not in str(caught.value)


def test_a_wrong_header_row_puts_no_name_into_the_signed_message_and_helps_on_the_screen() -> None:
    with pytest.raises(BadTable) as caught:
        rows("staff no,name\n1007,Jane Doe\n1008,John Roe\n", "staff no", header_row=2)
    assert "Jane" not in str(caught.value)
    assert "1007" not in str(caught.value)
    assert "1007, Jane Doe" in caught.value.told_here()


@given(st.binary(max_size=300), st.sampled_from(["utf-8", "gb18030", "big5", "cp1252"]), st.integers(0, 40))
def test_of_any_bytes_only_a_bad_table_escapes(written: bytes, encoding: str, start: int) -> None:
    with suppress(BadTable):
        for row in rows(b"x,y\n" + written, "y", encoding=encoding, start=start):
            row.cell("y")


CELLS = st.text(max_size=12).filter(lambda text: text.isprintable() and "=" not in text)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=6), st.sampled_from(["utf-8", "gb18030"]))
def test_reading_undoes_writing(table: list[tuple[str, str]], encoding: str) -> None:
    lines = ["x,y", *(",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in table)]
    found = rows("\r\n".join(lines).encode(encoding), "x", "y", encoding=encoding)
    expected = [(x.strip(), y.strip()) for x, y in table if x.strip() or y.strip()]
    assert [(row.cell("x"), row.cell("y")) for row in found] == expected


def test_a_local_time_is_read_in_its_zone() -> None:
    times = LocalTimes(ZoneInfo("Asia/Shanghai"))
    assert times.parse("2026-11-22 08:30") == datetime(2026, 11, 22, 0, 30, tzinfo=UTC)
    assert times.parse("2026/11/22 8:30") == datetime(2026, 11, 22, 0, 30, tzinfo=UTC)
    assert times.parse("2026-11-22 8:30:07") == datetime(2026, 11, 22, 0, 30, 7, tzinfo=UTC)
    assert times.parse("2026-11-22T08:30:00+01:00") == datetime(2026, 11, 22, 7, 30, tzinfo=UTC)


def test_the_hour_that_a_clock_change_repeats_follows_the_order_of_the_file() -> None:
    times = LocalTimes(BERLIN)
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert times.parse("2026-10-25 02:30") == first
    assert times.parse("2026-10-25 02:30", after=datetime(2026, 10, 25, 0, 10, tzinfo=UTC)) == first
    assert times.parse("2026-10-25 02:30", after=datetime(2026, 10, 25, 0, 50, tzinfo=UTC)) == second
    assert times.parse("2026-10-25 02:30", before=datetime(2026, 10, 25, 2, 10, tzinfo=UTC)) == second
    assert times.parse("2026-10-25 02:30", before=datetime(2026, 10, 25, 1, 10, tzinfo=UTC)) == first


def test_a_row_far_out_of_order_does_not_move_the_repeated_hour() -> None:
    after = datetime(2026, 10, 25, 5, 0, tzinfo=UTC)
    assert LocalTimes(BERLIN).parse("2026-10-25 02:30", after=after) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_time_in_the_skipped_hour_is_read_with_the_offset_before() -> None:
    assert LocalTimes(BERLIN).parse("2026-03-29 02:30") == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "25:00", "1970-01-01 00:00", "0001-01-01", "9999-12-31 23:59:59"])
def test_what_is_no_time_or_an_absurd_one_is_refused(text: str) -> None:
    with pytest.raises(BadTable):
        LocalTimes(BERLIN).parse(text)


def test_day_and_month_are_never_guessed() -> None:
    times = LocalTimes(BERLIN, ("%d/%m/%Y", "%m/%d/%Y"))
    assert times.parse("22/11/2026") == datetime(2026, 11, 21, 23, 0, tzinfo=UTC)
    with pytest.raises(BadTable, match="disagree"):
        times.parse("03/04/2026")


def test_epoch_seconds_and_milliseconds_are_read_as_declared() -> None:
    assert LocalTimes(BERLIN, ("epoch",)).parse("1790000000") == datetime.fromtimestamp(1790000000, UTC)
    assert LocalTimes(BERLIN, ("epoch_ms",)).parse("1790000000000") == datetime.fromtimestamp(1790000000, UTC)


@given(st.text(max_size=30), st.sampled_from([TIME_FORMATS, ("epoch",), ("epoch_ms",), ("%d.%m.%y %H:%M",)]))
def test_of_any_text_only_a_bad_table_escapes_the_times(text: str, formats: tuple[str, ...]) -> None:
    with suppress(BadTable):
        assert LocalTimes(BERLIN, formats).parse(text).tzinfo is UTC


@given(st.datetimes(datetime(1991, 1, 1), datetime(2098, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_every_instant_written_with_its_offset_is_read_again(moment: datetime) -> None:
    assert LocalTimes(BERLIN).parse(moment.astimezone(BERLIN).isoformat()) == moment


def test_durations_are_read_and_negative_ones_refused() -> None:
    assert [parse_duration(text) for text in ("0:03:25", "26:00:00", "205")] == [205, 93600, 205]
    for text in ("-0:03:25", "-5", "0:60:00", "3:25", "", "٣"):
        with pytest.raises(BadTable):
            parse_duration(text)


@given(st.text(max_size=12))
def test_of_any_text_only_a_bad_table_escapes_the_durations(text: str) -> None:
    with suppress(BadTable):
        assert parse_duration(text) >= 0


def test_wrong_options_are_refused_by_name() -> None:
    with pytest.raises(BadOption, match="encoding"):
        Dialect.from_options(Options({"encoding": "utf-16"}))
    with pytest.raises(BadOption, match="delimiter"):
        Dialect.from_options(Options({"delimiter": ";;"}))
    with pytest.raises(BadOption, match="time_formats"):
        time_formats(Options({"time_formats": ["%H:%M"]}))
    with pytest.raises(BadOption, match="zone"):
        zone_option(Options({"zone": "Mars/Olympus"}))
    assert Dialect.from_options(Options({"encoding": "GB18030", "delimiter": "tab"})).delimiter == "\t"
    assert zone_option(Options({})) is None
