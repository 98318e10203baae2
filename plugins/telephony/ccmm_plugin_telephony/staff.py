"""The table that says which staff id an agent of the switch has: CSV, name or interface first, staff id second."""

import csv
from pathlib import Path

from ccmm_agent.plugin import Reason, SourceUnavailable

_MOST_LINES = 200_000


def load_staff(path: Path) -> dict[str, str]:
    """Agent name or interface → staff id. Raises SourceUnavailable. A first line `agent,staff` is a heading."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise SourceUnavailable(Reason.NOT_FOUND, f"no table of agents at {path}") from error
    except PermissionError as error:
        raise SourceUnavailable(Reason.REFUSED, f"may not read the table of agents at {path}") from error
    except UnicodeDecodeError as error:
        raise SourceUnavailable(Reason.UNREADABLE, f"the table of agents at {path} is not UTF-8") from error
    return parse_staff(text)


def parse_staff(text: str) -> dict[str, str]:
    """Raises SourceUnavailable for a line without two fields, or an agent with two staff ids."""
    staff: dict[str, str] = {}
    try:
        rows = list(csv.reader(text.splitlines()[:_MOST_LINES], strict=True))
    except csv.Error as error:
        raise SourceUnavailable(Reason.UNREADABLE, f"the table of agents is no CSV: {error}") from error
    for number, row in enumerate(rows, 1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or (number == 1 and cells[0].casefold() == "agent"):
            continue
        if len(cells) < 2 or not cells[0] or not cells[1].isprintable() or not 0 < len(cells[1]) <= 200:
            raise _unreadable(number, "agent and staff id are expected")
        if staff.setdefault(cells[0], cells[1]) != cells[1]:
            raise _unreadable(number, "this agent has two staff ids")
    return staff


def _unreadable(number: int, why: str) -> SourceUnavailable:
    return SourceUnavailable(Reason.UNREADABLE, f"the table of agents, line {number}: {why}")
