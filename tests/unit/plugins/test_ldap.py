from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_access_control.ldap import parse_cursor
from ccmm_plugin_access_control.ldap_answers import PolicyAnswer, parse_policy_answer, refused_bind, refused_search
from ccmm_plugin_access_control.ldap_entries import DirectoryEntry, parse_time, spelled
from ccmm_plugin_access_control.ldap_facts import Reading, accounts, lockouts
from ccmm_plugin_access_control.ldap_groups import Groups, groups_of

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
CREATED = "20260101000000Z"
POLICY = "cn=default,ou=policies,dc=x"
READING = Reading(system="directory", flags={})


def entry(dn: str = "uid=a,ou=people,dc=x", **values: str | list[str]) -> DirectoryEntry:
    texts = {"uid": "a", "createTimestamp": CREATED, **values}
    return DirectoryEntry(
        dn,
        {
            name.lower(): [text.encode() for text in ([value] if isinstance(value, str) else value)]
            for name, value in texts.items()
        },
    )


def account(
    one: DirectoryEntry,
    reading: Reading = READING,
    groups: Groups | None = None,
    policies: Mapping[str, timedelta] | None = None,
) -> dict[str, object]:
    ((_, found),) = accounts([one], groups or groups_of([]), policies or {}, reading, NOW, POLICY)
    return found


def test_only_the_permanent_lock_is_disabled_and_since_when_is_not_invented() -> None:
    assert account(entry())["enabled"] is True
    disabled = account(entry(pwdAccountLockedTime="000001010000Z"))
    assert (disabled["enabled"], disabled["locked"], disabled["disabled"]) == (False, True, None)
    locked = account(entry(pwdAccountLockedTime="20261122055900Z"))
    assert (locked["enabled"], locked["locked"]) == (True, None)


def test_the_attribute_that_keeps_when_it_was_disabled_counts_for_disabled_accounts_only() -> None:
    reading = Reading(system="directory", flags={}, disabled="departureTime")
    left = account(entry(pwdAccountLockedTime="000001010000Z", departureTime="20261101080000Z"), reading)
    assert left["disabled"] == datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
    assert account(entry(departureTime="20261101080000Z"), reading)["disabled"] is None


@pytest.mark.parametrize(
    ("since", "duration", "locked"),
    [
        ("20261122053100Z", "1800", True),
        ("20261122052900Z", "1800", False),
        ("20201122000000Z", "0", True),
        ("20201122000000Z", "", True),
    ],
)
def test_a_lock_lasts_as_long_as_its_policy_says(since: str, duration: str, locked: bool) -> None:
    policies = lockouts([entry(POLICY, pwdLockoutDuration=duration)])
    assert account(entry(pwdAccountLockedTime=since), policies=policies)["locked"] is locked


def test_the_policy_of_the_entry_comes_before_the_default() -> None:
    policies = lockouts([entry(POLICY, pwdLockoutDuration="60"), entry("cn=own,dc=x", pwdLockoutDuration="0")])
    one = entry(pwdAccountLockedTime="20261122050000Z", pwdPolicySubentry="CN=own, dc=x")
    assert account(one, policies=policies)["locked"] is True


def test_an_end_in_the_past_disables_and_one_ahead_does_not() -> None:
    ended = account(entry(pwdEndTime="20261101000000Z"))
    assert (ended["enabled"], ended["disabled"]) == (False, datetime(2026, 11, 1, tzinfo=UTC))
    assert account(entry(pwdEndTime="20270101000000Z"))["enabled"] is True


def test_the_later_of_both_log_in_stamps_is_the_last_log_in() -> None:
    found = account(entry(pwdLastSuccess="20261101000000Z", authTimestamp="20261103000000.5Z"))
    assert found["last_login"] == datetime(2026, 11, 3, tzinfo=UTC)
    assert account(entry())["last_login"] is None


def test_the_person_is_the_first_attribute_that_is_there() -> None:
    reading = Reading(system="directory", flags={}, person=("employeeNumber", "uid"))
    assert account(entry(employeeNumber="10001"), reading)["person"] == "10001"
    assert account(entry(), reading)["person"] == "a"
    assert account(entry())["person"] is None


def test_a_second_factor_is_an_attribute_that_does_not_say_no() -> None:
    reading = Reading(system="directory", flags={}, mfa="oathTokenSerial")
    assert account(entry(oathTokenSerial="T-1"), reading)["mfa"] is True
    assert account(entry(oathTokenSerial="FALSE"), reading)["mfa"] is False
    assert account(entry(), reading)["mfa"] is False
    assert account(entry())["mfa"] is None


def test_service_accounts_are_known_by_place_or_by_name() -> None:
    reading = Reading(system="directory", flags={}, service_bases=("OU=services, dc=x",), service_accounts=("SVC-fax",))
    assert account(entry("uid=a,ou=services,dc=x"), reading)["service"] is True
    assert account(entry(uid="svc-fax"), reading)["service"] is True
    assert account(entry("uid=a,ou=otherservices,dc=x"), reading)["service"] is False


def test_groups_come_from_their_member_lists_and_from_member_of() -> None:
    group = entry("cn=Admins,ou=groups,dc=x", cn="Admins", member=["UID=a, ou=people,dc=x"])
    posix = entry("cn=fax,ou=groups,dc=x", cn="fax", memberUid=["a"])
    one = entry(memberOf=["cn=seen-only-here,ou=groups,dc=x"])
    assert account(one, groups=groups_of([group, posix], [one]))["groups"] == ["Admins", "fax", "seen-only-here"]


def test_a_group_inside_a_privileged_group_is_privileged_and_a_circle_ends() -> None:
    inner = entry("cn=ops,dc=x", cn="ops", member=["uid=a,ou=people,dc=x", "cn=admins,dc=x"])
    outer = entry("cn=admins,dc=x", cn="admins", member=["cn=ops,dc=x"])
    reading = Reading(system="directory", flags={"privileged": ("Admins",)})
    assert account(entry(), reading, groups_of([inner, outer]))["privileged"] is True
    assert account(entry("uid=b,dc=x", uid="b"), reading, groups_of([inner, outer]))["privileged"] is False


def test_the_first_group_of_an_account_does_not_list_it_and_counts_all_the_same() -> None:
    admins = entry("cn=admins,dc=x", cn="admins", gidNumber="27")
    reading = Reading(system="directory", flags={"privileged": ("admins",)})
    found = account(entry(gidNumber="27"), reading, groups_of([admins]))
    assert (found["privileged"], found["groups"]) == (True, ["admins"])
    assert account(entry(gidNumber="28"), reading, groups_of([admins]))["privileged"] is False
    assert "gidNumber" in reading.attributes()


def test_the_own_group_of_an_account_does_not_tell_its_name_in_clear() -> None:
    own = entry("cn=Jane.Doe,dc=x", cn="Jane.Doe", gidNumber="1001")
    staff = entry("cn=staff,dc=x", cn="staff", memberUid=["jane.doe"])
    assert account(entry(uid="jane.doe", gidNumber="1001"), groups=groups_of([own, staff]))["groups"] == ["staff"]


def test_a_privileged_group_whose_members_are_hidden_does_not_make_everybody_harmless() -> None:
    admins = entry("cn=admins,dc=x", cn="admins", objectClass="groupOfNames")
    reading = Reading(system="directory", flags={"privileged": ("admins",)})
    with pytest.raises(SourceUnavailable, match="members of admins") as caught:
        account(entry(), reading, groups_of([admins]))
    assert caught.value.reason is Reason.REFUSED
    seen = entry(memberOf="cn=admins,dc=x")
    assert account(seen, reading, groups_of([admins], [seen]))["privileged"] is True
    posix = entry("cn=admins,dc=x", cn="admins", objectClass="posixGroup")
    assert account(entry(), reading, groups_of([posix]))["privileged"] is False


@pytest.mark.parametrize(("code", "word"), [(3, "time limit"), (4, "size limit"), (10, "referral"), (11, "limit")])
def test_a_part_of_a_directory_is_limited_and_never_a_smaller_one(code: int, word: str) -> None:
    error = refused_search(code, "dc=x", 500)
    assert error.reason is Reason.LIMITED
    assert word in error.detail
    assert f"result code {code}) after 500 entries" in error.detail


def test_an_expired_password_is_told_apart_from_a_wrong_one() -> None:
    expired = {"1.3.6.1.4.1.42.2.27.8.5.1": {"value": bytes.fromhex("3003810100")}}
    for controls, why in ((expired, "Password expired"), ({}, "invalidCredentials")):
        error = refused_bind({"result": 49, "description": "invalidCredentials", "controls": controls})
        assert (error.reason, why in error.detail) == (Reason.REFUSED, True)


def test_a_privileged_group_that_is_not_there_is_loud() -> None:
    reading = Reading(system="directory", flags={"privileged": ("admins",)})
    with pytest.raises(SourceUnavailable, match="admins") as caught:
        account(entry(), reading)
    assert caught.value.reason is Reason.NOT_FOUND


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([entry(uid=[])], Reason.UNREADABLE),
        ([entry(), entry("uid=A,ou=leavers,dc=x", uid="A ")], Reason.UNREADABLE),
        ([entry(createTimestamp=[])], Reason.REFUSED),
    ],
)
def test_a_list_that_would_be_smaller_is_never_made(entries: list[DirectoryEntry], reason: Reason) -> None:
    with pytest.raises(SourceUnavailable) as caught:
        accounts(entries, groups_of([]), {}, READING, NOW)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        (bytes.fromhex("3003810100"), PolicyAnswer(error=0)),
        (bytes.fromhex("3003810101"), PolicyAnswer(error=1)),
        (bytes.fromhex("3006a00480020e10"), PolicyAnswer(expires_in_s=3600)),
        (bytes.fromhex("3000"), PolicyAnswer()),
        (b"", PolicyAnswer()),
    ],
)
def test_the_password_policy_control_is_read(value: bytes, answer: PolicyAnswer) -> None:
    assert parse_policy_answer(value) == answer


@given(st.binary(max_size=40))
def test_of_any_control_value_nothing_escapes(value: bytes) -> None:
    assert isinstance(parse_policy_answer(value), PolicyAnswer)
    assert isinstance(parse_policy_answer(b"\x30" + value), PolicyAnswer)


@given(st.datetimes(datetime(1970, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_every_generalized_time_is_read_again(moment: datetime) -> None:
    whole = moment.replace(microsecond=0)
    assert parse_time(f"{whole:%Y%m%d%H%M%S}Z") == whole
    assert parse_time(f"{whole:%Y%m%d%H%M%S}.5Z") == whole


def test_a_time_that_is_not_utc_is_not_guessed() -> None:
    assert parse_time("20261122060116Z") == datetime(2026, 11, 22, 6, 1, 16, tzinfo=UTC)
    for text in ("20261122060116", "20261122060116+0800", "202611220601Z", "000001010000Z"):
        assert parse_time(text) is None


@given(st.text(max_size=20) | st.text("0123456789Z.", max_size=20))
def test_what_is_no_generalized_time_is_none(text: str) -> None:
    found = parse_time(text)
    assert found is None or found.tzinfo is UTC


@given(st.binary(max_size=20))
def test_any_cursor_is_a_time_before_now_or_none(cursor: bytes) -> None:
    found = parse_cursor(cursor, NOW)
    assert found is None or found < NOW


@given(st.text(max_size=40))
def test_one_spelling_stays_as_it_is(name: str) -> None:
    assert spelled(spelled(name)) == spelled(name)
