"""What the hostile plugin reaches for: files, the parent, hosts, sockets, programs."""

import ctypes
import os
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path

from ccmm_agent.plugin import Reason, SourceUnavailable, Window
from ccmm_agent.program import run_program
from tests.support.hostile.wishes import Act, Wishes


def _read_file(wishes: Wishes, window: Window) -> None:
    assert wishes.path is not None
    wishes.path.read_bytes()


def _list_folder(wishes: Wishes, window: Window) -> None:
    assert wishes.path is not None
    list(wishes.path.iterdir())


def _read_parent(wishes: Wishes, window: Window) -> None:
    with Path(f"/proc/{os.getppid()}/mem").open("rb"):
        raise AssertionError("the parent's memory is open")


def _trace_parent(wishes: Wishes, window: Window) -> None:
    """PTRACE_ATTACH by the system call itself, as native code would."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(16, os.getppid(), None, None) != 0:
        raise PermissionError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _kill_parent(wishes: Wishes, window: Window) -> None:
    os.kill(os.getppid(), 0)


def _limit_parent(wishes: Wishes, window: Window) -> None:

    resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (8, 8))


def _connect(wishes: Wishes, window: Window) -> None:
    with socket.create_connection((wishes.host, wishes.port), timeout=5):
        pass


def _datagram(wishes: Wishes, window: Window) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.sendto(b"secret", (wishes.host, wishes.port))


def _connected_datagram(wishes: Wishes, window: Window) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.connect((wishes.host, wishes.port))
        ours.send(b"secret")


def _listen(wishes: Wishes, window: Window) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", wishes.port))
        listener.listen()


def _local_end(wishes: Wishes, window: Window) -> None:
    """As ldap3 does it."""
    with socket.socket() as connection:
        connection.bind(("", 0))
        connection.connect((wishes.host, wishes.port))


def _unix(wishes: Wishes, window: Window) -> None:
    assert wishes.path is not None
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(wishes.path))


def _write(wishes: Wishes, window: Window) -> None:
    assert wishes.path is not None
    wishes.path.write_text("stolen")


def _execute(wishes: Wishes, window: Window) -> None:
    subprocess.run(["/bin/true"], check=True)


def _program(wishes: Wishes, window: Window) -> None:
    """What the program printed, in the detail, so that the test can see it."""
    assert wishes.path is not None
    ended = run_program(wishes.path, wishes.arguments, seconds=wishes.seconds, output_bytes=1 << 16)
    if ended.code != 0:
        raise SourceUnavailable(Reason.CRASHED, f"{ended.code} {ended.said.decode().strip()[-300:]}")
    raise SourceUnavailable(Reason.LIMITED, ended.output.decode().strip())


def _program_by_hand(wishes: Wishes, window: Window) -> None:
    """Past our own function, as any code of a plugin could."""
    assert wishes.path is not None
    subprocess.run([str(wishes.path), *wishes.arguments], check=True, capture_output=True)


def _terminated(wishes: Wishes, window: Window) -> None:
    """What systemd sends to every process of a service that stops."""
    signal.raise_signal(signal.SIGTERM)


def _replace(wishes: Wishes, window: Window) -> None:
    os.execv("/bin/true", ["/bin/true"])


def _fork(wishes: Wishes, window: Window) -> None:
    """A grandchild that holds the pipe, tries to leave the process group, and outlives its parent."""
    grandchild = os.fork()
    if grandchild == 0:
        try:
            os.setsid()
        except PermissionError:
            time.sleep(60)
        time.sleep(60)
        os._exit(0)
    time.sleep(0.5)
    raise SourceUnavailable(Reason.LIMITED, str(grandchild))


ACTS: dict[str, Act] = {
    "read_file": _read_file,
    "list_folder": _list_folder,
    "read_parent": _read_parent,
    "trace_parent": _trace_parent,
    "kill_parent": _kill_parent,
    "limit_parent": _limit_parent,
    "connect": _connect,
    "datagram": _datagram,
    "connected_datagram": _connected_datagram,
    "listen": _listen,
    "local_end": _local_end,
    "unix": _unix,
    "write": _write,
    "execute": _execute,
    "program": _program,
    "program_by_hand": _program_by_hand,
    "terminated": _terminated,
    "replace": _replace,
    "fork": _fork,
}
