"""A share that counts each entry by a number of it."""

from collections.abc import Mapping

import pytest

from ccmm_rules.errors import PackErrors
from ccmm_rules.evaluate import judge
from ccmm_rules.memory import MemoryEvidence
from ccmm_rules.model import Outcome
from ccmm_rules.verdict import Verdict
from tests.unit.rules.examples import listed, ms, one_rule

NOW = "2026-03-20T03:00"
REASONS = "{inventory: register, of: \"register == 'contact_reason'\", good: \"ref != ''\", weight: share}"


def verdict_on(read: str, require: str, *entries: Mapping[str, object]) -> Verdict:
    rows: dict[str | int, Mapping[str, object]] = {
        f"r{number}": {"register": "contact_reason", **entry} for number, entry in enumerate(entries)
    }
    evidence = MemoryEvidence([listed("register", rows, NOW)], {"zone": "Asia/Shanghai"}, at_ms=ms(NOW))
    return judge(one_rule(read, require), evidence, ms(NOW))["D-SEC-01"]


def test_a_share_is_weighted_and_counts_are_not() -> None:
    verdict = verdict_on(
        REASONS,
        "x.share >= 75.0",
        {"ref": "k1", "share": 60.0},
        {"ref": "k2", "share": 15.0},
        {"ref": "", "share": 25.0},
    )
    assert verdict.outcome == Outcome.SATISFIED
    assert verdict.seen == {"x.good": 2, "x.n": 3, "x.share": 75.0}


def test_the_bad_side_is_weighted_as_well() -> None:
    read = REASONS.replace("good: \"ref != ''\"", "bad: \"ref == ''\"")
    verdict = verdict_on(read, "x.share <= 25.0", {"ref": "k1", "share": 3.0}, {"ref": "", "share": 1.0})
    assert verdict.outcome == Outcome.SATISFIED
    assert verdict.seen["x.share"] == 25.0


def test_an_entry_that_cannot_be_tested_weighs_against_in_one_look_only() -> None:
    verdict = verdict_on(REASONS, "x.share >= 75.0", {"ref": "k1", "share": 60.0}, {"share": 40.0})
    assert (verdict.outcome, verdict.seen["x.share"], verdict.hoped["x.share"]) == (Outcome.INCONCLUSIVE, 60.0, 100.0)


@pytest.mark.parametrize("entry", [{"ref": "k2"}, {"ref": "k2", "share": -1.0}])
def test_without_every_weight_there_is_no_share(entry: Mapping[str, object]) -> None:
    verdict = verdict_on(REASONS, "x.share >= 1.0", {"ref": "k1", "share": 60.0}, entry)
    assert verdict.outcome == Outcome.INCONCLUSIVE
    assert "x.share" not in verdict.seen


def test_weights_of_nothing_give_no_share() -> None:
    verdict = verdict_on(REASONS, "x.share >= 1.0", {"ref": "k1", "share": 0.0})
    assert (verdict.outcome, verdict.seen) == (Outcome.INCONCLUSIVE, {"x.good": 1, "x.n": 1})


@pytest.mark.parametrize(
    ("read", "problem"),
    [
        (REASONS.replace("weight: share", "weight: ref"), "'ref' is no number"),
        (REASONS.replace("good: \"ref != ''\", ", ""), "'weight' without a test"),
        (REASONS.replace("weight: share", "weight: share, by: class"), "'weight' and 'by' exclude each other"),
        ("{documents: any, good: 'live', weight: share}", "unknown key 'weight'"),
    ],
)
def test_a_weight_that_says_nothing_is_refused(read: str, problem: str) -> None:
    with pytest.raises(PackErrors) as caught:
        one_rule(read, "x.n >= 0")
    assert problem in str(caught.value)
