"""Two real keepalived, of the Debian package, that share an address over a line between two network namespaces."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

WAIT_S = 20.0
NAMES = ("acd-a", "acd-b")
_Process = subprocess.Popen[bytes]


@dataclass(slots=True)
class Pair:
    """The first of the two is the usual one: it has the higher priority."""

    folder: Path
    spaces: list[_Process]
    running: dict[str, _Process] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Its keepalived begins."""
        at, home = NAMES.index(name), self.folder / name
        home.mkdir(exist_ok=True)
        (home / "conf").write_text(
            "global_defs {\n  vrrp_version 3\n}\nvrrp_instance VI_1 {\n  state BACKUP\n  interface v0\n"
            f"  virtual_router_id 51\n  priority {100 - 10 * at}\n  advert_int 0.2\n"
            f"  unicast_src_ip 10.9.9.{at + 1}\n  unicast_peer {{\n    10.9.9.{2 - at}\n  }}\n"
            "  virtual_ipaddress {\n    10.9.9.77/32 dev v0\n  }\n}\n"
        )
        files = ["-f", f"{home}/conf", "-p", f"{home}/p1", "-r", f"{home}/p2", "-c", f"{home}/p3"]
        command = [*_inside(self.spaces[at]), "keepalived", "-n", "-l", "-D", *files]
        with (home / "out").open("ab") as out:
            environment = {**os.environ, "TZ": "UTC"}
            self.running[name] = subprocess.Popen(command, stdout=out, stderr=out, env=environment)

    def stop(self, name: str) -> None:
        """As by systemctl stop."""
        process = self.running.pop(name)
        process.terminate()
        try:
            process.wait(timeout=15)
        finally:
            process.kill()
            process.wait()

    def said(self, name: str) -> list[tuple[datetime, str]]:
        """When and what; of the lines that keepalived writes, those with a time."""
        found = []
        for line in (self.folder / name / "out").read_text("utf-8", "replace").splitlines():
            with suppress(ValueError):
                when = datetime.strptime(line[:24], "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
                found.append((when, line[26:]))
        return found

    def wait_for(self, name: str, words: str, times: int = 1) -> None:
        """Until it has said so, this many times."""
        _wait_until(lambda: sum(words in what for _, what in self.said(name)) >= times)

    def log(self) -> str:
        """What both said, as a syslog server writes it: time, host, program, text."""
        lines = sorted((when, name, what) for name in NAMES for when, what in self.said(name))
        return "".join(f"{when.isoformat()} {name} Keepalived_vrrp[1]: {what}\n" for when, name, what in lines)


@contextmanager
def pair_of_nodes(folder: Path) -> Iterator[Pair]:
    """Gives them with both running and the first one serving, and stops everything. Skips where it cannot be had."""
    if any(shutil.which(program) is None for program in ("keepalived", "ip", "unshare", "nsenter")):
        pytest.skip("keepalived is not installed (Debian packages keepalived, iproute2, util-linux)")
    with ExitStack() as stack:
        pair = Pair(folder, [stack.enter_context(_space()) for _ in NAMES])
        _lay_line(pair.spaces)
        try:
            for name in NAMES:
                pair.start(name)
                pair.wait_for(name, "(VI_1) Entering")
            pair.wait_for(NAMES[0], "Entering MASTER")
            yield pair
        finally:
            for name in list(pair.running):
                pair.stop(name)


@contextmanager
def _space() -> Iterator[_Process]:
    """A network namespace, held by a process that sleeps."""
    process = subprocess.Popen(["unshare", "-n", "sleep", "300"], stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.2)
        if process.poll() is not None:
            pytest.skip("this account may make no network namespaces")
        yield process
    finally:
        process.kill()
        process.wait()


def _lay_line(spaces: list[_Process]) -> None:
    first, second = spaces
    line = ["link", "add", "v0", "type", "veth", "peer", "name", "v0", "netns", str(second.pid)]
    done = subprocess.run([*_inside(first), "ip", *line], capture_output=True, timeout=30, check=False)
    if done.returncode:
        pytest.skip("this account may lay no line between network namespaces")
    for at, space in enumerate(spaces, 1):
        for words in (["addr", "add", f"10.9.9.{at}/24", "dev", "v0"], ["link", "set", "lo", "up"]):
            subprocess.run([*_inside(space), "ip", *words], check=True, timeout=30)
    for space in spaces:
        subprocess.run([*_inside(space), "ip", "link", "set", "v0", "up"], check=True, timeout=30)


def _inside(space: _Process) -> list[str]:
    return ["nsenter", "-t", str(space.pid), "-n"]


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not is_so():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not so within {WAIT_S} s")
        time.sleep(0.05)
