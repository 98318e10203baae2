"""The `salesforce` source: cases of Salesforce, their history, and the figures of each day, by REST.

All cases that were opened within `keep` are read each time, deleted ones too, with the history of the fields that are
tracked; what is not tracked is seen by comparison with the look before.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, Self

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
from ccmm_agent.secret_file import password_line
from ccmm_agent.web import Place, manifest_of, place_lines, place_of
from ccmm_plugin_crm.case_fields import CaseFields, Users, time_in
from ccmm_plugin_crm.case_memory import MOST_CASES, Seen, look, parse_memory, refuse_short, since_of, told_of
from ccmm_plugin_crm.sf_ask import Salesforce, authorised, log_in
from ccmm_plugin_crm.sf_history import STATUS, Histories, parse_changes
from ccmm_proto.errors import Malformed

DAY_S = 86_400
MOST_CHANGES = 300_000
NEARLY = 0.8
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*){0,4}")
_CLEAR = ("queue", "topic", "ref")  # leave as they are
_PERSONS = ("Account", "Contact", "CreatedBy", "LastModifiedBy")
_OWNER_TYPE, _OWNED_BY_MANY = "Owner.Type", ("Queue", "Group")  # else User
_OWN = ("Id", "CaseNumber", "IsDeleted", "IsClosed", "LastModifiedDate")


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesforceCases(Source):
    """The object Case, as an account with read rights sees it."""

    plugin: ClassVar[str] = "salesforce"
    value: ClassVar[int] = 70
    example: ClassVar[str] = """
# Cases of Salesforce by its REST API, read only: docs/plugins/salesforce.md.
[[source]]
name = "cases"
plugin = "salesforce"
every = "1h"
url = "https://center.my.salesforce.com"
# login_url = "https://login.salesforce.com"   # https://test.salesforce.com for a sandbox
client_id = "3MVG9_of_the_connected_app"
username = "ccmm@center.example"
key_file = "/etc/ccmm/salesforce.key"  # private key of the app's certificate, PEM; chmod 600
# api_version = "60.0"
# ca_file = "/etc/ccmm/proxy-ca.pem"   # without it: the authorities that this machine trusts
# proxy = "http://proxy.example:3128"  # asked through it, by CONNECT
# proxy_user = "ccmm"                  # only where the proxy asks for a log-in
# proxy_password_file = "/etc/ccmm/proxy.password"
# tls_name = "center.my.salesforce.com"
# plain = false                        # true: http to another host; tokens then cross the network in clear
# call_timeout = "30s"                 # for one answer
# keep = "90d"                         # how long after its opening a case may fall due, close or be opened again
# look_back = "30d"                    # how far back days are stated again where their figures changed
# settle = "30m"
# may_be_empty = false                 # true: no case at all is believed

[source.fields]                        # what is stated = the field's API name
class = "Type"
closed = "ClosedDate"
customer = "AccountId"
agent = "Owner.Username"               # over a relation, too
channel = "Origin"
# due = "Due__c"
# opened = "CreatedDate"
# told = "Customer_told__c"            # of complaints: when the customer was told the decision
# queue = "Owner.Name"                 # leaves in clear where a queue owns the case; of a person's case nothing does
# topic = "Reason"
# origin = "Came_from__c"
# claim = "Claim__c"
# ref = "Regulator_no__c"
# number = "ContactPhone"
# call = "Call_id__c"
# contact = "Contact_id__c"
# open = "Open__c"
# first_contact = "Solved_at_once__c"
# relabelled = "Was_complaint__c"

[source.values.class]                  # complaint, enquiry, request, subject_request, suggestion; "*": every other
"投诉" = "complaint"
"*" = "enquiry"

[source.values.channel]                # app, chat, mail, social, voice
"Phone" = "voice"
"Email" = "mail"
"*" = "app"
"""

    place: Place
    login: Place
    client: str
    username: str
    key_file: Path
    version: str
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
        version = options.text("api_version", "60.0")
        if not re.fullmatch(r"[1-9][0-9]{1,2}\.0", version):
            raise BadOption("api_version", 'a version such as "60.0"')
        fields = CaseFields.from_options(options, "CreatedDate")
        for name, field in {"opened": fields.opened, **fields.fields}.items():
            if not _NAME.fullmatch(field):
                raise BadOption(f"fields.{name}", "the API name of a field such as Due__c or Owner.Username")
            if name in _CLEAR and field.partition(".")[0] in _PERSONS:
                raise BadOption(f"fields.{name}", "a field that names no person: it leaves in clear")
        keep = timedelta(seconds=options.seconds("keep", 90 * DAY_S))
        look_back = timedelta(seconds=options.seconds("look_back", 30 * DAY_S))
        refuse_short(keep, look_back, told_of(fields.names))
        return cls(
            place=place_of(options),
            login=place_of(options, key="login_url", default="https://login.salesforce.com"),
            client=options.text("client_id"),
            username=options.text("username"),
            key_file=options.path("key_file"),
            version=version,
            fields=fields,
            keep=keep,
            look_back=look_back,
            settle=timedelta(seconds=options.seconds("settle", 1800)),
            may_be_empty=options.flag("may_be_empty", False),
        )

    def manifest(self) -> Manifest:
        return manifest_of(self.login, self.place, files=(self.key_file,))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        since = since_of(window, keep=self.keep, settle=self.settle, look_back=self.look_back)
        with self._asked() as salesforce:
            rows = self._rows(salesforce, since, window.now)
            histories = self._histories(salesforce, since, window)
        seen = [self._seen(row, histories, window) for row in rows]
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
        deleted = sum(row.get("IsDeleted") is True for row in rows)
        told = [f"{deleted} cases are deleted there, and counted still"] if deleted else []
        told += [f"{found.gone} cases seen before are gone: erased, or hidden from the account"] if found.gone else []
        yield Done(found.covers, found.memory.to_cursor(), detail="; ".join(filter(None, (*told, found.late))))

    def check(self, window: Window) -> Iterator[CheckLine]:
        yield password_line(self.key_file)
        yield from place_lines(self.login, self.place)
        with self._asked() as salesforce:
            yield CheckLine("ok", "log-in", f"{salesforce.where}, API {self.version}")
            yield from self._described(salesforce.describe())
            rows = self._rows(salesforce, window.now - timedelta(days=7), window.now)
            yield CheckLine("ok" if rows else "warning", "cases", f"{len(rows)} of the last 7 days can be read")
            numbers = {int(text) for row in rows if (text := str(row.get("CaseNumber", ""))).isdigit()}
            missing = max(numbers) - min(numbers) + 1 - len(numbers) if numbers else 0
            if missing:
                told = f"{missing} case numbers between them do not come: erased, or hidden (View All on Case?)"
                yield CheckLine("warning", "hidden", told)
            used, _, most = salesforce.usage.partition("/")
            if used.isdigit() and most.isdigit():
                is_nearly = int(used) > NEARLY * int(most)
                yield CheckLine("warning" if is_nearly else "ok", "limit", f"{used} of {most} API calls of a day")

    def _described(self, described: Mapping[str, object]) -> Iterator[CheckLine]:
        listed = described.get("fields")
        names = {one.get("name") for one in listed if isinstance(one, dict)} if isinstance(listed, list) else set()
        wanted = [field for field in self._wanted if "." not in field]
        missing = [field for field in wanted if field not in names]
        if missing:
            told = f"not there, or hidden by field-level security: {', '.join(missing)}"[:300]
            yield CheckLine("failed", "fields", told)
        else:
            yield CheckLine("ok", "fields", f"{len(wanted)} fields of Case are seen")
        may = [what for what in ("createable", "updateable", "deletable") if described.get(what) is True]
        if may:
            yield CheckLine("warning", "rights", f"cases are {', '.join(may)} for this account: it needs read")
        else:
            yield CheckLine("ok", "rights", "the account may read cases and not write them")

    @property
    def _wanted(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*_OWN, *((_OWNER_TYPE,) if self._of_owner else ()), *self.fields.wanted())))

    @property
    def _of_owner(self) -> tuple[str, ...]:
        """Fields that leave in clear and may name a person: of cases that a queue owns they do not."""
        named = (self.fields.fields.get(name, "") for name in _CLEAR)
        return tuple(field for field in named if field.startswith("Owner."))

    @contextmanager
    def _asked(self) -> Iterator[Salesforce]:
        token = log_in(self.login, self.client, self.username, self.key_file, self.place)
        with authorised(self.place, token) as web:
            salesforce = Salesforce(web, self.version)
            try:
                yield salesforce
            except Malformed as error:
                raise SourceUnavailable(Reason.UNREADABLE, f"{salesforce.where}: {error}") from error

    def _rows(self, salesforce: Salesforce, since: datetime, until: datetime) -> list[Mapping[str, object]]:
        opened = self.fields.opened
        span = f"{opened} >= {_literal(since)} AND {opened} < {_literal(until)}"
        soql = f"SELECT {', '.join(self._wanted)} FROM Case WHERE {span} ORDER BY {opened}, Id"  # noqa: S608 - names only
        found = _taken(salesforce, soql, "its cases", MOST_CASES)
        if len({row.get("Id") for row in found}) < len(found):
            raise Malformed("a case that comes twice")
        if (
            not found
            and not self.may_be_empty
            and not list(salesforce.query("SELECT Id FROM Case LIMIT 1", "any case"))
        ):
            told = f"{salesforce.where}: no case is seen: give View All on Case, or set may_be_empty"
            raise SourceUnavailable(Reason.REFUSED, told)
        return found

    def _histories(self, salesforce: Salesforce, since: datetime, window: Window) -> Histories:
        fields = [STATUS, *(self.fields.fields.get(name, "") for name in ("class", "due"))]
        listed = ", ".join(f"'{field}'" for field in fields if field and "." not in field)
        soql = "SELECT CaseId, Field, OldValue, NewValue, CreatedDate FROM CaseHistory"
        soql += f" WHERE CreatedDate >= {_literal(since)} AND Field IN ({listed}) ORDER BY CreatedDate"
        rows = _taken(salesforce, soql, "the history of cases", MOST_CHANGES)
        statuses = list(
            salesforce.query("SELECT MasterLabel, ApiName, IsClosed FROM CaseStatus", "the statuses of cases")
        )
        ending = [one for one in statuses if one.get("IsClosed") is True]
        closed = frozenset(str(one.get(name)) for one in ending for name in ("MasterLabel", "ApiName"))
        return Histories(changes=parse_changes(rows, window.zone), closed=closed)

    def _seen(self, row: Mapping[str, object], histories: Histories, window: Window) -> Seen:
        """A date of closing that stays when a case is opened again does not count."""
        id = row.get("Id")
        if not isinstance(id, str) or not id:
            raise SourceUnavailable(Reason.UNREADABLE, f"{self.place.where}: a case without its Id")
        flat = {field: _at(row, field) for field in self._wanted}
        closed = self.fields.fields.get("closed")
        if closed is not None and row.get("IsClosed") is not True:
            flat[closed] = None
        if flat.get(_OWNER_TYPE) not in _OWNED_BY_MANY:
            flat |= dict.fromkeys(self._of_owner)
        try:
            case = self.fields.case(id, flat, Users(logins={}, fields=frozenset()), window.zone)
            changed = time_in(flat, "LastModifiedDate", window.zone) or case.opened
            return Seen(case=histories.told_of(case, id, self.fields, window.zone), changed=changed)
        except Malformed as error:
            raise SourceUnavailable(Reason.UNREADABLE, f"{self.place.where}: its cases: {error}") from error


def _taken(salesforce: Salesforce, soql: str, what: str, most: int) -> list[Mapping[str, object]]:
    found: list[Mapping[str, object]] = []
    for row in salesforce.query(soql, what):
        found.append(row)
        if len(found) > most:
            raise SourceUnavailable(Reason.LIMITED, f"{salesforce.where}: {what}: more than {most}: a shorter `keep`")
    return found


def _at(row: Mapping[str, object], field: str) -> object:
    """Of a field, or of one over relations; None where one of them leads nowhere."""
    found: object = row
    for part in field.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _literal(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(SalesforceCases)
