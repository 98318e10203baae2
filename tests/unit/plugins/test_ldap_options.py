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


@pytest.mark.parametrize("schema", ["openldap", "active_directory"])
def test_every_option_of_the_example_is_known(schema: str) -> None:
    lines = [line.removeprefix("# ") for line in Ldap.example.strip().splitlines()[1:]]
    other = {"openldap": "# active_directory only", "active_directory": "# openldap only"}[schema]
    table = "\n".join(line for line in lines if other not in line and not line.startswith("schema = "))
    table = f"{table}\nschema = '{schema}'\n"
    table = table.replace('url = "ldaps', 'url = "ldap').replace(":636", "")

    class Full(Ldap):
        example = table

    found = options_of_example(Full)
    Ldap.from_options(found)
    found.refuse_unknown()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"schema": "active-directory"}, "one of openldap, active_directory"),
        ({"schema": "active_directory", "url": "ldaps://dc1.center.example:3269"}, "global catalogue"),
        ({"schema": "active_directory", "url": "ldap://localhost:3268"}, "global catalogue"),
    ],
)
def test_an_unknown_schema_and_the_global_catalogue_are_refused(changed: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadOption, match=sentence):
        Ldap.from_options(options(**changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"schema": "active_directory", "default_policy": "cn=default"},
        {"schema": "openldap", "other_domains": ["branch.center.example"]},
    ],
)
def test_an_option_of_the_other_schema_is_refused(changed: dict[str, object]) -> None:
    found = options(**changed)
    Ldap.from_options(found)
    with pytest.raises(BadOption, match="one of the known options"):
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
