"""A ticket of Request Tracker as a case: vendor's words -> observations; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Self

from ccmm_agent.plugin import BadOption, Observation, Options
from ccmm_plugin_crm.cases import CLAIMS, ORIGINS
from ccmm_plugin_crm.cases import case_of as stated
from ccmm_plugin_crm.rt_case import Change, Ticket, Words, case_at, parse_date
from ccmm_proto.errors import Malformed

REQUESTOR: Final = "requestor"
_STATED: Final = ("call", "contact", "customer", "number", "topic", "origin", "claim", "ref", "first_contact")
_WORDS: Final = {"origin": ORIGINS, "claim": CLAIMS}
_NOBODY: Final = ("Nobody", "RT_System")
_LONGEST: Final = 1000


@dataclass(frozen=True, slots=True)
class Fields:
    """Attribute of a case -> name of the custom field that holds it, or `requestor`."""

    names: Mapping[str, str]

    @classmethod
    def from_options(cls, options: Options) -> Self:
        names = {word: name for word in _STATED if (name := options.text(word, None)) is not None}
        if any(name == REQUESTOR for word, name in names.items() if word != "customer"):
            raise BadOption("fields", "requestor for customer only")
        return cls(names)

    @property
    def custom(self) -> frozenset[str]:
        """The custom fields."""
        return frozenset(self.names.values()) - {REQUESTOR}

    def value(self, word: str, ticket: Ticket) -> str | None:
        """What is told of it; None where nothing, or what cannot be meant."""
        name = self.names.get(word)
        if name is None:
            return None
        found = ticket.requestor if name == REQUESTOR else ticket.fields.get(name)
        found = (found or "").strip()
        if word in _WORDS:
            found = found.lower()
            return found if found in _WORDS[word] else None
        return found if 0 < len(found) <= _LONGEST else None


def case_of(ticket: Ticket, words: Words, fields: Fields, upto: int) -> Observation:
    """The case as it is after transaction `upto`. A deleted one is never closed."""
    told: dict[str, Any] = {word: fields.value(word, ticket) for word in _STATED if word != "first_contact"}
    return stated(replace(case_at(ticket, words, upto), **told))


def ticket_of(
    id: int, row: Mapping[str, Any], changes: list[Change], queues: Mapping[str, str], fields: Mapping[str, str]
) -> Ticket:
    """A ticket of a search, or one that was asked for by itself. Raises Malformed."""
    created = parse_date(_text(row, "Created"))
    if created is None:
        raise Malformed("a ticket without a date of creation")
    queue = row.get("Queue")
    number = str(queue.get("id", "")) if isinstance(queue, dict) else ""
    effective = str(row.get("EffectiveId") or id) if not isinstance(row.get("EffectiveId"), dict) else str(id)
    return Ticket(
        id=id,
        queue=queues.get(number, number),
        status=_text(row, "Status"),
        created=created,
        due=_date(row, "Due"),
        resolved=_date(row, "Resolved"),
        owner=_user(row.get("Owner")),
        requestor=_user(next(iter(_list(row, "Requestors", "Requestor")), None)),
        merged=effective != str(id),
        fields=_fields(row),
        changes=tuple(changes),
        queues=queues,
        field_ids=fields,
    )


def _fields(row: Mapping[str, Any]) -> dict[str, str]:
    """Custom fields that hold something; of several values the first."""
    found: dict[str, str] = {}
    for one in _list(row, "CustomFields"):
        values = one.get("values") if isinstance(one, dict) else None
        if isinstance(values, list) and values and isinstance(one.get("name"), str):
            found[one["name"]] = str(values[0])
    return found


def _user(given: object) -> str | None:
    name = given.get("id") if isinstance(given, dict) else None
    return name if isinstance(name, str) and name and name not in _NOBODY else None


def _list(row: Mapping[str, Any], *names: str) -> list[Any]:
    return next((row[name] for name in names if isinstance(row.get(name), list)), [])


def _date(row: Mapping[str, Any], name: str) -> datetime | None:
    given = row.get(name)
    return parse_date(given) if isinstance(given, str) else None


def _text(row: Mapping[str, Any], name: str) -> str:
    found = row.get(name)
    if not isinstance(found, str) or not found:
        raise Malformed(f"a ticket without {name}")
    return found
