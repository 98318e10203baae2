"""The captured directory in a real slapd: its counts, and everything that must be loud."""

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from ldap3 import MODIFY_REPLACE

from ccmm_agent.plugin import CheckLine, Options, Reason, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_access_control.ldap import Ldap
from ccmm_plugin_access_control.ldap_entries import parse_time
from tests.support.refusals import refusal
from tests.support.slapd import LOADED, PASSWORD, PEOPLE, READER, SUFFIX, Slapd, running_slapd
from tests.support.stated import attributes

pytestmark = pytest.mark.live

ZONE = ZoneInfo("Asia/Shanghai")
SERVICES = f"ou=services,{SUFFIX}"


@pytest.fixture(scope="module")
def slapd(captures: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with running_slapd(captures / "openldap-2.5", tmp_path_factory.mktemp("slapd")) as server:
        server.fails_to_bind(f"uid=u0036,{PEOPLE}", times=5)
        server.fails_to_bind(f"uid=u0037,{PEOPLE}")
        yield server


@pytest.fixture(scope="module")
def truth(captures: Path) -> list[dict[str, str]]:
    with (captures / "openldap-2.5" / "truth.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def source(server: Slapd, **changed: object) -> Ldap:
    password = str(changed.pop("password", PASSWORD))
    password_file = server.folder / f"password-{abs(hash(password))}"
    password_file.write_text(password + "\n", "utf-8")
    password_file.chmod(0o600)
    table: dict[str, object] = {
        "url": f"ldap://127.0.0.1:{server.port}",
        "bind_dn": READER,
        "password_file": str(password_file),
        "base": SUFFIX,
        "system": "directory",
        "service_bases": [SERVICES],
        "privileged_groups": ["admins", f"cn=it-operations,ou=groups,{SUFFIX}"],
        "customer_data_groups": ["card-data-access"],
        "default_policy": f"cn=default,ou=policies,{SUFFIX}",
        "page_size": 50,
    }
    options = Options({**table, **changed})
    built = Ldap.from_options(options)
    options.refuse_unknown()
    return built


def read(server: Slapd, /, **changed: object) -> dict[str, dict[str, object]]:
    """The accounts by name, each with its attributes as Python values."""
    now = changed.pop("now", datetime.now(UTC))
    assert isinstance(now, datetime)
    (observation,), done = read_all(source(server, **changed), now=now, zone=ZONE)
    assert done.covers is not None
    assert observation.inventory.complete
    return {entry.key.text: attributes(entry) for entry in observation.inventory.entries}


def check(server: Slapd, **changed: object) -> list[CheckLine]:
    return list(source(server, **changed).check(Window(cursor=b"", now=datetime.now(UTC), zone=ZONE)))


def days(value: object) -> int | None:
    """Age in whole days when the capture was made."""
    loaded = parse_time(LOADED)
    assert loaded is not None
    return (loaded - value) // timedelta(days=1) if isinstance(value, datetime) else None


def test_the_directory_gives_the_counts_of_its_truth(slapd: Slapd, truth: list[dict[str, str]]) -> None:
    accounts = read(slapd)
    people = {name: account for name, account in accounts.items() if not account["service"]}
    assert len(people) == len({row["uid"] for row in truth}) == 260
    assert {name for name in accounts if name not in people} == {
        *("svc-backup", "svc-compliance", "svc-crm", "svc-recording"),
    }
    expected = Counter(row["state"] for row in truth)
    stale = [
        name
        for name, account in people.items()
        if account["enabled"] and (age := days(account.get("last_login"))) is not None and age > 90
    ]
    never = [name for name, account in people.items() if "last_login" not in account]
    assert sum(not account["enabled"] for account in people.values()) == expected["disabled"] == 18
    assert len(stale) == expected["stale"] == 6
    assert len(never) == expected["neverused"] == 3


def test_each_account_is_in_the_state_that_the_truth_tells(slapd: Slapd, truth: list[dict[str, str]]) -> None:
    accounts = read(slapd)
    by_state: dict[str, set[str]] = {}
    for row in truth:
        by_state.setdefault(row["state"], set()).add(row["uid"])
        if row["pwd_age_days"]:
            assert days(accounts[row["uid"]]["password_changed"]) == int(row["pwd_age_days"]), row["uid"]
    assert {name for name, account in accounts.items() if not account["enabled"]} == by_state["disabled"]
    assert {name for name, account in accounts.items() if account["locked"]} == by_state["lockedout"] | by_state[
        "disabled"
    ]
    (finding,) = by_state["finding"]
    assert accounts[finding]["privileged"]
    assert not accounts[finding]["enabled"]


def test_last_log_ins_are_those_of_the_truth(slapd: Slapd, truth: list[dict[str, str]]) -> None:
    accounts = read(slapd)
    known = [row for row in truth if row["last_login_days"] and row["uid"] not in ("u0001", "u0002", "u0003")]
    assert len(known) > 250
    for row in known:
        assert days(accounts[row["uid"]]["last_login"]) == int(row["last_login_days"]), row["uid"]


def test_groups_are_those_of_the_captured_ldif(slapd: Slapd, captures: Path) -> None:
    members: dict[str, set[str]] = {}
    for part in (captures / "openldap-2.5" / "groups.ldif").read_text("utf-8").split("\n\n"):
        lines = [line.partition(": ") for line in part.strip().splitlines()]
        for name, _, value in lines:
            if name == "member":
                members.setdefault(lines[0][2].split(",")[0][3:], set()).add(value.split(",")[0][4:])
    accounts = read(slapd)
    for group, expected in members.items():
        assert {name for name, account in accounts.items() if group in account["groups"]} == expected  # type: ignore[operator]
    privileged = {name for name, account in accounts.items() if account["privileged"]}
    assert privileged == members["admins"] | members["it-operations"]
    assert {name for name, account in accounts.items() if account["customer_data"]} == members["card-data-access"]


def test_a_lock_ends_when_its_policy_says(slapd: Slapd) -> None:
    assert read(slapd)["u0036"]["locked"]
    later = datetime.now(UTC) + timedelta(minutes=31)
    assert not read(slapd, now=later)["u0036"]["locked"]
    assert "locked" not in read(slapd, default_policy=None)["u0036"]  # nobody tells how long: not told at all


def test_an_account_past_its_end_is_disabled_since_then(slapd: Slapd) -> None:
    dn, end = f"uid=u0010,{PEOPLE}", "20261101000000Z"
    connection = slapd.connect()
    assert connection.modify(dn, {"pwdEndTime": [(MODIFY_REPLACE, [end])]})  # type: ignore[no-untyped-call]
    account = read(slapd)["u0010"]
    assert connection.modify(dn, {"pwdEndTime": [(MODIFY_REPLACE, [])]})  # type: ignore[no-untyped-call]
    connection.unbind()
    assert not account["enabled"]
    assert account["disabled"] == parse_time(end)


def test_the_source_keeps_the_contract(slapd: Slapd) -> None:
    (observation,) = check_source(source(slapd), source(slapd, password="not the password"))
    assert len(observation.inventory.entries) == 264


def test_the_next_run_vouches_from_where_the_last_one_ended(slapd: Slapd) -> None:
    first, second = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC)
    _, done = read_all(source(slapd), now=first, zone=ZONE)
    _, again = read_all(source(slapd), cursor=done.cursor, now=second, zone=ZONE)
    assert again.covers is not None
    assert abs(again.covers[0] - first) < timedelta(milliseconds=1)
    assert again.covers[1] == second


def test_the_directory_is_read_in_a_reader_process_with_all_that_it_needs(slapd: Slapd) -> None:
    password_file = slapd.folder / "password"
    password_file.write_text(PASSWORD, "utf-8")
    password_file.chmod(0o600)
    options = {
        "url": f"ldaps://localhost:{slapd.tls_port}",
        "ca_file": str(slapd.ca),
        "bind_dn": READER,
        "password_file": str(password_file),
        "base": SUFFIX,
        "system": "directory",
    }
    spec = SourceSpec(name="directory", plugin="ldap", options=options)
    reading = read_source(spec, cursor=b"", now=datetime.now(UTC), zone=ZONE)
    assert (reading.reason, reading.detail) == ("", "")
    assert len(reading.observations[0].inventory.entries) == 264


def test_a_size_limit_is_never_a_smaller_directory(captures: Path, tmp_path: Path) -> None:
    with running_slapd(captures / "openldap-2.5", tmp_path, size_limit_paged="100") as server:
        _is_limited(server)


def _is_limited(server: Slapd) -> None:
    with refusal(Reason.LIMITED, "size limit"):
        read(server)


def test_without_paging_the_server_gives_a_part_and_the_reader_nothing(slapd: Slapd) -> None:
    with source(slapd)._open() as directory, refusal(Reason.LIMITED, "size limit .result code 4. after 200 entries"):
        directory.entries(SUFFIX, "(uid=*)", ["uid"], page=0)


def test_a_wrong_password_is_refused_and_said(slapd: Slapd) -> None:
    with refusal(Reason.REFUSED, "invalidCredentials .result code 49."):
        read(slapd, password="not the password")


def test_an_expired_password_is_refused_and_the_policy_is_quoted(slapd: Slapd) -> None:
    with refusal(Reason.REFUSED, "Password expired .result code 49."):
        read(slapd, bind_dn=f"uid=u0004,{PEOPLE}")


def test_an_account_without_rights_is_refused_not_an_empty_directory(slapd: Slapd) -> None:
    with refusal(Reason.REFUSED, "may not read dc=contact,dc=example itself"):
        read(slapd, bind_dn=f"uid=u0001,{PEOPLE}")


@pytest.mark.parametrize(
    ("changed", "reason", "words"),
    [
        ({"base": "dc=elsewhere,dc=example"}, Reason.NOT_FOUND, "not there"),
        ({"filter": "(uid=nobody-at-all)"}, Reason.NOT_FOUND, "no entry"),
        ({"filter": "(((uid"}, Reason.BAD_OPTION, "filter"),
        ({"privileged_groups": ["no-such-group"]}, Reason.NOT_FOUND, "no-such-group"),
        ({"account": "mail"}, Reason.UNREADABLE, "4 entries have no mail"),
        ({"account": "departmentNumber", "filter": "(objectClass=inetOrgPerson)"}, Reason.UNREADABLE, "of another"),
        ({"url": "ldap://127.0.0.1:1"}, Reason.UNREACHABLE, "refused"),
    ],
)
def test_what_cannot_be_looked_at_is_said(slapd: Slapd, changed: dict[str, object], reason: Reason, words: str) -> None:
    with refusal(reason, words):
        read(slapd, **changed)


def test_tls_is_used_and_the_name_in_the_certificate_counts(slapd: Slapd) -> None:
    ca = {"ca_file": str(slapd.ca)}
    assert len(read(slapd, url=f"ldaps://localhost:{slapd.tls_port}", **ca)) == 264
    assert len(read(slapd, url=f"ldap://localhost:{slapd.port}", start_tls=True, **ca)) == 264
    with refusal(Reason.UNREACHABLE, "IP address mismatch"):
        read(slapd, url=f"ldaps://127.0.0.1:{slapd.tls_port}", **ca)
    for url, start_tls in ((f"ldaps://localhost:{slapd.tls_port}", False), (f"ldap://localhost:{slapd.port}", True)):
        with refusal(Reason.UNREACHABLE, "certificate verify failed"):
            read(slapd, url=url, start_tls=start_tls)


def test_check_tells_what_the_account_sees(slapd: Slapd) -> None:
    lines = {line.subject: line for line in check(slapd)}
    assert {line.verdict for line in lines.values()} == {"ok"}, lines
    assert "264 accounts, 9 groups" in lines["accounts"].detail
    assert "of 264 entries" in lines["password ages"].detail


def test_check_warns_of_an_account_that_reads_password_hashes(slapd: Slapd) -> None:
    root = {"bind_dn": f"cn=admin,{SUFFIX}", "password": "root-of-this-test"}
    lines = {line.subject: line for line in check(slapd, **root)}
    assert lines["too many rights"].verdict == "warning"
    assert "264 entries" in lines["too many rights"].detail


def test_check_warns_of_a_lock_whose_length_nobody_tells(slapd: Slapd) -> None:
    lines = {line.subject: line for line in check(slapd, default_policy=None)}
    assert lines["locks"].verdict == "warning"
