"""The `survey` source on a real PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from ccmm_agent.plugin import Options, Window
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_crm.survey import Survey
from tests.support.databases import PASSWORD, READER, Server, running
from tests.support.tables import ZONE

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("postgresql") as started:
        started.run(
            "CREATE TABLE asked (id UUID, sent TIMESTAMP WITH TIME ZONE, score NUMERIC(3, 1), invited BOOLEAN)",
            """INSERT INTO asked VALUES
            ('00000000-0000-0000-0000-000000000001', '2026-11-20 09:00:00+08', 5.0, TRUE),
            ('00000000-0000-0000-0000-000000000002', '2026-11-20 09:01:00+08', NULL, TRUE),
            ('00000000-0000-0000-0000-000000000003', '2026-11-20 09:02:00+08', NULL, FALSE)""",
            f"GRANT SELECT ON asked TO {READER}",
        )
        yield started


def source(server: Server, **changed: object) -> Survey:
    file = server.folder / "password"
    file.write_text(PASSWORD, "utf-8")
    file.chmod(0o600)
    given = {
        "url": server.url,
        "user": READER,
        "password_file": str(file),
        "since": "2026-11-01",
        "started": "sent",
        "table": "asked",
        "columns": {"id": "id", "answer": "score", "invited": "invited"},
        "scale": {"least": 1, "most": 5, "favourable_from": 4},
    }
    return Survey.from_options(Options({**given, **changed}))


def test_numbers_flags_and_ids_of_a_database_are_read(server: Server) -> None:
    found, _ = read_all(source(server), now=datetime(2026, 11, 22, tzinfo=UTC), zone=ZONE)
    told = {one.measure.id: one.measure.count for one in found}
    assert told == {"survey_asked": 2, "survey_answered": 1, "survey_favourable": 1}


def test_the_contract_is_kept(server: Server) -> None:
    window = Window(cursor=b"", now=datetime.now(UTC), zone=ZONE)
    check_source(healthy=source(server), broken=source(server, table="nothing"), window=window)
