import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.delimited import BadTable, LocalTimes
from ccmm_agent.plugin import BadOption, Done, Observation, Options, Reason, SourceUnavailable, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_telephony.carrier import Carrier
from ccmm_plugin_telephony.carrier_rows import ATTRIBUTES, Q850, SIP, CarrierRows, Leg
from ccmm_tables.columns import Row
from ccmm_tables.declared import Declared
from tests.support.calls import NOW, ZONE, calls

HEADER = ("id", "at", "way", "caller", "called", "trunk", "cause", "up", "end", "shown")


def row_of(*cells: str) -> tuple[str, ...]:
    """Clock times become times of the day."""
    return tuple(f"2026-11-22 {cell}" if cell[2:3] == ":" else cell for cell in cells)


ROWS = [
    row_of("s1", "09:01:00", "in", "13800000001", "95555", "TG-1", "16", "09:01:05", "09:31:00", ""),
    row_of("s2", "09:02:00", "in", "13800000002", "95555", "TG-1", "34", "", "09:02:00", ""),
    row_of("s2", "09:02:01", "in", "13800000002", "95555", "TG-2", "16", "09:02:05", "09:04:01", ""),
    row_of("s3", "09:03:00", "in", "13800000003", "+95-555", "TG-1", "17", "", "09:03:02", ""),
    row_of("s4", "09:04:00", "out", "95555", "13900000004", "TG-1", "16", "09:04:09", "09:05:00", "95555"),
    row_of("s5", "09:05:00", "out", "2001", "13900000005", "TG-1", "16", "", "09:05:00", "01066660000"),
    row_of("s6", "09:50:00", "in", "13800000006", "4001", "TG-1", "16", "09:50:01", "10:20:00", ""),
    row_of("s7", "12:30:00", "in", "13800000007", "95555", "TG-1", "16", "12:30:01", "12:31:00", ""),
]
OPTIONS: Mapping[str, object] = {
    "started": "at",
    "lines": ["95555"],
    "registered": ["95555", "0108888*"],
    "columns": {
        "call": "id",
        "direction": "way",
        "party": "caller",
        "callee": "called",
        "line": "called",
        "trunk": "trunk",
        "cause": "cause",
        "answered_at": "up",
        "ended_at": "end",
        "shown_number": "shown",
    },
    "channels": {"TG-1": 2, "TG-2": 1},
}


def csv_of(folder: Path, rows: Sequence[Sequence[object]] = ROWS) -> Mapping[str, object]:
    path = folder / "cdr.csv"
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in [HEADER, *rows]), "utf-8")
    os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    return {"path": str(path)}


def sqlite_of(folder: Path, rows: Sequence[Sequence[object]] = ROWS) -> Mapping[str, object]:
    path = folder / "cdr.db"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE cdr ({})".format(", ".join(f'"{name}" TEXT' for name in HEADER)))
        connection.executemany(f"INSERT INTO cdr VALUES ({', '.join('?' * len(HEADER))})", rows)
    return {"url": f"sqlite:///{path}", "table": "cdr", "since": "2026-11-22"}


def source(place: Mapping[str, object], **changed: object) -> Carrier:
    given = Options({name: value for name, value in {**OPTIONS, **place, **changed}.items() if value is not None})
    built = Carrier.from_options(given)
    given.refuse_unknown()
    return built


def read(one: Carrier, cursor: bytes = b"") -> tuple[list[Observation], Done]:
    return read_all(one, cursor=cursor, now=NOW, zone=ZONE)


def figures(found: list[Observation]) -> dict[tuple[str, str, str], float]:
    """(measure, dimensions, local start) -> its count or total."""
    told: dict[tuple[str, str, str], float] = {}
    for one in found:
        if one.WhichOneof("fact") == "measure":
            measure = one.measure
            at = datetime.fromtimestamp(measure.start_ms / 1000, ZONE)
            named = " ".join(dimension.text for dimension in measure.dimensions)
            value = measure.sum.total if measure.WhichOneof("value") == "sum" else measure.count
            told[measure.id, named, f"{at:%H:%M}"] = value
    return told


def problem(place: Mapping[str, object], **changed: object) -> str:
    with pytest.raises(SourceUnavailable) as caught:
        list(source(place, **changed).read(Window(cursor=b"", now=NOW, zone=ZONE)))
    assert caught.value.reason is Reason.UNREADABLE
    return caught.value.detail


@pytest.mark.parametrize("place_of", [csv_of, sqlite_of])
def test_the_contract_is_kept(place_of: object, tmp_path: Path) -> None:
    assert callable(place_of)
    broken = source({"path": str(tmp_path / "none.csv")})
    check_source(healthy=source(place_of(tmp_path)), broken=broken, window=Window(cursor=b"", now=NOW, zone=ZONE))


@pytest.mark.parametrize("place_of", [csv_of, sqlite_of])
def test_a_call_is_one_attempt_and_blocked_where_no_route_let_it_through(place_of: object, tmp_path: Path) -> None:
    assert callable(place_of)
    told = figures(read(source(place_of(tmp_path)))[0])
    assert told["carrier_attempts", "95555 TG-1", "09:00"] == 3
    assert told["carrier_blocked", "95555 TG-1", "09:00"] == 1  # s3; s2 came through over TG-2
    assert told["cli_mismatches", "TG-1", "09:00"] == 1
    assert told["carrier_attempts", "other TG-1", "09:45"] == 1
    assert ("carrier_blocked", "other TG-1", "09:45") not in told


def test_channels_are_busy_in_each_quarter_hour_that_a_call_touches(tmp_path: Path) -> None:
    told = figures(read(source(csv_of(tmp_path)))[0])
    # s1 from 09:01 on, s3 for 2 s, s4 for a minute
    assert told["trunk_busy", "TG-1", "09:00"] == 14 * 60 + 2 + 60
    assert told["trunk_busy", "TG-2", "09:00"] == 120
    assert told["trunk_busy", "TG-1", "09:15"] == 900
    assert told["trunk_busy", "TG-1", "09:30"] == 60
    assert told["trunk_busy", "TG-1", "09:45"] == 600
    assert told["trunk_busy", "TG-1", "10:15"] == 300
    assert {told["trunk_channels", "TG-1", at] for at in ("09:00", "11:45")} == {1800}
    assert told["trunk_channels", "TG-2", "10:30"] == 900


def test_calls_are_told_with_the_customers_number_and_no_customers_number_in_clear(tmp_path: Path) -> None:
    found, _ = read(source(csv_of(tmp_path)))
    told = calls(found)
    assert told["s4"]["number"] == "13900000004"
    assert told["s1"]["number"] == "13800000001"
    assert {"system": "carrier", "direction": "out", "talk": 51, "answered": 1}.items() <= told["s4"].items()
    assert told["s3"]["answered"] == 0
    assert told["s2"]["answered"] == 1
    clear = " ".join(dimension.text for one in found for dimension in one.measure.dimensions)
    assert "1390000" not in clear
    assert "1380000" not in clear


def test_changes_get_a_revision_and_gone_rows_are_taken_back(tmp_path: Path) -> None:
    _, done = read(source(sqlite_of(tmp_path)))
    assert read(source(sqlite_of(tmp_path)), done.cursor)[0] == []
    found, after = read(source(sqlite_of(tmp_path, [*ROWS[:6], ROWS[7]])), done.cursor)
    told = figures(found)
    assert {one.measure.revision for one in found if one.WhichOneof("fact") == "measure"} == {1}
    assert told["carrier_attempts", "other TG-1", "09:45"] == 0
    assert told["trunk_busy", "TG-1", "10:00"] == 0
    assert told["trunk_channels", "TG-1", "10:00"] == 1800
    assert [one.roll.revision for one in found if one.WhichOneof("fact") == "roll"] == [1]
    assert read(source(sqlite_of(tmp_path, [*ROWS[:6], ROWS[7]])), after.cursor)[0] == []


def test_an_hour_whose_calls_are_all_gone_is_taken_back_once(tmp_path: Path) -> None:
    _, done = read(source(sqlite_of(tmp_path)))
    found, after = read(source(sqlite_of(tmp_path, ROWS[:7])), done.cursor)
    (roll,) = [one.roll for one in found if one.WhichOneof("fact") == "roll"]
    assert (list(roll.clear_key), roll.revision) == ([], 1)
    assert read(source(sqlite_of(tmp_path, ROWS[:7])), after.cursor)[0] == []


def test_a_call_that_comes_late_into_the_table_is_counted_late(tmp_path: Path) -> None:
    _, done = read(source(sqlite_of(tmp_path)))
    late = row_of("s8", "10:01:00", "in", "1", "95555", "TG-1", "42", "", "10:01:00", "")
    found, _ = read(source(sqlite_of(tmp_path, [*ROWS, late])), done.cursor)
    attempt = next(one.measure for one in found if one.measure.id == "carrier_attempts")
    assert (attempt.count, attempt.revision) == (1, 1)


@pytest.mark.parametrize(
    ("at", "value", "told"),
    [
        (6, "busy", "row 5: no release cause"),
        (6, "", "row 5: no release cause"),
        (2, "sideways", "row 5: no word of in, out, internal"),
        (2, "", "row 5: no word of in, out, internal"),
        (5, "TG-9", "row 5: a trunk without its number of channels"),
        (1, "soon", "row 5, column 'at': no time of the declared formats"),
    ],
)
def test_what_cannot_be_read_is_loud(tmp_path: Path, at: int, value: str, told: str) -> None:
    row = (*ROWS[3][:at], value, *ROWS[3][at + 1 :])
    assert told in problem(csv_of(tmp_path, [*ROWS[:3], row, *ROWS[4:]]))


def test_a_call_that_ends_before_it_starts_is_told_of_and_counts(tmp_path: Path) -> None:
    row = (*ROWS[0][:8], "2026-11-22 09:00:00", "")
    found, done = read(source(csv_of(tmp_path, [row, ROWS[7]])))
    assert figures(found)["carrier_attempts", "95555 TG-1", "09:00"] == 1
    assert done.detail == "1 negative durations are not taken"


@pytest.mark.parametrize(("causes", "cause", "blocked"), [("q850", "042", 1), ("sip", "486", 1), ("sip", "487", 0)])
def test_causes_are_of_q850_or_of_sip(tmp_path: Path, causes: str, cause: str, blocked: int) -> None:
    row = (*ROWS[3][:6], cause, *ROWS[3][7:])
    told = figures(read(source(csv_of(tmp_path, [row, ROWS[7]]), causes=causes))[0])
    assert told.get(("carrier_blocked", "95555 TG-1", "09:00"), 0) == blocked
    own = figures(read(source(csv_of(tmp_path, [row, ROWS[7]]), causes=causes, blocked=["1"]))[0])
    assert ("carrier_blocked", "95555 TG-1", "09:00") not in own


def test_no_answer_and_hanging_up_are_not_blocked() -> None:
    assert not Q850 & {"16", "18", "19", "31"}
    assert not SIP & {"200", "480", "487"}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"causes": "isup"}, "causes"),
        ({"lines": None}, "lines"),
        ({"columns": {"call": "id"}, "lines": None}, "columns.cause"),
        ({"columns": {"cause": "cause", "blocked": "cause"}, "lines": None}, "columns.cause"),
        ({"columns": {"cause": "cause"}, "lines": None}, "columns.shown_number"),
        ({"columns": {"cause": "cause"}, "lines": None, "registered": None}, "columns.trunk"),
        ({"channels": {"TG-1": 0}}, "channels.TG-1"),
        ({"durations": {"talk": "min"}, "columns": {**OPTIONS["columns"], "talk": "x"}}, "durations.talk"),  # type: ignore[dict-item]
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path: Path, changed: Mapping[str, object], told: str) -> None:
    with pytest.raises(BadOption, match=f"'{told}'"):
        source(csv_of(tmp_path), **changed)


def test_check_tells_the_causes_and_warns_where_calls_have_no_id(tmp_path: Path) -> None:
    window = Window(cursor=b"", now=NOW, zone=ZONE)
    told = {line.subject: line for line in source(csv_of(tmp_path)).check(window)}
    assert told["causes"].detail == "blocked are the causes 3, 17, 21, 27, 34, 38, 41, 42, 44, 46, 47, 58"
    assert "attempts" not in told
    columns = {"cause": "cause"}
    bare = source(csv_of(tmp_path), columns=columns, lines=None, registered=None, channels=None)
    assert {line.subject: line.verdict for line in bare.check(window)}["attempts"] == "warning"
    assert bare.feeds == ("carrier_attempts", "carrier_blocked")


def test_a_reader_process_reads_it(tmp_path: Path) -> None:
    for place in (csv_of(tmp_path), sqlite_of(tmp_path)):
        spec = SourceSpec(name="carrier", plugin="carrier", options={**OPTIONS, **place})
        reading = read_source(spec, cursor=b"", now=NOW + timedelta(minutes=1), zone=ZONE)
        assert (reading.reason, reading.detail) == ("", "")
        assert figures(list(reading.observations))["carrier_attempts", "95555 TG-1", "09:00"] == 3


@given(st.lists(st.text(max_size=12), min_size=len(HEADER), max_size=len(HEADER)))
def test_whatever_stands_in_the_cells_only_a_bad_table_escapes(cells: list[str]) -> None:
    options = Options(dict(OPTIONS))
    rows = CarrierRows.from_options(options, Declared.from_options(options, ATTRIBUTES), ("at",))
    row = Row(2, {name: cell for name, cell in zip(HEADER, cells, strict=True) if cell})
    with suppress(BadTable):
        assert isinstance(rows.leg(row, datetime(2026, 11, 22, tzinfo=UTC), LocalTimes(ZONE)), Leg)
