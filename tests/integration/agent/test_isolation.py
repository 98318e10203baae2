"""A hostile plugin reaches nothing: not past the fence in Python, and not when it tears the fence down."""

import ctypes
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ccmm_agent import isolation, landlock, seccomp
from ccmm_agent.fence import Fence
from ccmm_agent.isolation import exposed
from ccmm_agent.plugin import Manifest
from ccmm_proto.reasons import Reason
from ccmm_proto.v1.statement_pb2 import (
    ISOLATION_LANDLOCK,
    ISOLATION_LANDLOCK_AND_ACCOUNT,
    ISOLATION_NONE,
    OBSERVED,
    UNAVAILABLE,
)
from tests.support.reading_hostile import hostile, read

needs_landlock = pytest.mark.skipif(landlock.abi() == 0, reason="this kernel has no Landlock")
needs_ports = pytest.mark.skipif(landlock.abi() < 4, reason="this kernel's Landlock knows no ports (ABI below 4)")
needs_filter = pytest.mark.skipif(
    os.uname().machine not in ("x86_64", "aarch64"), reason="system calls are not filtered on this processor"
)
FENCED = pytest.mark.parametrize("torn", [False, True], ids=["fence", "torn fence"])


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A secret of the agent, as its own files are: 0600."""
    path = tmp_path / "keys" / "evidence.key"
    path.parent.mkdir()
    path.write_text("secret")
    path.chmod(0o600)
    return path


@pytest.fixture
def listener() -> Iterator[int]:
    """The port of something that listens on loopback."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def assert_denied(do: str, **options: str | int | list[str] | Path) -> None:
    """As a source that cannot look; the agent, which asks the next one, goes on."""
    reading = read(hostile(do, (), **options))
    assert (reading.outcome, reading.reason) == (UNAVAILABLE, Reason.REFUSED), reading.detail
    assert reading.observations == []


def test_isolation_is_stated_as_it_is() -> None:
    expected = ISOLATION_LANDLOCK if landlock.abi() else ISOLATION_NONE
    assert read(hostile("fine")).isolation == expected
    assert read(hostile("exit")).isolation == expected


@needs_landlock
@FENCED
def test_the_key_folder_cannot_be_read_or_listed(key: Path, torn: bool) -> None:
    assert_denied("read_file", path=key, torn=torn)
    assert_denied("list_folder", path=key.parent, torn=torn)


@needs_landlock
@FENCED
def test_a_link_into_the_key_folder_opens_nothing(key: Path, tmp_path: Path, torn: bool) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "queue_log").symlink_to(key)
    reading = read(hostile("read_file", path=logs / "queue_log", folders=[str(logs)], torn=torn))
    assert (reading.outcome, reading.reason) == (UNAVAILABLE, Reason.REFUSED)


@FENCED
def test_files_and_folders_of_the_manifest_can_be_read(key: Path, torn: bool) -> None:
    assert read(hostile("read_file", path=key, files=[str(key)], torn=torn)).outcome == OBSERVED
    assert read(hostile("read_file", path=key, folders=[str(key.parent)], torn=torn)).outcome == OBSERVED
    assert read(hostile("list_folder", path=key.parent, folders=[str(key.parent)], torn=torn)).outcome == OBSERVED


def test_a_file_of_the_manifest_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    missing = tmp_path / "queue_log"
    reading = read(hostile("read_file", path=missing, files=[str(missing)]))
    assert (reading.outcome, reading.reason) == (UNAVAILABLE, Reason.NOT_FOUND)


@needs_landlock
@FENCED
def test_the_parents_memory_cannot_be_read(torn: bool) -> None:
    assert_denied("read_parent", torn=torn)


@needs_landlock
@FENCED
def test_the_parent_cannot_be_traced(torn: bool) -> None:
    assert_denied("trace_parent", torn=torn)


@needs_filter
@FENCED
def test_the_parent_gets_no_signal_and_no_limits(torn: bool) -> None:
    assert_denied("kill_parent", torn=torn)
    assert_denied("limit_parent", torn=torn)


@needs_ports
@FENCED
def test_only_ports_of_the_manifest_are_reached(listener: int, torn: bool) -> None:
    assert_denied("connect", port=listener, torn=torn)
    assert_denied("connect", port=listener, ports=[str(listener + 1 if listener < 65535 else 1)], torn=torn)
    assert read(hostile("connect", port=listener, ports=[str(listener)], torn=torn)).outcome == OBSERVED


@pytest.mark.parametrize("do", ["datagram", "connected_datagram"])
def test_datagrams_go_to_endpoints_of_the_manifest_only(do: str) -> None:
    """By the fence in Python alone: Landlock knows no UDP (docs/decisions/plugin-isolation.md)."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        port = server.getsockname()[1]
        assert_denied(do, port=port)
        assert_denied(do, host="127.0.0.2", port=port, ports=[str(port)])
        assert read(hostile(do, port=port, ports=[str(port)])).outcome == OBSERVED
        assert server.recv(100) == b"secret"
        server.settimeout(0.1)
        with pytest.raises(TimeoutError):
            server.recv(100)


def test_another_host_is_not_reached_on_the_same_port() -> None:
    with closing(socket.create_server(("0.0.0.0", 0))) as server:
        port = server.getsockname()[1]
        assert_denied("connect", host="127.0.0.2", port=port, ports=[str(port)])
        assert_denied("connect", host="localhost", port=port, ports=[str(port)])


@needs_ports
@FENCED
def test_a_plugin_listens_nowhere(torn: bool) -> None:
    assert_denied("listen", torn=torn, port=47123)


@needs_filter
def test_a_plugin_does_not_even_listen_on_a_port_of_the_systems_choice() -> None:
    assert_denied("listen")
    assert_denied("listen", torn=True)


@FENCED
def test_a_client_may_bind_its_own_end(listener: int, torn: bool) -> None:
    assert read(hostile("local_end", port=listener, ports=[str(listener)], torn=torn)).outcome == OBSERVED


@needs_filter
@FENCED
def test_unix_sockets_outside_the_manifest_are_closed(tmp_path: Path, torn: bool) -> None:
    path = tmp_path / "s"
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(path))
        server.listen()
        assert_denied("unix", path=path, torn=torn)
        assert read(hostile("unix", path=path, files=[str(path)])).outcome == OBSERVED


@needs_landlock
@FENCED
def test_nothing_is_written_even_where_it_may_read(tmp_path: Path, torn: bool) -> None:
    target = tmp_path / "out"
    assert_denied("write", path=target, folders=[str(tmp_path)], torn=torn)
    target.write_text("as it was")
    assert_denied("write", path=target, files=[str(target)], torn=torn)
    assert target.read_text() == "as it was"


@needs_landlock
@FENCED
def test_no_program_is_started(torn: bool) -> None:
    assert_denied("execute", torn=torn)
    assert_denied("replace", torn=torn)


def test_a_plugin_does_not_fork() -> None:
    assert_denied("fork")


@needs_filter
def test_a_grandchild_that_native_code_forked_dies_with_the_reader() -> None:
    reading = read(hostile("fork", torn=True))
    assert reading.outcome == UNAVAILABLE
    grandchild = int(reading.detail)
    deadline = time.monotonic() + 5
    while is_alive(grandchild) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(grandchild)


def test_a_reading_is_finished_although_the_service_is_asked_to_stop() -> None:
    assert read(hostile("terminated")).outcome == OBSERVED


def test_a_killed_agent_leaves_no_reader_behind() -> None:
    code = "from tests.support.reading_hostile import hostile, read; read(hostile('hang'), seconds=60)"
    root = Path(__file__).parents[3]
    with subprocess.Popen([sys.executable, "-c", code], cwd=root) as agent:
        reader = reader_that_stays(agent.pid)
        agent.kill()
    deadline = time.monotonic() + 5
    while is_alive(reader) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(reader)


def test_a_protected_process_leaves_no_core_and_opens_its_memory_to_nobody() -> None:
    code = (
        "import ctypes; from ccmm_agent.isolation import protect_this_process as protect;"
        "get = lambda: ctypes.CDLL(None).prctl(3, 0, 0, 0, 0); before = get(); protect(); print(before, get())"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert printed.stdout.split() == ["1", "0"]


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


def is_open_to_all(path: Path) -> bool:
    """Whether everybody may go down to it."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents, *Path(__file__).resolve().parents))


def reader_that_stays(agent: int) -> int:
    """The reading child: alive for a second, which the describing one is not."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        children = Path(f"/proc/{agent}/task/{agent}/children").read_text().split()
        time.sleep(1)
        if children and is_alive(int(children[0])):
            return int(children[0])
    raise AssertionError("no reader was started")


def is_alive(pid: int) -> bool:
    """Neither gone nor waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False
