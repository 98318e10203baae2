import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ccmm_agent.delimited import BadTable
from ccmm_agent.plugin import BadOption, CheckLine, Options, Reason, SourceUnavailable, Window
from ccmm_tables.columns import text_of, time_of
from ccmm_tables.opened import Opened, Span
from ccmm_tables.rows import Rows
from tests.support.tables import EXPORTED, NOW, ZONE, written

COLUMNS = ("card", "at")
DAYS = [(f"C{day}", f"2026-11-{day:02} 08:00:00") for day in range(1, 21)]
WINDOW = Window(cursor=b"", now=NOW, zone=ZONE)
SPAN = Span("at", datetime(2026, 11, 10, tzinfo=UTC), datetime(2026, 11, 11, tzinfo=UTC))


def file(folder: Path) -> Mapping[str, object]:
    text = "card,at,name\n" + "".join(f"{card},{at},somebody\n" for card, at in DAYS)
    return {"path": str(written(folder / "badges.csv", text))}


def database(folder: Path, values: list[tuple[object, object]] | None = None) -> Mapping[str, object]:
    path = folder / "badges.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE badges (card TEXT, at, name TEXT)")
        connection.executemany("INSERT INTO badges VALUES (?, ?, 'somebody')", DAYS if values is None else values)
    return {"url": f"sqlite:///{path}", "table": "badges"}


def rows(options: Mapping[str, object], **changed: object) -> Rows:
    given = Options({**options, **changed})
    found = Rows.from_options(given, spans=True)
    given.refuse_unknown()
    return found


def cells(one: Rows, span: Span | None = None) -> list[tuple[str, datetime]]:
    with one.opened(WINDOW, COLUMNS, span) as opened:
        return [(text_of(row.cells["card"]), time_of(row.cells["at"], opened.times)) for row in opened.rows]


def test_a_file_and_a_database_give_the_same_rows_and_tell_how_far_they_know(tmp_path: Path) -> None:
    expected = [(card, datetime.fromisoformat(at).replace(tzinfo=ZONE).astimezone(UTC)) for card, at in DAYS]
    from_file, from_database = rows(file(tmp_path)), rows(database(tmp_path))
    assert cells(from_file) == cells(from_database) == expected
    with from_file.opened(WINDOW, COLUMNS) as opened:
        assert (opened.as_of, len(opened.digest)) == (EXPORTED, 64)
    with from_database.opened(WINDOW, COLUMNS) as opened:
        assert (opened.as_of, opened.digest) == (NOW, "")
    assert (from_file.is_database, from_database.is_database) == (False, True)
    assert (from_file.name, from_database.name) == ("badges.csv", "badges.db")
    assert tmp_path / "badges.csv" in from_file.manifest().files
    assert tmp_path / "badges.db" in from_database.manifest().files


def test_a_file_of_the_future_knows_nothing_beyond_now(tmp_path: Path) -> None:
    later = (NOW + timedelta(days=1)).timestamp()
    options = file(tmp_path)
    os.utime(str(options["path"]), (later, later))
    with rows(options).opened(WINDOW, COLUMNS) as opened:
        assert opened.as_of == NOW


def test_a_database_is_asked_for_the_days_round_a_span_and_a_file_gives_all(tmp_path: Path) -> None:
    found = [card for card, _ in cells(rows(database(tmp_path)), SPAN)]
    assert found == ["C9", "C10", "C11", "C12"]
    assert len(cells(rows(file(tmp_path)), SPAN)) == 20


@pytest.mark.parametrize(("formats", "scale"), [(["epoch"], 1), (["epoch_ms"], 1000)])
def test_seconds_since_1970_are_asked_for_as_numbers(tmp_path: Path, formats: list[str], scale: int) -> None:
    at = datetime(2026, 11, 10, 12, tzinfo=UTC)
    stamps = [(f"C{days}", round((at + timedelta(days=days)).timestamp()) * scale) for days in (-5, 0, 5)]
    found = cells(rows(database(tmp_path, [(card, stamp) for card, stamp in stamps]), time_formats=formats), SPAN)
    assert found == [("C0", at)]


def test_the_words_since_and_until_of_a_query_are_the_days_of_the_span(tmp_path: Path) -> None:
    options = {**database(tmp_path), "query": "SELECT card, at FROM badges WHERE at >= :since AND at < :until"}
    del options["table"]
    assert [card for card, _ in cells(rows(options), SPAN)] == ["C9", "C10", "C11", "C12"]
    with pytest.raises(BadOption, match="since_column"):
        Rows.from_options(Options(options))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([("C1", "10.11.2026 08:00")], "column 'at': a text that is no ISO time"),
        ([("C1", "2026-11-10 08:00"), ("C2", "2026/11/10 08:00")], "column 'at': a text that is no ISO time"),
        ([("C1", 1_795_000_000)], "column 'at': a number is no time"),
        ([("C1", "2026-11-10 08:00"), ("C2", None)], "column 'at': a row has no cell here"),
    ],
)
def test_a_row_that_a_span_could_hide_is_an_error(
    tmp_path: Path, values: list[tuple[object, object]], told: str
) -> None:
    with pytest.raises(SourceUnavailable) as caught:
        cells(rows(database(tmp_path, values)), SPAN)
    assert caught.value.reason is Reason.UNREADABLE
    assert told in caught.value.detail


def test_what_a_caller_cannot_read_is_unreadable_with_the_name_of_the_place(tmp_path: Path) -> None:
    for options, name in ((file(tmp_path), "badges.csv"), (database(tmp_path), "badges.db")):
        with pytest.raises(SourceUnavailable, match=f"{name}: row 7"), rows(options).opened(WINDOW, COLUMNS):
            raise BadTable("no good", row=7)


def test_more_rows_than_the_limit_are_limited(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable) as caught:
        cells(rows(database(tmp_path), row_limit=3), SPAN)
    assert caught.value.reason is Reason.LIMITED


def test_check_tells_what_the_look_says_and_a_row_that_cannot_be_read(tmp_path: Path) -> None:
    def look(opened: Opened) -> Iterator[CheckLine]:
        yield CheckLine("ok", "rows", str(sum(1 for _ in opened.rows)))

    def refuse(opened: Opened) -> Iterator[CheckLine]:
        yield CheckLine("ok", "rows", "so far")
        raise BadTable("no good", row=7, there=("card", "at"))

    told = {line.subject: line.detail for line in rows(file(tmp_path)).check(WINDOW, COLUMNS, look)}
    assert told == {"rows": "20", "export": "exported 2026-11-21 18:30 UTC"}
    told = {line.subject: line.detail for line in rows(database(tmp_path)).check(WINDOW, COLUMNS, look, SPAN)}
    assert told["rows"] == "4"
    assert told["columns"] == "read are card, at, and no other"
    assert told["rights"] == "the file is opened for reading only"
    (line,) = rows(file(tmp_path)).check(WINDOW, COLUMNS, refuse)
    assert (line.verdict, line.detail) == ("failed", "row 7: no good; there are: card, at")
    *_, line = rows({"url": f"sqlite:///{tmp_path / 'badges.db'}", "table": "badges"}).check(WINDOW, COLUMNS, refuse)
    assert (line.verdict, line.subject) == ("failed", "rows")


def test_either_a_path_or_a_url(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match="either `path` or `url`"):
        Rows.from_options(Options({**file(tmp_path), **database(tmp_path)}))
