"""Two judges of one folder, each with its share: whatever the order of their turns, as if there were one."""

import os
import random
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from ccmm_collector.judge import only_judge
from ccmm_collector.judging import Judge
from ccmm_collector.other_judges import DAMAGED, Inbox, OtherJudge, OtherJudges
from ccmm_collector.packs import activate_pack
from ccmm_collector.rebuild import rebuild
from ccmm_collector.shares import News, Share
from ccmm_collector.verdict_store import FILE as VERDICTS
from ccmm_proto.period import HOUR_MS
from tests.unit.collector.chapters import Agent, append, hour
from tests.unit.collector.worlds import RULE, World, pack_folder

CENTERS = ("north", "south", "lake", "mill")  # two of each share
Essence = dict[tuple[str, str], bytes]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.log.close()


def essences(folder: Path) -> Essence:
    """Of each center's rule what its verdict concludes and saw."""
    with sqlite3.connect(folder / VERDICTS) as connection:
        return {(row[0], row[1]): row[2] for row in connection.execute("SELECT center, rule, essence FROM current")}


def wired(world: World, stack: ExitStack) -> tuple[Judge, OtherJudge]:
    """Both judges; what the first projects is told to the second through the form that a pipe carries."""
    first = stack.enter_context(Judge(world.folder, world.log, share=Share(0, 2)))
    share, inbox = Share(1, 2), Inbox()
    second = OtherJudge(world.folder, world.log, share, inbox, News(first.position, {}, acts=False))
    first.listeners.append(lambda news: inbox.put(News.of_line(news.of_share(share).line())))
    return first, stack.enter_context(second)


@pytest.mark.parametrize("seed", range(12))
def test_two_judges_come_to_what_one_comes_to(
    world: World, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccmm_collector.pace.CALM_SECONDS", 0.0)
    chance = random.Random(seed)
    agents = [Agent(name="it", center=center) for center in CENTERS]
    with ExitStack() as stack:
        both = wired(world, stack)
        for number in range(30):
            world.agent, now_ms = chance.choice(agents), hour(1) + number * HOUR_MS // 3
            world.tell(now_ms, chance.choice((0.0, 5.0)))
            if number == 15:
                pack = pack_folder(tmp_path / "newer", RULE.replace("number > 1.0", "number > 9.0"))
                activate_pack(world.folder, world.log, pack)
            for judge in chance.choices(both, k=3):
                chance.choice((judge.project, judge.judge_arrivals, partial(judge.expire, now_ms)))()
        end_ms = world.clock.now = hour(14)
        for judge in both:
            judge.settle(end_ms)
    found = essences(world.folder)
    assert {center for center, _ in found} == set(CENTERS)
    assert rebuild(world.folder, lambda *_: None).differences == []
    for path in world.folder.glob(VERDICTS + "*"):
        path.unlink()
    world.settle(end_ms)
    assert essences(world.folder) == found


def test_each_judges_its_own_centers_alone(world: World) -> None:
    with ExitStack() as stack:
        both = wired(world, stack)
        for center in CENTERS:
            world.agent = Agent(name="it", center=center)
            world.tell(hour(1), 0.0)
        first, second = both
        first.settle(hour(1) + HOUR_MS // 2)
        assert set(first.store.standings()) == {"north", "south"}
        second.settle(hour(1) + HOUR_MS // 2)
        assert set(first.store.standings()) == set(CENTERS)


def test_nothing_is_judged_before_it_was_told(world: World) -> None:
    world.agent = Agent(name="it", center="lake")
    with ExitStack() as stack:
        first, second = wired(world, stack)
        held_back: list[News] = []
        first.listeners[:] = [held_back.append]
        world.tell(hour(1), 0.0)
        first.project()
        second.settle(hour(9))
        assert second.store.standing("lake") is None
        second.hear(held_back[0])
        second.settle(hour(9))
        standing = second.store.standing("lake")
        assert standing is not None
        assert standing[1] == first.position


def test_what_the_first_writes_meanwhile_is_not_seen_inside_a_look(world: World) -> None:
    with ExitStack() as stack:
        first, second = wired(world, stack)
        before = second.projection.position
        with second.projection.snapshot():
            assert second.projection.position == before
            world.tell(hour(1), 0.0)
            first.project()
            assert second.projection.position == before
        assert second.projection.position == first.position > before


def test_a_slow_judge_hears_everything_at_once() -> None:
    inbox = Inbox()
    reading, writing = os.pipe()
    for position in range(3):
        os.write(writing, News(position, {f"c{position}": {"call"}, "c": {str(position)}}, acts=position == 1).line())
    os.close(writing)
    inbox.read(reading)
    os.close(reading)
    assert inbox.ended.is_set()
    feeds = {"c0": {"call"}, "c1": {"call"}, "c2": {"call"}, "c": {"0", "1", "2"}}
    assert inbox.take() == News(2, feeds, acts=True)
    assert inbox.take() is None


@pytest.mark.parametrize(("status", "damaged"), [(0, False), (1, False), (DAMAGED, True)])
def test_one_that_ends_is_noticed_and_what_it_is_told_is_lost_without_harm(
    world: World, status: int, *, damaged: bool
) -> None:
    program = [sys.executable, "-c", f"raise SystemExit({status})"]
    with only_judge(world.folder, wait=False) as lock, Judge(world.folder, world.log, share=Share(0, 2)) as first:
        assert lock
        with OtherJudges(world.folder, lock, first, program) as others:
            os.waitid(os.P_PID, others.pids[0], os.WEXITED | os.WNOWAIT)
            append(world.log, Agent(name="it", center="lake").note())
            assert first.project()
            if damaged:
                with pytest.raises(sqlite3.DatabaseError):
                    others.are_well()
            else:
                assert not others.are_well()


def test_one_that_does_not_end_is_killed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccmm_collector.other_judges.STOP_SECONDS", 0.2)
    program = [sys.executable, "-c", "import time; time.sleep(600)"]
    with only_judge(world.folder, wait=False) as lock, Judge(world.folder, world.log, share=Share(0, 3)) as first:
        assert lock
        with OtherJudges(world.folder, lock, first, program) as others:
            assert (len(others.pids), others.are_well()) == (2, True)
        assert not others.are_well()
