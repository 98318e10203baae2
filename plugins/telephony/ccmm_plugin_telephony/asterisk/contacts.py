"""Queue log lines → contacts: one for each time a call entered a queue."""

from collections.abc import Iterable, Iterator

from ccmm_plugin_telephony.asterisk.queue_log import QueueLine
from ccmm_plugin_telephony.contact import Contact

_LEFT = ("EXITWITHTIMEOUT", "EXITWITHKEY", "EXITEMPTY", "WITHDRAW", "AGENTDUMP", "SYSCOMPAT")
_ENDED_BY = {
    "COMPLETEAGENT": "agent",
    "COMPLETECALLER": "caller",
    "BLINDTRANSFER": "transfer",
    "ATTENDEDTRANSFER": "transfer",
    "TRANSFER": "transfer",
}


def contacts_of(lines: Iterable[QueueLine]) -> list[Contact]:
    """In the order of entering. Lines of a call that entered before the first line are passed over."""
    contacts: list[Contact] = []
    current: dict[tuple[str, str], Contact] = {}
    for line in lines:
        if line.event == "ENTERQUEUE":
            contact = Contact(call=line.call, queue=line.queue, entered_s=line.at_s)
            _give_up(current.pop((line.call, line.queue), None))
            current[line.call, line.queue] = contact
            contacts.append(contact)
        elif line.event == "QUEUESTART":  # Asterisk began anew: the calls that were there are gone
            for contact in _taken(current):
                _give_up(contact)
        elif (known := current.get((line.call, line.queue))) is not None:
            _apply(known, line)
            if not known.is_open:
                del current[line.call, line.queue]
    return contacts


def _taken(current: dict[tuple[str, str], Contact]) -> Iterator[Contact]:
    while current:
        yield current.popitem()[1]


def _give_up(contact: Contact | None) -> None:
    if contact is not None:
        contact.lost = True


def _apply(contact: Contact, line: QueueLine) -> None:
    if line.event == "RINGNOANSWER":
        contact.unanswered_rings += 1
    elif line.event == "CONNECT":
        contact.outcome, contact.agent, contact.wait_s = "answered", line.agent, line.wait_s
    elif line.event == "ABANDON" and contact.outcome == "waiting":
        contact.outcome, contact.wait_s, contact.ended_by = "abandoned", line.wait_s, "caller"
    elif line.event in _LEFT and contact.outcome == "waiting":
        contact.outcome, contact.wait_s = "left", max(0, line.at_s - contact.entered_s)
        contact.ended_by = "system"
    elif line.event in _ENDED_BY:
        # CONNECT told the wait; the end of the call rounds it anew, now and then a second longer.
        contact.wait_s = contact.wait_s if contact.outcome == "answered" else line.wait_s
        contact.outcome, contact.agent, contact.talk_s = "answered", line.agent, line.talk_s
        contact.ended_by = _ENDED_BY[line.event]
