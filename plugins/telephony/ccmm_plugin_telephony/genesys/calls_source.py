"""The source `genesys_cloud`: voice conversations by their detail, and the settings of queues."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Final, Self

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
)
from ccmm_agent.secret_file import password_line
from ccmm_agent.web import place_lines
from ccmm_plugin_telephony.contact import Contact
from ccmm_plugin_telephony.cursor import LogCursor, parse_cursor
from ccmm_plugin_telephony.genesys.cloud import Account, Cloud, connected
from ccmm_plugin_telephony.genesys.conversation import contacts_of
from ccmm_plugin_telephony.genesys.directory import PERSONS, queue_names, settings_of, staff_of
from ccmm_plugin_telephony.queue_facts import COUNTS, SUMS, WAITS, Reading, contact_facts, outbound_told
from ccmm_plugin_telephony.stated import Stated
from ccmm_proto.period import DAY_MS, HOUR_MS, QUARTER_MS, floor_to, from_ms, to_ms

LOOK_BACK_MS: Final = 4 * HOUR_MS  # a call that has not ended by then stays unfinished
_STEP_MS: Final = 2 * HOUR_MS  # what one batch takes
_JOB_STEP_MS: Final = 4 * HOUR_MS  # the same from jobs, for history
_MOST_HISTORY: Final = timedelta(days=30)  # the query looks no further back
UNCHECKED: Final = "not compared with the aggregates (cross_check = false)"  # in each run: a part would pass for all
_FAR_MS: Final = 6 * HOUR_MS  # history that lies so far behind comes from jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """Slots from `from_ms` are read again, those from `stated_ms` to `horizon_ms` are new."""

    from_ms: int
    stated_ms: int
    horizon_ms: int
    live_ms: int
    by_job: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls(Source):
    """Calls in queues, waits, talk, hold and after-call work by the quarter hour; every call by the hour."""

    plugin: ClassVar[str] = "genesys_cloud"
    value: ClassVar[int] = 90
    feeds: ClassVar[tuple[str, ...]] = (*COUNTS, *WAITS, *SUMS, "call", "setting")
    example: ClassVar[str] = """\
# Voice conversations of Genesys Cloud by their detail, read only: docs/plugins/genesys_cloud.md for the role to create.
[[source]]
name = "calls"
plugin = "genesys_cloud"
every = "15m"
region = "mypurecloud.de"            # the domain of the region: login.REGION and api.REGION are asked
client_id = "00000000-0000-0000-0000-000000000000"   # an OAuth client with the grant Client Credentials
secret_file = "/etc/ccmm/genesys.secret"   # its secret: one line, readable by the agent only
person = "employee_id"               # who a user is: employee_id, username or email, as HR names people
history = "7d"                       # how much is read at first; at most 30d
settle = "30m"                       # a quarter hour is stated this long after it ended
cross_check = true                   # counts of the detail against the aggregates; a part is never stated
recordings_required = true           # whether every answered call must have a recording
# call_timeout = "30s"               # for one answer
# ca_file = "/etc/ccmm/proxy-ca.pem" # only behind a proxy that signs certificates itself
# proxy = "http://proxy.example:3128" # asked through it, by CONNECT
# proxy_user = "ccmm"                # only where the proxy asks for a log-in
# proxy_password_file = "/etc/ccmm/proxy.password"
"""

    account: Account
    person: str = "employee_id"
    history: timedelta = timedelta(days=7)
    settle: timedelta = timedelta(minutes=30)
    cross_check: bool = True
    recordings_required: bool = True

    @classmethod
    def from_options(cls, options: Options) -> Self:
        history = timedelta(seconds=options.seconds("history", 7 * 86_400))
        if history > _MOST_HISTORY:
            raise BadOption("history", "at most 30d")
        return cls(
            account=Account.from_options(options),
            person=person_of(options),
            history=history,
            settle=timedelta(seconds=options.seconds("settle", 1800)),
            cross_check=options.flag("cross_check", True),
            recordings_required=options.flag("recordings_required", True),
        )

    def manifest(self) -> Manifest:
        return self.account.manifest()

    def read(self, window: Window) -> Iterator[Observation | Done]:
        cursor = parse_cursor(window.cursor)
        with connected(self.account) as cloud:
            queues = cloud.queues()
            span = self._span(cloud, window, cursor)
            yield facts.inventory("setting", window.now, settings_of(queues))
            if span.horizon_ms <= span.stated_ms:
                fresh = LogCursor(stated_ms=span.stated_ms, from_ms=span.stated_ms, position=None).to_bytes()
                yield Done(None, window.cursor or fresh)
                return
            contacts = self._contacts(cloud, span, queue_names(queues))
        stated = Stated(cursor.slots if cursor else {})
        reading = Reading(
            from_ms=span.from_ms,
            stated_ms=span.stated_ms,
            horizon_ms=span.horizon_ms,
            required=self.recordings_required,
            told=frozenset((*COUNTS, *SUMS)),
        )
        yield from contact_facts(contacts, reading, stated)
        next_ms = _next_from(contacts, span)
        kept = LogCursor(stated_ms=span.horizon_ms, from_ms=next_ms, position=None, slots=stated.kept(next_ms))
        covers = (from_ms(span.stated_ms), from_ms(span.horizon_ms))
        told = ("" if self.cross_check else UNCHECKED, outbound_told(contacts, reading))
        detail = "; ".join(filter(None, told))
        yield Done(covers, kept.to_bytes(), more=span.horizon_ms < span.live_ms, detail=detail)

    def check(self, window: Window) -> Iterator[CheckLine]:
        yield password_line(self.account.secret_file)
        yield from place_lines(self.account.login, self.account.api)
        with connected(self.account) as cloud:
            yield CheckLine("ok", self.account.api.where, "a token was given")
            queues = cloud.queues()
            told = f"{len(queues)} visible: those of the divisions that the role is for"
            yield CheckLine("ok" if queues else "warning", "queues", told)
            live_ms = floor_to(to_ms(window.now - self.settle), QUARTER_MS)
            span = _Span(
                from_ms=live_ms - HOUR_MS,
                stated_ms=live_ms - HOUR_MS,
                horizon_ms=live_ms,
                live_ms=live_ms,
                by_job=False,
            )
            contacts = self._contacts(cloud, span, queue_names(queues))
            queued = sum(contact.queue is not None for contact in contacts)
            compared = "as many as the aggregates count or more" if self.cross_check else UNCHECKED
            told = f"{queued} entries of queues, {compared}"
            yield CheckLine("ok" if self.cross_check else "warning", "last hour", told)
            reach = from_ms(cloud.available_until())
            yield CheckLine("ok", "history", f"jobs reach until {reach:%Y-%m-%d %H:%M} UTC")

    def _span(self, cloud: Cloud, window: Window, cursor: LogCursor | None) -> _Span:
        live_ms = floor_to(to_ms(window.now - self.settle), QUARTER_MS)
        stated_ms = (
            cursor.stated_ms if cursor else floor_to(live_ms - int(self.history.total_seconds()) * 1000, HOUR_MS)
        )
        known_ms = cursor.from_ms if cursor else stated_ms
        horizon_ms, by_job = min(live_ms, stated_ms + _STEP_MS), False
        if live_ms - stated_ms > _FAR_MS:
            reach_ms = floor_to(cloud.available_until(), QUARTER_MS)
            if reach_ms > stated_ms + _STEP_MS:
                horizon_ms, by_job = min(live_ms, reach_ms, stated_ms + _JOB_STEP_MS), True
        return _Span(from_ms=known_ms, stated_ms=stated_ms, horizon_ms=horizon_ms, live_ms=live_ms, by_job=by_job)

    def _contacts(self, cloud: Cloud, span: _Span, names: Mapping[str, str]) -> list[Contact]:
        """Of all conversations in the span; refused where they are fewer than the aggregates count."""
        staff = staff_of(cloud.users(), self.person)
        begin_ms = _begin(span.from_ms)
        ask = cloud.conversations_by_job if span.by_job else cloud.conversations
        contacts = [contact for one in ask(begin_ms, span.horizon_ms) for contact in contacts_of(one, names, staff)]
        contacts.sort(key=lambda contact: (contact.entered_s, contact.call))
        if self.cross_check:
            _compare(contacts, cloud.offered(span.stated_ms, span.horizon_ms), names, span)
        return contacts


def person_of(options: Options) -> str:
    """The option `person`. Raises BadOption."""
    person = options.text("person", "employee_id")
    if person not in PERSONS:
        raise BadOption("person", f"one of {', '.join(PERSONS)}")
    return person


def _begin(from_ms_: int) -> int:
    """The query gives only conversations that began on a day which its interval touches: so it touches the day before
    while a call may have come over midnight."""
    day_ms = floor_to(from_ms_, DAY_MS)
    return day_ms - 60_000 if from_ms_ - day_ms < LOOK_BACK_MS else from_ms_


def _compare(contacts: list[Contact], offered: Mapping[str, int], names: Mapping[str, str], span: _Span) -> None:
    """Details that are not all there yet, or were deleted, are fewer than what the aggregates counted."""
    found = Counter(
        contact.queue for contact in contacts if span.stated_ms <= contact.entered_s * 1000 < span.horizon_ms
    )
    counted: Counter[str] = Counter()
    for queue, count in offered.items():
        counted[names.get(queue, queue)] += count
    lacking = sum(max(0, count - found[queue]) for queue, count in counted.items())
    if lacking:
        told = f"the detail lacks {lacking} of {counted.total()} calls that the aggregates count: not all there yet, or"
        raise SourceUnavailable(Reason.LIMITED, f"{told} deleted, or the role sees less detail (cross_check)")


def _next_from(contacts: list[Contact], span: _Span) -> int:
    """The hour from which slots may still change: the one that is not over, or of a call that has not ended."""
    oldest_ms = max(span.from_ms, span.horizon_ms - LOOK_BACK_MS)
    open_ms = (contact.entered_s * 1000 for contact in contacts if contact.is_open)
    changing = min((at for at in open_ms if oldest_ms <= at < span.horizon_ms), default=span.horizon_ms)
    return floor_to(changing, HOUR_MS)
