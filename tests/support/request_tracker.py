"""A real Request Tracker 5 of the Debian package, with SQLite, on a loopback port, loaded by the captures' script.

It runs as `nobody` where the tests run as root, in a folder of its own in memory; nothing of /etc or /var is changed.
"""

import csv
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from tests.support.processes import as_nobody

_SERVER = "/usr/share/request-tracker5/libexec/rt-server"
_WAIT_S = 60.0
_CONFIG = """
Set($rtname, 'contact.example'); Set($Organization, 'contact.example');
Set($WebDomain, '127.0.0.1'); Set($WebPort, {port}); Set($WebBaseURL, 'http://127.0.0.1:{port}');
Set($CanonicalizeRedirectURLs, 0);
Set($DatabaseType, 'SQLite'); Set($DatabaseName, '{folder}/rt.sqlite');
Set($DatabaseUser, ''); Set($DatabasePassword, '');
Set($Timezone, 'Asia/Shanghai');  # times in questions are of this zone, times in answers UTC
Set($MailCommand, 'testfile'); Set($LogToFile, undef); Set($LogToSyslog, undef); Set($LogToSTDERR, 'error');
Set($WebSessionClass, 'Apache::Session::File');
$RT::MasonDataDir = '{folder}/mason'; $RT::MasonSessionDir = '{folder}/session'; $RT::VarPath = '{folder}';
1;
"""
_HAND = r"""
use strict; use warnings; use lib '/usr/share/request-tracker5/lib'; use RT -init; $| = 1;
our $sys = RT->SystemUser;
sub ticket { my $t = RT::Ticket->new($sys); $t->Load(shift); $t }
sub queue { my $q = RT::Queue->new($sys); $q->Load(shift); $q }
sub group { my $g = RT::Group->new($sys); $g->LoadUserDefinedGroup(shift); $g->PrincipalObj }
while (my $line = <STDIN>) { my @found = eval $line; print $@ ? "failed: $@" : "done @found", "\n"; }
"""


@dataclass(slots=True)
class Tracker:
    """A running server, what it was loaded with, and a hand inside it."""

    url: str
    token: str
    truth: list[dict[str, str]]
    hand: "subprocess.Popen[str]"

    def do(self, *statements: str) -> None:
        """Perl inside Request Tracker, as its system user: `ticket(3)->SetStatus('open')`."""
        stdin, stdout = self.hand.stdin, self.hand.stdout
        assert stdin is not None
        assert stdout is not None
        for statement in statements:
            stdin.write(f"{statement}\n")
            stdin.flush()
            answer = stdout.readline()
            assert answer.startswith("done"), answer


@contextmanager
def running_request_tracker(load: Path, tickets: int) -> Iterator[Tracker]:
    """Makes its database, loads it, starts it, gives it, stops it. Skips where the package is not installed."""
    if not Path(_SERVER).exists() or shutil.which("rt-setup-database-5") is None:
        pytest.skip("Request Tracker is not installed (Debian packages request-tracker5, rt5-db-sqlite)")
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="rt-", dir=memory) as name:
        folder, port = Path(name), _free_port()
        started: list[subprocess.Popen[str]] = []
        with (folder / "out").open("w+") as out:
            launcher = _launcher(folder, port, out)
            try:
                _made(launcher, load, tickets)
                started.append(
                    launcher.start([_SERVER, "--server", "Standalone", "--port", str(port), "--host", "127.0.0.1"])
                )
                started.append(launcher.start(["perl", str(folder / "hand.pl")]))
                _wait_for(f"http://127.0.0.1:{port}/REST/2.0/rt", started[0], out)
                with (folder / "truth.csv").open(encoding="utf-8") as truth:
                    rows = list(csv.DictReader(truth))
                token = (folder / "token.txt").read_text().strip()
                yield Tracker(f"http://127.0.0.1:{port}", token, rows, started[1])
            finally:
                for process in started:
                    _ended(process)


@dataclass(frozen=True, slots=True)
class _Launcher:
    """Starts programs of Request Tracker with our settings, and never as root."""

    folder: Path
    out: IO[str]

    def start(self, command: list[str]) -> "subprocess.Popen[str]":
        config = {"RT_SITE_CONFIG": f"{self.folder}/RT_SiteConfig.pm", "RT_SITE_CONFIG_DIR": f"{self.folder}/none"}
        return subprocess.Popen(
            as_nobody(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if command[-1].endswith("hand.pl") else self.out,
            stderr=self.out,
            text=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.folder), "LANG": "C.UTF-8", **config},
        )


def _launcher(folder: Path, port: int, out: IO[str]) -> _Launcher:
    settings = _CONFIG.replace("{port}", str(port)).replace("{folder}", str(folder))
    (folder / "RT_SiteConfig.pm").write_text(settings)
    (folder / "hand.pl").write_text(_HAND)
    for name in ("mason", "session", "none"):
        (folder / name).mkdir()
    if os.geteuid() != 0:
        return _Launcher(folder, out)
    for path in (folder, *folder.iterdir()):
        shutil.chown(path, "nobody", "nogroup")
    return _Launcher(folder, out)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _made(launcher: _Launcher, load: Path, tickets: int) -> None:
    folder, script = launcher.folder, launcher.folder / "load.pl"
    script.write_text(load.read_text("utf-8").replace("/srv/lab/rt", str(folder)), "utf-8")
    script.chmod(0o644)
    for command in (["rt-setup-database-5", "--action", "init", "--skip-create"], ["perl", str(script), str(tickets)]):
        with launcher.start(command) as process:
            process.communicate(timeout=300)
        if process.returncode:
            raise RuntimeError(f"{command[0]} failed: {(folder / 'out').read_text('utf-8', 'replace')[-2000:]}")


def _wait_for(url: str, process: "subprocess.Popen[str]", out: IO[str]) -> None:
    deadline = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            out.seek(0)
            raise RuntimeError(f"rt-server ended: {out.read()[-2000:]}")
        try:
            urllib.request.urlopen(url, timeout=10).close()
        except urllib.error.HTTPError as error:
            error.close()
            return  # 401: it answers
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"rt-server does not answer within {_WAIT_S} s")


def _ended(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
