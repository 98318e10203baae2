"""What is left out, misspelt or set ahead never makes a verdict better than what was told would."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from ccmm_rules.evaluate import judge
from ccmm_rules.memory import Fact, MemoryEvidence
from ccmm_rules.model import Outcome
from ccmm_rules.verdict import Verdict
from tests.unit.rules.examples import counted, happened, ms, one_rule

NOW = "2026-03-20T03:00"
PROFILE: dict[str, object] = {"zone": "Asia/Shanghai", "queues": ["support", "sales"]}


def verdict_on(
    read: str, require: str, facts: Sequence[Fact], profile: Mapping[str, object] = PROFILE, *, more: str = ""
) -> Verdict:
    return judge(one_rule(read, require, more=more), MemoryEvidence(facts, profile, at_ms=ms(NOW)), ms(NOW))["D-SEC-01"]


def answered(**queues: int) -> Fact:
    """Of ten calls a quarter hour so many were answered."""
    told = {queue: [right] for queue, right in queues.items()}
    return counted(
        {"calls_offered": {queue: [10] for queue in queues}, "calls_answered": told}, "2026-01-01T00:00", NOW
    )


BY_QUEUE = "{metric: answer_rate, over: 7d, by: queue, expect: queues, sample: 30}"
EACH_DAY = "{slots: answer_rate, over: 7d, every: 24h, meets: 85, by: queue, expect: queues, sample: 30}"


def test_a_queue_that_is_left_out_of_the_figures_is_not_known_to_be_good() -> None:
    assert verdict_on(BY_QUEUE, "x >= 85.0", [answered(support=9, sales=9)]).outcome == Outcome.SATISFIED
    assert verdict_on(BY_QUEUE, "x >= 85.0", [answered(support=9, sales=8)]).outcome == Outcome.NOT_SATISFIED
    lacking = verdict_on(BY_QUEUE, "x >= 85.0", [answered(support=9)])
    assert (lacking.outcome, lacking.reason) == (Outcome.INCONCLUSIVE, "uncovered")
    assert verdict_on(BY_QUEUE, "x >= 85.0", [answered(support=9, sales=9)]).seen["x.groups"] == 2


def test_a_queue_that_is_left_out_hides_no_other() -> None:
    assert verdict_on(BY_QUEUE, "x >= 85.0", [answered(support=8)]).outcome == Outcome.NOT_SATISFIED


def test_the_slots_of_a_queue_that_is_left_out_are_not_known() -> None:
    assert verdict_on(EACH_DAY, "x.bad == 0", [answered(support=9, sales=9)]).outcome == Outcome.SATISFIED
    lacking = verdict_on(EACH_DAY, "x.bad == 0", [answered(support=9)])
    assert (lacking.outcome, lacking.seen["x.bad"], lacking.hoped["x.bad"]) == (Outcome.INCONCLUSIVE, 7, 0)
    assert verdict_on(EACH_DAY, "x.bad == 0", [answered(support=8)]).outcome == Outcome.NOT_SATISFIED


NEVER = ms("9999-12-31T23:59") + 8 * 3_600_000  # in UTC


@pytest.mark.parametrize(
    ("read", "require"),
    [
        ("{occurrences: case, good: 'closed_workdays <= 5', over: 30d}", "x.good >= 1"),
        ("{occurrences: case, lag: [started, closed], in: workdays, over: 30d}", "x.p90 <= 5.0"),
        ("{occurrences: case, bad: 'nights > 1', over: 30d}", "x.bad == 0"),
    ],
)
def test_the_end_of_all_calendars_is_a_time_like_any_other(read: str, require: str) -> None:
    facts = [happened("case", [("2026-03-10T10:00", "2026-03-11T10:00", {"closed": NEVER})], NOW)]
    facts = [
        replace(fact, happenings={"case": [replace(row, ended_ms=NEVER) for row in fact.happenings["case"]]})
        for fact in facts
    ]
    assert verdict_on(read, require, facts).outcome == Outcome.NOT_SATISFIED
