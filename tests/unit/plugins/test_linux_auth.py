"""Accounts of a Linux host: enabled or not, privileged or not, and what sshd, sudo and PAM are set to, by hand."""

import io
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Options, Reason, SourceUnavailable, Window
from ccmm_agent.reading import SourceSpec, check_source_process, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_access_control import linux_files
from ccmm_plugin_access_control.linux_accounts import parse_group, parse_passwd, parse_shadow
from ccmm_plugin_access_control.linux_auth import LinuxAuth
from ccmm_plugin_access_control.linux_logins import LASTLOG, UTMP, last_of_lastlog, last_of_wtmp
from ccmm_plugin_access_control.linux_settings import lock_out, parse_sshd, parse_sudoers
from ccmm_proto.errors import Malformed
from ccmm_proto.v1.statement_pb2 import OBSERVED, Observation, Value

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)  # day 20779
HASH = "$y$j9T$canary-of-a-hash$abcdefghijklmnop"
PASSWD = """root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
zhang:x:1001:1001:Zhang San,E1007:/home/zhang:/bin/bash
li:x:1002:1002:Li Si,E1008:/home/li:/bin/zsh
wang:x:1003:27:Wang Wu:/home/wang:/bin/bash
toor:x:0:0:,:/root:/bin/false
"""
GROUP = "root:x:0:\nsudo:x:27:li\nops:x:1500:zhang\n"
SHADOW = f"""root:*:19000:0:99999:7:::
daemon:*:19000:0:99999:7:::
zhang:{HASH}:20000:0:99999:7:::
li:!{HASH}:20100:0:99999:7::20700:
wang::0:0:99999:7:::
toor:!:19000:0:90:7:30::
"""


class Host:
    """The files of one host, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.put("passwd", PASSWD)
        self.put("group", GROUP)
        self.put("shadow", SHADOW)

    def put(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def options(self, *named: str, **changed: object) -> dict[str, object]:
        places = {name: str(self.folder / name) for name in ("passwd", "group", *named)}
        return {"host": "pbx-01", **places, **changed}

    def source(self, *named: str, **changed: object) -> LinuxAuth:
        given_options = Options(self.options(*named, **changed))
        built = LinuxAuth.from_options(given_options)
        given_options.refuse_unknown()
        return built

    def read(self, *named: str, **changed: object) -> tuple[dict[str, dict[str, object]], dict[str, dict[str, object]]]:
        """Accounts without the host, and settings without it."""
        (accounts, settings), _ = read_all(self.source(*named, **changed), now=NOW, zone=SHANGHAI)
        return table(accounts, ""), table(settings, "pbx-01 ")


def table(observation: Observation, prefix: str) -> dict[str, dict[str, object]]:
    return {
        entry.key.text.removeprefix(prefix).removesuffix("@pbx-01"): {
            one.name: value_of(one.value) for one in entry.attributes
        }
        for entry in observation.inventory.entries
    }


def value_of(value: Value) -> object:
    return getattr(value, value.WhichOneof("value") or "")


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


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


@pytest.mark.parametrize(
    ("line", "who"),
    [
        ("zhang ALL=(ALL) ALL", {"zhang"}),
        ("%ops ALL = (ALL:ALL) NOPASSWD: /usr/bin/asterisk", {"zhang"}),
        ("#1001 ALL=ALL", {"zhang"}),
        ("%#1500 ALL=ALL", {"zhang"}),
        ("User_Alias ADMINS = zhang , nobody\nADMINS ALL=ALL", {"zhang"}),
        ("User_Alias A = B : B = zhang\nA ALL=ALL", {"zhang"}),
        ("somebody,\\\n  zhang  ALL = ALL", {"zhang"}),
        ("ALL ALL=(root) NOPASSWD: /usr/bin/id", {"zhang", "daemon"}),
        ("Defaults:zhang !authenticate", set()),
        ("# zhang ALL=ALL", set()),
        ("Cmnd_Alias X = /bin/zhang", set()),
    ],
)
def test_who_is_named_in_sudoers_is_privileged(host: Host, line: str, who: set[str]) -> None:
    host.put("sudoers", f"Defaults env_reset\n{line}\n@includedir {host.folder}/sudoers.d\n")
    accounts, _ = host.read("sudoers", privileged_groups=["none"])
    assert {name for name in ("zhang", "daemon") if accounts[name]["privileged"]} == who


def test_sudoers_are_followed_into_their_folder(host: Host) -> None:
    host.put("sudoers", f"#includedir {host.folder}/sudoers.d\n")
    host.put("sudoers.d/a", "zhang ALL=(ALL) NOPASSWD: ALL\n")
    host.put("sudoers.d/b.bak", "li ALL=(ALL) ALL\n")
    host.put("sudoers.d/c~", "li ALL=(ALL) ALL\n")
    accounts, settings = host.read("sudoers", privileged_groups=["none"])
    assert (accounts["zhang"]["privileged"], accounts["li"]["privileged"]) == (True, False)
    assert (settings["sudo grants"]["number"], settings["sudo grants without password"]["number"]) == (1.0, 1.0)


def test_sshd_settings_are_the_first_value_of_each_word_with_included_files_in_place(host: Host) -> None:
    host.put(
        "sshd_config",
        f"Include {host.folder}/sshd_config.d/*.conf\nPasswordAuthentication yes\nUsePAM=yes\nLogLevel VERBOSE # all\n"
        'X11Forwarding "no"\nBanner /etc/secret\nMatch User zhang\n  PasswordAuthentication yes\n',
    )
    host.put("sshd_config.d/10.conf", "PasswordAuthentication no\n")
    _, settings = host.read("sshd_config")
    values = {name.removeprefix("sshd "): one.get("value") for name, one in settings.items() if "sshd" in name}
    assert values["PasswordAuthentication"] == "no"
    assert (values["UsePAM"], values["LogLevel"], values["X11Forwarding"]) == ("yes", "verbose", "no")
    assert values["PermitRootLogin"] == "unset"
    assert "secret" not in str(settings)
    assert settings["sshd Match blocks"]["number"] == 1.0


@pytest.mark.parametrize(
    ("methods", "expected"),
    [
        ("AuthenticationMethods publickey,keyboard-interactive", True),
        ("AuthenticationMethods publickey,password publickey,keyboard-interactive:pam", True),
        ("AuthenticationMethods publickey,password password", False),
        ("AuthenticationMethods publickey,publickey", False),
        ("AuthenticationMethods password,keyboard-interactive", False),
        ("AuthenticationMethods any", False),
        ("", False),
        ("AuthenticationMethods publickey,password\nMatch Address 10.0.0.1\nAuthenticationMethods any", False),
    ],
)
def test_two_factors_are_a_key_and_something_else_for_everybody(host: Host, methods: str, expected: bool) -> None:
    host.put("sshd_config", f"{methods}\n")
    accounts, _ = host.read("sshd_config")
    assert accounts["zhang"]["mfa"] is expected


@pytest.mark.parametrize(
    ("files", "conf", "expected"),
    [
        ({"sshd": "@include common-auth\n", "common-auth": "auth required pam_faillock.so preauth\n"}, "deny = 5\n", 5),
        ({"sshd": "auth substack password-auth\n", "password-auth": "auth required pam_faillock.so authfail\n"}, "", 3),
        ({"sshd": "auth [default=die] pam_faillock.so authfail deny=7\n"}, "deny = 5\n", 7),
        ({"sshd": "auth required pam_unix.so\n"}, "deny = 5\n", 0),
        ({"sshd": "# auth required pam_faillock.so\naccount required pam_faillock.so\n"}, "deny = 5\n", 0),
        ({"sshd": "auth required pam_faillock.so\n"}, "# deny = 9\ndeny = 0\n", 0),
    ],
)
def test_an_account_locks_only_where_the_stack_of_the_service_asks_for_it(
    host: Host, files: dict[str, str], conf: str, expected: int
) -> None:
    for name, content in files.items():
        host.put(f"pam.d/{name}", content)
    host.put("faillock.conf", conf)
    options = {"pam": str(host.folder / "pam.d" / "sshd"), "faillock": str(host.folder / "faillock.conf")}
    _, settings = host.read(**options)
    assert settings["lock_out"] == {"system": "linux", "class": "lock_out", "number": float(expected)}


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


@pytest.mark.parametrize(
    ("name", "content", "reason", "words"),
    [
        ("passwd", "root:x:0:0\n", Reason.UNREADABLE, "line 1 has not 7 fields"),
        ("passwd", "root:x:0:0:::/bin/sh\nroot:x:0:0:::/bin/sh\n", Reason.UNREADABLE, "stands twice"),
        ("passwd", "root:x:0:0:::/bin/sh\n+::::::\n", Reason.UNREADABLE, "line 2 brings accounts of NIS"),
        ("passwd", "", Reason.UNREADABLE, "no account"),
        ("passwd", "r\xe9:x:0:0:::/bin/sh\n".encode("latin-1"), Reason.UNREADABLE, "not UTF-8"),
        ("group", "sudo:x:many:li\n", Reason.UNREADABLE, "a number is expected"),
        ("shadow", "root:*:1:0:99999:7:::\n", Reason.UNREADABLE, "5 accounts of .* have no line"),
        ("shadow", SHADOW.replace("20700", "soon"), Reason.UNREADABLE, "line 4: a number"),
        ("lastlog", b"x" * 300, Reason.UNREADABLE, "its size"),
        ("wtmp", b"\xff" * UTMP.size, Reason.UNREADABLE, "record 1 is none"),
        ("sshd_config", "Include /etc/elsewhere/*.conf\n", Reason.REFUSED, "it is not read"),
        ("sudoers", "@include sudoers.d/a\n", Reason.UNREADABLE, "circle"),
    ],
)
def test_what_cannot_be_read_makes_the_source_unavailable(
    host: Host, name: str, content: str | bytes, reason: Reason, words: str
) -> None:
    host.put("sudoers.d/a", f"@include {host.folder}/sudoers.d/a\n")
    host.put(name, content)
    assert_unavailable(host.source(*{name} - {"passwd", "group"}), reason, words)


def test_a_file_that_is_missing_or_too_large_is_named(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_unavailable(host.source("lastlog"), Reason.NOT_FOUND, "lastlog is not there")
    monkeypatch.setattr(linux_files, "MAX_FILE_BYTES", 10)
    assert_unavailable(host.source(), Reason.FLOOD, "more than 10 bytes")


def assert_unavailable(source: LinuxAuth, reason: Reason, words: str) -> None:
    with pytest.raises(SourceUnavailable, match=words) as raised:
        read_all(source, now=NOW, zone=SHANGHAI)
    assert raised.value.reason is reason


@pytest.mark.parametrize("changed", [{"host": ""}, {"gecos_part": 0}, {"faillock": "/etc/f"}, {"persons": {"a": 3}}])
def test_wrong_options_are_named(host: Host, changed: dict[str, object]) -> None:
    with pytest.raises(BadOption, match=next(iter(changed))):
        host.source(**changed)


def test_the_manifest_names_folders_of_configuration_and_never_all_of_etc(host: Host) -> None:
    manifest = host.source("sshd_config", "sudoers", pam="/etc/pam.d/sshd").manifest()
    assert manifest.folders == (host.folder / "sshd_config.d", host.folder / "sudoers.d", Path("/etc/pam.d"))
    assert (manifest.programs, manifest.endpoints) == ((), ())


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parsers_of_accounts(content: bytes) -> None:
    for parse in (parse_passwd, parse_group, parse_shadow):
        with suppress(Malformed):
            parse(content)


@given(
    st.lists(st.sampled_from(["root", "x", "0", "*", "", "20000", "-1", "99999", "/bin/sh"]), min_size=7, max_size=9)
)
def test_no_line_of_fields_breaks_the_parsers_of_accounts(parts: list[str]) -> None:
    test_no_bytes_break_the_parsers_of_accounts.hypothesis.inner_test(":".join(parts).encode())  # type: ignore[attr-defined]


@given(st.text(max_size=200))
def test_no_text_breaks_the_parsers_of_settings(text: str) -> None:
    for parse in (parse_sshd, parse_sudoers, lambda found, include: lock_out(found, include, found)):
        with suppress(Malformed):
            parse(text, lambda _: [])


@given(st.binary(max_size=2000))
def test_no_bytes_break_the_parsers_of_log_ins(content: bytes) -> None:
    with suppress(Malformed):
        last_of_wtmp(io.BytesIO(content))
    with suppress(Malformed):
        last_of_lastlog(io.BytesIO(content), [0, 1, 5])
