"""A real upsd with dummy-ups drivers, of the Debian package nut-server, on a loopback port, in a folder of the test."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.processes import end

_FOLDERS = ("/lib/nut", "/usr/lib/nut", "/usr/libexec/nut-driver", "/usr/sbin")  # upsd in sbin: a script that asks /etc
WAIT_S = 20.0
READER_PASSWORD = "reader-of-this-test"


@dataclass(slots=True)
class Upsd:
    """A running server; each driver simulates a UPS out of a file that the test may rewrite."""

    port: int
    folder: Path
    told: int = 0
    drivers: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def tell(self, name: str, **variables: str) -> None:
        """From now on the UPS tells these variables (`_` for a dot); waits until upsd does."""
        written = {_dotted(variable): value for variable, value in variables.items()}
        path = self.folder / f"{name}.dev"
        fresh = path.with_suffix(".new")
        fresh.write_text(_told(variables), "utf-8")
        self.told += 1  # the driver reads again where the file's whole second of change is a later one
        os.utime(fresh, (time.time() + 2 * self.told,) * 2)
        fresh.replace(path)
        wait_until(lambda: all(self.asked(name, variable) == value for variable, value in written.items()))

    def asked(self, name: str, variable: str) -> str:
        """What upsc, the client of the package, is told; empty where it is refused."""
        command = ["upsc", f"{name}@127.0.0.1:{self.port}", variable]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout.strip()

    def kill_driver(self, name: str) -> None:
        """The driver dies as after a crash; waits until upsd has noticed."""
        self.drivers[name].kill()
        self.drivers[name].wait()
        wait_until(lambda: self.asked(name, "ups.status") == "")


@contextmanager
def running_upsd(folder: Path, units: Mapping[str, Mapping[str, str]]) -> Iterator[Upsd]:
    """Starts it, gives it, stops it. Skips where the package is not installed."""
    upsd, driver = _program("upsd"), _program("dummy-ups")
    _program("upsc")
    server = Upsd(_free_port(), folder)
    (folder / "nut.conf").write_text("MODE=standalone\n")
    (folder / "upsd.conf").write_text(f"LISTEN 127.0.0.1 {server.port}\nMAXAGE 15\n")
    (folder / "upsd.users").write_text(f"[ccmm]\n  password = {READER_PASSWORD}\n")
    text = [f"[{name}]\n  driver = dummy-ups\n  port = {folder}/{name}.dev\n  mode = dummy-once\n" for name in units]
    (folder / "ups.conf").write_text("pollinterval = 1\nmaxretry = 3\n" + "".join(text))
    for name in ("upsd.conf", "upsd.users", "ups.conf"):
        (folder / name).chmod(0o600)
    for name, variables in units.items():
        (folder / f"{name}.dev").write_text(_told(variables), "utf-8")
    places = {name: str(folder) for name in ("NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH", "NUT_PIDPATH")}
    environment = {**os.environ, **places}
    started: list[subprocess.Popen[bytes]] = []
    with (folder / "out").open("wb") as out:
        try:
            for name in units:
                command = [driver, "-a", name, "-F", "-u", getpass.getuser()]
                server.drivers[name] = subprocess.Popen(command, stdout=out, stderr=out, env=environment)
                started.append(server.drivers[name])
            started.append(
                subprocess.Popen([upsd, "-F", "-u", getpass.getuser()], stdout=out, stderr=out, env=environment)
            )
            _wait_for(server, started[-1], units)
            yield server
        finally:
            end(*started)


def _told(variables: Mapping[str, str]) -> str:
    """What a file of dummy-ups says."""
    return "".join(f"{_dotted(name)}: {value}\n" for name, value in variables.items())


def _dotted(variable: str) -> str:
    return variable.replace("_", ".")


def wait_until(is_so: Callable[[], bool], seconds: float = WAIT_S) -> None:
    """Until a question is answered with yes; fails after some seconds."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not so within {seconds} s")
        time.sleep(0.1)


def _program(name: str) -> str:
    found = shutil.which(name, path=":".join(_FOLDERS)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian packages nut-server, nut-client)")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(server: Upsd, process: "subprocess.Popen[bytes]", units: Mapping[str, Mapping[str, str]]) -> None:
    def is_ready() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"upsd ended: {(server.folder / 'out').read_text('utf-8', 'replace')}")
        told = ((name, *pair) for name, variables in units.items() for pair in variables.items())
        return all(server.asked(name, _dotted(variable)) == value for name, variable, value in told)

    wait_until(is_ready)
