"""Queues and users of Genesys Cloud → settings, accounts, and who a user is."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime

from ccmm_plugin_telephony.genesys.shape import Object, instant_of, number_of, object_of, objects, text_of
from ccmm_proto.errors import Malformed

PERSONS = ("employee_id", "username", "email")
Entries = list[tuple[str, dict[str, object]]]


def queue_names(queues: Iterable[Object]) -> dict[str, str]:
    """Id → name; two queues of one name (in two divisions) keep their ids, so that their figures stay apart."""
    names = {text_of(queue, "id"): text_of(queue, "name") for queue in queues}
    taken = list(names.values())
    return {id: name if name and taken.count(name) == 1 else id for id, name in names.items() if id}


def settings_of(queues: Iterable[Object]) -> Entries:
    """What decides how a queue is measured: a change of it rewrites the service level of the reports."""
    listed = list(queues)
    names, entries = queue_names(listed), dict[str, dict[str, object]]()
    for queue in listed:
        name = names.get(text_of(queue, "id"), "")
        call = object_of(object_of(queue, "mediaSettings"), "call")
        level = object_of(call, "serviceLevel")
        numbers = {
            "service_level_percent": _times(number_of(level, "percentage"), 100),
            "service_level_s": _times(number_of(level, "durationMs"), 0.001),
            "alerting_s": number_of(call, "alertingTimeoutSeconds"),
            "after_call_s": _times(number_of(object_of(queue, "acwSettings"), "timeoutMs"), 0.001),
        }
        for word, number in numbers.items():
            if name and number is not None:
                entries[f"queue/{name}/{word}"] = {"system": "acd", "class": "queue", "number": round(number, 3)}
        for word, value in (("skill_evaluation", text_of(queue, "skillEvaluationMethod")),):
            if name and value:
                entries[f"queue/{name}/{word}"] = {"system": "acd", "class": "queue", "value": value}
    return list(entries.items())


def staff_of(users: Iterable[Object], person: str) -> dict[str, str]:
    """User id → who that is, by the option `person`; the id itself where the field is empty."""
    return {text_of(user, "id"): _person(user, person) or text_of(user, "id") for user in users}


def accounts_of(users: Iterable[Object], person: str, privileged: Collection[str]) -> Entries:
    """Entries of the inventory `account`. Raises Malformed for a user without id or state."""
    entries: dict[str, dict[str, object]] = {}
    for user in users:
        id, state = text_of(user, "id"), text_of(user, "state").lower()
        if not id or state not in ("active", "inactive", "deleted"):
            raise Malformed("a user without id or state")
        roles = sorted(
            {name for role in objects(object_of(user, "authorization"), "roles") if (name := text_of(role, "name"))}
        )
        entries[text_of(user, "username") or id] = {
            "system": "acd",
            "person": _person(user, person) or None,
            "enabled": state == "active",
            "last_login": _moment(instant_of(user, "dateLastLogin")),
            "privileged": any(role in privileged for role in roles),
            "groups": roles or None,
        }
    return list(entries.items())


def _person(user: Object, person: str) -> str:
    if person == "employee_id":
        return text_of(object_of(user, "employerInfo"), "employeeId")
    return text_of(user, person)


def _moment(at_ms: int | None) -> datetime | None:
    return datetime.fromtimestamp(at_ms / 1000, UTC) if at_ms is not None else None


def _times(number: float | None, by: float) -> float | None:
    return number * by if number is not None else None


def entities_of(answer: Mapping[str, object]) -> tuple[list[Object], int]:
    """The entities of one page, and how many pages there are. Raises Malformed."""
    pages = number_of(answer, "pageCount")
    if "entities" not in answer or pages is None:
        raise Malformed("a page without entities or without their count")
    return objects(answer, "entities"), int(pages)
