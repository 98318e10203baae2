"""From directory entries to `account` entries: the words of OpenLDAP's password policy, in one place and pure.

`enabled`, `locked`, ages and groups are told only where the directory tells them; what it does not tell is left out,
and an attribute that is left out never counts in the center's favour.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_access_control.ldap_entries import DirectoryEntry, is_below, parse_time, spelled
from ccmm_plugin_access_control.ldap_groups import Groups, memberships, named_once

PERMANENTLY = "000001010000Z"  # pwdAccountLockedTime: only an administrator can unlock (slapo-ppolicy(5))
OPERATIONAL = (
    *("createTimestamp", "memberOf", "pwdAccountLockedTime", "pwdChangedTime", "pwdEndTime", "pwdLastSuccess"),
    *("pwdPolicySubentry", "authTimestamp", "gidNumber"),
)
_NO = frozenset({"false", "0", "no", "none", "disabled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How this directory is written: which attribute says what, which groups and places mean what."""

    system: str
    account: str = "uid"
    person: tuple[str, ...] = ("employeeNumber",)
    mfa: str | None = None
    disabled: str | None = None  # an attribute that holds when the account was disabled
    flags: Mapping[str, tuple[str, ...]]  # "privileged", "customer_data", "remote" -> names or DNs of groups
    service_bases: tuple[str, ...] = ()
    service_accounts: tuple[str, ...] = ()

    def attributes(self, own: Sequence[str] = OPERATIONAL) -> list[str]:
        """Every attribute to ask for, and no other; `own` are those of the schema."""
        asked = [self.account, *self.person, *own]
        asked += [name for name in (self.mfa, self.disabled) if name]
        return sorted({name.lower(): name for name in asked}.values())

    def person_of(self, entry: DirectoryEntry) -> str | None:
        """The staff id."""
        return next((text for attribute in self.person if (text := entry.text(attribute))), None)


def lockouts(policies: Iterable[DirectoryEntry]) -> dict[str, timedelta]:
    """DN of each password policy -> how long it locks; zero: until an administrator unlocks."""
    found = {spelled(entry.dn): entry.text("pwdLockoutDuration") or "" for entry in policies}
    return {dn: timedelta(seconds=int(text) if re.fullmatch("[0-9]{1,9}", text) else 0) for dn, text in found.items()}


def accounts(
    entries: Sequence[DirectoryEntry],
    groups: Groups,
    policies: Mapping[str, timedelta],
    reading: Reading,
    now: datetime,
    default_policy: str | None = None,
) -> list[tuple[str, dict[str, object]]]:
    """One (account, attributes) per entry; `policies` as `lockouts` gives them. Raises SourceUnavailable."""
    named = named_once(entries, reading.account)
    if entries and not any(entry.text("createTimestamp") for entry in entries):
        raise SourceUnavailable(
            Reason.REFUSED, "no entry shows createTimestamp: this account may not read operational attributes"
        )
    told = []
    for (name, entry), belongs in zip(named, memberships(named, groups, reading.flags), strict=True):
        attributes = _attributes(name, entry, reading, now)
        attributes["locked"] = _locked(entry, policies, default_policy, now)
        told.append((name, attributes | belongs))
    return told


def _attributes(name: str, entry: DirectoryEntry, reading: Reading, now: datetime) -> dict[str, object]:
    enabled, disabled = _enabled(entry, now)
    stated = parse_time(entry.text(reading.disabled)) if reading.disabled and not enabled else None
    return {
        "system": reading.system,
        "person": reading.person_of(entry),
        "enabled": enabled,
        "disabled": disabled or stated,
        "created": parse_time(entry.text("createTimestamp")),
        "last_login": _latest(entry, "pwdLastSuccess", "authTimestamp"),
        "password_changed": _latest(entry, "pwdChangedTime"),
        "mfa": has_factor(entry, reading.mfa) if reading.mfa else None,
        "service": is_service(name, entry, reading),
    }


def _enabled(entry: DirectoryEntry, now: datetime) -> tuple[bool, datetime | None]:
    """Whether it may log in as far as an administrator has decided, and since when not, where that is written."""
    end = parse_time(entry.text("pwdEndTime"))
    if end is not None and end <= now:
        return False, end
    return entry.text("pwdAccountLockedTime") != PERMANENTLY, None


def _locked(
    entry: DirectoryEntry, policies: Mapping[str, timedelta], default_policy: str | None, now: datetime
) -> bool | None:
    """Locked after failed log-ins. The time stays written after the lock has run out, so the policy must say how long.

    None: locked once, but which policy holds is not known.
    """
    since_text = entry.text("pwdAccountLockedTime")
    if since_text is None:
        return False
    since = parse_time(since_text)
    if since is None:
        return True  # for ever
    policy = entry.text("pwdPolicySubentry") or default_policy
    lasts = policies.get(spelled(policy)) if policy else None
    if lasts is None:
        return None
    return not lasts or now < since + lasts


def is_service(name: str, entry: DirectoryEntry, reading: Reading) -> bool:
    """Does the option that names places or accounts of programs say so?"""
    below = any(is_below(entry.dn, base) and spelled(entry.dn) != spelled(base) for base in reading.service_bases)
    return below or spelled(name) in {spelled(account) for account in reading.service_accounts}


def has_factor(entry: DirectoryEntry, attribute: str) -> bool:
    """Has the attribute a value that does not say no?"""
    return any(text.casefold() not in _NO for text in entry.texts(attribute))


def _latest(entry: DirectoryEntry, *attributes: str) -> datetime | None:
    times = [moment for name in attributes for text in entry.texts(name) if (moment := parse_time(text))]
    return max(times, default=None)
