"""The simulated directory's entries: one account per person, as OpenLDAP with ppolicy and lastbind shows them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from demo.characters import Character
from demo.ldap_simulator import Entry
from demo.people import ADMINISTRATORS, holders_of, joined_at

BASE = "dc=center,dc=example"
READER_DN = f"uid=ccmm,ou=services,{BASE}"
READER_PASSWORD = "read-only-demo"
DISABLED_FOR_GOOD = "000001010000Z"


def entries_of(character: Character, now: datetime) -> Mapping[str, Entry]:
    """DN to attributes. A leaver's account is locked for good, unless the center forgets to."""
    entries: dict[str, Entry] = {BASE: {"objectClass": ["dcObject", "organization"], "o": [character.id]}}
    entries[f"ou=people,{BASE}"] = {"objectClass": ["organizationalUnit"], "ou": ["people"]}
    members = [_dn(person) for person in ADMINISTRATORS]
    group = {"objectClass": ["groupOfNames"], "cn": ["admins"], "member": members}
    entries[f"cn=admins,ou=groups,{BASE}"] = group
    for person, left in holders_of(character, now):
        entries[_dn(person)] = _account(character, person, left, now)
    return entries


def _dn(person: str) -> str:
    return f"uid={person},ou=people,{BASE}"


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%d%H%M%SZ")


def _account(character: Character, person: str, left: datetime | None, now: datetime) -> Entry:
    admin = person in ADMINISTRATORS
    return {
        "objectClass": ["inetOrgPerson"],
        "uid": [person],
        "employeeNumber": [person],
        "createTimestamp": [_stamp(joined_at(character, person, now))],
        "pwdChangedTime": [_stamp(now - timedelta(days=30))],
        "pwdLastSuccess": [_stamp(left or now - timedelta(hours=5))],
        "pwdAccountLockedTime": [DISABLED_FOR_GOOD] if left and character.leavers_closed else [],
        "memberOf": [f"cn=admins,ou=groups,{BASE}"] if admin else [],
        "mfaEnabled": ["TRUE"] if admin else ["FALSE"],
    }
