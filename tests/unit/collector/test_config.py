"""`collector.toml`: every mistake is named with file, key and what was expected."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_collector.config import (
    CONFIG_FILE,
    PackSettings,
    check_name,
    format_config,
    load_config,
    load_pack_settings,
    load_trusted_keys,
    new_config,
    parse_address,
    parse_duration,
)
from ccmm_proto.errors import BadConfig

KEY = "0a" * 32


def write(folder: Path, before: str, after: str) -> None:
    text = format_config(new_config("collector", "collector.example.org:9000"))
    assert before in text
    (folder / CONFIG_FILE).write_text(text.replace(before, after))


@pytest.mark.parametrize("address", ["localhost", "collector.example.org:9000", "10.1.2.3:0", "[2001:db8::1]:8443"])
def test_what_init_writes_is_what_is_read(tmp_path: Path, address: str) -> None:
    config = new_config("head-office", address)
    (tmp_path / CONFIG_FILE).write_text(format_config(config))
    assert load_config(tmp_path) == config


def test_a_collector_on_localhost_listens_there_only() -> None:
    assert new_config("c", "localhost").listen == "127.0.0.1"
    assert new_config("c", "collector.example.org").listen == "0.0.0.0"


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("evidence_port = 9000", "evidence_port = 70000", "evidence_port: expected a port number"),
        ("evidence_port = 9000", "evidence_port = true", "evidence_port: expected a port number"),
        ("evidence_port = 9000", "evidence_prot = 9000", "evidence_port: expected"),
        ("enrollment_port = 9001", "enrollment_port = 9000", "enrollment_port: expected another port"),
        ('certificate_life = "7d"', 'certificate_life = "7"', "certificate_life: expected a length of time"),
        ('certificate_life = "7d"', 'certificate_life = "400d"', "certificate_life: expected a length of time"),
        ('certificate_life = "7d"', 'certificate_life = "7d"\ntls = false', "tls: no such key"),
        ("judges = 1", "judges = 0", "judges: expected a number from 1 to 64"),
        ("judges = 1", 'judges = "2"', "judges: expected a number from 1 to 64"),
        ("judges = 1", "judges = true", "judges: expected a number from 1 to 64"),
        ('trust_domain = "collector.ccmm"', 'trust_domain = "A B"', "trust_domain: expected"),
        ('name = "collector"', "name = 7", "name: expected a name"),
        ('host = "collector.example.org"', 'host = ""', "host: expected a host name"),
        ("evidence_port = 9000", "evidence_port = ", "not readable as TOML"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, before: str, after: str, named: str) -> None:
    write(tmp_path, before, after)
    with pytest.raises(BadConfig) as error:
        load_config(tmp_path)
    assert str(error.value).startswith(f"{tmp_path / CONFIG_FILE}: {named}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("allow_unsigned = false", 'allow_unsigned = "no"', "packs.allow_unsigned: expected true or false"),
        ("allow_unsigned = false", "allow_unsinged = true", "packs.allow_unsinged: no such key"),
        ('# "Li Wei" = "..."', '"Li Wei" = "abc"', "approvers.Li Wei: expected a public key"),
        ('# "Li Wei" = "..."', f'"" = "{KEY}"', "approvers: '': expected a name"),
        ('# "Li Wei" = "..."', f'"Li" = "{KEY}"\n"Wang" = "{KEY}"', "approvers: expected another key for each name"),
        ('# "standards group" = "..."', '"a" = 7', "packs.trusted_keys.a: expected a public key"),
        ("[packs.trusted_keys]", "trusted_keys = true", "packs.trusted_keys: expected a table"),
    ],
)
def test_a_wrong_setting_of_packs_or_approvers_is_named(tmp_path: Path, before: str, after: str, named: str) -> None:
    write(tmp_path, before, after)
    with pytest.raises(BadConfig) as error:
        load_config(tmp_path)
    assert named in str(error.value)


def test_keys_are_read_by_the_names_of_their_owners(tmp_path: Path) -> None:
    write(tmp_path, '# "standards group" = "..."', f'"standards group" = "{KEY}"')
    assert load_config(tmp_path).packs.trusted_keys == {"standards group": bytes.fromhex(KEY)}
    assert load_trusted_keys(tmp_path / CONFIG_FILE) == {"standards group": bytes.fromhex(KEY)}


def test_a_configuration_of_before_packs_were_signed_trusts_nobody(tmp_path: Path) -> None:
    text = format_config(new_config("collector", "localhost"))
    (tmp_path / CONFIG_FILE).write_text(text[: text.index("# Rule packs")])
    config = load_config(tmp_path)
    assert (config.packs, dict(config.approvers)) == (PackSettings(), {})
    assert load_pack_settings(tmp_path / "no-such-folder") == PackSettings()


def test_a_folder_without_configuration_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="run ccmm-collector init"):
        load_config(tmp_path)


def test_a_configuration_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / CONFIG_FILE).write_bytes(b"\xff\xfe")
    with pytest.raises(BadConfig, match="not readable as TOML"):
        load_config(tmp_path)


@given(st.integers(1, 9_999), st.sampled_from("smhd"))
def test_a_length_of_time_is_a_number_and_a_unit(number: int, unit: str) -> None:
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
    assert parse_duration(f"{number}{unit}") == timedelta(seconds=number * seconds)


@given(st.text(max_size=12))
def test_only_bad_config_escapes_from_parsing_lengths_names_and_addresses(text: str) -> None:
    for parse in (parse_duration, parse_address, lambda name: check_name("center", name)):
        with suppress(BadConfig):
            assert parse(text)


@pytest.mark.parametrize("name", ["", "a/b", "..", "北京", "a b", "-a", "a" * 64, "a\n"])
def test_a_name_that_cannot_stand_in_a_certificate_is_refused(name: str) -> None:
    with pytest.raises(BadConfig):
        check_name("center", name)
