"""Step 5: send what waits, over one stream, until it is acknowledged; reconnect for ever.

Nothing is lost here: a statement waits in the spool until its receipt was verified. Whatever a stream does wrong
(break, refuse, stand still, bring false receipts) ends the session, and the next one starts from the collector's heads.
"""

import asyncio
import logging
import random
import time
from collections.abc import Coroutine
from contextlib import suppress

import grpc
import grpc.aio

from ccmm_agent import clock
from ccmm_agent.certificate import CertificateKeeper
from ccmm_agent.enroll import error_of, target_of
from ccmm_agent.home import Home
from ccmm_agent.identity import root_pem
from ccmm_agent.refusals import stream_ended
from ccmm_agent.session import Call, Session
from ccmm_agent.spool_file import SpoolCorrupt
from ccmm_proto.errors import CcmmError, Permanent, StoreFull, Unreachable
from ccmm_proto.v1.service_pb2_grpc import EvidenceStub
from ccmm_proto.wire import MAX_MESSAGE_BYTES

log = logging.getLogger(__name__)

MAX_PAUSE_S = 300.0
STEADY_S = 30.0  # a session that lived so long starts the back-off anew
LOOK_AT_CERTIFICATE_S = 60.0
# What grpc says instead of the collector's own status where a stream ends while a statement is being written to it
# (grpc issue 36066): a full collector looks like a broken one.
STATUS_LOST = (grpc.StatusCode.INTERNAL, "Internal error from Core")
END_S = 5.0  # for the tasks of a stream that was cancelled
_NONE = "none"  # not even that nothing was tried yet
DRAIN_S = 5.0  # at the end: how long receipts of what was sent are waited for
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.use_local_subchannel_pool", 1),  # else a new channel inherits the back-off of the broken one
)


class Submitter:
    """Sends an agent's spool. `bell` is set whenever something new waits; `stop` ends it after the present exchange."""

    def __init__(self, home: Home, *, bell: asyncio.Event, stop: asyncio.Event, first_pause_s: float = 1.0) -> None:
        self._home = home
        self._bell = bell
        self._stop = stop
        self._first_pause_s = first_pause_s
        self._keeper = CertificateKeeper(home)
        self._last_problem = ""
        self._progressed = True
        self._connected = False
        self._acknowledged = 0  # in the last session

    async def run(self) -> None:
        """Until `stop`. Lets out only SpoolCorrupt."""
        failures = 0
        while not self._stop.is_set():
            began = time.monotonic()
            self._acknowledged = 0
            try:
                await self._connect()
            except SpoolCorrupt:
                raise
            except CcmmError as error:
                steady = self._acknowledged > 0 or time.monotonic() - began > STEADY_S
                failures = 1 if steady else failures + 1
                self._report(error)
                await self._pause(failures)

    async def _connect(self) -> None:
        """One connection, one stream, until this side wants to leave it. Raises CcmmError for every other end."""
        transport = await self._keeper.ready()
        credentials = grpc.ssl_channel_credentials(
            root_certificates=root_pem(self._home.enrollment),
            private_key=transport.key_pem,
            certificate_chain=transport.chain_pem,
        )
        target = target_of(self._home.enrollment.evidence_host, self._home.enrollment.evidence_port)
        async with grpc.aio.secure_channel(target, credentials, options=_OPTIONS) as channel:
            call = EvidenceStub(channel).Submit()
            session = Session(self._home, call, bell=self._bell)
            try:
                await self._converse(session)
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
                await self._blame(session, call, error)
            finally:
                session.flush()
                self._acknowledged = session.acknowledged

    @property
    def is_connected(self) -> bool:
        """Whether a stream is up."""
        return self._connected

    async def _converse(self, session: Session) -> None:
        await session.open()
        if self._last_problem != _NONE:
            log.info("submitting", extra={"collector": self._home.enrollment.evidence_host})
        self._last_problem = _NONE
        self._connected = True
        receiving, sending = asyncio.create_task(session.receive()), asyncio.create_task(session.send())
        others = (asyncio.create_task(work) for work in (session.keep_receipts(), self._reasons_to_leave()))
        ends = [receiving, sending, *others]
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            if receiving.done():
                raise Unreachable("the collector ended the stream")
            sending.cancel()
            await session.drain(DRAIN_S)
        finally:
            self._connected = False
            await _ended(ends, session)

    async def _reasons_to_leave(self) -> None:
        """Returns when the agent stops, or when a new certificate is there: channel and certificate are switched."""
        while True:
            await _at_most(self._stop.wait(), LOOK_AT_CERTIFICATE_S)
            if self._stop.is_set():
                return
            if self._keeper.is_due(clock.now()):
                try:
                    await self._keeper.renew()
                except CcmmError as error:
                    self._report(error)
                else:
                    return

    async def _blame(self, session: Session, call: Call, error: Exception) -> None:
        """Turn the end of a stream into our named error; a statement that may have caused it is counted."""
        if isinstance(error, grpc.aio.AioRpcError):
            ended = error
        else:
            ended = grpc.aio.AioRpcError(
                await call.code(), await call.initial_metadata(), await call.trailing_metadata(), await call.details()
            )
        session.flush()
        self._progressed = self._progressed or session.acknowledged > 0
        # One statement may be set aside per progress made: a collector that fails on every one is itself ill.
        in_flight, details = session.in_flight(), ended.details() or ""
        if (ended.code(), details) == STATUS_LOST:
            raise Unreachable("the stream ended while a statement was written; the reason was lost") from error
        if stream_ended(self._home, in_flight, ended.code(), details, may_set_aside=self._progressed):
            self._progressed = False
        raise error_of(ended) from error

    def _report(self, error: CcmmError) -> None:
        """Log each new problem once; what a human must mend is kept for `status`."""
        problem = f"{error.name}: {error}"
        if problem == self._last_problem:
            return
        self._last_problem = problem
        log.warning("not submitting", extra={"problem": problem})
        if isinstance(error, Permanent):
            with suppress(StoreFull):
                self._home.spool.put_refusal(b"", error.name, str(error))

    async def _pause(self, failures: int) -> None:
        """Jittered exponential back-off, ended early by `stop`."""
        pause = min(self._first_pause_s * 2.0 ** min(max(failures - 1, 0), 20), MAX_PAUSE_S)
        await _at_most(self._stop.wait(), pause * random.uniform(0.5, 1.0))


async def _ended(tasks: list[asyncio.Task[None]], session: Session) -> None:
    """All of them ended; the call goes first, so that no task waits inside gRPC."""
    session.cancel()
    for task in tasks:
        task.cancel()
    done, waiting = await asyncio.wait(tasks, timeout=END_S)
    for task in done:
        if not task.cancelled():
            task.exception()  # asked for, so that asyncio does not complain; the first one was raised already
    if waiting:
        log.warning("stream did not end in time", extra={"tasks": len(waiting)})


async def _at_most(work: Coroutine[object, object, object], seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await work
