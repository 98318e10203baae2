"""The `odoo` source: cases of an Odoo model (helpdesk, CRM, tasks) and the figures of each day, by XML-RPC.

All cases that were opened within `keep` are read each time, and compared with the look before: so a due time that was
put off, a case opened again, and one that is gone are seen, although Odoo shows such an account no history of them.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, Self
from zoneinfo import ZoneInfo

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
from ccmm_agent.web import Place, Web, manifest_of, place_lines, place_of
from ccmm_plugin_crm.case_fields import CaseFields, Users, time_in
from ccmm_plugin_crm.case_memory import MOST_CASES, Seen, look, parse_memory, refuse_short, since_of, told_of
from ccmm_plugin_crm.odoo_rpc import Odoo
from ccmm_proto.errors import Malformed

PAGE = 500
MOST_USERS = 20_000
USERS = "res.users"
PERSONS = (USERS, "res.partner", "hr.employee")
CLEAR = ("queue", "topic", "ref")  # leave as they are
CHANGED = "write_date"
DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class OdooCases(Source):
    """Records of one model, as an account with read rights sees them."""

    plugin: ClassVar[str] = "odoo"
    value: ClassVar[int] = 70
    example: ClassVar[str] = """
# Cases of Odoo (helpdesk, CRM, tasks) by its external API, read only: docs/plugins/odoo.md.
[[source]]
name = "tickets"
plugin = "odoo"
every = "1h"                          # what is put off and put back between two looks is not seen
url = "https://odoo.example"
database = "center"
username = "ccmm@center.example"
key_file = "/etc/ccmm/odoo.key"       # an API key of that user; chmod 600
model = "helpdesk.ticket"             # or crm.lead, project.task
# ca_file = "/etc/ccmm/odoo-ca.pem"   # without it: the authorities that this machine trusts
# proxy = "http://proxy.example:3128" # Odoo in the cloud is asked through it, by CONNECT
# proxy_user = "ccmm"                 # only where the proxy asks for a log-in
# proxy_password_file = "/etc/ccmm/proxy.password"
# tls_name = "odoo.internal"          # the name in its certificate, where it is not that of url
# plain = false                       # true: http to another host; the key then crosses the network in clear
# call_timeout = "30s"                # for one answer
# keep = "90d"                        # how long after its opening a case may fall due, close or be opened again
# look_back = "30d"                   # how far back days are stated again where their figures changed
# settle = "30m"
# may_be_empty = false                # true: no case at all is believed

[source.fields]                       # what is stated = the model's field
class = "ticket_type_id"
queue = "team_id"
due = "sla_deadline"
closed = "close_date"
customer = "partner_id"
agent = "user_id"                     # a link to a user is told by its log-in, another link by its number
# opened = "create_date"
# open = "x_open"                     # true while it is open: a date of closing that stays does not count
# told = "x_told"                     # of complaints: when the customer was told the decision
# number = "partner_phone"
# call = "x_call"
# contact = "x_contact"
# channel = "x_channel"
# topic = "x_topic"
# origin = "x_origin"
# claim = "x_claim"
# ref = "x_regulator_no"
# first_contact = "x_solved_at_once"
# relabelled = "x_was_complaint"

[source.values.class]                 # complaint, enquiry, request, subject_request, suggestion; "*": every other
"投诉" = "complaint"
"*" = "enquiry"

# [source.values.origin]              # own, client, regulator
# "12378" = "regulator"
"""

    place: Place
    database: str
    username: str
    key_file: Path
    model: str
    fields: CaseFields
    keep: timedelta
    look_back: timedelta
    settle: timedelta
    may_be_empty: bool = False

    @property
    def feeds(self) -> tuple[str, ...]:
        return ("case", *sorted(told_of(self.fields.names)))

    @classmethod
    def from_options(cls, options: Options) -> Self:
        model, fields = options.text("model"), CaseFields.from_options(options, "create_date")
        if not all(part.replace("_", "").isalnum() for part in model.split(".")) or not model.isascii():
            raise BadOption("model", "the name of a model such as helpdesk.ticket")
        keep = timedelta(seconds=options.seconds("keep", 90 * DAY_S))
        look_back = timedelta(seconds=options.seconds("look_back", 30 * DAY_S))
        refuse_short(keep, look_back, told_of(fields.names))
        return cls(
            place=place_of(options),
            database=options.text("database"),
            username=options.text("username"),
            key_file=options.path("key_file"),
            model=model,
            fields=fields,
            keep=keep,
            look_back=look_back,
            settle=timedelta(seconds=options.seconds("settle", 1800)),
            may_be_empty=options.flag("may_be_empty", False),
        )

    @property
    def _wanted(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(("id", CHANGED, *self.fields.wanted())))

    def manifest(self) -> Manifest:
        return manifest_of(self.place, files=(self.key_file,))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        since = since_of(window, keep=self.keep, settle=self.settle, look_back=self.look_back)
        with self._asked() as odoo:
            odoo.log_in()
            seen = self._seen(odoo, window, since)
        found = look(
            window,
            parse_memory(window.cursor),
            seen,
            told_of(self.fields.names),
            keep=self.keep,
            settle=self.settle,
            look_back=self.look_back,
        )
        yield from found.found
        gone = f"{found.gone} cases seen before are gone: deleted, or hidden from the account" if found.gone else ""
        yield Done(found.covers, found.memory.to_cursor(), detail="; ".join(filter(None, (gone, found.late))))

    def check(self, window: Window) -> Iterator[CheckLine]:
        yield password_line(self.key_file)
        yield from place_lines(self.place)
        with self._asked() as odoo:
            version = odoo.version()
            odoo.log_in()
            yield CheckLine("ok", "log-in", f"{odoo.where}, Odoo {version or 'of an untold version'}")
            self._links(odoo)
            yield CheckLine("ok", "fields", f"{len(self._wanted)} fields of {self.model} are seen")
            seen = self._seen(odoo, window, window.now - timedelta(days=7))
            yield CheckLine("ok" if seen else "warning", "cases", f"{len(seen)} of the last 7 days can be read")
            numbers = sorted(int(one.case.key) for one in seen)
            missing = numbers[-1] - numbers[0] + 1 - len(numbers) if numbers else 0
            if missing:
                told = (
                    f"{missing} numbers between them do not come: deleted, or hidden by a record rule (all documents?)"
                )
                yield CheckLine("warning", "hidden", told)
            yield self._rights(odoo)

    def _rights(self, odoo: Odoo) -> CheckLine:
        try:
            may = [what for what in ("write", "create", "unlink") if odoo.may(self.model, what)]
        except SourceUnavailable:
            return CheckLine("warning", "rights", "Odoo does not tell what the account may do")
        if may:
            return CheckLine(
                "warning", "rights", f"the account may {', '.join(may)} records of {self.model}: it needs read"
            )
        return CheckLine("ok", "rights", "the account may read and not write")

    @contextmanager
    def _asked(self) -> Iterator[Odoo]:
        key = load_password(self.key_file)
        with Web(self.place) as web:
            odoo = Odoo(web, self.database, self.username, key)
            try:
                yield odoo
            except Malformed as error:
                raise SourceUnavailable(Reason.UNREADABLE, f"{odoo.where}: {self.model}: {error}") from error

    def _links(self, odoo: Odoo) -> frozenset[str]:
        """The fields that link to users; raises SourceUnavailable where a field is not there."""
        there = odoo.fields(self.model, self._wanted)
        if missing := [name for name in self._wanted if name not in there]:
            told = f"{odoo.where}: {self.model} has no field {missing[0]!r} for this account: correct [source.fields]"
            raise SourceUnavailable(Reason.NOT_FOUND, told)
        for attribute in CLEAR:
            if there.get(self.fields.fields.get(attribute, ""), {}).get("relation") in PERSONS:
                told = f"fields.{attribute} links to people, whose names would leave in clear: another field"
                raise SourceUnavailable(Reason.BAD_OPTION, f"{odoo.where}: {told}")
        return frozenset(name for name, one in there.items() if one.get("relation") == USERS)

    def _seen(self, odoo: Odoo, window: Window, since: datetime) -> list[Seen]:
        links = self._links(odoo) & set(self.fields.fields.values())
        users = Users(logins=self._logins(odoo) if links else {}, fields=links)
        until = window.now.strftime("%Y-%m-%d %H:%M:%S")
        domain = [[self.fields.opened, ">=", since.strftime("%Y-%m-%d %H:%M:%S")], [self.fields.opened, "<", until]]
        rows = self._all(odoo, self.model, domain, self._wanted, MOST_CASES)
        counted = odoo.count(self.model, domain)
        if counted > len(rows):
            told = f"{odoo.where}: {len(rows)} of {counted} records of {self.model} came: read again"
            raise SourceUnavailable(Reason.LIMITED, told)
        if not rows and not self.may_be_empty and not odoo.count(self.model, []):
            told = (
                f"{odoo.where}: no record of {self.model} is seen: give the right to all documents, or set may_be_empty"
            )
            raise SourceUnavailable(Reason.REFUSED, told)
        return [self._seen_in(row, users, window.zone) for row in rows]

    def _seen_in(self, row: Mapping[str, object], users: Users, zone: ZoneInfo) -> Seen:
        case = self.fields.case(str(row["id"]), row, users, zone)
        return Seen(case=case, changed=time_in(row, CHANGED, zone) or case.opened)

    def _logins(self, odoo: Odoo) -> dict[int, str]:
        rows = self._all(odoo, USERS, [], ("login",), MOST_USERS)
        return {int(str(row["id"])): login for row in rows if isinstance(login := row.get("login"), str)}

    def _all(
        self, odoo: Odoo, model: str, domain: list[list[str]], names: tuple[str, ...], most: int
    ) -> list[Mapping[str, object]]:
        """Page by page, by the number: a record that comes or goes meanwhile moves no other."""
        found: list[Mapping[str, object]] = []
        last = 0
        while True:
            page = odoo.rows(model, [*domain, ["id", ">", last]], names, PAGE)
            numbers = [last, *(number for row in page if type(number := row.get("id")) is int)]
            if len(numbers) <= len(page) or numbers != sorted(set(numbers)):
                raise Malformed("records without a number, or out of order")
            found += page
            if len(found) > most:
                raise SourceUnavailable(
                    Reason.LIMITED, f"{odoo.where}: more than {most} records of {model}: shorter keep"
                )
            if len(page) < PAGE:
                return found
            last = numbers[-1]


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(OdooCases)
