"""What a read needs, in words: every attribute that must be delivered, windows, filters and tests."""

import pytest

from ccmm_rules.explaining import explain
from ccmm_rules.load import BUILT_IN, load_pack
from ccmm_rules.needs import needs_of
from tests.unit.rules.examples import example_pack, one_rule

CALLS = """{match: {occurrences: call, of: answered, also: {inventory: person, of: active, same: {agent: key}}},
  with: {occurrences: recording, same: {call: call}, if: 'b.length >= a.talk'}, bad: 'a.wait > 9.0',
  over: 30d, by: queue, sample: 1}"""


def needs(read: str, require: str, language: str = "en") -> list[str]:
    return needs_of(one_rule(read, require).rules["D-SEC-01"].reads[0], language)


@pytest.mark.parametrize(
    ("read", "require", "told"),
    [
        ("{metric: answer_rate, over: 90d, where: {channel: voice}}", "x >= 95.0", ["answer_rate 90d channel voice"]),
        ("{slots: answer_rate, over: 30d, every: 24h, meets: 95}", "x.bad == 0", ["answer_rate 30d every 24h >= 95"]),
        ("{slots: asa, over: 4w, every: week, meets: 30}", "x.bad == 0", ["asa 4w every week <= 30"]),
        (
            "{slots: occupancy, over: 4w, every: week, meets: [70, 85]}",
            "x.bad == 0",
            ["occupancy 4w every week 70..85"],
        ),
        ("{slots: asa, over: 4w, every: week, meets: target}", "x.bad == 0", ["asa 4w every week target"]),
        (
            "{series: {each: key_kpis}, over: 4q, every: quarter, good: 'met >= 3'}",
            "x.bad == 0",
            ["key_kpis 4q every quarter, good if met >= 3"],
        ),
        ("{coverage: [calls_offered], over: 30d, every: 15m}", "x.gaps == 0", ["runs that feed calls_offered 30d"]),
        ("{documents: strategy}", "x.good >= 1", ["document strategy"]),
        (
            "{inventory: account, of: enabled, bad: 'last_login_days > 90 || shared', by: system}",
            "x.bad == 0",
            ["account(enabled, last_login, shared, system) where enabled, bad if last_login_days > 90 || shared"],
        ),
        ("{occurrences: alert, lag: [started, acked], in: hours, over: 90d}", "x.p90 <= 1.0", ["alert(acked) 90d"]),
        (
            "{match: {inventory: person, of: has_left}, with: {inventory: account, of: enabled, same: {key: person}}}",
            "x.both == 0",
            ["person(left) where has_left", "with account(enabled, person) where enabled"],
        ),
        (
            CALLS,
            "x.share >= 1.0",
            [
                "call(agent, answered, call, queue, talk, wait) 30d where answered",
                "with recording(call, length) if b.length >= a.talk",
                "that also have person(active) where active",
                "bad if a.wait > 9.0",
            ],
        ),
        ("{occurrences: change.setting, over: 30d}", "x.n == 0", ["change.setting 30d"]),
    ],
)
def test_a_read_tells_all_that_must_be_delivered(read: str, require: str, told: list[str]) -> None:
    assert needs(read, require) == told


def test_the_words_between_are_said_in_chinese_too() -> None:
    read = "{inventory: account, of: enabled, bad: privileged}"
    assert needs(read, "x.bad == 0", "zh") == ["account(enabled, privileged) 其中 enabled, 不合格条件 privileged"]


def test_an_explanation_names_what_each_read_needs() -> None:
    told = explain(example_pack().rules["M-KPI-02"])
    assert " · answer_rate 30d every 24h >= 95 · " in told["en"]
    assert " · answer_rate 30d 每 24h >= 95 · " in told["zh"]


def test_every_read_of_every_rule_can_be_told() -> None:
    for rule in load_pack(BUILT_IN / "cc_cmm").rules.values():
        for read in rule.reads:
            assert all(text.strip() for language in ("en", "zh") for text in needs_of(read, language)), rule.id
