"""Whose turn it is: which centers and rules an arrival or a start makes due."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pytest

from ccmm_collector.judging import Judge
from ccmm_rules.evaluate import judge as judge_rules
from ccmm_rules.evidence import Evidence
from ccmm_rules.model import Pack
from ccmm_rules.verdict import Verdict
from tests.unit.collector.chapters import Agent, append, hour
from tests.unit.collector.worlds import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.log.close()


def test_a_burst_is_judged_about_once_a_second(world: World) -> None:
    judge = Judge(world.folder, world.log)
    judged = 0
    for number in range(30):
        world.tell(hour(1) + number, 0.0)
        judge.project()
        judged += judge.judge_arrivals()
    assert judged == 1
    judge.close()


def judged_rules(world: World, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Collection[str] | None]]:
    """Center and rules asked for, of each judgement from now on; None stands for all."""
    asked: list[tuple[str, Collection[str] | None]] = []

    def noted(
        pack: Pack, evidence: Evidence, at_ms: int, rules: Collection[str] | None, held: Mapping[str, Verdict]
    ) -> object:
        asked.append((evidence.center, rules))
        return judge_rules(pack, evidence, at_ms, rules, held)

    monkeypatch.setattr("ccmm_collector.judging.judge_rules", noted)
    return asked


def test_a_center_waits_for_those_that_waited_longer_and_for_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = judged_rules(world, monkeypatch)
    monkeypatch.setattr("ccmm_collector.judging.BATCH_SECONDS", 0.0)
    judge = Judge(world.folder, world.log)
    while judge.project() or judge.judge_arrivals():
        pass
    asked.clear()
    for center in ("west", "east"):
        append(world.log, Agent(name="it", center=center).run((hour(0), hour(1)), source="s", feeds=("setting",)))
        judge.project()
    judge.judge_arrivals()
    append(world.log, Agent(name="it", center="aaa").run((hour(0), hour(1)), source="s", feeds=("setting",)))
    judge.project()
    judge.judge_arrivals()
    assert [center for center, _ in asked] == ["west", "east"]
    judge.close()


def test_a_restart_judges_no_more_than_what_arrived_unless_it_brought_a_hole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.tell(hour(1), 0.0)
    world.settle(hour(1) + 5000)
    asked = judged_rules(world, monkeypatch)
    world.tell(hour(2), 0.0)
    world.settle(hour(2) + 5000)
    world.listed(hour(3), 0.0)  # never sent
    world.tell(hour(3), 0.0)
    world.settle(hour(3) + 5000)
    world.tell(hour(4), 0.0)
    world.settle(hour(4) + 5000)
    assert asked == [("north", ["D-SEC-90"]), ("north", None), ("north", ["D-SEC-90"])]


def test_other_code_judges_every_center_anew_at_the_instant_at_which_it_stands(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.tell(hour(1), 0.0)
    world.settle(hour(1) + 5000)
    world.settle(hour(20))  # by then it ran out
    before = world.history()
    asked = judged_rules(world, monkeypatch)
    world.settle(hour(20) + 1000)
    assert not asked
    monkeypatch.setattr("ccmm_collector.judging.engine_digest", lambda: "another")
    world.settle(hour(20) + 2000)
    world.settle(hour(20) + 3000)
    assert asked == [("north", None)]
    assert world.history() == before
    judge = Judge(world.folder, world.log)
    standing = judge.store.standing("north")
    assert standing is not None
    assert standing[0] == before[-1][0] > hour(2)
    assert judge.store.judged_by_others("another") == set()
    judge.close()


def test_a_crash_between_projecting_and_judging_is_caught_up(world: World) -> None:
    world.tell(hour(1), 0.0)
    judge = Judge(world.folder, world.log)
    judge.project()
    judge.close()
    world.settle(hour(1) + 5000)
    assert world.history() == [(hour(1) + 1000, "satisfied")]
