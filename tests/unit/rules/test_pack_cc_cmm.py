"""What the pack cc_cmm promises: its size and spread, both languages, its truth tables, and never an official word."""

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path

import pytest

from ccmm_rules.cases import run_cases
from ccmm_rules.load import load_pack
from ccmm_rules.model import Outcome, Pack, Rule
from ccmm_rules.scenario import run_scenarios
from ccmm_rules.spec import MatchSpec

FOLDER = Path(str(resources.files("ccmm_rules"))) / "packs" / "cc_cmm"
PAGE = Path(__file__).parents[3] / "docs" / "packs" / "cc_cmm.md"
SYSTEM_OF = {
    "call": "switch",
    "session": "switch",
    "recording": "recorder",
    "holding": "recorder",
    "account": "directory",
    "passage": "doors",
    "badge": "doors",
    "person": "hr",
    "contact": "tickets",
    "case": "tickets",
}
CROSS_CHECKS = {
    "M-DAT-03": ("switch", "recorder"),
    "M-DAT-04": ("switch", "tickets"),
    "D-SEC-09": ("hr", "directory"),
    "D-SEC-10": ("hr", "doors"),
    "D-ENV-08": ("switch", "doors"),
    "E-HRM-02": ("switch", "hr"),
    "D-EMG-22": ("exercise", "breach.floor_exits"),
}


@cache
def pack() -> Pack:
    return load_pack(FOLDER)


def dimension_of(rule: Rule) -> str:
    return pack().headings[rule.heading].dimension


def joins_of(rule: Rule) -> Iterator[tuple[str, str]]:
    for read in rule.reads:
        if isinstance(read.spec, MatchSpec):
            base = read.spec.base.kind
            for partner in read.spec.partners:
                yield SYSTEM_OF.get(base, base), SYSTEM_OF.get(partner.source.kind, partner.source.kind)


def test_the_pack_has_at_most_the_170_rules_of_the_catalogue_in_all_five_dimensions() -> None:
    assert 42 <= len(pack().rules) <= 170
    assert {dimension_of(rule) for rule in pack().rules.values()} == set("DEMOI")


def test_at_least_eight_rules_are_security_and_five_emergency() -> None:
    ids = list(pack().rules)
    assert sum(id.startswith("D-SEC-") for id in ids) >= 8
    assert sum(id.startswith("D-EMG-") for id in ids) >= 5


@pytest.mark.parametrize("id", sorted(CROSS_CHECKS))
def test_a_cross_check_joins_two_systems(id: str) -> None:
    assert CROSS_CHECKS[id] in set(joins_of(pack().rules[id]))


def test_every_level_up_to_three_adds_rules_and_two_years_of_operation_guard_the_third() -> None:
    levels = [rule.level for rule in pack().rules.values()]
    assert all(levels.count(level) >= 4 for level in (1, 2, 3))
    gates = {rule.id: rule.level for rule in pack().rules.values() if rule.gate}
    assert gates["D-SYS-05"] == 3
    assert gates["D-SYS-06"] == 4
    assert {"D-SEC-09", "D-SEC-17", "D-EMG-04", "D-EMG-12", "O-DSC-07", "M-RES-02"} <= set(gates)


def test_every_text_is_there_in_english_and_chinese() -> None:
    texts = [titles for rule in pack().rules.values() for titles in (rule.titles, rule.remedy)]
    texts += [pack().titles, *pack().dimensions.values(), *(heading.titles for heading in pack().headings.values())]
    for text in texts:
        assert re.search("[a-z]", text["en"]), text
        assert not re.search("[一-鿿]", text["en"]), text
        assert re.search("[一-鿿]", text["zh"]), text


def test_all_twenty_headings_are_named_and_their_dimension_is_their_first_letter() -> None:
    assert len(pack().headings) == 20
    assert all(heading.id.startswith(heading.dimension) for heading in pack().headings.values())


def test_every_rule_shows_each_outcome_that_it_can_have() -> None:
    for rule in pack().rules.values():
        shown = {case.outcome for case in rule.cases}
        wanted = {Outcome.SATISFIED, Outcome.NOT_SATISFIED, Outcome.MISSING, Outcome.INCONCLUSIVE}
        if rule.applies is not None:
            wanted.add(Outcome.NOT_APPLICABLE)
        assert wanted <= shown, rule.id


def test_every_case_gives_what_it_says() -> None:
    assert [str(failure) for failure in run_cases(pack())] == []


def test_every_scenario_ends_as_it_says() -> None:
    assert len(pack().scenarios) >= 4
    assert [str(failure) for failure in run_scenarios(pack())] == []


def test_a_rule_stands_in_the_file_of_its_id_in_the_folder_of_its_heading() -> None:
    files = {path.stem: path.parent.name for path in FOLDER.rglob("*.yaml") if ".scenario" not in path.name}
    del files["pack"]
    assert files == {rule.id: rule.heading for rule in pack().rules.values()}


def test_the_pack_says_that_it_is_not_official() -> None:
    assert "not official" in pack().titles["en"]
    assert "非官方" in pack().titles["zh"]


def test_the_page_names_every_rule() -> None:
    page = PAGE.read_text(encoding="utf-8")
    missing = [id for id in pack().rules if id not in page and f"-{id.rsplit('-', 1)[1]}" not in page]
    assert not missing
    assert "never official" in page
