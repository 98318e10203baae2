"""A hostile plugin reaches nothing: not past the fence in Python, and not when it tears the fence down."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ccmm_proto.reasons import Reason
from ccmm_proto.v1.statement_pb2 import (
    OBSERVED,
    UNAVAILABLE,
)
from tests.support.kernel import needs_filter, needs_landlock, needs_ports
from tests.support.processes import dies
from tests.support.reading_hostile import hostile, read

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
    assert dies(grandchild)
