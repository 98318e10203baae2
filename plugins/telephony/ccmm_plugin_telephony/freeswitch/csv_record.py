"""One line of mod_cdr_csv, by the very template of cdr_csv.conf.xml that wrote it.

The module puts values between the quotes of the template as they are, so a `"` or `,` inside a value (a caller's name)
moves the cells: a line with another number of cells than the template is set apart. A template of its own, without
names, cannot be moved.
"""

import csv
import re
from collections.abc import Callable

from ccmm_agent.plugin import BadOption
from ccmm_plugin_telephony.freeswitch.record import NEEDED, USED, CallRecord, parse_record
from ccmm_proto.errors import Malformed

TEMPLATE = ",".join(f'"${{{name}}}"' for name in USED)  # for the example and the page
_VARIABLE = re.compile(r"\$\{([A-Za-z0-9_]{1,100})\}")


def parse_template(text: str) -> tuple[str | None, ...]:
    """The variable of each cell, None where a cell is something else. Raises BadOption naming what lacks."""
    cells = _cells(text)
    names = tuple(found[1] if (found := _VARIABLE.fullmatch(cell)) else None for cell in cells)
    if lacking := [name for name in NEEDED if name not in names]:
        told = ", ".join(lacking)
        raise BadOption(
            "template", f"the template of cdr_csv.conf.xml with the cells {told} as well, each ${{...}} alone"
        )
    if doubled := [name for name in NEEDED if names.count(name) > 1]:
        raise BadOption("template", f"each variable once, not {doubled[0]} twice")
    return names


def line_parser(template: tuple[str | None, ...]) -> Callable[[bytes], CallRecord]:
    """A parser of one line. It raises Malformed with one word for why."""

    def parse(line: bytes) -> CallRecord:
        try:
            cells = _cells(line.rstrip(b"\r").decode("utf-8", "replace"))
        except BadOption as error:
            raise Malformed("quoting") from error
        if len(cells) != len(template):
            raise Malformed("fields")
        return parse_record({name: cell for name, cell in zip(template, cells, strict=True) if name in USED})

    return parse


def _cells(text: str) -> list[str]:
    if "\0" in text:
        raise BadOption("template", "text")
    try:
        rows = list(csv.reader([text], skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise BadOption("template", f"cells in quotes with commas between them: {error}") from error
    return [cell.strip() for cell in rows[0]] if len(rows) == 1 else []
