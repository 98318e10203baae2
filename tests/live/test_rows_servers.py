"""Rows of a span of days, asked of real PostgreSQL and MariaDB."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from ccmm_agent.plugin import Options, SourceUnavailable, Window
from ccmm_tables.columns import time_of
from ccmm_tables.opened import Span
from ccmm_tables.rows import Rows
from tests.support.databases import PASSWORD, READER, Server, running
from tests.support.tables import ZONE

pytestmark = pytest.mark.live

SPAN = ("at", datetime(2026, 11, 10, tzinfo=UTC), datetime(2026, 11, 11, tzinfo=UTC))
WANTED = [datetime(2026, 11, day, tzinfo=UTC) for day in (9, 10, 11, 12)]


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with running(request.param) as started:
        days = ", ".join(f"({day}, '2026-11-{day:02} 08:00:00')" for day in range(1, 21))
        seconds = ", ".join(f"({round(at.timestamp())})" for at in WANTED)
        instants = "TIMESTAMP WITH TIME ZONE" if started.make == "postgresql" else "DATETIME"
        east = "+08" if started.make == "postgresql" else ""
        started.run(
            "CREATE TABLE naive (id INTEGER, at TIMESTAMP)",
            f"INSERT INTO naive VALUES {days}",
            f"CREATE TABLE aware (id INTEGER, at {instants})",
            f"INSERT INTO aware VALUES {days.replace(':00:00', f':00:00{east}')}",
            "CREATE TABLE dates (at DATE)",
            "INSERT INTO dates SELECT at FROM naive",
            "CREATE TABLE texts (at VARCHAR(40))",
            "INSERT INTO texts SELECT REPLACE(CAST(at AS CHAR(19)), ' ', 'T') FROM naive",
            "CREATE TABLE numbers (at BIGINT)",
            f"INSERT INTO numbers VALUES {seconds}, (1700000000), (1900000000)",
            "CREATE TABLE german (at VARCHAR(40))",
            "INSERT INTO german VALUES ('10.11.2026 08:00')",
            *(f"GRANT SELECT ON {table} TO {READER}" for table in ("naive", "aware", "dates", "texts")),
            *(f"GRANT SELECT ON {table} TO {READER}" for table in ("numbers", "german")),
        )
        yield started


def times(server: Server, **options: object) -> list[datetime]:
    file = server.folder / "password"
    file.write_text(PASSWORD, "utf-8")
    given = {"url": server.url, "user": READER, "password_file": str(file), **options}
    rows = Rows.from_options(Options(given), spans=True)
    window = Window(cursor=b"", now=datetime.now(UTC), zone=ZONE)
    with rows.opened(window, ("at",), Span(*SPAN)) as opened:
        return sorted(time_of(row.cells["at"], opened.times) for row in opened.rows)


@pytest.mark.parametrize("table", ["naive", "aware"])
def test_times_with_and_without_a_zone(server: Server, table: str) -> None:
    assert times(server, table=table) == WANTED


def test_iso_texts_are_asked_for_where_the_database_compares_them(server: Server) -> None:
    if server.make == "mariadb":
        assert times(server, table="texts") == WANTED
        return
    with pytest.raises(SourceUnavailable, match=r"convert it in the query, a text to a timestamp \(42883\)"):
        times(server, table="texts")
    assert times(server, query="SELECT CAST(at AS TIMESTAMP) AS at FROM texts") == WANTED


def test_a_query_with_since_and_until(server: Server) -> None:
    assert times(server, query="SELECT at FROM naive WHERE at >= :since AND at < :until") == WANTED


def test_days_and_seconds(server: Server) -> None:
    assert [at.astimezone(ZONE).day for at in times(server, table="dates")] == [9, 10, 11, 12]
    assert times(server, table="numbers", time_formats=["epoch"]) == WANTED


def test_what_is_not_in_the_order_of_time_is_loud(server: Server) -> None:
    for table, formats in (("german", ["%d.%m.%Y %H:%M"]), ("numbers", ["iso"]), ("texts", ["epoch"])):
        with pytest.raises(SourceUnavailable):
            times(server, table=table, time_formats=formats)
