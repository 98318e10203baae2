"""A center's domain on a real domain controller: who is in it, and the source that reads it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import CheckLine, Options, Window
from ccmm_agent.testing import read_all
from ccmm_plugin_access_control.ldap import Ldap
from tests.support.samba import (
    DOMAIN,
    SUFFIX,
    DomainController,
    password_of,
    running_samba,
)
from tests.support.stated import attributes

__all__ = ["domain", "filled"]

ZONE = ZoneInfo("Asia/Shanghai")
PASSWORD = "Reader-0f-this-test"
READER = f"svc-compliance@{DOMAIN}"
STAFF = f"OU=Staff,{SUFFIX}"
SERVICES = f"OU=Services,{SUFFIX}"
FIRST, FIFTH = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 5, tzinfo=UTC)
FIRST_TICKS = "134379648000000000"  # (1793491200 + 11644473600) seconds since 1601, in 100 ns
FIFTH_TICKS = "134383104000000000"


def user(name: str, *lines: str, place: str = STAFF, cn: str = "", bits: int = 512) -> str:
    """One account in LDIF."""
    head = f"dn: CN={cn or name},{place}\nchangetype: add\nobjectClass: user\nsAMAccountName: {name}"
    return "\n".join([head, f"userAccountControl: {bits}", password_of(PASSWORD), *lines])


def group(name: str, *members: str) -> str:
    head = f"dn: CN={name},{STAFF}\nchangetype: add\nobjectClass: group\nsAMAccountName: {name}"
    return "\n".join([head, *(f"member: {member}" for member in members)])


def change(dn: str, *lines: str) -> str:
    return "\n".join([f"dn: {dn}", "changetype: modify", *lines])


def policy(name: str, *lines: str, applies_to: tuple[str, ...]) -> str:
    """A password policy of its own (PSO)."""
    head = f"dn: CN={name},CN=Password Settings Container,CN=System,{SUFFIX}\nchangetype: add"
    fixed = [
        *("objectClass: msDS-PasswordSettings", "msDS-PasswordSettingsPrecedence: 1", "msDS-PasswordHistoryLength: 24"),
        *("msDS-LockoutThreshold: 2", "msDS-LockoutObservationWindow: -18000000000", "msDS-MinimumPasswordLength: 7"),
        *("msDS-PasswordComplexityEnabled: TRUE", "msDS-PasswordReversibleEncryptionEnabled: FALSE"),
        "msDS-MinimumPasswordAge: 0",
    ]
    return "\n".join([head, *fixed, *lines, *(f"msDS-PSOAppliesTo: CN={user},{STAFF}" for user in applies_to)])


MANAGED = (
    f"dn: CN=gmsa,CN=Managed Service Accounts,{SUFFIX}\nchangetype: add\nsAMAccountName: gmsa$\n"
    "objectClass: msDS-GroupManagedServiceAccount\nmsDS-ManagedPasswordInterval: 30\nuserAccountControl: 4096"
)
LDIF = "\n\n".join(
    [
        f"dn: {STAFF}\nchangetype: add\nobjectClass: organizationalUnit",
        f"dn: {SERVICES}\nchangetype: add\nobjectClass: organizationalUnit",
        user("svc-compliance", place=SERVICES),
        user(
            "wei",
            "employeeID: 10001",
            f"lastLogonTimestamp: {FIRST_TICKS}",
            f"lastLogon: {FIFTH_TICKS}",
            cn=r"Li\, Wei",
        ),
        user("first", "employeeNumber: 10002", f"lastLogonTimestamp: {FIFTH_TICKS}", f"lastLogon: {FIRST_TICKS}"),
        user("helper", "employeeID: 10003", "employeeNumber: 77"),
        user("off", bits=512 | 0x2),
        user("over", f"accountExpires: {FIRST_TICKS}"),
        user("ahead", "accountExpires: 157469184000000000"),  # 2100-01-01T00:00:00Z
        user("card", bits=512 | 0x40000),
        user("open", bits=512 | 0x20 | 0x10000),
        user("fresh", "pwdLastSet: 0"),
        *(user(name) for name in ("tries", "strict")),
        *(user(name, f"lockoutTime: {FIRST_TICKS}") for name in ("was-locked", "still-locked")),
        MANAGED,
        group("tools", f"CN=helper,{STAFF}"),
        group("agents", rf"CN=Li\, Wei,{STAFF}"),
        group("floor", f"CN=agents,{STAFF}"),
        group("large", rf"CN=Li\, Wei,{STAFF}", f"CN=card,{STAFF}"),
        group("everybody", f"CN=S-1-5-11,CN=ForeignSecurityPrincipals,{SUFFIX}"),
        change(f"CN=Backup Operators,CN=Builtin,{SUFFIX}", "add: member", f"member: CN=tools,{STAFF}"),
        change(f"CN=Domain Admins,CN=Users,{SUFFIX}", "add: member", f"member: CN=first,{STAFF}"),
        change(f"CN=first,{STAFF}", "replace: primaryGroupID", "primaryGroupID: 512"),
        change(SUFFIX, "replace: lockoutThreshold", "lockoutThreshold: 3"),
        policy(
            "hard",
            "msDS-LockoutDuration: -9223372036854775808",
            "msDS-MaximumPasswordAge: -36288000000000",
            applies_to=("strict", "still-locked"),
        ),
    ]
)


@dataclass(frozen=True, slots=True)
class Filled:
    """The running domain, and between which seconds it was filled."""

    server: DomainController
    begun: datetime
    ended: datetime


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    begun = datetime.now(UTC).replace(microsecond=0)
    folder = tmp_path_factory.mktemp("samba")
    with running_samba(folder, LDIF, large=f"CN=large,{STAFF}", members=1598) as server:
        ended = datetime.now(UTC)
        server.fails_to_bind("tries", 3)
        server.fails_to_bind("strict", 2)
        yield Filled(server, begun, ended)


@pytest.fixture
def domain(filled: Filled) -> DomainController:
    return filled.server


def source(server: DomainController, **changed: object) -> Ldap:
    password_file = server.folder / "password"
    password_file.write_text(str(changed.pop("password", PASSWORD)), "utf-8")
    password_file.chmod(0o600)
    table: dict[str, object] = {
        "url": f"ldaps://{server.address}",
        "schema": "active_directory",
        "ca_file": str(server.ca),
        "bind_dn": READER,
        "password_file": str(password_file),
        "base": SUFFIX,
        "system": "directory",
        "service_bases": [SERVICES],
        "customer_data_groups": ["floor"],
        "page_size": 5,
    }
    options = Options({**table, **changed})
    built = Ldap.from_options(options)
    options.refuse_unknown()
    return built


def read(server: DomainController, /, **changed: object) -> dict[str, dict[str, object]]:
    (observation,), done = read_all(source(server, **changed), now=datetime.now(UTC), zone=ZONE)
    assert done.covers is not None
    assert observation.inventory.complete
    return {entry.key.text: attributes(entry) for entry in observation.inventory.entries}


def check(server: DomainController, **changed: object) -> list[CheckLine]:
    return list(source(server, **changed).check(Window(cursor=b"", now=datetime.now(UTC), zone=ZONE)))
