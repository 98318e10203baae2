"""A real domain controller (Samba): what is read of its accounts by hand-computed values, and all that must be loud."""

from datetime import UTC, datetime

import pytest

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source
from ccmm_plugin_access_control.ldap_directory import Account, Directory, Where
from tests.support.ad_center import (
    FIFTH,
    PASSWORD,
    READER,
    SERVICES,
    STAFF,
    ZONE,
    Filled,
    check,
    domain,
    filled,
    read,
    source,
)
from tests.support.refusals import refusal
from tests.support.samba import (
    ADMINISTRATOR,
    DOMAIN,
    LDAP,
    LDAPS,
    ROOT_PASSWORD,
    SUFFIX,
    DomainController,
)

__all__ = ["domain", "filled"]

pytestmark = pytest.mark.live


def test_every_account_is_there_once_and_machines_are_not(domain: DomainController) -> None:
    accounts = read(domain)
    staff = {"wei", "first", "helper", "off", "over", "ahead", "card", "open", "fresh", "tries", "strict"}
    built_in = {"Administrator", "Guest", "krbtgt"}
    assert set(accounts) == staff | built_in | {"was-locked", "still-locked", "svc-compliance", "gmsa$"}
    assert {name for name, account in accounts.items() if account["service"]} == {"svc-compliance", "gmsa$", "krbtgt"}
    persons = {name: account["person"] for name, account in accounts.items() if "person" in account}
    assert persons == {"wei": "10001", "first": "10002", "helper": "10003"}


def test_who_is_disabled_or_over_is_not_enabled_and_since_when_cannot_be_set_back(filled: Filled) -> None:
    accounts = read(filled.server)
    off = {name for name, account in accounts.items() if not account["enabled"]}
    assert off == {"off", "over", "Guest", "krbtgt"}
    for name in ("off", "over"):  # the end of `over` lies in the past, and was written when the domain was filled
        since = accounts[name]["disabled"]
        assert isinstance(since, datetime)
        assert filled.begun <= since <= filled.ended, name
    assert not [name for name, account in accounts.items() if account["enabled"] and "disabled" in account]


def test_times_are_those_that_were_written(filled: Filled) -> None:
    accounts = read(filled.server)
    assert accounts["wei"]["last_login"] == accounts["first"]["last_login"] == FIFTH
    assert "last_login" not in accounts["ahead"]
    for name in ("wei", "off"):
        for attribute in ("created", "password_changed"):
            moment = accounts[name][attribute]
            assert isinstance(moment, datetime)
            assert filled.begun <= moment <= filled.ended
    never = {name for name, account in accounts.items() if "password_changed" not in account}
    assert never == {"fresh", "Guest", "gmsa$"}


def test_a_lock_holds_as_long_as_the_policy_of_the_account_says(domain: DomainController) -> None:
    locked = {name for name, account in read(domain).items() if account["locked"]}
    assert locked == {"tries", "strict", "still-locked"}  # `was-locked` was so for 30 minutes, three weeks ago


def test_groups_inside_groups_first_groups_and_groups_of_everybody_count(domain: DomainController) -> None:
    accounts = read(domain)
    privileged = {name for name, account in accounts.items() if account["privileged"]}
    assert privileged == {"Administrator", "first", "helper"}
    assert {name for name, account in accounts.items() if account["customer_data"]} == {"wei"}
    assert {"Domain Admins", "Administrators"} <= set(words(accounts["first"]))
    assert {"tools", "Backup Operators"} <= set(words(accounts["helper"]))
    assert {"agents", "floor", "large", "Domain Users"} <= set(words(accounts["wei"]))
    assert all("everybody" in words(account) for account in accounts.values())


def words(account: dict[str, object]) -> tuple[str, ...]:
    found = account["groups"]
    assert isinstance(found, tuple)
    return found


def test_a_group_of_1600_is_read_to_its_last_member(domain: DomainController) -> None:
    accounts = read(domain)
    assert {name for name, account in accounts.items() if "large" in words(account)} == {"wei", "card"}
    with opened(domain) as directory:
        (large,) = directory.entries(STAFF, "(cn=large)", ["member;range=0-999"])
        (first,) = directory.stream(Where(base=STAFF, filter="(cn=large)", page=5), ["member;range=0-999"])
    assert len(set(large.texts("member"))) == 1600
    assert [(name, len(values)) for name, values in first.values.items()] == [("member;range=0-999", 1000)]


def opened(server: DomainController, *, tls: bool = True) -> Directory:
    account = Account(
        host=server.address,
        port=LDAPS if tls else LDAP,
        tls=tls,
        start_tls=False,
        ca_file=server.ca,
        bind_dn=READER,
        password=PASSWORD,
    )
    return Directory(account)


def test_a_card_that_must_be_there_is_a_second_factor_and_what_is_not_told_is_left_out(
    domain: DomainController,
) -> None:
    accounts = read(domain)
    assert {name: account["mfa"] for name, account in accounts.items() if "mfa" in account} == {"card": True}
    accounts = read(domain, mfa="employeeID")
    assert {name for name, account in accounts.items() if account["mfa"]} == {"card", "wei", "helper"}
    assert not accounts["first"]["mfa"]


def test_a_part_of_the_domain_still_sees_the_groups_of_all_of_it(domain: DomainController) -> None:
    accounts = read(domain, base=STAFF)
    assert "Administrator" not in accounts
    assert accounts["first"]["privileged"]


def test_the_source_keeps_the_contract(domain: DomainController) -> None:
    (observation,) = check_source(source(domain), source(domain, url=f"ldaps://{domain.address}:1"))
    assert len(observation.inventory.entries) == 18


def test_the_domain_is_read_in_a_reader_process_with_all_that_it_needs(domain: DomainController) -> None:
    password_file = domain.folder / "password-of-reader"
    password_file.write_text(PASSWORD, "utf-8")
    password_file.chmod(0o600)
    options = {
        "url": f"ldaps://{domain.address}",
        "schema": "active_directory",
        "ca_file": str(domain.ca),
        "bind_dn": READER,
        "password_file": str(password_file),
        "base": SUFFIX,
        "system": "directory",
    }
    spec = SourceSpec(name="directory", plugin="ldap", options=options)
    reading = read_source(spec, cursor=b"", now=datetime.now(UTC), zone=ZONE)
    assert (reading.reason, reading.detail) == ("", "")
    assert len(reading.observations[0].inventory.entries) == 18


@pytest.mark.parametrize(
    ("name", "password", "sentence"),
    [
        ("svc-compliance", "wrong", "name and password do not fit.*data 52e"),
        ("nobody", "wrong", "name and password do not fit.*data 52e"),  # a domain controller does not tell them apart
        ("off", PASSWORD, "it is disabled: Enable-ADAccount.*data 533"),
        ("over", PASSWORD, "it has expired: Clear-ADAccountExpiration.*data 701"),
        ("fresh", PASSWORD, "it must change its password first.*data 773"),
        ("tries", PASSWORD, "it is locked out: Unlock-ADAccount.*data 775"),
    ],
)
def test_a_refused_log_in_says_why_and_what_mends_it(
    domain: DomainController, name: str, password: str, sentence: str
) -> None:
    with refusal(Reason.REFUSED, sentence):
        read(domain, bind_dn=f"{name}@{DOMAIN}", password=password)


@pytest.mark.parametrize("name", [READER, "CENTER\\svc-compliance", f"CN=svc-compliance,{SERVICES}"])
def test_a_name_of_any_form_logs_in(domain: DomainController, name: str) -> None:
    assert len(read(domain, bind_dn=name)) == 18


def test_a_password_in_clear_is_refused_and_start_tls_mends_it(domain: DomainController) -> None:
    with refusal(Reason.REFUSED, "passwords over TLS only.*result code 8"), opened(domain, tls=False):
        pass
    assert len(read(domain, url=f"ldap://{domain.address}", start_tls=True)) == 18


@pytest.mark.parametrize(
    ("changed", "reason", "sentence"),
    [
        ({"schema": "openldap"}, Reason.BAD_OPTION, 'schema = "active_directory"'),
        (
            {"base": "DC=other,DC=example"},
            Reason.NOT_FOUND,
            "serves DC=center,DC=example, and DC=other,DC=example lies",
        ),
        ({"base": f"OU=Nowhere,{SUFFIX}"}, Reason.NOT_FOUND, "OU=Nowhere.* is not there"),
        ({"filter": "(sAMAccountName=nobody)"}, Reason.NOT_FOUND, "no entry"),
        ({"privileged_groups": ["no-such-group"]}, Reason.NOT_FOUND, "no-such-group"),
        ({"account": "employeeID"}, Reason.UNREADABLE, "16 entries have no employeeID"),
    ],
)
def test_what_cannot_be_looked_at_is_said(
    domain: DomainController, changed: dict[str, object], reason: Reason, sentence: str
) -> None:
    with refusal(reason, sentence):
        read(domain, **changed)


def test_a_referral_to_a_part_with_accounts_is_never_a_smaller_domain(domain: DomainController) -> None:
    with opened(domain) as directory, refusal(Reason.LIMITED, r"referral to .*center\.example"):
        directory.entries(SUFFIX, "(objectClass=user)", ["cn"])


def test_check_tells_what_the_account_sees(domain: DomainController) -> None:
    lines = {line.subject: line for line in check(domain)}
    assert {subject for subject, line in lines.items() if line.verdict != "ok"} == {"passwords"}
    assert lines["domain"].detail.startswith("center.example, level 2008 R2, Samba Team")
    assert lines["accounts"].detail.startswith("18 accounts, ")
    assert lines["password ages"].detail == "pwdLastSet is seen on 18 of 18 entries"
    assert lines["times of log-ins"].detail.endswith("up to 14 days late")
    assert lines["disabled since"].detail == "when it was disabled is seen for 4 of 4 accounts"


def test_check_counts_passwords_that_need_not_be_and_never_expire(domain: DomainController) -> None:
    told = {line.detail for line in check(domain) if line.subject == "passwords"}
    assert told == {
        "1 enabled accounts need no password (PASSWD_NOTREQD)",
        "1 enabled accounts have a password that never expires",
    }


def test_check_warns_of_an_account_that_may_write(domain: DomainController) -> None:
    lines = check(domain, bind_dn=ADMINISTRATOR, password=ROOT_PASSWORD)
    told = [line.detail for line in lines if line.subject == "too many rights"]
    assert told[0].startswith("this account is in a group of administrators")
    assert told[1] == "this account may change 17 other accounts"


def test_the_password_is_in_no_line_and_no_sentence(domain: DomainController) -> None:
    lines = check(domain)
    with pytest.raises(SourceUnavailable) as caught:
        read(domain, password="canary-of-this-domain")
    assert "canary" not in str(caught.value)
    assert not [line for line in lines if PASSWORD in line.detail]
