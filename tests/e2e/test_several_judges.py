"""Several judges as processes: they share the centers, and whoever is killed, all goes on."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ccmm_collector import judge
from ccmm_collector.judging import Judge
from ccmm_collector.log import EvidenceLog
from ccmm_collector.other_judges import DAMAGED
from ccmm_collector.packs import activate_pack, built_in
from ccmm_collector.project import ALL
from ccmm_collector.projection import FILE as PROJECTION
from ccmm_collector.shares import News, Share
from ccmm_collector.verdict_store import FILE as VERDICTS
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


def started(folder: Path, module: str, *words: str) -> "subprocess.Popen[bytes]":
    """A judge's process that ends with its input."""
    command = [sys.executable, "-m", f"ccmm_collector.{module}", str(folder), *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)


def test_nobody_else_may_write_before_the_last_of_them_has_ended(tmp_path: Path, log: EvidenceLog) -> None:
    append(log, Agent(center="lake").note())
    first = started(tmp_path, "judge", "2")
    try:
        until(lambda: standing(tmp_path, "lake"))
        (other,) = others_of(first.pid)
        os.kill(other, signal.SIGSTOP)
    finally:
        first.kill()
        first.communicate()
    assert not is_free(tmp_path)
    os.kill(other, signal.SIGCONT)  # it notices that its input has ended
    until(lambda: is_free(tmp_path))


@contextmanager
def other_told(folder: Path, told: News) -> Iterator["subprocess.Popen[bytes]"]:
    """The second of two judges, as the first one has started it."""
    other = started(folder, "other_judges", "1", "2")
    try:
        assert other.stdin
        other.stdin.write(told.line())
        other.stdin.flush()
        yield other
    finally:
        other.kill()
        other.communicate()


def test_signals_that_reach_all_of_them_are_the_first_ones(tmp_path: Path, log: EvidenceLog) -> None:
    append(log, Agent(center="lake").note())
    with Judge(tmp_path, log) as first:
        activate_pack(tmp_path, log, built_in())
        first.project()
        told = News(first.position, {"lake": {ALL}}, acts=False)
    with other_told(tmp_path, told) as other:
        until(lambda: standing(tmp_path, "lake"))
        for number in (signal.SIGTERM, signal.SIGINT):
            other.send_signal(number)
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(1)
        assert other.stdin
        other.stdin.close()
        assert other.wait(10) == 0
        other.stdin = None  # for `communicate`


@pytest.mark.parametrize("damaged", [PROJECTION, VERDICTS, "log.sqlite"])
def test_one_that_meets_a_damaged_store_says_so_by_its_exit_code(
    tmp_path: Path, log: EvidenceLog, damaged: str
) -> None:
    with Judge(tmp_path, log) as first:
        told = News(first.position, {}, acts=False)
    log.close()
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"{damaged}{suffix}").unlink(missing_ok=True)
    (tmp_path / damaged).write_bytes(b"no database " * 1000)
    with other_told(tmp_path, told) as other:
        assert other.wait(30) == DAMAGED


def test_one_that_finds_no_log_ends_without_naming_damage(tmp_path: Path) -> None:
    with other_told(tmp_path / "elsewhere", News(0, {}, acts=False)) as other:
        assert other.wait(30) == 1
