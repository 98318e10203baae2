"""The `sql` source on real PostgreSQL and MariaDB: what they store, and everything that must be loud."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import CheckLine, Options, Reason, SourceUnavailable, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_records import sql as sql_module
from ccmm_plugin_records.sql import Sql
from ccmm_tables.sql_makes import MAKES
from tests.support.databases import PASSWORD, READER, Server, running
from tests.support.stated import attributes

pytestmark = pytest.mark.live

ZONE = ZoneInfo("Asia/Shanghai")
ROWS = """INSERT INTO staff VALUES
 (1001.00, '在职', '2024-03-01', NULL, 160.00, TRUE, 'ab'),
 (1002.00, '离职', '2023-01-09', '2026-10-31', 0, FALSE, 'cd')"""
CASES = """INSERT INTO cases VALUES
 (1, '2026-11-20 09:00:00', '2026-11-20 17:00:00.25', 'complaint', '2026-11-20 17:00:00'),
 (2, '2026-11-21 10:00:00', NULL, 'question', '2026-11-21 10:00:00')"""
ROSTER: Mapping[str, object] = {
    "table": "staff",
    "kind": "person",
    "key": "staff no",
    "columns": {"active": "status", "joined": "hired", "left": "left_on", "worked_days": "hours"},
    "values": {"active": {"在职": True, "离职": False}},
}
TICKETS: Mapping[str, object] = {
    "query": "SELECT id, opened, closed, type AS sort, changed FROM cases WHERE changed >= :since -- new ones",
    "kind": "case",
    "key": "id",
    "started": "opened",
    "ended": "closed",
    "since_column": "changed",
    "since": "2026-01-01",
    "columns": {"class": "sort"},
}


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with running(request.param) as started:
        words = ("bytea", '"staff no"') if started.make == "postgresql" else ("blob", "`staff no`")
        started.run(
            f"CREATE TABLE staff ({words[1]} NUMERIC(10, 2) PRIMARY KEY, status VARCHAR(20), hired DATE, left_on DATE, "
            f"hours NUMERIC(8, 2), senior BOOLEAN, photo {words[0]})",
            "CREATE TABLE cases (id INTEGER PRIMARY KEY, opened TIMESTAMP, closed TIMESTAMP(3) NULL, "
            "type VARCHAR(20), changed TIMESTAMP NOT NULL)",
            "CREATE TABLE pay (id INTEGER PRIMARY KEY, amount INTEGER)",
            ROWS,
            CASES,
            f"GRANT SELECT ON staff TO {READER}",
            f"GRANT SELECT ON cases TO {READER}",
        )
        yield started


def source(server: Server, options: Mapping[str, object], **changed: object) -> Sql:
    return Sql.from_options(Options(table(server, options, **changed)))


def table(server: Server, options: Mapping[str, object], **changed: object) -> dict[str, object]:
    password = str(changed.pop("password", PASSWORD))
    file = server.folder / f"password-{abs(hash(password))}"
    file.write_text(password + "\n", "utf-8")
    file.chmod(0o600)
    given = {"url": server.url, "user": READER, "password_file": str(file), **options, **changed}
    return {name: value for name, value in given.items() if value is not None}


def problem(one: Sql, reason: Reason) -> str:
    with pytest.raises(SourceUnavailable) as caught:
        list(one.read(Window(cursor=b"", now=datetime.now(UTC), zone=ZONE)))
    assert caught.value.reason is reason, caught.value
    assert PASSWORD not in str(caught.value)
    assert "1001" not in str(caught.value)
    return caught.value.detail


def check(one: Sql) -> dict[str, CheckLine]:
    lines = list(one.check(Window(cursor=b"", now=datetime.now(UTC), zone=ZONE)))
    assert PASSWORD not in repr(lines)
    return {line.subject: line for line in lines}


def test_the_contract_is_kept_for_lists_occurrences_and_counts(server: Server) -> None:
    counts = {"table": "cases", "kind": "survey_answered", "started": "opened", "columns": {"queue": "type"}}
    whole = {name: value for name, value in TICKETS.items() if not name.startswith(("since", "query"))}
    whole = {**whole, "table": "cases", "columns": {"class": "type"}}
    for options in (ROSTER, TICKETS, whole, counts):
        assert check_source(source(server, options), source(server, options, password="wrong"))


def test_each_type_is_read_as_it_was_meant(server: Server) -> None:
    (observation,), done = read_all(source(server, ROSTER), now=datetime.now(UTC), zone=ZONE)
    first, second = observation.inventory.entries
    assert (first.key.text, second.key.text) == ("1001", "1002")
    assert attributes(first)["worked_days"] == 160
    assert attributes(first)["joined"] == datetime(2024, 2, 29, 16, 0, tzinfo=UTC)
    assert attributes(second)["left"] == datetime(2026, 10, 30, 16, 0, tzinfo=UTC)
    assert done.covers is not None
    flags, _ = read_all(
        source(server, ROSTER, columns={"active": "senior"}, values=None), now=datetime.now(UTC), zone=ZONE
    )
    assert [attributes(entry)["active"] for entry in flags[0].inventory.entries] == [True, False]


def test_both_are_read_in_a_reader_process(server: Server) -> None:
    now = datetime.now(UTC)
    for options in (ROSTER, TICKETS):
        tls = {"url": server.url.replace("127.0.0.1", "localhost"), "tls": True, "ca_file": str(server.ca)}
        spec = SourceSpec(name="staff", plugin="sql", options=table(server, options, **tls))
        reading = read_source(spec, cursor=b"", now=now, zone=ZONE)
        assert (reading.reason, reading.detail) == ("", "")
        assert reading.observations


def test_only_new_and_changed_rows_follow_and_a_late_commit_is_found(server: Server) -> None:
    one, now = source(server, TICKETS), datetime.now(UTC)
    found, done = read_all(one, now=now, zone=ZONE)
    assert len(found) == 2
    assert read_all(one, cursor=done.cursor, now=now, zone=ZONE)[0] == []
    local = f"{now.astimezone(ZONE):%Y-%m-%d %H:%M:%S}"
    with server.engine().connect().execution_options(isolation_level="READ COMMITTED") as late:
        late.exec_driver_sql(f"INSERT INTO cases VALUES (3, '{local}', NULL, 'question', '{local}')")
        during, between = read_all(one, cursor=done.cursor, now=now + timedelta(seconds=1), zone=ZONE)
        late.commit()
    after, _ = read_all(one, cursor=between.cursor, now=now + timedelta(seconds=2), zone=ZONE)
    server.run("DELETE FROM cases WHERE id = 3")
    assert during == []
    assert [occurrence.occurrence.id.text for occurrence in after] == ["3"]


def test_many_rows_are_streamed_in_batches(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_module, "BATCH_ROWS", 700)
    rows = ",".join(f"({n}, '2026-11-01 10:00:00', NULL, 'question', '2026-11-01 10:00:00')" for n in range(10, 2010))
    server.run("CREATE TABLE many AS SELECT * FROM cases WHERE id < 0", f"INSERT INTO many VALUES {rows}")
    server.run(f"GRANT SELECT ON many TO {READER}")
    one = source(server, TICKETS, query=None, table="many", columns={"class": "type"})
    found, done = read_all(one, now=datetime.now(UTC), zone=ZONE)
    assert len({occurrence.occurrence.id.text for occurrence in found}) == len(found) == 2000
    assert done.covers is not None
    assert done.covers[0] == datetime(2026, 11, 1, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changed", "reason", "words"),
    [
        ({"password": "wrong"}, Reason.REFUSED, "refuses the log-in"),
        (
            {"table": "pay", "key": "id", "columns": {"active": "amount"}, "values": None},
            Reason.REFUSED,
            "GRANT SELECT",
        ),
        ({"key": "number"}, Reason.NOT_FOUND, "a column is not there"),
        (
            {"columns": {"active": "photo"}, "values": None},
            Reason.UNREADABLE,
            "column 'photo': a value that is no",
        ),
        ({"table": None, "query": "SELECT FROM WHERE"}, Reason.BAD_OPTION, "not understood"),
        ({"row_limit": 1}, Reason.LIMITED, "more than 1 rows"),
    ],
)
def test_what_cannot_be_looked_at_is_said(
    server: Server, changed: dict[str, object], reason: Reason, words: str
) -> None:
    assert words in problem(source(server, ROSTER, **changed), reason)


def test_a_missing_table_database_and_server_are_said(server: Server) -> None:
    missing = Reason.NOT_FOUND if server.make == "postgresql" else Reason.REFUSED  # MariaDB does not tell which
    problem(source(server, ROSTER, table="nowhere"), missing)
    problem(source(server, ROSTER, url=server.url.replace("/center", "/nowhere")), Reason.NOT_FOUND)
    refused = problem(source(server, ROSTER, url=f"{server.make}://127.0.0.1:1/center"), Reason.UNREACHABLE)
    assert "connection refused" in refused
    if server.make == "mariadb":
        problem(source(server, ROSTER, url=server.url.replace("mariadb", "mysql")), Reason.BAD_OPTION)


def test_a_slow_query_is_stopped_by_the_server(server: Server) -> None:
    sleep = "pg_sleep(20)" if server.make == "postgresql" else "SLEEP(20)"
    query = f"SELECT x.*, {sleep} AS slow FROM staff x WHERE {sleep} IS NOT NULL"
    assert "statement_timeout" in problem(
        source(server, ROSTER, table=None, query=query, statement_timeout="1s"), Reason.TIMEOUT
    )


def test_the_transaction_only_reads_even_where_the_account_may_write(server: Server) -> None:
    server.run(f"GRANT INSERT ON pay TO {READER}")
    line = check(source(server, ROSTER))["too many rights"]
    assert line.verdict == "warning"
    if server.make == "postgresql":
        server.run(
            "CREATE FUNCTION pays() RETURNS integer AS 'INSERT INTO pay VALUES (1, 1) RETURNING id' LANGUAGE sql",
        )
    else:
        server.run(
            "CREATE FUNCTION pays() RETURNS integer DETERMINISTIC BEGIN INSERT INTO pay VALUES (1, 1); RETURN 1; END"
        )
        server.run(f"GRANT EXECUTE ON FUNCTION pays TO {READER}")
    query = "SELECT pays() AS x, staff.* FROM staff WHERE pays() > 0"
    assert "would write" in problem(source(server, ROSTER, table=None, query=query), Reason.BAD_OPTION)
    server.run(f"REVOKE INSERT ON pay FROM {READER}")


def test_check_tells_log_in_clock_rows_and_rights(server: Server) -> None:
    lines = check(source(server, ROSTER))
    assert {line.verdict for line in lines.values()} == {"ok", "warning"}  # the password crosses in clear, on loopback
    assert [line.subject for line in lines.values() if line.verdict == "warning"] == ["TLS"]
    assert "2 rows" in lines["rows"].detail
    secure = {"url": server.url.replace("127.0.0.1", "localhost"), "tls": True, "ca_file": str(server.ca)}
    assert {line.verdict for line in check(source(server, ROSTER, **secure)).values()} == {"ok"}


def test_the_rights_of_others_are_not_taken_for_its_own(server: Server) -> None:
    if server.make == "postgresql":
        pytest.skip("PostgreSQL is asked about the account alone")
    server.run(f"GRANT SELECT ON *.* TO {READER}")  # it sees now what the administrator may do
    line = check(source(server, ROSTER))["rights"]
    server.run(f"REVOKE SELECT ON *.* FROM {READER}")
    assert line.verdict == "ok"


def test_tls_that_is_not_signed_by_a_known_authority_is_refused(server: Server) -> None:
    local = server.url.replace("127.0.0.1", "localhost")
    assert "certificate verify failed" in problem(source(server, ROSTER, url=local, tls=True), Reason.UNREACHABLE)
    ca = {"tls": True, "ca_file": str(server.ca)}
    assert "mismatch" in problem(source(server, ROSTER, **ca), Reason.UNREACHABLE)


def test_a_clock_that_is_off_is_told_and_vouches_for_no_more(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = "SELECT (now() AT TIME ZONE 'UTC') - INTERVAL '1 hour'"
    if server.make != "postgresql":
        asked = "SELECT UTC_TIMESTAMP(6) - INTERVAL 1 HOUR"
    monkeypatch.setitem(MAKES, server.make, replace(MAKES[server.make], clock=asked))
    now = datetime.now(UTC)
    (observation,), done = read_all(source(server, ROSTER), now=now, zone=ZONE)
    assert "behind ours" in done.detail
    assert done.covers is not None
    assert timedelta(minutes=59) < now - done.covers[1] < timedelta(minutes=61)
    assert observation.inventory.as_of_ms < now.timestamp() * 1000
    assert check(source(server, ROSTER))["clock"].verdict == "warning"


def test_rows_that_a_policy_hides_are_refused_not_a_smaller_list(server: Server) -> None:
    if server.make != "postgresql":
        pytest.skip("MariaDB has no row policies")
    server.run("CREATE TABLE teams AS SELECT * FROM staff", f"GRANT SELECT ON teams TO {READER}")
    server.run("ALTER TABLE teams ENABLE ROW LEVEL SECURITY", "CREATE POLICY own ON teams USING (senior)")
    assert "a policy hides rows" in problem(source(server, ROSTER, table="teams"), Reason.REFUSED)
