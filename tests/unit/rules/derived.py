"""One rule on rows that the engine makes."""

from collections.abc import Mapping, Sequence

from ccmm_rules.evaluate import judge
from ccmm_rules.memory import Fact, MemoryEvidence
from ccmm_rules.verdict import Verdict
from tests.unit.rules.examples import ms, one_rule

PROFILE: dict[str, object] = {"zone": "Asia/Shanghai", "queues": ["support", "sales"], "target.answer_rate": 80.0}
NOW = "2026-03-20T03:00"


def verdict_on(
    read: str, require: str, facts: Sequence[Fact], profile: Mapping[str, object] = PROFILE, *, at: str = NOW
) -> Verdict:
    evidence = MemoryEvidence(facts, profile, at_ms=ms(at))
    return judge(one_rule(read, require), evidence, ms(at))["D-SEC-01"]
