"""A real snmpd, of the Debian package of that name, on a loopback port, that tells what a file of the test says."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.processes import running

COMMUNITY = "canary-community"
USER = "ccmm"
AUTH = "canary-authentication"
PRIVACY = "canary-privacy-password"
WAIT_S = 20.0

_PASS = """
import sys
def key(text):
    return tuple(map(int, text.strip(".").split(".")))
def rows():
    with open(sys.argv[1]) as file:
        found = [line.rstrip("\\n").split(" ", 2) for line in file if line.strip()]
    return sorted((key(oid), kind, value) for oid, kind, value in found)
while line := sys.stdin.readline():
    if line.strip() == "PING":
        print("PONG", flush=True)
        continue
    asked = key(sys.stdin.readline())
    found = [row for row in rows() if (row[0] == asked if line.strip() == "get" else row[0] > asked)]
    for oid, kind, value in found[:1]:
        print("." + ".".join(map(str, oid)), kind, value, sep="\\n", flush=True)
    if not found:
        print("NONE", flush=True)
"""


@dataclass(frozen=True, slots=True)
class Snmpd:
    """A running agent."""

    port: int
    folder: Path

    def tell(self, table: Mapping[str, tuple[str, object]]) -> None:
        """From now on it tells these: number of an object → its type (snmpd's words) and value."""
        lines = [f".{oid} {kind} {value}\n" for oid, (kind, value) in table.items()]
        fresh = self.folder / "table.new"
        fresh.write_text("".join(lines))
        fresh.replace(self.folder / "table")


@contextmanager
def running_snmpd(folder: Path, *roots: str, rules: str = "") -> Iterator[Snmpd]:
    """Starts it, gives it, stops it. `roots`: what the file tells of. Skips where the package is not installed."""
    program = shutil.which("snmpd", path="/usr/sbin:/usr/local/sbin") or shutil.which("snmpd")
    if program is None:
        pytest.skip("snmpd is not installed (Debian package snmpd)")
    server = Snmpd(_free_port(), folder)
    (folder / "pass.py").write_text(_PASS)
    (folder / "state").mkdir()
    server.tell({})
    told = "".join(f"pass_persist -p 1 .{root} {sys.executable} {folder}/pass.py {folder}/table\n" for root in roots)
    (folder / "snmpd.conf").write_text(
        f"agentaddress udp:127.0.0.1:{server.port}\n"
        f"createUser {USER} SHA-256 {AUTH} AES {PRIVACY}\n"
        f"createUser plain SHA-256 {AUTH} AES {PRIVACY}\n"
        f"{rules or default_rules()}{told}"
    )
    environment = {**os.environ, "SNMP_PERSISTENT_DIR": f"{folder}/state", "MIBS": "", "MIBDIRS": ""}
    command = [program, "-f", "-Lo", "-C", "-c", f"{folder}/snmpd.conf", "-p", f"{folder}/pid"]
    with running(command, folder / "out", env=environment) as process:
        _wait_for(folder / "out", process)
        yield server


def default_rules() -> str:
    """One community and one user, both to read everything; another user who must use no privacy."""
    return f"rocommunity {COMMUNITY} 127.0.0.1\nrouser {USER} authpriv\n"


def _wait_for(out: Path, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + WAIT_S
    while b"NET-SNMP version" not in out.read_bytes():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"snmpd did not start: {out.read_text('utf-8', 'replace')[-2000:]}")
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
