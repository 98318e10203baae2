"""Nonconformities as the commands tell them, from the history that a real judge kept in a real store."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ccmm_collector.projection import connect
from ccmm_collector.verdict_store import FILE, VerdictStore
from tests.unit.collector.chapters import hour
from tests.unit.collector.test_judge_commands import document, run
from tests.unit.collector.worlds import RULE, World

BAD = 9.0
GOOD = 0.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Bad from 02:00:01 on, heard of for the last time at 05:00, and of a grace of one hour."""
    made = World(tmp_path, RULE.replace("fresh_for: 2h", "fresh_for: 2h\ngrace: 1h"))
    for number, setting in ((1, GOOD), (2, BAD), (3, BAD), (4, BAD), (5, BAD)):
        made.tell(hour(number), setting)
        made.settle(hour(number) + 5000)
    yield made
    made.log.close()


def at(number: int, minute: int = 0) -> str:
    return f"2026-01-01T{number:02}:{minute:02}:06Z"


def told(world: World, *words: str, command: str = "verdicts") -> Any:
    return document(command, world.folder, "north", *words)["nonconformities"]


OPEN = {
    "rule": "D-SEC-90",
    "title": {"en": "Every switch setting is safe", "zh": "交换机设置安全"},
    "level": 1,
    "grade": "major",
    "since": "2026-01-01T02:00:01.000+00:00",
    "grace_ended": "2026-01-01T03:00:01.000+00:00",
    "outcome": "not_satisfied",
}


def test_it_opens_when_its_grace_has_ended(world: World) -> None:
    assert told(world, "--at", at(2, 59)) == {
        "major": 0,
        "minor": 0,
        "kept_since": "2026-01-01T01:00:01.000+00:00",
        "open": [],
    }
    found = told(world, "--at", at(3))
    assert (found["major"], found["minor"], found["open"]) == (1, 0, [OPEN])
    assert told(world, "--at", at(3), command="level") == found


def test_silence_does_not_close_it(world: World) -> None:
    world.settle(hour(20))
    found = told(world)
    assert found["open"] == [OPEN | {"outcome": "missing"}]
    text = run("level", world.folder, "north").stdout
    assert "open nonconformities: 1 major (outcomes known since 2026-01-01 01:00Z)" in text
    assert "major D-SEC-90 (L1) Every switch setting is safe" in text
    assert "not satisfied since 2026-01-01 02:00Z, grace ended 2026-01-01 03:00Z; by now missing" in text
    assert "only a satisfied verdict closes a nonconformity" in text


def test_a_satisfied_verdict_closes_it_and_the_past_keeps_it(world: World) -> None:
    world.tell(hour(6), GOOD)
    world.settle(hour(6) + 5000)
    assert told(world, "--at", at(6))["open"] == []
    assert told(world, "--at", at(5))["open"] == [OPEN]
    assert "no nonconformity is open" in run("verdicts", world.folder, "north", "--at", at(6)).stdout


def test_the_list_of_centers_counts_them(world: World) -> None:
    (line,) = document("centers", world.folder, "--at", at(4))["centers"]
    assert line["nonconformities"] == {"major": 1, "minor": 0}
    assert "\t1 major\t" in run("centers", world.folder, "--at", at(4)).stdout
    assert "\t1 严重\t" in run("centers", world.folder, "--at", at(4), "--lang", "zh").stdout


def test_of_other_knowledge_and_of_another_pack_no_history_was_kept(world: World) -> None:
    later = ("--at", at(4), "--known-at", at(5))
    other = ("--at", at(4), "--pack", "emergency_security")
    assert told(world, *later) is None
    assert told(world, *other) is None
    (line,) = document("centers", world.folder, *later)["centers"]
    assert line["nonconformities"] is None
    assert "no nonconformities are told here" in run("level", world.folder, "north", *later).stdout
    assert "此处不列不符合项" in run("verdicts", world.folder, "north", *other, "--lang", "zh").stdout


def test_a_rule_that_is_no_gate_is_minor(tmp_path: Path) -> None:
    world = World(tmp_path, RULE.replace("gate: true\n", ""))
    world.tell(hour(1), BAD)
    world.settle(hour(2))
    found = told(world, "--at", at(1, 30))
    assert (found["major"], found["minor"]) == (0, 1)
    assert "轻微 D-SEC-90 (L1) 交换机设置安全" in run("level", world.folder, "north", "--lang", "zh").stdout
    world.log.close()


def test_a_store_of_an_older_version_tells_the_same(world: World) -> None:
    before = told(world, "--at", at(4))
    connection = connect(world.folder / FILE, readonly=False)
    connection.execute("DROP TABLE turn")
    connection.execute("DELETE FROM _sqlite_migrations WHERE name = 'turns_of_outcomes'")
    connection.close()
    assert told(world, "--at", at(4)) == before


def test_only_changes_of_the_outcome_are_turns(world: World) -> None:
    world.tell(hour(6), BAD, BAD)  # another value, the same outcome
    world.settle(hour(6) + 5000)
    store = VerdictStore.open(world.folder, readonly=True)
    try:
        assert [len(list(store.history("north"))), len(store.turns("north", hour(7))["D-SEC-90"])] == [3, 2]
        assert list(store.turns("north", hour(1) + 2000)) == ["D-SEC-90"]
        assert store.turns("north", hour(1)) == {}
    finally:
        store.close()
