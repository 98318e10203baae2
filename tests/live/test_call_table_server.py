"""The `call_table` source on a real PostgreSQL: types that a database has and a file has not."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from ccmm_agent.plugin import Options, Reason, SourceUnavailable, Window
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_telephony.call_table import CallTable
from tests.support.calls import NOW, ZONE, figures
from tests.support.databases import PASSWORD, READER, Server, running

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("postgresql") as started:
        started.run(
            "CREATE TABLE calls (id BIGINT, entered TIMESTAMP WITH TIME ZONE, skill TEXT, up BOOLEAN, "
            "wait INTERVAL, talk NUMERIC(8, 2), caller TEXT)",
            """INSERT INTO calls VALUES
            (1, '2026-11-22 09:01:10+08', 'sales', TRUE, '20.4 seconds', 180.75, '13800000001'),
            (2, '2026-11-22 01:14:59+00', 'sales', FALSE, '41 seconds', NULL, '13800000002'),
            (3, '2026-11-22 11:00:00+08', 'sales', TRUE, '1 second', 9, '13800000003')""",
            f"GRANT SELECT (id, entered, skill, up, wait, talk) ON calls TO {READER}",
        )
        yield started


def source(server: Server, **changed: object) -> CallTable:
    file = server.folder / "password"
    file.write_text(PASSWORD, "utf-8")
    file.chmod(0o600)
    columns = {"call": "id", "queue": "skill", "answered": "up", "wait": "wait", "talk": "talk"}
    given = {"url": server.url, "user": READER, "password_file": str(file), "table": "calls", "since": "2026-11-01"}
    return CallTable.from_options(Options({**given, "started": "entered", "columns": columns, **changed}))


def window(cursor: bytes = b"") -> Window:
    return Window(cursor=cursor, now=datetime.now(UTC), zone=ZONE)


def test_types_of_a_database_are_read_as_they_are(server: Server) -> None:
    now = min(NOW, datetime.now(UTC))
    observations, done = read_all(source(server), now=now, zone=ZONE)
    told = figures(observations)
    if now < NOW:
        pytest.skip("this machine's clock is before the calls")
    assert told["calls_offered", "sales", "09:00"] == 2
    assert told["talk_time", "sales", "09:00"] == (180.0, 1)
    assert told["short_calls", "sales", "11:00"] == 1
    assert told["wait_answered", "sales", "09:00"].total == 21.0  # type: ignore[attr-defined]
    assert done.covers is not None
    assert done.covers[0] == datetime(2026, 11, 22, 1, tzinfo=UTC)


def test_the_contract_is_kept_and_a_missing_right_is_named(server: Server) -> None:
    columns = {"call": "id", "queue": "skill", "answered": "up", "wait": "wait", "number": "caller"}
    broken = source(server, columns=columns)
    check_source(healthy=source(server), broken=broken, window=window())
    with pytest.raises(SourceUnavailable) as caught:
        list(broken.read(window()))
    assert caught.value.reason is Reason.REFUSED
    assert "GRANT SELECT" in caught.value.detail
    assert PASSWORD not in str(caught.value)


def test_check_says_that_the_account_may_only_read_these_columns(server: Server) -> None:
    told = {line.subject: (line.verdict, line.detail) for line in source(server).check(window())}
    assert told["rights"] == ("ok", "this account may only read")
    assert told["columns"][1] == "read are entered, id, skill, up, wait, talk, and no other"
    server.run(f"GRANT UPDATE ON calls TO {READER}")
    try:
        assert {line.subject for line in source(server).check(window()) if line.verdict == "warning"} >= {
            "too many rights"
        }
    finally:
        server.run(f"REVOKE UPDATE ON calls FROM {READER}")
