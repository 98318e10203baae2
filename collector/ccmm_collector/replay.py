"""Is the evidence log still what was appended? Its entries are hashed and verified again, its tables derived again.

What cannot be seen here is a log that was rewritten as a whole: receipts that agents hold tell that.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ccmm_collector import enrolled, replay_sql, store
from ccmm_collector.enrolled import Agent
from ccmm_collector.log import EvidenceLog, LogEntry
from ccmm_collector.waivers import verify_granted
from ccmm_proto.envelope import Opened, parse_envelope, verify_opened
from ccmm_proto.errors import BadConfig, BadSignature, Malformed
from ccmm_proto.leaf import leaf_hash
from ccmm_proto.v1.service_pb2 import Act, ChainRaised
from ccmm_proto.v1.statement_pb2 import Statement
from ccmm_proto.wire import parse_message

_NOT_COUNTED = (ChainRaised.FORK, ChainRaised.FROM_THE_FUTURE, ChainRaised.UNKNOWN_SCHEMA)
MOST = 20  # differences told: a log that is altered everywhere needs no longer list
_PAGE = 500


@dataclass(slots=True)
class Replay:
    """What the entries say, folded one by one, and what of them does not hold."""

    log_key: Ed25519PublicKey | None  # of a copy without keys the acts' signatures cannot be verified
    log_id: str
    agents: dict[tuple[str, str], Agent] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    aside: dict[bytes, int] = field(default_factory=dict)  # not counted, and nothing raised yet that says why
    next_index: int = 0
    newest_ms: int = 0

    def add(self, entry: LogEntry) -> None:
        """The next entry."""
        if entry.index != self.next_index or entry.recorded_ms < self.newest_ms:
            self._differs(entry, "not the next index, or recorded before the entry ahead of it")
        self.next_index, self.newest_ms = entry.index + 1, max(self.newest_ms, entry.recorded_ms)
        try:
            opened = parse_envelope(entry.envelope)
            leaf = leaf_hash(entry.recorded_ms, opened.pae, opened.signature)
            if (entry.digest, entry.leaf) != (opened.digest, leaf):
                self._differs(entry, "digest or leaf is not that of its bytes and its recorded time")
            if entry.kind == "act":
                self._act(entry, opened)
            else:
                self._statement(entry, opened)
        except (Malformed, BadSignature) as error:
            self._differs(entry, str(error))

    def _differs(self, entry: LogEntry, why: str) -> None:
        self.differences.append(f"log entry {entry.index}: {why}")

    def _statement(self, entry: LogEntry, opened: Opened) -> None:
        said = parse_message(Statement, opened.payload)
        place = (entry.center, entry.agent, entry.epoch, entry.sequence)
        if place != (said.center, said.agent, said.epoch, said.sequence):
            self._differs(entry, f"it stands at {place}, and says another place of itself")
        if not entry.counted:
            self.aside[entry.digest] = entry.index
        agent = self.agents.get((entry.center, entry.agent))
        if agent is not None:
            verify_opened(opened, Ed25519PublicKey.from_public_bytes(agent.evidence_key))
            if agent.is_revoked:
                self._differs(entry, f"a statement of {entry.agent} behind its revocation")
        elif self.agents:
            self._differs(entry, f"a statement of {entry.agent} of {entry.center}, who was not enrolled")

    def _act(self, entry: LogEntry, opened: Opened) -> None:
        if self.log_key is not None:
            verify_opened(opened, self.log_key)
        act = parse_message(Act, opened.payload)
        match act.WhichOneof("act"):
            case "agent_enrolled":
                one = act.agent_enrolled
                self.agents[one.center, one.agent] = Agent(
                    center=one.center,
                    agent=one.agent,
                    evidence_key=one.evidence_key,
                    certificate_serial=one.certificate_serial,
                    not_after_ms=one.not_after_ms,
                    enrolled_index=entry.index,
                    revoked_index=None,
                    revoked_reason="",
                )
            case "agent_renewed":
                new = act.agent_renewed
                self._change(
                    new.center, new.agent, certificate_serial=new.certificate_serial, not_after_ms=new.not_after_ms
                )
            case "agent_revoked":
                gone = act.agent_revoked
                self._change(gone.center, gone.agent, revoked_index=entry.index, revoked_reason=gone.reason)
            case "waiver_granted":
                verify_granted(act.waiver_granted, log_id=self.log_id)
            case "chain_raised" if act.chain_raised.kind in _NOT_COUNTED:
                if self.aside.pop(act.chain_raised.digest, None) is None:
                    self._differs(entry, "raised about a statement that is counted")

    def _change(self, center: str, name: str, **fields: object) -> None:
        agent = self.agents.get((center, name))
        if agent is not None and not ("revoked_index" in fields and agent.is_revoked):
            self.agents[center, name] = replace(agent, **fields)  # type: ignore[arg-type]  # fields of Agent by name


def replay(log: EvidenceLog, progress: Callable[[str, int, int], None]) -> list[str]:
    """One line for whatever of the log does not hold; at most MOST, and a word on the rest."""
    reader = log.reader()
    reader.execute("BEGIN")  # one look at tables and entries, whatever is appended meanwhile
    try:
        size = store.tail(reader)[0]
        held = enrolled.agents(reader)
        differences = replay_sql.derived_differences(reader)
    finally:
        reader.execute("COMMIT")
    found = Replay(_log_key(log), log.log_id)
    while entries := log.entries(after=found.next_index - 1, limit=_PAGE, upto=size - 1):
        for entry in entries:
            found.add(entry)
        progress("entries verified", min(found.next_index, size), size)
    if found.next_index != size:
        differences.append(f"log: {found.next_index} entries where {size} are expected")
    differences += _agents(held, found)
    differences += found.differences
    differences += [f"log entry {index}: not counted, and nothing says why" for index in found.aside.values()]
    more = len(differences) - MOST
    return [*differences[:MOST], f"and {more} more in the log"] if more > 0 else differences


def _agents(held: list[Agent], found: Replay) -> list[str]:
    said = {(agent.center, agent.agent): agent for agent in held}
    return [
        f"agent: {name} of {center} is not held as the log's acts say"
        for center, name in sorted(said.keys() | found.agents.keys())
        if said.get((center, name)) != found.agents.get((center, name))
    ]


def _log_key(log: EvidenceLog) -> Ed25519PublicKey | None:
    try:
        return log.public_key()
    except BadConfig:
        return None
