"""kill -9 anywhere: every statement arrives exactly once, and the chain is unbroken."""

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.kill_at import POINTS
from tests.e2e.product import House, check_chain, eventually

KILLS = 200
LANES = 4  # the 200 kills run as so many tests side by side
LAUNCHER = (sys.executable, "-m", "tests.e2e.kill_at")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    house.set_up()
    yield house
    house.stop()


def settle(house: House, before: int) -> None:
    """Both run again; wait for news and for the spool to be empty."""
    if house.agent.process is None or house.agent.process.poll() is not None:
        house.agent.start()
    eventually("new statements arrive", lambda: len(house.statements()) >= before + 2)
    eventually("nothing waits", lambda: house.unsent() == 0)
    house.stop()


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_commit_point_nothing_is_lost_or_counted_twice(house: House, point: str) -> None:
    victim = house.agent if point.startswith("agent") else house.collector
    if victim is house.collector:
        house.agent.start()
        house.collector.stop()
    victim.start(*LAUNCHER, point, "1" if "forgotten" in point else "3")
    assert victim.process
    assert victim.process.wait(60) == -9, victim.log.read_text()[-2000:]
    before = len(house.statements())
    victim.start()
    if victim is house.collector:
        house.wait_ready()
    settle(house, before)
    check_chain(house)


@pytest.mark.parametrize("lane", range(LANES))
def test_of_two_hundred_random_kills_none_loses_or_doubles_a_statement(house: House, lane: int) -> None:
    chance = random.Random(lane)
    house.agent.start()
    for _ in range(KILLS // LANES):
        time.sleep(chance.uniform(0.0, 1.2))
        victim = chance.choice((house.agent, house.collector))
        victim.kill()
        victim.start()
    house.collector.kill()
    house.collector.start()
    house.wait_ready()
    settle(house, len(house.statements()))
    statements = check_chain(house)
    assert len(statements) > KILLS // LANES // 4
