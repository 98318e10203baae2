"""`metric`, `slots` and `coverage` from evidence."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ccmm_rules.evaluate import judge
from ccmm_rules.evidence import Answer, Span
from ccmm_rules.memory import Fact, MemoryEvidence
from ccmm_rules.model import Outcome
from ccmm_rules.verdict import Spot, Verdict
from tests.unit.rules.examples import counted, ms, one_rule

PROFILE: dict[str, object] = {"zone": "Asia/Shanghai", "queues": ["support", "sales"]}
NOW = "2026-03-20T03:00"


def answered(support: Sequence[int], sales: Sequence[int] = (9,), since: str = "2026-01-01T00:00") -> Fact:
    """Ten calls are offered in each quarter hour and queue."""
    queues = {"support": support, "sales": sales}
    return counted({"calls_offered": {"support": [10], "sales": [10]}, "calls_answered": queues}, since, NOW)


def verdict_on(
    read: str,
    require: str,
    facts: Sequence[Fact],
    profile: dict[str, object] | None = None,
    *,
    more: str = "",
    at: str = NOW,
) -> Verdict:
    pack = one_rule(read, require, more=more)
    evidence = MemoryEvidence(facts, PROFILE if profile is None else profile, at_ms=ms(at))
    return judge(pack, evidence, ms(at))["D-SEC-01"]


def test_a_ratio_is_divided_once_over_closed_days() -> None:
    verdict = verdict_on("{metric: answer_rate, over: 7d}", "x >= 85.0", [answered([8])])
    assert verdict.seen == {"x": 85.0, "x.n": 7 * 96 * 20}
    assert verdict.outcome == Outcome.SATISFIED
    assert verdict.valid_until_ms == ms(NOW) + 26 * 3_600_000


def test_the_worst_group_counts_and_small_groups_are_one_rest_group() -> None:
    read = "{metric: answer_rate, over: 7d, by: queue, expect: queues, sample: 30}"
    verdict = verdict_on(read, "x >= 85.0", [answered([8])])
    assert (verdict.seen["x"], verdict.seen["x.groups"], verdict.seen["x.spread"]) == (80.0, 2, 10.0)
    tiny = read.replace("sample: 30", "sample: 10000")
    assert verdict_on(tiny, "x >= 85.0", [answered([8])]).seen["x"] == 85.0


def test_below_the_sample_only_the_count_stays() -> None:
    verdict = verdict_on("{metric: answer_rate, over: 7d, sample: 99999}", "x >= 1.0", [answered([8])])
    assert (verdict.outcome, verdict.reason, verdict.seen) == (Outcome.INCONCLUSIVE, "sample", {"x.n": 13440})


def test_nothing_offered_is_empty_and_not_one_hundred_percent() -> None:
    fact = counted({"calls_offered": {"support": [0]}, "calls_answered": {"support": [0]}}, "2026-01-01T00:00", NOW)
    verdict = verdict_on("{metric: answer_rate, over: 7d}", "x >= 1.0", [fact])
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "empty")


def test_one_uncovered_quarter_hour_undecides_a_ratio() -> None:
    whole = answered([10])
    gap = ms("2026-03-18T10:00")
    assert whole.covers is not None
    parts = [
        replace(whole, covers=Span(whole.covers.from_ms, gap)),
        replace(whole, sequence=1, covers=Span(gap + 900_000, ms(NOW))),
    ]
    assert verdict_on("{metric: answer_rate, over: 7d}", "x >= 1.0", parts).reason == "uncovered"
    slots = verdict_on("{slots: answer_rate, over: 7d, every: 1h, meets: 90}", "x.bad == 0", parts)
    assert (slots.outcome, slots.reason) == (Outcome.INCONCLUSIVE, "uncovered")
    assert (slots.seen["x.bad"], slots.hoped["x.bad"]) == (1, 0)


def test_a_percentile_is_the_upper_bound_of_its_bucket() -> None:
    buckets = (0, 0, 8, *(0,) * 4, 2, *(0,) * 9)
    none = (0,) * 17
    fact = counted({"wait_answered": {"q": [buckets]}, "wait_abandoned": {"q": [none]}}, "2026-01-01T00:00", NOW)
    assert verdict_on("{metric: wait_p90, over: 7d}", "x <= 45.0", [fact]).seen["x"] == 45.0


def test_service_level_leaves_short_abandons_out_of_the_denominator() -> None:
    waits = (0, 0, 0, 0, 80, *(0,) * 7, 10, *(0,) * 4)
    lost = (0, 5, 0, 0, 0, 10, *(0,) * 11)
    fact = counted({"wait_answered": {"q": [waits]}, "wait_abandoned": {"q": [lost]}}, "2026-01-01T00:00", NOW)
    verdict = verdict_on("{metric: service_level, over: 7d}", "x >= 80.0", [fact])
    assert verdict.seen["x"] == pytest.approx(100.0 * 80 / (90 + 15 - 5))


def test_two_sources_for_one_queue_are_disputed() -> None:
    fact = answered([9])
    again = {m: [row._replace(source="other") for row in rows] for m, rows in fact.rows.items()}
    verdict = verdict_on(
        "{metric: answer_rate, over: 7d}", "x >= 1.0", [fact, replace(fact, source="other", rows=again)]
    )
    assert verdict.reason == "disputed"


def test_slots_are_judged_at_each_level_by_its_limit() -> None:
    more = 'limits: {unit: "%", L1: 80, L3: 90, L5: 95}'
    read = "{slots: answer_rate, over: 7d, every: 1h, meets: limit, by: queue}"
    verdict = verdict_on(read, "x.share >= 100.0", [answered([8], [9])], more=more)
    assert [verdict.outcomes[level].value for level in (1, 2, 3)] == ["satisfied", "satisfied", "not_satisfied"]
    assert verdict.reached == 2


def test_rolling_days_find_what_calendar_days_hide() -> None:
    night = [10] * 40 + [0] * 56  # each day is the same; the mean is far below
    read = "{slots: answer_rate, over: 5d, every: 6h, step: 15m, meets: 1}"
    verdict = verdict_on(read, "x.bad == 0", [answered(night, night)])
    assert int(verdict.seen["x.bad"]) > 0


def test_calendar_slots_are_months_and_the_streak_counts_back_from_the_newest() -> None:
    old = counted({"calls_answered": {"q": [0]}}, "2025-09-01T00:00", "2025-12-01T00:00")
    new = counted({"calls_answered": {"q": [1]}}, "2025-12-01T00:00", NOW)
    facts = [old, replace(new, sequence=1)]
    verdict = verdict_on("{slots: answered_calls, over: 5mo, every: month, meets: 1}", "x.streak >= 3", facts)
    assert (verdict.seen["x.n"], verdict.seen["x.streak"], verdict.seen["x.bad"]) == (5, 3, 2)


def test_an_old_gap_is_a_fact_and_a_young_one_may_still_fill() -> None:
    whole = answered([10])
    read, require = "{coverage: [calls_offered], over: 7d, every: 15m}", "x.gaps == 0"

    def without(gap: str) -> list[Fact]:
        assert whole.covers is not None
        first, second = Span(whole.covers.from_ms, ms(gap)), Span(ms(gap) + 3_600_000, ms(NOW))
        return [replace(whole, covers=first), replace(whole, sequence=1, covers=second)]

    assert verdict_on(read, require, [whole]).outcome == Outcome.SATISFIED
    assert verdict_on(read, require, without("2026-03-15T10:00")).outcome == Outcome.NOT_SATISFIED
    assert verdict_on(read, require, without("2026-03-19T10:00")).outcome == Outcome.INCONCLUSIVE


def test_a_queue_that_is_no_longer_told_of_is_absent() -> None:
    read = "{coverage: [calls_offered], over: 7d, every: 15m, by: queue, expect: queues}"
    profile: dict[str, object] = PROFILE | {"queues": ["support", "sales", "vip"]}
    assert verdict_on(read, "x.absent == 0", [answered([10])], profile).seen["x.absent"] == 1


def test_an_unanswered_zone_or_list_is_missing() -> None:
    read = "{metric: answer_rate, over: 7d, by: queue, expect: queues}"
    assert verdict_on(read, "x >= 1.0", [answered([9])], {"queues": ["a"]}).reason == "zone"
    verdict = verdict_on(read, "x >= 1.0", [answered([9])], {"zone": "Asia/Shanghai"})
    assert (verdict.outcome, verdict.reason) == (Outcome.MISSING, "unanswered")


def test_days_are_civil_where_clocks_change() -> None:
    fact = counted({"calls_offered": {"q": [10]}, "calls_answered": {"q": [9]}}, "2026-01-01T00:00", "2026-04-01T12:00")
    verdict = verdict_on(
        "{metric: answer_rate, over: 1w}", "x >= 1.0", [fact], {"zone": "Europe/Berlin"}, at="2026-04-01T12:00"
    )
    assert verdict.seen["x.n"] == (7 * 24 - 1) * 4 * 10


def test_slots_meet_the_centers_own_target_and_without_one_are_missing() -> None:
    read = "{slots: answer_rate, over: 7d, every: 1h, meets: target}"
    facts = [answered([8, 8, 8, 8, 9, 9, 9, 9], [8, 8, 8, 8, 9, 9, 9, 9])]  # one hour 80 %, the next 90 %
    verdict = verdict_on(read, "x.share >= 50.0", facts, PROFILE | {"target.answer_rate": 85.0})
    assert (verdict.outcome, verdict.seen["x.bad"]) == (Outcome.SATISFIED, 84)
    none = verdict_on(read, "x.share >= 50.0", facts)
    assert (none.outcome, none.reason) == (Outcome.MISSING, "unanswered")
    half = verdict_on(
        "{slots: talk_avg, over: 7d, every: 1d, meets: target}",
        "x.bad == 0",
        [counted({"talk_time": {"q": [0]}, "calls_answered": {"q": [9]}}, "2026-01-01T00:00", NOW)],
        PROFILE | {"target.talk_avg.low": 10.0, "target.talk_avg.high": 20.0},
    )
    assert half.seen["x.bad"] == 7  # 0 s of talk is below the band


def test_a_target_that_ended_is_unanswered_and_one_in_force_ends_the_verdict() -> None:
    read = "{slots: answer_rate, over: 7d, every: 1h, meets: target}"
    ends = ms(NOW) + 3_600_000
    answer = Answer(value=85.0, until_ms=ends, log_index=0)
    verdict = verdict_on(read, "x.share >= 50.0", [answered([9])], PROFILE | {"target.answer_rate": answer})
    assert (verdict.outcome, verdict.valid_until_ms) == (Outcome.SATISFIED, ends)
    over = Answer(value=85.0, until_ms=ms(NOW) - 1, log_index=0)
    late = verdict_on(read, "x.share >= 50.0", [answered([9])], PROFILE | {"target.answer_rate": over})
    assert late.reason == "unanswered"


def test_the_worst_group_and_the_worst_slot_are_named() -> None:
    groups = verdict_on("{metric: answer_rate, over: 7d, by: queue}", "x >= 85.0", [answered([8])])
    assert groups.reads["x"].spot == Spot(group="support")
    bad = ms("2026-03-18T10:00")

    def support(start: int) -> int:
        return 2 if start == bad else 10

    quarters = [support(start) for start in range(ms("2026-01-01T00:00"), ms(NOW), 900_000)]
    read = "{slots: answer_rate, over: 7d, every: 15m, meets: 95, by: queue}"
    slots = verdict_on(read, "x.bad == 0", [answered(quarters, (10,))])
    assert slots.reads["x"].spot == Spot(at_ms=bad, group="support", count=1)
    assert verdict_on(read, "x.bad == 0", [answered([10], (10,))]).reads["x"].spot is None


def test_the_worst_of_what_should_be_low_is_the_highest() -> None:
    buckets = [(0, 0, 0, 0, 9, *(0,) * 12), (0, 0, 0, 9, *(0,) * 13), (0, 0, 18, 0, 0, 1, *(0,) * 11)]
    waits = {"sales": [buckets[0]], "support": [buckets[1]], "vip": [buckets[2]]}
    none = {queue: [(0,) * 17] for queue in waits}
    fact = counted({"wait_answered": waits, "wait_abandoned": none}, "2026-01-01T00:00", NOW)
    groups = verdict_on("{metric: wait_p90, over: 7d, by: queue}", "x <= 10.0", [fact])
    assert (groups.seen["x"], groups.reads["x"].spot) == (20.0, Spot(group="sales"))
    slots = verdict_on("{slots: wait_p90, over: 7d, every: 1d, meets: 10, by: queue}", "x.bad == 0", [fact])
    newest = Spot(at_ms=ms("2026-03-19T00:00"), group="sales", count=14)
    assert (slots.seen["x.worst"], slots.reads["x"].spot) == (20.0, newest)


def test_two_sources_that_share_a_window_are_disputed_in_sums() -> None:
    first = counted({"calls_answered": {"q": [1]}}, "2026-01-01T00:00", "2026-03-10T10:00")
    second = counted({"calls_answered": {"q": [1]}}, "2026-03-10T10:00", NOW)
    moved = {measure: [row._replace(source="other") for row in rows] for measure, rows in second.rows.items()}
    assert second.covers is not None
    covers = Span(ms("2026-01-01T00:00"), second.covers.to_ms)
    facts = [replace(first, covers=covers), replace(second, source="other", sequence=1, rows=moved, covers=covers)]
    assert verdict_on("{metric: answered_calls, over: 30d}", "x >= 1.0", facts).reason == "disputed"
    days = "{slots: answered_calls, over: 30d, every: day, meets: 1}"
    assert verdict_on(days, "x.bad == 0", facts).reason == "disputed"


def test_five_years_of_months_are_counted_back_to_where_the_source_begins() -> None:
    facts = [counted({"calls_answered": {"q": [1]}}, "2024-06-20T00:00", NOW)]  # July 2024 is the first whole month
    read = "{slots: answered_calls, over: 60mo, every: month, meets: 1}"
    verdict = verdict_on(read, "x.streak >= 20", facts)
    assert (verdict.seen["x.n"], verdict.seen["x.streak"], verdict.hoped["x.streak"]) == (60, 20, 60)
    assert verdict.outcome == Outcome.SATISFIED
    assert verdict_on(read, "x.streak >= 21", facts).outcome == Outcome.INCONCLUSIVE


def test_sums_by_the_day_and_slots_say_the_same() -> None:
    values = [7, 8, 9, 10, 10, 9, 8]
    facts = [answered(values, values)]
    by_days = verdict_on("{slots: answer_rate, over: 8w, every: week, meets: 88}", "x.share >= 50.0", facts)
    rolling = verdict_on("{slots: answer_rate, over: 56d, every: 7d, step: 12h, meets: 88}", "x.share >= 50.0", facts)
    assert by_days.seen["x.n"] == 8
    assert rolling.seen["x.worst"] == pytest.approx(by_days.seen["x.worst"], abs=0.2)
    one = verdict_on("{slots: answer_rate, over: 7d, every: 1d, meets: 88}", "x.share >= 50.0", facts)
    half = verdict_on("{slots: answer_rate, over: 7d, every: 12h, meets: 88}", "x.share >= 50.0", facts)
    assert (one.seen["x.n"], half.seen["x.n"]) == (7, 14)
    assert float(one.seen["x.worst"]) >= float(half.seen["x.worst"])
