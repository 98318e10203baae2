"""A conversation of the analytics detail → contacts: one for each time it entered a queue.

Every entering of a queue is a session of a participant `acd`, with the metric `nOffered` at that moment, and `tAbandon`
where the caller gave up. The agent who took the call has a session with `tAnswered`, which is the wait. These are facts
of the call: the service level that the reports show is computed anew whenever its settings change.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ccmm_plugin_telephony.contact import Contact
from ccmm_plugin_telephony.genesys.shape import Object, instant_of, number_of, objects, text_of
from ccmm_proto.errors import Malformed

_STAFF = ("agent", "user")
_BY = {"client": "agent", "endpoint": "agent", "peer": "caller", "system": "system", "timeout": "system"}
_BY |= {"error": "system", "transfer": "transfer"}
_SLACK_MS = 5000  # two metrics of one moment are apart by some milliseconds
_DIRECTIONS = {"inbound": "in", "outbound": "out"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One voice session of a participant: its metrics in milliseconds, by name, with when each was told."""

    user: str
    queue: str
    starts_ms: int | None
    ends_ms: int | None  # None: it goes on
    metrics: Mapping[str, tuple[int, float]]  # the last of a name: when, and its sum
    ended_by: str

    def seconds(self, name: str) -> float | None:
        found = self.metrics.get(name)
        return found[1] / 1000 if found is not None else None

    def at_ms(self, name: str) -> int | None:
        found = self.metrics.get(name)
        return found[0] if found is not None else None


@dataclass(slots=True, kw_only=True)
class _Entry:
    """One entering of a queue, and the agent's session that answered it."""

    session: Session
    entered_ms: int
    answer: Session | None = None
    rings: list[Session] = field(default_factory=list)


def contacts_of(conversation: Object, queues: Mapping[str, str], staff: Mapping[str, str]) -> list[Contact]:
    """In the order of entering; one without queue where no queue took the call. Raises Malformed.

    `queues` are their names by id; `staff` who a user is, by the user's id.
    """
    call = text_of(conversation, "conversationId")
    if not call:
        raise Malformed("a conversation without id")
    ended = instant_of(conversation, "conversationEnd") is not None
    direction = _DIRECTIONS.get(text_of(conversation, "originatingDirection"))
    by_purpose = _sessions(conversation)
    agents = [session for purpose in _STAFF for session in by_purpose.get(purpose, ())]
    entries = _paired(by_purpose.get("acd", ()), agents)
    if not entries:
        return list(_without_queue(conversation, call, direction, by_purpose, agents, ended=ended))
    return [
        _contact(entry, call, queues.get(entry.session.queue, entry.session.queue), direction, staff, ended=ended)
        for entry in entries
    ]


def _sessions(conversation: Object) -> dict[str, list[Session]]:
    found: dict[str, list[Session]] = {}
    for participant in objects(conversation, "participants"):
        for session in objects(participant, "sessions"):
            if text_of(session, "mediaType") == "voice":
                parsed = _session(session, text_of(participant, "userId"))
                found.setdefault(text_of(participant, "purpose"), []).append(parsed)
    return found


def _session(session: Object, user: str) -> Session:
    segments = objects(session, "segments")
    starts = [at for segment in segments if (at := instant_of(segment, "segmentStart")) is not None]
    ends = [instant_of(segment, "segmentEnd") for segment in segments]
    told = [at for at in ends if at is not None]
    metrics: dict[str, tuple[int, float]] = {}
    for metric in objects(session, "metrics"):
        name, at_ms, value = text_of(metric, "name"), instant_of(metric, "emitDate"), number_of(metric, "value")
        if name and at_ms is not None and value is not None:
            before = metrics.get(name, (at_ms, 0.0))
            metrics[name] = (max(before[0], at_ms), before[1] + value)
    return Session(
        user=user,
        queue=next((queue for segment in segments if (queue := text_of(segment, "queueId"))), ""),
        starts_ms=min(starts, default=None),
        ends_ms=max(told) if told and len(told) == len(ends) else None,
        metrics=metrics,
        ended_by=_ended_by(segments),
    )


def _ended_by(segments: Iterable[Object]) -> str:
    """How the last stretch of talk or hold ended: what comes after it is after-call work."""
    words = [text_of(segment, "disconnectType") for segment in segments if text_of(segment, "segmentType") in _TALKING]
    return next((word for word in reversed(words) if word), "")


_TALKING = ("interact", "hold")


def _paired(queued: Iterable[Session], agents: Iterable[Session]) -> list[_Entry]:
    entries = sorted((entry for session in queued if (entry := _entry(session))), key=lambda entry: entry.entered_ms)
    for session in sorted(agents, key=lambda one: one.at_ms("tAnswered") or 0):
        answered_ms, missed_ms = session.at_ms("tAnswered"), session.at_ms("tNotResponding")
        if answered_ms is not None:
            free = [entry for entry in entries if entry.answer is None and _may_end(entry.session, answered_ms)]
            if (entry := _latest(free, session, answered_ms)) is not None:
                entry.answer = session
        elif missed_ms is not None and (rung := _latest(entries, session, missed_ms)) is not None:
            rung.rings.append(session)
    return entries


def _may_end(queued: Session, answered_ms: int) -> bool:
    """An answer ends the time in the queue: a second agent's, long after it, is none of this entering."""
    if "tAbandon" in queued.metrics:
        return False
    return queued.ends_ms is None or abs(queued.ends_ms - answered_ms) <= _SLACK_MS


def _entry(session: Session) -> _Entry | None:
    entered_ms = session.at_ms("nOffered") or session.starts_ms
    return _Entry(session=session, entered_ms=entered_ms) if session.queue and entered_ms is not None else None


def _latest(entries: list[_Entry], session: Session, at_ms: int) -> _Entry | None:
    """The last entering of the same queue before that moment."""
    before = [one for one in entries if one.session.queue == session.queue and one.entered_ms <= at_ms + _SLACK_MS]
    return before[-1] if before else None


def _contact(
    entry: _Entry, call: str, queue: str, direction: str | None, staff: Mapping[str, str], *, ended: bool
) -> Contact:
    contact = Contact(call=call, queue=queue, entered_s=entry.entered_ms // 1000, direction=direction or "in")
    contact.unanswered_rings = len(entry.rings)
    if entry.answer is not None:
        contact.outcome, contact.wait_s = "answered", entry.answer.seconds("tAnswered")
        contact.agent = staff.get(entry.answer.user, entry.answer.user) or None
        if entry.answer.ends_ms is not None:  # the call may be over, and the agent at work after it
            _end(contact, entry.answer)
    elif (waited_s := entry.session.seconds("tAbandon")) is not None:
        contact.outcome, contact.wait_s, contact.ended_by = "abandoned", waited_s, "caller"
    elif ended or entry.session.ends_ms is not None:
        contact.outcome, contact.ended_by = "left", "system"
        contact.wait_s = entry.session.seconds("tFlowOut") or entry.session.seconds("tAcd")
    return contact


def _end(contact: Contact, answer: Session) -> None:
    """What the agent's session tells when it is over, work after the call as well."""
    contact.talk_s = answer.seconds("tTalkComplete") or answer.seconds("tTalk") or 0.0
    contact.hold_s = answer.seconds("tHeldComplete") or answer.seconds("tHeld") or 0.0
    contact.after_s = answer.seconds("tAcw") or 0.0
    contact.ended_by = "transfer" if "nTransferred" in answer.metrics else _BY.get(answer.ended_by)


def _without_queue(
    conversation: Object,
    call: str,
    direction: str | None,
    by_purpose: Mapping[str, list[Session]],
    agents: list[Session],
    *,
    ended: bool,
) -> Iterator[Contact]:
    """A call with somebody outside that no queue took; talk within the house is no call of the center."""
    started_ms = instant_of(conversation, "conversationStart")
    outside = by_purpose.get("customer", []) + by_purpose.get("external", [])
    if not outside or started_ms is None:
        return
    talks = [seconds for session in agents if (seconds := session.seconds("tTalkComplete") or session.seconds("tTalk"))]
    contact = Contact(call=call, queue=None, entered_s=started_ms // 1000, direction=direction)
    if talks:
        contact.outcome, contact.talk_s = "answered", sum(talks) if ended else None
    elif ended:
        contact.outcome = "left"
    yield contact
