"""How long a rule must have held before it is satisfied."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from ccmm_rules import holding
from ccmm_rules.asof import AsOf
from ccmm_rules.cases import run_cases
from ccmm_rules.errors import PackErrors
from ccmm_rules.evaluate import judge
from ccmm_rules.evidence import Entry, Listing, Span
from ccmm_rules.load import pack_of
from ccmm_rules.memory import Fact, MemoryEvidence
from ccmm_rules.model import Outcome
from ccmm_rules.spec import DAY_MS, HOUR_MS
from ccmm_rules.verdict import Verdict
from tests.unit.rules.examples import FOLDER, RULE, counted, happened, ms, one_rule
from tests.unit.rules.standing import NOW, PROFILE, RATE, on, rated

HELD = {
    "days": ("{metric: answer_rate, over: 2d}", "hold: 10d"),
    "grouped": ("{inventory: account, bad: 'privileged'}", "hold: 10d"),
}


def held(facts: Sequence[Fact], which: str = "days", at: str = NOW, share: float = 1.0) -> Verdict:
    read, more = HELD[which]
    pack = one_rule(read, "x >= 85.0" if which == "days" else "x.bad == 0", more=more)
    return on(replace(pack, hold_backfill_share=share), facts, at=at)["D-SEC-01"]


def spoilt(day: str, *, since: str = "2026-01-01T00:00", until: str = NOW) -> Fact:
    """Nobody answers on one day."""
    fact = rated([9], since=since, until=until)
    begin = ms(f"{day}T00:00")
    rows = [
        row._replace(count=0) if begin <= row.start_ms < begin + DAY_MS else row for row in fact.rows["calls_answered"]
    ]
    return replace(fact, rows={**fact.rows, "calls_answered": rows})


def test_a_rule_must_have_held_at_every_midnight_for_so_long() -> None:
    assert held([rated([9])]).outcome == Outcome.SATISFIED
    verdict = held([spoilt("2026-03-12")])  # a day settles at 2: the midnights of the 14th and 15th look back on it
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "hold")
    assert verdict.held_since_ms == ms("2026-03-16T00:00")
    settled = held([spoilt("2026-03-12", until="2026-03-26T03:00")], at="2026-03-26T03:00")
    assert (settled.outcome, settled.held_since_ms) == (Outcome.SATISFIED, ms("2026-03-16T00:00"))
    early = held([spoilt("2026-03-12", until="2026-03-25T03:00")], at="2026-03-25T03:00")
    assert early.outcome == Outcome.INCONCLUSIVE


def test_hold_changes_nothing_that_is_not_satisfied() -> None:
    assert held([rated([5])]).outcome == Outcome.NOT_SATISFIED
    assert held([]).outcome == Outcome.MISSING


def test_silence_holds_nothing() -> None:
    told = spoilt("2026-03-12", until="2026-03-25T23:00")
    for hours in range(27):
        at_ms = ms("2026-03-25T23:00") + hours * HOUR_MS
        pack = one_rule(HELD["days"][0], "x >= 85.0", more="hold: 10d")
        verdict = judge(pack, MemoryEvidence([told], PROFILE, at_ms=at_ms), at_ms)["D-SEC-01"]
        assert verdict.outcome == Outcome.INCONCLUSIVE, hours


def test_days_that_rest_on_too_much_backfill_do_not_count() -> None:
    late = rated([9])
    assert late.covers is not None
    assert held([late], share=0.5).outcome == Outcome.INCONCLUSIVE  # all of it was filled in at once
    daily = [
        replace(late, sequence=at, recorded_ms=ms("2026-03-01T00:00") + at * DAY_MS,
                covers=Span(ms("2026-03-01T00:00") + (at - 1) * DAY_MS, ms("2026-03-01T00:00") + at * DAY_MS))
        for at in range(20)
    ]  # fmt: skip
    assert held(daily, share=0.5).outcome == Outcome.SATISFIED


def account_lists(*told: tuple[str, bool]) -> list[Fact]:
    """Complete lists of one account in time."""
    facts = []
    for number, (as_of, privileged) in enumerate(told):
        listing = Listing(
            agent="it", source="list", as_of_ms=ms(as_of), log_index=0, key_id="k",
            entries=(Entry(key=1, attributes={"privileged": privileged}),),
        )  # fmt: skip
        began = "2025-01-01T00:00" if number == 0 else told[number - 1][0]
        facts.append(
            Fact(
                agent="it",
                sequence=number,
                recorded_ms=ms(as_of),
                source="list",
                feeds=("account",),
                covers=Span(ms(began), ms(as_of)),
                listings={"account": listing},
            )
        )
    return facts


def test_a_list_is_taken_back_to_what_it_was() -> None:
    always = account_lists(("2026-02-01T00:00", False), (NOW, False))
    assert held(always, "grouped").outcome == Outcome.SATISFIED
    lately = account_lists(("2026-02-01T00:00", True), ("2026-03-11T12:00", False), (NOW, False))
    verdict = held(lately, "grouped")
    assert (verdict.outcome, verdict.held_since_ms) == (Outcome.INCONCLUSIVE, ms("2026-03-12T00:00"))
    long_ago = account_lists(("2026-02-01T00:00", True), ("2026-03-09T12:00", False), (NOW, False))
    assert held(long_ago, "grouped").outcome == Outcome.SATISFIED


def test_an_occurrence_was_open_until_it_ended() -> None:
    more = "hold: 5d"
    pack = one_rule("{occurrences: alert, bad: 'acked_minutes > 60.0', over: 30d, empty: 0}", "x.bad == 0", more=more)

    def on_alert(acked: str) -> Verdict:
        rows = [("2026-03-16T20:00", "2026-03-17T12:00", {"acked": ms(acked)})]
        return on(pack, [happened("alert", rows, NOW)])["D-SEC-01"]

    assert on_alert("2026-03-16T20:10").outcome == Outcome.SATISFIED
    gone = one_rule(
        "{occurrences: alert, bad: 'open', over: 30d, empty: 0}", "x.bad == 0", more=more
    )  # closed since, but not at the midnight of the 17th
    rows: list[tuple[str, str | None, Mapping[str, object]]] = [("2026-03-16T20:00", "2026-03-17T12:00", {})]
    verdict = on(gone, [happened("alert", rows, NOW)])["D-SEC-01"]
    assert (verdict.outcome, verdict.held_since_ms) == (Outcome.INCONCLUSIVE, ms("2026-03-18T00:00"))


def test_a_rule_over_quarters_is_judged_anew_only_where_a_quarter_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[int] = []

    def counting(view: object, at_ms: int) -> object:
        judged.append(at_ms)
        return AsOf(view, at_ms)  # type: ignore[arg-type]  # the view that it is called with

    monkeypatch.setattr(holding, "AsOf", counting)
    pack = one_rule("{metric: answer_rate, over: 1q}", "x >= 85.0", more="hold: 4q")
    fact = counted({"calls_offered": {"q": [10]}, "calls_answered": {"q": [9]}}, "2025-12-31T00:00", NOW)
    long = replace(
        fact,
        covers=Span(ms("2023-01-01T00:00"), ms(NOW)),
        rows={m: [rows[0]._replace(start_ms=ms(f"{y}-{mo:02}-05T10:00")) for y in (2024, 2025) for mo in range(1, 13)]
              for m, rows in fact.rows.items()},
    )  # fmt: skip
    assert on(pack, [long])["D-SEC-01"].outcome == Outcome.SATISFIED
    assert len(judged) == 5  # the quarters that close within 4 quarters, and the one before


def test_cases_say_how_long_a_rule_has_held() -> None:
    text = RULE.replace("cases: [{{outcome: satisfied}}]", "given: {{x: 90.0, held: 4q}}\ncases: {cases}")
    cases = "[{outcome: satisfied}, {held: 3q, outcome: inconclusive}, {held: 3q, x: 80.0, outcome: not_satisfied}"
    cases += ", {x: missing, outcome: missing}]"
    filled = text.format(read=RATE, require="x >= 85.0", more="hold: 4q", level=1, cases=cases)
    files = {"pack.yaml": (FOLDER / "pack.yaml").read_bytes(), "D-SEC-01.yaml": filled.encode()}
    assert run_cases(pack_of(files)) == []
    with pytest.raises(PackErrors, match="'hold' counts in q"):
        pack_of(files | {"D-SEC-01.yaml": filled.replace("held: 3q", "held: 9mo").encode()})
    with pytest.raises(PackErrors, match="a waiver is no matter of a case"):
        pack_of(files | {"D-SEC-01.yaml": filled.replace("outcome: missing}]", "outcome: waived}]").encode()})


def test_what_a_level_does_not_need_may_be_silent_while_it_holds() -> None:
    pack = one_rule("{metric: answer_rate, over: 2d}, y: {inventory: account, bad: 'privileged'}",
                    "x >= 85.0 && (level < 3 || y.bad == 0)", more="hold: 10d")  # fmt: skip
    verdict = on(pack, [rated([9])])["D-SEC-01"]
    assert (verdict.outcomes[2], verdict.outcomes[3]) == (Outcome.SATISFIED, Outcome.MISSING)
