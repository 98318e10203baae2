"""Sources of the records package, each with a system of its own."""

import sqlite3
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

from tests.support.every_base import Builder, Table, export


def sql(stack: ExitStack, place: Path, now: datetime) -> Table:
    with sqlite3.connect(place / "articles.db") as connection:
        connection.executescript("CREATE TABLE article (id, live); INSERT INTO article VALUES ('a1', 'yes');")
    connection.close()
    url = f"sqlite:///{place / 'articles.db'}"
    return {"url": url, "table": "article", "kind": "article", "key": "id", "columns": {"live": "live"}}


def schedule(stack: ExitStack, place: Path, now: datetime) -> Table:
    days = [(now - timedelta(days=ago)).strftime("%Y-%m-%d") for ago in (3, 2, 1)]
    rows = [("s-every", day, "09:00", "17:00", "calls", f"{days[0]} 00:00") for day in days]
    path = export(place / "plan.csv", now, ("staff", "date", "from", "to", "activity", "published"), *rows)
    plan = {"path": str(path), "started": ["date", "from"], "ended": ["date", "to"], "published": "published"}
    columns = {"agent": "staff", "state": "activity"}
    return {"plan": {**plan, "columns": columns, "values": {"state": {"calls": "work"}}}}


BUILDERS: dict[str, Builder] = {
    "schedule": schedule,
    "sql": sql,
}
