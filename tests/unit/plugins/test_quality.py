"""The `quality` source: figures computed by hand, randomness of recorded contacts, edits, and what it refuses."""

import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Done, Options, Reason, SourceUnavailable, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_records import quality as module
from ccmm_plugin_records.quality import Quality
from ccmm_plugin_records.quality_seen import Seen, parse_seen
from ccmm_proto.v1.statement_pb2 import OBSERVED
from tests.support.quality_scores import (
    CALIBRATION,
    NOW,
    RECORDED,
    SCORES,
    ZONE,
    cells,
    options,
    read,
    samples,
    source,
    totals,
    write,
)


def test_the_source_keeps_the_contract(tmp_path: Path) -> None:
    write(tmp_path)
    broken = options(tmp_path)
    broken["recorded"]["path"] = str(tmp_path / "gone.csv")
    check_source(source(options(tmp_path)), source(broken), window=Window(cursor=b"", now=NOW, zone=ZONE))


def test_points_checks_errors_and_steps_are_added_up_by_person_and_by_whether_chance_chose(tmp_path: Path) -> None:
    write(tmp_path)
    found, done = read(options(tmp_path))
    assert totals(found, "qa_points", random="yes", agent="a1") == 150
    assert totals(found, "qa_possible", random="yes") == 200
    assert totals(found, "qa_points") == 300
    assert totals(found, "qa_checked") == 4
    assert (totals(found, "qa_critical"), totals(found, "qa_critical", random="yes")) == (1, 1)
    assert (totals(found, "process_steps", process="退款"), totals(found, "process_steps_right")) == (19, 17)
    assert done.covers == (datetime(2026, 11, 17, 2, 0, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC))


def test_each_score_is_a_sample_and_whoever_scored_stays_at_the_center(tmp_path: Path) -> None:
    write(tmp_path)
    found, done = read(options(tmp_path))
    told = samples(found, "quality")
    assert told["quality:Q2"] == {
        "class": "quality",
        "call": "c2",
        "agent": "a1",
        "subject": "售后",
        "random": True,
        "critical": True,
        "score": 60.0,
        "possible": 100.0,
    }
    assert told["quality:Q3"]["random"] is False
    assert "random" not in told["quality:Q4"]  # nobody says whether chance chose: the rule finds that
    out = b"".join(one.SerializeToString() for one in found) + done.cursor
    assert b"s1" not in out


def test_randomness_is_of_the_recorded_contact_and_not_of_the_row_of_the_check(tmp_path: Path) -> None:
    write(tmp_path)
    found, done = read(options(tmp_path))
    assert cells(found, "recorded_cells") == {  # Monday; c4 stands twice and is one
        ("a1", "mon morning short"): 2,
        ("a1", "mon afternoon medium"): 1,
        ("a2", "mon evening long"): 1,
        ("a2", "mon night long"): 1,
    }
    assert cells(found, "qa_cells") == {
        ("a1", "mon morning short"): 1,
        ("a1", "mon afternoon medium"): 1,
        ("a2", "mon evening long"): 1,
    }
    assert done.detail == ""
    write(tmp_path, recorded=RECORDED.replace("c2,", "c20,"))
    assert read(options(tmp_path))[1].detail == "1 checks of no recorded contact"


def test_calibration_is_computed_by_session_from_who_scored_before(tmp_path: Path) -> None:
    write(tmp_path)
    found, _ = read(options(tmp_path))
    assert samples(found, "calibration") == {
        "calibration:K1": {"class": "calibration", "blind": True, "all_scorers": True, "gap": 4.0},
        "calibration:K2": {"class": "calibration", "blind": False, "all_scorers": False, "gap": 10.0},
    }
    gaps = [one.measure.sum for one in found if one.HasField("measure") and one.measure.id == "calibration_gap"]
    assert [(gap.total, gap.count) for gap in gaps] == [(8.0, 2), (10.0, 1)]


def test_a_score_that_is_changed_afterwards_is_a_revision_and_counted_in_the_detail(tmp_path: Path) -> None:
    write(tmp_path)
    _, done = read(options(tmp_path))
    write(tmp_path, scores=SCORES.replace("80,100", "95,100"))
    found, after = read(options(tmp_path), done.cursor)
    assert list(samples(found, "quality")) == ["quality:Q4"]
    assert {one.measure.revision for one in found if one.HasField("measure") and one.measure.id == "qa_points"} == {1}
    assert totals(found, "qa_points") == 95
    assert after.detail == "1 samples changed after they were stated"
    assert read(options(tmp_path), after.cursor)[0] == []


def test_a_table_that_keeps_the_last_days_only_takes_nothing_back(tmp_path: Path) -> None:
    write(tmp_path)
    _, done = read(options(tmp_path))
    write(tmp_path, scores="".join(line for line in SCORES.splitlines(True) if "11-17" not in line))
    found, done = read(options(tmp_path), done.cursor)
    assert found == []
    write(tmp_path)
    assert read(options(tmp_path), done.cursor)[0] == []


def test_a_clock_that_went_back_states_nothing_and_forgets_nothing(tmp_path: Path) -> None:
    write(tmp_path)
    _, done = read(options(tmp_path))
    found, after = read(options(tmp_path), done.cursor, NOW - timedelta(days=2))
    assert (found, after.cursor) == ([], done.cursor)


def test_many_samples_come_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    whole, _ = read(options(tmp_path))
    monkeypatch.setattr(module, "BATCH", 2)
    *first, done = source(options(tmp_path)).read(Window(cursor=b"", now=NOW, zone=ZONE))
    assert isinstance(done, Done)
    assert (len(first), done.more, done.covers) == (2, True, None)
    found, _ = read(options(tmp_path))
    assert sorted(map(str, found)) == sorted(map(str, whole))


def test_scores_alone_feed_what_they_can_and_check_says_what_is_not_stated(tmp_path: Path) -> None:
    write(tmp_path)
    table = options(tmp_path)["scores"]
    table["columns"] = {"agent": "坐席工号"}
    table.pop("values")
    one = source({"scores": table})
    assert one.feeds == ("sample", "qa_checked")
    assert {x.measure.id for x in read({"scores": table})[0] if x.HasField("measure")} == {"qa_checked"}
    warned = [x.subject for x in one.check(Window(cursor=b"", now=NOW, zone=ZONE)) if x.verdict == "warning"]
    assert warned == ["recorded", "random"]


def test_a_database_is_read_like_files(tmp_path: Path) -> None:
    write(tmp_path)
    with sqlite3.connect(tmp_path / "qa.db") as database:
        header, *lines = [line.split(",") for line in SCORES.splitlines()]
        database.execute(f"CREATE TABLE scores ({', '.join(header)})")
        rows = [[cell or None for cell in line] for line in lines]
        database.executemany(f"INSERT INTO scores VALUES ({', '.join('?' for _ in header)})", rows)
    table = options(tmp_path)
    table["scores"] = {key: value for key, value in table["scores"].items() if key != "path"}
    table["scores"] |= {"url": f"sqlite:///{tmp_path}/qa.db", "table": "scores"}
    found, _ = read_all(source(table), now=datetime.now(UTC), zone=ZONE)
    assert totals(found, "qa_points", random="yes", agent="a1") == 150


@pytest.mark.parametrize(
    ("name", "old", "new", "why"),
    [
        ("scores", "Q2,", "Q1,", "row 2 has the same key"),
        ("scores", "90,100", "190,100", "more points than possible"),
        ("scores", "90,100", ",100", "points without possible"),
        ("scores", "90,100", "-1,100", "points below nothing"),
        ("scores", "退款,5,3", "退款,5,6", "more steps_right than steps"),
        ("scores", "随机", "抽签", "values.random"),
        ("recorded", "c1,a1", ",a1", "the cell is empty"),
        ("recorded", ",45", ",四十五", "no number"),
        ("calibration", "s1,85,90", "s1,,90", "the cell is empty"),
    ],
)
def test_a_row_that_cannot_be_read_makes_the_whole_run_unavailable(
    tmp_path: Path, name: str, old: str, new: str, why: str
) -> None:
    tables = {"scores": SCORES, "recorded": RECORDED, "calibration": CALIBRATION}
    assert old in tables[name]
    tables[name] = tables[name].replace(old, new, 1)
    write(tmp_path, **tables)
    with pytest.raises(SourceUnavailable) as caught:
        list(source(options(tmp_path)).read(Window(cursor=b"", now=NOW, zone=ZONE)))
    assert caught.value.reason is Reason.UNREADABLE
    assert why in caught.value.detail


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"scores": {"path": "/a.csv", "key": "k", "started": "t"}},
        {"scores": {"path": "/a.csv", "key": "k", "started": "t", "columns": {"agent": "a", "points": "p"}}},
        {"scores": {"path": "/a.csv", "key": "k", "started": "t", "columns": {"agent": "a", "length": "l"}}},
        {"scores": {"path": "/a.csv", "started": "t", "columns": {"agent": "a"}}},
    ],
)
def test_options_that_cannot_be_meant_are_refused(broken: Mapping[str, object]) -> None:
    with pytest.raises(BadOption):
        Quality.from_options(Options(broken))


def test_a_cursor_is_what_was_written() -> None:
    seen = Seen(
        until=NOW, days={"scores": {20_000: ("d", 1)}, "cells": {}}, samples={"0" * 12: "1" * 8, "f" * 12: "2" * 8}
    )
    assert parse_seen(seen.to_cursor()) == seen
    many = {f"{number * 7919 % 16**12:012x}": f"{number * 104729 % 16**8:08x}" for number in range(60_000)}
    assert len(Seen(samples=many).to_cursor()) < 1 << 20


@given(st.binary(max_size=200))
def test_any_other_bytes_are_a_cursor_of_nothing(cursor: bytes) -> None:
    assert parse_seen(cursor) == Seen()


def test_it_is_read_in_a_reader_process_with_all_that_it_needs(tmp_path: Path) -> None:
    write(tmp_path)
    spec = SourceSpec(name="qa", plugin="quality", options=dict(options(tmp_path)))
    reading = read_source(spec, cursor=b"", now=NOW, zone=ZONE)
    assert (reading.outcome, reading.reason, reading.detail) == (OBSERVED, "", "")
    again = read_source(spec, cursor=reading.cursor or b"", now=NOW + timedelta(hours=6), zone=ZONE)
    assert again.observations == []
