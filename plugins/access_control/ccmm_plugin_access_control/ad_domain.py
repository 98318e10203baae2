"""Active Directory's schema: which entries are asked for, at which domain controller, and what `check` says of them.

[MS-ADTS] at learn.microsoft.com/openspecs/windows_protocols/ms-adts; matching by bits: its section 3.1.1.3.4.4.1.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from ldap3.utils.conv import escape_bytes

from ccmm_agent.plugin import CheckLine, Reason, SourceUnavailable
from ccmm_plugin_access_control.ad_facts import (
    ASKED,
    COMPUTED,
    Domain,
    accounts,
    administrators,
    domain_groups,
    is_ruling,
    lockout_of,
    lockouts_of,
    trust_names,
)
from ccmm_plugin_access_control.ad_values import (
    DELEGATES,
    DISABLED,
    NO_PASSWORD_NEEDED,
    PASSWORD_FOR_EVER,
    parse_sid,
    parse_stamps,
    parse_whole,
    parse_xml_stamps,
)
from ccmm_plugin_access_control.ldap_directory import ACTIVE_DIRECTORY, STEP, Directory, Where
from ccmm_plugin_access_control.ldap_entries import DirectoryEntry, domain_dn, domain_of, is_below, spelled
from ccmm_plugin_access_control.ldap_facts import Reading
from ccmm_plugin_access_control.ldap_open import seen_lines

# By class, which nobody can change. objectCategory, which most filters name, an administrator can, and hide an account.
PEOPLE: Final = (
    "(|(&(objectClass=user)(!(objectClass=computer)))(objectClass=msDS-ManagedServiceAccount)"
    "(objectClass=msDS-GroupManagedServiceAccount)(objectClass=msDS-DelegatedManagedServiceAccount))"
)
GROUPS: Final = "(objectClass=group)"
SYNC_DAYS: Final = 14  # where msDS-LogonTimeSyncInterval is not set
STAMPS: Final = ("msDS-ReplAttributeMetaData", "replPropertyMetaData")
STAMPS_PAGE: Final = 50  # an entry's stamps are some 20 KB
_LEVELS: Final = {2: "2003", 3: "2008", 4: "2008 R2", 5: "2012", 6: "2012 R2", 7: "2016", 10: "2025"}
_SEEN: Final = (
    ("password ages", "pwdLastSet"),
    ("last log-ins", "lastLogonTimestamp", "lastLogon"),
    ("locks", COMPUTED, "lockoutTime"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """What a domain controller says of itself."""

    domain: str  # DN
    elsewhere: frozenset[str]  # DNs of parts of the tree that hold no accounts
    sids: tuple[bytes, ...]  # of the account that looks, and of its groups
    words: str  # for people: what it is


def root_of(entry: DirectoryEntry) -> Root:
    """Raises SourceUnavailable where it is no domain controller."""
    domain, forest = entry.text("defaultNamingContext"), entry.text("rootDomainNamingContext")
    if ACTIVE_DIRECTORY not in entry.texts("supportedCapabilities") or not domain or not forest:
        told = "no domain controller of Active Directory answers here: correct url, or leave schema out"
        raise SourceUnavailable(Reason.BAD_OPTION, told)
    elsewhere = {entry.text("configurationNamingContext") or f"CN=Configuration,{forest}"}
    elsewhere |= {f"DC=DomainDnsZones,{domain}", f"DC=ForestDnsZones,{forest}"}
    level = parse_whole(entry.text("domainControllerFunctionality"))
    maker = f"{entry.text('vendorName')} {entry.text('vendorVersion')}" if entry.text("vendorVersion") else "Windows"
    return Root(
        domain=domain,
        elsewhere=frozenset(map(spelled, elsewhere)),
        sids=tuple(entry.values.get("tokengroups", ())),
        words=f"{domain_of(domain)}, level {_LEVELS.get(level or 0, str(level))}, {maker}",
    )


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look at a domain found."""

    root: Root
    itself: DirectoryEntry  # the domain's own entry
    entries: list[DirectoryEntry]
    domain: Domain


@dataclass(frozen=True, slots=True)
class ActiveDirectory:
    """Accounts of one domain, or of a part of it."""

    where: Where
    reading: Reading
    other_domains: tuple[str, ...] = ()  # whose accounts other sources state

    def accounts(self, directory: Directory, now: datetime) -> list[tuple[str, dict[str, object]]]:
        look = self._look(directory, now)
        return accounts(look.entries, look.domain, self.reading, now)

    def check(self, directory: Directory, now: datetime) -> Iterator[CheckLine]:
        look = self._look(directory, now)
        found = accounts(look.entries, look.domain, self.reading, now)
        yield CheckLine("ok", "domain", look.root.words)
        groups = len(look.domain.groups.names)
        yield CheckLine("ok", "accounts", f"{len(found)} accounts, {groups} groups below {self.where.base}")
        yield from seen_lines(look.entries, _SEEN)
        yield _lateness_line(look.itself)
        yield _stamps_line(found, look.domain.stamps)
        yield from _password_lines(look.entries)
        yield from self._rights_lines(directory, look.root)

    def _look(self, directory: Directory, now: datetime) -> _Look:
        root = root_of(directory.root(*_OF_ROOT))
        if not is_below(self.where.base, root.domain):
            told = f"this domain controller serves {root.domain}, and {self.where.base} lies elsewhere"
            raise SourceUnavailable(Reason.NOT_FOUND, told)
        passed = self._passed(root)
        entries = directory.people(self.where, self.reading.attributes(ASKED), passed=passed)
        itself = directory.entries(root.domain, "(objectClass=*)", _OF_DOMAIN, scope="BASE", page=0)
        if not itself:
            raise SourceUnavailable(Reason.REFUSED, f"this account may not read {root.domain} itself")
        domain = self._domain(directory, root, entries)
        stamps = self._stamps(directory, now, passed)
        return _Look(root, itself[0], entries, replace(domain, lockout=lockout_of(itself[0]), stamps=stamps))

    def _domain(self, directory: Directory, root: Root, people: list[DirectoryEntry]) -> Domain:
        """Groups, policies and trusts may lie anywhere in the domain, whatever the base."""

        def entries(filter: str, *attributes: str) -> list[DirectoryEntry]:
            return directory.entries(root.domain, filter, attributes, page=self.where.page, passed=self._passed(root))

        groups = entries(GROUPS, "cn", "objectSid", "memberOf", f"member;range=0-{STEP - 1}")
        return Domain(
            groups=domain_groups(groups, people),
            administrators=administrators(groups),
            policies=lockouts_of(entries("(objectClass=msDS-PasswordSettings)", "msDS-LockoutDuration")),
            trusts=trust_names(entries("(objectClass=trustedDomain)", "flatName")),
        )

    def _stamps(self, directory: Directory, now: datetime, passed: frozenset[str]) -> dict[str, Mapping[str, datetime]]:
        """When the accounts that are closed were closed, as far as we may see it."""
        ticks = (now - datetime(1601, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 10
        off = f"(userAccountControl:1.2.840.113556.1.4.803:={DISABLED})"
        closed = f"(&{self.where.filter}(|{off}(&(accountExpires>=1)(accountExpires<={ticks}))))"
        where = replace(self.where, filter=closed, page=min(self.where.page, STAMPS_PAGE))
        found: dict[str, Mapping[str, datetime]] = {}
        for entry in directory.stream(where, STAMPS, passed=passed):
            stamps = parse_xml_stamps(entry.values.get(STAMPS[0].lower(), ()))
            found[spelled(entry.dn)] = stamps or parse_stamps(entry.octets(STAMPS[1]))
        return found

    def _rights_lines(self, directory: Directory, root: Root) -> Iterator[CheckLine]:
        if any(is_ruling(parse_sid(sid)) for sid in root.sids):
            told = "this account is in a group of administrators of the domain: Domain Users are enough"
            yield CheckLine("warning", "too many rights", told)
        own = "".join(f"(objectSid={escape_bytes(sid)})" for sid in root.sids)
        others = f"(&{self.where.filter}(!(|{own})))" if own else self.where.filter
        where = replace(self.where, filter=others)
        if writable := directory.showing(where, "allowedAttributesEffective", passed=self._passed(root)):
            yield CheckLine("warning", "too many rights", f"this account may change {writable} other accounts")
        else:
            yield CheckLine("ok", "no rights to write", "this account may change no other account")

    def _passed(self, root: Root) -> frozenset[str]:
        return root.elsewhere | {domain_dn(domain) for domain in self.other_domains}


_OF_DOMAIN: Final = ("lockoutDuration", "msDS-LogonTimeSyncInterval")
_OF_ROOT: Final = (
    *("defaultNamingContext", "rootDomainNamingContext", "configurationNamingContext", "supportedCapabilities"),
    *("domainControllerFunctionality", "vendorName", "vendorVersion", "tokenGroups"),
)


def _lateness_line(domain: DirectoryEntry) -> CheckLine:
    """lastLogonTimestamp is written anew only when it is some days old."""
    days = parse_whole(domain.text("msDS-LogonTimeSyncInterval"))
    if days == 0:
        told = (
            "the domain keeps no common time of log-ins (msDS-LogonTimeSyncInterval is 0): only this server's are seen"
        )
        return CheckLine("warning", "times of log-ins", told)
    days = SYNC_DAYS if days is None else days
    told = f"last log-ins at other domain controllers are seen up to {days} days late"
    return CheckLine("ok" if days <= SYNC_DAYS else "warning", "times of log-ins", told)


def _stamps_line(found: list[tuple[str, dict[str, object]]], stamps: Mapping[str, Mapping[str, datetime]]) -> CheckLine:
    closed = sum(1 for _, attributes in found if attributes["enabled"] is False)
    told = sum(1 for stamp in stamps.values() if stamp)
    words = f"when it was disabled is seen for {told} of {closed} accounts"
    return CheckLine("ok" if told >= closed else "warning", "disabled since", words)


def _password_lines(entries: list[DirectoryEntry]) -> Iterator[CheckLine]:
    """What no fact carries and an administrator wants to know."""
    controls = [parse_whole(entry.text("userAccountControl")) or 0 for entry in entries]
    enabled = [control for control in controls if not control & DISABLED]
    for bit, words in (
        (NO_PASSWORD_NEEDED, "enabled accounts need no password (PASSWD_NOTREQD)"),
        (PASSWORD_FOR_EVER, "enabled accounts have a password that never expires"),
        (DELEGATES, "enabled accounts may act as anybody (TRUSTED_FOR_DELEGATION)"),
    ):
        if many := sum(1 for control in enabled if control & bit):
            yield CheckLine("warning", "passwords", f"{many} {words}")
