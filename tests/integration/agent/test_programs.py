"""A program of the manifest runs behind the reader's fence; any other one does not, and none runs without Landlock."""

import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from ccmm_agent import landlock, seccomp
from ccmm_agent.fence import Fence
from ccmm_agent.isolation import exposed
from ccmm_agent.plugin import Manifest, SourceUnavailable
from ccmm_agent.program import Ended, failure, run_program
from ccmm_agent.reading import Reading, check_source_process
from ccmm_proto.reasons import Reason
from ccmm_proto.v1.statement_pb2 import OBSERVED, UNAVAILABLE
from tests.support.reading_hostile import NOW, ZONE, hostile, read

pytestmark = pytest.mark.skipif(landlock.abi() == 0, reason="this kernel has no Landlock: no program is started")
needs_ports = pytest.mark.skipif(landlock.abi() < 4, reason="this kernel's Landlock knows no ports (ABI below 4)")
FENCED = pytest.mark.parametrize("torn", [False, True], ids=["fence", "torn fence"])
PYTHON = Path(sys.executable)
PID = "import os; print(os.getpid(), flush=True); "


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A secret of the agent, as its own files are: 0600."""
    path = tmp_path / "agent" / "keys" / "evidence.key"
    path.parent.mkdir(parents=True)
    path.write_text("secret")
    path.chmod(0o600)
    return path


def run_python(code: str, **options: str | int | list[str] | Path) -> Reading:
    """A source that may run Python, and runs this."""
    return read(
        hostile("program", (), path=PYTHON, programs=[str(PYTHON)], arguments=["-I", "-S", "-c", code], **options)
    )


def assert_fails(code: str, error: str, **options: str | int | list[str] | Path) -> None:
    reading = run_python(code, **options)
    assert (reading.outcome, reading.reason) == (UNAVAILABLE, Reason.CRASHED), reading.detail
    assert error in reading.detail


@FENCED
def test_a_named_program_runs_and_prints(torn: bool) -> None:
    reading = run_python("print(6 * 7)", torn=torn)
    assert (reading.reason, reading.detail) == (Reason.LIMITED, "42")


@FENCED
@pytest.mark.parametrize("do", ["program", "program_by_hand"])
def test_a_program_that_is_not_named_is_refused(do: str, torn: bool) -> None:
    reading = read(hostile(do, (), path="/bin/true", programs=["/bin/false"], torn=torn))
    assert (reading.outcome, reading.reason) == (UNAVAILABLE, Reason.REFUSED)
    assert read(hostile(do, (), path="/bin/true", torn=torn)).reason == Reason.REFUSED


def test_the_refusal_of_a_program_is_a_sentence() -> None:
    reading = read(hostile("program", (), path="/bin/true", programs=["/bin/false"]))
    assert "the manifest does not name this program" in reading.detail


def test_a_named_program_starts_no_other_one() -> None:
    assert_fails("import os; os.execv('/bin/true', ['/bin/true'])", "PermissionError")
    assert_fails("import subprocess; subprocess.run(['/bin/sh', '-c', 'true'])", "PermissionError")
    # to read is not to run
    assert_fails("import os; os.execv('/bin/true', ['/bin/true'])", "PermissionError", files=["/bin/true"])


def test_a_program_cannot_read_what_the_manifest_does_not_name(key: Path) -> None:
    assert_fails(f"open({str(key)!r}).read()", "PermissionError")
    assert_fails(f"import os; os.listdir({str(key.parent)!r})", "PermissionError")
    assert_fails("import os; open(f'/proc/{os.getppid()}/mem', 'rb')", "PermissionError")
    reading = run_python(f"print(open({str(key)!r}).read())", files=[str(key)])
    assert reading.detail == "secret"


def test_a_program_writes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_text("as it was")
    assert_fails(f"open({str(target)!r}, 'w')", "PermissionError", folders=[str(tmp_path)])
    assert_fails(f"open({str(tmp_path / 'new')!r}, 'x')", "PermissionError", folders=[str(tmp_path)])
    assert_fails(f"import os; os.remove({str(target)!r})", "PermissionError", folders=[str(tmp_path)])
    assert target.read_text() == "as it was"


def test_a_program_gets_no_socket_where_no_endpoint_is_named() -> None:
    assert_fails("import socket; socket.socket()", "PermissionError")
    assert_fails("import socket; socket.socket(type=socket.SOCK_DGRAM)", "PermissionError")


@needs_ports
def test_a_program_connects_to_ports_of_the_manifest_only() -> None:
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as server,
        closing(socket.create_server(("127.0.0.1", 0))) as _,
    ):
        port = server.getsockname()[1]
        code = f"import socket; socket.create_connection(('127.0.0.1', {port}), 5); print('connected')"
        assert_fails(code, "PermissionError", ports=[str(_.getsockname()[1])])
        assert run_python(code, ports=[str(port)]).detail == "connected"


def test_a_program_sends_no_signal_and_does_not_leave_its_group() -> None:
    assert_fails("import os; os.kill(os.getppid(), 0)", "PermissionError")
    assert_fails("import os; os.setsid()", "PermissionError")


def test_a_program_inherits_neither_pipes_nor_environment_of_the_reader() -> None:
    code = "import os; print(sorted(os.environ), [f for f in range(3, 256) if os.path.exists(f'/dev/fd/{f}')])"
    found = run_python(code).detail
    assert found == "['HOME', 'LANG', 'LC_ALL', 'PATH', 'TZ'] []"


def test_a_program_that_hangs_is_killed_and_said_to_have_hung() -> None:
    started = time.monotonic()
    reading = run_python("import time; time.sleep(60)", seconds=1)
    assert (reading.reason, reading.detail) == (Reason.TIMEOUT, f"{PYTHON.name} was not done after 1 s")
    assert time.monotonic() - started < 15


def test_a_flood_is_cut() -> None:
    reading = run_python("while True: print('x' * 10000)")
    assert (reading.reason, reading.detail) == (Reason.FLOOD, f"{PYTHON.name} printed more than 65536 bytes")


def test_what_a_program_says_on_stderr_is_bounded_and_does_not_block_it() -> None:
    ended = run_program(PYTHON, ["-c", "import sys; sys.stderr.write('x' * 1_000_000); print('done')"], seconds=20)
    assert (ended.code, ended.output, len(ended.said)) == (0, b"done\n", 1 << 16)


def test_a_program_is_gone_when_its_time_is_over_although_its_reader_goes_on(tmp_path: Path) -> None:
    """Without any signal of ours: the kernel kills it with the thread that started it."""
    note = tmp_path / "pid"
    code = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    with pytest.raises(SourceUnavailable) as raised:
        run_program(PYTHON, ["-c", code], seconds=2)
    assert raised.value.reason == Reason.TIMEOUT
    assert not Path(f"/proc/{note.read_text()}").exists()


def test_what_a_program_started_itself_ends_with_the_reader(tmp_path: Path) -> None:
    code = f"import os, time; os.fork(); os.close(1); os.close(2); time.sleep(60) # {tmp_path.name}"
    arguments = ["-I", "-S", "-c", code]
    reading = read(hostile("program", (), path=PYTHON, programs=[str(PYTHON)], arguments=arguments), seconds=3)
    assert reading.reason == Reason.TIMEOUT
    deadline = time.monotonic() + 5
    while (left := running(tmp_path.name)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left


def running(word: str) -> list[Path]:
    """Processes whose command line holds the word."""
    return [one for one in Path("/proc").glob("[0-9]*") if word.encode() in command_line(one)]


def command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def test_a_program_that_is_not_installed_is_not_found(tmp_path: Path) -> None:
    missing = tmp_path / "restic"
    reading = read(hostile("program", (), path=missing, programs=[str(missing)]))
    assert (reading.reason, reading.detail) == (Reason.NOT_FOUND, f"{missing} is not installed")


def test_without_landlock_no_program_is_named_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of its own: isolation cannot be undone."""
    code = (
        "from pathlib import Path; from ccmm_agent import landlock; landlock.abi = lambda: 0;"
        "from ccmm_agent.fence import Fence, python_folders; from ccmm_agent.isolation import isolate;"
        "from ccmm_agent.plugin import Manifest; import os, subprocess;"
        "one = Manifest(programs=(Path('/bin/true'),)); fence = Fence.around(one, python_folders());"
        "print(isolate(one, fence, os.geteuid()), sorted(fence.programs));"
        "subprocess.run(['/bin/true'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert done.stdout.split(None, 1) == ["1", "[]\n"]
    assert "PermissionError" in done.stderr


def test_a_program_in_the_agents_folder_is_refused(key: Path) -> None:
    agent = key.parent.parent
    assert exposed(Fence.around(Manifest(programs=(agent / "tool",)), ()), (agent,)) == agent


def test_check_shows_what_a_source_may_run() -> None:
    lines = check_source_process(hostile("fine", (), programs=["/bin/true"]), now=NOW, zone=ZONE)
    assert lines[-1].detail.endswith("; may run: /bin/true")
    assert "may run" not in check_source_process(hostile("fine"), now=NOW, zone=ZONE)[-1].detail


def test_a_source_with_programs_still_reads() -> None:
    assert read(hostile("fine", (), programs=["/bin/true"])).outcome == OBSERVED


def test_a_failure_has_the_words_of_the_plugin_before_its_exit_code() -> None:
    words = {"wrong password": (Reason.REFUSED, "restic refuses the password")}
    told = failure("restic", Ended(1, b"", b"Fatal: Wrong password or no key found for E1007"), words)
    assert (told.reason, told.detail) == (Reason.REFUSED, "restic refuses the password")
    assert failure("restic", Ended(1, b"", b"E1007")).detail == "restic ended with code 1: run it by hand to see why"
    assert failure("restic", Ended(-9, b"", b"")).detail == "restic was ended by signal 9"
    assert failure("restic", Ended(2, b"", b"fatal error: out of memory")).reason == Reason.MEMORY
    assert failure("restic", Ended(-24, b"", b"")).reason == Reason.TIMEOUT
    assert "E1007" not in repr(Ended(1, b"", b"E1007"))


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_starting_programs_is_filtered_unless_they_are_named(machine: str) -> None:
    closed, opened = (seccomp.program(machine, 4711, unix_sockets=False, programs=named) for named in (False, True))
    number = {"x86_64": 59, "aarch64": 221}[machine].to_bytes(4, "little")
    assert any(closed[at + 4 : at + 8] == number for at in range(0, len(closed), 8))
    assert not any(opened[at + 4 : at + 8] == number for at in range(0, len(opened), 8))
