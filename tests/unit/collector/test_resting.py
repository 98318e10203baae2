from collections.abc import Mapping
from dataclasses import replace

from ccmm_collector.resting import AllResting
from ccmm_rules.evaluate import judge
from ccmm_rules.evidence import Span
from ccmm_rules.memory import Fact, MemoryEvidence
from tests.unit.rules.examples import ms, one_rule

NOW = "2026-03-20T03:00"
LIST = "{series: {each: key_kpis}, over: 2mo, every: month, good: 'n >= 2'}"
PROFILE: Mapping[str, object] = {"zone": "Asia/Shanghai", "key_kpis": ["answer_rate"]}
RATE = {"calls_answered", "calls_offered"}


def told(until: str = NOW) -> Fact:
    covers = Span(ms("2026-01-01T00:00"), ms(until))
    return Fact(agent="pbx", sequence=0, recorded_ms=ms(NOW), source="acd", feeds=tuple(sorted(RATE)), covers=covers)


def test_until_a_center_was_judged_a_list_of_metrics_may_name_any() -> None:
    pack, evidence = one_rule(LIST, "x.n >= 1"), MemoryEvidence([told()], PROFILE)
    every = AllResting()
    resting = every.of("north", pack)
    assert {"hold_time", *RATE} <= resting.feeds("D-SEC-01")
    resting.learn(judge(pack, evidence, ms(NOW)), evidence, ms(NOW))
    assert every.of("north", pack).feeds("D-SEC-01") == RATE
    assert "hold_time" in every.of("south", pack).feeds("D-SEC-01")


def test_what_was_judged_by_another_pack_is_not_remembered() -> None:
    pack, evidence = one_rule(LIST, "x.n >= 1"), MemoryEvidence([told()], PROFILE)
    every = AllResting()
    every.of("north", pack).learn(judge(pack, evidence, ms(NOW)), evidence, ms(NOW))
    assert "hold_time" in every.of("north", replace(pack, digest="another")).feeds("D-SEC-01")


def test_a_rule_that_names_what_is_silent_is_due_whatever_comes() -> None:
    pack, every = one_rule(LIST, "x.n >= 1"), AllResting()
    heard, silent = MemoryEvidence([told()], PROFILE), MemoryEvidence([told("2026-03-01T00:00")], PROFILE)
    for evidence in (heard, silent):
        every.of("north", pack).learn(judge(pack, evidence, ms(NOW)), evidence, ms(NOW))
    assert "hold_time" in every.of("north", pack).feeds("D-SEC-01")
