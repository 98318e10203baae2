import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.delimited import BadTable, LocalTimes
from ccmm_agent.plugin import BadOption, Options, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source
from ccmm_plugin_telephony.call_rows import ATTRIBUTES, CallRows
from ccmm_plugin_telephony.call_table import CallTable
from ccmm_plugin_telephony.contact import Contact
from ccmm_plugin_telephony.odd import Odd
from ccmm_proto.histogram import within
from ccmm_tables.columns import Row
from ccmm_tables.declared import Declared
from tests.support.calls import (
    CALLS,
    HEADER,
    LAST,
    NOW,
    OPTIONS,
    ZONE,
    calls,
    csv_of,
    figures,
    problem,
    read,
    source,
    sqlite_of,
)


@pytest.fixture(params=["file", "database"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Mapping[str, object]:
    return (csv_of if request.param == "file" else sqlite_of)(tmp_path, [*CALLS, LAST])


def test_the_contract_is_kept(place: Mapping[str, object], tmp_path: Path) -> None:
    broken = source({**place, "path": str(tmp_path / "none.csv")} if "path" in place else {**place, "table": "none"})
    check_source(healthy=source(place), broken=broken, window=Window(cursor=b"", now=NOW, zone=ZONE))


def test_each_call_is_counted_in_the_quarter_hour_in_which_it_entered(place: Mapping[str, object]) -> None:
    found, done = read(source(place))
    told = figures(found)
    assert told["calls_offered", "sales", "09:00"] == 2
    assert told["calls_answered", "sales", "09:00"] == 1
    assert told["calls_abandoned", "sales", "09:00"] == 1
    assert told["calls_offered", "sales", "09:15"] == 1
    assert told["short_calls", "sales", "09:15"] == 1
    assert told["agent_releases", "sales", "09:15"] == 1
    assert told["calls_left", "help", "10:15"] == 1
    assert told["ring_no_answer", "help", "10:15"] == 2
    assert told["ring_no_answer", "sales", "09:00"] == 1
    assert told["talk_time", "sales", "09:00"] == (180.0, 1)
    assert told["hold_time", "sales", "09:00"] == (20.0, 1)
    assert told["after_call_time", "sales", "09:00"] == (30.0, 1)
    answered = told["wait_answered", "sales", "09:15"]
    assert within(answered.buckets, 20) == 1  # type: ignore[attr-defined]
    assert within(answered.buckets, 15) == 0  # type: ignore[attr-defined]
    assert told["wait_abandoned", "sales", "09:00"].total == 41.0  # type: ignore[attr-defined]
    until = datetime(2026, 11, 22, 4 if "path" in place else 5, tzinfo=UTC)  # a file's newest row is of 12:10
    assert done.covers is not None
    assert done.covers[1] == until


def test_each_call_is_told_for_the_cross_checks_and_nothing_that_is_not_mapped(place: Mapping[str, object]) -> None:
    found, _ = read(source(place))
    told = calls(found)
    assert set(told) >= {"c1", "c2", "c3", "c4"}
    wanted = {"system": "acd", "call": "c3", "queue": "sales", "agent": "2002", "direction": "in", "answered": 1}
    assert wanted.items() <= told["c3"].items()
    assert {"talk": 9, "wait": 20, "released_by": "agent", "number": "13800000003", "required": 1}.items() <= told[
        "c3"
    ].items()
    assert "Li" not in str(found)


@pytest.mark.parametrize(
    ("at", "value", "told"),
    [
        (4, "7", "row 2, column 'result': a word that `values.outcome` does not declare"),
        (4, "", "row 2: no word of waiting, answered, abandoned, left"),
        (1, "yesterday", "row 2, column 'entered': no time of the declared formats"),
        (1, "", "row 2, column 'entered': the time is empty"),
        (5, "12 s", "row 2, column 'wait': no duration"),
        (0, "", "row 2, column 'id': the cell is empty"),
        (11, "many", "row 2, column 'rings': no whole number"),
    ],
)
def test_a_row_that_cannot_be_read_makes_the_run_unavailable(tmp_path: Path, at: int, value: str, told: str) -> None:
    row = (*CALLS[0][:at], value, *CALLS[0][at + 1 :])
    detail = problem(source(csv_of(tmp_path, [row, *CALLS[1:]])))
    assert told in detail
    assert not value or value == "7" or value not in detail


def test_a_call_that_stands_twice_is_not_counted_twice(tmp_path: Path) -> None:
    assert "a call of 2026-11-22 01:01+00:00 stands twice" in problem(source(csv_of(tmp_path, [*CALLS, CALLS[0]])))
    again = (CALLS[0][0], "2026-11-22 09:05:00", *CALLS[0][2:])  # the same call enters again
    found, _ = read(source(csv_of(tmp_path, [*CALLS, again, LAST])))
    assert figures(found)["calls_offered", "sales", "09:00"] == 3


def test_a_negative_duration_is_told_of_and_the_call_counts(tmp_path: Path) -> None:
    row = (*CALLS[0][:5], "-3", "-0:00:05", *CALLS[0][7:])
    found, done = read(source(csv_of(tmp_path, [row, *CALLS[1:], LAST])))
    assert figures(found)["calls_answered", "sales", "09:00"] == 1
    (waits,) = [one.measure for one in found if one.measure.id == "wait_answered" and one.measure.unfinished]
    assert (sum(waits.histogram.buckets), waits.unfinished) == (0, 1)
    assert done.detail == "2 negative durations are not taken"


TIMES = {
    "columns": {"call": "id", "queue": "skill", "answered_at": "result", "ended_at": "wait"},
    "values": None,
    "until": "now",
}


def test_waits_and_talks_between_times(tmp_path: Path) -> None:
    rows = [
        ("a", "2026-11-22 09:00:00", "q", "", "2026-11-22 09:00:20.4", "2026-11-22 09:00:30", *[""] * 7),
        ("b", "2026-11-22 09:01:00", "q", "", "", "2026-11-22 09:01:15", *[""] * 7),
        ("c", "2026-11-22 09:02:00", "q", "", "", "", *[""] * 7),
        ("d", "2026-11-22 09:03:00", "q", "", "2026-11-22 09:02:00", "", *[""] * 7),
    ]
    found, done = read(source(csv_of(tmp_path, rows), TIMES | {"started": "entered"}))
    told = figures(found)
    answered = told["wait_answered", "q", "09:00"]
    assert within(answered.buckets, 20) == 0  # type: ignore[attr-defined]
    assert within(answered.buckets, 25) == 1  # type: ignore[attr-defined]
    assert told["wait_abandoned", "q", "09:00"].total == 15.0  # type: ignore[attr-defined]
    assert told["short_calls", "q", "09:00"] == 1
    assert told["talk_time", "q", "09:00"] == (9.0, 1)
    offered = [one.measure for one in found if one.measure.id == "calls_offered"]
    assert [(one.count, one.unfinished) for one in offered] == [(4, 1)]
    assert done.detail == "1 negative durations are not taken"
    assert "calls_left" not in source(csv_of(tmp_path, rows), TIMES | {"started": "entered"}).feeds


def test_an_end_before_the_start_on_the_same_date_is_past_midnight() -> None:
    options = Options(
        {"columns": {"call": "id", "queue": "q", "answered_at": ["day", "up"], "ended_at": ["day", "off"]}}
    )
    rows = CallRows.from_options(options, Declared.from_options(options, ATTRIBUTES), ("day", "in"))
    times = LocalTimes(ZONE)
    cells = {"id": "a", "q": "x", "day": "2026-11-22", "up": "00:00:10", "off": "00:03:10"}
    contact = rows.contact(Row(2, cells), times.parse("2026-11-22 23:59:55"), times, Odd())
    assert (contact.outcome, contact.wait_s, contact.talk_s) == ("answered", 15, 180)


def test_agents_become_staff_and_outbound_calls_stand_in_no_queue(tmp_path: Path) -> None:
    (tmp_path / "agents.csv").write_text("agent,staff\n2001,E-77\n")
    rows = [(*CALLS[0][:2], "", *CALLS[0][3:]), LAST]
    columns = {**OPTIONS["columns"], "direction": "name", "shown_number": "caller"}  # type: ignore[dict-item]
    options = {**OPTIONS, "columns": columns, "values": {**OPTIONS["values"], "direction": {"Li": "out"}}}  # type: ignore[dict-item]
    one = source(csv_of(tmp_path, rows), options, agents=str(tmp_path / "agents.csv"), recordings_required=False)
    assert tmp_path / "agents.csv" in one.manifest().files
    found, _ = read(one)
    assert figures(found) == {}
    told = calls(found)["c1"]
    assert (told["agent"], told["direction"], told["required"], told["shown_number"]) == (
        "E-77",
        "out",
        0,
        "13800000001",
    )


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"values": {"outcome": {"2": "picked up"}}}, "values.outcome"),
        ({"constants": {"direction": "sideways"}}, "values.direction"),
        ({"durations": {"wait": "min"}}, "durations.wait"),
        ({"columns": {"queue": "skill", "outcome": "result", "wait": "wait"}}, "columns.call"),
        ({"columns": {"call": "id", "outcome": "result", "wait": "wait"}}, "columns.queue"),
        ({"columns": {"call": "id", "queue": "skill", "wait": "wait"}}, "columns.outcome"),
        ({"columns": {"call": "id", "queue": "skill", "outcome": "result"}}, "columns.wait"),
        ({"columns": {"call": "id", "caller": "caller"}}, "columns.caller"),
        ({"system": "pbx"}, "system"),
        ({"until": "soon"}, "until"),
        ({"since": "last week"}, "since"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path: Path, changed: Mapping[str, object], told: str) -> None:
    with pytest.raises(BadOption, match=re.escape(f"'{told}'")):
        source(csv_of(tmp_path, CALLS), {**OPTIONS, **changed})


def test_a_database_needs_its_first_day(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match="'since'"):
        source({**sqlite_of(tmp_path, CALLS), "since": None})


def test_a_reader_process_reads_a_file_and_a_database(tmp_path: Path) -> None:
    for write in (csv_of, sqlite_of):
        (tmp_path / "agents.csv").write_text("2001,E-77\n")
        table = {**write(tmp_path, [*CALLS, LAST]), **OPTIONS, "agents": str(tmp_path / "agents.csv")}
        reading = read_source(
            SourceSpec(name="acd", plugin="call_table", options=table), cursor=b"", now=NOW, zone=ZONE
        )
        assert (reading.reason, reading.detail) == ("", "")
        assert figures(list(reading.observations))["calls_offered", "sales", "09:00"] == 2


def test_check_tells_rows_and_warns_of_agents_and_of_an_old_table(place: Mapping[str, object]) -> None:
    def lines(now: datetime) -> dict[str, tuple[str, str]]:
        found = source(place).check(Window(cursor=b"", now=now, zone=ZONE))
        return {one.subject: (one.verdict, one.detail) for one in found}

    told = lines(NOW)
    assert told["rows"] == ("ok", "5 rows of the last 7 days can be read")
    assert told["newest row"] == ("ok", "the newest row is of 2026-11-22 04:10 UTC")
    assert told["agents"][0] == "warning"
    told = lines(NOW + timedelta(days=30))
    assert told["rows"][0] == told["newest row"][0] == "warning"


@given(st.lists(st.text(max_size=12), min_size=len(HEADER), max_size=len(HEADER)))
def test_whatever_stands_in_the_cells_only_a_bad_table_escapes(cells: list[str]) -> None:
    options = Options(dict(OPTIONS))
    rows = CallRows.from_options(options, Declared.from_options(options, ATTRIBUTES), ("entered",))
    row = Row(2, {name: cell for name, cell in zip(HEADER, cells, strict=True) if cell})
    with suppress(BadTable):
        assert isinstance(rows.contact(row, NOW, LocalTimes(ZONE), Odd()), Contact)


def test_each_example_of_the_page_is_taken() -> None:
    page = (Path(__file__).parents[3] / "docs" / "plugins" / "call_table.md").read_text("utf-8")
    examples = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert len(examples) >= 4
    for example in examples:
        table = tomllib.loads(example)
        given = Options(table | ({"url": "sqlite:////x.db"} if "table" in table else {"path": "/x.csv"}))
        CallTable.from_options(given)
        given.refuse_unknown()
