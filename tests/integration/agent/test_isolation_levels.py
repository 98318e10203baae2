"""How well readers are isolated is stated as it is, and a reader lives and dies with its agent."""

import ctypes
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ccmm_agent import isolation, landlock, seccomp
from ccmm_agent.fence import Fence
from ccmm_agent.isolation import exposed
from ccmm_agent.plugin import Manifest
from ccmm_proto.v1.statement_pb2 import (
    ISOLATION_LANDLOCK,
    ISOLATION_LANDLOCK_AND_ACCOUNT,
    ISOLATION_NONE,
    OBSERVED,
)
from tests.support.kernel import needs_landlock
from tests.support.processes import dies, reader_that_stays
from tests.support.reading_hostile import hostile, read


def test_isolation_is_stated_as_it_is() -> None:
    expected = ISOLATION_LANDLOCK if landlock.abi() else ISOLATION_NONE
    assert read(hostile("fine")).isolation == expected
    assert read(hostile("exit")).isolation == expected


@needs_landlock
def test_another_account_than_the_agents_is_stated_as_the_higher_level() -> None:
    code = (
        "import os; from ccmm_agent.fence import Fence, python_folders; from ccmm_agent.isolation import isolate;"
        "from ccmm_agent.plugin import Manifest; nothing = Manifest();"
        "print(isolate(nothing, Fence.around(nothing, python_folders()), os.geteuid() + {other}))"
    )
    levels = [
        subprocess.run(
            [sys.executable, "-c", code.format(other=other)], capture_output=True, check=True, text=True
        ).stdout.strip()
        for other in (0, 1)
    ]
    assert levels == [str(ISOLATION_LANDLOCK), str(ISOLATION_LANDLOCK_AND_ACCOUNT)]


@needs_landlock
def test_a_second_account_reads_in_its_own_name() -> None:
    if os.geteuid() != 0 or not is_open_to_all(Path(sys.executable).resolve()):
        pytest.skip("needs root, and an interpreter that the second account can start")
    reading = read(replace(hostile("fine"), account="nobody"))
    assert (reading.outcome, reading.isolation) == (OBSERVED, ISOLATION_LANDLOCK_AND_ACCOUNT)


def test_without_landlock_the_level_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "abi", lambda: 0)
    assert isolation.landlocked(Fence.around(Manifest(), ()), set()) == ISOLATION_NONE


def test_folders_around_within_and_linked_to_a_protected_one_expose_it(tmp_path: Path) -> None:
    agent = tmp_path / "agent"
    (agent / "keys").mkdir(parents=True)
    (tmp_path / "link").symlink_to(agent)
    for folder in (tmp_path, agent, agent / "keys", tmp_path / "link"):
        assert exposed(Fence.around(Manifest(folders=(folder,)), ()), (agent,)) == agent
    assert exposed(Fence.around(Manifest(files=(agent / "keys" / "k",)), ()), (agent,)) == agent
    assert exposed(Fence.around(Manifest(folders=(tmp_path / "agent2",)), ()), (agent,)) is None


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_jump_of_the_filter_lands_inside_it(machine: str) -> None:
    code = seccomp.program(machine, 4711, unix_sockets=True)
    steps = [code[at : at + 8] for at in range(0, len(code), 8)]
    for at, step in enumerate(steps):
        kind, if_true, if_false = int.from_bytes(step[:2], "little"), step[2], step[3]
        if kind in (0x15, 0x35):
            assert at + 1 + max(if_true, if_false) < len(steps)
    assert steps[-1][:2] == b"\x06\x00"


def test_an_unknown_processor_gets_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "_ARCHES", {})
    assert seccomp.install(unix_sockets=False) is False
    assert ctypes.CDLL(None).prctl(21, 0, 0, 0, 0) == 0  # PR_GET_SECCOMP: this process is not filtered


def test_a_reading_is_finished_although_the_service_is_asked_to_stop() -> None:
    assert read(hostile("terminated")).outcome == OBSERVED


def test_a_killed_agent_leaves_no_reader_behind() -> None:
    code = "from tests.support.reading_hostile import hostile, read; read(hostile('hang'), seconds=60)"
    root = Path(__file__).parents[3]
    with subprocess.Popen([sys.executable, "-c", code], cwd=root) as agent:
        try:
            reader = reader_that_stays(agent.pid)
        finally:
            agent.kill()
    assert dies(reader)


def test_a_protected_process_leaves_no_core_and_opens_its_memory_to_nobody() -> None:
    code = (
        "import ctypes; from ccmm_agent.isolation import protect_this_process as protect;"
        "get = lambda: ctypes.CDLL(None).prctl(3, 0, 0, 0, 0); before = get(); protect(); print(before, get())"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert printed.stdout.split() == ["1", "0"]


def is_open_to_all(path: Path) -> bool:
    """Whether everybody may go down to it."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents, *Path(__file__).resolve().parents))
