import os
import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.delimited import BadTable
from ccmm_agent.plugin import BadOption, CheckLine, Done, Observation, Options, Reason, SourceUnavailable, Window
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_telephony.call_table import CallTable
from ccmm_plugin_telephony.interval_rows import Figure, IntervalRows
from ccmm_proto.histogram import within
from ccmm_tables.columns import Row

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
HEADER = "date,time,split,offered,answered,abandoned,in10,in20,waited,gone,talk\n"
REPORT = (
    HEADER
    + "2026-11-22,09:00,1,20,17,3,9,14,260,0:01:30,4000\n"
    + "2026-11-22,09:00,2,4,4,0,4,4,8,0,900\n"
    + "2026-11-22,09:30,1,10,10,0,10,10,30,0,2000\n"
    + "2026-11-22,13:00,1,1,1,0,1,1,1,0,1\n"
)
OPTIONS: Mapping[str, object] = {
    "started": ["date", "time"],
    "interval_minutes": 30,
    "time_is": "start",
    "answered_in": "entry",
    "columns": {"queue": "split"},
    "measures": {
        "calls_offered": ["answered", "abandoned"],
        "calls_answered": "answered",
        "calls_abandoned": "abandoned",
        "talk_time": "talk",
    },
    "answered_within": {"10": "in10", "20": "in20"},
    "answered_wait": "waited",
}


def written(folder: Path, text: str = REPORT) -> Mapping[str, object]:
    path = folder / "report.csv"
    path.write_text(text, "utf-8")
    os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    return {"path": str(path)}


def source(place: Mapping[str, object], **changed: object) -> CallTable:
    given = Options({name: value for name, value in {**OPTIONS, **place, **changed}.items() if value is not None})
    built = CallTable.from_options(given)
    given.refuse_unknown()
    return built


def read(
    one: CallTable, cursor: bytes = b"", now: datetime = NOW, zone: ZoneInfo = ZONE
) -> tuple[list[Observation], Done]:
    return read_all(one, cursor=cursor, now=now, zone=zone)


def value(found: list[Observation], id: str, queue: str, at: datetime) -> object:
    for one in found:
        measure = one.measure
        if (measure.id, measure.dimensions[0].text, measure.start_ms) == (id, queue, at.timestamp() * 1000):
            word = measure.WhichOneof("value")
            assert word is not None
            return getattr(measure, word)
    return None


def problem(place: Mapping[str, object], **changed: object) -> str:
    with pytest.raises(SourceUnavailable) as caught:
        list(source(place, **changed).read(Window(cursor=b"", now=NOW, zone=ZONE)))
    assert caught.value.reason is Reason.UNREADABLE
    return caught.value.detail


NINE = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)


def test_the_contract_is_kept(tmp_path: Path) -> None:
    broken = source({"path": str(tmp_path / "none.csv")})
    check_source(healthy=source(written(tmp_path)), broken=broken, window=Window(cursor=b"", now=NOW, zone=ZONE))


def test_an_interval_stands_in_the_quarter_hour_that_it_begins_with(tmp_path: Path) -> None:
    found, done = read(source(written(tmp_path)))
    assert value(found, "calls_offered", "1", NINE) == 20
    assert value(found, "calls_answered", "1", NINE) == 17
    assert value(found, "calls_abandoned", "1", NINE) == 3
    talk = value(found, "talk_time", "1", NINE)
    assert (talk.total, talk.count) == (4000.0, 17)  # type: ignore[attr-defined]
    waits = value(found, "wait_answered", "1", NINE)
    bounds = [within(waits.buckets, bound) for bound in (5, 10, 15, 20, 1800)]  # type: ignore[attr-defined]
    assert bounds == [0, 9, 9, 14, 14]  # what is told of no bound stands above all of them
    assert (sum(waits.buckets), waits.total) == (17, 260.0)  # type: ignore[attr-defined]
    assert done.covers == (NINE, datetime(2026, 11, 22, 5, 0, tzinfo=UTC))
    assert done.detail == "as the switch counted them: 30 minutes, answered calls in the interval in which they entered"
    assert read(source(written(tmp_path)), done.cursor)[0] == []


def test_the_time_of_a_row_may_be_the_end_of_its_interval(tmp_path: Path) -> None:
    found, done = read(source(written(tmp_path), time_is="end", answered_in="answer"))
    assert value(found, "calls_offered", "1", datetime(2026, 11, 22, 0, 30, tzinfo=UTC)) == 20
    assert value(found, "calls_offered", "1", NINE) == 10
    assert done.covers is not None
    assert done.covers[0] == datetime(2026, 11, 22, 0, 30, tzinfo=UTC)
    assert done.detail.endswith("in the interval of their answer")


def test_a_changed_or_missing_interval_is_stated_with_its_revision(tmp_path: Path) -> None:
    _, done = read(source(written(tmp_path)))
    lines = REPORT.splitlines(keepends=True)
    text = "".join([*lines[:2], lines[3].replace(",10,10,0,", ",11,11,0,"), lines[4]])
    found, after = read(source(written(tmp_path, text)), done.cursor)
    assert {one.measure.revision for one in found} == {1}
    assert value(found, "calls_offered", "2", NINE) == 0
    assert value(found, "wait_answered", "2", NINE).buckets == [0] * 17  # type: ignore[attr-defined]
    assert value(found, "calls_offered", "1", datetime(2026, 11, 22, 1, 30, tzinfo=UTC)) == 11
    assert value(found, "calls_offered", "1", NINE) is None
    assert read(source(written(tmp_path, text)), after.cursor)[0] == []


def test_a_database_tells_the_same(tmp_path: Path) -> None:
    path = tmp_path / "report.db"
    header, *lines = [line.split(",") for line in REPORT.split()]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE report ({})".format(", ".join(f'"{name}"' for name in header)))
        connection.executemany(f"INSERT INTO report VALUES ({', '.join('?' * len(header))})", lines)
    place = {"url": f"sqlite:///{path}", "table": "report", "since": "2026-11-01"}
    found, done = read(source(place))
    assert found[: len(read(source(written(tmp_path)))[0])] == read(source(written(tmp_path)))[0]
    assert done.covers == (
        NINE - (NINE - datetime(2026, 11, 21, 16, tzinfo=UTC)),
        datetime(2026, 11, 22, 5, 30, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("1,20,17,3", "1,20,85 %,3", "row 2, column 'answered': no count"),
        ("1,20,17,3", "1,20,,3", "row 2, column 'answered': no count"),
        ("1,20,17,3", "1,20,1e3,3", "row 2, column 'answered': no count"),
        ("9,14,260", "14,9,260", "row 2, column 'in20': 9 calls within 20 s, 14 within less, 17 in all"),
        ("9,14,260", "9,18,260", "row 2, column 'in20': 18 calls within 20 s"),
        ("9,14,260", "9,14,", "row 2, column 'waited': the cell is empty"),
        ("9,14,260", "9,14,-1", "row 2, column 'waited': no duration"),
        ("09:00,1", "09:07,1", "row 2: no start of an interval"),
        ("09:00,2", "09:00,1", "row 3: this interval stands twice"),
    ],
)
def test_what_is_no_count_is_loud(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert told in problem(written(tmp_path, REPORT.replace(old, new, 1)))


def test_the_hour_that_a_clock_change_repeats_is_two_intervals(tmp_path: Path) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    rows = [
        f"2026-10-25,{at},1,{n},{n},0,0,0,0,0,0\n" for at, n in (("01:30", 1), ("02:00", 2), ("02:00", 3), ("05:00", 4))
    ]
    found, _ = read(source(written(tmp_path, HEADER + "".join(rows))), zone=berlin)
    assert value(found, "calls_offered", "1", datetime(2026, 10, 25, 0, 0, tzinfo=UTC)) == 2
    assert value(found, "calls_offered", "1", datetime(2026, 10, 25, 1, 0, tzinfo=UTC)) == 3


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"interval_minutes": 20}, "interval_minutes"),
        ({"time_is": "middle"}, "time_is"),
        ({"time_is": None}, "time_is"),
        ({"answered_in": None}, "answered_in"),
        ({"measures": {"calls_offered": "offered", "service_level": "sl"}}, "measures.service_level"),
        ({"measures": {"calls_answered": "answered"}}, "measures.calls_offered"),
        ({"measures": {"calls_offered": "offered", "talk_time": "talk"}}, "measures.calls_answered"),
        ({"answered_within": {"12": "in10"}}, "answered_within.12"),
        ({"answered_within": None}, "answered_within"),
        ({"answered_wait": None}, "answered_wait"),
        ({"abandoned_within": {}, "abandoned_wait": "gone"}, "abandoned_within"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path: Path, changed: Mapping[str, object], told: str) -> None:
    with pytest.raises(BadOption, match=re.escape(f"'{told}'")):
        source(written(tmp_path), **changed)


def test_check_tells_how_the_switch_counts(tmp_path: Path) -> None:
    lines = list(source(written(tmp_path)).check(Window(cursor=b"", now=NOW, zone=ZONE)))
    assert CheckLine("ok", "rows", "4 rows of the last 7 days can be read") in lines
    assert [line.subject for line in lines] == ["rows", "newest row", "export", "counts"]


@given(st.dictionaries(st.sampled_from(HEADER.strip().split(",")), st.text(min_size=1, max_size=12)))
def test_whatever_stands_in_the_cells_only_a_bad_table_escapes(cells: dict[str, str]) -> None:
    rows = IntervalRows.from_options(Options(dict(OPTIONS)))
    with suppress(BadTable):
        assert isinstance(rows.figure(Row(2, cells), {}), Figure)
