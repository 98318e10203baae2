"""What the `clock` source makes of a time server or a chronyd that misbehaves: datagrams, one answer for one question.

The other side is good each time, so that only the hurt one is told of. Each is read by a real reader process.
"""

import random
import struct
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.reading import Limits, SourceSpec, read_source
from ccmm_proto.reasons import Reason
from ccmm_proto.v1.statement_pb2 import EMPTY, UNAVAILABLE
from tests.support.time_server import Answering, clock_that_is, datagram_server

LIMITS = Limits(seconds=40)
GOOD = clock_that_is(0.0)
NOISE = random.Random(4).randbytes(512)
SAID = {Reason.TIMEOUT, Reason.UNREADABLE, Reason.REFUSED, Reason.UNREACHABLE}


def chronyd_that_follows(asked: bytes, *, status: int = 0, version: int = 6) -> bytes:
    """What chronyd answers to `tracking`: https://gitlab.com/chrony/chrony/-/blob/master/candm.h."""
    sequence = struct.unpack(">I", asked[8:12])[0]
    head = struct.pack(">BBHHHHHHHIII", version, 2, 0, 33, 5, status, 0, 0, 0, sequence, 0, 0)
    address = bytes((192, 0, 2, 1)) + bytes(12) + struct.pack(">HH", 1, 0)
    body = struct.pack(">I", 0xC0000201) + address + struct.pack(">HH", 2, 0) + bytes(12) + bytes(36)
    return (head + body).ljust(104, b"\0")


T = TypeVar("T")


def _late(answer: Answering, asked: bytes) -> bytes | None:
    time.sleep(1.5)
    return answer(asked)


Hurt = Callable[[Answering], Answering]
HURTS: Mapping[str, Hurt] = {
    "never answers": lambda answer: lambda asked: None,
    "noise": lambda answer: lambda asked: NOISE,
    "nothing": lambda answer: lambda asked: b"",
    "zeros": lambda answer: lambda asked: bytes(104),
    "its own question": lambda answer: lambda asked: asked,
    "half an answer": lambda answer: lambda asked: (answer(asked) or b"")[:20],
    "an answer to another question": lambda answer: lambda asked: answer(bytes(len(asked))),
    "the largest datagram": lambda answer: lambda asked: bytes(60_000),
    "too late": lambda answer: lambda asked: _late(answer, asked),
}
SERVERS: Mapping[str, Answering] = {"ntp": GOOD, "chrony": chronyd_that_follows}


def read_with(reference: int, ask: str, system: int) -> tuple[int, str, str, float]:
    options = {
        "references": [{"host": "127.0.0.1", "port": reference}],
        "systems": [{"source": "acd", "ask": ask, "host": "127.0.0.1", "port": system}],
    }
    begun = time.monotonic()
    spec = SourceSpec(name="clocks", plugin="clock", options=options)
    reading = read_source(spec, cursor=b"", now=datetime.now(UTC), zone=ZoneInfo("Asia/Shanghai"), limits=LIMITS)
    assert reading.outcome != UNAVAILABLE or reading.cursor is None
    return reading.outcome, reading.reason, reading.detail, time.monotonic() - begun


@pytest.mark.parametrize("ask", sorted(SERVERS))
def test_a_system_whose_clock_cannot_be_asked_is_named_in_time(ask: str) -> None:
    def read(hurt: str) -> tuple[int, bool, bool, bool]:
        with datagram_server(GOOD) as reference, datagram_server(HURTS[hurt](SERVERS[ask])) as system:
            outcome, reason, detail, seconds = read_with(reference, ask, system)
        return outcome, reason in SAID, detail.startswith("acd: "), seconds < LIMITS.seconds

    assert each(read) == dict.fromkeys(HURTS, (UNAVAILABLE, True, True, True))


def test_a_reference_that_cannot_be_asked_is_none() -> None:
    def read(hurt: str) -> tuple[int, str, bool, bool]:
        with datagram_server(HURTS[hurt](GOOD)) as reference, datagram_server(chronyd_that_follows) as system:
            outcome, reason, detail, seconds = read_with(reference, "chrony", system)
        return outcome, reason, detail.startswith(f"no reference: 127.0.0.1:{reference}"), seconds < LIMITS.seconds

    assert each(read) == dict.fromkeys(HURTS, (UNAVAILABLE, Reason.UNREACHABLE, True, True))


def each(read: Callable[[str], T]) -> dict[str, T]:
    """Most of their time is waiting."""
    with ThreadPoolExecutor(len(HURTS)) as pool:
        return dict(zip(HURTS, pool.map(read, HURTS), strict=True))


@pytest.mark.parametrize(("changed", "told"), [({"status": 2}, "cmdallow"), ({"version": 5}, "version")])
def test_what_chronyd_refuses_is_told(changed: dict[str, int], told: str) -> None:
    def refusing(asked: bytes) -> bytes:
        return chronyd_that_follows(asked, **changed)

    with datagram_server(GOOD) as reference, datagram_server(refusing) as system:
        outcome, reason, detail, _ = read_with(reference, "chrony", system)
    assert (outcome, reason in SAID) == (UNAVAILABLE, True)
    assert told in detail


@pytest.mark.parametrize("ask", sorted(SERVERS))
def test_good_ones_are_looked_at(ask: str) -> None:
    with datagram_server(GOOD) as reference, datagram_server(SERVERS[ask]) as system:
        outcome, _, detail, _ = read_with(reference, ask, system)
    assert outcome == EMPTY  # a quarter hour is stated when it is over
    assert detail == "the reference is in a private network"
