"""Sources of the records package, each with a system of its own."""

import sqlite3
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from tests.support.every_base import Builder, Table


def sql(stack: ExitStack, place: Path, now: datetime) -> Table:
    with sqlite3.connect(place / "articles.db") as connection:
        connection.executescript("CREATE TABLE article (id, live); INSERT INTO article VALUES ('a1', 'yes');")
    connection.close()
    url = f"sqlite:///{place / 'articles.db'}"
    return {"url": url, "table": "article", "kind": "article", "key": "id", "columns": {"live": "live"}}


BUILDERS: dict[str, Builder] = {
    "sql": sql,
}
