import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ccmm_collector import judge
from ccmm_collector.log import EvidenceLog
from ccmm_collector.packs import BUILT_IN, activate_pack, built_in
from ccmm_collector.projection import FILE, Projection
from ccmm_collector.verdict_store import FILE as VERDICTS
from ccmm_collector.verdict_store import VerdictStore
from tests.unit.collector.chapters import Agent, append


def until(what: Callable[[], bool], seconds: float = 60.0) -> float:
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, "not in time"
        time.sleep(0.02)
    return time.monotonic() - began


def standing(folder: Path, center: str) -> bool:
    if not (folder / VERDICTS).is_file():
        return False
    store = VerdictStore.open(folder, readonly=True)
    try:
        return store.standing(center) is not None
    except sqlite3.OperationalError:  # the file is there, its tables are not yet
        return False
    finally:
        store.close()


def is_free(folder: Path) -> bool:
    with judge.only_judge(folder, wait=False) as mine:
        return mine is not None


def test_the_judge_puts_the_built_in_pack_in_force_and_judges_what_arrives(tmp_path: Path) -> None:
    log = EvidenceLog.create(tmp_path)
    judging = judge.start(tmp_path, log)
    try:
        until(lambda: log.size() == 1)
        append(log, Agent().note())
        until(lambda: standing(tmp_path, "north"))
        append(log, Agent(center="south").note())
        assert until(lambda: standing(tmp_path, "south")) < 2.0
        assert not is_free(tmp_path)
    finally:
        judging.stop()
    assert is_free(tmp_path)
    projection = Projection.open(tmp_path, log_id=log.log_id, readonly=True, file=FILE)
    activation = projection.activation(projection.position)
    assert activation is not None
    assert activation[0] == BUILT_IN
    projection.close()
    log.close()


def test_a_judge_that_dies_is_started_again(tmp_path: Path) -> None:
    log = EvidenceLog.create(tmp_path)
    judging = judge.start(tmp_path, log)
    try:
        until(lambda: log.size() == 1)
        first = judging.pid
        os.kill(first, signal.SIGKILL)
        append(log, Agent().note())
        until(lambda: standing(tmp_path, "north"))
        assert judging.pid != first
        assert log.size() == 2  # the pack is not activated twice
    finally:
        judging.stop()
        log.close()


def test_the_judge_ends_when_its_serve_was_killed(tmp_path: Path) -> None:
    EvidenceLog.create(tmp_path).close()
    script = (
        "import sys, time, pathlib\n"
        "from ccmm_collector.judge import start\n"
        "from ccmm_collector.log import EvidenceLog\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "start(folder, EvidenceLog.open(folder))\n"
        "time.sleep(600)\n"
    )
    serve = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)])
    try:
        until(lambda: standing_or_pack(tmp_path))
        assert not is_free(tmp_path)
    finally:
        serve.kill()
        serve.wait()
    until(lambda: is_free(tmp_path))


def standing_or_pack(folder: Path) -> bool:
    return (folder / "packs").is_dir() and any((folder / "packs").iterdir())


def test_a_judge_killed_between_two_packs_leaves_each_center_whole_and_goes_on(tmp_path: Path) -> None:
    folder, names = tmp_path / "collector", [f"c{number:02}" for number in range(16)]
    folder.mkdir()
    log = EvidenceLog.create(folder)
    first = activate_pack(folder, log, built_in())
    for name in names:
        append(log, Agent(center=name).note())
    judging = judge.start(folder, log)
    try:
        until(lambda: by_pack(folder, first.digest) == len(names), 120.0)
        held = verdicts(folder)
        newer = tmp_path / "newer"
        shutil.copytree(built_in(), newer)
        text = (newer / "pack.yaml").read_text("utf-8").replace('version: "', 'version: "9')
        (newer / "pack.yaml").write_text(text, "utf-8")
        second = activate_pack(folder, log, newer)
        until(lambda: by_pack(folder, second.digest) >= 3, 60.0)
        os.kill(judging.pid, signal.SIGKILL)
        between = verdicts(folder)
        packs = {name: {pack for pack, _ in rows} for name, rows in between.items()}
        assert all(len(found) == 1 for found in packs.values())  # never a mixture
        assert {first.digest} in packs.values()
        waiting = [name for name in names if packs[name] == {first.digest}]
        assert waiting
        assert all(between[name] == held[name] for name in waiting)
        until(lambda: by_pack(folder, second.digest) == len(names), 120.0)
        assert {len(rows) for rows in verdicts(folder).values()} == {len(second.rules)}
    finally:
        judging.stop()
        log.close()


def by_pack(folder: Path, digest: str) -> int:
    """How many centers were judged by a pack."""
    if not (folder / VERDICTS).is_file():
        return 0
    store = VerdictStore.open(folder, readonly=True)
    try:
        return sum(1 for _, pack in store.standings().values() if pack == digest)
    except sqlite3.OperationalError:  # the file is there, its tables are not yet
        return 0
    finally:
        store.close()


def verdicts(folder: Path) -> dict[str, list[tuple[str, str]]]:
    """(pack, verdict) of every rule in force, by center, from one look."""
    store = VerdictStore.open(folder, readonly=True)
    try:
        found: dict[str, list[tuple[str, str]]] = {}
        for current in store.all_current():
            found.setdefault(current.center, []).append((current.pack, current.verdict))
        return found
    finally:
        store.close()
