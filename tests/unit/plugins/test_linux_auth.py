"""Accounts of a Linux host: enabled or not, privileged or not, whose, and last used when; by hand."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ccmm_agent.plugin import BadOption, Window
from ccmm_agent.reading import SourceSpec, check_source_process, read_source
from ccmm_agent.testing import check_source
from ccmm_plugin_access_control.linux_logins import LASTLOG, UTMP
from ccmm_proto.v1.statement_pb2 import OBSERVED
from tests.support.linux_host import NOW, SHADOW, SHANGHAI, Host, host
from tests.support.stated import ms

__all__ = ["host"]


def test_the_source_keeps_the_contract(host: Host, tmp_path: Path) -> None:
    host.put("sshd_config", "PermitRootLogin no\n")
    broken = host.source(passwd=str(tmp_path / "none"))
    window = Window(cursor=b"", now=NOW, zone=SHANGHAI)
    check_source(healthy=host.source("shadow", "sshd_config"), broken=broken, window=window)


def test_by_passwd_alone_a_shell_decides_and_the_rest_is_not_told(host: Host) -> None:
    accounts, settings = host.read()
    assert {name: one["enabled"] for name, one in accounts.items()} == {
        "root": True, "daemon": False, "zhang": True, "li": True, "wang": True, "toor": False
    }  # fmt: skip
    assert accounts["zhang"] == {"system": "linux", "enabled": True, "service": False}
    assert (accounts["root"]["privileged"], accounts["li"]["privileged"], accounts["wang"]["privileged"]) == (True,) * 3
    assert settings == {"accounts of uid 0": {"system": "linux", "number": 2.0}}


def test_shadow_tells_what_expired_is_locked_or_needs_no_password(host: Host) -> None:
    accounts, settings = host.read("shadow")
    assert (accounts["li"]["enabled"], accounts["li"]["locked"]) == (False, True)
    assert accounts["li"]["disabled"] == 20700 * 86_400_000
    assert accounts["zhang"]["password_changed"] == 20000 * 86_400_000
    assert accounts["zhang"]["locked"] is False
    assert "password_changed" not in accounts["wang"]  # to be changed at the next log-in
    assert accounts["toor"]["disabled"] == (19000 + 90 + 30 + 1) * 86_400_000
    assert settings["accounts without password"]["number"] == 1.0


def test_a_locked_password_alone_does_not_close_an_account(host: Host) -> None:
    """A key still opens it."""
    host.put("shadow", SHADOW.replace("::20700:", ":::"))
    accounts, _ = host.read("shadow")
    assert (accounts["li"]["enabled"], accounts["li"]["locked"]) == (True, True)


@pytest.mark.parametrize(
    ("config", "enabled", "remote"),
    [
        ("PermitRootLogin no\n", False, False),
        ("", True, True),  # prohibit-password: by a key
        ("PermitRootLogin no\nMatch Address 10.0.0.0/8\nPermitRootLogin yes\n", True, True),
        ("PermitRootLogin yes\nPermitRootLogin no\n", True, True),
    ],
)
def test_root_is_closed_where_neither_password_nor_sshd_lets_it_in(
    host: Host, config: str, enabled: bool, remote: bool
) -> None:
    host.put("sshd_config", config)
    accounts, _ = host.read("shadow", "sshd_config")
    assert (accounts["root"]["enabled"], accounts["root"]["remote"]) == (enabled, remote)
    assert accounts["zhang"]["remote"] is True
    assert accounts["daemon"]["remote"] is False


def test_persons_come_from_the_options_or_a_part_of_the_comment(host: Host) -> None:
    accounts, _ = host.read(gecos_part=2, persons={"wang": "E1009"}, service_accounts=["root"])
    assert {name: one.get("person") for name, one in accounts.items()} == {
        "root": None, "daemon": None, "zhang": "E1007", "li": "E1008", "wang": "E1009", "toor": None
    }  # fmt: skip
    assert [name for name, one in accounts.items() if one["service"]] == ["root"]


def lastlog(**uids: datetime) -> bytes:
    content = bytearray(LASTLOG.size * 1004)
    for name, when in uids.items():
        LASTLOG.pack_into(content, LASTLOG.size * int(name[1:]), int(when.timestamp()), b"pts/0", b"192.0.2.7")
    return bytes(content)


def utmp(kind: int, user: bytes, when: datetime) -> bytes:
    return UTMP.pack(kind, 77, b"pts/0", b"ts/0", user, b"192.0.2.7", 0, 0, 1, int(when.timestamp()), 5, b"")


def test_the_last_log_in_is_the_newest_of_both_records(host: Host) -> None:
    host.put("lastlog", lastlog(u1001=NOW - timedelta(days=3), u1002=NOW - timedelta(days=9)))
    records = [
        utmp(7, b"zhang", NOW - timedelta(days=1)),
        utmp(8, b"li", NOW),
        utmp(7, b"li", NOW - timedelta(days=40)),
    ]
    host.put("wtmp", b"".join(records) + b"torn")
    accounts, _ = host.read("lastlog", "wtmp")
    assert accounts["zhang"]["last_login"] == ms(NOW - timedelta(days=1))
    assert accounts["li"]["last_login"] == ms(NOW - timedelta(days=9))
    assert "last_login" not in accounts["wang"]


def test_hashes_names_and_addresses_never_leave_and_check_does_not_print_them(host: Host) -> None:
    host.put("lastlog", lastlog(u1001=NOW))
    host.put("sudoers", "zhang ALL=(ALL) ALL\n")
    spec = SourceSpec(name="host", plugin="linux_auth", options=host.options("shadow", "lastlog", "sudoers"))
    reading = read_source(spec, cursor=b"", now=NOW, zone=SHANGHAI)
    assert reading.outcome == OBSERVED, reading.detail
    told = b"".join(one.SerializeToString() for one in reading.observations) + str(reading.detail).encode()
    lines = check_source_process(spec, now=NOW, zone=SHANGHAI)
    told += "".join(f"{line.subject} {line.detail}" for line in lines).encode()
    for word in (b"canary", b"Zhang San", b"192.0.2.7", b"pts/0"):
        assert word not in told
    assert [line.verdict for line in lines if line.subject == "shadow"] == ["warning", "warning"]


@pytest.mark.parametrize("changed", [{"host": ""}, {"gecos_part": 0}, {"faillock": "/etc/f"}, {"persons": {"a": 3}}])
def test_wrong_options_are_named(host: Host, changed: dict[str, object]) -> None:
    with pytest.raises(BadOption, match=next(iter(changed))):
        host.source(**changed)


def test_the_manifest_names_folders_of_configuration_and_never_all_of_etc(host: Host) -> None:
    manifest = host.source("sshd_config", "sudoers", pam="/etc/pam.d/sshd").manifest()
    assert manifest.folders == (host.folder / "sshd_config.d", host.folder / "sudoers.d", Path("/etc/pam.d"))
    assert (manifest.programs, manifest.endpoints) == ((), ())
