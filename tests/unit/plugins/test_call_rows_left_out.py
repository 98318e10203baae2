"""What a center could leave out of its calls: each way is refused, or told in the signed detail of every run."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias, cast

import pytest

from ccmm_agent.testing import read_all
from tests.support.calls import (
    CALLS,
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
from tests.unit.plugins import test_carrier as carrier

Write: TypeAlias = Callable[[Path, Sequence[Sequence[object]]], Mapping[str, object]]


@pytest.mark.parametrize("write", [csv_of, sqlite_of])
def test_rows_that_where_leaves_out_are_counted_in_each_run(write: Write, tmp_path: Path) -> None:
    """Two of the five calls have no agent: the one that was abandoned, and the one that left."""
    place = write(tmp_path, [*CALLS, LAST])
    found, done = read(source(place, where={"agent": ["2001", "2002"]}))
    assert figures(found)["calls_offered", "sales", "09:00"] == 1
    assert done.detail == "2 rows are left out by `where`"
    _, again = read(source(place, where={"agent": ["2001", "2002"]}), done.cursor)
    assert again.detail == "2 rows are left out by `where`"
    assert read(source(place))[1].detail == ""


def test_calls_whose_queue_means_nothing_are_counted_in_the_run(tmp_path: Path) -> None:
    found, done = read(source(csv_of(tmp_path, [*CALLS, LAST]), absent={"skill": ["help"]}))
    assert ("calls_offered", "help", "10:15") not in figures(found)
    assert done.detail == "1 calls without a queue are in no figure"


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_wait_that_is_left_empty_makes_no_better_service_level(at: int, tmp_path: Path) -> None:
    """Without its wait an answered or abandoned call would count as offered, and in no service level."""
    row = (*CALLS[at][:5], "", *CALLS[at][6:])
    detail = problem(source(csv_of(tmp_path, [*CALLS[:at], row, *CALLS[at + 1 :], LAST])))
    assert f"row {at + 2}: no cell tells how long the call waited" in detail


def test_a_call_that_left_otherwise_needs_no_wait(tmp_path: Path) -> None:
    row = (*CALLS[3][:5], "", *CALLS[3][6:])
    assert figures(read(source(csv_of(tmp_path, [*CALLS[:3], row, LAST])))[0])["calls_left", "help", "10:15"] == 1


@pytest.mark.parametrize("write", [csv_of, sqlite_of])
def test_a_row_of_the_future_vouches_for_no_time_without_rows(write: Write, tmp_path: Path) -> None:
    """The newest call is of 12:10: what lies behind it is not known to be quiet, whatever is dated 2030."""
    far = ("c8", "2030-01-01 09:00:00", *LAST[2:])
    _, done = read(source(write(tmp_path, [*CALLS, LAST, far]), until="row"))
    assert done.covers is not None
    if write is csv_of:
        assert done.covers[1] == datetime(2026, 11, 22, 4, tzinfo=UTC)
    assert "1 rows are later than now: is `zone` right?" in done.detail


def test_an_id_that_stands_again_the_next_day_is_another_call(tmp_path: Path) -> None:
    """The counter of the SBC begins anew at midnight: two attempts, of which one was blocked. Routes: still one."""
    rows = [
        ("n1", "2026-11-21 09:01:00", "in", "1", "95555", "TG-1", "17", "", "2026-11-21 09:01:01", ""),
        ("n1", "2026-11-21 09:01:02", "in", "1", "95555", "TG-2", "34", "", "2026-11-21 09:01:03", ""),
        ("n1", "2026-11-22 09:01:00", "in", "2", "95555", "TG-1", "16", "2026-11-22 09:01:05", "", ""),
        ("n9", "2026-11-22 12:30:00", "in", "3", "95555", "TG-1", "16", "2026-11-22 12:30:05", "", ""),
    ]
    found, done = read_all(carrier.source(carrier.csv_of(tmp_path, rows)), now=NOW, zone=ZONE)
    counts = dict.fromkeys(("carrier_attempts", "carrier_blocked"), 0)
    for one in found:
        if one.measure.id in counts:
            counts[one.measure.id] += one.measure.count
    assert counts == {"carrier_attempts": 2, "carrier_blocked": 1}
    assert done.detail == "1 call ids stand again hours later, and count as calls of their own"


def test_causes_that_the_center_chose_are_told_in_each_run(tmp_path: Path) -> None:
    _, done = carrier.read(carrier.source(carrier.csv_of(tmp_path), blocked=["58", "34"]))
    assert done.detail == "blocked are the causes 34, 58, by the option"
    assert carrier.read(carrier.source(carrier.csv_of(tmp_path)))[1].detail == ""


def test_calls_out_make_no_service_level_better(tmp_path: Path) -> None:
    """Three calls that a dialler answered at once stand in the same skill: they are no calls that came in."""
    rows = [(*row[:-1], "in") for row in [*CALLS, LAST]]
    out = [(f"o{n}", "2026-11-22 09:02:00", "sales", "2001", "2", "0", *LAST[6:-1], "out") for n in range(3)]
    named = cast(Mapping[str, object], OPTIONS["columns"])
    found, done = read(source(csv_of(tmp_path, [*rows, *out]), columns={**named, "direction": "name"}))
    told = figures(found)
    assert (told["calls_offered", "sales", "09:00"], told["calls_answered", "sales", "09:00"]) == (2, 1)
    assert {"direction": "out", "queue": "sales"}.items() <= calls(found)["o1"].items()
    assert done.detail == "3 outbound calls of queues are in no figure"
