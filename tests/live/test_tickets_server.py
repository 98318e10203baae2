"""The `tickets_table` source on a real PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from ccmm_agent.plugin import Options, Window
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_crm.tickets_table import TicketsTable
from tests.support.databases import PASSWORD, READER, Server, running
from tests.support.tables import ZONE

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("postgresql") as started:
        started.run(
            "CREATE TABLE tickets (no BIGINT, made TIMESTAMP, due DATE, done TIMESTAMP WITH TIME ZONE, kind TEXT)",
            """INSERT INTO tickets VALUES
            (1, '2026-11-10 09:00:00.5', '2026-11-12', '2026-11-11 09:00:00+08', 'complaint'),
            (2, '2026-11-10 10:00:00', '2026-11-13', NULL, 'enquiry')""",
            f"GRANT SELECT ON tickets TO {READER}",
        )
        yield started


def source(server: Server, **changed: object) -> TicketsTable:
    file = server.folder / "password"
    file.write_text(PASSWORD, "utf-8")
    file.chmod(0o600)
    given = {
        "url": server.url,
        "user": READER,
        "password_file": str(file),
        "since": "2026-11-01",
        "started": "made",
        "query": "SELECT no, made, due, done, kind FROM tickets WHERE made >= :since AND made < :until",
        "columns": {"case": "no", "due": "due", "closed": "done", "class": "kind"},
    }
    return TicketsTable.from_options(Options({**given, **changed}))


def test_dates_and_times_with_and_without_a_zone_are_read(server: Server) -> None:
    found, _ = read_all(source(server), now=datetime(2026, 11, 22, tzinfo=UTC), zone=ZONE)
    told = {(one.measure.id, one.measure.dimensions[0].text): one.measure for one in found if one.measure.id}
    assert told["cases_due", "complaint"].start_ms == datetime(2026, 11, 12, tzinfo=UTC).timestamp() * 1000
    assert told["cases_on_time", "complaint"].count == 1
    assert told["complaints_on_time", "complaint"].count == 1
    assert ("cases_on_time", "enquiry") not in told
    assert [one.occurrence.id.text for one in found if one.WhichOneof("fact") == "occurrence"] == ["1", "2"]


def test_the_contract_is_kept(server: Server) -> None:
    window = Window(cursor=b"", now=datetime.now(UTC), zone=ZONE)
    check_source(healthy=source(server), broken=source(server, query="SELECT 1 AS no"), window=window)
