"""What is blamed where nothing can be concluded, and the order in which it is looked for."""

from dataclasses import replace

import pytest

from ccmm_rules.case_load import answer_of
from ccmm_rules.conclude import Bound, Conclusion, conclude
from ccmm_rules.evaluate import judge
from ccmm_rules.evidence import Span
from ccmm_rules.load import pack_of
from ccmm_rules.memory import MemoryEvidence
from ccmm_rules.model import Outcome, Rule
from ccmm_rules.strict_yaml import parse_document
from tests.unit.rules.examples import FOLDER, RULE, listed, ms, one_rule

FINE, BAD, GONE, OPEN = Outcome.SATISFIED, Outcome.NOT_SATISFIED, Outcome.MISSING, Outcome.INCONCLUSIVE
KNOWN = Bound(worst={"n": 1, "bad": 0}, best={"n": 1, "bad": 0})
TESTED = "{inventory: account, bad: 'last_login_days > 90'}"


def two_reads(require: str, *, more: str = "", optional: str = "") -> Rule:
    """Of x and y, both of accounts."""
    text = RULE.format(read=TESTED, require=require, more=more, level=1)
    second = TESTED.replace("}", f"{optional}}}")
    text = text.replace(f"reads: {{x: {TESTED}}}", f"reads: {{x: {TESTED}, y: {second}}}")
    return pack_of({"pack.yaml": (FOLDER / "pack.yaml").read_bytes(), "D-SEC-01.yaml": text.encode()}).rules["D-SEC-01"]


def state(word: str, reason: str, **names: int) -> Bound:
    return Bound(state=word, reason=reason, worst=names, best=names)


@pytest.mark.parametrize(
    ("x", "y", "wanted"),
    [
        (KNOWN, KNOWN, Conclusion(outcome=FINE)),
        (state("", "", bad=2), KNOWN, Conclusion(outcome=BAD, reason="values")),
        (state("missing", "stale"), state("", "", bad=2), Conclusion(outcome=BAD, reason="values")),
        (state("missing", "stale"), KNOWN, Conclusion(outcome=GONE, reason="stale", blamed="x")),
        (KNOWN, state("missing", "never"), Conclusion(outcome=GONE, reason="never", blamed="y")),
        (state("missing", "silent"), state("missing", "never"), Conclusion(outcome=GONE, reason="silent", blamed="x")),
        (
            state("inconclusive", "hole"),
            state("missing", "never"),
            Conclusion(outcome=GONE, reason="never", blamed="y"),
        ),
        (state("inconclusive", "hole"), KNOWN, Conclusion(outcome=OPEN, reason="hole", blamed="x")),
        (KNOWN, state("inconclusive", "sample", n=3), Conclusion(outcome=OPEN, reason="sample", blamed="y")),
        (
            Bound(worst={"bad": 2}, best={"bad": 0}),
            KNOWN,
            Conclusion(outcome=OPEN, reason="undecided", blamed="x"),
        ),
        (
            KNOWN,
            Bound(state="inconclusive", reason="undecidable", worst={"bad": 2}, best={"bad": 0}),
            Conclusion(outcome=OPEN, reason="undecidable", blamed="y"),
        ),
        (
            Bound(state="inconclusive", reason="undecidable", worst={"bad": 2}, best={"bad": 0}),
            state("inconclusive", "empty"),
            Conclusion(outcome=OPEN, reason="empty", blamed="y"),
        ),
        (
            Bound(state="inconclusive", reason="uncovered", worst={"bad": 2}, best={"bad": 0}),
            state("inconclusive", "empty"),
            Conclusion(outcome=OPEN, reason="uncovered", blamed="x"),
        ),
    ],
)
def test_the_first_read_that_stands_in_the_way_is_blamed_missing_before_inconclusive(
    x: Bound, y: Bound, wanted: Conclusion
) -> None:
    assert conclude(two_reads("x.bad == 0 && y.bad == 0"), 1, {"x": x, "y": y}, {}) == wanted


def test_only_a_read_that_may_be_absent_is_replaced_by_another() -> None:
    gone = {"x": KNOWN, "y": state("missing", "never")}
    either = "x.bad == 0 || y.bad == 0"
    assert conclude(two_reads(either), 1, gone, {}) == Conclusion(outcome=GONE, reason="never", blamed="y")
    assert conclude(two_reads(either, optional=", optional: true"), 1, gone, {}).outcome == FINE


def test_what_the_level_does_not_ask_for_is_not_blamed() -> None:
    rule = two_reads("x.bad == 0 && (level < 3 || y.bad == 0)")
    looks = {"x": KNOWN, "y": state("missing", "never")}
    assert conclude(rule, 2, looks, {}).outcome == FINE
    assert conclude(rule, 3, looks, {}) == Conclusion(outcome=GONE, reason="never", blamed="y")


def test_a_question_without_an_answer_comes_before_reads() -> None:
    rule = two_reads("x.bad == 0 && (profile.gov_hotline || profile.digital || y.bad == 0)")
    looks = {"x": KNOWN, "y": state("missing", "never")}
    unanswered = Conclusion(outcome=GONE, reason="unanswered", blamed="profile.digital")
    assert conclude(rule, 1, looks, {}) == unanswered
    assert conclude(rule, 1, looks, {"gov_hotline": False}) == unanswered
    assert conclude(rule, 1, looks, {"gov_hotline": True}).outcome == FINE
    assert conclude(rule, 1, looks, {"gov_hotline": False, "digital": False}).reason == "never"


def test_the_scope_is_asked_first() -> None:
    rule = two_reads("x.bad == 0 && y.bad == 0", more="applies: profile.gov_hotline && !profile.digital")
    bad = {"x": state("", "", bad=1), "y": KNOWN}
    assert conclude(rule, 1, bad, {"gov_hotline": False}) == Conclusion(outcome=Outcome.NOT_APPLICABLE, reason="scope")
    assert conclude(rule, 1, bad, {"gov_hotline": True}) == Conclusion(
        outcome=GONE, reason="unanswered", blamed="profile.digital"
    )
    assert conclude(rule, 1, bad, {"gov_hotline": True, "digital": False}).outcome == BAD


def test_a_rule_that_has_not_held_long_enough_blames_its_hold() -> None:
    pack = one_rule("{inventory: account, bad: '!enabled'}", "x.bad == 0", more="hold: 2d")
    before, now = (listed("account", {1: {"enabled": True}}, at) for at in ("2026-03-19T12:00", "2026-03-20T03:00"))
    before = replace(before, covers=Span(ms("2026-03-19T11:00"), ms("2026-03-19T12:00")))
    now = replace(now, sequence=1, covers=Span(ms("2026-03-19T12:00"), ms("2026-03-20T03:00")))
    verdict = judge(pack, MemoryEvidence([before, now], {"zone": "Asia/Shanghai"}), ms("2026-03-20T04:00"))["D-SEC-01"]
    assert (verdict.outcome, verdict.reason, verdict.blamed) == (OPEN, "hold", "hold")
    assert verdict.held_since_ms == ms("2026-03-20T00:00")


@pytest.mark.parametrize(
    ("text", "word", "wanted"),
    [
        ("true", "bool", True),
        ("3", "int", 3),
        ("2.5", "double", 2.5),
        ("3", "double", 3.0),
        ("[a, b]", "list", ("a", "b")),
    ],
)
def test_an_answer_in_a_case_has_the_type_of_its_question(text: str, word: str, wanted: object) -> None:
    found = answer_of(parse_document(f"x: {text}".encode(), "rule.yaml").child("x"), word)
    assert (found, type(found)) == (wanted, type(wanted))
    assert answer_of(parse_document(b"x: UTC", "rule.yaml").child("x"), "string") == "UTC"
