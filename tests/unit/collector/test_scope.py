import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_collector.scope import parse_answer
from ccmm_proto.errors import BadConfig


@pytest.mark.parametrize(
    ("key", "text", "canonical"),
    [
        ("zone", "Asia/Shanghai", '"Asia/Shanghai"'),
        ("zone", '"Europe/Berlin"', '"Europe/Berlin"'),
        ("seats", "120", "120"),
        ("gov_hotline", "true", "true"),
        ("queues", "support, 销售", '["support","销售"]'),
        ("queues", '["support"]', '["support"]'),
        ("queues", "", ""),
        ("retired_sources", "pbx/queue_log", '["pbx/queue_log"]'),
        ("feeds.account", '["it/ldap","it/ad"]', '["it/ldap","it/ad"]'),
        ("service_start", "2020-01-01", '"2020-01-01"'),
    ],
)
def test_answers_become_canonical_json_of_the_type_that_the_vocabulary_asks(
    key: str, text: str, canonical: str
) -> None:
    assert parse_answer(key, text) == canonical


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("zone", "Asia/Shangai"),
        ("zone", "../../etc/passwd"),
        ("seats", "many"),
        ("seats", "true"),
        ("seats", "1.5"),
        ("seats", "1" + "0" * 400),
        ("seats", "NaN"),
        ("gov_hotline", "perhaps"),
        ("queues", "[1, 2]"),
        ("queues", '["", "a"]'),
        ("retired_sources", "queue_log"),
        ("feeds.acount", "it/ldap"),
        ("sone", "Asia/Shanghai"),
    ],
)
def test_what_nobody_could_read_is_refused(key: str, text: str) -> None:
    with pytest.raises(BadConfig):
        parse_answer(key, text)


@given(st.sampled_from(["zone", "seats", "queues", "gov_hotline", "feeds.account", "retired_sources"]), st.text())
def test_any_text_gives_an_answer_or_a_refusal(key: str, text: str) -> None:
    try:
        canonical = parse_answer(key, text)
    except BadConfig:
        return
    assert canonical == "" or json.dumps(json.loads(canonical), ensure_ascii=False, separators=(",", ":")) == canonical
