"""What the fence in Python allows; it holds alone where no Landlock is."""

import os
from pathlib import Path

import pytest

from ccmm_agent.fence import PROGRAM_EVENT, Fence, learn, python_folders, refusal
from ccmm_agent.plugin import Manifest


@pytest.fixture
def fence(tmp_path: Path) -> Fence:
    (tmp_path / "logs").mkdir()
    manifest = Manifest(
        files=(tmp_path / "queue_log", tmp_path / "s"),
        folders=(tmp_path / "logs",),
        endpoints=(("PBX.example", 5038), ("10.0.0.7", 636)),
        programs=(Path("/usr/bin/restic"),),
    )
    return Fence.around(manifest, python_folders())


def test_files_of_the_manifest_of_python_and_of_the_resolver_are_read(fence: Fence, tmp_path: Path) -> None:
    for path in (tmp_path / "queue_log", tmp_path / "logs" / "a" / "b", Path(os.__file__), Path("/etc/resolv.conf")):
        assert refusal(fence, "open", (str(path), "r", os.O_RDONLY)) is None
    assert refusal(fence, "os.listdir", (str(tmp_path / "logs"),)) is None
    assert refusal(fence, "open", (3, "r", os.O_RDONLY)) is None


def test_other_files_are_not_read(fence: Fence, tmp_path: Path) -> None:
    for path in (tmp_path / "queue_log2", tmp_path / "logs2", tmp_path / "logs" / ".." / "key", "/etc/shadow", "/proc"):
        assert refusal(fence, "open", (str(path), "r", os.O_RDONLY)) == "the manifest does not name this file"
        assert refusal(fence, "open", (os.fsencode(path), None, os.O_RDONLY)) is not None
    assert refusal(fence, "os.scandir", (str(tmp_path),)) is not None


def test_what_is_no_file_is_not_opened_for_it_might_wait_for_ever(fence: Fence, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir(exist_ok=True)
    os.mkfifo(tmp_path / "logs" / "pipe")
    (tmp_path / "logs" / "link").symlink_to(tmp_path / "logs" / "pipe")
    for name in ("pipe", "link"):
        assert "a pipe" in str(refusal(fence, "open", (str(tmp_path / "logs" / name), "r", os.O_RDONLY)))
    assert refusal(fence, "open", ("/dev/urandom", "rb", os.O_RDONLY)) is None
    assert refusal(fence, "open", (str(tmp_path / "logs" / "absent"), "r", os.O_RDONLY)) is None


def test_nothing_is_written(fence: Fence, tmp_path: Path) -> None:
    log = str(tmp_path / "queue_log")
    for mode in ("w", "a", "x", "r+", "wb"):
        assert refusal(fence, "open", (log, mode, 0)) == "a plugin writes nothing"
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_CREAT, os.O_RDONLY | os.O_TRUNC):
        assert refusal(fence, "open", (log, None, flags)) == "a plugin writes nothing"
    assert refusal(fence, "open", ("/dev/null", "w", os.O_WRONLY)) is None


@pytest.mark.parametrize(
    "event",
    [
        *("os.system", "os.exec", "os.fork", "os.posix_spawn", "pty.spawn", "ctypes.dlopen"),
        *("os.kill", "os.remove", "os.chmod", "os.rename", "os.utime", "resource.prlimit", "tempfile.mkstemp"),
    ],
)
def test_programs_signals_and_changes_are_refused(fence: Fence, event: str) -> None:
    assert refusal(fence, event, ()) == f"a plugin may not do this: {event}"


def test_programs_of_the_manifest_are_started_and_by_one_way_only(fence: Fence) -> None:
    for event in ("subprocess.Popen", PROGRAM_EVENT):
        for named in ("/usr/bin/restic", b"/usr/bin/restic", Path("/usr/bin/restic")):
            assert refusal(fence, event, (named, [], None, None)) is None
        for other in ("restic", "/usr/bin/restic2", "/bin/sh", None, 3):
            assert refusal(fence, event, (other, [], None, None)) is not None
    closed = Fence.around(Manifest(), ())
    assert refusal(closed, "subprocess.Popen", ("/usr/bin/restic",)) == "a plugin may not do this: subprocess.Popen"
    assert refusal(fence, "os.posix_spawn", ("/usr/bin/restic",)) is not None
    assert refusal(fence, "os.exec", ("/usr/bin/restic",)) is not None


def test_only_endpoints_of_the_manifest_are_connected(fence: Fence, tmp_path: Path) -> None:
    for address in (("10.0.0.7", 636), ("pbx.example", 5038), ("10.0.0.7", 636, 0, 0), str(tmp_path / "s")):
        assert refusal(fence, "socket.connect", (None, address)) is None
        assert refusal(fence, "socket.sendto", (None, address)) is None
    elsewhere = (("10.0.0.7", 5038), ("10.0.0.8", 636), ("pbx.example", 636), "/run/docker.sock", b"\0abstract", ())
    for other in elsewhere:
        assert refusal(fence, "socket.connect", (None, other)) == "the manifest does not name this endpoint"


def test_addresses_are_reached_once_their_allowed_name_resolved_to_them(fence: Fence) -> None:
    assert refusal(fence, "socket.connect", (None, ("192.0.2.5", 5038))) is not None
    assert refusal(fence, "socket.getaddrinfo", ("evil.example", 80, 0, 0, 0)) == "the manifest does not name this host"
    assert refusal(fence, "socket.getaddrinfo", ("pbx.example", 5038, 0, 0, 0)) is None
    learn(fence, "evil.example", ["192.0.2.6"])
    learn(fence, "pbx.EXAMPLE", ["192.0.2.5"])
    assert refusal(fence, "socket.connect", (None, ("192.0.2.5", 5038))) is None
    assert refusal(fence, "socket.connect", (None, ("192.0.2.5", 22))) is not None
    assert refusal(fence, "socket.connect", (None, ("192.0.2.6", 5038))) is not None


def test_listening_is_refused_and_a_local_end_is_not(fence: Fence) -> None:
    assert refusal(fence, "socket.bind", (None, ("0.0.0.0", 0))) is None
    assert refusal(fence, "socket.bind", (None, ("0.0.0.0", 4370))) == "a plugin listens nowhere"
    assert refusal(fence, "socket.bind", (None, "/tmp/s")) == "a plugin listens nowhere"


def test_ordinary_work_is_not_disturbed(fence: Fence) -> None:
    for event in ("import", "compile", "exec", "object.__getattr__", "socket.__new__", "os.putenv"):
        assert refusal(fence, event, ("x",)) is None
