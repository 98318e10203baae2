"""The tables that a simulated center exports, as CSV files: one per kind, one per table of figures."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from pathlib import Path

from demo.book import FIGURES, TABLES
from demo.book.office import months
from demo.book.rows import Cell, Row
from demo.book.work import call_backs, marks
from demo.calls import ZONE, Call, first_day
from demo.characters import Character

PAST_DAYS = 800
TICKETS_DAYS = 45  # how far back the ticket system's export reaches
SURVEY_DAYS = 420


def write_tables(folder: Path, character: Character, calls: Sequence[Call], now: datetime) -> None:
    """`<kind>.csv` for every kind of the book, `figures-<name>.csv`, and `contact.csv` and `survey.csv` from the calls.

    A kind without rows leaves no file, hence no source: the center has no such system.
    """
    recent = [call for call in calls if call.entered > now - timedelta(days=TICKETS_DAYS)]
    for kind, parts in TABLES.items():
        rows = [row for part in parts for row in part(character, now)]
        rows += _invoices(character, calls, now) if kind == "report" else ()
        _write(folder / f"{kind}.csv", _with_past(rows, now))
    for name, figures in FIGURES.items():
        _write(folder / f"figures-{name}.csv", _with_past(list(figures.rows(character, now)), now))
    asked = [call for call in calls if call.entered > now - timedelta(days=SURVEY_DAYS)]
    _write(folder / "contact.csv", _with_past([*call_backs(character, now), *_contacts(recent)], now))
    _write(folder / "mark.csv", _with_past([*marks(character, now), *_invitations(recent), *_acted(recent)], now))
    _write(folder / "survey.csv", _with_past(list(_surveys(asked)), now))


def _with_past(rows: list[Row], now: datetime) -> list[Row]:
    """Before them the oldest row once more, as of long ago: what the system exports reaches back so far."""
    dated = [at for row in rows if isinstance(at := row.get("started"), datetime)]
    if len(dated) < len(rows) or not rows:
        return rows
    first = min(rows, key=lambda row: str(row["started"]))
    shift = timedelta(days=PAST_DAYS) - (now - min(dated))
    past: Row = {name: cell - shift if isinstance(cell, datetime) else cell for name, cell in first.items()}
    return [past | ({"id": f"{first['id']}-past"} if "id" in first else {}), *rows]


def _write(path: Path, rows: Sequence[Row]) -> None:
    if not rows:
        return
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([_text(row.get(column)) for column in columns] for row in rows)


def _text(cell: Cell) -> str:
    if isinstance(cell, datetime):
        return cell.astimezone(ZONE).strftime("%Y-%m-%d %H:%M")
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return "" if cell is None else str(cell)


def _contacts(calls: list[Call]) -> Iterator[Row]:
    for call in calls:
        if call.ticketed and call.agent and call.talk_s >= 8:
            yield {
                "id": f"T{call.id}",
                "contact": f"T{call.id}",
                "call": call.id,
                "agent": call.agent,
                "customer": call.number,
                "topic": "other",
                "direction": "in",
                "channel": "voice",
                "started": call.ended,
            }


def _invitations(calls: list[Call]) -> Iterator[Row]:
    """Nine of ten callers are asked, whoever served them."""
    for index, call in enumerate(calls):
        if call.agent and index % 20:
            yield {"id": f"I{call.id}", "mark": "invited", "call": call.id, "started": call.ended}


def _invoices(character: Character, calls: Sequence[Call], now: datetime) -> Iterator[Row]:
    """The calls answered in each whole month, as the client is billed for them."""
    answered = Counter(f"{call.entered.astimezone(ZONE):%Y-%m}" for call in calls if call.agent)
    opened = datetime.combine(first_day(character, now), time(), ZONE)
    for at in months(now, 14):
        before = at.replace(day=1) - timedelta(days=1)
        if before.replace(day=1, hour=0) >= opened:
            billed = round(answered[f"{before:%Y-%m}"] * character.billed)
            row: Row = {"id": f"invoice-{at:%y%m}", "class": "invoice", "client": "acme", "metric": "answered_calls"}
            yield row | {"unit": "count", "value": billed, "published": at, "started": at}


def _acted(calls: list[Call]) -> Iterator[Row]:
    """A supervisor moves a break in every quarter hour in which somebody waited long."""
    slow = {
        (call.queue, call.entered.replace(minute=call.entered.minute // 15 * 15, second=0))
        for call in calls
        if call.wait_s > 20 or call.agent is None
    }
    for queue, start in sorted(slow):
        row: Row = {"id": f"moved-{queue}-{start:%y%m%d%H%M}", "mark": "break_move", "queue": queue}
        yield row | {"started": start + timedelta(minutes=6)}


def _surveys(calls: list[Call]) -> Iterator[Row]:
    for index, call in enumerate(calls):
        if call.agent and index % 5 == 0:
            yield {"started": call.ended, "queue": call.queue, "drawn": "automatic", "favourable": int(index % 50 != 0)}
