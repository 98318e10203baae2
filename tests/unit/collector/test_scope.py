import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_collector.scope import parse_answer
from ccmm_proto.errors import BadConfig
from tests.unit.rules.examples import example_pack, one_rule


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
        ("target.answer_rate", "92", "92.0"),
        ("target.aht.low", "240", "240.0"),
        ("metrics.complaints", "ticket_reopen_rate", '["ticket_reopen_rate"]'),
        ("key_kpis", "answer_rate,csat", '["answer_rate","csat"]'),
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
        ("target.answer_rat", "92"),
        ("target.answer_rate", "high"),
        ("target.answer_rate.low", "92"),
        ("target.aht", "240"),
        ("metrics.", "csat"),
        ("metrics.complaints", "csta"),
        ("key_kpis", "answer_rate,csta"),
        ("limit.M-KPI-02", "90"),
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


@pytest.mark.parametrize(
    ("key", "text", "refused"),
    [
        ("limit.M-KPI-02", "97", ""),
        ("limit.M-KPI-02", "86", ""),
        ("limit.M-KPI-02", "85", "asks for as much at every level"),
        ("limit.M-KPI-02.rate", "97", "no limit of M-KPI-02; known: limit.M-KPI-02"),
        ("limit.M-KPI-99", "97", "no rule 'M-KPI-99'"),
        ("limit.D-SEC-08", "400", "asks for as much at every level"),
        ("limit.D-SEC-08", "60", ""),
        ("limit.D-EMG-08.seen", "4", ""),
        ("limit.D-EMG-08", "4", "known: limit.D-EMG-08.seen, limit.D-EMG-08.told"),
        ("limit.D-SEC-01", "9", "does not say plainly"),
    ],
)
def test_a_center_tightens_limits_and_never_relaxes_them(key: str, text: str, refused: str) -> None:
    both_ways = one_rule("{metric: aht, over: 30d}", "x <= limit || x > 2.0 * limit", more="limits: {unit: s, L1: 300}")
    rules = {**example_pack().rules, **both_ways.rules}
    if refused:
        with pytest.raises(BadConfig, match=refused):
            parse_answer(key, text, rules)
    else:
        assert parse_answer(key, text, rules) == f"{text}.0"
