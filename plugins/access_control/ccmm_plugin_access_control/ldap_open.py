"""OpenLDAP's schema: which entries are asked for, and what `check` says of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ccmm_agent.plugin import CheckLine, Reason, SourceUnavailable
from ccmm_plugin_access_control.ldap_directory import Directory, Where
from ccmm_plugin_access_control.ldap_entries import DirectoryEntry
from ccmm_plugin_access_control.ldap_facts import Reading, accounts, lockouts
from ccmm_plugin_access_control.ldap_groups import MEMBERS, PRIMARY, groups_of

PEOPLE = "(|(objectClass=inetOrgPerson)(objectClass=account))"
GROUPS = "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))"
POLICIES = "(objectClass=pwdPolicy)"


@dataclass(frozen=True, slots=True)
class OpenLdap:
    """Accounts of an OpenLDAP directory."""

    where: Where
    reading: Reading
    default_policy: str | None

    def accounts(self, directory: Directory, now: datetime) -> list[tuple[str, dict[str, object]]]:
        entries = self._people(directory)
        groups = groups_of(self._groups(directory), entries)
        return accounts(entries, groups, self._policies(directory), self.reading, now, self.default_policy)

    def check(self, directory: Directory, now: datetime) -> Iterator[CheckLine]:
        where = self.where
        entries = self._people(directory)
        groups = groups_of(self._groups(directory), entries)
        found = accounts(entries, groups, self._policies(directory), self.reading, now, self.default_policy)
        yield CheckLine("ok", "accounts", f"{len(found)} accounts, {len(groups.names)} groups below {where.base}")
        yield from seen_lines(entries, _SEEN)
        if shown := directory.showing(where, "userPassword"):
            yield CheckLine(
                "warning", "too many rights", f"this account may read the password hashes of {shown} entries"
            )
        else:
            yield CheckLine("ok", "password hashes", "this account does not see them")
        if any(attributes["locked"] is None for _, attributes in found):
            yield CheckLine("warning", "locks", "some were locked, and no policy says how long: set `default_policy`")

    def _people(self, directory: Directory) -> list[DirectoryEntry]:
        if directory.is_active_directory():
            raise SourceUnavailable(Reason.BAD_OPTION, 'this is Active Directory: schema = "active_directory"')
        return directory.people(self.where, self.reading.attributes())

    def _groups(self, directory: Directory) -> list[DirectoryEntry]:
        attributes = ["cn", "objectClass", PRIMARY, *MEMBERS]
        return directory.entries(self.where.base, GROUPS, attributes, page=self.where.page)

    def _policies(self, directory: Directory) -> dict[str, timedelta]:
        found = directory.entries(self.where.base, POLICIES, ["pwdLockoutDuration"], page=self.where.page)
        return lockouts(found)


_SEEN = (("password ages", "pwdChangedTime"), ("last log-ins", "pwdLastSuccess", "authTimestamp"))


def seen_lines(entries: Sequence[DirectoryEntry], wanted: Sequence[tuple[str, ...]]) -> Iterator[CheckLine]:
    """For each (subject, attribute ...): on how many entries it is seen."""
    for what, *attributes in wanted:
        seen = sum(1 for entry in entries if any(entry.text(attribute) for attribute in attributes))
        if seen:
            yield CheckLine("ok", what, f"{' or '.join(attributes)} is seen on {seen} of {len(entries)} entries")
        else:
            yield CheckLine("warning", what, f"no entry shows {' or '.join(attributes)}: not kept, or hidden from us")
