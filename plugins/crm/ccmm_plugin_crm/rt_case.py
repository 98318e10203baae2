"""What a ticket of Request Tracker was at each moment, from its present state and its transactions; pure.

Request Tracker keeps the present values of a ticket and a transaction for each change, with the old and the new value.
So what it was after transaction N is told by the first change after N, else by the present value. Its own date
`Resolved` stays when a ticket is opened again: only a closed status makes it closed.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from ccmm_plugin_crm.cases import Case
from ccmm_proto.errors import Malformed

UNSET: Final = datetime(1970, 1, 1, tzinfo=UTC)  # how Request Tracker writes: no date
NOW: Final = 1 << 62  # after every transaction
PAUSE_TOLD_WITHIN: Final = timedelta(seconds=60)
STATED: Final = ("Create", "Status", "AddWatcher", "DelWatcher", "Give", "Take", "Steal", "Untake", "Force")
SET: Final = ("Due", "Queue", "Owner")
_TOLD: Final = ("Comment", "Correspond")
DELETED: Final = "deleted"
_MERGE: Final = ("AddLink", "MergedInto")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One transaction of a ticket."""

    id: int
    ticket: int
    at: datetime
    type: str
    field: str = ""
    old: str = ""
    new: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The center's words for states and classes, from the options."""

    queues: frozenset[str]
    closed: frozenset[str] = frozenset({"resolved", "rejected"})
    paused: frozenset[str] = frozenset({"stalled"})
    classes: Mapping[str, str] = field(default_factory=dict)  # queue, or value of class_field -> class
    class_field: str | None = None
    complaint_field: str | None = None  # with anything in it a ticket is a complaint
    first_contact_field: str | None = None
    first_contact_yes: frozenset[str] = frozenset({"yes"})
    pause_comments: bool = False  # the account sees comments: a pause without one is bare


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket as it is now, with all its changes of a kind that counts, oldest first."""

    id: int
    queue: str  # its name, or its number where the options do not name it
    status: str
    created: datetime
    due: datetime | None
    resolved: datetime | None
    owner: str | None
    requestor: str | None
    merged: bool
    fields: Mapping[str, str]  # custom fields that hold something, by name
    changes: tuple[Change, ...]
    queues: Mapping[str, str] = field(default_factory=dict)  # number -> name
    field_ids: Mapping[str, str] = field(default_factory=dict)  # number -> name

    def queue_at(self, upto: int) -> str:
        """The queue after transaction `upto`."""
        for change in self.changes:
            if change.id > upto and (change.type, change.field) == ("Set", "Queue"):
                return self.queues.get(change.old, change.old)
        return self.queue

    def status_at(self, upto: int) -> str:
        for change in self.changes:
            if change.id > upto and change.type == "Status":
                return change.old
            if change.id > upto and self.merged and (change.type, change.field) == _MERGE:
                return ""  # merging closes without a change of the status
        return self.status

    def due_at(self, upto: int) -> datetime | None:
        for change in self.changes:
            if change.id > upto and (change.type, change.field) == ("Set", "Due"):
                return parse_date(change.old)
        return self.due

    def value_at(self, name: str | None, upto: int) -> str:
        """What a custom field held; empty where nothing."""
        for change in self.changes:
            if change.id > upto and change.type == "CustomField" and self.field_ids.get(change.field) == name:
                return change.old
        return "" if name is None else self.fields.get(name, "")

    def was_in(self, queues: Collection[str], upto: int) -> bool:
        """In one of these queues at any time until then."""
        moments = [0, *(change.id for change in self.changes if change.id < upto), upto]
        return any(self.queue_at(moment) in queues for moment in moments)

    def class_at(self, words: Words, upto: int) -> str | None:
        if words.complaint_field is not None and self.value_at(words.complaint_field, upto):
            return "complaint"
        told = self.queue_at(upto) if words.class_field is None else self.value_at(words.class_field, upto)
        return words.classes.get(told)

    def was_complaint(self, words: Words, upto: int) -> bool:
        """At any time until then: a complaint that gets another name stays one that was made."""
        moments = [0, *(change.id for change in self.changes if change.id < upto), upto]
        return any(self.class_at(words, moment) == "complaint" for moment in moments)

    def is_first_contact(self, words: Words, upto: int) -> bool | None:
        """As the agent marked it; None: not marked."""
        marked = self.value_at(words.first_contact_field, upto)
        return marked in words.first_contact_yes if marked else None

    def closings(self, words: Words, upto: int) -> Iterator[tuple[datetime, datetime | None]]:
        """Each time that it was closed, and when it was opened again after that (None: not)."""
        closed: datetime | None = None
        for change in self.changes:
            if change.id > upto:
                break
            if change.type == "Status" and change.new != DELETED:  # deleting closes nothing, and opens nothing again
                is_closed = change.new in words.closed
                if is_closed and closed is None:
                    closed = change.at
                elif not is_closed and closed is not None:
                    yield closed, change.at
                    closed = None
            elif (change.type, change.field) == _MERGE and self.merged and closed is None:
                closed = change.at
        if closed is None and self.status_at(upto) in words.closed:
            closed = self.resolved or self.created  # closed from its creation on: no change tells it
        if closed is not None:
            yield closed, None

    def closed_at(self, words: Words, upto: int) -> datetime | None:
        """Since when it is closed; None: it is open, or was deleted."""
        return next((closed for closed, opened in self.closings(words, upto) if opened is None), None)

    def due_moves(self, upto: int) -> int:
        """How often a due time that stood was put off or taken away."""
        moves = 0
        for change in self.changes:
            if change.id <= upto and (change.type, change.field) == ("Set", "Due"):
                old, new = parse_date(change.old), parse_date(change.new)
                moves += old is not None and (new is None or new > old)
        return moves

    def bare_pauses(self, words: Words) -> int:
        """Pauses beside which nobody wrote a word within a minute."""
        told = [change for change in self.changes if change.type in _TOLD]
        paused = [change for change in self.changes if change.type == "Status" and change.new in words.paused]
        return sum(
            not any(abs(word.at - pause.at) <= PAUSE_TOLD_WITHIN and word.by == pause.by for word in told)
            for pause in paused
        )


def case_at(ticket: Ticket, words: Words, upto: int) -> Case:
    """The ticket as it was after transaction `upto`, without its custom fields. A deleted one is never closed."""
    klass, closed = ticket.class_at(words, upto), ticket.closed_at(words, upto)
    return Case(
        key=str(ticket.id),
        opened=ticket.created,
        class_=klass,
        relabelled=ticket.was_complaint(words, upto) and klass != "complaint",
        queue=ticket.queue_at(upto),
        agent=ticket.owner,
        first_contact=ticket.is_first_contact(words, upto),
        due=ticket.due_at(upto),
        closed=closed,
        told=closed,
        due_moves=ticket.due_moves(upto),
        bare_pauses=ticket.bare_pauses(words) if words.pause_comments else None,
        reopened=tuple((at, opened) for at, opened in ticket.closings(words, upto) if opened is not None),
    )


def counts(change: Change, field_ids: Mapping[str, str]) -> bool:
    """Does this change alter what is stated of a ticket?"""
    if change.type == "CustomField":
        return change.field in field_ids
    if change.type == "Set":
        return change.field in SET
    return change.type in STATED or (change.type, change.field) == _MERGE


def parse_date(text: str) -> datetime | None:
    """`2026-11-03T06:57:50Z` of a ticket or `2026-11-03 06:57:50` of a change, both UTC; None: no date. Malformed."""
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise Malformed("a date of another form than year-month-day hour:minute:second") from None
    instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    return None if instant <= UNSET else instant
