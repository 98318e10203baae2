"""What is asked of a domain controller and what becomes of odd answers, by a directory that answers from a table."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from ldap3 import Connection

from ccmm_agent.plugin import CheckLine, Reason, SourceUnavailable
from ccmm_plugin_access_control.ad_domain import ActiveDirectory, root_of
from ccmm_plugin_access_control.ldap_answers import refused_bind
from ccmm_plugin_access_control.ldap_directory import MAX_VALUES, Account, Directory, Where, _Search
from ccmm_plugin_access_control.ldap_entries import DirectoryEntry, domain_dn
from ccmm_plugin_access_control.ldap_facts import Reading
from ccmm_plugin_access_control.ldap_open import OpenLdap
from tests.support.ad_entries import sid
from tests.unit.plugins.test_ldap_ad_values import blob, stamp

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
FIRST = datetime(2026, 11, 1, 8, 30, 5, tzinfo=UTC)
BASE = "DC=center,DC=example"
STAFF = f"CN=a,OU=Staff,{BASE}"
ACCOUNT = Account(
    host="dc1", port=636, tls=True, start_tls=False, ca_file=None, bind_dn="reader@center.example", password="unused"
)
READING = Reading(system="directory", flags={}, account="sAMAccountName", person=("employeeID",))
ROOT = {
    "defaultNamingContext": [BASE],
    "rootDomainNamingContext": ["DC=example"],
    "configurationNamingContext": ["CN=Configuration,DC=example"],
    "supportedCapabilities": ["1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1670"],
    "domainControllerFunctionality": ["7"],
}


def entry(dn: str, octets: Mapping[str, list[bytes]] | None = None, /, **texts: list[str]) -> DirectoryEntry:
    values = {name.lower(): [text.encode() for text in told] for name, told in texts.items()}
    return DirectoryEntry(dn, values | dict(octets or {}))


class Table(Directory):
    """Answers each search with the entries that stand at a word of its filter, or at its base."""

    def __init__(self, **changed: list[DirectoryEntry]) -> None:
        super().__init__(ACCOUNT)
        self.asked: list[_Search] = []
        admins = {"objectsid": [sid(544, built_in=True)], "member": [b"CN=Domain Admins,CN=Users," + BASE.encode()]}
        person = {"objectsid": [sid(1111)], "samaccountname": [b"a"], "useraccountcontrol": [b"514"]}
        self.answers: dict[str, list[DirectoryEntry]] = {
            "root": [entry("", **ROOT)],
            "domain": [entry(BASE, objectClass=["domainDNS"], lockoutDuration=["-18000000000"])],
            "groups": [
                entry(f"CN=Administrators,CN=Builtin,{BASE}", admins, cn=["Administrators"]),
                entry(f"CN=Domain Users,CN=Users,{BASE}", {"objectsid": [sid(513)]}, cn=["Domain Users"]),
            ],
            "people": [entry(STAFF, person, primaryGroupID=["513"])],
            "policies": [],
            "trusts": [],
            "stamps": [entry(STAFF, {"msds-replattributemetadata": [stamp("cn"), stamp()]})],
            "writable": [entry(STAFF)],
            **changed,
        }

    def _pages(self, search: _Search) -> Iterator[DirectoryEntry]:
        self.asked.append(search)
        words = {
            "objectClass=group": "groups",
            "msDS-PasswordSettings": "policies",
            "trustedDomain": "trusts",
            "1.2.840.113556.1.4.803": "stamps",
            "objectSid=": "writable",
        }
        if search.scope == "BASE":
            return iter(self.answers["domain" if search.base else "root"])
        if "allowedAttributesEffective" in search.attributes:
            return iter(self.answers["writable"])
        at = next(
            (where for word, where in words.items() if f"({word}" in search.filter or word in search.filter), None
        )
        return iter(self.answers[at or "people"])


def schema(base: str = BASE, *other_domains: str) -> ActiveDirectory:
    return ActiveDirectory(Where(base=base, filter="(objectClass=user)", page=500), READING, other_domains)


def lines(**changed: list[DirectoryEntry]) -> dict[str, CheckLine]:
    return {line.subject: line for line in schema().check(Table(**changed), NOW)}


def test_a_domain_is_read_by_its_own_root_and_closed_accounts_by_their_stamps() -> None:
    directory = Table()
    ((name, found),) = schema().accounts(directory, NOW)
    assert (name, found["enabled"], found["disabled"], found["groups"]) == ("a", False, FIRST, ["Domain Users"])
    passed = {"cn=configuration,dc=example", f"dc=domaindnszones,{BASE.lower()}", "dc=forestdnszones,dc=example"}
    assert all(search.passed == passed for search in directory.asked if search.scope == "SUBTREE")
    (stamps,) = [search for search in directory.asked if "replPropertyMetaData" in search.attributes]
    assert "(accountExpires<=134398008000000000)" in stamps.filter  # 2026-11-22T06:00:00Z
    assert stamps.page == 50


def test_stamps_in_octets_count_where_there_are_none_in_xml() -> None:
    seconds = (FIRST - datetime(1601, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    octets = entry(STAFF, {"replpropertymetadata": [blob((0x00090008, seconds))]})
    ((_, found),) = schema().accounts(Table(stamps=[octets]), NOW)
    assert found["disabled"] == FIRST
    ((_, found),) = schema().accounts(Table(stamps=[entry(STAFF)]), NOW)
    assert found["disabled"] is None


@pytest.mark.parametrize(
    "changed",
    [
        {"supportedCapabilities": ["1.2.840.113556.1.4.1851"]},
        {"defaultNamingContext": []},
        {"supportedCapabilities": []},
    ],
)
def test_what_is_no_domain_controller_is_told_so(changed: dict[str, list[str]]) -> None:
    with pytest.raises(SourceUnavailable, match="no domain controller") as caught:
        root_of(entry("", **{**ROOT, **changed}))
    assert caught.value.reason is Reason.BAD_OPTION


def test_the_schema_of_openldap_never_reads_a_domain_in_which_nobody_would_look_disabled() -> None:
    reading = Reading(system="directory", flags={})
    with pytest.raises(SourceUnavailable, match='schema = "active_directory"') as caught:
        OpenLdap(Where(base=BASE, filter="(uid=*)", page=500), reading, None).accounts(Table(), NOW)
    assert caught.value.reason is Reason.BAD_OPTION


@pytest.mark.parametrize("reason", [Reason.NOT_FOUND, Reason.REFUSED, Reason.UNREACHABLE])
def test_a_server_that_hides_what_it_is_is_no_domain_controller_and_one_that_is_gone_is_gone(reason: Reason) -> None:
    class Hiding(Table):
        def _pages(self, search: _Search) -> Iterator[DirectoryEntry]:
            raise SourceUnavailable(reason, "no")

    if reason is Reason.UNREACHABLE:
        with pytest.raises(SourceUnavailable):
            Hiding().is_active_directory()
    else:
        assert not Hiding().is_active_directory()


def test_a_base_of_another_domain_is_said() -> None:
    with pytest.raises(SourceUnavailable, match="DC=other,DC=example lies elsewhere") as caught:
        schema("DC=other,DC=example").accounts(Table(), NOW)
    assert caught.value.reason is Reason.NOT_FOUND


def test_a_child_domain_is_passed_over_only_where_another_source_is_said_to_read_it() -> None:
    directory = Table()
    branch = "ldap://branch.center.example/DC=branch,DC=center,DC=example"
    named = domain_dn("branch.center.example")

    def taken(uris: list[str], *passed: str) -> list[DirectoryEntry]:
        response = [{"type": "searchResRef", "uri": uris}]
        directory._connection = cast(Connection, SimpleNamespace(response=response))
        return list(directory._taken(frozenset(passed)))

    assert taken([branch, branch], named) == []
    for uris, passed in (
        ([branch], "dc=elsewhere"),
        ([branch, "ldap://x/DC=x"], named),
        ([], named),
        (["ldap://x"], named),
    ):
        with pytest.raises(SourceUnavailable, match="another server") as caught:
            taken(uris, passed)
        assert caught.value.reason is Reason.LIMITED
    with pytest.raises(SourceUnavailable, match=r"referral to branch\.center\.example\): .* name it in other_domains"):
        taken([branch], "dc=elsewhere")
    with pytest.raises(SourceUnavailable, match=r"referral to branch\.center\.example\)$"):
        taken([branch])
    assert "dc=branch,dc=center,dc=example" in schema(BASE, "Branch.center.example")._passed(root_of(entry("", **ROOT)))


def part(name: str, *members: str) -> DirectoryEntry:
    return DirectoryEntry("CN=large,DC=x", {name: [member.encode() for member in members]})


class Large(Directory):
    """A group whose members come in the parts given, one a search."""

    def __init__(self, *parts: DirectoryEntry) -> None:
        super().__init__(ACCOUNT)
        self.parts = iter(parts)
        self.asked: list[str] = []

    def _pages(self, search: _Search) -> Iterator[DirectoryEntry]:
        self.asked.append(search.attributes[0])
        return iter([found] if (found := next(self.parts, None)) is not None else [])


def test_a_long_list_is_whole_in_the_steps_that_the_server_chooses() -> None:
    directory = Large(part("member;range=0-1", "a", "b"), part("member;range=2-2", "c"), part("member;range=3-*", "d"))
    (large,) = directory.entries("DC=x", "(objectClass=group)", ["member;range=0-999"])
    assert large.texts("member") == ["a", "b", "c", "d"]
    assert directory.asked == ["member;range=0-999", "member;range=2-1001", "member;range=3-1002"]


@pytest.mark.parametrize(
    "following",
    [
        (),
        (part("member", "c"),),
        (part("member;range=0-1", "a", "b"),),
        (part("member;range=3-*", "d"),),
        (part("memberof;range=2-*", "d"),),
        (part(f"member;range=2-{MAX_VALUES}", "c"), part(f"member;range={MAX_VALUES + 1}-*", "d")),
    ],
)
def test_a_long_list_that_breaks_off_is_never_a_smaller_group(following: tuple[DirectoryEntry, ...]) -> None:
    with pytest.raises(SourceUnavailable, match="values of member of an entry were given") as caught:
        Large(part("member;range=0-1", "a", "b"), *following).entries("DC=x", "(objectClass=group)", ["member"])
    assert caught.value.reason is Reason.LIMITED


def test_check_tells_how_late_log_ins_are_seen() -> None:
    def told(days: list[str]) -> CheckLine:
        of_domain = {"objectClass": ["domainDNS"], "lockoutDuration": ["0"], "msDS-LogonTimeSyncInterval": days}
        return lines(domain=[entry(BASE, **of_domain)])["times of log-ins"]

    assert (told([]).verdict, told(["9"]).verdict, told(["60"]).verdict) == ("ok", "ok", "warning")
    assert "up to 9 days late" in told(["9"]).detail
    assert (told(["0"]).verdict, "only this server's" in told(["0"]).detail) == ("warning", True)


def test_check_warns_where_the_day_of_disabling_is_hidden_and_of_rights_to_write() -> None:
    assert lines()["disabled since"] == CheckLine(
        "ok", "disabled since", "when it was disabled is seen for 1 of 1 accounts"
    )
    assert lines(stamps=[entry(STAFF)])["disabled since"].verdict == "warning"
    assert lines()["no rights to write"].verdict == "ok"
    writable = entry(STAFF, {"allowedattributeseffective": []})
    assert "may change 1 other accounts" in lines(writable=[writable])["too many rights"].detail
    admin = entry("", {"tokengroups": [sid(1111), sid(512)]}, **ROOT)
    assert "group of administrators" in lines(root=[admin])["too many rights"].detail


def test_check_leaves_the_account_that_looks_out_of_those_that_it_may_change() -> None:
    directory = Table(root=[entry("", {"tokengroups": [sid(7), sid(513)]}, **ROOT)])
    list(schema().check(directory, NOW))
    (asked,) = [search for search in directory.asked if search.types_only]
    assert asked.filter.count("(objectSid=\\01\\05") == 2


@pytest.mark.parametrize(
    ("word", "mend"),
    [
        ("525", "no account has this name"),
        ("52e", "write password_file again"),
        ("530", "logonHours"),
        ("531", "userWorkstations"),
        ("532", "its password has expired"),
        ("533", "Enable-ADAccount"),
        ("701", "Clear-ADAccountExpiration"),
        ("773", "ChangePasswordAtLogon"),
        ("775", "Unlock-ADAccount"),
        ("80090346", "of Active Directory's own"),
    ],
)
def test_each_word_of_a_refused_log_in_has_its_mend(word: str, mend: str) -> None:
    message = f"80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data {word}, v4563\0"
    error = refused_bind({"result": 49, "description": "invalidCredentials", "message": message})
    assert error.reason is Reason.REFUSED
    assert mend in error.detail
    assert error.detail.endswith(f"(result code 49, data {word})")


@pytest.mark.parametrize("code", [8, 13])
def test_a_domain_controller_that_wants_signing_is_read_over_tls(code: int) -> None:
    error = refused_bind({"result": code, "description": "strongerAuthRequired", "message": "0000200A: LdapErr: ..."})
    assert (error.reason, "ldaps:// url, or start_tls" in error.detail) == (Reason.REFUSED, True)
