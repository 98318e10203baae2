"""What the hostile stories share: an installed collector, guests at its door, and what its log holds afterwards."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc

from ccmm_agent.enroll import fetch_leaf
from ccmm_collector.enrollment import invite
from ccmm_collector.log import EvidenceLog, LogEntry
from ccmm_proto.chain import ZERO
from ccmm_proto.envelope import parse_envelope
from ccmm_proto.join_code import parse_join_code
from ccmm_proto.v1.service_pb2 import Act, CollectorMessage, JoinCode
from ccmm_proto.v1.statement_pb2 import Statement
from ccmm_proto.wire import parse_message, parse_statement
from tests.e2e.product import BIN, House, command
from tests.unit.collector.small_agent import SmallAgent, Talk


class Door(House):
    """A collector as a process; tests play its agents, with identities that it really gave them."""

    def open(self) -> None:
        """Init and serve, on ports that stay the same."""
        command("ccmm-collector", "init", self.collector_folder, "--name", "e2e", "--address", "127.0.0.1:0")
        self.collector.start()
        self.ports = self.wait_ready()
        self._fix_ports(self.ports)

    def code(self, center: str = "north", *options: str) -> JoinCode:
        """A fresh join code, as `invite` prints it."""
        return parse_join_code(command("ccmm-collector", "invite", self.collector_folder, center, *options).split()[0])

    def admitted(self, center: str = "north") -> SmallAgent:
        """An enrolled agent."""
        with EvidenceLog.open(self.collector_folder) as log:
            token, _ = invite(log, center, None, timedelta(minutes=5))
        pem = (self.collector_folder / "keys" / "server.pem").read_bytes()
        return SmallAgent("127.0.0.1", self.ports["enrollment"], pem).enroll(token)

    def about(self, agent: SmallAgent) -> "Held":
        """What the log holds of and about this agent."""
        return Held(self.collector_folder, agent)


def guest(code: JoinCode) -> SmallAgent:
    """Somebody with a join code, who believes the certificate that it names."""
    return SmallAgent(code.host, code.port, fetch_leaf(code.host, code.port, code.certificate_sha256))


@contextmanager
def opened(place: Path) -> Iterator[Door]:
    """A collector for as long as a story lasts."""
    place.mkdir(exist_ok=True)
    door = Door(place)
    try:
        door.open()
        yield door
    finally:
        door.stop()


class Held:
    """The log's statements of one agent and its acts about it, as they stand now."""

    def __init__(self, folder: Path, agent: SmallAgent) -> None:
        whose = (agent.signer.center, agent.signer.agent)
        self.entries = [entry for entry in log_entries(folder) if (entry.center, entry.agent) == whose]
        self.statements = [entry for entry in self.entries if entry.kind == "statement"]
        acts = [parse_envelope(entry.envelope) for entry in self.entries if entry.kind == "act"]
        self.acts = [parse_message(Act, opened.payload) for opened in acts]

    @property
    def places(self) -> list[tuple[int, bool]]:
        """Number, and whether it counts, in the order of the log."""
        return [(entry.sequence, entry.counted) for entry in self.statements]

    @property
    def raised(self) -> list[str]:
        """What was raised about its chains, in order."""
        raised = [act.chain_raised for act in self.acts if act.WhichOneof("act") == "chain_raised"]
        return [type(one).Kind.Name(one.kind) for one in raised]


def log_entries(folder: Path) -> list[LogEntry]:
    """Everything in the log of this collector."""
    with EvidenceLog.open(folder, readonly=True) as log:
        return log.entries(after=-1, limit=1 << 30)


def refusals(door: House) -> Counter[tuple[str, str]]:
    """How often what was refused to whom, as `ccmm-collector log --json` shows it; the agent is empty at the door."""
    listed: dict[str, Any] = json.loads(command("ccmm-collector", "log", door.collector_folder, "--json"))
    return Counter({(one["agent"], one["name"]): int(one["count"]) for one in listed["refusals"]})


def hear(talk: Talk) -> CollectorMessage:
    """The next receipt or refusal; a collector under load may first ask to hold back."""
    while (answer := talk.hear()).WhichOneof("message") == "retry_after":
        pass
    return answer


def assert_served(agent: SmallAgent) -> None:
    """The honest agent gets its receipt: whatever came before stopped nothing."""
    (receipt,) = agent.receipts([agent.signer.statement()])
    assert receipt.sequence == agent.signer.sequence - 1


def told(error: grpc.RpcError) -> str:
    """What a refused call was told."""
    assert isinstance(error, grpc.Call)
    return str(error.details())


def fails(program: str, *arguments: object) -> str:
    """Run an installed command that must refuse; what it said."""
    done = subprocess.run([BIN / program, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, f"{program} {arguments}: {done.returncode} {done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stderr


def check_epochs(house: House) -> dict[int, list[Statement]]:
    """Every statement counts, each epoch is one unbroken chain, each above 0 opens with its reason; by epoch."""
    entries = [entry for entry in log_entries(house.collector_folder) if entry.kind == "statement"]
    assert all(entry.counted for entry in entries)
    epochs: dict[int, list[Statement]] = {}
    previous = ZERO
    for entry in sorted(entries, key=lambda entry: (entry.epoch, entry.sequence)):
        made = parse_statement(parse_envelope(entry.envelope).payload)
        chain = epochs.setdefault(made.epoch, [])
        assert made.sequence == len(chain)
        assert made.previous == (previous if chain else ZERO)
        assert made.HasField("epoch_start") == (made.epoch > 0 and not chain)
        previous = entry.digest
        chain.append(made)
    return epochs
