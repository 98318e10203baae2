"""Windows that are put together from notes of their days give what reading every slot gives."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ccmm_rules.asof import AsOf
from ccmm_rules.evaluate import judge
from ccmm_rules.evidence import Span
from ccmm_rules.memory import Fact, MemoryEvidence
from ccmm_rules.operators import day_notes
from ccmm_rules.operators.view import View
from ccmm_rules.verdict import Verdict, canonical_json
from ccmm_rules.vocabulary.tables import load_vocabulary
from tests.unit.rules.examples import ms, one_rule
from tests.unit.rules.figures import NOW, Value, Values, stated

Make = Callable[[Sequence[Span]], Sequence[str]]
READS = [
    "{slots: answer_rate, over: 30d, every: 24h, step: 15m, meets: 95, sample: 30}",
    "{slots: answer_rate, over: 60d, every: 10d, step: 1d, meets: 90, by: queue}",
    "{slots: answer_rate, over: 14d, every: 1h, meets: 90, by: queue}",
    "{slots: security_on_call, over: 30d, every: 1h, meets: 2}",
    "{occurrences: breach.answer_rate, every: 15m, meets: 95, over: 30d, number: worst}",
    "{occurrences: breach.answer_rate, every: 30m, meets: 90, by: queue, over: 2mo, number: slots}",
    "{occurrences: breach.service_level, every: 1h, meets: 80, over: 60d, number: worst}",
]
ZONES = ["Asia/Shanghai", "UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata", "Australia/Lord_Howe"]


class Keeping(MemoryEvidence):
    """Keeps the notes of each day that it was asked for, as a projection does."""

    notes: dict[tuple[str, Span], str]
    asked: int

    def noted(self, key: str, measures: Sequence[str], days: Sequence[Span], make: Make) -> Sequence[str]:
        self.asked += len(days)
        missing = [day for day in days if (key, day) not in self.notes]
        self.notes |= {(key, day): note for day, note in zip(missing, make(missing) if missing else (), strict=True)}
        return [self.notes[key, day] for day in days]


def center(seed: int) -> list[Fact]:
    """Two queues, at night closed, with bad hours; in some centers a second source states the same of some hours."""
    chance = random.Random(seed)
    bad = {chance.randrange(80 * 24) for _ in range(30)}

    def of(value: Callable[[int, bool], Value], share: float = 0.9) -> Values:
        def at(start_ms: int) -> Value:
            hour = (start_ms - ms("2026-01-01T00:00")) // 3_600_000
            drawn = random.Random(start_ms * 31 + seed)
            return value(drawn.randrange(4, 12), hour in bad) if hour % 24 > 5 and drawn.random() < share else None

        return at

    queues = [(("queue", name),) for name in ("sales", "support")]
    told: dict[str, dict[Any, Values]] = {
        "calls_offered": dict.fromkeys(queues, of(lambda n, is_bad: n)),
        "calls_answered": dict.fromkeys(queues, of(lambda n, is_bad: n - 2 * is_bad)),
        "wait_answered": dict.fromkeys(queues, of(lambda n, is_bad: (n,) + (0,) * 15 + (n * is_bad,))),
        "wait_abandoned": dict.fromkeys(queues, of(lambda n, is_bad: (0,) * 8 + (n * is_bad,) + (0,) * 8)),
        "reading": {
            (("quantity", "security_on_call"), ("sensor", name)): of(lambda n, is_bad: (2.0 - is_bad, 3.0, 2.0), 0.99)
            for name in ("desk", "phone")
        },
    }
    facts = [stated(told)]
    if seed % 3 == 0:
        twice = {"calls_answered": {queues[0]: lambda start: 3 if start == ms("2026-03-02T10:00") else None}}
        facts.append(stated(twice, source="other", sequence=1))
    return facts


def verdicts(evidence: MemoryEvidence, read: str) -> Verdict:
    return judge(one_rule(read, "x.n == 0"), evidence, ms(NOW))["D-SEC-01"]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(("seed", "zone"), list(enumerate(ZONES)))
def test_notes_give_what_slots_give(read: str, seed: int, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = Keeping(center(seed), {"zone": zone}, at_ms=ms(NOW))
    evidence.notes, evidence.asked = {}, 0
    with monkeypatch.context() as patched:
        patched.setattr(day_notes, "WORTH_MS", 1 << 60)
        plain = verdicts(evidence, read)
        assert not evidence.asked
    made, again = verdicts(evidence, read), verdicts(evidence, read)
    assert canonical_json(made) == canonical_json(again) == canonical_json(plain)
    assert evidence.asked
    assert plain.outcome != "missing", plain.reason


def test_a_note_is_of_one_definition_limit_group_and_zone() -> None:
    evidence = Keeping(center(1), {"zone": "UTC"}, at_ms=ms(NOW))
    evidence.notes, evidence.asked = {}, 0
    base = "{occurrences: breach.answer_rate, every: 15m, meets: 95, over: 30d}"
    for read in (base, base.replace("95", "94"), base.replace("15m", "30m"), base.replace("over", "by: queue, over")):
        before = len(evidence.notes)
        verdicts(evidence, read)
        assert len(evidence.notes) >= before + 29
    held = dict(evidence.notes)
    other = Keeping(center(1), {"zone": "Europe/Berlin"}, at_ms=ms(NOW))
    other.notes, other.asked = {}, 0
    verdicts(other, base)
    assert not {key for key, _ in other.notes} & {key for key, _ in held}


def test_days_that_were_over_at_an_earlier_instant_need_no_second_note() -> None:
    evidence = Keeping(center(1), {"zone": "UTC"}, at_ms=ms(NOW))
    evidence.notes, evidence.asked = {}, 0
    view = View(evidence, ms(NOW), load_vocabulary())
    days = [Span(start, start + 86_400_000) for start in range(ms("2026-03-08T00:00"), ms(NOW), 86_400_000)]
    made: list[Span] = []

    def make(asked: Sequence[Span]) -> list[str]:
        made.extend(asked)
        return [str(day.from_ms) for day in asked]

    for _ in range(2):
        found = AsOf(view, ms("2026-03-10T12:00")).noted("k", ("calls_offered",), days, make)
        assert found == [str(day.from_ms) for day in days]
    assert [day for _, day in evidence.notes] == days[:2]
    assert made == [*days, *days[2:]]
