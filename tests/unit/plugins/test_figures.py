"""The `figures` source: columns of figures become measures of every shape, each in its own slot."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import gettempdir
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Done, Observation, Options, SourceUnavailable
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_records.figures import Figures
from ccmm_proto.period import DAY_MS, from_ms, to_ms
from ccmm_tables.amounts import slot_start
from tests.support.tables import EXPORTED, NOW, ZONE, written

DAYS = (
    "day,staff,in,paid\n2026-11-18,a2,1,1\n"
    "2026-11-19,a1,7:30:00,28800\n2026-11-19,a2,27000,28800\n2026-11-20,a1,3600,28800\n"
)
DAYS_OPTIONS: Mapping[str, object] = {
    "started": "day",
    "columns": {"agent": "staff"},
    "measures": {"login_time": "in", "paid_time": "paid"},
}


def figures(path: Path, options: Mapping[str, object]) -> Figures:
    asked = Options({"path": str(path), **options})
    built = Figures.from_options(asked)
    asked.refuse_unknown()
    return built


def read(one: Figures, cursor: bytes = b"", now: datetime = NOW) -> tuple[list[Observation], Done]:
    return read_all(one, cursor=cursor, now=now, zone=ZONE)


def test_the_source_keeps_the_contract(tmp_path: Path) -> None:
    healthy = figures(written(tmp_path / "days.csv", DAYS), DAYS_OPTIONS)
    check_source(healthy, figures(tmp_path / "gone.csv", DAYS_OPTIONS))


def test_sums_of_a_day_stand_in_the_slot_that_starts_within_that_day(tmp_path: Path) -> None:
    found, done = read(figures(written(tmp_path / "days.csv", DAYS), DAYS_OPTIONS))
    logins = [one.measure for one in found if one.measure.id == "login_time"]
    assert [(one.start_ms, one.dimensions[0].text, one.sum.total) for one in logins[1:]] == [
        (to_ms(datetime(2026, 11, 19, tzinfo=UTC)), "a1", 27000.0),
        (to_ms(datetime(2026, 11, 19, tzinfo=UTC)), "a2", 27000.0),
        (to_ms(datetime(2026, 11, 20, tzinfo=UTC)), "a1", 3600.0),
    ]
    assert done.covers is not None
    assert done.covers[1] == datetime(2026, 11, 21, tzinfo=UTC)  # the day of the export is not over


@given(st.sampled_from(["Asia/Shanghai", "America/New_York", "Europe/London", "Pacific/Auckland"]), st.integers(0, 700))
def test_the_slot_of_a_day_starts_within_that_civil_day_in_every_zone(name: str, days: int) -> None:
    zone = ZoneInfo(name)
    noon = datetime(2026, 1, 1, 12, tzinfo=zone) + timedelta(days=days)
    start = slot_start(noon, 86_400, zone)
    assert start % DAY_MS == 0
    assert from_ms(start).astimezone(zone).date() == noon.date()


def test_readings_become_lowest_highest_and_last_of_a_quarter_hour(tmp_path: Path) -> None:
    table = "at,sensor,c\n2026-11-20 10:01,r1,21.5\n2026-11-20 10:06,r1,24.0\n2026-11-20 10:11,r1,22.5\n"
    options = {"started": "at", "columns": {"sensor": "sensor"}, "constants": {"quantity": "temperature"}}
    found, _ = read(figures(written(tmp_path / "r.csv", table), {**options, "measures": {"reading": "c"}}))
    (gauge,) = [one.measure.gauge for one in found]
    assert (gauge.min, gauge.max, gauge.last, gauge.count) == (21.5, 24.0, 22.5, 3)


def test_each_row_can_count_one_and_only_rows_with_certain_texts(tmp_path: Path) -> None:
    table = "at,state\n2026-11-19 10:01,kept\n2026-11-19 11:00,lost\n2026-11-19 12:00,kept\n"
    options = {
        "started": "at",
        "measures": {"hires": "*", "hires_lost": "*"},
        "only": {"hires_lost": {"state": ["lost"]}},
    }
    found, _ = read(figures(written(tmp_path / "h.csv", table), options))
    assert {one.measure.id: one.measure.count for one in found} == {"hires": 3, "hires_lost": 1}


def test_cases_of_a_wait_fall_into_their_buckets(tmp_path: Path) -> None:
    table = "at,s\n2026-11-19 10:01,4\n2026-11-19 10:03,0:00:20\n"
    found, _ = read(figures(written(tmp_path / "w.csv", table), {"started": "at", "measures": {"wait_answered": "s"}}))
    (histogram,) = [one.measure.histogram for one in found]
    assert (sum(histogram.buckets), histogram.buckets[1], histogram.buckets[4], histogram.total) == (2, 1, 1, 24.0)


def test_a_day_that_changed_is_stated_again_as_the_next_revision_with_zeros_for_what_went_away(tmp_path: Path) -> None:
    path = written(tmp_path / "days.csv", DAYS)
    _, done = read(figures(path, DAYS_OPTIONS))
    again, _ = read(figures(path, DAYS_OPTIONS), done.cursor)
    assert again == []
    written(path, DAYS.replace("2026-11-19,a2,27000,28800\n", ""))
    changed, _ = read(figures(path, DAYS_OPTIONS), done.cursor)
    told = {(one.measure.dimensions[0].text, one.measure.revision): one.measure.sum.total for one in changed}
    assert told[("a2", 1)] == 0.0
    assert {one.measure.start_ms for one in changed} == {to_ms(datetime(2026, 11, 19, tzinfo=UTC))}


def test_quarter_hours_that_ended_since_the_last_read_follow_and_change_no_revision(tmp_path: Path) -> None:
    options = {"started": "at", "measures": {"calls_offered": "n"}}
    path = tmp_path / "q.csv"
    one = figures(written(path, "at,n\n2026-11-21 10:01,4\n", datetime(2026, 11, 21, 2, 20, tzinfo=UTC)), options)
    first, done = read(one)
    assert done.covers is not None
    assert done.covers[1] == datetime(2026, 11, 21, 2, 15, tzinfo=UTC)
    written(path, "at,n\n2026-11-21 10:01,4\n2026-11-21 10:16,6\n", datetime(2026, 11, 21, 2, 40, tzinfo=UTC))
    second, _ = read(one, done.cursor)
    assert [(x.measure.count, x.measure.revision) for x in (*first, *second)] == [(4, 0), (6, 0)]


@pytest.mark.parametrize(
    ("cell", "why"), [("x", "no number"), ("-1", "below zero"), ("inf", "beyond"), ("nan", "beyond"), ("1:99", "")]
)
def test_a_figure_that_cannot_be_read_makes_the_run_unavailable_and_names_the_place(
    cell: str, why: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "days.csv", DAYS.replace("28800", cell, 1))
    with pytest.raises(SourceUnavailable) as raised:
        read(figures(path, DAYS_OPTIONS))
    assert "row 3" in raised.value.detail
    assert why in raised.value.detail
    assert "paid" in raised.value.detail


@pytest.mark.parametrize(
    ("measures", "key"),
    [
        ({}, "measures"),
        ({"nothing": "in"}, "measures.nothing"),
        ({"login_time": "*"}, "measures.login_time"),
        ({"forecast_contacts": "in", "calls_offered": "paid"}, "measures.forecast_contacts"),
    ],
)
def test_a_measure_that_does_not_fit_is_named(measures: Mapping[str, str], key: str, tmp_path: Path) -> None:
    with pytest.raises(BadOption) as raised:
        figures(tmp_path / "x.csv", {"started": "day", "measures": measures})
    assert raised.value.key == key


@given(st.binary(max_size=400))
def test_whatever_the_file_holds_only_a_named_refusal_escapes(content: bytes) -> None:
    path = Path(gettempdir()) / f"figures-{os.getpid()}.csv"
    try:
        one = figures(written(path, b"day,staff,in,paid\n" + content, EXPORTED), DAYS_OPTIONS)
        read(one)
    except SourceUnavailable:
        pass
    finally:
        path.unlink(missing_ok=True)
