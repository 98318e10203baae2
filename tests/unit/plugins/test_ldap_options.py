from pathlib import Path

import pytest

from ccmm_agent.plugin import BadOption, Options, Reason, SourceUnavailable
from ccmm_agent.secret_file import load_password
from ccmm_agent.testing import options_of_example
from ccmm_plugin_access_control.ldap import Ldap


def options(**changed: object) -> Options:
    table = {
        "url": "ldaps://ldap.example",
        "bind_dn": "uid=reader",
        "password_file": "/etc/ccmm/password",
        "base": "dc=x",
        "system": "directory",
    }
    return Options({**table, **changed})


def test_the_manifest_names_the_server_and_the_files() -> None:
    manifest = Ldap.from_options(options(ca_file="/etc/ccmm/ca.pem")).manifest()
    assert manifest.endpoints == (("ldap.example", 636),)
    assert manifest.files == (Path("/etc/ccmm/password"), Path("/etc/ccmm/ca.pem"))
    assert Ldap.from_options(options(url="ldap://localhost")).manifest().endpoints == (("localhost", 389),)


@pytest.mark.parametrize(
    "changed",
    [
        {"url": "ldap://ldap.example"},
        {"url": "http://ldap.example"},
        {"url": "ldaps://"},
        {"url": "ldaps://ldap.example:port"},
        {"url": "ldaps://user@ldap.example"},
        {"url": "ldaps://ldap.example", "start_tls": True},
        {"page_size": 0},
    ],
)
def test_a_password_in_clear_over_the_network_and_other_mistakes_are_refused(changed: dict[str, object]) -> None:
    with pytest.raises(BadOption):
        Ldap.from_options(options(**changed))


def test_every_option_of_the_example_is_known() -> None:
    commented = "\n".join(line.removeprefix("# ") for line in Ldap.example.strip().splitlines()[1:])
    table = commented.replace('url = "ldaps', 'url = "ldap')

    class Full(Ldap):
        example = table

    found = options_of_example(Full)
    Ldap.from_options(found)
    found.refuse_unknown()


@pytest.mark.parametrize("written", [b"", b"\n", b"one\nSET two\n", b"\xff", b"x" * 5000])
def test_an_empty_password_never_becomes_an_anonymous_log_in(tmp_path: Path, written: bytes) -> None:
    path = tmp_path / "password"
    path.write_bytes(written)
    with pytest.raises(SourceUnavailable) as caught:
        load_password(path)
    assert caught.value.reason is Reason.UNREADABLE
    with pytest.raises(SourceUnavailable, match="not there"):
        load_password(tmp_path / "absent")


def test_the_password_keeps_its_blanks_and_loses_its_line_end(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(" secret \r\n", "utf-8")
    assert load_password(path) == " secret "
