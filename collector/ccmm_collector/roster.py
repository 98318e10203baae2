"""Who is enrolled, in memory: read again when the log says that it changed. Any thread may ask."""

from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ccmm_collector import enrolled
from ccmm_collector.enrolled import Agent
from ccmm_collector.log import EvidenceLog
from ccmm_proto.errors import Revoked, UnknownAgent


@dataclass(frozen=True, slots=True)
class Member:
    """An enrolled agent and its evidence key, ready to verify with."""

    agent: Agent
    key: Ed25519PublicKey


class Roster:
    """All agents, by center and name."""

    def __init__(self, log: EvidenceLog) -> None:
        self._log = log
        self._changed = -1
        self._members: dict[tuple[str, str], Member] = {}
        self.refresh()

    def refresh(self) -> bool:
        """Read the agents again if an act changed them; True if one did. Acts of other processes count."""
        changed = enrolled.agents_changed(self._log.reader())
        if changed == self._changed:
            return False
        agents = enrolled.agents(self._log.reader())
        self._members = {(agent.center, agent.agent): _member(agent) for agent in agents}
        self._changed = changed
        return True

    def admit(self, center: str, agent: str) -> Member:
        """The member of this name; raises UnknownAgent or Revoked."""
        member = self.find(center, agent)
        if member is None:
            self.refresh()  # enrolled a moment ago
            member = self.find(center, agent)
        if member is None:
            raise UnknownAgent(f"agent {agent} of {center} is not enrolled here")
        if member.agent.is_revoked:
            raise Revoked(f"agent {agent} of {center} was revoked: {member.agent.revoked_reason}")
        return member

    def find(self, center: str, agent: str) -> Member | None:
        """The member of this name, revoked or not."""
        return self._members.get((center, agent))

    def colleagues(self, center: str) -> Iterator[Member]:
        """Everybody, those of the center first."""
        members = self._members
        yield from (member for (home, _), member in members.items() if home == center)
        yield from (member for (home, _), member in members.items() if home != center)


def _member(agent: Agent) -> Member:
    return Member(agent, Ed25519PublicKey.from_public_bytes(agent.evidence_key))
