"""The small parts of a stream: its inbox, its deliveries, what it says."""

import asyncio
import threading
import time
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_collector import serve, stream
from ccmm_collector.deliveries import Deliveries
from ccmm_collector.evidence_service import STREAMS
from ccmm_collector.inbox import HANDFUL, ROOM_BYTES, Inbox
from ccmm_collector.stream import parse_envelopes
from ccmm_proto.errors import Malformed
from ccmm_proto.v1.service_pb2 import AgentMessage, Hello
from tests.unit.collector.conftest import Collector, serving
from tests.unit.collector.small_agent import some_run


def test_an_inbox_gives_what_it_got_in_order_and_in_handfuls() -> None:
    async def story() -> list[int]:
        inbox = Inbox()
        for n in range(HANDFUL + 3):
            await inbox.put(bytes(n))
        inbox.close()
        sizes: list[int] = []
        taken = await inbox.take()
        assert len(taken) == HANDFUL
        while taken:
            sizes += map(len, taken)
            taken = await inbox.take()
        return sizes

    assert asyncio.run(story()) == list(range(HANDFUL + 3))


def test_a_full_inbox_holds_its_writer_back() -> None:
    async def story() -> None:
        inbox = Inbox()
        await inbox.put(bytes(ROOM_BYTES))
        late = asyncio.ensure_future(inbox.put(b"late"))
        await asyncio.sleep(0.01)
        assert not late.done()
        assert [len(message) for message in await inbox.take()] == [ROOM_BYTES]
        await late
        assert await inbox.take() == [b"late"]

    asyncio.run(story())


def test_a_delivery_is_made_for_what_was_done_before_and_after() -> None:
    async def story() -> None:
        deliveries: Deliveries[int] = Deliveries(asyncio.get_running_loop())
        early: Future[int] = Future()
        early.set_result(1)
        late: Future[int] = Future()
        slots = [deliveries.watch(early), deliveries.watch(late)]
        asyncio.get_running_loop().run_in_executor(None, late.set_result, 2)
        assert [(await slot).result() for slot in slots] == [1, 2]

    asyncio.run(story())


def test_a_stream_that_went_away_needs_no_delivery() -> None:
    async def story() -> None:
        deliveries: Deliveries[int] = Deliveries(asyncio.get_running_loop())
        future: Future[int] = Future()
        deliveries.watch(future).cancel()
        future.set_result(1)
        await asyncio.sleep(0.01)

    asyncio.run(story())


def test_a_collector_that_cannot_keep_up_asks_to_hold_back_and_takes_everything(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "FULL_BYTES", 1000)
    with serving(folder) as collector:
        agent = collector.agent()
        gate = threading.Event()
        with agent.stream() as talk:
            statements = [agent.signer.statement(run=some_run(50)) for _ in range(3)]
            collector.log.write(lambda _: gate.wait(10))
            talk.say(statements[0])
            while collector.log.waiting_bytes < 1000:
                time.sleep(0.01)
            talk.say(*statements[1:])
            assert talk.hear().retry_after.milliseconds > 0
            gate.set()
            words = iter(lambda: talk.hear().WhichOneof("message"), None)
            said = [next(words)]
            while said.count("receipt") < len(statements):  # it may ask to hold back more than once
                said.append(next(words))
            assert set(said) <= {"receipt", "retry_after"}


def test_an_agent_that_reads_no_receipts_fills_its_connection_and_not_the_memory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody_reads(*_: object) -> None:
        await asyncio.sleep(3600)

    monkeypatch.setattr(stream, "UNANSWERED_BYTES", 100 * stream.ANSWER_BYTES)
    monkeypatch.setattr(stream.Stream, "send_answer", nobody_reads)
    monkeypatch.setattr(serve, "GRACE_SECONDS", 0.1)
    with serving(folder) as collector:
        agent = collector.agent()
        with agent.stream() as talk:
            talk.say(*agent.signer.statements(600))
            while collector.log.size() < HANDFUL:
                time.sleep(0.01)
            time.sleep(1.5)
            assert collector.log.size() <= 3 * HANDFUL


def test_an_agent_that_connects_again_and_again_loses_its_oldest_streams(collector: Collector) -> None:
    agent, other = collector.agent(), collector.agent()
    with other.stream() as neighbour, ExitStack() as held:
        talks = [held.enter_context(agent.stream()) for _ in range(STREAMS + 2)]
        for talk in talks[:2]:
            with pytest.raises(grpc.RpcError, match="more than 4 streams"):
                talk.hear()
        for talk in talks[2:]:
            talk.say(agent.signer.statement())
            assert talk.hear().HasField("receipt")
        neighbour.say(other.signer.statement())
        assert neighbour.hear().HasField("receipt")


def test_a_hello_brings_no_envelope() -> None:
    assert parse_envelopes(AgentMessage(hello=Hello(software_version="1")).SerializeToString()) == []


@given(st.binary(max_size=100))
def test_parsing_a_message_gives_the_envelope_back(envelope: bytes) -> None:
    assert parse_envelopes(AgentMessage(envelope=envelope).SerializeToString()) == [envelope]


@given(st.binary(max_size=100))
def test_only_malformed_escapes_from_parsing_a_message(noise: bytes) -> None:
    try:
        parse_envelopes(noise)
    except Malformed:
        return
    AgentMessage.FromString(noise)
