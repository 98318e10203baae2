"""What one of several judges may not do: know what it was not told, mix two looks, or touch another one's centers."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ccmm_collector.judging import Judge
from ccmm_collector.known import Known
from ccmm_collector.other_judges import Inbox, OtherJudge
from ccmm_collector.project import ALL
from ccmm_collector.shares import News, Share
from ccmm_rules.evidence import Listing
from tests.unit.collector.chapters import Agent, hour
from tests.unit.collector.test_other_judges import CENTERS, wired
from tests.unit.collector.worlds import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.agent = Agent(name="it", center="lake")
    yield made
    made.log.close()


def both_know_lake(world: World, stack: ExitStack) -> tuple[Judge, OtherJudge]:
    first, second = wired(world, stack)
    world.tell(hour(1), 0.0)
    first.project()
    second.settle(hour(1) + 2000)
    return first, second


def index_of(judge: Judge, center: str = "lake") -> int:
    """Up to where the center was judged."""
    return judge.store.standings()[center][0]


def test_what_was_not_told_is_not_judged_nor_time_passed_over(world: World) -> None:
    with ExitStack() as stack:
        first, second = both_know_lake(world, stack)
        told, before, kept = second.position, second.store.standing("lake"), list[News]()
        first.listeners[:] = [kept.append]
        world.tell(hour(2), 5.0)
        world.clock.now = hour(9)
        first.project()
        second.expire(hour(9))
        assert second.store.standing("lake") == before
        second.touch({"lake": {ALL}})
        second.judge_center("lake")
        assert index_of(second) == told
        second.hear(kept[0])
        second.settle(hour(9))
        assert index_of(second) == first.position


def test_what_was_not_told_is_not_in_a_judgement_of_its_instant(world: World) -> None:
    with ExitStack() as stack:
        first, second = both_know_lake(world, stack)
        told = second.position
        first.listeners.clear()
        world.tell(hour(1), 5.0, recorded_ms=hour(1) + 1000)  # in the same millisecond as the one before
        first.project()
        second.touch({"lake": {ALL}})
        second.judge_center("lake")
        assert index_of(second) == told


def test_a_judge_that_starts_believes_what_it_is_told(world: World) -> None:
    with ExitStack() as stack:
        first, second = both_know_lake(world, stack)
        told = News(second.position, {}, acts=False)
        world.tell(hour(2), 5.0)
        first.project()
        late = stack.enter_context(OtherJudge(world.folder, world.log, Share(1, 2), Inbox(), told))
        assert late.position == told.position
        assert not late.judge_arrivals()


def test_a_judgement_is_one_look(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as stack:
        first, second = both_know_lake(world, stack)
        same: list[bool] = []
        listings = Known.listings

        def while_more_comes(known: Known, kind: str) -> list[Listing]:
            before = second.projection.position
            world.tell(hour(2), 5.0)
            first.project()
            same.append(second.projection.position == before)
            return list(listings(known, kind))

        monkeypatch.setattr(Known, "listings", while_more_comes)
        second.touch({"lake": {ALL}})
        second.judge_center("lake")
        assert set(same) == {True}


def test_what_is_due_and_what_a_start_finds_is_shared_too(world: World) -> None:
    for center in CENTERS:
        world.agent = Agent(name="it", center=center)
        world.tell(hour(1), 0.0)
    with Judge(world.folder, world.log) as whole:
        whole.project()
    with ExitStack() as stack:
        first, second = wired(world, stack)
        first.settle(hour(1) + 2000)
        assert set(first.store.standings()) == {"north", "south"}
        second.settle(hour(1) + 2000)
        before = {center: first.store.standing(center) for center in CENTERS}
        world.clock.now = hour(9)
        first.settle(hour(9))
        after = {center: first.store.standing(center) for center in CENTERS}
        assert {center for center in CENTERS if before[center] != after[center]} == {"north", "south"}
