"""Several judges as processes: they share the centers, and whoever is killed, all goes on."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccmm_collector import judge
from ccmm_collector.log import EvidenceLog
from ccmm_collector.shares import Share
from tests.e2e.test_judge_process import is_free, standing, until
from tests.support.processes import is_alive
from tests.unit.collector.chapters import Agent, append

CENTERS = ("north", "south", "lake", "mill")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EvidenceLog]:
    log = EvidenceLog.create(tmp_path)
    yield log
    log.close()


def others_of(pid: int) -> list[int]:
    """The processes that a judge has started."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_each_of_two_judges_its_share_and_both_end_with_serve(tmp_path: Path, log: EvidenceLog) -> None:
    assert {Share(0, 2).has(name) for name in CENTERS} == {True, False}
    judging = judge.start(tmp_path, log, 2)
    try:
        for name in CENTERS:
            append(log, Agent(center=name).note())
        until(lambda: all(standing(tmp_path, name) for name in CENTERS))
        (other,) = others_of(judging.pid)
        assert not is_free(tmp_path)
    finally:
        judging.stop()
    assert not is_alive(other)
    assert is_free(tmp_path)


@pytest.mark.parametrize("victim", ["first", "other"])
def test_one_that_is_killed_is_started_again_with_all_the_others(tmp_path: Path, log: EvidenceLog, victim: str) -> None:
    judging = judge.start(tmp_path, log, 2)
    try:
        append(log, Agent(center="lake").note())
        until(lambda: standing(tmp_path, "lake"))
        first = judging.pid
        (other,) = others_of(first)
        os.kill({"first": first, "other": other}[victim], signal.SIGKILL)
        for name in ("south", "mill"):
            append(log, Agent(center=name).note())
        until(lambda: standing(tmp_path, "south") and standing(tmp_path, "mill"))
        assert judging.pid != first
        assert not is_alive(other)
    finally:
        judging.stop()
    assert is_free(tmp_path)
