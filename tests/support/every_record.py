"""Sources of the records package, each with a system of its own."""

import sqlite3
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

from tests.support.every_base import STAFF, Builder, Table, export


def sql(stack: ExitStack, place: Path, now: datetime) -> Table:
    with sqlite3.connect(place / "articles.db") as connection:
        connection.executescript("CREATE TABLE article (id, live); INSERT INTO article VALUES ('a1', 'yes');")
    connection.close()
    url = f"sqlite:///{place / 'articles.db'}"
    return {"url": url, "table": "article", "kind": "article", "key": "id", "columns": {"live": "live"}}


def quality(stack: ExitStack, place: Path, now: datetime) -> Table:
    at = (now - timedelta(days=2)).strftime("%Y-%m-%d %H:%M")
    scores = export(
        place / "scores.csv",
        now,
        ("id", "at", "agent", "call", "chance", "points", "of"),
        ("Q1", at, STAFF, "c1", "yes", "9", "10"),
    )
    recorded = export(place / "recorded.csv", now, ("call", "at", "agent", "seconds"), ("c1", at, STAFF, "61"))
    scored = {"agent": "agent", "call": "call", "random": "chance", "points": "points", "possible": "of"}
    kept = {"call": "call", "agent": "agent", "length": "seconds"}
    return {
        "scores": {"path": str(scores), "key": "id", "started": "at", "columns": scored},
        "recorded": {"path": str(recorded), "started": "at", "columns": kept},
    }


def schedule(stack: ExitStack, place: Path, now: datetime) -> Table:
    days = [(now - timedelta(days=ago)).strftime("%Y-%m-%d") for ago in (3, 2, 1)]
    rows = [(STAFF, day, "09:00", "17:00", "calls", f"{days[0]} 00:00") for day in days]
    path = export(place / "plan.csv", now, ("staff", "date", "from", "to", "activity", "published"), *rows)
    plan = {"path": str(path), "started": ["date", "from"], "ended": ["date", "to"], "published": "published"}
    columns = {"agent": "staff", "state": "activity"}
    return {"plan": {**plan, "columns": columns, "values": {"state": {"calls": "work"}}}}


BUILDERS: dict[str, Builder] = {
    "quality": quality,
    "schedule": schedule,
    "sql": sql,
}
