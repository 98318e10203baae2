"""One stream with the collector: Hello, Heads, then envelopes out and receipts in, side by side."""

import asyncio
import logging
import time

import grpc.aio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ccmm_agent import clock
from ccmm_agent.epoch_file import EpochMark
from ccmm_agent.flight import Flight, Sent
from ccmm_agent.home import Home
from ccmm_agent.reconcile import reconcile
from ccmm_agent.refusals import refused
from ccmm_agent.software import agent_software
from ccmm_agent.spool import Acknowledgement, Waiting
from ccmm_proto.errors import CcmmError, Malformed, Unreachable
from ccmm_proto.v1.service_pb2 import AgentMessage, CollectorMessage, Hello, Refusal
from ccmm_proto.wire import parse_receipt

log = logging.getLogger(__name__)

Call = grpc.aio.StreamStreamCall[AgentMessage, CollectorMessage]

SILENCE_S = 60.0  # something in flight and no word for so long: the connection is dead
LOOK_S = 2.0  # how often it is looked whether another process spooled something
MAX_HOLD_S = 600.0  # the longest pause that a collector is granted
BATCH = 16  # statements taken from the spool at once: at most 16 of 1 MiB in memory
GATHER_S = 0.03  # receipts that come within this time are kept in one transaction


class Session:
    """State of one stream. Raises CcmmError for what the collector does wrong, gRPC's errors for a broken stream."""

    def __init__(self, home: Home, call: Call, *, bell: asyncio.Event) -> None:
        self._home = home
        self._call = call
        self._bell = bell
        self._flight = Flight()
        self._landed = asyncio.Event()
        self._kept: list[Acknowledgement] = []
        self._to_keep = asyncio.Event()
        self._last_word = time.monotonic()
        self._hold_until = 0.0
        self._receipt_key = Ed25519PublicKey.from_public_bytes(home.enrollment.receipt_key)
        self.acknowledged = 0

    async def open(self) -> None:
        """Hello, Heads, and the spool made to fit them."""
        await self._call.write(AgentMessage(hello=Hello(software_version=agent_software().version)))
        try:
            async with asyncio.timeout(SILENCE_S):
                first = await self._call.read()
        except TimeoutError as error:
            raise Unreachable("the collector is silent: no heads came") from error
        if not isinstance(first, CollectorMessage) or first.WhichOneof("message") != "heads":
            if isinstance(first, CollectorMessage) and first.WhichOneof("message") == "refusal":
                raise refused(self._home, first.refusal, None) or Malformed("refused before its heads")
            raise Malformed("the collector did not begin with its heads")
        reconcile(self._home, first.heads.heads)

    # --- sending -------------------------------------------------------------------------------------------------

    async def send(self) -> None:
        """Everything that waits, in order, as the window allows; then wait for more. Never returns."""
        last = (-1, -1)
        while True:
            self._bell.clear()
            batch = self._home.spool.waiting(last, BATCH)
            for waiting in batch:
                await self._window(waiting)
                self._flight.depart(waiting)
                await self._call.write(AgentMessage(envelope=waiting.envelope))
                last = (waiting.epoch, waiting.sequence)
            if not batch:
                await self._more()

    async def _more(self) -> None:
        """Until the bell rings, or another process wrote to the spool: a look at the file costs no query."""
        written = self._home.spool.written_ns()
        while not self._bell.is_set() and self._home.spool.written_ns() == written:
            await self._wait(self._bell)

    async def _window(self, waiting: Waiting) -> None:
        """Until this statement may go: what the collector asked for, and room in the window."""
        while (pause := self._hold_until - time.monotonic()) > 0:
            await asyncio.sleep(pause)
            self._last_word = time.monotonic()
        while not self._flight.has_room(waiting):
            self._landed.clear()
            await self._wait(self._landed)

    async def _wait(self, event: asyncio.Event) -> None:
        """For the event or LOOK_S, whichever is first. Raises Unreachable where receipts stay out too long."""
        if not self._flight.by_digest:
            self._last_word = time.monotonic()
        try:
            async with asyncio.timeout(LOOK_S):  # not wait_for: before Python 3.12 it may swallow a cancellation
                await event.wait()
        except TimeoutError:
            held = self._hold_until > time.monotonic()
            if self._flight.by_digest and not held and time.monotonic() - self._last_word > SILENCE_S:
                raise Unreachable(f"no receipt for {SILENCE_S:.0f} seconds") from None

    # --- receiving -----------------------------------------------------------------------------------------------

    async def receive(self) -> None:
        """Every message of the collector. Returns when it ends the stream in good order."""
        while True:
            message = await self._call.read()
            if not isinstance(message, CollectorMessage):
                return
            self._last_word = time.monotonic()
            match message.WhichOneof("message"):
                case "receipt":
                    self._take_receipt(message.receipt)
                case "refusal":
                    self._take_refusal(message.refusal)
                case "retry_after":
                    pause_s = min(message.retry_after.milliseconds / 1000, MAX_HOLD_S)
                    self._hold_until = time.monotonic() + pause_s
                case _:
                    log.info("message of a newer collector ignored")

    def _take_receipt(self, envelope: bytes) -> None:
        receipt = parse_receipt(envelope, self._receipt_key)
        sent = self._flight.land(receipt.digest)
        expected = (self._home.enrollment.center, self._home.enrollment.agent)
        if sent is None or (receipt.center, receipt.agent) != expected:
            raise Malformed("a receipt for a statement that is not on its way")
        if (receipt.epoch, receipt.sequence) != (sent.epoch, sent.sequence):
            raise Malformed("a receipt that names another number than the statement has")
        one = Acknowledgement(epoch=sent.epoch, sequence=sent.sequence, digest=receipt.digest, receipt=envelope)
        self._kept.append(one)
        self._to_keep.set()
        self._landed.set()

    def _take_refusal(self, refusal: Refusal) -> None:
        error: CcmmError | None = refused(self._home, refusal, self._flight.land(refusal.digest))
        self._landed.set()
        self._bell.set()
        if error is not None:
            raise error

    async def keep_receipts(self) -> None:
        """Commits receipts in batches, soon after they came. Never returns."""
        while True:
            await self._to_keep.wait()
            await asyncio.sleep(GATHER_S)
            self.flush()

    def flush(self) -> None:
        """Commit the receipts gathered so far: the spool first, then the newest one beside it."""
        batch, self._kept = self._kept, []
        self._to_keep.clear()
        if not batch:
            return
        self.acknowledged += self._home.spool.acknowledge(batch, clock.now())
        # A crash here leaves an older last receipt in the epoch file: still one that was really given.
        epoch = self._home.spool.chain().epoch
        self._home.epoch_file.write(EpochMark(epoch=epoch, last_receipt=batch[-1].receipt))

    # --- ending --------------------------------------------------------------------------------------------------

    def in_flight(self) -> list[Sent]:
        """What was sent and has neither receipt nor refusal."""
        return list(self._flight.by_digest.values())

    def cancel(self) -> None:
        """Give the stream up; what is on its way waits in the spool."""
        self._call.cancel()

    async def drain(self, seconds: float) -> None:
        """Wait a little for the receipts of what was sent."""
        until = time.monotonic() + seconds
        while self._flight.by_digest and time.monotonic() < until:
            await asyncio.sleep(0.02)
