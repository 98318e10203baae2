"""One simulated center: its files, its simulated switch and directory, and the real agent that reads them."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr
from dataclasses import dataclass, field
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

from ccmm_agent.attesting import attest
from ccmm_agent.config import ATTESTATIONS
from ccmm_agent.home import opened_home
from ccmm_agent.status import state_of
from demo.ami_simulator import Account, AmiSimulator, Member, Queue
from demo.calls import QUEUES, ZONE, agents_of, calls_of
from demo.characters import Character
from demo.directory import READER_DN, READER_PASSWORD, entries_of
from demo.doors import write_doors
from demo.ldap_simulator import Directory
from demo.papers import attestations_of, write_papers
from demo.sources import agent_toml
from demo.switch import write_queue_log, write_recordings
from demo.tables import write_tables

BIN = Path(sys.executable).parent
AMI_SECRET = "demo-secret"


@dataclass(slots=True)
class Center:
    """Folders below `place`: systems of the center, and `agent`, the real agent's folder."""

    character: Character
    place: Path
    log: Path
    now: datetime
    stack: ExitStack = field(default_factory=ExitStack)
    agent: subprocess.Popen[bytes] | None = None

    def build(self) -> None:
        """Simulate the history and leave it on disk, as the center's systems would have."""
        now = self.now
        for name in ("switch", "doors", "tables"):
            (self.place / name).mkdir(parents=True)
        calls = list(calls_of(self.character, now))
        write_queue_log(self.place / "switch", self.character, calls, now)
        write_recordings(self.place / "recordings", calls, now)
        write_doors(self.place / "doors", self.character, now)
        write_tables(self.place / "tables", self.character, calls, now)
        write_papers(self.place / "papers", self.character, now)

    @contextmanager
    def systems(self) -> Iterator[str]:
        """Start the simulated systems; the agent.toml that names all sources."""
        members = tuple(Member(agent, f"PJSIP/{agent}") for agent in agents_of(self.character))
        queues = [Queue(name, members=members) for name in QUEUES]
        directory = Directory(entries_of(self.character, self.now), {READER_DN: READER_PASSWORD})
        for name, secret in (("ami.secret", AMI_SECRET), ("directory.password", READER_PASSWORD)):
            (self.place / name).touch(mode=0o600)
            (self.place / name).write_text(secret + "\n")
        with AmiSimulator(accounts={"ccmm": Account(AMI_SECRET)}, queues=queues) as switch:
            directory.start()
            try:
                yield agent_toml(
                    self.place, ldap_port=directory.port, ami_port=switch.port, encoding=self.character.encoding
                )
            finally:
                directory.shutdown()
                directory.server_close()

    def join(self, code: str) -> None:
        """Start the simulated systems, enroll the agent and name its sources."""
        text = self.stack.enter_context(self.systems())
        run("ccmm-agent", "join", code, str(self.folder), "--zone", ZONE.key)
        (self.folder / "agent.toml").write_text(text, encoding="utf-8")

    def attest(self) -> None:
        """State what the center's people have signed."""
        paper = self.place / "papers" / "strategy.md"
        paper = paper if paper.exists() else next((self.place / "papers").iterdir())
        for (kind, title), settings in attestations_of(self.character, self.now).items():
            with redirect_stderr(StringIO()):  # what it tells its user
                attest(self.folder, kind=kind, title=title, file=paper, valid_until=None, settings=settings)

    @property
    def folder(self) -> Path:
        """The agent's folder."""
        return self.place / "agent"

    def start(self) -> None:
        """Run the agent."""
        log = self.stack.enter_context(self.log.open("ab"))
        self.agent = subprocess.Popen([BIN / "ccmm-agent", "run", self.folder], stdout=log, stderr=log)

    def progress(self) -> tuple[int, int, int]:
        """(sources that have read all that was there, sources, statements that wait)."""
        state = self._state()
        sources = [source for source in state["sources"] if source["name"] != ATTESTATIONS]
        done = [source for source in sources if source["outcome"] is not None and not source["reads_history"]]
        return len(done), len(sources), state["spool"]["depth"]

    def last_index(self) -> int:
        """Where the log keeps the last statement that the collector has taken from the agent."""
        return int(self._state()["last_receipt"]["log_index"])

    def _state(self) -> dict[str, Any]:
        """As `ccmm-agent status` tells it."""
        with opened_home(self.folder, alone=False) as home:
            return state_of(home, self.now)

    def stop(self) -> None:
        """Stop agent and simulators; nothing is left running."""
        if self.agent:
            end(self.agent)
        self.stack.close()


def run(*command: str) -> str:
    """Run one of our commands to its end; its output. Raises CalledProcessError with what it said."""
    program, *arguments = command
    done = subprocess.run([BIN / program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def end(process: subprocess.Popen[bytes], seconds: float = 20) -> None:
    """SIGTERM, and SIGKILL to what does not listen."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
