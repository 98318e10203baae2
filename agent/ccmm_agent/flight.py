"""What is on its way: sent in this session, no receipt yet. Bounded, so that a slow collector slows the agent."""

from dataclasses import dataclass, field

from ccmm_agent.spool import Waiting

MAX_STATEMENTS = 256
MAX_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Sent:
    """One statement on its way."""

    epoch: int
    sequence: int
    size: int
    alone: bool


@dataclass(slots=True)
class Flight:
    """The window. A statement that was in flight when a stream ended travels alone, so that guilt can be told."""

    by_digest: dict[bytes, Sent] = field(default_factory=dict)
    size: int = 0

    def has_room(self, waiting: Waiting) -> bool:
        """Whether this statement may be sent now."""
        if not self.by_digest:
            return True
        if waiting.stream_ends or any(sent.alone for sent in self.by_digest.values()):
            return False
        return len(self.by_digest) < MAX_STATEMENTS and self.size + len(waiting.envelope) <= MAX_BYTES

    def depart(self, waiting: Waiting) -> None:
        """It was handed to the stream."""
        size = len(waiting.envelope)
        self.by_digest[waiting.digest] = Sent(waiting.epoch, waiting.sequence, size, waiting.stream_ends > 0)
        self.size += size

    def land(self, digest: bytes) -> Sent | None:
        """Its receipt or refusal came; None where nothing of that digest is on its way."""
        sent = self.by_digest.pop(digest, None)
        if sent is not None:
            self.size -= sent.size
        return sent
