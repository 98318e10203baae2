"""What the hostile plugin answers: right, wrong, too much, too late, or not at all."""

import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from ccmm_agent import facts
from ccmm_agent.plugin import Done, Observation, Reason, SourceUnavailable, Window
from ccmm_proto.v1 import reader_pb2 as rpb
from ccmm_proto.v1 import statement_pb2 as pb
from tests.support.hostile.wishes import Act, Wishes

QUARTER = datetime(2026, 11, 2, 8, 15, tzinfo=UTC)


def _nothing(wishes: Wishes, window: Window) -> None:
    """Goes on to the good end."""


def _empty(wishes: Wishes, window: Window) -> Iterator[Done]:
    yield Done(None, b"next")


def _detail(wishes: Wishes, window: Window) -> Iterator[Done]:
    yield Done(None, b"next", detail="2 lines set apart" + "!" * 1000)


def _after_done(wishes: Wishes, window: Window) -> Iterator[Observation | Done]:
    yield Done(None, b"next")
    time.sleep(60)


def _hang(wishes: Wishes, window: Window) -> None:
    time.sleep(60)


def _spin(wishes: Wishes, window: Window) -> None:
    while True:
        pass


def _exit(wishes: Wishes, window: Window) -> None:
    os._exit(0)


def _abort(wishes: Wishes, window: Window) -> None:
    os.abort()


def _raise(wishes: Wishes, window: Window) -> None:
    raise RuntimeError("the customer 13800138000 was not found")


def _close(wishes: Wishes, window: Window) -> None:
    os.close(int(sys.argv[1]))
    time.sleep(60)


def _flood(wishes: Wishes, window: Window) -> Iterator[Observation]:
    observation = facts.count("calls_offered", QUARTER, 3, queue="support" * 100)
    while True:
        yield observation


def _print(wishes: Wishes, window: Window) -> None:
    while True:
        print("noise" * 1000)


def _memory(wishes: Wishes, window: Window) -> None:
    kept = [bytearray(256 << 20) for _ in range(16)]
    raise AssertionError(len(kept))


def _garbage(wishes: Wishes, window: Window) -> None:
    os.write(int(sys.argv[1]), b"\xff" * 100_000)
    time.sleep(60)


def _not_protobuf(wishes: Wishes, window: Window) -> None:
    os.write(int(sys.argv[1]), b"\x00\x00\x00\x03\xff\xff\xff")
    time.sleep(60)


def _started_again(wishes: Wishes, window: Window) -> None:
    _answer(rpb.ReadReply(started=rpb.Started(isolation=pb.ISOLATION_LANDLOCK_AND_ACCOUNT)))


def _unknown_reason(wishes: Wishes, window: Window) -> None:
    _answer(rpb.ReadReply(unavailable=rpb.Unavailable(reason="tired", detail="x")))


def _unknown_kind(wishes: Wishes, window: Window) -> Iterator[Observation]:
    yield pb.Observation(inventory=pb.Inventory(kind="salary", as_of_ms=1))


def _unknown_attribute(wishes: Wishes, window: Window) -> Iterator[Observation]:
    yield facts.inventory("account", window.now, [("jdoe", {"system": "ldap", "salary": "much"})])


def _text_for_flag(wishes: Wishes, window: Window) -> Iterator[Observation]:
    entry = pb.Entry(key=pb.Identity(text="jdoe"))
    entry.attributes.add(name="system", value=pb.Value(text="ldap"))
    entry.attributes.add(name="enabled", value=pb.Value(text="yes"))
    yield pb.Observation(inventory=pb.Inventory(kind="account", as_of_ms=1, entries=[entry]))


def _other_feed(wishes: Wishes, window: Window) -> Iterator[Observation]:
    yield facts.count("calls_answered", QUARTER, 3, queue="support")


def _stowaway(wishes: Wishes, window: Window) -> Iterator[Observation]:
    """Clear text in a field that no schema knows of."""
    observation = facts.count("calls_offered", QUARTER, 3, queue="support")
    observation.MergeFromString(b"\xfa\x3f\x0b13800138000")
    yield observation


def _no_observation(wishes: Wishes, window: Window) -> Iterator[Observation]:
    yield "three calls"  # type: ignore[misc]


def _no_done(wishes: Wishes, window: Window) -> None:
    raise StopIteration


def _future(wishes: Wishes, window: Window) -> Iterator[Done]:
    yield Done((QUARTER, window.now + timedelta(seconds=1)), b"next")


def _reversed(wishes: Wishes, window: Window) -> Iterator[Done]:
    yield Done((window.now, QUARTER), b"next")


def _naive(wishes: Wishes, window: Window) -> Iterator[Done]:
    yield Done((QUARTER.replace(tzinfo=None), window.now), b"next")


def _for_ever(wishes: Wishes, window: Window) -> Iterator[Done]:
    yield Done(None, window.cursor, more=True)


def _big_cursor(wishes: Wishes, window: Window) -> Iterator[Done]:
    yield Done(None, bytes(2 << 20))


def _unavailable(wishes: Wishes, window: Window) -> None:
    raise SourceUnavailable(Reason.LIMITED, "only 500 entries were given")


def _answer(reply: rpb.ReadReply) -> None:
    message = reply.SerializeToString()
    os.write(int(sys.argv[1]), len(message).to_bytes(4, "big") + message)
    time.sleep(60)


ACTS: dict[str, Act] = {
    "nothing": _nothing,
    "empty": _empty,
    "detail": _detail,
    "after_done": _after_done,
    "hang": _hang,
    "spin": _spin,
    "exit": _exit,
    "abort": _abort,
    "raise": _raise,
    "close": _close,
    "flood": _flood,
    "print": _print,
    "memory": _memory,
    "garbage": _garbage,
    "not_protobuf": _not_protobuf,
    "started_again": _started_again,
    "unknown_reason": _unknown_reason,
    "unknown_kind": _unknown_kind,
    "unknown_attribute": _unknown_attribute,
    "text_for_flag": _text_for_flag,
    "other_feed": _other_feed,
    "stowaway": _stowaway,
    "no_observation": _no_observation,
    "no_done": _no_done,
    "future": _future,
    "reversed": _reversed,
    "naive": _naive,
    "for_ever": _for_ever,
    "big_cursor": _big_cursor,
    "unavailable": _unavailable,
    "undeclared_feed": _nothing,
    "fine": _nothing,
}
