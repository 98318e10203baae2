"""From directory entries to `account` entries: the words of OpenLDAP's password policy, in one place and pure.

`enabled`, `locked`, ages and groups are told only where the directory tells them; what it does not tell is left out,
and an attribute that is left out never counts in the center's favour.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_access_control.ldap_directory import DirectoryEntry

PERMANENTLY = "000001010000Z"  # pwdAccountLockedTime: only an administrator can unlock (slapo-ppolicy(5))
OPERATIONAL = (
    *("createTimestamp", "memberOf", "pwdAccountLockedTime", "pwdChangedTime", "pwdEndTime", "pwdLastSuccess"),
    *("pwdPolicySubentry", "authTimestamp", "gidNumber"),
)
MEMBERS = ("member", "uniqueMember", "memberUid")
_NEVER_EMPTY = frozenset({"groupofnames", "groupofuniquenames"})  # RFC 4519: at least one member
PRIMARY = "gidNumber"  # of an account: the number of its first group, which does not list it (posixGroup)
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
    default_policy: str | None = None

    def attributes(self) -> list[str]:
        """Every attribute to ask for, and no other."""
        asked = [self.account, *self.person, *OPERATIONAL]
        asked += [name for name in (self.mfa, self.disabled) if name]
        return sorted({name.lower(): name for name in asked}.values())


@dataclass(frozen=True, slots=True)
class Groups:
    """Who is in which group, by DN and by account name, groups inside groups followed."""

    names: Mapping[str, str]  # DN in one spelling -> cn
    of: Mapping[str, frozenset[str]]  # member, a DN or an account name in one spelling -> DNs of groups
    numbered: Mapping[str, frozenset[str]] = field(default_factory=dict)  # gidNumber -> DNs of groups
    hidden: frozenset[str] = frozenset()  # DNs of groups that must have members, and show none

    def containing(self, entry: DirectoryEntry, account: str) -> frozenset[str]:
        """The DNs of all groups of an entry, by the groups' own lists, by `memberOf`, by its first group's number."""
        direct = {spelled(dn) for dn in entry.texts("memberOf")}
        direct |= {dn for number in entry.texts(PRIMARY) for dn in self.numbered.get(number, ())}
        direct |= self.of.get(spelled(entry.dn), frozenset()) | self.of.get(spelled(account), frozenset())
        return self._with_outer(direct)

    def _with_outer(self, inner: Iterable[str]) -> frozenset[str]:
        found: set[str] = set()
        waiting = list(inner)
        while waiting:
            group = waiting.pop()
            if group not in found:
                found.add(group)
                waiting.extend(self.of.get(group, frozenset()))
        return frozenset(found)


def groups_of(entries: Iterable[DirectoryEntry], people: Iterable[DirectoryEntry] = ()) -> Groups:
    """From the group entries themselves, and the names of those that only `memberOf` of people tells."""
    names = {spelled(dn): _common_name(dn) for entry in people for dn in entry.texts("memberOf")}
    of: dict[str, set[str]] = {}
    numbered: dict[str, set[str]] = {}
    hidden = set()
    told = set(names)
    for entry in entries:
        dn = spelled(entry.dn)
        for number in entry.texts(PRIMARY):
            numbered.setdefault(number, set()).add(dn)
        names[dn] = entry.text("cn") or entry.dn
        for attribute in MEMBERS:
            for member in entry.texts(attribute):
                of.setdefault(spelled(member), set()).add(dn)
        classes = {text.casefold() for text in entry.texts("objectClass")}
        if classes & _NEVER_EMPTY and dn not in told and not any(entry.texts(attribute) for attribute in MEMBERS):
            hidden.add(dn)
    return Groups(names, _frozen(of), _frozen(numbered), frozenset(hidden))


def _frozen(table: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    return {one: frozenset(dns) for one, dns in table.items()}


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
) -> list[tuple[str, dict[str, object]]]:
    """One (account, attributes) per entry; `policies` as `lockouts` gives them.

    Raises SourceUnavailable where an entry has no account name or two have the same: a list that leaves one out would
    look like fewer accounts.
    """
    named = [(entry.text(reading.account), entry) for entry in entries]
    if nameless := sum(1 for name, _ in named if not name):
        raise SourceUnavailable(Reason.UNREADABLE, f"{nameless} entries have no {reading.account}: narrow the filter")
    if twice := len(named) - len({spelled(name or "") for name, _ in named}):
        raise SourceUnavailable(
            Reason.UNREADABLE, f"{twice} entries have the {reading.account} of another: choose another `account`"
        )
    if entries and not any(entry.text("createTimestamp") for entry in entries):
        raise SourceUnavailable(
            Reason.REFUSED, "no entry shows createTimestamp: this account may not read operational attributes"
        )
    meant = {flag: _meant(wanted, groups, flag) for flag, wanted in reading.flags.items() if wanted}
    own_names = {spelled(name or "") for name, _ in named}
    told = []
    for name, entry in named:
        member_of = groups.containing(entry, name or "")
        attributes = _attributes(name or "", entry, reading, now)
        attributes["locked"] = _locked(entry, policies, reading.default_policy, now)
        names = {groups.names.get(dn) or _common_name(dn) for dn in member_of}
        # A group that is called as an account is that account's own: its name would tell the account's in clear.
        attributes["groups"] = sorted(name for name in names if spelled(name) not in own_names)
        attributes.update({flag: bool(member_of & wanted) for flag, wanted in meant.items()})
        told.append((name or "", attributes))
    return told


def _attributes(name: str, entry: DirectoryEntry, reading: Reading, now: datetime) -> dict[str, object]:
    enabled, disabled = _enabled(entry, now)
    stated = parse_time(entry.text(reading.disabled)) if reading.disabled and not enabled else None
    return {
        "system": reading.system,
        "person": next((text for attribute in reading.person if (text := entry.text(attribute))), None),
        "enabled": enabled,
        "disabled": disabled or stated,
        "created": parse_time(entry.text("createTimestamp")),
        "last_login": _latest(entry, "pwdLastSuccess", "authTimestamp"),
        "password_changed": _latest(entry, "pwdChangedTime"),
        "mfa": _has_factor(entry, reading.mfa) if reading.mfa else None,
        "service": _is_service(name, entry, reading),
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


def _meant(wanted: Iterable[str], groups: Groups, flag: str) -> frozenset[str]:
    """The DNs of groups named by DN or cn. A group that is not there would make everybody harmless: it is an error."""
    by_name: dict[str, set[str]] = {}
    for dn, cn in groups.names.items():
        by_name.setdefault(spelled(cn), set()).add(dn)
    found: set[str] = set()
    for word in wanted:
        dns = {spelled(word)} & set(groups.names) or by_name.get(spelled(word), set())
        if not dns:
            raise SourceUnavailable(Reason.NOT_FOUND, f"{flag}_groups: no group {word} is there or may be seen")
        if dns & groups.hidden:
            raise SourceUnavailable(Reason.REFUSED, f"{flag}_groups: the members of {word} may not be seen")
        found |= dns
    return frozenset(found)


def _is_service(name: str, entry: DirectoryEntry, reading: Reading) -> bool:
    dn = spelled(entry.dn)
    below = any(dn.endswith("," + spelled(base)) for base in reading.service_bases)
    return below or spelled(name) in {spelled(account) for account in reading.service_accounts}


def _has_factor(entry: DirectoryEntry, attribute: str) -> bool:
    return any(text.casefold() not in _NO for text in entry.texts(attribute))


def _latest(entry: DirectoryEntry, *attributes: str) -> datetime | None:
    times = [moment for name in attributes for text in entry.texts(name) if (moment := parse_time(text))]
    return max(times, default=None)


def _common_name(dn: str) -> str:
    """`cn=admins,ou=groups,...` -> `admins`, for a group whose own entry is not seen."""
    return dn.split(",", 1)[0].partition("=")[2] or dn


def spelled(name: str) -> str:
    """One spelling of a DN or a name: case and blanks round separators do not matter."""
    return ",".join("=".join(part.strip() for part in rdn.split("=", 1)) for rdn in name.strip().casefold().split(","))


def parse_time(text: str | None) -> datetime | None:
    """UTC of a GeneralizedTime (RFC 4517 section 3.3.13) such as 20261122060116.137866Z; None for anything else."""
    if text is None:
        return None
    digits, _, fraction = text.removesuffix("Z").replace(",", ".").partition(".")
    wanted = len(digits) == 14 and digits.isascii() and digits.isdecimal()
    if not text.endswith("Z") or not wanted or not f"0{fraction}".isdecimal():
        return None
    try:
        whole = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return whole if whole.year >= 1970 else None
