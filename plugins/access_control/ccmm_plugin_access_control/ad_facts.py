"""From entries of Active Directory to `account` entries, in the same words as OpenLDAP's; pure.

What the domain does not tell is left out. Where two readings of a value are possible, the one that does not flatter is
taken.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_access_control.ad_values import (
    DISABLED,
    LOCKOUT,
    SMART_CARD,
    TRUST,
    number_of,
    parse_filetime,
    parse_lasting,
    parse_sid,
    parse_whole,
)
from ccmm_plugin_access_control.ldap_entries import DirectoryEntry, parse_time, spelled
from ccmm_plugin_access_control.ldap_facts import Reading, has_factor, is_service
from ccmm_plugin_access_control.ldap_groups import Groups, frozen, groups_of, memberships, named_once

PRIMARY: Final = "primaryGroupID"  # the number of the first group, which stands in no memberOf
COMPUTED: Final = "msDS-User-Account-Control-Computed"
ASKED: Final = (
    *("objectClass", "objectSid", "userAccountControl", COMPUTED, "lockoutTime", "msDS-ResultantPSO", "pwdLastSet"),
    *("accountExpires", "lastLogon", "lastLogonTimestamp", "whenCreated", "memberOf", "sIDHistory", PRIMARY),
)
# Groups whose members rule the domain, whatever they are called in its language: those that Windows itself protects.
_DOMAIN_ADMINS: Final = frozenset({"512", "518", "519", "526", "527"})
_BUILT_IN_ADMINS: Final = frozenset(f"S-1-5-32-{number}" for number in (544, 548, 549, 550, 551, 552))
_EVERYONE: Final = ("cn=s-1-5-11,", "cn=s-1-1-0,")  # Authenticated Users, Everyone: as members of groups
_KEY_SERVICE: Final = "502"  # krbtgt, which is nobody's


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """What holds for all accounts of a domain."""

    groups: Groups
    administrators: frozenset[str]  # DNs of groups
    lockout: timedelta | None = None  # how long a lock lasts; zero: for ever; None: not told
    policies: Mapping[str, timedelta | None] = field(default_factory=dict)  # the same, by DN of a policy of its own
    trusts: frozenset[str] = frozenset()  # names of the accounts of other domains, in one spelling
    stamps: Mapping[str, Mapping[str, datetime]] = field(default_factory=dict)  # DN -> attribute -> last change


def is_ruling(sid: str | None) -> bool:
    """Is it a group of administrators?"""
    return sid in _BUILT_IN_ADMINS or number_of(sid) in _DOMAIN_ADMINS


def administrators(groups: Iterable[DirectoryEntry]) -> frozenset[str]:
    """The DNs of groups of administrators.

    Raises SourceUnavailable where none is seen or none shows a member: every domain has them, and they are never all
    empty.
    """
    found = [entry for entry in groups if is_ruling(parse_sid(entry.octets("objectSid")))]
    if not any(entry.texts("member") for entry in found):
        raise SourceUnavailable(Reason.REFUSED, "who is in the domain's groups of administrators may not be seen")
    return frozenset(spelled(entry.dn) for entry in found)


def domain_groups(entries: Sequence[DirectoryEntry], people: Sequence[DirectoryEntry]) -> Groups:
    """By `member` of groups, `memberOf` of accounts and of groups, and first groups by number."""
    told = groups_of(entries, people)
    of = {member: set(dns) for member, dns in told.of.items()}
    numbered: dict[str, set[str]] = {}
    for entry in entries:
        dn = spelled(entry.dn)
        of.setdefault(dn, set()).update(spelled(outer) for outer in entry.texts("memberOf"))
        if number := number_of(parse_sid(entry.octets("objectSid"))):
            numbered.setdefault(number, set()).add(dn)
    everyone = {dn for member, dns in of.items() if member.startswith(_EVERYONE) for dn in dns}
    return replace(told, of=frozen(of), numbered=frozen(numbered), primary=PRIMARY, everyone=frozenset(everyone))


def trust_names(domains: Iterable[DirectoryEntry]) -> frozenset[str]:
    """The names of the accounts by which other domains log in."""
    return frozenset(spelled(f"{name}$") for entry in domains if (name := entry.text("flatName")))


def accounts(
    entries: Sequence[DirectoryEntry], domain: Domain, reading: Reading, now: datetime
) -> list[tuple[str, dict[str, object]]]:
    """One (account, attributes) per entry. Raises SourceUnavailable."""
    named = named_once(entries, reading.account)
    if not any(entry.text("userAccountControl") for entry in entries):
        raise SourceUnavailable(Reason.REFUSED, "no entry shows userAccountControl: this account may not read it")
    lost = {number for entry in entries for number in entry.texts(PRIMARY)} - set(domain.groups.numbered)
    if lost:
        raise SourceUnavailable(
            Reason.REFUSED, f"first groups of accounts may not be seen: {', '.join(sorted(lost)[:9])}"
        )
    belonging = memberships(named, domain.groups, reading.flags, {"privileged": domain.administrators})
    told = []
    for (name, entry), belongs in zip(named, belonging, strict=True):
        if any(is_ruling(parse_sid(sid)) for sid in entry.values.get("sidhistory", ())):
            belongs["privileged"] = True  # it brought the rights of an administrator along from another domain
        told.append((name, _attributes(name, entry, domain, reading, now) | belongs))
    return told


def _attributes(name: str, entry: DirectoryEntry, domain: Domain, reading: Reading, now: datetime) -> dict[str, object]:
    control = parse_whole(entry.text("userAccountControl"))
    end = parse_filetime(entry.text("accountExpires"))
    ended = end if end is not None and end <= now else None
    is_off = control is not None and bool(control & DISABLED)
    return {
        "system": reading.system,
        "person": reading.person_of(entry),
        "enabled": None if control is None and ended is None else not (is_off or ended),
        "disabled": _disabled(entry, is_off, ended, domain, reading),
        "locked": _locked(entry, domain, now),
        "created": parse_time(entry.text("whenCreated")),
        "last_login": _last_login(entry),
        "password_changed": parse_filetime(entry.text("pwdLastSet")),
        "mfa": _has_second_factor(entry, control, reading),
        "service": _is_program(entry, control, domain, name) or is_service(name, entry, reading),
    }


def _disabled(
    entry: DirectoryEntry, is_off: bool, ended: datetime | None, domain: Domain, reading: Reading
) -> datetime | None:
    """The earliest known end. A stamp tells the last change of any bit: never earlier than the account was disabled.

    An end that was set afterwards, into the past, counts from when it was set.
    """
    stamps = domain.stamps.get(spelled(entry.dn), {})
    known = []
    if is_off:
        text = entry.text(reading.disabled) if reading.disabled else None
        known.append(stamps.get("userAccountControl") or parse_time(text) or parse_filetime(text))
    if ended is not None:
        known.append(max(ended, stamps.get("accountExpires", ended)))
    return min((moment for moment in known if moment is not None), default=None)


def _locked(entry: DirectoryEntry, domain: Domain, now: datetime) -> bool | None:
    """As the domain controller works it out; where it does not say, by the time of the lock and how long locks last."""
    computed = parse_whole(entry.text(COMPUTED))
    if computed is not None:
        return bool(computed & LOCKOUT)
    written = parse_whole(entry.text("lockoutTime"))
    if not written:
        return None if written is None else False
    policy = entry.text("msDS-ResultantPSO")
    lasts = domain.policies.get(spelled(policy)) if policy else domain.lockout
    since = parse_filetime(str(written))
    if lasts is None or since is None:
        return None
    return not lasts or now < since + lasts


def _last_login(entry: DirectoryEntry) -> datetime | None:
    """The later of what all domain controllers share, some days late, and of what this one saw itself."""
    times = (parse_filetime(entry.text(name)) for name in ("lastLogonTimestamp", "lastLogon"))
    return max((moment for moment in times if moment is not None), default=None)


def _has_second_factor(entry: DirectoryEntry, control: int | None, reading: Reading) -> bool | None:
    """A card that must be there. Without one only the attribute that is named can say that there is no factor."""
    if control is not None and control & SMART_CARD:
        return True
    return has_factor(entry, reading.mfa) if reading.mfa else None


def _is_program(entry: DirectoryEntry, control: int | None, domain: Domain, name: str) -> bool:
    """Machines and managed service accounts by their class, which nobody can change; other domains; krbtgt.

    The bits for machines alone do not tell: an administrator can set them on anybody's account.
    """
    if "computer" in {text.casefold() for text in entry.texts("objectClass")}:
        return True
    is_trust = bool(control is not None and control & TRUST) and spelled(name) in domain.trusts
    return is_trust or number_of(parse_sid(entry.octets("objectSid"))) == _KEY_SERVICE


def lockout_of(entry: DirectoryEntry) -> timedelta | None:
    """How long a lock lasts, by the domain itself."""
    return parse_lasting(entry.text("lockoutDuration"))


def lockouts_of(policies: Iterable[DirectoryEntry]) -> dict[str, timedelta | None]:
    """DN of each policy of its own -> how long a lock lasts."""
    return {spelled(entry.dn): parse_lasting(entry.text("msDS-LockoutDuration")) for entry in policies}
