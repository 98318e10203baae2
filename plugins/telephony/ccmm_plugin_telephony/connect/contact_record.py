"""A contact of Amazon Connect's contact search, and its detail → one entering of a queue.

Each time in a queue is a contact of its own: a transfer makes a new one that names the one before. The search tells
when a contact joined its queue, reached an agent and ended; who ended it only the detail tells.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ccmm_plugin_telephony.contact import Contact
from ccmm_plugin_telephony.instant import EARLIEST_S, LATEST_S
from ccmm_proto.errors import Malformed

Part = Mapping[str, object]
FOLLOWS = ("TRANSFER", "QUEUE_TRANSFER", "CALLBACK")
OUT = ("OUTBOUND", "EXTERNAL_OUTBOUND")
_ENDED_BY = {"CUSTOMER_DISCONNECT": "caller", "AGENT_DISCONNECT": "agent"}
DETAIL_AFTER_S = 900  # after its end: until then its recording, or the work after it, may still be under way
_MOST_TEXT = 200
_MOST_S = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the search tells of one contact; times in seconds since the epoch."""

    id: str
    before: str  # the contact that this one goes on with, empty for none
    method: str
    queue: str
    agent: str
    started_s: float
    queued_s: float | None
    answered_s: float | None
    ended_s: float | None

    @property
    def key(self) -> str:
        """Of the detail that a cursor keeps, which holds no ids."""
        return key_of(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """What only DescribeContact tells. `length_s` None: no recording; seconds None: not told."""

    reason: str = ""
    hold_s: float | None = None
    after_s: float | None = None
    length_s: float | None = None
    playable: bool = False

    def kept(self) -> list[object]:
        """As JSON values, for the cursor."""
        return [self.reason, self.hold_s, self.after_s, self.length_s, self.playable]


def key_of(id: str) -> str:
    """A short digest of an id."""
    return hashlib.sha256(id.encode()).hexdigest()[:24]


def parse_record(part: Part) -> Record | None:
    """None: no voice. Raises Malformed for a contact without id or beginning."""
    if text_of(part, "Channel") != "VOICE":
        return None
    id, started_s = text_of(part, "Id"), second_of(part, "InitiationTimestamp")
    if not id or started_s is None:
        raise Malformed("a contact without id or beginning")
    queue, agent = part_of(part, "QueueInfo"), part_of(part, "AgentInfo")
    return Record(
        id=id,
        before=text_of(part, "PreviousContactId"),
        method=text_of(part, "InitiationMethod"),
        queue=text_of(queue, "Id"),
        agent=text_of(agent, "Id"),
        started_s=started_s,
        queued_s=second_of(queue, "EnqueueTimestamp"),
        answered_s=second_of(agent, "ConnectedToAgentTimestamp"),
        ended_s=second_of(part, "DisconnectTimestamp"),
    )


def parse_detail(part: Part) -> Detail | None:
    """None: the agent is still at work after the contact. Raises Malformed."""
    agent = part_of(part, "AgentInfo")
    if second_of(agent, "AfterContactWorkStartTimestamp") and not second_of(agent, "AfterContactWorkEndTimestamp"):
        return None
    sounds = [one for one in parts_of(part, "Recordings") if text_of(one, "MediaStreamType") in ("AUDIO", "")]
    spans = [span for one in sounds if (span := _span(one)) is not None]
    return Detail(
        reason=text_of(part, "DisconnectReason"),
        hold_s=_seconds(agent, "AgentInitiatedHoldDuration"),
        after_s=_seconds(agent, "AfterContactWorkDuration"),
        length_s=max(spans, default=0.0) if sounds else None,
        playable=any(text_of(one, "Status") == "AVAILABLE" for one in sounds) and any(span > 0 for span in spans),
    )


def kept_detail(kept: object) -> Detail:
    """The detail that a cursor kept. Raises TypeError or ValueError for anything else."""
    if not isinstance(kept, list) or len(kept) != 5:
        raise TypeError("a list of five is expected")
    reason, hold_s, after_s, length_s, playable = kept
    numbers = [float(one) if one is not None else None for one in (hold_s, after_s, length_s)]
    return Detail(
        reason=str(reason), hold_s=numbers[0], after_s=numbers[1], length_s=numbers[2], playable=bool(playable)
    )


def contacts_of(
    records: Iterable[Record], queues: Mapping[str, str], staff: Mapping[str, str], details: Mapping[str, Detail] | None
) -> list[Contact]:
    """By their entering. `details` None: they were not asked for."""
    listed = list(records)
    follows = {record.before: record for record in listed if record.before and record.method in FOLLOWS}
    found = [
        _contact(record, queues, staff, follows, details.get(record.key) if details is not None else None)
        for record in listed
    ]
    return sorted(found, key=lambda contact: (contact.entered_s, contact.call))


def wanting_detail(
    records: Iterable[Record], known: Collection[str], since_s: float, until_s: float, now_s: float
) -> list[Record]:
    """Those that ended some time ago, joined a queue in the span, and whose detail is not known yet; oldest first."""
    wanting = [
        record
        for record in records
        if record.ended_s is not None
        and record.ended_s <= now_s - DETAIL_AFTER_S
        and record.queued_s is not None
        and since_s <= record.queued_s < until_s
        and record.key not in known
    ]
    return sorted(wanting, key=lambda record: (record.queued_s or 0.0, record.id))


def with_detail(records: Iterable[Record], known: Collection[str]) -> tuple[Record, ...]:
    """Where detail is asked for, a contact in a queue is not over before its detail is there."""
    return tuple(
        replace(record, ended_s=None) if record.queued_s is not None and record.key not in known else record
        for record in records
    )


def _contact(
    record: Record,
    queues: Mapping[str, str],
    staff: Mapping[str, str],
    follows: Mapping[str, Record],
    detail: Detail | None,
) -> Contact:
    in_queue = bool(record.queue) and record.queued_s is not None
    entered_s = record.queued_s if in_queue and record.queued_s is not None else record.started_s
    contact = Contact(
        call=record.id,
        queue=queues.get(record.queue, record.queue) if in_queue else None,
        entered_s=int(entered_s),
        direction="out" if record.method in OUT else "in",
    )
    if record.answered_s is not None:
        _answered(contact, record, staff, detail, waited_s=record.answered_s - entered_s)
        if record.ended_s is not None and record.id in follows:
            contact.ended_by = "transfer"
    elif record.ended_s is not None:
        left = not in_queue or record.id in follows or (detail is not None and detail.reason not in _BY_CALLER)
        contact.outcome, contact.ended_by = ("left", "system") if left else ("abandoned", "caller")
        contact.wait_s = max(0.0, record.ended_s - entered_s) if in_queue else None
    return contact


_BY_CALLER = ("CUSTOMER_DISCONNECT", "")


def _answered(
    contact: Contact, record: Record, staff: Mapping[str, str], detail: Detail | None, *, waited_s: float
) -> None:
    contact.outcome, contact.agent = "answered", staff.get(record.agent, record.agent) or None
    contact.wait_s = max(0.0, waited_s) if contact.queue is not None else None
    if record.ended_s is None or record.answered_s is None:
        return
    contact.talk_s = max(0.0, record.ended_s - record.answered_s)
    if detail is not None:
        contact.hold_s, contact.after_s = detail.hold_s or 0.0, detail.after_s or 0.0
        contact.talk_s = max(0.0, contact.talk_s - contact.hold_s)
        contact.ended_by = _ENDED_BY.get(detail.reason, "system")


def _span(recording: Part) -> float | None:
    since_s, until_s = second_of(recording, "StartTimestamp"), second_of(recording, "StopTimestamp")
    return max(0.0, until_s - since_s) if since_s is not None and until_s is not None else None


def _seconds(part: Part, key: str) -> float | None:
    found = part.get(key)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= _MOST_S:
        raise Malformed(f"no seconds under {key}")
    return float(found)


def text_of(part: Part, key: str) -> str:
    """The text without what cannot be printed; "" where the key is not there. Raises Malformed."""
    found = part.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise Malformed(f"no text under {key}")
    return "".join(letter for letter in found[:_MOST_TEXT] if letter.isprintable()).strip()


def second_of(part: Part, key: str) -> float | None:
    """Seconds since the epoch; None where the key is not there. Raises Malformed."""
    found = part.get(key)
    if found is None:
        return None
    if not isinstance(found, datetime) or found.tzinfo is None or not EARLIEST_S <= found.timestamp() < LATEST_S:
        raise Malformed(f"no time under {key}")
    return found.timestamp()


def part_of(part: Part, key: str) -> Part:
    """The structure; empty where the key is not there. Raises Malformed."""
    found = part.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise Malformed(f"no structure under {key}")
    return found


def parts_of(part: Part, key: str) -> list[Part]:
    """The list of structures; empty where the key is not there. Raises Malformed."""
    found = part.get(key)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Malformed(f"no list under {key}")
    return found
