"""The installed programs as processes: a collector, agents, and what stands in the log afterwards."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ccmm_collector.log import EvidenceLog
from ccmm_proto.chain import ZERO
from ccmm_proto.envelope import parse_envelope
from ccmm_proto.v1.statement_pb2 import Statement
from ccmm_proto.wire import parse_statement

BIN = Path(sys.executable).parent
READY_S = 60
PAPERS = """
[[source]]
name = "papers"
plugin = "documents"
every = "1s"
folder = "{folder}"
"""


def command(program: str, *arguments: object) -> str:
    """Run an installed command to its end; its output. Fails with what it said."""
    done = subprocess.run([BIN / program, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{program} {arguments}: {done.stderr}"
    return done.stdout


def eventually(what: str, is_so: Callable[[], bool], seconds: float = READY_S) -> None:
    """Wait until it is so; fails, saying what, after the time."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, f"not so after {seconds} s: {what}"
        time.sleep(0.2)


class Program:
    """One of our programs as a process group of its own, so that a kill takes its children's parent by surprise."""

    def __init__(self, *arguments: object, log: Path) -> None:
        self.arguments = [str(argument) for argument in arguments]
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *launcher: str) -> None:
        """Start it, perhaps through a launcher that kills it at a named point. What ran before has ended."""
        assert self.process is None or self.process.poll() is not None
        program = [*launcher, *self.arguments] if launcher else [str(BIN / self.arguments[0]), *self.arguments[1:]]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(program, stdout=log, stderr=log, start_new_session=True)

    def kill(self) -> None:
        """SIGKILL, to the program alone."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        if self.process is None:
            return 0
        self.process.terminate()
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise


class House:
    """A collector and one agent of the center `north`, in a folder. `start` starts both."""

    def __init__(self, place: Path, *, sources: str = PAPERS) -> None:
        self.place = place
        self.collector_folder, self.agent_folder = place / "collector", place / "agent"
        self.collector = Program("ccmm-collector", "serve", self.collector_folder, log=place / "collector.log")
        self.agent = Program("ccmm-agent", "run", self.agent_folder, log=place / "agent.log")
        self._sources = sources

    def set_up(self) -> None:
        """Init, serve, invite, join; both stay stopped afterwards but know each other and fixed ports."""
        papers = self.place / "papers"
        papers.mkdir()
        (papers / "plan.md").write_text('+++\nclass = "emergency_plan"\n+++\n')
        command("ccmm-collector", "init", self.collector_folder, "--name", "e2e", "--address", "127.0.0.1:0")
        self.collector.start()
        ports = self.wait_ready()
        self._fix_ports(ports)
        code = command("ccmm-collector", "invite", self.collector_folder, "north").split()[0]
        command("ccmm-agent", "join", code, self.agent_folder, "--zone", "UTC")
        toml = 'zone = "UTC"\njitter = "1s"\n' + self._sources.format(folder=papers, place=self.place)
        (self.agent_folder / "agent.toml").write_text(toml)

    def _fix_ports(self, ports: dict[str, Any]) -> None:
        """The next start binds the same ports: agents remember them."""
        config = self.collector_folder / "collector.toml"
        text = config.read_text()
        for name in ("evidence", "enrollment"):
            text = text.replace(f"{name}_port = 0", f"{name}_port = {ports[name]}")
        config.write_text(text)

    def wait_ready(self) -> dict[str, Any]:
        """The ports of a collector that is up."""
        state = self.collector_folder / "serve.json"
        process = self.collector.process
        assert process

        def is_up() -> bool:
            assert process.poll() is None, self.collector.log.read_text()[-2000:]
            return state.is_file() and json.loads(state.read_text() or "{}").get("pid") == process.pid

        eventually("the collector is up", is_up)
        found: dict[str, Any] = json.loads(state.read_text())
        ports: dict[str, Any] = found.get("ports", found)
        return ports

    def status(self) -> dict[str, Any]:
        """What `ccmm-agent status --json` says."""
        found: dict[str, Any] = json.loads(command("ccmm-agent", "status", self.agent_folder, "--json"))
        return found

    def unsent(self) -> int:
        """Statements without a receipt, looked up without starting a program."""
        with sqlite3.connect(f"file:{self.agent_folder / 'spool.sqlite'}?mode=ro", uri=True, timeout=10) as spool:
            return int(spool.execute("SELECT count(*) FROM statement WHERE state = 0").fetchone()[0])

    def statements(self) -> list[Statement]:
        """Every statement of the agent that the log counts, in the order of the log."""
        with EvidenceLog.open(self.collector_folder, readonly=True) as log:
            entries = log.entries(after=-1, limit=1 << 30)
        envelopes = [entry.envelope for entry in entries if entry.kind == "statement" and entry.counted]
        return [parse_statement(parse_envelope(envelope).payload) for envelope in envelopes]

    def raised(self) -> list[str]:
        """What the log raised about chains."""
        listed = json.loads(command("ccmm-collector", "log", self.collector_folder, "--json"))
        return [json.dumps(entry) for entry in listed["entries"] if "chain_raised" in json.dumps(entry)]

    def stop(self) -> None:
        """Both down, in order."""
        try:
            self.agent.stop()
        finally:
            self.collector.stop()


def check_chain(house: House) -> list[Statement]:
    """Every statement exactly once, one unbroken chain, no due time lost or doubled; the statements in order."""
    with EvidenceLog.open(house.collector_folder, readonly=True) as log:
        entries = log.entries(after=-1, limit=1 << 30)
    opened = [parse_envelope(entry.envelope) for entry in entries if entry.kind == "statement"]
    assert all(entry.counted for entry in entries if entry.kind == "statement")
    listed = sorted(
        ((parse_statement(one.payload), one.digest) for one in opened),
        key=lambda pair: (pair[0].epoch, pair[0].sequence),
    )
    assert [(made.epoch, made.sequence) for made, _ in listed] == [(0, number) for number in range(len(listed))]
    previous = ZERO
    for made, digest in listed:
        assert made.previous == previous
        previous = digest
    check_due_times([made for made, _ in listed])
    return [made for made, _ in listed]


def check_due_times(statements: list[Statement]) -> None:
    """Per source: runs and MISSED ranges follow each other without overlap; each second is in exactly one."""
    last: dict[str, int] = {}
    for run in (made.run for made in statements if made.HasField("run") and made.run.part == 1):
        first, end = (run.missed.first_ms, run.missed.last_ms) if run.HasField("missed") else (run.due_ms, run.due_ms)
        before = last.get(run.source)
        if before is not None and before % 1000 == 0:  # the very first run is due at once, off the schedule
            assert first == before + 1000, f"{run.source}: due {first} follows {before}"
        last[run.source] = end
