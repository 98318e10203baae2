"""A load generator: agents with real certificates and keys that stream signed statements. A process of its own.

python -m bench.load SPEC      SPEC: JSON {code, agents, statements, observations, window}; prints JSON
"""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ccmm_agent.enroll import enroll
from ccmm_agent.identity import root_pem
from ccmm_proto.envelope import STATEMENT_TYPE, parse_envelope, sign_envelope
from ccmm_proto.join_code import parse_join_code
from ccmm_proto.period import QUARTER_MS, floor_to
from ccmm_proto.v1.service_pb2 import AgentMessage, CollectorMessage, Hello
from ccmm_proto.v1.service_pb2_grpc import EvidenceStub
from ccmm_proto.v1.statement_pb2 import OBSERVED, Dimension, Measure, Observation, Statement

DIMENSIONS = tuple([Dimension(name="channel", text="voice"), Dimension(name="queue", text=f"q{n}")] for n in range(10))
IDS = ("calls_offered", "calls_answered", "calls_abandoned", "calls_left", "calls_transferred")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One enrolled agent and the envelopes that it will send, as they stand on the wire."""

    target: str
    credentials: grpc.ChannelCredentials
    messages: list[AgentMessage]


def statements(
    key: Ed25519PrivateKey,
    center: str,
    agent: str,
    count: int,
    observations: int,
    first: int = 0,
    previous: bytes = bytes(32),
) -> list[bytes]:
    """Signed envelopes of one chain: `count` statements of `observations` measures each, slot after slot."""
    now_ms = int(time.time() * 1000)
    start_ms = floor_to(now_ms, QUARTER_MS) - (count * observations // 50 + 2) * QUARTER_MS
    slots = (
        (start_ms + slot * QUARTER_MS, dimensions, id)
        for slot in itertools.count()
        for dimensions in DIMENSIONS
        for id in IDS
    )
    made = []
    for sequence in range(first, first + count):
        statement = Statement(
            schema=1, center=center, agent=agent, sequence=sequence, previous=previous, created_ms=now_ms
        )
        run = statement.run
        run.source, run.plugin, run.run_id = "pbx", "bench", f"r{sequence}"
        run.part = run.parts = 1
        run.outcome, run.every_s = OBSERVED, 900
        run.feeds.extend(IDS)
        run.covers.from_ms, run.covers.to_ms = start_ms, start_ms + QUARTER_MS
        for at_ms, dimensions, id in itertools.islice(slots, observations):
            measure = Measure(id=id, start_ms=at_ms, period_s=900, dimensions=dimensions, count=sequence % 7)
            run.observations.append(Observation(measure=measure))
        envelope = sign_envelope(STATEMENT_TYPE, statement.SerializeToString(), key)
        previous = parse_envelope(envelope).digest
        made.append(envelope)
    return made


def member(code: str, count: int, observations: int) -> Member:
    """Enroll with a join code and prepare what will be sent."""
    evidence, transport = Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())
    admission = enroll(parse_join_code(code), evidence, transport)
    enrollment = admission.enrollment
    chain = b"".join(certificate.public_bytes(Encoding.PEM) for certificate in admission.chain)
    private = transport.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    envelopes = statements(evidence, enrollment.center, enrollment.agent, count, observations)
    return Member(
        target=f"{enrollment.evidence_host}:{enrollment.evidence_port}",
        credentials=grpc.ssl_channel_credentials(root_pem(enrollment), private, chain),
        messages=[AgentMessage(envelope=envelope) for envelope in envelopes],
    )


async def send(member: Member, window: int) -> list[float]:
    """Send everything with so many in flight; seconds from sending to receipt, per statement."""
    free = asyncio.Semaphore(window)
    sent: list[float] = []
    waits: list[float] = []

    async def outgoing() -> AsyncIterator[AgentMessage]:
        yield AgentMessage(hello=Hello(software_version="bench"))
        for message in member.messages:
            await free.acquire()
            sent.append(time.perf_counter())
            yield message

    async with grpc.aio.secure_channel(member.target, member.credentials) as channel:
        call = EvidenceStub(channel).Submit(outgoing())
        async for answer in call:
            assert isinstance(answer, CollectorMessage)
            word = answer.WhichOneof("message")
            if word == "refusal":
                raise RuntimeError(f"refused: {answer.refusal.name}: {answer.refusal.message}")
            if word == "receipt":
                waits.append(time.perf_counter() - sent[len(waits)])
                free.release()
            if len(waits) == len(member.messages):
                break
    return waits


async def load(members: list[Member], window: int) -> dict[str, float]:
    """All members at once: seconds in all, and the receipt's median and 99th percentile wait."""
    started = time.perf_counter()
    waits = sorted(itertools.chain.from_iterable(await asyncio.gather(*(send(one, window) for one in members))))
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "p50": waits[len(waits) // 2], "p99": waits[len(waits) * 99 // 100]}


def main() -> None:
    """Prepare, then wait for a line on stdin, then send."""
    spec = json.loads(Path(sys.argv[1]).read_text())
    members = [member(code, spec["statements"], spec["observations"]) for code in spec["codes"]]
    size = sum(len(message.envelope) for one in members for message in one.messages)
    print("prepared", flush=True)
    sys.stdin.readline()
    print(json.dumps({"bytes": size, **asyncio.run(load(members, spec["window"]))}), flush=True)


if __name__ == "__main__":
    main()
