"""The pack cc_cmm on whole centers in memory: what three ages of a good one reach, and what each trick costs."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path

import pytest

from ccmm_rules.evaluate import judge
from ccmm_rules.evidence import Entry, Happening
from ccmm_rules.level import LevelResult, level_of
from ccmm_rules.load import load_pack
from ccmm_rules.model import Outcome, Pack
from ccmm_rules.verdict import Verdict
from tests.unit.rules.center_facts import AGENTS, LEAVER, NOW, SCOPE, Sources, ago, evidence_of, ms
from tests.unit.rules.good_center import good_center

FOLDER = Path(str(resources.files("ccmm_rules"))) / "packs" / "cc_cmm"


# The center of these tests has a switch, a recorder, doors, a directory and some tables: the rules that these feed.
FED = """
    D-CUL-01 D-EMG-01 D-EMG-04 D-EMG-05 D-EMG-08 D-EMG-11 D-EMG-17 D-EMG-21 D-EMG-22 D-ENV-02 D-ENV-08
    D-IMP-01 D-INF-06 D-SEC-01 D-SEC-02 D-SEC-03 D-SEC-06 D-SEC-07 D-SEC-08 D-SEC-09 D-SEC-10 D-SYS-03
    D-SYS-05 D-SYS-06 E-HRM-02 E-HRM-03 E-OPS-08 E-PRO-04 I-STR-01 I-TOO-01 M-DAT-02 M-DAT-03 M-DAT-04
    M-KPI-01 M-KPI-02 M-KPI-03 M-KPI-04 M-KPI-09 M-RES-02 O-DSC-04 O-DSC-07 O-USC-02
"""


@cache
def pack() -> Pack:
    whole = load_pack(FOLDER)
    return replace(whole, rules={id: rule for id, rule in whole.rules.items() if id in FED.split()})


def verdicts_of(sources: Sources, only: str | None = None) -> dict[str, Verdict]:
    return judge(pack(), evidence_of(sources), ms(NOW), rules=[only] if only else None)


def level_reached(sources: Sources) -> LevelResult:
    evidence = evidence_of(sources)
    return level_of(pack(), judge(pack(), evidence, ms(NOW)), evidence, ms(NOW))


def below(verdicts: dict[str, Verdict], level: int) -> set[str]:
    """Rules up to the level that do not reach it."""
    return {id for id, verdict in verdicts.items() if pack().rules[id].level <= level and verdict.reached < level}


def test_a_good_center_of_26_months_satisfies_every_rule_up_to_the_third_level() -> None:
    assert below(verdicts_of(good_center(26.3)), 3) == set()


def test_it_is_too_young_for_the_fourth() -> None:
    assert "D-SYS-06" in below(verdicts_of(good_center(26.3)), 4)


def test_after_8_months_the_second_level_is_reached_and_the_gates_of_the_third_are_not() -> None:
    verdicts = verdicts_of(good_center(8))
    assert below(verdicts, 2) == set()
    assert below(verdicts, 3) == {"D-EMG-21", "D-EMG-22", "D-SYS-05", "E-HRM-03", "M-RES-02"}
    assert verdicts["D-SYS-05"].outcome == Outcome.INCONCLUSIVE


def test_after_2_months_the_first_level_is_reached() -> None:
    assert below(verdicts_of(good_center(2)), 1) == set()


def test_after_2_months_the_drills_and_tickets_of_half_a_year_cannot_be_shown() -> None:
    assert below(verdicts_of(good_center(2)), 2) == {"D-EMG-22", "E-OPS-08", "O-DSC-07", "O-USC-02"}


def test_nothing_is_satisfied_before_anything_was_seen() -> None:
    verdicts = judge(pack(), evidence_of({}, {}), ms(NOW))
    assert {verdict.outcome for verdict in verdicts.values()} == {Outcome.MISSING}


def test_a_day_and_three_days_of_silence_leave_no_rule_on_the_switch_or_the_doors_satisfied() -> None:
    later = ms(NOW) + 4 * 86_400_000
    verdicts = judge(pack(), evidence_of(good_center(26.3)), later)
    heard = {"D-SEC-09", "D-SEC-10", "D-ENV-02", "D-ENV-08", "M-DAT-03", "M-KPI-01", "D-SYS-05", "E-OPS-08"}
    assert {verdicts[id].outcome for id in heard} == {Outcome.MISSING}


@pytest.mark.parametrize(("months", "level"), [(26.3, 3), (8, 2)])
def test_the_level_follows_from_the_months_of_good_history_and_is_provisional(months: float, level: int) -> None:
    result = level_reached(good_center(months))
    assert result.level == level
    assert result.provisional


def test_one_open_account_of_a_leaver_costs_every_level() -> None:
    sources = good_center(26.3)
    enable("account")(sources)
    result = level_reached(sources)
    assert result.level == 0
    assert [(obstacle.condition, obstacle.subject) for obstacle in result.held_down_by] == [("gate", "D-SEC-09")]


def enable(kind: str) -> Callable[[Sources], None]:
    def spoil(sources: Sources) -> None:
        entries = sources["directory" if kind == "account" else "doors"].entries[kind]
        entries[:] = [
            Entry(key=entry.key, attributes={**entry.attributes, "enabled": True})
            if entry.attributes.get("person") == LEAVER
            else entry
            for entry in entries
        ]

    return spoil


def lose(source: str, kind: str, every: int) -> Callable[[Sources], None]:
    def spoil(sources: Sources) -> None:
        rows = sources[source].rows[kind]
        rows[:] = [row for index, row in enumerate(rows) if index % every]

    return spoil


def change(source: str, kind: str, alter: Callable[[int, Happening], Happening]) -> Callable[[Sources], None]:
    def spoil(sources: Sources) -> None:
        rows = sources[source].rows[kind]
        rows[:] = [alter(index, row) for index, row in enumerate(rows)]

    return spoil


def with_attributes(row: Happening, **more: int | bool | str) -> Happening:
    return replace(row, attributes={**row.attributes, **more})


def log_in_after_leaving(sources: Sources) -> None:
    sources["pbx"].happen("session", LEAVER, ago(3), system="acd", person=LEAVER)


def enter_after_leaving(sources: Sources) -> None:
    sources["doors"].happen("passage", 5000 + LEAVER, ago(3), person=LEAVER, result="open", direction="in")


def answer_as_nobody(sources: Sources) -> None:
    sources["pbx"].happen("call", 99_999, ago(3), system="acd", queue="sales", agent=666, answered=True, required=False)


def forget_the_newcomer(sources: Sources) -> None:
    rows = sources["training"].rows["training"]
    rows[:] = [row for row in rows if row.id != f"onboarding-{AGENTS[0]}"]
    people = sources["hr"].entries["person"]
    people[:] = [
        Entry(key=entry.key, attributes={**entry.attributes, "joined": ago(40)}) if entry.key == AGENTS[0] else entry
        for entry in people
    ]


def open_with_a_shared_card(sources: Sources) -> None:
    rows = sources["doors"].rows["passage"]
    rows[0] = with_attributes(rows[0], badge_class="shared")


def hide_a_queue(sources: Sources) -> None:
    for measure, rows in sources["pbx"].measures.items():
        if measure.startswith("calls_"):
            rows[:] = [row for row in rows if ("queue", "sales") not in row.dimensions]


def second_account(sources: Sources) -> None:
    sources["directory"].enter("account", 1, system="directory", person=AGENTS[0], enabled=True, service=False)


def drop_at_once(sources: Sources) -> None:
    rows = sources["pbx"].measures["agent_short_calls"]
    rows[:] = [row._replace(count=4) if row.dimensions == (("agent", str(AGENTS[0])),) else row for row in rows]


def forge_a_drill(sources: Sources) -> None:
    sources["drills"].happen(
        "exercise", "evacuation-x", ago(20, 18), **{"class": "evacuation"}, passed=True, minutes=3.0
    )


TRICKS: dict[str, tuple[str, Callable[[Sources], None]]] = {
    "a leaver's account stays enabled": ("D-SEC-09", enable("account")),
    "a leaver logs in": ("D-SEC-09", log_in_after_leaving),
    "a leaver's badge stays enabled": ("D-SEC-10", enable("badge")),
    "a leaver enters": ("D-SEC-10", enter_after_leaving),
    "every tenth recording is lost": ("M-DAT-03", lose("recorder", "recording", 10)),
    "every tenth recording is empty": (
        "M-DAT-03",
        change("recorder", "recording", lambda index, row: with_attributes(row, playable=bool(index % 10))),
    ),
    "recordings end early": (
        "M-DAT-03",
        change("recorder", "recording", lambda _, row: with_attributes(row, length=60)),
    ),
    "recordings without a call": ("M-DAT-03", lose("pbx", "call", 10)),
    "every fifth call has no ticket": ("M-DAT-04", lose("tickets", "contact", 5)),
    "agents do not pass the door": ("D-ENV-08", lose("doors", "passage", 2)),
    "someone unknown answers": ("E-HRM-02", answer_as_nobody),
    "a newcomer has no exam": ("E-HRM-03", forget_the_newcomer),
    "a door opens to a shared card": ("D-ENV-02", open_with_a_shared_card),
    "a queue is no longer counted": ("M-DAT-02", hide_a_queue),
    "someone has two accounts": ("D-SEC-06", second_account),
    "a drill that nobody took part in": ("D-EMG-22", forge_a_drill),
    "calls are dropped at once": (
        "M-KPI-09",
        drop_at_once,
    ),
}


@pytest.mark.parametrize("trick", sorted(TRICKS))
def test_a_trick_is_seen_by_the_rule_made_for_it(trick: str) -> None:
    rule, spoil = TRICKS[trick]
    sources = good_center(8)
    spoil(sources)
    assert verdicts_of(sources, rule)[rule].outcome == Outcome.NOT_SATISFIED


@pytest.mark.parametrize("unanswered", sorted(SCOPE))
def test_a_scope_question_without_an_answer_leaves_its_rules_missing(unanswered: str) -> None:
    profile = {name: value for name, value in SCOPE.items() if name != unanswered}
    months = 26.3 if unanswered.startswith("target.") else 8  # four quarters of a figure
    verdicts = judge(pack(), evidence_of(good_center(months), profile), ms(NOW))
    assert any(Outcome.MISSING in verdict.outcomes.values() for verdict in verdicts.values())
