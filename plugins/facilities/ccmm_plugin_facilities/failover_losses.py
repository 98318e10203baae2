"""What people found missing after a switch-over: a small table, kept by hand, for no machine can tell it."""

import math
from pathlib import Path
from typing import Final

from ccmm_agent.delimited import BadTable, Dialect, read_rows
from ccmm_agent.plugin import Reason, SourceUnavailable

MOST: Final = 1000
_LONGEST_MINUTES: Final = 1_000_000.0


def load_losses(path: Path) -> dict[str, float]:
    """Ref of a drill -> minutes of data that it lost. Raises SourceUnavailable."""
    found: dict[str, float] = {}
    try:
        with path.open("rb") as file:
            for row in read_rows(file, Dialect(), columns=("ref", "lost_minutes")):
                ref, text = row.cell("ref"), row.cell("lost_minutes")
                if not text:
                    continue  # not found out yet
                if not ref or ref in found:
                    raise BadTable("a ref, each once", row=row.number)
                found[ref] = _minutes(text, row.number)
                if len(found) > MOST:
                    raise BadTable(f"more than {MOST} drills", row=row.number)
    except FileNotFoundError as error:
        raise SourceUnavailable(Reason.NOT_FOUND, f"{path} is not there") from error
    except OSError as error:
        raise SourceUnavailable(Reason.REFUSED, f"{path} cannot be read: {error.strerror or error}") from error
    except BadTable as error:
        raise SourceUnavailable(Reason.UNREADABLE, f"{path}: {error}") from error
    return found


def _minutes(text: str, row: int) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found <= _LONGEST_MINUTES:
        raise BadTable("minutes, 0 or more", row=row, column="lost_minutes")
    return found
