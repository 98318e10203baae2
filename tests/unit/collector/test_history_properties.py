"""H, S (see test_properties), order and repeats where statements are signed, stored and projected before being judged.

The engine's own test carries the full number of histories; here each takes a log and a projection of its own, so one
in `SHARE` of them is used: 30 in `make test`, 2,000 in `make properties`.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from ccmm_rules.evaluate import judge
from ccmm_rules.memory import Fact, MemoryEvidence
from ccmm_rules.model import Outcome
from ccmm_rules.spec import DAY_MS, HOUR_MS
from ccmm_rules.verdict import Verdict
from tests.unit.collector.signed_history import Collected, collected, in_order, signed
from tests.unit.rules.history import DAYS, PROFILE, START_MS, history, small_pack
from tests.unit.rules.test_properties import SOURCES, improved, thinned

PACK = small_pack()
PARTS = 2
SHARE = 10
END_MS = START_MS + DAYS * DAY_MS
NAMED = {feed: [(fact.agent, fact.source)] for fact in history(0) for feed in fact.feeds}
NAMED["alert"] = [("noc", "noc"), ("watch", "watch")]
in_parts = pytest.mark.parametrize("part", range(PARTS))
Essence = dict[str, tuple[object, ...]]


def seeds_of(config: pytest.Config, part: int) -> range:
    return range(part, max(PARTS, int(config.getoption("histories")) // SHARE), PARTS)


def essence(verdicts: Mapping[str, Verdict]) -> Essence:
    """Everything that a verdict concludes and saw; not from which log and index."""
    return {
        name: (v.outcomes, v.reached, v.reason, v.blamed, v.seen, v.hoped, v.limits, v.valid_until_ms, v.look_again_ms)
        for name, v in verdicts.items()
    }


def judged(facts: Sequence[Fact], envelopes: Mapping[tuple[str, int], bytes], at_ms: int) -> dict[str, Verdict]:
    with collected(in_order(facts, envelopes), SOURCES) as known:
        return known.judge(PACK, at_ms)


@pytest.mark.properties
@in_parts
def test_the_collector_concludes_what_the_engine_concludes_from_plain_facts(
    pytestconfig: pytest.Config, part: int
) -> None:
    for seed in seeds_of(pytestconfig, part):
        facts = history(seed)
        at_ms = END_MS + random.Random(f"plain {seed}").randrange(HOUR_MS, 5 * HOUR_MS)
        envelopes = signed(facts)
        for told in (facts, thinned(facts, random.Random(seed))):
            plain = judge(PACK, MemoryEvidence(told, PROFILE, at_ms=at_ms, expected=SOURCES), at_ms)
            assert essence(judged(told, envelopes, at_ms)) == essence(plain), f"history {seed}"


@pytest.mark.properties
@in_parts
def test_taking_statements_runs_or_sources_away_never_satisfies(pytestconfig: pytest.Config, part: int) -> None:
    satisfied = 0
    for seed in seeds_of(pytestconfig, part):
        rng = random.Random(f"removal {seed}")
        facts = history(seed)
        envelopes = signed(facts)
        at_ms = END_MS + rng.randrange(HOUR_MS, 5 * HOUR_MS)
        whole = improved(judged(facts, envelopes, at_ms))
        satisfied += len(whole)
        for _ in range(2):
            thin = improved(judged(thinned(facts, rng), envelopes, at_ms))
            assert thin <= whole, f"history {seed}: {sorted(thin - whole)}"
    assert satisfied > 0


@pytest.mark.properties
@in_parts
def test_taking_a_whole_agent_away_never_satisfies(pytestconfig: pytest.Config, part: int) -> None:
    """Nothing of it is left, not even later words: the profile names the sources that must feed each kind."""
    for seed in seeds_of(pytestconfig, part):
        facts = with_a_second_watch(seed)
        envelopes, at_ms = signed(facts), END_MS + HOUR_MS
        with collected(in_order(facts, envelopes), NAMED) as known:
            whole = improved(known.judge(PACK, at_ms))
        for agent in ("watch", random.Random(f"agent {seed}").choice(("it", "noc", "office", "pbx"))):
            with collected(in_order([f for f in facts if f.agent != agent], envelopes), NAMED) as known:
                thin = improved(known.judge(PACK, at_ms))
            assert thin <= whole, f"history {seed} without {agent}: {sorted(thin - whole)}"


def with_a_second_watch(seed: int) -> list[Fact]:
    """Alerts from two agents: with one of them gone the other's alone may look better."""
    second = [replace(fact, agent="watch", source="watch") for fact in history(seed + 10**6) if fact.agent == "noc"]
    return history(seed) + second


@pytest.mark.properties
@in_parts
def test_silence_never_satisfies_and_ends_in_missing(pytestconfig: pytest.Config, part: int) -> None:
    ended = 0
    for seed in seeds_of(pytestconfig, part):
        rng = random.Random(f"silence {seed}")
        began_ms = START_MS + int(rng.uniform(4, DAYS) * DAY_MS)
        facts = [fact for fact in history(seed) if fact.recorded_ms <= began_ms]
        with collected(in_order(facts, signed(facts)), SOURCES) as known:
            before = known.judge(PACK, began_ms)
            for hours in (rng.uniform(0, 40), 41.0):
                later_ms = began_ms + int(hours * HOUR_MS)
                after = known.judge(PACK, later_ms)
                assert improved(after) <= improved(before), f"history {seed} at {later_ms}"
                ended += ends(before, after, later_ms)
    assert ended > 0


def ends(before: Mapping[str, Verdict], after: Mapping[str, Verdict], later_ms: int) -> int:
    """How many verdicts ran out; each is missing then, or was known to be bad."""
    over = [name for name, v in before.items() if v.valid_until_ms is not None and v.valid_until_ms < later_ms]
    for name in over:
        assert set(after[name].outcomes.values()) <= {Outcome.MISSING, Outcome.NOT_SATISFIED}
    return len(over)


@pytest.mark.properties
@in_parts
def test_shuffled_and_double_arrival_give_equal_verdicts(pytestconfig: pytest.Config, part: int) -> None:
    for seed in seeds_of(pytestconfig, part):
        facts = history(seed)
        envelopes = list(signed(facts).values())
        rng = random.Random(f"order {seed}")
        mixed = envelopes + rng.sample(envelopes, len(envelopes) // 4)
        rng.shuffle(mixed)
        found = []
        for arrivals in (envelopes, mixed):
            with collected([(envelope, END_MS) for envelope in arrivals], SOURCES) as known:
                found.append(essence(known.judge(PACK, END_MS + HOUR_MS)))
        assert found[0] == found[1], f"history {seed}"


def test_a_past_instant_is_judged_as_it_was_then() -> None:
    facts, middle_ms = history(7), START_MS + 5 * DAY_MS
    envelopes = signed(facts)

    def at_the_middle(known: Collected) -> Essence:
        return essence(known.judge(PACK, middle_ms))

    with collected(in_order([fact for fact in facts if fact.recorded_ms <= middle_ms], envelopes)) as then:
        shown = at_the_middle(then)
    with collected(in_order(facts, envelopes)) as now:
        assert at_the_middle(now) == shown
