"""Contacts and agent times → observations: what one reading of a switch states."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from ccmm_agent import facts
from ccmm_agent.plugin import Observation
from ccmm_plugin_telephony.agent_time import LOGIN, AgentTime
from ccmm_plugin_telephony.contact import Contact
from ccmm_plugin_telephony.stated import GREW, LATE, Stated
from ccmm_proto.period import DAY_MS, HOUR_MS, QUARTER_MS, floor_to, from_ms

COUNTS = (
    *("calls_offered", "calls_answered", "calls_abandoned", "calls_left"),
    *("calls_transferred", "agent_releases", "short_calls", "ring_no_answer"),
)
EXTRAS = ("calls_from_ivr", "calls_on_standby")
SUMS = ("talk_time", "hold_time", "after_call_time")
WAITS = ("wait_answered", "wait_abandoned")
AGENT_FEEDS = ("login_time", "pause_time", "session")
SHORT_TALK_S = 10
_ALWAYS = ("calls_offered", "calls_answered", "calls_abandoned")
_NO_REASON = "unstated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is stated: slots from `from_ms` on are known in full, those from `stated_ms` to `horizon_ms` are new."""

    from_ms: int
    stated_ms: int
    horizon_ms: int
    required: bool | None  # whether answered calls must be recorded
    told: frozenset[str]  # the counts and sums that this switch tells; of the others nothing is stated, not even zero

    def is_new(self, ends_ms: int) -> bool:
        return ends_ms > self.stated_ms

    def holds(self, contact: Contact) -> bool:
        return self.from_ms <= contact.entered_s * 1000 < self.horizon_ms


def contact_facts(contacts: Iterable[Contact], reading: Reading, stated: Stated) -> Iterator[Observation]:
    """Oldest first: queue × quarter hour, then calls by the hour."""
    known = [contact for contact in contacts if reading.holds(contact)]
    yield from _quarters(known, reading, stated)
    yield from hour_facts("call", _call_rows(known, reading), reading, stated)


def outbound_told(contacts: Iterable[Contact], reading: Reading) -> str:
    """For the detail of a run: calls out are in `call` alone, though a switch may send them through a queue."""
    n = sum(one.queue is not None and one.direction == "out" and reading.holds(one) for one in contacts)
    return f"{n} outbound calls of queues are in no figure" if n else ""


def agent_facts(agents: AgentTime, reading: Reading, stated: Stated) -> Iterator[Observation]:
    """Oldest first: sessions by the hour, then staff × day."""
    yield from hour_facts("session", _session_rows(agents, reading), reading, stated)
    yield from _days(agents, reading)


def _quarters(contacts: Iterable[Contact], reading: Reading, stated: Stated) -> Iterator[Observation]:
    slots: dict[tuple[int, str], list[Contact]] = defaultdict(list)
    for contact in contacts:
        if contact.queue is not None and contact.direction != "out":
            slots[floor_to(contact.entered_s * 1000, QUARTER_MS), contact.queue].append(contact)
    for (start_ms, queue), members in sorted(slots.items(), key=lambda slot: slot[0]):
        content = [
            (
                c.outcome,
                c.wait_s,
                c.talk_s,
                c.hold_s,
                c.after_s,
                c.ended_by,
                c.unanswered_rings,
                c.from_ivr,
                c.on_standby,
            )
            for c in members
        ]
        due = reading.is_new(start_ms + QUARTER_MS)
        revision = stated.revision(f"queue/{queue}/{start_ms}", content, due=due)
        if revision is not None:
            yield from quarter_facts(queue, from_ms(start_ms), members, revision, reading.told)


def quarter_facts(
    queue: str, start: datetime, members: list[Contact], revision: int, told: frozenset[str]
) -> Iterator[Observation]:
    """What one quarter hour of a queue held; with a revision also each zero."""
    reason = LATE if revision else ""
    waiting = sum(contact.outcome == "waiting" for contact in members)
    counts = _counts(members)
    said = bool(revision or waiting)  # else a zero needs no row: absent within the covered time is none
    for id, n in counts.items():
        if id in told and (n or said or id in _ALWAYS):
            yield facts.count(id, start, n, unfinished=waiting, revision=revision, reason=reason, queue=queue)
    for id, outcome in (("wait_answered", "answered"), ("wait_abandoned", "abandoned")):
        ended = [contact.wait_s for contact in members if contact.outcome == outcome]
        waits = [wait_s for wait_s in ended if wait_s is not None]
        open_ = waiting + len(ended) - len(waits)  # one whose wait is not told is in no bucket
        if waits or open_ or said:
            yield facts.histogram(id, start, waits, unfinished=open_, revision=revision, reason=reason, queue=queue)
    for id, lasted in _sums(members):
        open_ = waiting + counts["calls_answered"] - len(lasted)
        if id in told and (lasted or open_ or said):
            total, n = sum(lasted), len(lasted)
            yield facts.seconds(
                id, start, total, n, unfinished=open_, revision=revision, revision_reason=reason, queue=queue
            )


def _counts(members: list[Contact]) -> dict[str, int]:
    return {
        "calls_offered": len(members),
        "calls_answered": sum(contact.outcome == "answered" for contact in members),
        "calls_abandoned": sum(contact.outcome == "abandoned" for contact in members),
        "calls_left": sum(contact.outcome == "left" for contact in members),
        "calls_transferred": sum(contact.ended_by == "transfer" for contact in members),
        "agent_releases": sum(contact.ended_by == "agent" for contact in members),
        "short_calls": sum(contact.talk_s is not None and contact.talk_s < SHORT_TALK_S for contact in members),
        "ring_no_answer": sum(contact.unanswered_rings for contact in members),
        "calls_from_ivr": sum(contact.from_ivr for contact in members),
        "calls_on_standby": sum(contact.on_standby for contact in members),
    }


def _sums(members: list[Contact]) -> Iterator[tuple[str, list[float]]]:
    yield "talk_time", [contact.talk_s for contact in members if contact.talk_s is not None]
    yield "hold_time", [contact.hold_s for contact in members if contact.hold_s is not None]
    yield "after_call_time", [contact.after_s for contact in members if contact.after_s is not None]


def _call_rows(contacts: Iterable[Contact], reading: Reading) -> Iterator[facts.Row]:
    for contact in contacts:
        answered = contact.outcome == "answered"
        yield (
            contact.call,
            from_ms(contact.entered_s * 1000),
            {
                "system": contact.system,
                "call": contact.call,
                "number": contact.number,
                "shown_number": contact.shown_number,
                "queue": contact.queue,
                "agent": contact.agent,
                "direction": contact.direction,
                "answered": answered if contact.outcome != "waiting" else None,
                "required": reading.required,
                "talk": _whole(contact.talk_s),
                "wait": _whole(contact.wait_s),
                "released_by": "system" if contact.ended_by == "transfer" else contact.ended_by,
            },
        )


def _whole(seconds: float | None) -> int | None:
    return int(seconds) if seconds is not None else None


def _session_rows(agents: AgentTime, reading: Reading) -> Iterator[facts.Row]:
    """A row for each hour that a session touches, so that an hour never changes when a session ends hours later."""
    for stay in agents.stays_until(reading.horizon_ms // 1000):
        starts_ms = max(stay.since_s * 1000, reading.from_ms)
        while starts_ms < stay.until_s * 1000:
            ends_ms = min(stay.until_s * 1000, floor_to(starts_ms, HOUR_MS) + HOUR_MS)
            lasted = (ends_ms - starts_ms) // 1000
            yield stay.agent, from_ms(starts_ms), {"system": "acd", "person": stay.agent, "lasted": lasted}
            starts_ms = ends_ms


def hour_facts(kind: str, rows: Iterable[facts.Row], reading: Reading, stated: Stated) -> Iterator[Observation]:
    """Rows of a kind by the hour; an hour that is not over is stated as far as it is known, and again as it grows."""
    hours: dict[int, list[facts.Row]] = defaultdict(list)
    for row in rows:
        hours[floor_to(int(row[1].timestamp()) * 1000, HOUR_MS)].append(row)
    for hour_ms, members in sorted(hours.items()):
        whole = hour_ms + HOUR_MS <= reading.horizon_ms
        new = reading.is_new(hour_ms + HOUR_MS)
        ordered = sorted(members, key=lambda row: (row[0], row[1]))
        revision = stated.revision(f"{kind}/{hour_ms}", [whole, *ordered], due=new)
        if revision is not None:
            reason = "" if not revision else GREW if new else LATE
            yield facts.roll(kind, from_ms(hour_ms), ordered, complete=whole, revision=revision, reason=reason)


def _days(agents: AgentTime, reading: Reading) -> Iterator[Observation]:
    """The UTC days that are over now and were not before."""
    day_ms = floor_to(reading.stated_ms, DAY_MS)
    while day_ms + DAY_MS <= reading.horizon_ms:
        start = from_ms(day_ms)
        for (agent, word), (total, n) in sorted(agents.day(day_ms // 1000).items()):
            if word == LOGIN:
                yield facts.seconds("login_time", start, total, n, agent=agent)
            else:
                reason = word.removeprefix("pause/") or _NO_REASON
                yield facts.seconds("pause_time", start, total, n, agent=agent, reason=reason)
        day_ms += DAY_MS
