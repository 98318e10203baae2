"""Who is in which group, groups inside groups followed, and what that makes of an account; pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_access_control.ldap_entries import DirectoryEntry, common_name, spelled

MEMBERS = ("member", "uniqueMember", "memberUid")
PRIMARY = "gidNumber"  # of an account: the number of its first group, which does not list it (posixGroup)
_NEVER_EMPTY = frozenset({"groupofnames", "groupofuniquenames"})  # RFC 4519: at least one member


@dataclass(frozen=True, slots=True)
class Groups:
    """Who is in which group, by DN and by account name, groups inside groups followed."""

    names: Mapping[str, str]  # DN in one spelling -> cn
    of: Mapping[str, frozenset[str]]  # member, a DN or an account name in one spelling -> DNs of groups
    numbered: Mapping[str, frozenset[str]] = field(default_factory=dict)  # number of a first group -> DNs of groups
    hidden: frozenset[str] = frozenset()  # DNs of groups that must have members, and show none
    primary: str = PRIMARY  # the attribute of an account that names its first group by number
    everyone: frozenset[str] = frozenset()  # DNs of groups that all accounts are in

    def containing(self, entry: DirectoryEntry, account: str) -> frozenset[str]:
        """The DNs of all groups of an entry, by the groups' own lists, by `memberOf`, by its first group's number."""
        direct = {spelled(dn) for dn in entry.texts("memberOf")} | self.everyone
        direct |= {dn for number in entry.texts(self.primary) for dn in self.numbered.get(number, ())}
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
    names = {spelled(dn): common_name(dn) for entry in people for dn in entry.texts("memberOf")}
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
    return Groups(names, frozen(of), frozen(numbered), frozenset(hidden))


def frozen(table: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    """The same, for good."""
    return {one: frozenset(dns) for one, dns in table.items()}


def named_once(entries: Sequence[DirectoryEntry], account: str) -> list[tuple[str, DirectoryEntry]]:
    """Each entry with its account name.

    Raises SourceUnavailable where one has none or two have the same: a list that leaves one out would look like fewer
    accounts.
    """
    named = [(name, entry) for entry in entries if (name := entry.text(account))]
    if nameless := len(entries) - len(named):
        raise SourceUnavailable(Reason.UNREADABLE, f"{nameless} entries have no {account}: narrow the filter")
    if twice := len(named) - len({spelled(name) for name, _ in named}):
        raise SourceUnavailable(
            Reason.UNREADABLE, f"{twice} entries have the {account} of another: choose another `account`"
        )
    return named


def memberships(
    named: Sequence[tuple[str, DirectoryEntry]],
    groups: Groups,
    flags: Mapping[str, tuple[str, ...]],
    built_in: Mapping[str, frozenset[str]] | None = None,
) -> Iterator[dict[str, object]]:
    """`groups` and the flags of each, in order. `built_in`: flag -> DNs of groups that mean it whatever is declared."""
    meant = {flag: _meant(wanted, groups, flag) for flag, wanted in flags.items() if wanted}
    for flag, dns in (built_in or {}).items():
        meant[flag] = meant.get(flag, frozenset()) | dns
    own_names = {spelled(name) for name, _ in named}
    for name, entry in named:
        member_of = groups.containing(entry, name)
        names = {groups.names.get(dn) or common_name(dn) for dn in member_of}
        # A group that is called as an account is that account's own: its name would tell the account's in clear.
        told: dict[str, object] = {"groups": sorted(name for name in names if spelled(name) not in own_names)}
        yield told | {flag: bool(member_of & wanted) for flag, wanted in meant.items()}


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
