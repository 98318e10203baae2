"""Breaches in long windows: days on which nothing moved are told by their sums."""

from collections.abc import Mapping, Sequence

from ccmm_rules.evaluate import judge
from ccmm_rules.evidence import MeasureRow, Span
from ccmm_rules.memory import Fact, MemoryEvidence
from ccmm_rules.model import Outcome
from tests.unit.rules.examples import ms, one_rule

PROFILE: dict[str, object] = {"zone": "Asia/Shanghai"}
NOW = "2026-03-20T03:00"


def probed(down_s: Mapping[str, int], services: Sequence[str] = ("acd", "crm")) -> Fact:
    """Every five minutes each service was watched for all of 300 s; down for so long in the slot that begins then."""
    lost = {ms(at): seconds for at, seconds in down_s.items()}
    rows: dict[str, list[MeasureRow]] = {"probe_watched": [], "probe_down": []}
    for service in services:
        for start in range(ms("2026-02-01T00:00"), ms(NOW), 300_000):
            amounts = {"probe_watched": 300.0, "probe_down": float(lost.get(start, 0)) if service == "acd" else 0.0}
            for measure, total in amounts.items():
                rows[measure].append(
                    MeasureRow(
                        agent="probe",
                        source="probe",
                        dimensions=(("service", service),),
                        start_ms=start,
                        period_s=300,
                        count=1,
                        total=total,
                    )
                )
    covers = Span(ms("2026-02-01T00:00"), ms(NOW))
    return Fact(
        agent="probe", sequence=0, recorded_ms=ms(NOW), source="probe", feeds=tuple(rows), covers=covers, rows=rows
    )


DOWN = {
    "2026-02-20T10:00": 300,
    "2026-02-20T10:05": 60,
    "2026-02-22T23:55": 30,
    "2026-02-23T00:00": 30,
    "2026-03-15T12:00": 1,
}


def test_days_on_which_nothing_was_down_are_not_read_slot_by_slot() -> None:
    asked: list[int] = []

    class Watched(MemoryEvidence):
        def slots(self, measure: str, span: Span) -> Sequence[MeasureRow]:
            asked.append(round((span.to_ms - span.from_ms) / 86_400_000))
            return super().slots(measure, span)

        def totals(self, measure: str, span: Span) -> Sequence[MeasureRow]:
            held = len(asked)
            found = super().totals(measure, span)
            del asked[held:]
            return found

    read = "{occurrences: breach.platform_availability, every: 5m, meets: 100, by: service, over: 30d, number: slots}"
    evidence = Watched([probed(DOWN)], PROFILE, at_ms=ms(NOW))
    verdict = judge(one_rule(read, "x.n == 3 && x.max == 2 && x.sum == 5"), evidence, ms(NOW))["D-SEC-01"]
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen
    assert sorted(asked) == [1, 1, 4, 4]  # 20 to 23 February as one, and 15 March, of two measures


def test_a_limit_that_rest_does_not_meet_is_looked_for_every_day() -> None:
    read = "{occurrences: breach.platform_availability, every: 1h, meets: [0, 99.9], over: 30d}"
    evidence = MemoryEvidence([probed(DOWN)], PROFILE, at_ms=ms(NOW))
    verdict = judge(one_rule(read, "x.n == 3"), evidence, ms(NOW))[
        "D-SEC-01"
    ]  # all the time but for two hours that were down for long
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen
