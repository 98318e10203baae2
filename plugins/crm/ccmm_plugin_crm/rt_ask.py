"""The only module that speaks to Request Tracker: REST2, by GET alone. Failures: SourceUnavailable.

https://docs.bestpractical.com/rt/5.0.3/RT/REST2.html. No question holds a time of day: Request Tracker takes times in
the zone of the asking account, whatever zone stands beside them. It is asked by numbers of transactions, which only
grow. Rows that the account may not see are left out of a page without a word: no short page is taken for the last one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_agent.web import Answer, Web
from ccmm_plugin_crm.rt_case import SET, STATED, Change, parse_date
from ccmm_proto.errors import Malformed

WINDOW: Final = 100  # numbers of transactions in one question, and rows that one answer can hold
TICKETS: Final = 50  # in one question
HISTORIES: Final = 20
PAGES: Final = 500  # of the histories of so many tickets
_API: Final = "/REST/2.0"
_OF_TICKETS: Final = "ObjectType='RT::Ticket'"
_CHANGE_FIELDS: Final = "Type,Field,OldValue,NewValue,Created,Creator,ObjectId"
_TICKET_FIELDS: Final = "Queue,Status,Created,Due,Resolved,Owner,Requestors,CustomFields,EffectiveId,Type"


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A queue that the options name, and the custom fields of its tickets that the account may see: number -> name."""

    id: str
    name: str
    fields: Mapping[str, str]


class RequestTracker:
    """Questions of one read. `now` is the server's clock at the latest answer."""

    def __init__(self, web: Web, now: datetime) -> None:
        self.web = web
        self.now = now

    def version(self) -> str:
        return _text(self._object(f"{_API}/rt", "the version"), "Version")

    def queue(self, name: str) -> Queue:
        """By its name. Raises SourceUnavailable naming the right that is missing."""
        path, what = f"{_API}/queue/{quote(name, safe='')}", f"the queue {name!r}"
        answer = self._get(path, {}, what, right=f"the right SeeQueue on the queue {name!r}, or correct queues")
        found = answer.json_object()
        fields = [row for row in _rows(found, "TicketCustomFields", what) if "name" in row]
        return Queue(id=_text(found, "id"), name=name, fields={_text(row, "id"): _text(row, "name") for row in fields})

    def ticket_count(self, queue: Queue) -> int:
        """How many tickets of a queue the account sees; 0 may as well be a missing right."""
        found = self._list("tickets", f"Queue={queue.id}", {"per_page": "1"}, f"tickets of {queue.name!r}")
        if not isinstance(found.get("total"), int):
            told = "does not count what an account may see: leave UseSQLForACLChecks on (RT_SiteConfig.pm)"
            raise SourceUnavailable(Reason.UNREADABLE, f"{self.web.place.where}: Request Tracker {told}")
        return int(found["total"])

    def some_ticket(self, queue: Queue) -> dict[str, Any] | None:
        """Any ticket of it, as a whole: what the account could do with it stands in its links."""
        found = self._list("tickets", f"Queue={queue.id}", {"per_page": "1"}, f"tickets of {queue.name!r}")
        rows = _rows(found, "items", "tickets")
        return None if not rows else self.ticket(int(_text(rows[0], "id")))

    def first_change(self, since: datetime) -> int:
        """The number of some transaction before which nothing of interest lies; 0: read all there is."""
        day = f"{since - timedelta(days=2):%Y-%m-%d}"  # two days earlier: a day of whichever zone
        query = f"{_OF_TICKETS} AND Type='Create' AND Created > '{day}'"
        rows = self._changes(query, {"per_page": "1", "orderby": "id"}, "the first ticket")
        return rows[0].id - 1 if rows else self.last_change()

    def last_change(self, fields: Iterable[str] = ()) -> int:
        """The highest number of a change that counts and is seen; 0: there is none."""
        given = {"per_page": str(WINDOW), "orderby": "id", "order": "DESC"}
        for some in (fields, ()):  # the second time without custom fields: of those some may be hidden
            query = f"{_OF_TICKETS} AND ({_types(some, comments=False)})"
            if rows := self._changes(query, given, "the newest change"):
                return rows[0].id
        return 0

    def has_comments(self) -> bool:
        """Does the account see any comment?"""
        query = f"{_OF_TICKETS} AND Type='Comment'"
        return bool(self._changes(query, {"per_page": "100", "orderby": "id"}, "comments"))

    def changes(self, after: int, upto: int, fields: Iterable[str]) -> list[Change]:
        """All with after < number <= upto, at most WINDOW numbers: they fit into one answer."""
        if upto - after > WINDOW:
            raise ValueError("more than fits into one answer")
        query = f"{_OF_TICKETS} AND id > {after} AND id <= {upto} AND ({_types(fields, comments=False)})"
        return self._changes(query, {"per_page": str(WINDOW), "orderby": "id"}, "changes")

    def histories(self, tickets: Sequence[int], fields: Iterable[str], *, comments: bool) -> dict[int, list[Change]]:
        """All changes of each of these tickets, oldest first."""
        found: dict[int, list[Change]] = {ticket: [] for ticket in tickets}
        for some in _groups(tickets, HISTORIES):
            for change in self._history(some, _types(fields, comments=comments)):
                found[change.ticket].append(change)
        return found

    def tickets(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Those that a search gives, merged ones too; deleted ones it never gives."""
        found: dict[int, dict[str, Any]] = {}
        for some in _groups(ids, TICKETS):
            query = f"({' OR '.join(f'id={id}' for id in some)}) AND EffectiveId > 0"
            given = {"per_page": "100", "fields": _TICKET_FIELDS, "fields[Queue]": "Name"}
            for row in _rows(self._list("tickets", query, given, "tickets"), "items", "tickets"):
                found[int(_text(row, "id"))] = row
        return found

    def ticket(self, id: int) -> dict[str, Any] | None:
        """One, deleted or not; None where it is not there or may not be seen."""
        answer = self._get(f"{_API}/ticket/{id}", {}, "a ticket", statuses=(200, 403, 404))
        row = answer.json_object() if answer.status == 200 else {}
        return row if str(row.get("id")) == str(id) else None  # of a merged one the other is answered

    def _history(self, tickets: Sequence[int], types: str) -> Iterator[Change]:
        whose, after = " OR ".join(f"ObjectId={ticket}" for ticket in tickets), 0
        for _ in range(PAGES):
            query = f"{_OF_TICKETS} AND ({whose}) AND id > {after} AND ({types})"
            rows = self._changes(query, {"per_page": "100", "orderby": "id"}, "the history of tickets")
            if not rows:
                return
            yield from rows
            after = rows[-1].id
        told = f"{len(tickets)} tickets have more than {PAGES * 100} changes: something writes to them without end"
        raise SourceUnavailable(Reason.FLOOD, f"{self.web.place.where}: {told}")

    def _changes(self, query: str, given: Mapping[str, str], what: str) -> list[Change]:
        found = self._list("transactions", query, {**given, "fields": _CHANGE_FIELDS}, what)
        rows = [_change(row) for row in _rows(found, "items", what)]
        if [row.id for row in rows] != sorted({row.id for row in rows}, reverse=given.get("order") == "DESC"):
            raise Malformed("changes that are not in order")
        return rows

    def _list(self, name: str, query: str, given: Mapping[str, str], what: str) -> dict[str, Any]:
        return self._get(f"{_API}/{name}", {"query": query, **given}, what).json_object()

    def _object(self, path: str, what: str) -> dict[str, Any]:
        return self._get(path, {}, what).json_object()

    def _get(
        self, path: str, query: Mapping[str, str], what: str, *, right: str = "", statuses: tuple[int, ...] = (200,)
    ) -> Answer:
        needed = right or "the rights SeeQueue, ShowTicket and SeeCustomField"
        answer = self.web.get(path, query, what=what, right=needed, statuses=statuses)
        with suppress(ValueError, TypeError):
            self.now = parsedate_to_datetime(answer.headers.get("Date", "")).astimezone(UTC)
        return answer


def _types(fields: Iterable[str], *, comments: bool) -> str:
    """The changes that alter what is stated, as a query."""
    told = ("Comment", "Correspond") if comments else ()
    parts = [f"Type='{type}'" for type in (*STATED, *told)]
    parts.append(f"(Type='Set' AND ({' OR '.join(f'''Field='{name}' ''' for name in SET)}))")
    parts.append("(Type='AddLink' AND Field='MergedInto')")
    if numbers := sorted(fields):
        parts.append(f"(Type='CustomField' AND ({' OR '.join(f'''Field='{number}' ''' for number in numbers)}))")
    return " OR ".join(parts)


def _groups(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (ids[at : at + size] for at in range(0, len(ids), size))


def _change(row: Mapping[str, Any]) -> Change:
    at = parse_date(_text(row, "Created"))
    if at is None:
        raise Malformed("a change without a date")
    creator = row.get("Creator")
    return Change(
        id=_number(row, "id"),
        ticket=_number(row, "ObjectId"),
        at=at,
        type=_text(row, "Type"),
        field=str(row.get("Field") or ""),
        old=str(row.get("OldValue") or ""),
        new=str(row.get("NewValue") or ""),
        by=str(creator.get("id", "")) if isinstance(creator, dict) else "",
    )


def _rows(found: Mapping[str, Any], name: str, what: str) -> list[dict[str, Any]]:
    rows = found.get(name)
    if rows == "" or (rows is None and name != "items"):
        return []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Malformed(f"{what} of another shape than a list")
    return rows


def _text(row: Mapping[str, Any], name: str) -> str:
    found = row.get(name)
    if not isinstance(found, str | int) or isinstance(found, bool) or found == "":
        raise Malformed(f"an answer without {name}")
    return str(found)


def _number(row: Mapping[str, Any], name: str) -> int:
    found = _text(row, name)
    if not found.isascii() or not found.isdigit() or len(found) > 18:
        raise Malformed(f"{name} that is no number")
    return int(found)
