"""The packs beside cc_cmm: pinned, in both languages, honest about what is not public; the hotline on evidence."""

import re
from functools import cache
from pathlib import Path

import pytest

from ccmm_rules.cases import run_cases
from ccmm_rules.errors import PackErrors
from ccmm_rules.evaluate import judge
from ccmm_rules.level import level_of
from ccmm_rules.load import BUILT_IN, folder_digest, load_pack, pack_of
from ccmm_rules.memory import Fact, MemoryEvidence
from ccmm_rules.model import Outcome, Pack
from ccmm_rules.pin import pinned
from ccmm_rules.scoring.result import ItemScore, LevelResult
from tests.unit.rules.center_facts import NOW, evidence_of
from tests.unit.rules.center_facts import ms as instant
from tests.unit.rules.examples import ZONE, counted, ms
from tests.unit.rules.good_center import good_center
from tests.unit.rules.scored import verdicts_on
from tests.unit.rules.test_require_mutants import (
    with_limits_changed,
    with_numbers_changed,
    with_operators_changed,
)

PAGES = Path(__file__).parents[3] / "docs" / "packs"
OTHERS = ("cccs_op", "copc", "emergency_security", "gov_hotline", "iso18295", "iso9001", "scp")
TEXT_NOT_PUBLIC = {"cccs_op": 38, "copc": 34, "scp": 11, "iso18295": 2}


@cache
def pack(name: str) -> Pack:
    return load_pack(BUILT_IN / name)


def standing(name: str, otherwise: Outcome) -> LevelResult:
    return level_of(pack(name), verdicts_on(pack(name), {}, otherwise), MemoryEvidence([], {}), 0)


def test_every_built_in_pack_is_known_here() -> None:
    assert {path.parent.name for path in BUILT_IN.glob("*/pack.yaml")} == {"cc_cmm", *OTHERS}


@pytest.mark.parametrize("name", OTHERS)
def test_a_pack_loads_with_the_cc_cmm_that_stands_beside_it(name: str) -> None:
    assert pinned(BUILT_IN / name) == (BUILT_IN / name / "pack.yaml").read_text(encoding="utf-8")
    assert [(use.pack, use.digest) for use in pack(name).uses] == [("cc_cmm", folder_digest(BUILT_IN / "cc_cmm"))]
    assert pack(name).id == name


@pytest.mark.parametrize("name", OTHERS)
def test_a_pack_speaks_both_languages_and_never_as_the_standard_itself(name: str) -> None:
    chosen = pack(name)
    texts = [chosen.titles, *chosen.groups.values(), *(control.titles for control in chosen.controls)]
    texts += [titles for rule in chosen.rules.values() for titles in (rule.titles, rule.remedy)]
    for text in texts:
        assert re.search("[a-zA-Z]", text["en"]), text
        assert not re.search("[一-鿿]", text["en"]), text
        assert re.search("[一-鿿]", text["zh"]), text
    assert re.search(r"not official|no result possible", chosen.titles["en"])
    assert re.search("非官方|无法得出结论", chosen.titles["zh"])


@pytest.mark.parametrize("name", OTHERS)
def test_a_page_tells_what_a_pack_is_not(name: str) -> None:
    page = " ".join((PAGES / f"{name}.md").read_text(encoding="utf-8").split())
    assert re.search("certificate|cannot give a result|our own", page)
    assert "非官方" in page
    assert f"`{pack(name).scoring.model}`" in page
    assert f"({name}.md)" in (PAGES / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", OTHERS)
def test_no_pack_claims_a_certificate_even_where_every_rule_is_satisfied(name: str) -> None:
    result = standing(name, Outcome.SATISFIED)
    assert result.claims_certificate is False
    assert result.unpublished == TEXT_NOT_PUBLIC.get(name, 0)
    assert all(control.outcome == Outcome.MISSING for control in result.controls if control.reason)


@pytest.mark.parametrize(
    ("name", "best"),
    [
        ("cccs_op", "fail"),
        ("copc", "cure_long"),
        ("scp", "undecided"),
        ("iso9001", "undecided"),
        ("iso18295", "undecided"),
        ("gov_hotline", "met"),
        ("emergency_security", "L5"),
    ],
)
def test_what_is_not_public_or_not_tested_keeps_a_pack_from_its_best_word(name: str, best: str) -> None:
    assert standing(name, Outcome.SATISFIED).standing == best


@pytest.mark.parametrize("outcome", [Outcome.SATISFIED, Outcome.MISSING])
def test_copc_tells_no_deadline_while_its_items_are_not_public(outcome: Outcome) -> None:
    result = standing("copc", outcome)
    assert isinstance(result.score, ItemScore)
    assert (result.score.cure_days, result.score.cure_months, result.score.cure_until) == (None, None, "")
    assert result.sentence == {
        "en": "0 of 34 items met; by when the rest must be met cannot be said; 34 items not public, taken as missing",
        "zh": "34 项中满足 0 项；其余的改进期限无从得出；其中 34 项原文未公开，按缺失计",
    }


@pytest.mark.parametrize("name", OTHERS)
def test_silence_gives_no_pack_anything(name: str) -> None:
    result = standing(name, Outcome.MISSING)
    assert result.standing in ("none", "fail", "cure_long", "undecided")
    assert result.coverage == 0.0


def test_the_published_numbers_are_the_published_ones_and_marked_so() -> None:
    assert pack("cccs_op").origin == {"items_total": "published", "bands": "published"}
    assert set(pack("copc").origin.values()) == {"published"}
    assert pack("iso9001").origin["major_share"] == "ours"
    assert len(pack("cccs_op").groups) == 7
    assert len(pack("copc").groups) == 4
    assert pack("emergency_security").origin == {}  # all ours


def test_views_of_the_secret_standards_still_show_which_rules_fail() -> None:
    for name in ("cccs_op", "copc", "scp"):
        result = standing(name, Outcome.NOT_SATISFIED)
        views = [control for control in result.controls if control.items == 0]
        assert {control.group for control in views} <= set(pack(name).groups)
        assert any(control.failed for control in views)
        assert result.next_level_gaps == ()


def test_the_security_pack_has_its_104_requirements_and_all_rules_on_the_subject() -> None:
    chosen, whole = pack("emergency_security"), load_pack(BUILT_IN / "cc_cmm")
    counted_ones = [control for control in chosen.controls if control.items]
    assert len(counted_ones) == 104
    parts = [control.id[:5] for control in counted_ones]
    assert [parts.count(part) for part in ("S-CUL", "S-PHY", "S-INF", "S-OUT", "S-SYS")] == [9, 14, 24, 8, 7]
    assert all(control.id[:5].replace("-", "_") == control.group for control in counted_ones)
    assert all(control.about == "tested" for control in chosen.controls)
    subject = {rule for rule in whole.rules if rule.startswith(("D-SEC-", "D-EMG-"))}
    assert subject <= set(chosen.rules)
    assert all(rule.digest == whole.rules[name].digest for name, rule in chosen.rules.items())
    assert set(chosen.dimensions) == {"S", "R"}


def test_a_shared_rule_has_the_same_verdict_in_every_pack() -> None:
    evidence = evidence_of(good_center(3))
    whole = judge(load_pack(BUILT_IN / "cc_cmm"), evidence, instant(NOW))
    for name in ("emergency_security", "iso9001"):
        for rule, verdict in judge(pack(name), evidence, instant(NOW)).items():
            assert verdict == whole[rule], rule


def test_two_rules_of_emergency_hold_down_emergency_and_not_security() -> None:
    chosen = pack("emergency_security")
    failing = dict.fromkeys(
        [name for name, rule in chosen.rules.items() if name.startswith("D-EMG-") and rule.level == 1],
        Outcome.NOT_SATISFIED,
    )
    found = verdicts_on(chosen, {}, Outcome.SATISFIED)
    worse = {name: found[name] for name in found} | {
        name: verdicts_on(chosen, {}, outcome)[name] for name, outcome in failing.items()
    }
    result = level_of(chosen, worse, MemoryEvidence([], {}), 0)
    behind = [obstacle.subject for obstacle in result.held_down_by if obstacle.condition == "dimension_share"]
    assert (result.level, behind) == (0, ["R"])


HOTLINE = sorted((BUILT_IN / "gov_hotline").glob("*/*.yaml"))


def own_rules(texts: dict[str, str]) -> Pack:
    """Rules of the hotline pack alone, without controls."""
    head = (BUILT_IN / "gov_hotline" / "pack.yaml").read_text(encoding="utf-8")
    head = re.sub(r"uses:\n.*\n", "", head)
    shares = "min_pass_share: 1.0, min_dimension_share: 1.0, min_fresh_share: 1.0, max_backfill_share: 1.0"
    head = head.replace("scoring:\n  model: threshold_table", f"scoring: {{model: cumulative_levels, {shares}}}")
    return pack_of({"pack.yaml": head.encode(), **{name: text.encode() for name, text in texts.items()}})


@pytest.mark.parametrize("file", HOTLINE, ids=lambda path: path.stem)
def test_the_cases_of_the_hotline_hold_and_notice_what_is_altered(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert run_cases(own_rules({file.name: text})) == []
    for mutant in (*with_operators_changed(text), *with_numbers_changed(text), *with_limits_changed(text)):
        try:
            broken = own_rules({file.name: mutant})
        except PackErrors:
            continue
        assert run_cases(broken), mutant


def hotline(lost: int) -> Fact:
    """Ten calls a quarter hour, all answered but for so many that fell on the afternoon of the second of March."""
    answered = [10] * (55 * 96)
    for place in range(lost):
        answered[20 * 96 + 60 + place // 10] -= 1
    counts = {"calls_offered": {"q": [10]}, "calls_answered": {"q": answered}}
    return counted(counts, "2026-02-10T00:00", "2026-04-06T00:00")


@pytest.mark.parametrize(
    ("lost", "outcome"), [(0, "satisfied"), (48, "satisfied"), (49, "not_satisfied"), (200, "not_satisfied")]
)
def test_one_bad_afternoon_misses_the_limit_whatever_the_month_says(lost: int, outcome: str) -> None:
    evidence = MemoryEvidence([hotline(lost)], {"zone": str(ZONE)})
    verdict = judge(pack("gov_hotline"), evidence, ms("2026-03-22T02:00"), ["GHL-ACC-01"])["GHL-ACC-01"]
    assert verdict.outcome == outcome
    assert verdict.seen["any24.worst"] == pytest.approx(100 * (960 - lost) / 960)
    # The month as a whole stays far above the limit in every case.
    assert 100 * (30 * 960 - lost) / (30 * 960) > 99


@pytest.mark.parametrize(("day", "outcome"), [("03-31", "not_satisfied"), ("04-03", "satisfied")])
def test_a_bad_afternoon_of_the_hotline_counts_for_thirty_days(day: str, outcome: str) -> None:
    evidence = MemoryEvidence([hotline(200)], {"zone": str(ZONE)})  # it was the second of March
    verdict = judge(pack("gov_hotline"), evidence, ms(f"2026-{day}T02:00"), ["GHL-ACC-01"])["GHL-ACC-01"]
    assert verdict.outcome == outcome


def test_a_hotline_without_written_channels_is_not_asked_about_them() -> None:
    evidence = MemoryEvidence([hotline(0)], {"zone": str(ZONE), "digital": False})
    chosen = pack("gov_hotline")
    result = level_of(chosen, judge(chosen, evidence, ms("2026-03-22T02:00")), evidence, 0)
    by_id = {control.id: control.outcome for control in result.controls}
    assert (by_id["GH-MEDIA"], by_id["GH-MAILBOX"]) == (Outcome.NOT_APPLICABLE, Outcome.NOT_APPLICABLE)
    assert (by_id["GH-CONNECT"], by_id["GH-15S"]) == (Outcome.SATISFIED, Outcome.MISSING)
    assert (result.standing, result.distance, result.path) == ("undecided", 1, ("GH-15S",))


def test_the_page_of_iso_9001_names_every_clause_without_a_rule() -> None:
    page = (PAGES / "iso9001.md").read_text(encoding="utf-8")
    untested = [control.id for control in pack("iso9001").controls if control.about == "untested"]
    assert len(untested) >= 6
    assert all(f"({clause})" in page for clause in untested)


def test_the_page_of_the_hotline_names_its_rules_and_controls() -> None:
    page = (PAGES / "gov_hotline.md").read_text(encoding="utf-8")
    for rule in pack("gov_hotline").rules:
        if rule.startswith("GHL-"):
            assert rule in page or f"-{rule[-2:]}" in page
    for control in pack("gov_hotline").controls:
        assert control.id in page or control.id.removeprefix("GH") in page
