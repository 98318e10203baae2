"""Call detail records: one CSV row in either column order, and rows → calls.

Asterisk writes a row for each pair of channels, so one call makes several; through Local channels about four. The rows
of one call share a linked id. A call refused by a full queue is here and in no line of the queue log.
"""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from ccmm_plugin_telephony.instant import EARLIEST_S, LATEST_S
from ccmm_proto.errors import Malformed

MOST_TEXT = 200
_WITH_ACCOUNT = ("accountcode", "src", "dst", "dcontext", "clid")  # then the same columns in both orders
_WITHOUT_ACCOUNT = ("src", "dst", "dcontext", "clid")
_REST = ("channel", "dstchannel", "lastapp", "lastdata", "start", "answer", "end", "duration", "billsec", "disposition")
_TAIL = ("amaflags", "uniqueid", "userfield", "peeraccount", "linkedid", "sequence")
_TIME = "%Y-%m-%d %H:%M:%S"
_DISPOSITIONS = ("ANSWERED", "NO ANSWER", "BUSY", "FAILED", "CONGESTION")


@dataclass(frozen=True, slots=True, kw_only=True)
class CdrRow:
    """One row. `at_s` is its end: rows are written when a pair of channels ends."""

    at_s: int
    started_s: int
    context: str
    channel: str
    partner: str  # the other channel, empty where nobody was called
    application: str
    first_argument: str
    talk_s: int
    answered: bool
    unique: str
    linked: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """All rows of one linked id. `talk_s` is None for a call through a queue, whose rows count the wait as well."""

    id: str
    started_s: int
    ended_s: int
    queue: str | None
    answered: bool
    talk_s: int | None
    context: str


def row_parser(zone: ZoneInfo) -> Callable[[bytes], CdrRow]:
    """A parser for one line whose times are in `zone`. It raises Malformed with one word for why."""

    def parse(line: bytes) -> CdrRow:
        return parse_row(line, zone)

    return parse


def parse_row(line: bytes, zone: ZoneInfo) -> CdrRow:
    """One line of Master.csv. Raises Malformed: fields, quoting, time, number or text."""
    columns = _columns(_cells(line))
    started_s, ended_s = _instant(columns["start"], zone), _instant(columns["end"], zone)
    unique = _text(columns.get("uniqueid", ""))
    if not unique:
        raise Malformed("fields")  # cdr.conf without loguniqueid=yes: rows of a call cannot be told apart
    return CdrRow(
        at_s=max(started_s, ended_s),
        started_s=started_s,
        context=_text(columns["dcontext"]),
        channel=_text(columns["channel"]),
        partner=_text(columns["dstchannel"]),
        application=_text(columns["lastapp"]),
        first_argument=_text(columns["lastdata"].split(",", 1)[0].strip()[:MOST_TEXT]),
        talk_s=_seconds(columns["billsec"]),
        answered=columns["disposition"] == "ANSWERED",
        unique=unique,
        linked=_text(columns.get("linkedid", "")) or unique,
    )


def calls_of(rows: Iterable[CdrRow]) -> list[Call]:
    """One call for each linked id, by their start."""
    linked: dict[str, list[CdrRow]] = defaultdict(list)
    for row in rows:
        linked[row.linked].append(row)
    return sorted((_call(members) for members in linked.values()), key=lambda call: (call.started_s, call.id))


def directions_of(contexts: Mapping[str, str], call: Call) -> str | None:
    """`in` for a call through a queue, else what the options say of its dialplan context."""
    return "in" if call.queue is not None else contexts.get(call.context)


def _call(rows: list[CdrRow]) -> Call:
    queued = sorted((row for row in rows if row.application == "Queue"), key=lambda row: (row.started_s, row.unique))
    reached = [row for row in rows if row.partner and row.answered]
    first = min(rows, key=lambda row: (row.started_s, row.unique != row.linked))
    return Call(
        id=queued[0].unique if queued else _dialplan_half(rows, first).unique,
        started_s=min(row.started_s for row in rows),
        ended_s=max(row.at_s for row in rows),
        queue=queued[0].first_argument or None if queued else None,
        answered=bool(reached),
        talk_s=max(row.talk_s for row in reached) if reached and not queued else None,
        context=(queued[0] if queued else _dialplan_half(rows, first)).context,
    )


def _dialplan_half(rows: list[CdrRow], first: CdrRow) -> CdrRow:
    """Of a Local channel the half `;2` runs the dialplan, and its id is the one that queue log and recorder know."""
    if not first.channel.startswith("Local/") or not first.channel.endswith(";1"):
        return first
    other = first.channel[:-1] + "2"
    return next((row for row in rows if row.channel == other), first)


def _cells(line: bytes) -> list[str]:
    text = line.rstrip(b"\r").decode("utf-8", "replace")
    if "\0" in text:
        raise Malformed("text")
    try:
        rows = list(csv.reader([text]))
    except csv.Error as error:
        raise Malformed("quoting") from error
    if len(rows) != 1:
        raise Malformed("fields")
    return rows[0]


def _columns(cells: list[str]) -> dict[str, str]:
    """The two orders are told apart by where the disposition stands; an odd caller name may hold commas."""
    for names in (_WITH_ACCOUNT, _WITHOUT_ACCOUNT):
        at = len(names) + len(_REST) - 1
        if len(cells) > at and cells[at] in _DISPOSITIONS and _is_time(cells[len(names) + 4]):
            return dict(zip((*names, *_REST, *_TAIL), cells, strict=False))
    found = next((at for at, cell in enumerate(cells) if cell in _DISPOSITIONS), None)
    if found is None or found < len(_WITHOUT_ACCOUNT) + len(_REST) - 1 or not _is_time(cells[found - 5]):
        raise Malformed("fields")
    return _mended(cells, found)


def _mended(cells: list[str], disposition: int) -> dict[str, str]:
    """A caller name with a lone quote spills over columns: those after it are counted from the disposition."""
    rest = cells[disposition - len(_REST) + 1 :]
    columns = dict(zip((*_REST, *_TAIL), rest, strict=False))
    quoted = next((at for at, cell in enumerate(cells[:disposition]) if '"' in cell or "<" in cell), 0)
    columns["dcontext"] = cells[quoted - 1] if quoted else ""
    return columns


def _is_time(text: str) -> bool:
    try:
        datetime.strptime(text, _TIME)  # noqa: DTZ007 - only its form is looked at
    except ValueError:
        return False
    return True


def _instant(text: str, zone: ZoneInfo) -> int:
    try:
        at_s = int(datetime.strptime(text, _TIME).replace(tzinfo=zone).timestamp())
    except (ValueError, OverflowError) as error:
        raise Malformed("time") from error
    if not EARLIEST_S <= at_s < LATEST_S:
        raise Malformed("time")
    return at_s


def _seconds(text: str) -> int:
    if not (0 < len(text) <= 9 and text.isascii() and text.isdigit()):
        raise Malformed("number")
    return int(text)


def _text(text: str) -> str:
    if len(text) > MOST_TEXT or not text.isprintable():
        raise Malformed("text")
    return text.strip()
