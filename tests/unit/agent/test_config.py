"""agent.toml: what is wrong stops the start with file, key and what was expected."""

from datetime import time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.config import LEFT_OUT, Config, load_config, parse_config, without_secrets
from ccmm_agent.sources import limits_of
from ccmm_proto.errors import BadConfig

PATH = Path("agent.toml")
SOURCE = '[[source]]\nname = "pbx"\nplugin = "asterisk"\n'

INSISTING = "secrets_in_clear = true\n"


def parsed(text: str) -> Config:
    return parse_config(f'zone = "Asia/Shanghai"\n{text}'.encode(), PATH)


def test_a_source_keeps_its_own_options_for_the_plugin() -> None:
    config = parsed(f'{SOURCE}every = "15m"\nquiet = "23:00-05:30"\ntimeout = "60s"\nqueue_log = "/var/log/q"\nn = 3')
    (source,) = config.sources
    assert (source.name, source.plugin, source.every, source.cron) == ("pbx", "asterisk", "15m", None)
    assert source.timeout == timedelta(seconds=60)
    assert dict(source.options) == {"queue_log": "/var/log/q", "n": 3}
    assert source.quiet is not None
    assert [source.quiet.contains(time(hour)) for hour in (22, 23, 3, 6)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("speed = 3", "speed: expected one of"),
        ('keep = "30"', 'keep: expected a time span such as "15m"'),
        ('keep = "99999999999d"', "keep: expected"),
        ("keep = 30", "keep: expected a text"),
        ('spool_limit = "1KB"', "spool_limit: expected a size of at least 1MB"),
        ('spool_limit = "much"', "spool_limit: expected a size"),
        ("source = 3", "source: expected tables"),
        (SOURCE, "source pbx: every: expected either every"),
        (f'{SOURCE}every = "15m"\ncron = "* * * * *"', "source pbx: every: expected either every"),
        ('[[source]]\nplugin = "asterisk"\nevery = "15m"', "source 1: name: expected a name; it is missing"),
        ('[[source]]\nname = "A B"\nplugin = "x"\nevery = "15m"', "name: expected small letters"),
        ('[[source]]\nname = "pbx"\nplugin = "As terisk"\nevery = "15m"', "plugin: expected small letters"),
        ('[[source]]\nname = "attestations"\nplugin = "x"\nevery = "15m"', "and not 'attestations'"),
        ('[[source]]\nname = "pbx"\nevery = "15m"', "plugin: expected the word of an installed source type"),
        (f'{SOURCE}every = "15m"\nquiet = "night"', "quiet: expected a daily span"),
        (f'{SOURCE}every = "15m"\n{SOURCE}every = "1h"', "source 'pbx': expected a name that no other source has"),
        ("zone = ", "not TOML"),
    ],
)
def test_what_is_wrong_is_named_with_what_was_expected(text: str, named: str) -> None:
    with pytest.raises(BadConfig, match=r"agent\.toml") as caught:
        parsed(text)
    assert named in str(caught.value)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="ccmm-agent join"):
        load_config(tmp_path)


@pytest.mark.parametrize("zone", ["", 'zone = "Mars/Olympus"', 'zone = "../../etc/passwd"', "zone = 8"])
def test_a_zone_is_needed_and_must_exist(zone: str) -> None:
    with pytest.raises(BadConfig, match="zone: expected"):
        parse_config(zone.encode(), PATH)


def test_the_digest_changes_with_the_configuration_and_not_with_a_secret() -> None:
    one = parsed(f'{INSISTING}{SOURCE}every = "15m"\nsecret = "a"')
    assert parsed(f'{INSISTING}{SOURCE}every = "15m"\nsecret = "b"').digest == one.digest
    assert parsed(f'{INSISTING}{SOURCE}every = "30m"\nsecret = "a"').digest != one.digest


@pytest.mark.parametrize("option", ["passed", "password_changed", "key", "password_file", "keys.staff"])
def test_a_mapping_is_no_secret_because_its_name_sounds_like_one(option: str) -> None:
    """Else "failed" could become "passed" without a new digest."""
    one = parsed(f'{SOURCE}every = "15m"\n{option} = "result"')
    assert parsed(f'{SOURCE}every = "15m"\n{option} = "wish"').digest != one.digest


@pytest.mark.parametrize("option", ["secret", "bind_password", "API_TOKEN", "snmp_community", "private_key", "tokens"])
def test_what_ends_in_a_secret_word_is_left_out(option: str) -> None:
    one = parsed(f'{INSISTING}{SOURCE}every = "15m"\n{option} = "a"')
    assert parsed(f'{INSISTING}{SOURCE}every = "15m"\n{option} = "b"').digest == one.digest


def test_a_reader_gets_the_memory_that_its_source_is_given() -> None:
    (source,) = parsed(f'{SOURCE}every = "1d"\nmemory = "2GB"').sources
    assert limits_of(source).memory_bytes == 2 * 10**9
    with pytest.raises(BadConfig, match="at least 128MB"):
        parsed(f'{SOURCE}every = "1d"\nmemory = "5MB"')


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ('secret = "hunter2"', "secret"),
        ('tokens = ["hunter2"]', "tokens"),
        ('url = "postgresql://reader:hunter2@hr/hr"', "url"),
        ('urls = ["https://hr/", "https://reader:hunter2@hr/"]', "urls"),
        ('[source.login]\napi_token = "hunter2"', "login.api_token"),
        ('[[source.servers]]\nbind_password = "hunter2"', "servers.bind_password"),
    ],
)
def test_a_secret_in_clear_is_refused_unless_the_admin_insists(options: str, key: str) -> None:
    content = f'zone = "UTC"\n{SOURCE}every = "15m"\n{options}\n'
    with pytest.raises(BadConfig, match=rf"source pbx: {key}: expected no secret here.*secrets_in_clear") as refused:
        parse_config(content.encode(), PATH)
    assert "hunter2" not in str(refused.value)
    insisting = f"secrets_in_clear = true\n{content}"
    assert parse_config(insisting.encode(), PATH).digest != b""
    changed = parse_config(insisting.replace("hunter2", "other").encode(), PATH)
    assert changed.digest == parse_config(insisting.encode(), PATH).digest, "the digest must not tell of a secret"


@pytest.mark.parametrize(
    "options",
    [
        'password_file = "/etc/ccmm/p"',
        'url = "postgresql://hr:5432/hr"',
        'secret = ""',
        "[source.columns]\npassed = 'x'",
    ],
)
def test_what_names_no_secret_is_no_secret(options: str) -> None:
    assert len(parse_config(f'zone = "UTC"\n{SOURCE}every = "15m"\n{options}\n'.encode(), PATH).sources) == 1


def test_secrets_are_left_out_at_any_depth() -> None:
    table = {"source": [{"bind_password": "x", "login": {"api_token": "y", "user": "z"}}]}
    left = without_secrets(table)
    assert left == {"source": [{"bind_password": LEFT_OUT, "login": {"api_token": LEFT_OUT, "user": "z"}}]}


@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_configuration_or_bad_config(content: bytes) -> None:
    try:
        parse_config(content, PATH)
    except BadConfig:
        return


_VALUES = st.recursive(
    st.text(max_size=5) | st.integers(-5, 5) | st.booleans(), lambda inner: st.lists(inner, max_size=2), max_leaves=3
)


@given(key=st.sampled_from(["zone", "keep", "spool_limit", "jitter", "reader_account", "source"]), value=_VALUES)
def test_any_value_of_a_known_key_is_accepted_or_bad_config(key: str, value: object) -> None:
    import json

    other = "" if key == "zone" else 'zone = "UTC"\n'
    try:
        parse_config(f"{other}{key} = {json.dumps(value)}".encode(), PATH)
    except BadConfig:
        return
