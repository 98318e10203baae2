"""Users and security profiles of Amazon Connect → accounts, and who a user is."""

from collections.abc import Collection, Iterable, Mapping

from ccmm_plugin_telephony.connect.contact_record import Part, part_of, text_of
from ccmm_proto.errors import Malformed

Entries = list[tuple[str, dict[str, object]]]


def staff_of(users: Iterable[Part], tag: str | None) -> dict[str, str]:
    """User id → the value of the tag that holds the staff id, or the user name where `tag` is None or empty there."""
    return {text_of(user, "Id"): _person(user, tag) or text_of(user, "Username") for user in users}


def accounts_of(
    users: Iterable[Part], tag: str | None, profiles: Mapping[str, str], privileged: Collection[str]
) -> Entries:
    """Entries of the inventory `account`: whoever is there can log in. Raises Malformed."""
    entries: dict[str, dict[str, object]] = {}
    for user in users:
        name = text_of(user, "Username")
        if not name:
            raise Malformed("a user without name")
        ids = user.get("SecurityProfileIds") or []
        if not isinstance(ids, list):
            raise Malformed("no list of security profiles")
        groups = sorted({profiles.get(str(id), str(id)[:200]) for id in ids})
        entries[name] = {
            "system": "acd",
            "person": _person(user, tag) or (name if tag is None else None),
            "enabled": True,
            "privileged": any(group in privileged for group in groups),
            "groups": groups or None,
        }
    return list(entries.items())


def names_of(parts: Iterable[Part]) -> dict[str, str]:
    """Id → name; of two of one name both keep their ids."""
    names = {text_of(part, "Id"): text_of(part, "Name") for part in parts}
    taken = list(names.values())
    return {id: name if name and taken.count(name) == 1 else id for id, name in names.items() if id}


def _person(user: Part, tag: str | None) -> str:
    return text_of(part_of(user, "Tags"), tag) if tag is not None else text_of(user, "Username")
