"""The properties of evidence for gauges, gaps, chi-square, figures by the day, and the time that counts."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from ccmm_rules.evaluate import judge
from ccmm_rules.memory import Fact, MemoryEvidence
from ccmm_rules.model import Outcome
from ccmm_rules.operators.view import View
from ccmm_rules.spec import DAY_MS, HOUR_MS
from ccmm_rules.verdict import Verdict, canonical_json
from tests.unit.rules.history import DAYS, START_MS
from tests.unit.rules.history_figures import DAY_FEEDS, LINE_FEEDS, PROFILE, QUEUE_FEEDS, figures_history, figures_pack
from tests.unit.rules.test_properties import improved, thinned

PACK = figures_pack()
PARTS = 2
in_parts = pytest.mark.parametrize("part", range(PARTS))
SOURCES = {
    "reading": [("sensors", "room")],
    "exercise": [("noc", "drills")],
    **{feed: [("pbx", "queues")] for feed in QUEUE_FEEDS},
    **{feed: [("sbc", "lines")] for feed in LINE_FEEDS},
    **{feed: [("pbx", "people")] for feed in DAY_FEEDS},
}


def seeds_of(config: pytest.Config, part: int) -> range:
    return range(part, int(config.getoption("histories")), PARTS * 3)


def verdicts_on(facts: Sequence[Fact], at_ms: int) -> dict[str, Verdict]:
    return judge(PACK, MemoryEvidence(facts, PROFILE, at_ms=at_ms, expected=SOURCES), at_ms)


def removals(seeds: range) -> Iterator[tuple[int, set[tuple[str, int]], set[tuple[str, int]]]]:
    """(seed, improved with all, improved without some)."""
    for seed in seeds:
        rng = random.Random(f"removal {seed}")
        facts = figures_history(seed)
        at_ms = START_MS + DAYS * DAY_MS + rng.randrange(HOUR_MS, 5 * HOUR_MS)
        whole = improved(verdicts_on(facts, at_ms))
        for _ in range(2):
            yield seed, whole, improved(verdicts_on(thinned(facts, rng), at_ms))


@pytest.mark.properties
@in_parts
def test_taking_figures_away_never_satisfies(pytestconfig: pytest.Config, part: int) -> None:
    satisfied: set[str] = set()
    for seed, whole, thin in removals(seeds_of(pytestconfig, part)):
        satisfied |= {name for name, _ in whole}
        assert thin <= whole, f"history {seed}: {sorted(thin - whole)}"
    assert satisfied == set(PACK.rules)


def test_a_lost_statement_does_not_win_an_earlier_window() -> None:
    """History 2916: the newest figures were lost, and of the two days before them more was good."""
    for _, whole, thin in removals(range(2916, 2917)):
        assert thin <= whole


@pytest.mark.properties
@in_parts
def test_silence_never_satisfies(pytestconfig: pytest.Config, part: int) -> None:
    for seed in seeds_of(pytestconfig, part):
        rng = random.Random(f"silence {seed}")
        began_ms = START_MS + int(rng.uniform(4, DAYS) * DAY_MS)
        known = [fact for fact in figures_history(seed) if fact.recorded_ms <= began_ms]
        before = verdicts_on(known, began_ms)
        later = began_ms + int(rng.uniform(0, 60) * HOUR_MS)
        after = verdicts_on(known, later)
        assert improved(after) <= improved(before), f"history {seed} at {later}"
        for name, verdict in before.items():
            if verdict.valid_until_ms is not None and later > verdict.valid_until_ms:
                assert Outcome.SATISFIED not in after[name].outcomes.values()


@pytest.mark.properties
@in_parts
def test_order_and_repetition_change_no_byte_of_figures(pytestconfig: pytest.Config, part: int) -> None:
    for seed in seeds_of(pytestconfig, part)[::2]:
        facts = figures_history(seed)
        rng = random.Random(seed)
        shuffled = facts + [replace(fact) for fact in rng.sample(facts, len(facts) // 4)]
        rng.shuffle(shuffled)
        at_ms = START_MS + DAYS * DAY_MS + HOUR_MS
        told, mixed = verdicts_on(facts, at_ms), verdicts_on(shuffled, at_ms)
        assert {name: canonical_json(v) for name, v in told.items()} == {n: canonical_json(v) for n, v in mixed.items()}


def test_holes_ignored_would_be_noticed_in_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(View, "hole_after", lambda self, from_ms, reach_ms=0: "")
    assert any(thin - whole for _, whole, thin in removals(range(60)))
