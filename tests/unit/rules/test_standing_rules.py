"""What bears on a rule beside its reads: other rules, its dates, waivers, the center's own limits."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from ccmm_rules.errors import PackErrors
from ccmm_rules.evaluate import judge
from ccmm_rules.evidence import Answer, Waiver
from ccmm_rules.memory import Fact, MemoryEvidence
from ccmm_rules.model import Outcome
from ccmm_rules.spec import HOUR_MS
from ccmm_rules.verdict import Verdict
from tests.unit.rules.examples import happened, listed, ms, one_rule
from tests.unit.rules.standing import NOW, PROFILE, RATE, on, rated, rules

THREE = {
    "D_SEC_01": (RATE, "x >= 85.0", 1),
    "D_SEC_02": ("{inventory: account, bad: 'privileged'}", "x.bad == 0", 3),
    "D_SEC_03": ('{rules: "D-SEC-*"}', "x.open == 0", 1),
}
CLEAN = listed("account", {1: {"privileged": False}}, NOW, sequence=0)


def test_a_rule_reads_the_verdicts_of_others_at_its_own_level() -> None:
    verdict = on(rules(**THREE), [rated([9]), CLEAN])["D-SEC-03"]
    assert verdict.seen == {"x.n": 1, "x.satisfied": 1, "x.open": 0}  # D-SEC-02 begins at level 3; not itself
    assert set(verdict.outcomes.values()) == {Outcome.SATISFIED}
    third = rules(**THREE | {"D_SEC_03": ('{rules: "D-SEC-*"}', "x.open == 0 && x.n == 2", 3)})
    assert on(third, [rated([9]), CLEAN])["D-SEC-03"].outcome == Outcome.SATISFIED
    bad = listed("account", {1: {"privileged": True}}, NOW)
    open_one = on(third, [rated([9]), bad])["D-SEC-03"]
    assert (open_one.outcome, open_one.seen["x.open"]) == (Outcome.NOT_SATISFIED, 1)
    spot = open_one.reads["x"].spot
    assert spot is not None
    assert (spot.group, spot.count) == ("D-SEC-02", 1)


def test_while_a_rule_read_is_missing_so_is_the_reader_but_bad_news_shows() -> None:
    third = rules(**THREE | {"D_SEC_03": ('{rules: "D-SEC-*"}', "x.open == 0", 3)})
    assert on(third, [rated([9])])["D-SEC-03"].outcome == Outcome.MISSING
    assert on(third, [rated([5])])["D-SEC-03"].outcome == Outcome.NOT_SATISFIED
    enough = rules(**THREE | {"D_SEC_03": ('{rules: "D-SEC-*"}', "x.satisfied >= 1", 3)})
    assert on(enough, [rated([9])])["D-SEC-03"].outcome == Outcome.MISSING  # silence never satisfies


@pytest.mark.parametrize(
    ("require", "outcome"), [("x.open == 0", Outcome.NOT_SATISFIED), ("x.n >= 1", Outcome.MISSING)]
)
def test_what_is_past_its_end_is_bad_news_at_most(require: str, outcome: Outcome) -> None:
    """A rule stays not satisfied in silence where what it still knows is bad enough."""
    pack = rules(**THREE | {"D_SEC_03": ('{rules: ["D-SEC-01"]}', require, 1)})
    evidence = MemoryEvidence([rated([9])], PROFILE, at_ms=ms(NOW))
    whole = judge(pack, evidence, ms(NOW))
    bad = replace(whole["D-SEC-01"], outcomes=dict.fromkeys(range(1, 6), Outcome.NOT_SATISFIED))
    lasting, over = replace(bad, valid_until_ms=ms(NOW)), replace(bad, valid_until_ms=ms(NOW) - 1)
    verdict = judge(pack, evidence, ms(NOW), ["D-SEC-03"], {**whole, "D-SEC-01": over})["D-SEC-03"]
    assert verdict.outcome == outcome
    verdict = judge(pack, evidence, ms(NOW), ["D-SEC-03"], {**whole, "D-SEC-01": lasting})["D-SEC-03"]
    assert verdict.outcome == (Outcome.NOT_SATISFIED if require == "x.open == 0" else Outcome.SATISFIED)


def test_an_undecided_rule_is_open_in_the_worst_look_and_closed_in_the_best() -> None:
    third = rules(**THREE | {"D_SEC_03": ('{rules: "D-SEC-*"}', "x.open == 0", 3)})
    unsure = listed("account", {}, NOW)  # nothing there, and the rule does not take none as proof
    verdict = on(third, [rated([9]), unsure])["D-SEC-03"]
    assert (verdict.outcome, verdict.seen["x.open"], verdict.hoped["x.open"]) == (Outcome.INCONCLUSIVE, 1, 0)


def test_a_reader_is_valid_as_long_as_all_that_it_reads() -> None:
    verdicts = on(rules(**THREE), [rated([9])])
    assert verdicts["D-SEC-03"].valid_until_ms == verdicts["D-SEC-01"].valid_until_ms == ms(NOW) + 26 * HOUR_MS
    assert verdicts["D-SEC-03"].log_index == 0


def test_a_rule_that_does_not_apply_is_left_out() -> None:
    none = rules(D_SEC_01=(RATE, "x >= 85.0", 1), D_SEC_03=('{rules: ["D-SEC-01"]}', "x.open == 0", 1))
    bounded = replace(none.rules["D-SEC-01"], until="2026-03-19")
    pack = replace(none, rules={**none.rules, "D-SEC-01": bounded})
    verdict = on(pack, [rated([9])])["D-SEC-03"]
    assert (verdict.outcome, verdict.reason, verdict.seen) == (Outcome.INCONCLUSIVE, "empty", {"x.n": 0})


def test_some_rules_are_judged_with_the_verdicts_held_of_the_others() -> None:
    pack = rules(**THREE, D_INF_01=('{rules: ["D-SEC-03"]}', "x.open == 0", 1))
    evidence = MemoryEvidence([rated([9]), CLEAN], PROFILE, at_ms=ms(NOW))
    whole = judge(pack, evidence, ms(NOW))
    assert judge(pack, evidence, ms(NOW), ["D-INF-01"]) == {"D-INF-01": whole["D-INF-01"]}
    worse = replace(whole["D-SEC-01"], outcomes=dict.fromkeys(range(1, 6), Outcome.NOT_SATISFIED))
    held = judge(pack, evidence, ms(NOW), ["D-SEC-03"], {**whole, "D-SEC-01": worse})
    assert {name: verdict.outcome for name, verdict in held.items()} == {
        "D-SEC-03": Outcome.NOT_SATISFIED,
        "D-INF-01": Outcome.NOT_SATISFIED,
    }
    again = judge(pack, evidence, ms(NOW), ["D-SEC-01"], {**whole, "D-SEC-01": worse})
    assert again == {name: whole[name] for name in ("D-SEC-01", "D-SEC-03", "D-INF-01")}


def test_a_reader_is_judged_where_what_it_reads_turned_and_only_then() -> None:
    pack = rules(**THREE, D_INF_01=('{rules: ["D-SEC-03"]}', "x.open == 0", 1))
    evidence = MemoryEvidence([rated([9]), CLEAN], PROFILE, at_ms=ms(NOW))
    whole = judge(pack, evidence, ms(NOW))
    first, until_ms = whole["D-SEC-01"], whole["D-SEC-01"].valid_until_ms
    assert until_ms is not None
    readers = {"D-SEC-03", "D-INF-01"}

    def judged(asked: Sequence[str], held: Mapping[str, Verdict]) -> dict[str, Verdict]:
        return judge(pack, evidence, ms(NOW), asked, {**whole, **held})

    assert set(judged(["D-SEC-01"], {})) == {"D-SEC-01"}
    shorter = {"D-SEC-01": replace(first, valid_until_ms=until_ms - 1), "D-SEC-03": whole["D-SEC-03"]}
    assert set(judged(["D-SEC-01"], shorter)) == {"D-SEC-01"}  # the reader looks again when the older one runs out
    for longer in (until_ms + 1, None):
        assert set(judged(["D-SEC-01"], {"D-SEC-01": replace(first, valid_until_ms=longer)})) >= {"D-SEC-03"}
    ended = {"D-SEC-01": replace(first, valid_until_ms=ms(NOW) - 1)}
    assert set(judged(["D-SEC-01"], ended)) >= {"D-SEC-03"}  # the reader looked when it ran out, and holds it for over
    filled_in = {"D-SEC-01": replace(first, backfill_share=0.5)}
    assert set(judged(["D-SEC-01"], filled_in)) >= {"D-SEC-03"}
    worse = {
        name: replace(whole[name], outcomes=dict.fromkeys(range(1, 6), Outcome.NOT_SATISFIED))
        for name in ("D-SEC-01", *readers)
    }
    assert judged(["D-SEC-01", "D-INF-01"], worse) == {name: whole[name] for name in ("D-SEC-01", *readers)}


def test_a_verdict_ends_with_an_answer_that_only_a_test_names() -> None:
    pack = one_rule("{inventory: account, bad: 'privileged && profile.cards'}", "x.bad == 0")
    ending = PROFILE | {"cards": Answer(value=False, until_ms=ms(NOW) + 5, log_index=3)}
    verdict = on(pack, [listed("account", {1: {"privileged": True}}, NOW)], ending)["D-SEC-01"]
    assert (verdict.outcome, verdict.valid_until_ms, verdict.log_index) == (Outcome.SATISFIED, ms(NOW) + 5, 3)


def test_circles_and_patterns_of_nothing_are_refused_with_their_place() -> None:
    read = {
        "D_SEC_01": ('{rules: "D-SEC-02"}', "x.open == 0", 1),
        "D_SEC_02": ('{rules: "D-SEC-*"}', "x.open == 0", 1),
        "D_SEC_03": (RATE, "x >= 85.0", 1),
        "D_SEC_04": ('{rules: ["D-SEC-03", "D-INF-*"]}', "x.open == 0", 1),
    }
    with pytest.raises(PackErrors) as caught:
        rules(**read)
    told = str(caught.value)
    assert "D-SEC-01.yaml:9:" in told
    assert "a circle: D-SEC-01 reads D-SEC-02 reads D-SEC-01" in told
    assert "'D-INF-*' names no other rule" in told
    assert "D-SEC-03.yaml" not in told


@pytest.mark.parametrize(
    ("since", "until", "outcome", "again"),
    [
        ("2026-03-20", "", Outcome.SATISFIED, None),
        ("2026-03-21", "", Outcome.NOT_APPLICABLE, "2026-03-21T00:00"),
        ("", "2026-03-20", Outcome.SATISFIED, "2026-03-21T00:00"),
        ("", "2026-03-19", Outcome.NOT_APPLICABLE, None),
        ("2026-03-01", "2026-03-31", Outcome.SATISFIED, "2026-04-01T00:00"),
    ],
)
def test_a_rule_is_judged_on_its_days_only(since: str, until: str, outcome: Outcome, again: str | None) -> None:
    more = "\n".join(f'{key}: "{day}"' for key, day in (("since", since), ("until", until)) if day)
    verdict = on(one_rule("{metric: answer_rate, over: 7d}", "x >= 85.0", more=more), [rated([9])])["D-SEC-01"]
    assert verdict.outcome == outcome
    assert verdict.reason == ("not_in_force" if outcome == Outcome.NOT_APPLICABLE else "")
    expiry = None if outcome == Outcome.NOT_APPLICABLE else ms(NOW) + 26 * HOUR_MS + 1
    wanted = [instant for instant in (expiry, ms(again) if again else None) if instant is not None]
    assert verdict.look_again_ms == min(wanted, default=None)


def waiver(**parts: object) -> Waiver:
    whole: dict[str, object] = {
        "rule": "D-SEC-01", "from_ms": ms("2026-03-01T00:00"), "until_ms": ms("2026-03-20T12:00"),
        "approvers": ("head", "quality"), "reason": "moving house", "log_index": 9,
    }  # fmt: skip
    return Waiver(**whole | parts)  # type: ignore[arg-type]  # keyword parts of a waiver


def waived(facts: Sequence[Fact], *waivers: Waiver, require: str = "x >= 85.0") -> Verdict:
    evidence = MemoryEvidence(facts, PROFILE, at_ms=ms(NOW), waivers=waivers)
    return judge(one_rule(RATE, require), evidence, ms(NOW))["D-SEC-01"]


def test_a_waiver_covers_what_is_not_satisfied_and_nothing_else() -> None:
    bad = waived([rated([5])], waiver())
    assert (bad.outcome, bad.reason, bad.reached, bad.waiver) == (Outcome.WAIVED, "values", 0, waiver())
    assert set(bad.outcomes.values()) == {Outcome.WAIVED}
    assert (bad.valid_until_ms, bad.look_again_ms, bad.log_index) == (
        ms("2026-03-20T12:00") - 1,
        ms("2026-03-20T12:00"),
        9,
    )
    assert waived([], waiver()).outcome == Outcome.WAIVED
    fine = waived([rated([9])], waiver())
    assert (fine.outcome, fine.waiver, fine.log_index) == (Outcome.SATISFIED, None, 0)


@pytest.mark.parametrize(
    "parts",
    [
        {"approvers": ("head",)},
        {"approvers": ("head", "head")},
        {"rule": "D-SEC-02"},
        {"from_ms": ms(NOW) + 1},
        {"until_ms": ms(NOW)},
    ],
)
def test_a_waiver_needs_two_people_its_rule_and_its_time(parts: dict[str, object]) -> None:
    verdict = waived([rated([5])], waiver(**parts))
    assert (verdict.outcome, verdict.waiver) == (Outcome.NOT_SATISFIED, None)
    assert waived([rated([5])], waiver(from_ms=ms(NOW), until_ms=ms(NOW) + 1)).outcome == Outcome.WAIVED


def test_the_waiver_that_lasts_longest_counts_and_one_to_come_is_foretold() -> None:
    longer = waiver(until_ms=ms("2026-03-20T18:00"), log_index=4)
    assert waived([rated([5])], waiver(), longer).waiver == longer
    assert waived([rated([5])], waiver(from_ms=ms(NOW) + 5)).look_again_ms == ms(NOW) + 5


def test_a_center_may_ask_more_of_itself_and_never_less() -> None:
    pack = one_rule(RATE, "x >= limit", more='limits: {unit: "%", L1: 80, L3: 90}')

    def at(own: object) -> Verdict:
        return on(pack, [rated([9, 8])], PROFILE | {"limit.D-SEC-01": own})["D-SEC-01"]

    assert (at(84).outcome, at(84).limits, at(84).reached) == (Outcome.SATISFIED, {"limit": 84.0}, 2)
    assert (at(86).outcome, at(86).limits) == (Outcome.NOT_SATISFIED, {"limit": 86.0})
    assert (at(10).outcome, at(10).limits, at(10).reached) == (Outcome.SATISFIED, {"limit": 80.0}, 2)
    assert at(95).outcomes[3] == Outcome.NOT_SATISFIED
    ended = Answer(value=86, until_ms=ms(NOW) - 1, log_index=3)
    assert at(ended).limits == {"limit": 80.0}
    ending = at(Answer(value=84, until_ms=ms(NOW) + 7, log_index=3))
    assert (ending.valid_until_ms, ending.log_index) == (ms(NOW) + 7, 3)


def test_whole_limits_and_limits_from_above_are_tightened_downward() -> None:
    pack = one_rule("{inventory: account, bad: 'privileged'}", "x.bad <= limit", more="limits: {unit: count, L1: 3}")
    accounts = listed("account", {at: {"privileged": True} for at in range(3)}, NOW)
    assert on(pack, [accounts])["D-SEC-01"].outcome == Outcome.SATISFIED
    tight = on(pack, [accounts], PROFILE | {"limit.D-SEC-01": 2.9})["D-SEC-01"]
    assert (tight.outcome, tight.limits) == (Outcome.NOT_SATISFIED, {"limit": 2.0})
    assert on(pack, [accounts], PROFILE | {"limit.D-SEC-01": 5})["D-SEC-01"].limits == {"limit": 3.0}


def test_slots_that_the_limit_judges_are_tightened_too() -> None:
    pack = one_rule(
        "{slots: answer_rate, over: 7d, every: 24h, meets: limit}", "x.bad == 0", more='limits: {unit: "%", L1: 80}'
    )
    assert on(pack, [rated([9])])["D-SEC-01"].outcome == Outcome.SATISFIED
    assert on(pack, [rated([9])], PROFILE | {"limit.D-SEC-01": 91})["D-SEC-01"].outcome == Outcome.NOT_SATISFIED


def test_a_read_names_its_worst_row_and_the_time_that_it_read() -> None:
    idle = one_rule("{inventory: account, bad: 'privileged', by: system}", "x.bad == 0")
    rows: dict[str | int, Mapping[str, object]] = {
        1: {"privileged": False, "system": "acd"}, 2: {"privileged": True, "system": "crm"},
    }  # fmt: skip
    state = on(idle, [listed("account", rows, NOW)])["D-SEC-01"].reads["x"]
    assert state.spot is not None
    assert (state.spot.group, state.spot.count, state.from_ms, state.to_ms) == ("crm", 1, ms(NOW), ms(NOW))
    alone = one_rule("{inventory: account, bad: 'privileged'}", "x.bad == 0")
    named = on(alone, [listed("account", rows, NOW)])["D-SEC-01"].reads["x"].spot
    assert named is not None
    assert named.group == f"{2:016x}"
    slow = one_rule("{occurrences: alert, bad: 'acked_minutes > 60.0', over: 30d}", "x.bad == 0")
    late = [("2026-03-02T20:00", None, {"acked": ms("2026-03-02T20:10")}), ("2026-03-03T20:00", None, {})]
    alert = on(slow, [happened("alert", late, NOW)])["D-SEC-01"].reads["x"]
    assert alert.spot is not None
    assert (alert.spot.at_ms, alert.from_ms) == (ms("2026-03-03T20:00"), ms("2026-02-18T00:00"))
