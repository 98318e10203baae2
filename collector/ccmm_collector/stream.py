"""One agent's connection: messages in, receipts and refusals out."""

import asyncio
import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ccmm_collector import store
from ccmm_collector.chains import Placed
from ccmm_collector.deliveries import Deliveries
from ccmm_collector.inbox import Inbox
from ccmm_collector.ingest import Outcome, Sender, ingest, refuse
from ccmm_collector.log import EvidenceLog
from ccmm_collector.roster import Roster
from ccmm_collector.verifier import Verifier
from ccmm_proto.envelope import parse_envelope
from ccmm_proto.errors import CcmmError, Malformed, StoreFull
from ccmm_proto.v1 import service_pb2 as pb
from ccmm_proto.wire import parse_message, sign_receipt

Context = grpc.aio.ServicerContext[bytes, bytes]
FULL_BYTES = 64 << 20  # waiting to be written: above it, agents are told to hold back
UNANSWERED_BYTES = 16 << 20  # of one stream: above it, nothing more of it is taken until its agent reads its receipts
ANSWER_BYTES = 1024  # what waiting for an answer costs, besides the envelope
HOLD_BACK_MS = 500
STORE_FULL_MS = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What all streams share."""

    log: EvidenceLog
    roster: Roster
    receipt_key: Ed25519PrivateKey
    deliveries: Deliveries[Outcome]
    verifier: Verifier
    verifying: ThreadPoolExecutor

    def receipt(self, placed: Placed) -> bytes:
        """The signed promise that the statement is in the log. The same statement always gives the same bytes."""
        receipt = pb.Receipt(
            center=placed.center,
            agent=placed.agent,
            epoch=placed.epoch,
            sequence=placed.sequence,
            digest=placed.digest,
            log_id=self.log.log_id,
            log_index=placed.index,
            recorded_ms=placed.recorded_ms,
        )
        return sign_receipt(receipt, self.receipt_key)


class Stream:
    """One agent's connection: reading, ingesting and answering go on side by side, each in the order of arrival."""

    def __init__(self, intake: Intake, context: Context, sender: Sender) -> None:
        self.sender = sender
        self._intake = intake
        self._context = context
        self._inbox = Inbox()
        self._sending = asyncio.Lock()
        self._answers: asyncio.Queue[tuple[bytes, asyncio.Future[Future[Outcome]]] | None] = asyncio.Queue()
        self._unanswered_bytes = 0
        self._room = asyncio.Event()
        self._room.set()
        self._ended: asyncio.Future[CcmmError] = asyncio.get_running_loop().create_future()
        self._last_word: CcmmError | None = None

    async def run(self) -> CcmmError | None:
        """Until the agent has said all, or the stream must end; then why (None: the agent was done)."""
        reading = asyncio.ensure_future(self._read())
        working = asyncio.ensure_future(self._work())
        try:
            await asyncio.wait((working, self._ended), return_when=asyncio.FIRST_COMPLETED)
            if self._ended.done():
                return self._ended.result()
            await working
            return self._last_word
        finally:
            reading.cancel()
            working.cancel()
            await asyncio.gather(reading, working, return_exceptions=True)

    def end(self, error: CcmmError) -> None:
        """At once, whatever is on its way."""
        if not self._ended.done():
            self._ended.set_result(error)

    def finish(self, error: CcmmError) -> None:
        """Once everything received is answered."""
        self._last_word = error
        self._inbox.close()

    async def _read(self) -> None:
        while isinstance(message := await self._context.read(), bytes):
            await self._inbox.put(message)
        self._inbox.close()

    async def _work(self) -> None:
        reader = self._intake.log.reader()
        heads = store.chain_heads(reader, self.sender.center, self.sender.agent)
        await self._send(pb.CollectorMessage(heads=format_heads(heads)).SerializeToString())
        async with asyncio.TaskGroup() as group:
            group.create_task(self._ingest())
            group.create_task(self._answer())

    async def _ingest(self) -> None:
        loop = asyncio.get_running_loop()
        while handful := await self._inbox.take():
            await self._hold_back()
            await self._room.wait()  # an agent that never reads fills its own connection, not our memory
            stored = await loop.run_in_executor(self._intake.verifying, self._ingest_all, handful)
            for envelope, future in stored:
                self._owe(len(envelope) + ANSWER_BYTES)
                self._answers.put_nowait((envelope, self._intake.deliveries.watch(future)))
        self._answers.put_nowait(None)

    def _owe(self, more_bytes: int) -> None:
        """So much more waits for its answer, or where negative so much less."""
        self._unanswered_bytes += more_bytes
        if self._unanswered_bytes < UNANSWERED_BYTES:
            self._room.set()
        else:
            self._room.clear()

    def _ingest_all(self, messages: list[bytes]) -> list[tuple[bytes, Future[Outcome]]]:
        """In a verifying thread. Answers keep the order of envelopes; what is no envelope is answered first."""
        intake, envelopes = self._intake, []
        stored: list[tuple[bytes, Future[Outcome]]] = []
        for message in messages:
            try:
                envelopes.extend(parse_envelopes(message))
            except Malformed as error:
                stored.append((message, refuse(error, self.sender, intake.log)))
        futures = ingest(envelopes, self.sender, intake.verifier, intake.roster, intake.log)
        return stored + list(zip(envelopes, futures, strict=True))

    async def _send(self, message: bytes) -> None:
        async with self._sending:
            await self._context.write(message)

    async def _hold_back(self) -> None:
        log = self._intake.log
        if log.waiting_bytes < FULL_BYTES:
            return
        await self._send(format_retry_after(HOLD_BACK_MS))  # overtakes the receipts that wait for a commit
        while log.waiting_bytes > FULL_BYTES // 2:
            await asyncio.sleep(0.02)

    async def _answer(self) -> None:
        while (answer := await self._answers.get()) is not None:
            envelope, slot = answer
            finished = await slot
            try:
                outcome = finished.result()
            except StoreFull as error:
                await self._send(format_retry_after(STORE_FULL_MS))
                self.end(error)
                return
            await self.send_answer(envelope, outcome)
            self._owe(-len(envelope) - ANSWER_BYTES)

    async def send_answer(self, envelope: bytes, outcome: Outcome) -> None:
        """The receipt or the refusal. Crashed before: the agent sends again and gets the same answer."""
        if isinstance(outcome, Placed):
            message = pb.CollectorMessage(receipt=self._intake.receipt(outcome))
        else:
            refusal = pb.Refusal(digest=_digest(envelope), name=outcome.name, message=str(outcome))
            message = pb.CollectorMessage(refusal=refusal)
        await self._send(message.SerializeToString())


def parse_envelopes(message: bytes) -> list[bytes]:
    """The envelope that a message brings, if it does; raises Malformed."""
    parsed = parse_message(pb.AgentMessage, message)
    match parsed.WhichOneof("message"):
        case "envelope":
            return [parsed.envelope]
        case "hello":
            return []
        case _:
            raise Malformed("a message that is neither a hello nor an envelope")


def format_heads(heads: list[store.ChainHead]) -> pb.Heads:
    """An agent's chains as the wire has them: newest epoch last."""
    return pb.Heads(
        heads=[
            pb.Head(
                epoch=head.epoch,
                next_sequence=head.first_missing,
                digest=head.digest,
                highest_sequence=max(head.next_sequence - 1, 0),
            )
            for head in heads
        ]
    )


def format_retry_after(milliseconds: int) -> bytes:
    return pb.CollectorMessage(retry_after=pb.RetryAfter(milliseconds=milliseconds)).SerializeToString()


def _digest(envelope: bytes) -> bytes:
    try:
        return parse_envelope(envelope).digest
    except Malformed:
        return hashlib.sha256(envelope).digest()
