"""What sshd, sudo and PAM of a Linux host are set to, and for whom; by hand."""

import pytest

from tests.support.linux_host import Host, host

__all__ = ["host"]


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
