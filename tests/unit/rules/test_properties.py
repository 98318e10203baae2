"""Taking evidence away never satisfies (H) nor lifts a level, silence never satisfies (S), order means nothing."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import attrgetter

import pytest

from ccmm_rules.evaluate import judge
from ccmm_rules.evidence import SourceFacts, Span
from ccmm_rules.level import level_of
from ccmm_rules.memory import Fact, MemoryEvidence
from ccmm_rules.model import Outcome
from ccmm_rules.operators import metric, rows_read, slots
from ccmm_rules.operators import view as view_module
from ccmm_rules.operators.view import View
from ccmm_rules.spec import DAY_MS, HOUR_MS
from ccmm_rules.verdict import Verdict, canonical_json
from tests.unit.rules.history import DAYS, PROFILE, START_MS, history, leveled_pack, small_pack

PACK, LEVELED = small_pack(), leveled_pack()
PARTS = 4
in_parts = pytest.mark.parametrize("part", range(PARTS))
SOURCES = {
    "calls_offered": [("pbx", "queue_log")],
    "person": [("it", "hr")],
    "account": [("it", "idm")],
    "alert": [("noc", "noc")],
    "document": [("office", "papers")],
}
Satisfied = set[tuple[str, int]]


def seeds_of(config: pytest.Config, part: int) -> range:
    """One part of the histories asked for, so that parts run side by side."""
    return range(part, int(config.getoption("histories")), PARTS)


def verdicts_on(facts: Sequence[Fact], at_ms: int) -> dict[str, Verdict]:
    return judge(PACK, MemoryEvidence(facts, PROFILE, at_ms=at_ms, expected=SOURCES), at_ms)


def improved(verdicts: dict[str, Verdict]) -> Satisfied:
    """What would be an improvement: satisfied or out of scope."""
    good = (Outcome.SATISFIED, Outcome.NOT_APPLICABLE)
    return {(name, level) for name, v in verdicts.items() for level, outcome in v.outcomes.items() if outcome in good}


def thinned(facts: Sequence[Fact], rng: random.Random) -> list[Fact]:
    """Without some statements, one run, one source, or a stretch of time; each agent's last statement stays."""
    last = {fact.agent: fact.sequence for fact in sorted(facts, key=attrgetter("sequence"))}
    way = rng.choice(("some", "one", "source", "stretch", "recent"))
    source = rng.choice([fact.source for fact in facts])
    one, newest = rng.choice(facts), max(fact.recorded_ms for fact in facts)
    begin = START_MS + int(rng.uniform(0, DAYS) * DAY_MS)
    share = rng.uniform(0.02, 0.5)

    def goes(fact: Fact) -> bool:
        if fact.sequence == last[fact.agent]:
            return False
        if way == "some":
            return rng.random() < share
        if way == "one":
            return fact is one
        if way == "recent":
            return fact.recorded_ms > newest - 13 * HOUR_MS and fact.source == source
        return fact.source == source if way == "source" else begin <= fact.recorded_ms < begin + DAY_MS

    return [fact for fact in facts if not goes(fact)]


def level_on(verdicts: dict[str, Verdict]) -> int:
    """Of the same rules at different levels, some of them gates: 0 to 5."""
    level = level_of(LEVELED, verdicts, MemoryEvidence([]), 0).level
    assert level is not None
    return level


def removals(seeds: range) -> Iterator[tuple[int, dict[str, Verdict], dict[str, Verdict]]]:
    """(seed, verdicts with all, verdicts without some)."""
    for seed in seeds:
        rng = random.Random(f"removal {seed}")
        facts = history(seed)
        at_ms = START_MS + DAYS * DAY_MS + rng.randrange(HOUR_MS, 5 * HOUR_MS)
        whole = verdicts_on(facts, at_ms)
        for _ in range(2):
            yield seed, whole, verdicts_on(thinned(facts, rng), at_ms)


def wrong(seeds: range) -> Iterator[str]:
    """Rules that became better by taking something away, each as it is found."""
    return (name for _, whole, thin in removals(seeds) for name, _ in improved(thin) - improved(whole))


def silences(seeds: range) -> Iterator[tuple[int, int, dict[str, Verdict], dict[str, Verdict]]]:
    """(seed, later instant, verdicts when silence began, verdicts then)."""
    for seed in seeds:
        rng = random.Random(f"silence {seed}")
        facts = history(seed)
        began_ms = START_MS + int(rng.uniform(4, DAYS) * DAY_MS)
        known = [fact for fact in facts if fact.recorded_ms <= began_ms]
        before = verdicts_on(known, began_ms)
        for hours in sorted(rng.uniform(0, 40) for _ in range(2)):
            later = began_ms + int(hours * HOUR_MS)
            yield seed, later, before, verdicts_on(known, later)


@pytest.mark.properties
@in_parts
def test_taking_evidence_away_never_satisfies_and_never_lifts_the_level(pytestconfig: pytest.Config, part: int) -> None:
    satisfied: set[str] = set()
    levels: set[int] = set()
    for seed, whole, thin in removals(seeds_of(pytestconfig, part)):
        satisfied |= {name for name, _ in improved(whole)}
        levels.add(level_on(whole))
        assert improved(thin) <= improved(whole), f"history {seed}: {sorted(improved(thin) - improved(whole))}"
        assert level_on(thin) <= level_on(whole), f"history {seed}"
    assert len(levels) > 1
    assert satisfied


@pytest.mark.properties
@in_parts
def test_silence_never_satisfies_and_ends_in_missing(pytestconfig: pytest.Config, part: int) -> None:
    ended = 0
    for seed, later, before, after in silences(seeds_of(pytestconfig, part)):
        assert improved(after) <= improved(before), f"history {seed} at {later}"
        for name, verdict in before.items():
            if verdict.valid_until_ms is not None and later > verdict.valid_until_ms:
                ended += 1
                assert Outcome.SATISFIED not in after[name].outcomes.values()
                assert set(after[name].outcomes.values()) <= {Outcome.MISSING, Outcome.NOT_SATISFIED}
    assert ended > 0


@pytest.mark.properties
@in_parts
def test_a_verdict_changes_in_silence_only_at_an_instant_it_foretold(pytestconfig: pytest.Config, part: int) -> None:
    for seed in seeds_of(pytestconfig, part)[::3]:
        rng = random.Random(f"foretold {seed}")
        began_ms = START_MS + int(rng.uniform(4, DAYS) * DAY_MS)
        known = [fact for fact in history(seed) if fact.recorded_ms <= began_ms]
        before = verdicts_on(known, began_ms)
        later = began_ms + rng.randrange(0, 14 * HOUR_MS)
        for name, verdict in verdicts_on(known, later).items():
            if verdict.outcomes != before[name].outcomes:
                again = before[name].look_again_ms
                assert again is not None
                assert again <= later, f"history {seed}: {name}"


@pytest.mark.properties
@in_parts
def test_order_and_repetition_change_no_byte(pytestconfig: pytest.Config, part: int) -> None:
    for seed in seeds_of(pytestconfig, part)[::3]:
        facts = history(seed)
        rng = random.Random(seed)
        shuffled = facts + [replace(fact) for fact in rng.sample(facts, len(facts) // 4)]
        rng.shuffle(shuffled)
        at_ms = START_MS + DAYS * DAY_MS + HOUR_MS
        told, mixed = verdicts_on(facts, at_ms), verdicts_on(shuffled, at_ms)
        assert {name: canonical_json(v) for name, v in told.items()} == {n: canonical_json(v) for n, v in mixed.items()}


def test_a_past_instant_is_judged_as_it_was_then() -> None:
    facts = history(7)
    middle = START_MS + 5 * DAY_MS
    then = judge(PACK, MemoryEvidence([fact for fact in facts if fact.recorded_ms <= middle], PROFILE), middle)
    now = judge(PACK, MemoryEvidence(facts, PROFILE, at_ms=middle), middle)
    assert {name: canonical_json(v) for name, v in then.items()} == {name: canonical_json(v) for name, v in now.items()}


def test_holes_ignored_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(View, "hole_after", lambda self, from_ms, reach_ms=0: "")
    assert any(wrong(range(150)))


def test_gaps_ignored_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(sources: Sequence[SourceFacts], span: Span) -> list[Span]:
        return []

    monkeypatch.setattr(View, "hole_after", lambda self, from_ms, reach_ms=0: "")
    monkeypatch.setattr(metric, "uncovered", nothing)
    monkeypatch.setattr(slots, "uncovered", nothing)
    assert any(name in ("M-KPI-01", "M-KPI-02") for name in wrong(range(60)))


def test_gaps_ignored_under_derived_rows_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(View, "hole_after", lambda self, from_ms, reach_ms=0: "")
    monkeypatch.setattr(rows_read, "uncovered", lambda sources, span: [])
    assert "D-SEC-04" in wrong(range(40))


def test_age_ignored_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_module, "allowance_ms", lambda source, fresh_ms: 1000 * DAY_MS)
    noticed = 0
    for _, later, before, after in silences(range(40)):
        for name, verdict in before.items():
            noticed += later - verdict.at_ms > 30 * HOUR_MS and Outcome.SATISFIED in after[name].outcomes.values()
    assert noticed > 0
