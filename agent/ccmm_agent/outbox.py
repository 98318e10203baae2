"""From what a run found to signed statements: split, chained, sealed.

A Draft waits for its place: only inside the spool's transaction is it known which number and which previous digest the
statement gets, so the spool calls `Signer.seal` there.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ccmm_agent import clock
from ccmm_agent.software import agent_software
from ccmm_proto.chain import SCHEMA
from ccmm_proto.envelope import STATEMENT_TYPE, parse_envelope, sign_envelope
from ccmm_proto.errors import Malformed
from ccmm_proto.period import to_ms
from ccmm_proto.v1.statement_pb2 import (
    ISOLATION_UNSPECIFIED,
    EpochStart,
    Inventory,
    Isolation,
    Note,
    Observation,
    Run,
    Software,
    Statement,
)
from ccmm_proto.wire import MAX_STATEMENT_BYTES, SPLIT_BYTES

HEAD_BYTES = 64 * 1024  # kept free in each statement for everything but the observations


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A statement without its place in the chain."""

    body: Run | Note
    plugin: Software | None = None
    isolation: "Isolation.ValueType" = ISOLATION_UNSPECIFIED


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in its chain a statement goes; `epoch_start` at sequence 0 of every epoch above 0."""

    epoch: int
    sequence: int
    previous: bytes  # 32 bytes
    epoch_start: EpochStart | None = None


@dataclass(frozen=True, slots=True)
class Sealed:
    """A signed statement and the digest that names it."""

    envelope: bytes
    digest: bytes


Seal = Callable[[Draft, Place], Sealed]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signs: everything of a statement that does not change from one to the next."""

    center: str
    agent: str
    key: Ed25519PrivateKey
    config_digest: bytes

    def seal(self, draft: Draft, place: Place) -> Sealed:
        """The signed statement of a draft at its place."""
        statement = Statement(
            schema=SCHEMA,
            center=self.center,
            agent=self.agent,
            epoch=place.epoch,
            sequence=place.sequence,
            previous=place.previous,
            created_ms=to_ms(clock.now()),
            clock=clock.clock_quality(),
            agent_software=agent_software(),
            plugin_software=draft.plugin,
            config_digest=self.config_digest,
            isolation=draft.isolation,
            epoch_start=place.epoch_start,
        )
        if isinstance(draft.body, Run):
            statement.run.CopyFrom(draft.body)
        else:
            statement.note.CopyFrom(draft.body)
        envelope = sign_envelope(STATEMENT_TYPE, statement.SerializeToString(deterministic=True), self.key)
        return Sealed(envelope, parse_envelope(envelope).digest)


def draft_of(statement: Statement) -> Draft:
    """The same content without its place, to be sealed again in a new epoch."""
    return Draft(
        body=statement.run if statement.WhichOneof("body") == "run" else statement.note,
        plugin=statement.plugin_software if statement.HasField("plugin_software") else None,
        isolation=statement.isolation,
    )


def parts_of(run: Run, observations: Iterable[Observation]) -> list[Run]:
    """The run as one or more parts of at most SPLIT_BYTES, every observation whole, long inventories continued.

    Raises Malformed where a single observation is larger than any statement may be.
    """
    groups = _grouped(observations) or [[]]
    parts = []
    for number, group in enumerate(groups, start=1):
        part = Run()
        part.CopyFrom(run)
        part.part, part.parts = number, len(groups)
        part.observations.extend(group)
        parts.append(part)
    return parts


def _grouped(observations: Iterable[Observation]) -> list[list[Observation]]:
    groups: list[list[Observation]] = []
    room = 0
    for observation in (piece for whole in observations for piece in _pieces(whole)):
        size = observation.ByteSize() + 8
        if size > MAX_STATEMENT_BYTES - HEAD_BYTES:
            raise Malformed(f"an observation of {size} bytes is larger than a statement may be")
        if not groups or size > room:
            groups.append([])
            room = SPLIT_BYTES - HEAD_BYTES
        groups[-1].append(observation)
        room -= size
    return groups


def _pieces(observation: Observation) -> Iterator[Observation]:
    """The observation itself; an inventory that is too large as several of the same kind and instant."""
    most = SPLIT_BYTES - HEAD_BYTES
    if observation.WhichOneof("fact") != "inventory" or observation.ByteSize() <= most:
        yield observation
        return
    whole = observation.inventory
    head = Inventory(kind=whole.kind, as_of_ms=whole.as_of_ms, complete=whole.complete)
    piece, size = Observation(inventory=head), 0
    for entry in whole.entries:
        entry_size = entry.ByteSize() + 8
        if size and size + entry_size > most - 200:
            yield piece
            piece, size = Observation(inventory=head), 0
        piece.inventory.entries.append(entry)
        size += entry_size
    yield piece
