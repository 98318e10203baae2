"""A read that a center does not need is not evaluated: no verdict speaks of it, rests on it or runs out with it."""

from collections.abc import Mapping, Sequence

import pytest

from ccmm_rules.conclude import reads_needed
from ccmm_rules.evaluate import judge
from ccmm_rules.evidence import Answer, Listing
from ccmm_rules.memory import Fact, MemoryEvidence
from ccmm_rules.model import Outcome, Pack
from ccmm_rules.verdict import Verdict
from tests.unit.rules.examples import listed, ms, one_rule
from tests.unit.rules.test_conclude import TESTED, two_reads

AT = "2026-03-20T12:00"
HOUR_MS = 3_600_000
ENDS_MS = ms("2026-03-25T00:00")
DEVICES = "{inventory: device, bad: '!managed'}"
EITHER = "x.bad == 0 && (!profile.digital || y.bad == 0)"


def scoped(require: str, *, more: str = "") -> Pack:
    """Of x, accounts, and y, devices."""
    reads = f"{TESTED}, y: {DEVICES}"
    return one_rule(reads, require, more=more)


class Asked(MemoryEvidence):
    """Notes which lists it was asked for."""

    def __init__(self, facts: Sequence[Fact], profile: Mapping[str, object]) -> None:
        super().__init__(facts, profile)
        self.kinds: set[str] = set()

    def listings(self, kind: str) -> Sequence[Listing]:
        self.kinds.add(kind)
        return super().listings(kind)


def told(pack: Pack, *, digital: object = None, accounts: str = "2026-03-20T10:00") -> tuple[Verdict, set[str]]:
    """With a list of accounts, and one of devices that is an hour older and has one that is not managed."""
    facts = [
        listed("account", {1: {"last_login": ms("2026-03-19T00:00")}}, accounts, sequence=1),
        listed("device", {1: {"managed": False}}, "2026-03-20T09:00", source="mdm", sequence=0),
    ]
    answers = {"digital": Answer(value=digital, until_ms=ENDS_MS, log_index=7)} if digital is not None else {}
    evidence = Asked(facts, {"zone": "Asia/Shanghai", **answers})
    return judge(pack, evidence, ms(AT))["D-SEC-01"], evidence.kinds


def test_outside_its_scope_a_verdict_rests_on_the_answer_alone() -> None:
    verdict, asked = told(scoped("x.bad == 0 && y.bad == 0", more="applies: profile.digital"), digital=False)
    assert (verdict.outcome, verdict.reason) == (Outcome.NOT_APPLICABLE, "scope")
    assert (verdict.reads, verdict.seen, verdict.hoped, asked) == ({}, {}, {}, set())
    assert (verdict.valid_until_ms, verdict.look_again_ms, verdict.log_index) == (ENDS_MS, ENDS_MS + 1, 7)


def test_where_nobody_says_whether_it_applies_nothing_is_read() -> None:
    verdict, asked = told(scoped("x.bad == 0 && y.bad == 0", more="applies: profile.digital"))
    assert (verdict.outcome, verdict.reason, verdict.blamed) == (Outcome.MISSING, "unanswered", "profile.digital")
    assert (verdict.reads, asked, verdict.valid_until_ms, verdict.log_index) == ({}, set(), None, -1)


def test_inside_its_scope_it_rests_on_its_reads_and_the_answer() -> None:
    verdict, asked = told(scoped("x.bad == 0 && y.bad == 1", more="applies: profile.digital"), digital=True)
    assert (verdict.outcome, set(verdict.reads)) == (Outcome.SATISFIED, {"x", "y"})
    assert asked == {"account", "device"}
    assert verdict.valid_until_ms == ms("2026-03-20T09:00") + 26 * HOUR_MS


def test_what_an_answer_makes_needless_is_neither_told_nor_waited_for() -> None:
    verdict, asked = told(scoped(EITHER), digital=False)
    assert (verdict.outcome, set(verdict.reads), asked) == (Outcome.SATISFIED, {"x"}, {"account"})
    assert set(verdict.seen) == {"x.n", "x.bad", "x.share"}
    assert "device" not in verdict.sentence["en"]
    assert verdict.valid_until_ms == ms("2026-03-20T10:00") + 26 * HOUR_MS
    assert verdict.log_index == 7


def test_the_other_answer_brings_it_back() -> None:
    verdict, _ = told(scoped(EITHER), digital=True)
    assert (verdict.outcome, set(verdict.reads)) == (Outcome.NOT_SATISFIED, {"x", "y"})
    assert "device" in verdict.sentence["en"]


def test_while_the_answer_is_wanting_it_is_read_and_its_bad_news_told() -> None:
    verdict, _ = told(scoped("x.bad == 0 && (profile.digital || y.bad == 0)"))
    assert (verdict.outcome, verdict.blamed) == (Outcome.MISSING, "profile.digital")
    assert set(verdict.reads) == {"x", "y"}


@pytest.mark.parametrize(
    ("require", "more", "answers", "wanted"),
    [
        ("x.bad == 0 && (level < 4 || y.bad == 0)", "", {}, "xy"),  # of a higher level, which is judged too
        ("x.bad == 0 && (profile.digital ? y.bad == 0 : true)", "", {"digital": False}, "x"),
        ("x.bad == 0 && (profile.digital ? y.bad == 0 : true)", "", {"digital": True}, "xy"),
        ("x.bad == 0 && (profile.digital ? y.bad == 0 : true)", "", {}, "xy"),
        ("x.bad == 0 && (profile.digital || level < 3 || y.bad == 0)", "", {"digital": True}, "x"),
        ("x.bad == 0 && y.bad == 0", "applies: profile.digital", {}, ""),
        ("x.bad == 0 && y.bad == 0", "applies: profile.digital", {"digital": False}, ""),
        ("x.bad == 0 && y.bad == 0", "applies: profile.digital", {"digital": True}, "xy"),
    ],
)
def test_which_reads_are_needed_hangs_on_levels_and_answers_alone(
    require: str, more: str, answers: Mapping[str, object], wanted: str
) -> None:
    assert "".join(read.name for read in reads_needed(two_reads(require, more=more), answers)) == wanted


@pytest.mark.parametrize("digital", [False, True])
def test_a_rule_holds_without_what_it_does_not_need(digital: bool) -> None:
    """Nothing was ever heard of devices, so that they vouch for no midnight."""
    pack = scoped(EITHER, more="hold: 2d")
    accounts: dict[str | int, Mapping[str, object]] = {1: {"last_login": ms("2026-03-01T00:00")}}
    days = ("2026-03-17T10:00", "2026-03-20T10:00")
    facts = [listed("account", accounts, day, sequence=number) for number, day in enumerate(days)]
    verdict = judge(pack, MemoryEvidence(facts, {"zone": "Asia/Shanghai", "digital": digital}), ms(AT))["D-SEC-01"]
    assert set(verdict.reads) == ({"x", "y"} if digital else {"x"})
    assert verdict.outcome == (Outcome.MISSING if digital else Outcome.SATISFIED)
    assert verdict.held_since_ms == (None if digital else ms("2026-03-18T00:00"))
