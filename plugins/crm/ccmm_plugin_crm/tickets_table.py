"""The source `tickets_table`: cases of any ticket system, in a CSV or XLSX file or in a database.

Each run reads the cases that were opened since `keep`: those that are new or changed are stated as `case`, and days of
the last `look_back` whose figures changed with the next revision.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar, Self

from ccmm_agent import facts
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
from ccmm_plugin_crm.case_rows import ATTRIBUTES, CaseRows
from ccmm_plugin_crm.cases import DIGEST_BYTES, Case, add_cases, case_of, digest_of, least_look_back
from ccmm_proto.period import DAY_MS
from ccmm_tables.declared import Declared
from ccmm_tables.history import DAY, History
from ccmm_tables.progress import Progress, parse_progress
from ccmm_tables.rolls import state_rolls
from ccmm_tables.slots import Slots, state_slots

MAX_CASES = 150_000
DAY_S = 86_400


@dataclass(frozen=True)
class TicketsTable(Source):
    """Cases by a declared column mapping."""

    plugin: ClassVar[str] = "tickets_table"
    value: ClassVar[int] = 75
    example: ClassVar[str] = """
# Cases of any ticket system, in a CSV or XLSX file or a database: docs/plugins/tickets_table.md.
[[source]]
name = "tickets"
plugin = "tickets_table"
every = "6h"
path = "/srv/crm/tickets.csv"      # or url = "mysql://crm.example/crm" with user, password_file and table or query
started = "created"                # when the case was opened; or ["date", "time"]
# keep = "180d"                    # how long after its opening a case may fall due, close or be opened again
# look_back = "30d"                # how far back days are stated again where their figures changed
# every_contact = true             # each contact makes a row: then who asks again on the same topic was not helped
# since = "2026-01-01"             # a database: from when on it is read
# until = "row"                    # what a file can tell of: its newest row, whole days ("day"), or its export ("now")
# settle = "30m"
# batch = "31d"                  # how much history a run takes
# zone = "Asia/Shanghai"           # of times without a zone; without it the center's
# time_formats = ["%d.%m.%Y %H:%M"]
# encoding = "gb18030"             # of a file: also delimiter, header_row, sheet
# separator = ";"

[source.columns]                   # what the table calls it
case = "ticket no"
class = "type"
due = "due"
closed = "closed"
# open = "status"                  # yes while it is open: a date of closing that stays after reopening does not count
# told = "customer told"           # of complaints: when the customer was told the decision
# first_due = "first due"          # or due_moves, a number: was the due time moved?
# reopened = "reopened"            # yes or no; or two times:
#   closed_before = "first closed", reopened_at = "reopened"
# bare_pauses = "pauses without reason"
# first_contact = "solved at once"
# relabelled = "was a complaint"
# sampled = "checked on"           # when it was sampled, and
# wrong = "found wrong"            # whether an error was found
# queue = "team"
# channel = "channel"
# topic = "topic"
# origin = "origin"
# claim = "claim"
# ref = "regulator no"
# call = "call id"                 # leaves as a pseudonym, as do case, contact, customer, number and agent
# contact = "contact id"
# customer = "customer no"
# number = "phone"
# agent = "owner no"

[source.values.class]              # complaint, enquiry, request, subject_request, suggestion; "*": every other word
"投诉" = "complaint"
"*" = "enquiry"

# [source.values.origin]           # own, client, regulator
# "12378" = "regulator"
# [source.values.open]
# "closed" = false
# "*" = true
# [source.absent]                  # texts that mean "nothing"
# "closed" = ["0000-00-00"]
# [source.where]                   # only rows with one of these texts
# [source.constants]               # the same for every row
# [source.durations]
"""

    history: History
    rows: CaseRows

    @property
    def feeds(self) -> tuple[str, ...]:
        return (*sorted(self.rows.told), "case", *(("contact",) if self.rows.every_contact else ()))

    @classmethod
    def from_options(cls, options: Options) -> Self:
        declared = Declared.from_options(options, ATTRIBUTES)
        history = History.from_options(options, declared, look_back_s=30 * DAY_S, batch_s=31 * DAY_S)
        keep = timedelta(seconds=options.seconds("keep", 180 * DAY_S))
        rows = CaseRows.from_options(options, declared)
        least = least_look_back(rows.told)
        if history.look_back < least:
            raise BadOption("look_back", f"at least {least.days}d: what happens after a day must still change it")
        return cls(replace(history, before=keep + DAY), rows)  # a day more: its edges are those of the center

    def manifest(self) -> Manifest:
        return self.history.manifest()

    def read(self, window: Window) -> Iterator[Observation | Done]:
        progress = parse_progress(window.cursor)
        stretch = self.history.read(window, progress, DAY_MS, self.rows.case)
        cases = self._each_once([case for _, case in stretch.items])
        slots = Slots(window.zone)
        late = add_cases(
            slots, cases, self.rows.told, keep=self.history.before - DAY, every_contact=self.rows.every_contact
        )
        known = progress or Progress(first_ms=0, stated_ms=0)
        found, after = state_slots(slots, known.slots, stretch.reach, self.rows.told)
        hours: dict[str, tuple[int, str]] = {}
        if self.rows.every_contact:
            contacts, hours = state_rolls("contact", _contacts(cases), known.rolls, stretch.reach)
            found += contacts
        seen = {known.seen[at : at + DIGEST_BYTES] for at in range(0, len(known.seen), DIGEST_BYTES)}
        digests: list[bytes] = []
        if not stretch.is_nothing:
            for case in cases:
                digests.append(digest_of(case))
                if digests[-1] not in seen:
                    yield case_of(case)
        yield from found
        yield stretch.done(window, after, hours, late, b"".join(sorted(digests)))

    def check(self, window: Window) -> Iterator[CheckLine]:
        yield from self.history.check(window, self.rows.case)
        untold = sorted({"cases_on_time", "cases_reopened", "complaints_on_time"} - self.rows.told)
        if untold:
            yield CheckLine("warning", "columns", f"without their columns nothing tells {', '.join(untold)}")

    def _each_once(self, cases: list[Case]) -> list[Case]:
        """By their opening. A case that stands twice would be counted twice."""
        if len(cases) > MAX_CASES:
            raise self._unavailable(Reason.LIMITED, f"more than {MAX_CASES} cases: a shorter `keep`")
        if len({case.key for case in cases}) < len(cases):
            what = "a case stands twice: name more columns in `columns.case`, or `where`"
            raise self._unavailable(Reason.UNREADABLE, what)
        return sorted(cases, key=lambda case: (case.opened, case.key))

    def _unavailable(self, reason: Reason, what: str) -> SourceUnavailable:
        return SourceUnavailable(reason, f"{self.history.rows.name}: {what}")


def _contacts(cases: list[Case]) -> Iterator[facts.Row]:
    for case in cases:
        key = case.contact or case.key
        yield (
            key,
            case.opened,
            {
                "contact": key,
                "call": case.call,
                "customer": case.customer,
                "agent": case.agent,
                "channel": case.channel,
                "topic": case.topic,
            },
        )


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(TicketsTable)
