"""Entries of an Active Directory as they are read, and what becomes of one."""

from datetime import UTC, datetime, timedelta

from ccmm_plugin_access_control.ad_facts import (
    Domain,
    accounts,
    administrators,
    domain_groups,
)
from ccmm_plugin_access_control.ldap_entries import DirectoryEntry
from ccmm_plugin_access_control.ldap_facts import Reading

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
FIRST, TENTH = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 10, tzinfo=UTC)
READING = Reading(system="directory", flags={}, account="sAMAccountName", person=("employeeID", "employeeNumber"))
PEOPLE = "OU=Staff,DC=x"
A = f"CN=a,{PEOPLE}"


def ticks(moment: datetime) -> str:
    """100 ns since 1601."""
    return str((moment - datetime(1601, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 10)


def sid(number: int, *, built_in: bool = False) -> bytes:
    parts = (32, number) if built_in else (21, 1, 2, 3, number)
    return bytes((1, len(parts), 0, 0, 0, 0, 0, 5)) + b"".join(part.to_bytes(4, "little") for part in parts)


def entry(dn: str = A, sid: bytes = sid(1111), /, **values: str | list[str]) -> DirectoryEntry:
    texts = {
        "sAMAccountName": "a",
        "objectClass": ["top", "person", "organizationalPerson", "user"],
        "userAccountControl": "512",
        "primaryGroupID": "513",
        "whenCreated": "20260101000000.0Z",
        **{name.replace("_", "-"): value for name, value in values.items()},
    }
    lists = {name.lower(): [value] if isinstance(value, str) else value for name, value in texts.items()}
    return DirectoryEntry(
        dn, {name: [text.encode() for text in told] for name, told in lists.items()} | {"objectsid": [sid]}
    )


def group(name: str, sid: bytes, *members: str, **values: str | list[str]) -> DirectoryEntry:
    octets = {"cn": [name.encode()], "objectsid": [sid], "member": [member.encode() for member in members]}
    told = {key.lower(): [text.encode() for text in value] for key, value in values.items() if isinstance(value, list)}
    return DirectoryEntry(f"CN={name},CN=Users,DC=x", {**octets, **told})


USERS = group("Domain Users", sid(513))
ADMINS = group("Administrators", sid(544, built_in=True), "CN=Domain Admins,CN=Users,DC=x")
DOMAIN_ADMINS = group("Domain Admins", sid(512))


def domain(*groups: DirectoryEntry, **known: object) -> Domain:
    everything = [USERS, ADMINS, DOMAIN_ADMINS, *groups]
    lasts = known.pop("lockout", timedelta(minutes=30))
    assert lasts is None or isinstance(lasts, timedelta)
    return Domain(
        groups=domain_groups(everything, []),
        administrators=administrators(everything),
        lockout=lasts,
        **known,  # type: ignore[arg-type]
    )


def account(one: DirectoryEntry, of: Domain | None = None, reading: Reading = READING) -> dict[str, object]:
    ((_, found),) = accounts([one], of or domain(), reading, NOW)
    return found
