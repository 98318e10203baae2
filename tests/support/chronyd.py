"""A real chronyd, of the Debian package chrony, on loopback ports of its own; it never touches this machine's clock."""

import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.processes import running

WAIT_S = 20.0
KEYS = {  # id → type, and what our key file holds
    1: ("SHA1", "HEX:" + "a1" * 20),
    2: ("AES128", "HEX:" + "b2" * 16),
    3: ("SHA256", "HEX:" + "c3" * 32),
    4: ("MD5", "canary-key"),
}


@dataclass(frozen=True, slots=True)
class Chronyd:
    """A running daemon: the port of its time server and that of its commands."""

    port: int
    command_port: int

    def chronyc(self, *words: str) -> str:
        """What chrony's own client says."""
        command = ["chronyc", "-c", "-h", "127.0.0.1", "-p", str(self.command_port), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout


@contextmanager
def running_chronyd(folder: Path, *lines: str, until: Callable[[str], bool] = bool) -> Iterator[Chronyd]:
    """Starts it with these lines more, waits until `chronyc tracking` is as wanted, gives it, stops it. May skip."""
    program = shutil.which("chronyd", path="/usr/sbin:/usr/local/sbin") or shutil.which("chronyd")
    if program is None or shutil.which("chronyc") is None:
        pytest.skip("chronyd is not installed (Debian package chrony)")
    folder.mkdir()
    server = Chronyd(_free_port(), _free_port())
    keys = "".join(f"{id} {type} {key.replace('canary', 'ASCII:canary')}\n" for id, (type, key) in KEYS.items())
    (folder / "keys").write_text(keys)
    (folder / "keys").chmod(0o600)
    config = (
        *(f"port {server.port}", f"cmdport {server.command_port}", "bindaddress 127.0.0.1", "bindcmdaddress 127.0.0.1"),
        *("bindcmdaddress /", "allow 127.0.0.1", f"keyfile {folder}/keys", f"pidfile {folder}/pid"),
    )
    (folder / "conf").write_text("\n".join((*config, *lines)) + "\n")
    command = [program, "-x", "-d", "-U", "-u", getpass.getuser(), "-f", f"{folder}/conf"]
    with running(command, folder / "out") as process:
        deadline = time.monotonic() + WAIT_S
        while not until(server.chronyc("tracking")):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"chronyd is not as wanted: {(folder / 'out').read_text('utf-8', 'replace')}")
            time.sleep(0.1)
        yield server


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
