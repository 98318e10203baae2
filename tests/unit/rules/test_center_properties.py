"""The properties of evidence on the pack cc_cmm itself, for centers that did most things right.

A center takes about a second, so one in `SHARE` of the histories asked for is used: 4 in `make test`, 266 in
`make properties`. The rules are those that the good center of the tests feeds.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest

from ccmm_rules.evaluate import judge
from ccmm_rules.evidence import Happening, Span
from ccmm_rules.level import level_of
from ccmm_rules.memory import Fact, MemoryEvidence
from ccmm_rules.operators import match_read, metric, rows_read, slots
from ccmm_rules.operators.view import View
from ccmm_rules.verdict import Verdict, canonical_json
from tests.unit.rules.center_facts import NOW, SCOPE, evidence_of, ms
from tests.unit.rules.good_center import good_center
from tests.unit.rules.test_pack_cc_cmm_centers import pack
from tests.unit.rules.test_properties import improved

PARTS = 2
SHARE = 75
TELLING = (5, 14, 22)  # centers of which the bad news, of a switch among it, is what goes
WEEK_MS = 7 * 86_400_000
AT_MS = ms(NOW)
in_parts = pytest.mark.parametrize("part", range(PARTS))


def seeds_of(config: pytest.Config, part: int) -> range:
    return range(part, max(PARTS, int(config.getoption("histories")) // SHARE), PARTS)


@cache
def weekly() -> tuple[Fact, ...]:
    """What the good center says: of the last ten weeks a statement for each week of each source that counts or logs."""
    found: list[Fact] = []
    for fact in evidence_of(good_center(26.3)).facts:
        assert fact.covers is not None
        end = fact.covers.to_ms
        edges = [fact.covers.from_ms, *(end - week * WEEK_MS for week in range(10, -1, -1))]
        spans = [fact.covers] if fact.listings else [Span(a, b) for a, b in pairwise(edges) if a < b]
        found += [_within(fact, span) for span in spans]
    return tuple(found)


def _within(fact: Fact, span: Span) -> Fact:
    return replace(
        fact,
        covers=span,
        happenings={
            kind: [one for one in rows if span.from_ms <= one.started_ms < span.to_ms]
            for kind, rows in fact.happenings.items()
        },
        rows={
            measure: [row for row in rows if span.from_ms <= row.start_ms < span.to_ms]
            for measure, rows in fact.rows.items()
        },
    )


def center(rng: random.Random) -> tuple[list[Fact], set[int]]:
    """Some of it was never said, some of what happened went badly; at the end the agent says that it is there.

    Beside the facts: the places of the bad news.
    """
    told = list(weekly())
    for _ in range(rng.randrange(3)):
        told.pop(rng.randrange(len(told)))
    bad = {place for place in range(len(told)) if rng.random() < 0.05}
    told = [_worse(fact, rng) if place in bad else fact for place, fact in enumerate(told)]
    beat = replace(told[0], source="beat", feeds=(), covers=None, listings={}, happenings={}, rows={})
    return [replace(fact, sequence=number) for number, fact in enumerate([*told, beat])], bad


def _worse(fact: Fact, rng: random.Random) -> Fact:
    """Half of the calls unanswered, half of what should be there after something gone."""
    rows = {
        measure: [row._replace(count=row.count // 2) if measure == "calls_answered" else row for row in rows]
        for measure, rows in fact.rows.items()
    }
    happenings: dict[str, Sequence[Happening]] = {
        kind: [one for one in found if kind == "call" or rng.random() < 0.5] for kind, found in fact.happenings.items()
    }
    return replace(fact, rows=rows, happenings=happenings)


def thinned(facts: Sequence[Fact], bad: set[int], rng: random.Random) -> list[Fact]:
    """Without some statements, a source, or the bad news; the last statement stays."""
    way, source = rng.choice(("some", "source", "bad", "bad")), rng.choice(facts).source
    if way == "some":
        gone = {rng.randrange(len(facts) - 1) for _ in range(rng.randrange(1, 6))}
    elif way == "source":
        gone = {number for number, fact in enumerate(facts) if fact.source == source}
    else:
        gone = bad
    return [fact for number, fact in enumerate(facts) if number == len(facts) - 1 or number not in gone]


def judged(facts: Sequence[Fact]) -> tuple[dict[str, Verdict], int]:
    evidence = MemoryEvidence(facts, SCOPE, at_ms=AT_MS)
    verdicts = judge(pack(), evidence, AT_MS)
    level = level_of(pack(), verdicts, evidence, AT_MS).level
    assert level is not None
    return verdicts, level


@pytest.mark.properties
@in_parts
def test_evidence_that_is_gone_satisfies_no_rule_of_the_pack_and_lifts_no_level(
    pytestconfig: pytest.Config, part: int
) -> None:
    satisfied = 0
    for seed in seeds_of(pytestconfig, part):
        rng = random.Random(f"center {seed}")
        facts, bad = center(rng)
        whole, level = judged(facts)
        thin, reached = judged(thinned(facts, bad, rng))
        satisfied += len(improved(whole))
        assert improved(thin) <= improved(whole), f"center {seed}: {sorted(improved(thin) - improved(whole))}"
        assert reached <= level, f"center {seed}"
    assert satisfied > 0


@pytest.mark.properties
@in_parts
def test_order_and_repetition_change_no_byte_of_the_packs_verdicts(pytestconfig: pytest.Config, part: int) -> None:
    for seed in seeds_of(pytestconfig, part)[::2]:
        rng = random.Random(f"order {seed}")
        facts, _ = center(rng)
        mixed = [*facts, *rng.sample(facts, len(facts) // 4)]
        rng.shuffle(mixed)
        told, again = judged(facts), judged(mixed)
        assert {name: canonical_json(verdict) for name, verdict in told[0].items()} == {
            name: canonical_json(verdict) for name, verdict in again[0].items()
        }
        assert told[1] == again[1]


def test_holes_ignored_would_be_noticed_by_the_pack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(View, "hole_after", lambda self, from_ms, reach_ms=0: "")
    for module in (match_read, metric, rows_read, slots):
        monkeypatch.setattr(module, "uncovered", lambda sources, span: [])
    wrong: set[str] = set()
    for seed in TELLING:
        rng = random.Random(f"center {seed}")
        facts, bad = center(rng)
        whole, thin = judged(facts)[0], judged(thinned(facts, bad, rng))[0]
        wrong |= {name for name, _ in improved(thin) - improved(whole)}
    assert "M-KPI-02" in wrong
