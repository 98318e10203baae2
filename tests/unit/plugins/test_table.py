from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ccmm_agent.plugin import Observation, Reason, SourceUnavailable, Window
from ccmm_agent.testing import check_source
from ccmm_plugin_records import table as table_module
from ccmm_tables import export
from tests.support.stated import attributes
from tests.support.tables import (
    EXPORTED,
    NOW,
    ROSTER,
    ROSTER_OPTIONS,
    TICKET_OPTIONS,
    TICKETS,
    ZONE,
    problem,
    read,
    source,
    written,
)


def test_a_roster_becomes_a_whole_list_of_persons(tmp_path: Path) -> None:
    (observation,), _ = read(source(written(tmp_path / "roster.csv", ROSTER), ROSTER_OPTIONS))
    inventory = observation.inventory
    assert inventory.complete
    assert inventory.as_of_ms == EXPORTED.timestamp() * 1000
    first, second = inventory.entries
    assert (first.key.text, second.key.text) == ("1001", "1002")
    assert attributes(first) == {
        "active": True,
        "site": "Chengdu",
        "worked_days": 160,
        "joined": datetime(2024, 2, 29, 16, 0, tzinfo=UTC),
    }
    assert attributes(second)["left"] == datetime(2026, 10, 30, 16, 0, tzinfo=UTC)


def test_what_it_vouches_for_ends_at_the_export_and_a_forgotten_export_stays_old(tmp_path: Path) -> None:
    one = source(written(tmp_path / "roster.csv", ROSTER), ROSTER_OPTIONS)
    _, done = read(one)
    assert done.covers is not None
    assert done.covers[1] == EXPORTED
    _, later = read(one, done.cursor, NOW + timedelta(days=9))
    assert later.covers == (EXPORTED, EXPORTED)


def test_a_column_may_say_when_it_was_exported(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", "id,at\na,2026-11-20 10:00\nb,2026-11-20 10:05\n")
    (observation,), _ = read(source(path, {"kind": "article", "key": "id", "as_of": "at"}))
    assert observation.inventory.as_of_ms == datetime(2026, 11, 20, 2, 5, tzinfo=UTC).timestamp() * 1000
    written(path, "id,at\na,2026-12-24 10:00\n")
    (observation,), _ = read(source(path, {"kind": "article", "key": "id", "as_of": "at"}))
    assert observation.inventory.as_of_ms == EXPORTED.timestamp() * 1000
    written(path, "id,at\na,\n")
    assert "no row says when it was exported" in problem(source(path, {"kind": "article", "key": "id", "as_of": "at"}))


def test_a_file_of_the_future_vouches_only_up_to_now(tmp_path: Path) -> None:
    _, done = read(source(written(tmp_path / "r.csv", ROSTER, NOW + timedelta(days=2)), ROSTER_OPTIONS))
    assert done.covers is not None
    assert done.covers[1] == NOW


def test_the_contract_is_kept_for_lists_and_for_occurrences(tmp_path: Path) -> None:
    window = Window(cursor=b"", now=NOW, zone=ZONE)
    absent = source(tmp_path / "absent.csv", ROSTER_OPTIONS)
    check_source(source(written(tmp_path / "r.csv", ROSTER), ROSTER_OPTIONS), absent, window=window)
    check_source(source(written(tmp_path / "t.csv", TICKETS), TICKET_OPTIONS), absent, window=window)
    counts = {"kind": "survey_answered", "started": "opened", "columns": {"queue": "queue"}}
    check_source(source(tmp_path / "t.csv", counts), absent, window=window)


def test_tickets_become_occurrences_with_start_and_end(tmp_path: Path) -> None:
    found, done = read(source(written(tmp_path / "t.csv", TICKETS), TICKET_OPTIONS))
    first, second = (one.occurrence for one in found)
    assert first.id.text == "T-1"
    assert first.started_ms == datetime(2026, 11, 20, 1, 0, tzinfo=UTC).timestamp() * 1000
    assert first.ended_ms == datetime(2026, 11, 20, 9, 0, tzinfo=UTC).timestamp() * 1000
    assert not second.HasField("ended_ms")
    assert attributes(second) == {"class": "question", "topic": "b"}
    assert done.covers == (datetime(2026, 11, 20, 1, 0, tzinfo=UTC), EXPORTED)


def test_a_file_that_changed_is_stated_anew_and_an_unchanged_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    one = source(written(path, TICKETS), TICKET_OPTIONS)
    _, done = read(one)
    written(path, TICKETS, EXPORTED + timedelta(hours=2))
    found, again = read(one, done.cursor)
    assert (found, again.covers) == ([], (EXPORTED, EXPORTED + timedelta(hours=2)))
    written(path, TICKETS.replace(",,question", ",2026-11-21 11:00,question"), EXPORTED + timedelta(hours=3))
    found, _ = read(one, again.cursor)
    assert [observation.occurrence.HasField("ended_ms") for observation in found] == [True, True]


def test_many_rows_come_in_batches_and_each_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_module, "BATCH_ROWS", 3)
    rows = "".join(f"T-{n},2026-11-20 09:00,,question,a\n" for n in range(8))
    one = source(written(tmp_path / "t.csv", TICKETS.splitlines()[0] + "\n" + rows), TICKET_OPTIONS)
    found, done = read(one)
    assert [observation.occurrence.id.text for observation in found] == [f"T-{n}" for n in range(8)]
    assert done.covers == (datetime(2026, 11, 20, 1, 0, tzinfo=UTC), EXPORTED)
    assert read(one, done.cursor)[0] == []


def test_a_rolling_export_that_begins_later_leaves_a_hole(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    one = source(written(path, TICKETS, EXPORTED), TICKET_OPTIONS)
    _, done = read(one)
    later = EXPORTED + timedelta(days=20)
    written(path, "id,opened,closed,type,queue\nT-9,2026-12-10 09:00,,question,a\n", later)
    _, again = read(one, done.cursor, later)
    assert again.covers == (datetime(2026, 12, 10, 1, 0, tzinfo=UTC), later)


def test_an_empty_table_is_an_empty_list_and_no_occurrence(tmp_path: Path) -> None:
    (observation,), _ = read(source(written(tmp_path / "r.csv", ROSTER.splitlines()[0]), ROSTER_OPTIONS))
    assert (len(observation.inventory.entries), observation.inventory.complete) == (0, True)
    found, done = read(source(written(tmp_path / "t.csv", TICKETS.splitlines()[0]), TICKET_OPTIONS))
    assert found == []
    assert done.covers == (EXPORTED - timedelta(seconds=1), EXPORTED)


def test_a_table_that_was_empty_vouches_for_the_time_until_its_first_row(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    one = source(written(path, TICKETS.splitlines()[0]), TICKET_OPTIONS)
    _, done = read(one)
    later = EXPORTED + timedelta(days=20)
    written(path, "id,opened,closed,type,queue\nT-9,2026-12-10 09:00,,question,a\n", later)
    assert read(one, done.cursor, later)[1].covers == (EXPORTED, later)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("在职", "休假", "row 2, column 'status': a word that `values.active` does not declare"),
        ("2023-01-09", "last year", "row 3, column 'hire date': no time"),
        ("160", "many", "row 2, column 'hours': no whole number"),
        ("1002", "1001", "row 3: row 2 has the same key"),
        ("1002", "", "row 3, column 'staff no': the key is empty"),
        ("status", "state", "column 'status': the column is not there"),
        (",160", "", "row 2, column 'hours': the row ends before"),
        ("1001", "Li, Na", "row 2: more cells than the header"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_and_never_dropped(tmp_path: Path, old: str, new: str, message: str) -> None:
    detail = problem(source(written(tmp_path / "r.csv", ROSTER.replace(old, new, 1)), ROSTER_OPTIONS))
    assert message in detail
    assert "Li, Na" not in detail


def test_files_that_cannot_be_read_are_loud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problem(source(tmp_path / "absent.csv", ROSTER_OPTIONS), Reason.NOT_FOUND)
    problem(source(tmp_path, ROSTER_OPTIONS), Reason.REFUSED)
    assert "no header row" in problem(source(written(tmp_path / "empty.csv", ""), ROSTER_OPTIONS))
    monkeypatch.setattr(export, "MAX_FILE_BYTES", 10)
    problem(source(written(tmp_path / "r.csv", ROSTER), ROSTER_OPTIONS), Reason.LIMITED)


def test_a_file_that_is_written_meanwhile_is_not_believed(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", TICKETS)
    reading = source(path, TICKET_OPTIONS).read(Window(cursor=b"", now=NOW, zone=ZONE))
    next(reading)
    written(path, TICKETS + "T-3,2026-11-21 12:00,,question,a\n")
    with pytest.raises(SourceUnavailable, match="was written while it was read"):
        list(reading)


def test_call_data_with_its_traps_is_read(tmp_path: Path) -> None:
    """CRLF, tabs, no zone, an end past midnight, 0:00:00 for "not applicable", ids unique in three columns only."""
    rows = (
        "line\tcall\tdate\tentry\texit\tduration\tagent\r\n"
        "A1\t33116\t990101\t23:59:40\t0:00:10\t30\tNO_SERVER\r\n"
        "A1\t33116\t990102\t9:05:00\t9:07:00\t120\tMICHAL\r\n"
        "A2\t33116\t990102\t10:00:00\t0:00:00\t0\tNO_SERVER\r\n"
    )
    options = {
        "kind": "call",
        "key": ["line", "call", "date"],
        "started": ["date", "entry"],
        "ended": ["date", "exit"],
        "delimiter": "tab",
        "time_formats": ["%y%m%d %H:%M:%S"],
        "columns": {"agent": "agent", "talk": "duration"},
        "constants": {"system": "bank"},
        "absent": {"agent": ["NO_SERVER"], "exit": ["0:00:00"]},
        "durations": {"talk": "s"},
    }
    found, _ = read(source(written(tmp_path / "calls.txt", rows), options))
    first, second, third = (one.occurrence for one in found)
    assert first.id.text == "A1|33116|990101"
    assert first.ended_ms - first.started_ms == 30_000
    assert attributes(first) == {"system": "bank", "talk": 30}
    assert attributes(second)["agent"] == "MICHAL"
    assert not third.HasField("ended_ms")
    negative = written(tmp_path / "calls.txt", rows.replace("\t120\t", "\t-120\t"))
    assert "row 3, column 'duration': no duration" in problem(source(negative, options))


def test_an_end_before_its_start_is_an_error_where_both_have_their_own_date(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", TICKETS.replace("2026-11-20 17:00", "2026-11-20 08:00"))
    assert "row 2, column 'closed': it ends before it starts" in problem(source(path, TICKET_OPTIONS))


def test_a_duration_gives_the_end(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", "id,at,lasted\na,2026-11-20 09:00,1:30:00\n")
    (one,), _ = read(source(path, {"kind": "exercise", "key": "id", "started": "at", "lasted": "lasted"}))
    assert one.occurrence.ended_ms - one.occurrence.started_ms == 5_400_000


def test_rows_may_be_chosen_by_their_words(tmp_path: Path) -> None:
    one = source(written(tmp_path / "t.csv", TICKETS), TICKET_OPTIONS, where={"type": ["complaint"]})
    assert [found.occurrence.id.text for found in read(one)[0]] == ["T-1"]
    lines = {line.subject: line.detail for line in one.check(Window(cursor=b"", now=NOW, zone=ZONE))}
    assert lines["where"] == "1 rows are left out by `where`"


def test_gb18030_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "r.csv", ROSTER.encode("gb18030"))
    (observation,), _ = read(source(path, ROSTER_OPTIONS, encoding="gb18030"))
    assert len(observation.inventory.entries) == 2
    assert "not utf-8" in problem(source(path, ROSTER_OPTIONS))


def slots(found: list[Observation]) -> dict[tuple[int, str], tuple[int, int]]:
    return {
        (one.measure.start_ms // 900_000 % 96, one.measure.dimensions[0].text): (
            one.measure.count,
            one.measure.revision,
        )
        for one in found
    }


SURVEY: Mapping[str, object] = {
    "kind": "survey_answered",
    "started": "at",
    "columns": {"queue": "queue"},
    "zone": "UTC",
}


def test_rows_are_counted_by_the_quarter_hour_and_a_changed_day_gets_a_revision(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    rows = "at,queue\n2026-11-20 09:00,a\n2026-11-20 09:14,a\n2026-11-20 09:15,b\n2026-11-21 00:05,a\n"
    one = source(written(path, rows), SURVEY)
    found, done = read(one)
    assert slots(found) == {(36, "a"): (2, 0), (37, "b"): (1, 0)}  # the day of the export is not over
    assert done.covers == (datetime(2026, 11, 20, 9, 0, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC))
    written(path, rows.replace("2026-11-20 09:15,b", "2026-11-20 09:40,b"), EXPORTED + timedelta(days=1))
    found, again = read(one, done.cursor, NOW + timedelta(days=1))
    changed = slots(
        [
            observation
            for observation in found
            if observation.measure.start_ms < EXPORTED.timestamp() * 1000 - 66_600_000
        ]
    )
    assert changed[36, "a"] == (2, 1)
    assert changed[37, "b"] == (0, 1)
    assert changed[38, "b"] == (1, 1)
    assert len(changed) == 2 * 96
    assert read(one, again.cursor, NOW + timedelta(days=1))[0] == []


def test_a_forecast_is_stated_for_the_days_to_come(tmp_path: Path) -> None:
    path = written(tmp_path / "f.csv", "at,queue,n\n2026-12-01 09:00,a,17\n2026-12-01 09:00,a,3\n")
    found, done = read(source(path, {**SURVEY, "kind": "forecast_contacts", "count": "n"}))
    assert slots(found) == {(36, "a"): (20, 0)}
    assert done.covers == (EXPORTED, EXPORTED)
    written(path, "at,queue,n\n2026-12-01 09:00,a,-3\n")
    assert "row 2, column 'n': no count" in problem(source(path, {**SURVEY, "kind": "forecast_contacts", "count": "n"}))


def test_check_shows_the_columns_that_are_there_and_the_run_does_not(tmp_path: Path) -> None:
    """With a wrong `header_row` the columns that are there are somebody's name and number."""
    one = source(written(tmp_path / "roster.csv", ROSTER), {**ROSTER_OPTIONS, "header_row": 2})
    assert "1001" not in problem(one)
    (line,) = one.check(Window(cursor=b"", now=NOW, zone=ZONE))
    assert line.verdict == "failed"
    assert "1001" in line.detail
