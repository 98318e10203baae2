"""The `request_tracker` source: cases of Request Tracker 5 as they change, and the figures of each day."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from ccmm_agent.plugin import (
    BadOption,
    CheckLine,
    Done,
    Manifest,
    Observation,
    Options,
    Reason,
    Source,
    SourceUnavailable,
    Window,
    hookimpl,
)
from ccmm_agent.secret_file import load_password, password_line
from ccmm_agent.web import Place, Web, header, manifest_of, place_lines, place_of
from ccmm_plugin_crm.cases import CLASSES
from ccmm_plugin_crm.rt_ask import WINDOW, Queue, RequestTracker
from ccmm_plugin_crm.rt_case import NOW, Ticket, Words, counts
from ccmm_plugin_crm.rt_count import MARKED, MEASURES, State, parse_state, state_anew
from ccmm_plugin_crm.rt_facts import Fields, case_of, ticket_of
from ccmm_proto.errors import Malformed
from ccmm_proto.period import from_ms, to_ms

SETTLE: Final = timedelta(seconds=30)  # a transaction with a lower number may still be on its way
BATCH_TICKETS: Final = 300
BATCH_S: Final = 40.0  # of the 90 s of a read, for finding what changed
_SET_BACK: Final = "its newest change is older than the last one read: restored from a backup, or tickets were erased"
_WRITING: Final = ("correspond", "comment", "lifecycle", "create")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTrackerCases(Source):
    """Tickets of named queues, as an account with read rights sees them."""

    plugin: ClassVar[str] = "request_tracker"
    value: ClassVar[int] = 70
    example: ClassVar[str] = """
# Cases of Request Tracker 5 by REST2, read only: docs/plugins/request_tracker.md.
[[source]]
name = "tickets"
plugin = "request_tracker"
every = "15m"
url = "https://rt.example"
token_file = "/etc/ccmm/rt.token"         # of an account without a right to write; chmod 600
queues = ["Support", "Complaints", "Data Subject Requests"]
# may_be_empty = ["Data Subject Requests"]   # queues without any ticket; of the others at least one must be seen
# ca_file = "/etc/ccmm/rt-ca.pem"         # without it: the authorities that this machine trusts
# tls_name = "rt.internal"                # the name in its certificate, where it is not that of url
# plain = false                           # true: http to another host; the token then crosses the network in clear
# call_timeout = "30s"                    # for one answer
# since = "90d"                           # how far back the first reading goes
# closed = ["resolved", "rejected"]       # statuses that end a case
# paused = ["stalled"]                    # statuses that stop its clock
# pause_comments = false                  # true: the account has ShowTicketComments; pauses without a word are counted
# first_contact_yes = ["yes"]             # values of the field first_contact
# class_field = "Type"                    # custom field whose values [source.classes] names; without it: queues
# complaint_field = "Complaint Category"  # custom field that holds something in complaints only

[source.classes]                          # queue = complaint, enquiry, request, subject_request or suggestion
Complaints = "complaint"
"Data Subject Requests" = "subject_request"

[source.fields]                           # what is stated = custom field; customer = "requestor" is whoever asked
# call = "Call ID"
# contact = "Contact ID"
# customer = "Customer No"
# number = "Caller"
# topic = "Topic"
# origin = "Origin"                       # own, client or regulator
# claim = "Claim"                         # called_back or reached
# ref = "Reference"
# first_contact = "First Contact Resolution"
"""

    place: Place
    token_file: Path
    queues: tuple[str, ...]
    may_be_empty: frozenset[str]
    since: timedelta
    words: Words
    fields: Fields

    @property
    def feeds(self) -> tuple[str, ...]:
        return ("case", *self._measures)

    @property
    def _measures(self) -> tuple[str, ...]:
        marked = () if self.words.first_contact_field is None else (MARKED,)
        told = MEASURES if self._tells_complaints else tuple(m for m in MEASURES if not m.startswith("complaint"))
        return (*told, *marked)

    @property
    def _tells_complaints(self) -> bool:
        return self.words.complaint_field is not None or "complaint" in self.words.classes.values()

    @classmethod
    def from_options(cls, options: Options) -> Self:
        queues = options.texts("queues")
        if not queues or len(set(queues)) < len(queues):
            raise BadOption("queues", "at least one queue, each once")
        fields = Fields.from_options(options.table("fields", Options({})))
        return cls(
            place=place_of(options),
            token_file=options.path("token_file"),
            queues=queues,
            may_be_empty=frozenset(options.texts("may_be_empty", ())),
            since=timedelta(seconds=options.seconds("since", 90 * 86_400)),
            words=_words(options, queues, fields.names.get("first_contact")),
            fields=fields,
        )

    def manifest(self) -> Manifest:
        return manifest_of(self.place, files=(self.token_file,))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        with self._opened(window) as web:
            rt = RequestTracker(web, window.now)
            try:
                yield from self._read(rt, window)
            except Malformed as error:
                told = f"{self.place.where}: Request Tracker answered with {error}: another version than 5?"
                raise SourceUnavailable(Reason.UNREADABLE, told) from error

    def _read(self, rt: RequestTracker, window: Window) -> Iterator[Observation | Done]:
        queues = self._queues(rt)
        fields = self._field_ids(queues)
        state = parse_state(window.cursor, window.zone) or self._begin(rt, window)
        top = rt.last_change(fields)
        notes = [_SET_BACK] if top < state.last else []
        state.last = min(state.last, top)
        changed, upto, read_to = self._changed(rt, state.last, top, fields)
        tickets, lost = self._tickets(rt, changed, queues, fields)
        for ticket in tickets:
            state.add(ticket, self.words, state.last, upto)
            yield case_of(ticket, self.words, self.fields, upto)
        before, state.last = state.upto_ms, upto
        covers = None
        if read_to is not None:
            state.upto_ms = max(before, to_ms(min(read_to, window.now).replace(microsecond=0)))
            begin = state.vouched_ms(before) if before else state.first_day
            usual = [(name, self._class_of_queue(name)) for name in self.queues]
            yield from state.days_over(state.upto_ms, to_ms(window.now), usual, self._measures)
            end = state.vouched_ms(state.upto_ms)
            covers = (from_ms(min(begin, end)), from_ms(end))
        if lost:
            notes.append(f"{lost} tickets changed and cannot be seen any more: moved to a hidden queue, or erased")
        yield Done(covers, state.to_cursor(), more=read_to is None, detail="; ".join(notes))

    def check(self, window: Window) -> Iterator[CheckLine]:
        yield from place_lines(self.place)
        yield password_line(self.token_file)
        with self._opened(window) as web:
            rt = RequestTracker(web, window.now)
            try:
                yield CheckLine("ok", "log-in", f"{self.place.where} is Request Tracker {rt.version()}")
                queues = self._queues(rt)
                self._field_ids(queues)
                for queue in queues:
                    yield CheckLine("ok", f"queue {queue.name}", f"{rt.ticket_count(queue)} tickets are seen")
                yield _rights_line(queues, rt)
            except Malformed as error:
                yield CheckLine("failed", "answers", f"Request Tracker answered with {error}: another version than 5?")

    def _opened(self, window: Window) -> Web:
        token = load_password(self.token_file)
        return Web(self.place, header("Authorization", f"token {token}"))

    def _begin(self, rt: RequestTracker, window: Window) -> State:
        since = (window.now - self.since).replace(microsecond=0)
        return state_anew(window.cursor, window.zone, first=rt.first_change(since), since_ms=to_ms(since))

    def _queues(self, rt: RequestTracker) -> list[Queue]:
        """All that the options name; a queue of which no ticket is seen is no queue without tickets."""
        queues = [rt.queue(name) for name in self.queues]
        for queue in queues:
            if queue.name not in self.may_be_empty and not rt.ticket_count(queue):
                told = f"no ticket of the queue {queue.name!r} is seen: give the right ShowTicket, or set may_be_empty"
                raise SourceUnavailable(Reason.REFUSED, f"{self.place.where}: {told}")
        if self.words.pause_comments and not rt.has_comments():
            told = "no comment is seen: give the right ShowTicketComments, or set pause_comments = false"
            raise SourceUnavailable(Reason.REFUSED, f"{self.place.where}: {told}")
        return queues

    def _field_ids(self, queues: list[Queue]) -> dict[str, str]:
        """Number -> name of the custom fields that the options name; each must be seen somewhere."""
        wanted = {*self.fields.custom, *filter(None, (self.words.class_field, self.words.complaint_field))}
        found = {id: name for queue in queues for id, name in queue.fields.items() if name in wanted}
        if missing := sorted(wanted - set(found.values())):
            told = f"no custom field {missing[0]!r} is seen: give the right SeeCustomField on it, or correct its name"
            raise SourceUnavailable(Reason.REFUSED, f"{self.place.where}: {told}")
        return found

    def _changed(
        self, rt: RequestTracker, last: int, top: int, fields: Mapping[str, str]
    ) -> tuple[list[int], int, datetime | None]:
        """Tickets that changed, the last transaction that was taken, until when all is read (None: more is there)."""
        found, fresh = dict[int, None](), rt.now - SETTLE
        while last < top:
            if len(found) >= BATCH_TICKETS or rt.web.left_s < BATCH_S:
                return sorted(found), last, None
            end = min(last + WINDOW, top)
            for change in rt.changes(last, end, fields):
                if fresh < change.at <= rt.now + SETTLE:  # further ahead: the server's clock was set back since
                    return sorted(found), change.id - 1, fresh
                if counts(change, fields):
                    found[change.ticket] = None
            last = end
        return sorted(found), last, fresh

    def _tickets(
        self, rt: RequestTracker, ids: list[int], queues: list[Queue], fields: Mapping[str, str]
    ) -> tuple[list[Ticket], int]:
        """The tickets of our queues among these, and how many cannot be seen. Histories last: they tell what was."""
        rows: dict[int, dict[str, Any] | None] = {**rt.tickets(ids)}
        for id in ids:
            if id not in rows:
                rows[id] = rt.ticket(id)
        seen = {id: row for id, row in rows.items() if row is not None}
        histories = rt.histories(sorted(seen), fields, comments=self.words.pause_comments)
        names = {queue.id: queue.name for queue in queues}
        found = [ticket_of(id, row, histories[id], names, fields) for id, row in sorted(seen.items()) if _is_case(row)]
        return [ticket for ticket in found if ticket.was_in(self.queues, NOW)], len(ids) - len(seen)

    def _class_of_queue(self, name: str) -> str:
        return "" if self.words.class_field is not None else self.words.classes.get(name, "")


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(RequestTrackerCases)


def _words(options: Options, queues: tuple[str, ...], first_contact_field: str | None) -> Words:
    table = options.table("classes", Options({}))
    classes = {name: table.text(name) for name in table.keys()}  # noqa: SIM118 - no mapping
    for name, word in classes.items():
        if word not in CLASSES:
            raise BadOption(f"classes.{name[:100]}", f"one of {', '.join(CLASSES)}")
    closed = options.texts("closed", ("resolved", "rejected"))
    if not closed or "deleted" in closed:
        raise BadOption("closed", "statuses that end a case; deleted ends none")
    return Words(
        queues=frozenset(queues),
        closed=frozenset(closed),
        paused=frozenset(options.texts("paused", ("stalled",))),
        classes=classes,
        class_field=options.text("class_field", None),
        complaint_field=options.text("complaint_field", None),
        first_contact_field=first_contact_field,
        first_contact_yes=frozenset(options.texts("first_contact_yes", ("yes",))),
        pause_comments=options.flag("pause_comments", False),
    )


def _is_case(row: Mapping[str, Any]) -> bool:
    return str(row.get("Type", "ticket")) == "ticket"  # not a reminder, not an approval


def _rights_line(queues: list[Queue], rt: RequestTracker) -> CheckLine:
    """What the account could do to one ticket of each queue, by the links that Request Tracker offers for it."""
    may: set[str] = set()
    for queue in queues:
        for link in (rt.some_ticket(queue) or {}).get("_hyperlinks", []):
            if isinstance(link, dict) and link.get("ref") in _WRITING:
                may.add(f"{link['ref']} in {queue.name}")
    if may:
        return CheckLine("warning", "too many rights", f"this account may write: {', '.join(sorted(may))[:300]}")
    return CheckLine("ok", "rights", "this account may not answer, comment or change a ticket")
