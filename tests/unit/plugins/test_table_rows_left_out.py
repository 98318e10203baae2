"""Rows that `where` leaves out of a list, of occurrences and of figures are told in the signed detail of the run."""

from pathlib import Path

import pytest

from tests.support.tables import ROSTER, ROSTER_OPTIONS, TICKET_OPTIONS, TICKETS, read, source, written

COUNTED = {"kind": "calls_offered", "started": "opened", "columns": {"queue": "queue"}}


@pytest.mark.parametrize(
    ("content", "options", "column", "text"),
    [
        (ROSTER, ROSTER_OPTIONS, "status", "在职"),
        (TICKETS, TICKET_OPTIONS, "type", "question"),
        (TICKETS, COUNTED, "queue", "a"),
    ],
)
def test_one_of_two_rows_is_left_out(
    content: str, options: dict[str, object], column: str, text: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "x.csv", content)
    _, done = read(source(path, options, where={column: [text]}))
    assert done.detail == "1 rows are left out by `where`"
    assert read(source(path, options))[1].detail == ""
