"""A derived store that is damaged, or rests on entries that the log lost, is made anew; nobody has to know how."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ccmm_collector.inquiry import Inquiry
from ccmm_collector.judge import only_judge
from ccmm_collector.log import EvidenceLog
from ccmm_collector.projection import FILE
from ccmm_collector.rebuild import rebuild
from ccmm_collector.verdict_store import FILE as VERDICTS
from ccmm_proto.errors import BadConfig
from tests.unit.collector.chapters import Agent, append, hour
from tests.unit.collector.worlds import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.tell(hour(1), 5.0)
    made.settle(hour(1) + 5000)
    made.log.close()
    yield made
    made.log.close()


def outcome(world: World, at_ms: int) -> object:
    """Asked as a command asks, beside no running judge."""
    world.log = EvidenceLog.open(world.folder, clock=world.clock)
    world.clock.now = at_ms
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EvidenceLog, "open", lambda *_, **__: world.log)
        Inquiry.open(world.folder).__exit__(None, None, None)
    world.log = EvidenceLog.open(world.folder, clock=world.clock)
    return world.outcome(at_ms - 1)


def restore(world: World, backup: Path) -> None:
    shutil.copyfile(backup, world.folder / "log.sqlite")


@pytest.mark.parametrize("refilled", [0, 6])
def test_a_log_restored_from_a_backup_is_judged_anew(world: World, tmp_path: Path, refilled: int) -> None:
    backup = tmp_path / "backup.sqlite"
    shutil.copyfile(world.folder / "log.sqlite", backup)
    world.log = EvidenceLog.open(world.folder, clock=world.clock)
    lost = [world.listed(hour(n), 0.5) for n in range(2, 6)]
    for n, envelope in enumerate(lost):
        world.clock.now = hour(n + 2) + 1000
        append(world.log, envelope)
    world.settle(hour(5) + 2000)
    assert world.outcome(hour(5) + 2000) == "satisfied"
    world.log.close()
    restore(world, backup)
    world.log = EvidenceLog.open(world.folder, clock=world.clock)
    for n in range(refilled):  # others come first, and the log is soon longer than the projection
        append(world.log, Agent(name=f"other-{n}").note(hour(5)))
    world.log.close()
    assert outcome(world, hour(5) + 3000) == "missing"
    world.log.close()
    world.log = EvidenceLog.open(world.folder, clock=world.clock)
    for envelope in lost:
        append(world.log, envelope)
    world.log.close()
    assert outcome(world, hour(5) + 9000) == "satisfied"
    assert not rebuild(world.folder, lambda *_: None).differences


@pytest.mark.parametrize("name", [FILE, VERDICTS])
@pytest.mark.parametrize("whole", [True, False])
def test_a_damaged_store_is_made_anew(world: World, name: str, whole: bool) -> None:
    path = world.folder / name
    content = bytearray(path.read_bytes())
    if whole:
        content[:] = b"no database at all " * 400
    else:
        content[4096:] = bytes(len(content) - 4096)
    path.write_bytes(content)
    with suppress(BadConfig):  # where it is found in the midst of work
        outcome(world, hour(1) + 6000)
    world.log.close()
    assert outcome(world, hour(1) + 6000) == "not_satisfied"
    assert path.with_name(name + ".set-aside").is_file()
    world.log.close()
    assert not rebuild(world.folder, lambda *_: None).differences


def test_rebuild_beside_a_judge_says_what_to_do_with_a_damaged_store(world: World) -> None:
    (world.folder / FILE).write_bytes(b"no database at all " * 400)
    with only_judge(world.folder, wait=False), pytest.raises(BadConfig, match="stop serve"):
        rebuild(world.folder, lambda *_: None)
    assert (world.folder / FILE).is_file()


def test_a_projection_of_another_log_gives_way(world: World, tmp_path: Path) -> None:
    connection = sqlite3.connect(world.folder / FILE)
    with connection:
        connection.execute("UPDATE position SET log_id = 'another'")
    connection.close()
    assert outcome(world, hour(1) + 6000) == "not_satisfied"
