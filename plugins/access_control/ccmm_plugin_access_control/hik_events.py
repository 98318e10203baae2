"""What a Hikvision device answers, as values: pages of searches, events, users, cards, clock. Pure; raises Malformed.

Shapes: the maker's Intelligent Security API (Access Control on Person), AcsEvent, UserInfo/Search, CardInfo/Search. An
event of a failed attempt carries no person, an empty InfoList is left out, a page may be shorter than asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from ccmm_agent.delimited import BadTable, LocalTimes
from ccmm_proto.errors import Malformed

MOST_TEXT = 1000
_STATUSES = ("OK", "MORE", "NO MATCH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a search."""

    rows: Sequence[Mapping[str, object]]
    has_more: bool
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the device's log. Absent numbers are 0, absent texts empty."""

    serial: int
    at: datetime
    major: int
    minor: int
    door: int
    reader: int
    card: str
    person: str
    user_type: str
    attendance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """One enrolled person; `until` None: for ever."""

    person: str
    user_type: str
    doors: tuple[int, ...]
    since: datetime | None
    until: datetime | None


def parse_page(answer: Mapping[str, object], name: str, rows: str) -> Page:
    """Of the object `name`, whose list stands under `rows`."""
    found = answer.get(name)
    if not isinstance(found, dict):
        raise Malformed(f"no {name}")
    status, listed = found.get("responseStatusStrg"), found.get(rows, [])
    if status not in _STATUSES or not isinstance(listed, list) or not all(isinstance(row, dict) for row in listed):
        raise Malformed(f"{name} without its status or list")
    total, here = _whole(found, "totalMatches"), _whole(found, "numOfMatches")
    if here != len(listed) or total < here or (status == "MORE" and not listed):
        raise Malformed(f"{name} of {here} that holds {len(listed)}")
    return Page(rows=cast(list[Mapping[str, object]], listed), has_more=status == "MORE", total=total)


def parse_event(row: Mapping[str, object], times: LocalTimes, after: datetime | None = None) -> Event:
    """One line. A time without an offset is the device's own."""
    return Event(
        serial=_whole(row, "serialNo"),
        at=parse_moment(_text(row, "time"), times, after),
        major=_whole(row, "major"),
        minor=_whole(row, "minor"),
        door=_whole(row, "doorNo"),
        reader=_whole(row, "cardReaderNo"),
        card=_text(row, "cardNo"),
        person=_text(row, "employeeNoString") or _number_text(row, "employeeNo"),
        user_type=_text(row, "userType"),
        attendance=_text(row, "attendanceStatus"),
    )


def parse_holder(row: Mapping[str, object], times: LocalTimes) -> Holder:
    """One user. `Valid.enable` false means that there is no end, not that there is no right."""
    valid = row.get("Valid")
    bounds = valid if isinstance(valid, dict) and valid.get("enable") is True else {}
    begin, end = _text(bounds, "beginTime"), _text(bounds, "endTime")
    person = _text(row, "employeeNo")
    if not person:
        raise Malformed("a user without employeeNo")
    return Holder(
        person=person,
        user_type=_text(row, "userType"),
        doors=_doors(_text(row, "doorRight")),
        since=parse_moment(begin, times) if begin else None,
        until=parse_moment(end, times) if end else None,
    )


def parse_card(row: Mapping[str, object]) -> tuple[str, str]:
    """(card, person)."""
    card, person = _text(row, "cardNo"), _text(row, "employeeNo")
    if not card:
        raise Malformed("a card without cardNo")
    return card, person


def parse_moment(text: str, times: LocalTimes, after: datetime | None = None) -> datetime:
    """In UTC, of a time with an offset or without."""
    try:
        return times.instant(datetime.fromisoformat(text), after=after)
    except (ValueError, OverflowError, BadTable) as error:
        raise Malformed("a time that is none") from error


def parse_xml(body: bytes) -> dict[str, str]:
    """The texts below the root, by name without namespace."""
    return _texts(_root(body))


def parse_levels(body: bytes) -> dict[str, str]:
    """Level of each account that a list of accounts tells, by name."""
    users = [_texts(user) for user in _root(body)]
    return {user.get("userName", ""): user.get("userLevel", "") for user in users}


def _root(body: bytes) -> Any:
    try:
        return fromstring(body)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise Malformed("no sound XML") from error


def _texts(node: Any) -> dict[str, str]:
    return {child.tag.rpartition("}")[2]: (child.text or "").strip()[:MOST_TEXT] for child in node}


def _doors(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part.strip().isascii() and part.strip().isdigit())


def _whole(row: Mapping[str, object], name: str) -> int:
    found = row.get(name, 0)
    if type(found) is not int or not 0 <= found < 1 << 53:
        raise Malformed(f"{name} is no number")
    return found


def _text(row: Mapping[str, object], name: str) -> str:
    found = row.get(name, "")
    if not isinstance(found, str) or len(found) > MOST_TEXT:
        raise Malformed(f"{name} is no text")
    return found.strip()


def _number_text(row: Mapping[str, object], name: str) -> str:
    """What firmware writes as a number or as a text; 0 is nobody."""
    found = row.get(name, "")
    return str(found or "") if type(found) is int else _text(row, name)
