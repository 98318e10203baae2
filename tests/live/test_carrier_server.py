"""The `carrier` source on a real PostgreSQL: numbers, times and flags as a database has them."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from ccmm_agent.plugin import Options, Window
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_telephony.carrier import Carrier
from tests.support.calls import ZONE
from tests.support.databases import PASSWORD, READER, Server, running

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("postgresql") as started:
        started.run(
            "CREATE TABLE cdr (id UUID, setup BIGINT, called TEXT, trunk TEXT, cause SMALLINT, seconds INTEGER)",
            """INSERT INTO cdr VALUES
            ('00000000-0000-0000-0000-000000000001', 1795309260, '95555', 'A', 16, 90),
            ('00000000-0000-0000-0000-000000000002', 1795309261, '95555', 'A', 34, 0),
            ('00000000-0000-0000-0000-000000000002', 1795309262, '95555', 'A', 42, 0)""",
            f"GRANT SELECT ON cdr TO {READER}",
        )
        yield started


def source(server: Server, **changed: object) -> Carrier:
    file = server.folder / "password"
    file.write_text(PASSWORD, "utf-8")
    file.chmod(0o600)
    given = {
        "url": server.url,
        "user": READER,
        "password_file": str(file),
        "since": "2026-11-22",
        "table": "cdr",
        "started": "setup",
        "time_formats": ["epoch"],
        "lines": ["95555"],
        "channels": {"A": 30},
        "columns": {"call": "id", "line": "called", "trunk": "trunk", "cause": "cause", "lasted": "seconds"},
    }
    return Carrier.from_options(Options({**given, **changed}))


def test_seconds_since_1970_small_numbers_and_uuids_are_read(server: Server) -> None:
    now = datetime(2026, 11, 22, 6, tzinfo=UTC)
    found, _ = read_all(source(server), now=now, zone=ZONE)
    told = {(one.measure.id, one.measure.start_ms): one.measure for one in found if one.WhichOneof("fact") == "measure"}
    start_ms = 1795309200000  # 2026-11-22 01:00 UTC
    assert told["carrier_attempts", start_ms].count == 2
    assert told["carrier_blocked", start_ms].count == 1
    assert told["trunk_busy", start_ms].sum.total == 90
    assert told["trunk_channels", start_ms].sum.total == 27_000


def test_the_contract_is_kept(server: Server) -> None:
    window = Window(cursor=b"", now=datetime.now(UTC), zone=ZONE)
    check_source(healthy=source(server), broken=source(server, table="nothing"), window=window)
