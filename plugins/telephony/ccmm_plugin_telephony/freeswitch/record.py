"""Variables of one call record → what the caller's side of a call tells, and its contacts.

mod_callcenter leaves on the caller's channel the epochs of the last queue that the call entered: joined, answered,
canceled, terminated. A record is written when the channel ends. Variables of an earlier queue stay where the later one
does not overwrite them, so an epoch before the joining is of an earlier queue.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ccmm_plugin_telephony.contact import Contact
from ccmm_plugin_telephony.instant import is_number, parse_epoch
from ccmm_proto.errors import Malformed

NEEDED = (
    *("uuid", "start_epoch", "bridge_epoch", "end_epoch", "cc_side", "cc_queue", "cc_agent", "cc_cause"),
    *("cc_queue_joined_epoch", "cc_queue_answered_epoch", "cc_queue_canceled_epoch", "cc_queue_terminated_epoch"),
    "cc_cancel_reason",
)
ENDING = ("sip_hangup_disposition", "transfer_history")  # with both: who ended a call, and whether it was transferred
USED = (*NEEDED, *ENDING, "context", "originating_leg_uuid")
MOST_TEXT = 200
_SOON_S = 2  # so far apart two epochs of the same moment may be: the module looks ten times a second
_LEFT = ("TIMEOUT", "NO_AGENT_TIMEOUT", "EXIT_WITH_KEY")
_BY_CALLER = ("recv_bye", "recv_cancel")
_BY_SWITCH = ("send_bye", "send_cancel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An earlier queue that the call entered, from the list of applications of an XML record."""

    queue: str
    at_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One side of a call. `at_s` is its end, when the record was written; epochs that are not set are None."""

    at_s: int
    started_s: int
    call: str
    bridged_s: int | None  # when somebody was reached, for a call that no queue took
    queue: str | None
    joined_s: int | None
    answered_s: int | None
    canceled_s: int | None
    terminated_s: int | None
    cause: str
    cancel_reason: str
    agent: str | None
    disposition: str
    transferred: bool
    context: str
    of_caller: bool  # False: an agent's side, of which only its end is taken
    earlier: tuple[Entry, ...] = field(default=())


def parse_record(variables: Mapping[str, str], earlier: Iterable[Entry] = ()) -> CallRecord:
    """Raises Malformed with one word for why: fields, time or text."""
    uuid = _text(variables.get("uuid", ""))
    if not uuid:
        raise Malformed("fields")
    ended_s = parse_epoch(variables.get("end_epoch", ""))
    queue, joined_s = _text(variables.get("cc_queue", "")) or None, _epoch(variables.get("cc_queue_joined_epoch", ""))
    return CallRecord(
        at_s=ended_s,
        started_s=min(ended_s, parse_epoch(variables.get("start_epoch", ""))),
        call=uuid,
        bridged_s=_epoch(variables.get("bridge_epoch", "")),
        queue=queue,
        joined_s=joined_s,
        answered_s=_not_before(joined_s, _epoch(variables.get("cc_queue_answered_epoch", ""))),
        canceled_s=_not_before(joined_s, _epoch(variables.get("cc_queue_canceled_epoch", ""))),
        terminated_s=_not_before(joined_s, _epoch(variables.get("cc_queue_terminated_epoch", ""))),
        cause=_text(variables.get("cc_cause", "")).lower(),
        cancel_reason=_text(variables.get("cc_cancel_reason", "")).upper(),
        agent=_text(variables.get("cc_agent", "")) or None,
        disposition=_text(variables.get("sip_hangup_disposition", "")).lower(),
        transferred="xfer" in variables.get("transfer_history", ""),
        context=_text(variables.get("context", "")),
        of_caller=_text(variables.get("cc_side", "")) != "agent" and not variables.get("originating_leg_uuid"),
        earlier=tuple(earlier),
    )


def contacts_of(record: CallRecord, staff: Mapping[str, str], directions: Mapping[str, str]) -> Iterator[Contact]:
    """One for each queue that the call entered, one without queue where there was none; of an agent's side none."""
    if not record.of_caller:
        return
    if record.queue is None or record.joined_s is None:
        yield _without_queue(record, directions)
        return
    for entry in record.earlier:
        # Left for another queue; whether an agent had answered there before transferring it, the record does not say.
        outcome, lost = ("waiting", True) if record.transferred else ("left", False)
        yield Contact(
            call=record.call,
            queue=entry.queue,
            entered_s=entry.at_s,
            outcome=outcome,  # type: ignore[arg-type]  # one of two words of Outcome
            ended_by=None if lost else "system",
            lost=lost,
        )
    yield _last(record, staff)


def _last(record: CallRecord, staff: Mapping[str, str]) -> Contact:
    assert record.queue is not None
    assert record.joined_s is not None
    contact = Contact(call=record.call, queue=record.queue, entered_s=record.joined_s)
    if record.cause == "answered" and record.answered_s is not None:
        ended_s = record.terminated_s if record.terminated_s is not None else record.at_s
        contact.outcome, contact.wait_s = "answered", record.answered_s - record.joined_s
        contact.talk_s = max(0, ended_s - record.answered_s)
        contact.agent = staff.get(record.agent, record.agent) if record.agent else None
        contact.ended_by = _ended_by(record)
    elif record.cause == "cancel" and record.canceled_s is not None:
        left = record.cancel_reason in _LEFT or record.at_s - record.canceled_s > _SOON_S
        contact.outcome, contact.ended_by = ("left", "system") if left else ("abandoned", "caller")
        contact.wait_s = record.canceled_s - record.joined_s
    else:  # the call ended in the queue before the module wrote how: nobody answered
        contact.outcome, contact.ended_by = "abandoned", "caller"
        contact.wait_s = max(0, record.at_s - record.joined_s)
    return contact


def _ended_by(record: CallRecord) -> str | None:
    """Who ended an answered call; None where the record does not say."""
    if record.transferred:
        return "transfer"
    if record.terminated_s is not None and record.at_s - record.terminated_s > _SOON_S:
        return "agent"  # the caller went on without the agent, to a survey say
    if record.disposition in _BY_CALLER:
        return "caller"
    return "agent" if record.disposition in _BY_SWITCH else None


def _without_queue(record: CallRecord, directions: Mapping[str, str]) -> Contact:
    answered = record.bridged_s is not None
    return Contact(
        call=record.call,
        queue=None,
        entered_s=record.started_s,
        outcome="answered" if answered else "left",
        talk_s=max(0, record.at_s - record.bridged_s) if record.bridged_s is not None else None,
        direction=directions.get(record.context),
        system="cdr",
    )


def _not_before(joined_s: int | None, at_s: int | None) -> int | None:
    """An epoch before the joining is of an earlier queue."""
    return at_s if joined_s is not None and at_s is not None and at_s >= joined_s else None


def _epoch(text: str) -> int | None:
    """None where it is not set, which is written as nothing or 0."""
    if not text.strip("0"):
        return None
    if not is_number(text):
        raise Malformed("time")
    return parse_epoch(text)


def _text(text: str) -> str:
    if len(text) > MOST_TEXT or not text.isprintable():
        raise Malformed("text")
    return text.strip()
