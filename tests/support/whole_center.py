"""A center of the demo, completed by what it does not do: it takes cards, dials out, has a reserved floor."""

from collections.abc import Mapping, Sequence
from zlib import crc32

from ccmm_rules.evidence import AttributeValue, Entry, Evidence, Happening, Span
from tests.support.altered import Altered, hits
from tests.support.altering import DAY, Entries, edit_entry, like, with_attributes


def whole_center(known: Evidence, now_ms: int) -> Altered:
    """A good center that also takes cards, has a reserved floor, dials out, and whose lists are as old as its calls."""
    return Altered(
        known,
        listed_from_ms=now_ms - 790 * DAY,
        heard_like={"consent": "mark"},
        profile={"cards": True, "dedicated_floors": True, "outbound": True, "call_from": 0, "call_until": 24},
        rows={
            "session": lambda row: [
                row if "place" in row.attributes else with_attributes(row, place=f"desk {row.attributes['person']}")
            ],
            "passage": lambda row: [with_attributes(row, dedicated=True, project="acme")],
            "call": lambda row: [with_attributes(row, number=_number(row))],
        },
        entries={
            "holding": _with_outbound,
            "account": edit_entry(lambda _: True, project="acme"),
            "badge": edit_entry(lambda _: True, project="acme"),
            "contract": _with_ended(now_ms),
            "document": _with_certificate,
        },
        more=_more(known, Span(now_ms - 40 * DAY, now_ms)),
    )


def _more(known: Evidence, month: Span) -> Mapping[str, Sequence[Happening]]:
    """Guests at the door, payments with their pauses and listening, scans, and the consent of who is dialled."""
    calls = known.happenings("call", month)
    return {
        "passage": [
            like(stay, f"guest-{stay.id}", {**_GUEST, "badge": stay.attributes["badge"]})
            for stay in known.happenings("presence", month)
            if stay.attributes.get("visitor")
        ],
        "mark": [_mark(call, word, at) for call in calls if hits(call.id, 20) for word, at in _PAYMENT],
        "sample": [
            like(call, f"heard-{call.id}", {"class": "payment_listening", "call": call.id})
            for call in calls
            if hits(call.id, 20)
        ]
        + [like(call, f"scan-{call.id}", {"class": "security_code", "hits": 0}) for call in calls[-3:]],
        "consent": [
            like(call, f"yes-{call.id}", {"scope": "call", "number": _number(call)}, -DAY)
            for call in calls
            if call.attributes.get("direction") == "out"
        ],
    }


_GUEST: Mapping[str, AttributeValue] = {
    "badge_class": "visitor",
    "zone": "public",
    "door": "main",
    "direction": "in",
    "result": "open",
    "controlled": False,
    "dedicated": False,
}
_PAYMENT = (("payment", 0), ("pause", 1000))


def _mark(call: Happening, word: str, at_ms: int) -> Happening:
    return like(call, f"{word}-{call.id}", {"mark": word, "call": call.id}, at_ms)


def _number(row: Happening) -> int:
    return crc32(str(row.id).encode())


def _with_outbound(entry: Entry) -> Sequence[Entry]:
    """Every store says whose it is, and one more holds the calls that were dialled."""
    told = Entry(key=entry.key, attributes={"project": "acme", **entry.attributes})
    if entry.key != "store-customer":
        return [told]
    return [told, Entry(key="store-outbound", attributes={**told.attributes, "class": "outbound"})]


def _with_ended(now_ms: int) -> Entries:
    def with_ended(entry: Entry) -> Sequence[Entry]:
        if entry.key != "agreement":
            return [entry]
        ended = {**entry.attributes, "project": "ended", "in_force": False, "ended": now_ms - 100 * DAY}
        return [entry, Entry(key="ended", attributes=ended)]

    return with_ended


def _with_certificate(entry: Entry) -> Sequence[Entry]:
    if entry.attributes.get("class") != "technology_plan":
        return [entry]
    proof = {**entry.attributes, "class": "deletion_certificate", "scope": "ended", "title": "ended"}
    return [entry, Entry(key="ended", attributes=proof)]
