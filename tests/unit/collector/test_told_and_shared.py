"""What one of several judges may not do: know what it was not told, mix two looks, or touch another one's centers."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ccmm_collector.judging import Judge
from ccmm_collector.known import Known
from ccmm_collector.other_judges import Inbox, OtherJudge
from ccmm_collector.packs import activate_pack
from ccmm_collector.project import ALL
from ccmm_collector.shares import News, Share
from ccmm_rules.evidence import Listing
from tests.unit.collector.chapters import Agent, append, hour
from tests.unit.collector.test_other_judges import CENTERS, wired
from tests.unit.collector.worlds import RULE, World, pack_folder


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


def test_a_pack_that_was_not_told_is_not_in_force_yet(world: World, tmp_path: Path) -> None:
    with ExitStack() as stack:
        first, second = both_know_lake(world, stack)
        before, kept, north = second.store.standing("lake"), list[News](), Agent(name="it", center="north")
        first.listeners[:] = [kept.append]
        for number in (3, 9):
            rule = RULE.replace("number > 1.0", f"number > {number}.0")
            activate_pack(world.folder, world.log, pack_folder(tmp_path / str(number), rule))
            world.clock.now += 1000
            append(world.log, north.note())
            first.project()
        assert before is not None
        second.hear(kept[0])
        second.settle(world.clock.now)
        between = second.store.standing("lake")
        assert between is not None
        second.hear(kept[1])
        second.settle(world.clock.now)
        after = second.store.standing("lake")
        assert after is not None
        assert len({standing[2] for standing in (before, between, after)}) == 3


def test_the_first_alone_tells_how_far_another_pack_has_come(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with ExitStack() as stack:
        first, second = both_know_lake(world, stack)
        activate_pack(world.folder, world.log, pack_folder(tmp_path / "newer", RULE.replace("> 1.0", "> 9.0")))
        first.project()
        second.project()
        second.expire(world.clock.now)
        assert "re-judg" not in caplog.text
        first.expire(world.clock.now)
        assert "re-judg" in caplog.text


def test_another_judge_keeps_what_reading_made_but_no_sums_of_days(world: World) -> None:
    with ExitStack() as stack:
        _, second = both_know_lake(world, stack)
        projection = second.projection
        execute = projection.connection.execute
        execute("INSERT INTO tally (series, day_ms, log_index) VALUES (1, ?, 7)", (hour(0),))
        projection.sums.fresh.append((5, 5, 1.0, 0, None, 1, hour(0), 7))
        projection.notes.fresh.append(("lake", b"k" * 16, hour(0), 1, 0, "note"))
        second.tend()
        assert execute("SELECT slots FROM tally WHERE series = 1 AND log_index = 7").fetchall() == [(0,)]
        assert execute("SELECT said FROM day_note").fetchall() == [("note",)]
        assert not second.projection.keep()
