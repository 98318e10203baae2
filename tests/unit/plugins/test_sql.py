import re
import sqlite3
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ccmm_agent.plugin import BadOption, Done, Observation, Options, Reason, SourceUnavailable, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_records import sql as sql_module
from ccmm_plugin_records.sql import Sql
from tests.support.stated import attributes
from tests.support.tables import NOW, ROSTER_OPTIONS, ZONE

STAFF = """
CREATE TABLE staff ("staff no" TEXT, status TEXT, "hire date" TEXT, "leave date" TEXT, hours NUMERIC, secret BLOB);
INSERT INTO staff VALUES ('1001', '在职', '2024-03-01', '-', 160, x'ff'),
 ('1002', '离职', '2023-01-09', '2026-10-31', 0, x'ff');
"""
CASES = """
CREATE TABLE cases (id TEXT, opened TEXT, closed TEXT, type TEXT, queue TEXT, changed TEXT, n INTEGER);
INSERT INTO cases VALUES
 ('T-1', '2026-11-20 09:00', '2026-11-20 17:00', 'complaint', 'a', '2026-11-20 17:00:00', 1),
 ('T-2', '2026-11-21 10:00', NULL, 'question', 'b', '2026-11-21 10:00:00', 2);
"""
CASE_OPTIONS: Mapping[str, object] = {
    "table": "cases",
    "kind": "case",
    "key": "id",
    "started": "opened",
    "ended": "closed",
    "columns": {"class": "type", "closed": "closed", "topic": "queue"},
}
CHANGES: Mapping[str, object] = {**CASE_OPTIONS, "since_column": "changed", "since": "2026-01-01"}


def database(path: Path, script: str) -> Path:
    with sqlite3.connect(path) as connection:
        connection.executescript(script)
    connection.close()
    return path


def add(path: Path, *rows: tuple[object, ...]) -> None:
    with sqlite3.connect(path) as connection:
        connection.executemany("INSERT INTO cases VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    connection.close()


def source(path: Path, options: Mapping[str, object], **changed: object) -> Sql:
    given = Options({"url": f"sqlite:///{path}", **options, **changed})
    built = Sql.from_options(given)
    given.refuse_unknown()
    return built


def read(one: Sql, cursor: bytes = b"", now: datetime = NOW) -> tuple[list[Observation], Done]:
    return read_all(one, cursor=cursor, now=now, zone=ZONE)


def ids(found: list[Observation]) -> list[str]:
    return [one.occurrence.id.text for one in found]


def problem(one: Sql, reason: Reason) -> str:
    with pytest.raises(SourceUnavailable) as caught:
        list(one.read(Window(cursor=b"", now=NOW, zone=ZONE)))
    assert caught.value.reason is reason, caught.value
    return caught.value.detail


def lines(one: Sql) -> dict[str, tuple[str, str]]:
    return {line.subject: (line.verdict, line.detail) for line in one.check(Window(cursor=b"", now=NOW, zone=ZONE))}


ROSTER = {**ROSTER_OPTIONS, "table": "staff"}


def test_the_contract_is_kept_for_lists_occurrences_and_counts(tmp_path: Path) -> None:
    window = Window(cursor=b"", now=NOW, zone=ZONE)
    path = database(tmp_path / "x.db", STAFF + CASES)
    counts = {"table": "cases", "kind": "survey_answered", "started": "opened", "columns": {"queue": "queue"}}
    for options in (ROSTER, CASE_OPTIONS, CHANGES, counts):
        check_source(source(path, options), source(tmp_path / "absent.db", options), window=window)


def test_a_roster_becomes_a_whole_list_of_the_mapped_columns_as_of_now(tmp_path: Path) -> None:
    (observation,), done = read(source(database(tmp_path / "x.db", STAFF), ROSTER))
    first, second = observation.inventory.entries
    assert (first.key.text, second.key.text) == ("1001", "1002")
    assert attributes(first) == {
        "active": True,
        "site": "Chengdu",
        "worked_days": 160,
        "joined": datetime(2024, 2, 29, 16, 0, tzinfo=UTC),
    }
    assert observation.inventory.as_of_ms == NOW.timestamp() * 1000
    assert done.covers == (NOW - timedelta(seconds=1), NOW)


def test_a_reader_process_reads_a_file_that_is_being_written(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db", "PRAGMA journal_mode = wal;" + STAFF)
    writer = sqlite3.connect(path)
    writer.execute("INSERT INTO staff VALUES ('1003', '在职', '2024-03-01', '-', 1, NULL)")
    writer.commit()
    spec = SourceSpec(name="roster", plugin="sql", options={"url": f"sqlite:///{path}", **ROSTER})
    reading = read_source(spec, cursor=b"", now=NOW, zone=ZONE)
    writer.close()
    assert (reading.reason, reading.detail) == ("", "")
    assert len(reading.observations[0].inventory.entries) == 3


def test_a_query_chooses_and_its_words_in_quotes_bind_nothing(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db", CASES)
    query = "SELECT *, ':since; delete' AS note FROM cases WHERE type = 'complaint' -- (the others"
    assert ids(read(source(path, CASE_OPTIONS, table=None, query=query))[0]) == ["T-1"]


def test_only_rows_that_are_new_or_changed_are_stated(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db", CASES)
    for options in (CASE_OPTIONS, CHANGES, {**CASE_OPTIONS, "since_column": "n", "since": 0}):
        one = source(path, options)
        found, done = read(one)
        assert ids(found) == ["T-1", "T-2"]
        assert done.covers == (datetime(2026, 11, 20, 1, 0, tzinfo=UTC), NOW)
        assert read(one, done.cursor)[0] == []
    one = source(path, CHANGES)
    _, done = read(one)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE cases SET closed = '2026-11-22 12:00', changed = '2026-11-22 12:00:00' WHERE n = 2")
    later = NOW + timedelta(hours=1)
    found, again = read(one, done.cursor, later)
    assert ids(found) == ["T-2"]
    assert found[0].occurrence.HasField("ended_ms")
    assert again.covers == (NOW, later)


def test_a_late_row_within_the_overlap_is_found_and_one_of_the_future_hides_nothing(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db", CASES)
    add(path, ("T-9", "2026-11-22 13:00", None, "question", "a", "2031-01-01 00:00:00", 9))
    one = source(path, CHANGES)
    _, done = read(one)
    local = NOW.astimezone(ZONE)
    late, new = local - timedelta(minutes=90), local + timedelta(minutes=1)
    for number, at in enumerate((late, new), start=3):
        add(path, (f"T-{number}", "2026-11-22 13:00", None, "question", "a", f"{at:%Y-%m-%d %H:%M:%S}", number))
    assert ids(read(one, done.cursor, NOW + timedelta(minutes=5))[0]) == ["T-3", "T-4"]


@pytest.mark.parametrize("by", [{"since_column": "changed", "since": "2026-01-01"}, {"since_column": "n", "since": 0}])
def test_a_backfill_comes_in_batches_each_row_once_and_vouches_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: Mapping[str, object]
) -> None:
    monkeypatch.setattr(sql_module, "BATCH_ROWS", 4)
    path = database(tmp_path / "x.db", CASES)
    at = ["2026-11-21 10:00:00", "2026-11-21 10:00:00", "2026-11-21 10:30:00", "2026-11-21 11:00:00"]
    add(path, *((f"T-{n}", "2026-11-21 10:00", None, "question", "a", at[n % 4], n) for n in range(3, 12)))
    one = source(path, CASE_OPTIONS, **by)
    window = Window(cursor=b"", now=NOW, zone=ZONE)
    *_, first = one.read(window)
    assert isinstance(first, Done)
    assert (first.more, first.covers) == (True, (NOW, NOW))
    found, done = read(one)
    assert sorted(ids(found)) == sorted(f"T-{n}" for n in range(1, 12))
    assert done.covers == (datetime(2026, 11, 20, 1, 0, tzinfo=UTC), NOW)
    assert read(one, done.cursor)[0] == []


def test_more_rows_than_may_be_read_are_limited_never_fewer(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db", STAFF + CASES)
    assert "more than 1 rows" in problem(source(path, ROSTER, row_limit=1), Reason.LIMITED)
    assert "since_column" in problem(source(path, CASE_OPTIONS, row_limit=1), Reason.LIMITED)


def test_many_rows_of_one_instant_are_read_in_batches_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_module, "BATCH_ROWS", 2)
    path = database(tmp_path / "x.db", CASES)
    add(path, *((f"S-{n}", "2026-11-21 10:00", None, "question", "a", "2026-11-21 10:00:00", 2) for n in range(9)))
    found, _ = read(source(path, CHANGES))
    assert len(ids(found)) == len(set(ids(found))) == 11


def test_counts_of_days_that_the_query_no_longer_reaches_stay(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db", CASES)
    options = {"table": "cases", "kind": "survey_answered", "started": "opened", "columns": {"queue": "queue"}}
    one = source(path, options)
    _, done = read(one)
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM cases WHERE n = 1")
    found, after = read(one, done.cursor)
    assert found == []
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM cases")
    assert read(one, after.cursor)[0] == []


@pytest.mark.parametrize(
    ("script", "changed", "reason", "message"),
    [
        ("", {}, Reason.NOT_FOUND, "the table is not there"),
        (STAFF, {"key": "number"}, Reason.NOT_FOUND, "a column is not there"),
        (STAFF, {"table": None, "query": "SELECT FROM WHERE"}, Reason.BAD_OPTION, "not understood"),
        (STAFF.replace("在职", "休假"), {}, Reason.UNREADABLE, "row 1, column 'status': a word that"),
        (STAFF.replace("1002", "1001"), {}, Reason.UNREADABLE, "row 2: row 1 has the same key"),
        (STAFF.replace("'1002'", "NULL"), {}, Reason.UNREADABLE, "row 2, column 'staff no': the key is empty"),
        (STAFF.replace("'1002'", "x'ff'"), {}, Reason.UNREADABLE, "row 2, column 'staff no': a value that is no cell"),
        (STAFF.replace("'1002'", "CAST(x'ff' AS TEXT)"), {}, Reason.UNREADABLE, "not UTF-8"),
        (STAFF.replace("'1002'", "printf('%.*c', 5000, 'x')"), {}, Reason.UNREADABLE, "more than 4096 characters"),
    ],
)
def test_what_cannot_be_read_is_said(
    tmp_path: Path, script: str, changed: Mapping[str, object], reason: Reason, message: str
) -> None:
    detail = problem(source(database(tmp_path / "x.db", script), {**ROSTER, **changed}), reason)
    assert message in detail
    assert "1001" not in detail


def test_a_query_that_never_ends_is_stopped(tmp_path: Path) -> None:
    query = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS id, 'x' AS opened, "
        "'x' AS closed, 'x' AS type, 'x' AS queue FROM n"
    )
    path = database(tmp_path / "x.db", CASES)
    one = source(path, CASE_OPTIONS, table=None, query=query, statement_timeout="1s")
    assert "statement_timeout" in problem(one, Reason.TIMEOUT)


def test_a_growing_column_that_is_empty_somewhere_is_an_error_not_a_row_less(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db", CASES)
    add(path, ("T-3", "2026-11-21 10:00", None, "question", "a", None, 3))
    assert "column 'changed': a row has no cell here" in problem(source(path, CHANGES), Reason.UNREADABLE)


def test_check_tells_rows_columns_and_rights_and_failures(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db", STAFF + CASES)
    told = lines(source(path, ROSTER))
    assert {verdict for verdict, _ in told.values()} == {"ok"}
    assert told["rows"][1] == "2 rows can be read as person"
    assert "secret" not in told["columns"][1]
    assert lines(source(path, CHANGES))["rows"][1] == "2 rows can be read as case"
    failed = lines(source(path, ROSTER, values={"active": {"在职": True}}))
    assert failed["rows"][0] == "failed"


@pytest.mark.parametrize(
    ("key", "changed"),
    [
        ("url", {"url": "postgresql://reader:secret-word@host/db"}),
        ("url", {"url": "postgresql://host/db?password=secret-word"}),
        ("url", {"url": "postgresql://host"}),
        ("url", {"url": "sqlite://relative.db"}),
        ("url", {"url": "file:///x"}),
        ("user", {"url": "postgresql://host/db"}),
        ("query", {"query": "SELECT 1"}),
        *(
            ("query", {"table": None, "query": query})
            for query in (
                "DELETE FROM staff",
                "SELECT 1; SELECT 2",
                "SELECT * INTO y FROM x",
                "WITH gone AS (DELETE FROM x RETURNING *) SELECT * FROM gone",
                "SELECT 1) AS x, (SELECT 2",
                "SELECT * FROM x WHERE y > :since",
                "SELECT :other",
            )
        ),
        ("since_column", {"since_column": "x", "since": 1}),
        ("since", {"since_column": "x", "since": "yesterday"}),
    ],
)
def test_options_that_cannot_be_are_refused_without_their_secrets(key: str, changed: Mapping[str, object]) -> None:
    with pytest.raises(BadOption) as caught:
        source(Path("/srv/x.db"), {**ROSTER, **changed})
    assert caught.value.key == key
    assert "secret-word" not in str(caught.value)


def test_the_manifest_names_the_server_or_the_file() -> None:
    given = {"user": "reader", "password_file": "/etc/ccmm/p", "ca_file": "/etc/ccmm/ca.pem"}
    manifest = source(Path("/"), {**ROSTER, **given}, url="mariadb://db.example/hr").manifest()
    assert manifest.endpoints == (("db.example", 3306),)
    assert manifest.files == (Path("/etc/ccmm/p"), Path("/etc/ccmm/ca.pem"))
    files = source(Path("/srv/x.db"), ROSTER).manifest().files
    assert {file.name for file in files} == {"x.db", "x.db-wal", "x.db-shm", "x.db-journal"}


def test_each_example_of_the_page_is_taken() -> None:
    page = (Path(__file__).parents[3] / "docs" / "plugins" / "sql.md").read_text("utf-8")
    blocks = re.findall(r"^```toml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    fed = [source(Path("/srv/x.db"), tomllib.loads(block)).feeds for block in blocks]
    assert fed == [("person",), ("presence",), ("training",), ("case",), ("call",)]
