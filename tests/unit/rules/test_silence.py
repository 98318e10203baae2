"""Silence: time in which a source that was due told nothing."""

from dataclasses import replace

from ccmm_rules.evidence import Span
from ccmm_rules.memory import Fact
from ccmm_rules.model import Outcome
from tests.unit.rules.derived import NOW, verdict_on
from tests.unit.rules.examples import QUARTER_MS, happened, ms


def looked(*spans: tuple[str, str], source: str = "noc", every_s: int = 900) -> list[Fact]:
    return [
        Fact(
            agent=source,
            sequence=number,
            recorded_ms=ms(until),
            source=source,
            feeds=("alert",),
            covers=Span(ms(since), ms(until)),
            every_s=every_s,
            happenings={"alert": []},
        )
        for number, (since, until) in enumerate(spans)
    ]


HEARD = looked(
    *((f"2026-03-{day:02}T10:00", f"2026-03-{day + 1:02}T10:00") for day in range(1, 18)),
    ("2026-03-18T10:40", "2026-03-20T02:50"),
)


def test_a_silence_is_time_in_which_a_source_that_was_due_said_nothing() -> None:
    read = "{occurrences: silence, of: 'lasted_minutes > 15.0', over: 7d, number: lasted_minutes}"
    verdict = verdict_on(read, "x.n == 1 && x.max == 40.0", HEARD)
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen
    assert verdict.look_again_ms == ms("2026-03-20T02:50") + QUARTER_MS + 120_001
    later = verdict_on(read, "x.n == 2 && x.max == 40.0", HEARD, at="2026-03-20T03:07:01")
    assert later.outcome == Outcome.SATISFIED, later.seen
    by_source = read.replace("over: 7d", "over: 7d, by: source").replace(", number: lasted_minutes", "")
    assert verdict_on(by_source, "x.groups == 1", HEARD).outcome == Outcome.SATISFIED


def test_what_is_filled_in_two_days_later_stays_a_silence() -> None:
    more = looked(("2026-03-18T10:00", "2026-03-18T10:40"), ("2026-03-20T02:50", "2026-03-21T02:50"))
    at = [ms("2026-03-21T02:00"), ms("2026-03-21T02:50")]
    late = [replace(fact, sequence=18 + n, recorded_ms=at[n]) for n, fact in enumerate(more)]
    filled = [*HEARD, *late]
    verdict = verdict_on("{occurrences: silence, over: 7d}", "x.n == 1", filled, at="2026-03-21T03:00")
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen


def test_a_source_that_went_quiet_long_ago_is_still_silent() -> None:
    read = "{occurrences: silence, over: 7d, number: lasted_days}"
    other = looked(("2026-03-01T00:00", "2026-05-20T03:00"), source="doors")
    verdict = verdict_on(read, "x.n == 1 && x.max == 7", [*HEARD, *other], at="2026-05-20T03:00")
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen


def test_while_nobody_speaks_no_earlier_silence_leaves_its_window() -> None:
    read = "{occurrences: silence, of: 'lasted_minutes > 15.0', over: 2d, number: lasted_minutes}"
    for at, silences in (("2026-03-20T03:00", 1), ("2026-03-20T03:08", 2), ("2026-03-29T03:00", 2)):
        verdict = verdict_on(read, f"x.n == {silences} && x.max >= 40.0", HEARD, at=at)
        assert verdict.outcome == Outcome.SATISFIED, verdict.seen
    spoke = looked(("2026-03-20T02:50", "2026-03-22T03:00"), source="doors")
    verdict = verdict_on(read, "x.n == 1", [*HEARD, *spoke], at="2026-03-22T03:00")
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen


def test_silences_are_joined_with_the_alarms_that_should_follow() -> None:
    told = happened(
        "alert",
        [("2026-03-18T10:10", None, {"class": "silence", "system": "noc"})],
        NOW,
        source="monitor",
        since="2026-03-01T00:00",
    )
    told = replace(told, agent="monitor", sequence=0)
    read = (
        "{match: {occurrences: silence, of: 'lasted_minutes > 15.0'}, over: 7d, empty: 0, "
        "with: {occurrences: alert, of: \"class == 'silence'\", same: {source: system}, time: [0m, 20m]}}"
    )
    facts = [*HEARD, told]
    assert (
        verdict_on(read, "x.only_a == 0 && x.both == 1", facts).outcome == Outcome.INCONCLUSIVE
    )  # noc has a gap itself
    elsewhere = [replace(fact, feeds=("passage",), happenings={}) for fact in HEARD]
    verdict = verdict_on(read, "x.only_a == 0 && x.both == 1", [*elsewhere, told])
    assert verdict.outcome == Outcome.SATISFIED, verdict.seen
