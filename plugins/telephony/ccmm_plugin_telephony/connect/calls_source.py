"""The source `amazon_connect`: voice contacts by the contact search, with their detail where that is wanted."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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
from ccmm_plugin_telephony.connect.api import Account, Api, connected
from ccmm_plugin_telephony.connect.contact_record import (
    FOLLOWS,
    OUT,
    Detail,
    Record,
    contacts_of,
    kept_detail,
    key_of,
    parse_detail,
    parse_record,
    wanting_detail,
    with_detail,
)
from ccmm_plugin_telephony.connect.people import names_of, staff_of
from ccmm_plugin_telephony.contact import Contact
from ccmm_plugin_telephony.cursor import LogCursor, parse_cursor
from ccmm_plugin_telephony.queue_facts import WAITS, Reading, contact_facts, hour_facts, outbound_told
from ccmm_plugin_telephony.stated import Stated
from ccmm_proto.period import HOUR_MS, QUARTER_MS, floor_to, from_ms, to_ms

LOOK_BACK_MS: Final = 4 * HOUR_MS  # a call that has not ended by then stays unfinished
_STEP_MS: Final = HOUR_MS  # what one batch takes
_MOST_HISTORY: Final = timedelta(days=30)
_DETAILS: Final = 100  # of one batch: two a second is the quota
_TOLD: Final = (
    *("calls_offered", "calls_answered", "calls_abandoned", "calls_left"),
    *("calls_transferred", "short_calls", "talk_time"),
)
_TOLD_OF_DETAIL: Final = ("agent_releases", "hold_time", "after_call_time")
_QUEUED: Final = "CONTACTS_QUEUED_BY_ENQUEUE"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What one batch took: slots from `from_ms` are read again, those from `stated_ms` to `horizon_ms` are new."""

    from_ms: int
    stated_ms: int
    horizon_ms: int
    live_ms: int
    records: tuple[Record, ...]
    details: Mapping[str, Detail] | None
    whole: bool  # no detail is lacking
    queues: Mapping[str, str]
    staff: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacts(Source):
    """Calls in queues, waits and talk by the quarter hour; every call by the hour; recordings where wanted."""

    plugin: ClassVar[str] = "amazon_connect"
    value: ClassVar[int] = 90
    example: ClassVar[str] = """\
# Voice contacts of Amazon Connect, read only: docs/plugins/amazon_connect.md for the policy of the access key.
[[source]]
name = "calls"
plugin = "amazon_connect"
every = "15m"
region = "eu-central-1"
account_id = "123456789012"
instance_id = "00000000-0000-0000-0000-000000000000"
access_key_id = "AKIAEXAMPLEEXAMPLE00"
secret_file = "/etc/ccmm/connect.secret"   # the secret access key: one line, readable by the agent only
person_tag = "employee_id"           # the user's tag that holds the staff id; without it the user name counts
# detail = true                      # also who ended a call, hold, after-call work, recordings; two calls a second
history = "1d"                       # how much is read at first; at most 30d
settle = "30m"                       # a quarter hour is stated this long after it ended
cross_check = true                   # the search against the metrics (contacts queued); a part is never stated
recordings_required = true           # whether every answered call must have a recording
searches_per_minute = 30             # the account's quota of SearchContacts: 30 unless AWS raised it
# call_timeout = "30s"               # for one answer
# endpoint_url = "https://vpce-....connect.eu-central-1.vpce.amazonaws.com"   # only for a private endpoint
# ca_file = "/etc/ccmm/proxy-ca.pem" # only behind a proxy that signs certificates itself
# proxy = "http://proxy.example:3128" # asked through it, by CONNECT
# proxy_user = "ccmm"                # only where the proxy asks for a log-in
# proxy_password_file = "/etc/ccmm/proxy.password"
"""

    account: Account
    person_tag: str | None = None
    detail: bool = False
    history: timedelta = timedelta(days=1)
    settle: timedelta = timedelta(minutes=30)
    cross_check: bool = True
    recordings_required: bool = True

    @property
    def feeds(self) -> tuple[str, ...]:
        return (*self._told(), *WAITS, "call", *(("recording",) if self.detail else ()))

    @classmethod
    def from_options(cls, options: Options) -> Self:
        history = timedelta(seconds=options.seconds("history", 86_400))
        if history > _MOST_HISTORY:
            raise BadOption("history", "at most 30d")
        return cls(
            account=Account.from_options(options),
            person_tag=options.text("person_tag", None),
            detail=options.flag("detail", False),
            history=history,
            settle=timedelta(seconds=options.seconds("settle", 1800)),
            cross_check=options.flag("cross_check", True),
            recordings_required=options.flag("recordings_required", True),
        )

    def manifest(self) -> Manifest:
        return self.account.manifest()

    def read(self, window: Window) -> Iterator[Observation | Done]:
        cursor = parse_cursor(window.cursor)
        live_ms = floor_to(to_ms(window.now - self.settle), QUARTER_MS)
        first_ms = floor_to(live_ms - int(self.history.total_seconds()) * 1000, HOUR_MS)
        stated_ms = cursor.stated_ms if cursor else first_ms
        if live_ms <= stated_ms:
            yield Done(None, window.cursor)
            return
        with connected(self.account) as api:
            look = self._look(api, window, cursor, stated_ms, live_ms)
        if not look.whole:  # the next batch asks for the rest
            yield Done(None, _cursor(look, cursor, {}, stated_ms, stated_ms).to_bytes(), more=True)
            return
        contacts = contacts_of(look.records, look.queues, look.staff, look.details)
        reading = Reading(
            from_ms=look.from_ms,
            stated_ms=stated_ms,
            horizon_ms=look.horizon_ms,
            required=self.recordings_required,
            told=frozenset(self._told()),
        )
        stated = Stated(cursor.slots if cursor else {})
        yield from contact_facts(contacts, reading, stated)
        if look.details is not None:
            yield from hour_facts("recording", _recordings(contacts, look.details, reading), reading, stated)
        next_ms = _next_from(contacts, look)
        kept = _cursor(look, cursor, stated.kept(next_ms), look.horizon_ms, next_ms)
        covers = (from_ms(stated_ms), from_ms(look.horizon_ms))
        unchecked = "" if self.cross_check else "not compared with the metrics (cross_check = false)"
        detail = "; ".join(filter(None, (unchecked, outbound_told(contacts, reading))))
        yield Done(covers, kept.to_bytes(), more=look.horizon_ms < look.live_ms, detail=detail)

    def check(self, window: Window) -> Iterator[CheckLine]:
        yield password_line(self.account.secret_file)
        yield from place_lines(self.account.place)
        live_ms = floor_to(to_ms(window.now - self.settle), QUARTER_MS)
        with connected(self.account) as api:
            look = self._look(api, window, None, live_ms - HOUR_MS, live_ms)
        yield CheckLine("ok", self.account.where, "the access key is accepted")
        yield CheckLine("ok" if look.queues else "warning", "queues", f"{len(look.queues)} visible")
        queued = sum(record.queued_s is not None for record in look.records)
        yield CheckLine("ok", "last hours", f"{len(look.records)} voice contacts, {queued} of them through a queue")
        if not self.detail:
            told = "off: a call that a flow ends in its queue counts as abandoned; no hold, no recordings"
            yield CheckLine("ok", "detail", told)

    def _told(self) -> tuple[str, ...]:
        return (*_TOLD, *_TOLD_OF_DETAIL) if self.detail else _TOLD

    def _look(self, api: Api, window: Window, cursor: LogCursor | None, stated_ms: int, live_ms: int) -> _Look:
        from_ms_ = cursor.from_ms if cursor else stated_ms
        horizon_ms = min(live_ms, stated_ms + _STEP_MS)
        queues, staff = names_of(api.queues()), staff_of(api.users(), self.person_tag)
        # What follows a contact begins when that ends, perhaps hours later.
        until = min(window.now, from_ms(horizon_ms + LOOK_BACK_MS))
        begin = from_ms(from_ms_)
        parts = [*api.queued(begin, from_ms(horizon_ms)), *api.begun(begin, until, FOLLOWS + OUT)]
        found = (parse_record(part) for part in parts)
        records = tuple({record.id: record for record in found if record is not None}.values())
        if self.cross_check:
            self._compare(api, records, queues, stated_ms, horizon_ms)
        details, whole = None, True
        if self.detail:
            details, whole = _details(api, records, cursor, (from_ms_, horizon_ms), window.now)
            records = with_detail(records, details)
        return _Look(
            from_ms=from_ms_,
            stated_ms=stated_ms,
            horizon_ms=horizon_ms,
            live_ms=live_ms,
            records=records,
            details=details,
            whole=whole,
            queues=queues,
            staff=staff,
        )

    def _compare(
        self, api: Api, records: Sequence[Record], queues: Mapping[str, str], stated_ms: int, horizon_ms: int
    ) -> None:
        """A search that is not all there yet, or that leaves something out, has fewer contacts than the metrics."""
        begin, end = from_ms(stated_ms), from_ms(horizon_ms)
        counted = api.metrics(begin, end, [_QUEUED], "QUEUE", sorted(queues), voice=True)
        found = Counter(
            record.queue
            for record in records
            if record.queued_s is not None and stated_ms <= record.queued_s * 1000 < horizon_ms
        )
        wanted = {queue: int(of.get(_QUEUED, 0)) for queue, of in counted.items()}
        lacking = sum(max(0, count - found[queue]) for queue, count in wanted.items())
        if lacking:
            told = f"the contact search lacks {lacking} of {sum(wanted.values())} contacts that the metrics count as"
            raise SourceUnavailable(Reason.LIMITED, f"{told} queued: not all there yet, or hidden (cross_check)")


def _details(
    api: Api, records: Sequence[Record], cursor: LogCursor | None, span_ms: tuple[int, int], now: datetime
) -> tuple[dict[str, Detail], bool]:
    """Of the contacts of these slots, those that the cursor kept and so many more; whether that is all."""
    known = _kept_details(cursor)
    wanting = wanting_detail(records, known, span_ms[0] / 1000, span_ms[1] / 1000, now.timestamp())
    learned = 0
    for record in wanting[:_DETAILS]:
        if api.left_s < 5:
            return known, False
        if (detail := parse_detail(api.detail(record.id))) is not None:
            known[record.key] = detail
            learned += 1
    # A batch that learned nothing waits for no other: all its agents are still at work, and are asked about again.
    return known, len(wanting) <= _DETAILS or not learned


def _kept_details(cursor: LogCursor | None) -> dict[str, Detail]:
    kept = cursor.state.get("details", {}) if cursor else {}
    try:
        return {str(key): kept_detail(detail) for key, detail in kept.items()} if isinstance(kept, dict) else {}
    except (TypeError, ValueError) as error:
        raise SourceUnavailable(Reason.UNREADABLE, "the cursor of this source is damaged") from error


def _cursor(
    look: _Look, before: LogCursor | None, slots: Mapping[str, tuple[int, str]], stated_ms: int, next_ms: int
) -> LogCursor:
    """Where the next batch goes on; `stated_ms` unchanged: nothing was stated, only details were gathered."""
    waiting = stated_ms == look.stated_ms
    since_ms = look.from_ms if waiting else next_ms
    kept = {
        record.key: detail.kept()
        for record in look.records
        if look.details is not None
        and (detail := look.details.get(record.key)) is not None
        and record.queued_s is not None
        and record.queued_s * 1000 >= since_ms
    }
    return LogCursor(
        stated_ms=stated_ms,
        from_ms=since_ms,
        position=None,
        slots=(before.slots if before else {}) if waiting else slots,
        state={"details": kept},
    )


def _recordings(contacts: Sequence[Contact], details: Mapping[str, Detail], reading: Reading) -> Iterator[facts.Row]:
    for contact in contacts:
        detail = details.get(key_of(contact.call))
        if detail is not None and detail.length_s is not None and reading.holds(contact):
            yield (
                contact.call,
                from_ms(contact.entered_s * 1000),
                {
                    "call": contact.call,
                    "agent": contact.agent,
                    "queue": contact.queue,
                    "length": round(detail.length_s),
                    "playable": detail.playable,
                },
            )


def _next_from(contacts: Sequence[Contact], look: _Look) -> int:
    """The hour from which slots may still change: the one that is not over, or of a call that has not ended."""
    oldest_ms = max(look.from_ms, look.horizon_ms - LOOK_BACK_MS)
    open_ms = (contact.entered_s * 1000 for contact in contacts if contact.is_open)
    changing = min((at for at in open_ms if oldest_ms <= at < look.horizon_ms), default=look.horizon_ms)
    return floor_to(changing, HOUR_MS)
