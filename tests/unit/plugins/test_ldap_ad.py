"""Accounts of Active Directory from entries, by values computed by hand."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_access_control.ad_facts import (
    accounts,
    administrators,
    lockout_of,
    lockouts_of,
    trust_names,
)
from ccmm_plugin_access_control.ad_values import FOR_EVER
from ccmm_plugin_access_control.ldap_entries import DirectoryEntry
from ccmm_plugin_access_control.ldap_facts import Reading
from tests.support.ad_entries import (
    DOMAIN_ADMINS,
    FIRST,
    NOW,
    PEOPLE,
    READING,
    TENTH,
    USERS,
    A,
    account,
    domain,
    entry,
    group,
    sid,
    ticks,
)


@pytest.mark.parametrize(
    ("bits", "expires", "enabled"),
    [
        ("512", "0", True),
        ("512", "9223372036854775807", True),
        ("514", "0", False),
        ("66050", "0", False),  # 512 + 2 + 0x10000
        ("512", ticks(FIRST), False),
        ("512", ticks(NOW), False),
        ("512", ticks(NOW + timedelta(seconds=1)), True),
        ("528", "0", True),  # the stored bit of a lock means nothing
        ("544", "0", True),
        ("8388608", "0", True),  # an expired password closes nothing: a new one is asked for
    ],
)
def test_who_is_disabled_or_over_may_not_log_in(bits: str, expires: str, enabled: bool) -> None:
    assert account(entry(userAccountControl=bits, accountExpires=expires))["enabled"] is enabled


def test_of_an_account_whose_bits_are_hidden_nothing_is_told() -> None:
    hidden = entry(f"CN=b,{PEOPLE}", sAMAccountName="b", userAccountControl=[])
    found = dict(accounts([entry(), hidden], domain(), READING, NOW))
    assert (found["a"]["enabled"], found["b"]["enabled"]) == (True, None)
    assert found["b"]["mfa"] is None
    over = entry(f"CN=b,{PEOPLE}", sAMAccountName="b", userAccountControl=[], accountExpires=ticks(FIRST))
    assert dict(accounts([entry(), over], domain(), READING, NOW))["b"]["enabled"] is False


@pytest.mark.parametrize(
    ("bits", "expires", "stamps", "disabled"),
    [
        (514, None, {"userAccountControl": TENTH}, TENTH),
        (514, None, {}, None),
        (512, None, {"userAccountControl": TENTH}, None),
        (512, FIRST, {}, FIRST),
        (512, FIRST, {"accountExpires": TENTH}, TENTH),  # an end in the past, written later
        (512, TENTH, {"accountExpires": FIRST}, TENTH),
        (514, FIRST, {"userAccountControl": TENTH}, FIRST),
        (514, TENTH, {"userAccountControl": FIRST}, FIRST),
    ],
)
def test_since_when_is_the_earliest_end_and_none_that_was_set_back(
    bits: int, expires: datetime | None, stamps: dict[str, datetime], disabled: datetime | None
) -> None:
    one = entry(userAccountControl=str(bits), accountExpires=ticks(expires) if expires else "0")
    assert account(one, domain(stamps={f"cn=a,{PEOPLE.lower()}": stamps}))["disabled"] == disabled


def test_the_attribute_of_the_center_counts_where_the_domain_shows_no_stamp() -> None:
    reading = Reading(system="directory", flags={}, account="sAMAccountName", disabled="departureTime")
    off = entry(userAccountControl="514", departureTime="20261101000000.0Z")
    assert account(off, reading=reading)["disabled"] == FIRST
    assert account(entry(userAccountControl="514", departureTime=ticks(FIRST)), reading=reading)["disabled"] == FIRST
    stamped = domain(stamps={f"cn=a,{PEOPLE.lower()}": {"userAccountControl": TENTH}})
    assert account(off, stamped, reading)["disabled"] == TENTH
    assert account(entry(departureTime="20261101000000.0Z"), reading=reading)["disabled"] is None


@pytest.mark.parametrize(
    ("computed", "since", "policy", "locked"),
    [
        ("16", NOW - timedelta(days=9), None, True),  # the domain controller knows best
        ("0", NOW, None, False),
        ("8388608", NOW, None, False),
        (None, NOW - timedelta(minutes=29), None, True),
        (None, NOW - timedelta(minutes=30), None, False),
        (None, NOW - timedelta(days=9), "CN=ever,DC=x", True),
        (None, NOW - timedelta(minutes=29), "CN=short,DC=x", False),
        (None, NOW - timedelta(days=9), "CN=hidden,DC=x", None),
    ],
)
def test_a_lock_is_what_the_domain_controller_says_else_what_the_policy_says(
    computed: str | None, since: datetime, policy: str | None, locked: bool | None
) -> None:
    told = {"msDS_User_Account_Control_Computed": computed, "msDS_ResultantPSO": policy}
    one = entry(lockoutTime=ticks(since), **{name: text for name, text in told.items() if text})
    policies = lockouts_of(
        [
            DirectoryEntry("CN=Ever, DC=x", {"msds-lockoutduration": [b"0"]}),
            DirectoryEntry("CN=short,DC=x", {"msds-lockoutduration": [b"-600000000"]}),
        ]
    )
    assert policies == {"cn=ever,dc=x": FOR_EVER, "cn=short,dc=x": timedelta(minutes=1)}
    assert account(one, domain(policies=policies))["locked"] is locked


def test_a_lock_of_which_nothing_is_shown_is_not_denied() -> None:
    assert account(entry())["locked"] is None
    assert account(entry(lockoutTime="0"))["locked"] is False
    assert account(entry(lockoutTime=ticks(FIRST)), domain(lockout=None))["locked"] is None
    assert lockout_of(DirectoryEntry("DC=x", {"lockoutduration": [b"-18000000000"]})) == timedelta(minutes=30)
    assert lockout_of(DirectoryEntry("DC=x", {})) is None


def test_the_later_of_the_common_and_the_own_time_is_the_last_log_in() -> None:
    assert account(entry(lastLogon="0", lastLogonTimestamp=ticks(FIRST)))["last_login"] == FIRST
    assert account(entry(lastLogon=ticks(TENTH), lastLogonTimestamp=ticks(FIRST)))["last_login"] == TENTH
    assert account(entry(lastLogon="0"))["last_login"] is None
    assert account(entry(pwdLastSet="0"))["password_changed"] is None
    assert account(entry(pwdLastSet=ticks(FIRST)))["password_changed"] == FIRST
    assert account(entry())["created"] == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_card_that_is_demanded_is_a_factor_whatever_an_attribute_says() -> None:
    reading = Reading(system="directory", flags={}, account="sAMAccountName", mfa="token")
    card = str(512 + 0x40000)
    assert account(entry(userAccountControl=card))["mfa"] is True
    assert account(entry())["mfa"] is None
    assert account(entry(userAccountControl=card), reading=reading)["mfa"] is True
    assert account(entry(), reading=reading)["mfa"] is False
    assert account(entry(token="T-1"), reading=reading)["mfa"] is True


def test_the_person_is_the_staff_id_and_employee_id_comes_first() -> None:
    assert account(entry(employeeID="10001", employeeNumber="7"))["person"] == "10001"
    assert account(entry(employeeNumber="7"))["person"] == "7"
    assert account(entry())["person"] is None


def test_programs_are_known_by_class_by_number_and_by_their_domain_and_never_by_bits_alone() -> None:
    managed = ["top", "user", "computer", "msDS-GroupManagedServiceAccount"]
    machines = group("Domain Computers", sid(515))
    assert account(entry(objectClass=managed, primaryGroupID="515"), domain(machines))["service"] is True
    assert account(entry(A, sid(502)))["service"] is True
    assert account(entry(A, sid(500)))["service"] is False
    assert account(entry(userAccountControl="4096"))["service"] is False  # a person's, dressed as a machine's
    trusts = trust_names([DirectoryEntry("CN=o,DC=x", {"flatname": [b"OTHER"]})])
    trust = entry(userAccountControl="2080", sAMAccountName="other$")
    assert account(trust, domain(trusts=trusts))["service"] is True
    assert account(trust)["service"] is False
    assert account(entry(sAMAccountName="other$"), domain(trusts=trusts))["service"] is False
    named = Reading(system="directory", flags={}, account="sAMAccountName", service_accounts=("A",))
    assert account(entry(), reading=named)["service"] is True


def test_administrators_are_those_of_windows_whatever_the_groups_are_called() -> None:
    one = f"CN=a,{PEOPLE}"
    for number in (544, 548, 549, 550, 551, 552):
        assert account(entry(), domain(group("Nom local", sid(number, built_in=True), one)))["privileged"] is True
    for number in (518, 519, 526, 527):
        assert account(entry(), domain(group("Nom local", sid(number), one)))["privileged"] is True
    assert account(entry(), domain(group("Agents", sid(1200), one)))["privileged"] is False
    assert account(entry(), domain(group("Users", sid(545, built_in=True), one)))["privileged"] is False


def test_a_first_group_counts_though_no_list_names_it() -> None:
    found = account(entry(primaryGroupID="512"))
    assert (found["privileged"], found["groups"]) == (True, ["Administrators", "Domain Admins"])
    with pytest.raises(SourceUnavailable, match="first groups of accounts may not be seen: 999") as caught:
        account(entry(primaryGroupID="999"))
    assert caught.value.reason is Reason.REFUSED


def test_rights_brought_along_from_another_domain_count() -> None:
    before = DirectoryEntry(A, {**entry().values, "sidhistory": [sid(1300), sid(512)]})
    assert account(before)["privileged"] is True
    assert account(DirectoryEntry(A, {**entry().values, "sidhistory": [sid(1300)]}))["privileged"] is False


def test_groups_are_followed_by_the_lists_of_either_side() -> None:
    inner = group("inner", sid(1200), A)
    outer = group("outer", sid(1201), memberOf=["CN=Domain Admins,CN=Users,DC=x"])
    middle = group("middle", sid(1202), "CN=inner,CN=Users,DC=x", memberOf=["CN=outer,CN=Users,DC=x"])
    found = account(entry(), domain(inner, middle, outer))
    assert found["privileged"] is True
    assert found["groups"] == ["Administrators", "Domain Admins", "Domain Users", "inner", "middle", "outer"]
    assert account(entry(memberOf="CN=middle,CN=Users,DC=x"), domain(middle, outer))["privileged"] is True


@pytest.mark.parametrize("name", ["S-1-5-11", "S-1-1-0"])
def test_a_group_of_everybody_makes_everybody_a_member(name: str) -> None:
    crm = group("crm", sid(1200), f"CN={name},CN=ForeignSecurityPrincipals,DC=x")
    reading = Reading(system="d", flags={"customer_data": ("crm",)}, account="sAMAccountName")
    found = account(entry(), domain(crm), reading)
    assert (found["customer_data"], found["groups"]) == (True, ["Domain Users", "crm"])
    assert account(entry(), domain(group("crm", sid(1200))), reading)["customer_data"] is False


def test_declared_groups_are_privileged_beside_those_of_windows() -> None:
    reading = Reading(system="d", flags={"privileged": ("Help Desk",)}, account="sAMAccountName")
    desk = group("Help Desk", sid(1200), A)
    assert account(entry(), domain(desk), reading)["privileged"] is True
    assert account(entry(primaryGroupID="512"), domain(group("Help Desk", sid(1200))), reading)["privileged"] is True


@pytest.mark.parametrize("groups", [[], [USERS], [USERS, DOMAIN_ADMINS]])
def test_a_domain_whose_administrators_are_hidden_does_not_make_everybody_harmless(
    groups: list[DirectoryEntry],
) -> None:
    with pytest.raises(SourceUnavailable, match="groups of administrators may not be seen") as caught:
        administrators(groups)
    assert caught.value.reason is Reason.REFUSED


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([entry(sAMAccountName=[])], Reason.UNREADABLE),
        ([entry(), entry(f"CN=b,{PEOPLE}", sAMAccountName="A")], Reason.UNREADABLE),
        ([entry(userAccountControl=[])], Reason.REFUSED),
    ],
)
def test_a_list_that_would_be_smaller_is_never_made(entries: list[DirectoryEntry], reason: Reason) -> None:
    with pytest.raises(SourceUnavailable) as caught:
        accounts(entries, domain(), READING, NOW)
    assert caught.value.reason is reason


_TEXTS = st.sampled_from(["0", "-1", "512", "9223372036854775807", "x", ""]) | st.text(max_size=20)


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            (
                "accountExpires",
                "lockoutTime",
                "pwdLastSet",
                "lastLogon",
                "lastLogonTimestamp",
                "whenCreated",
                "memberOf",
            ),
            _TEXTS,
        ),
    ),
    st.binary(max_size=30),
)
def test_of_any_values_an_account_is_made(texts: dict[str, str], octets: bytes) -> None:
    found = account(entry(A, octets, **texts))
    assert found["system"] == "directory"
    for name in ("disabled", "created", "last_login", "password_changed"):
        moment = found[name]
        assert moment is None or isinstance(moment, datetime)
