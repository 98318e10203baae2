"""Is this envelope a well-formed statement, signed by this key? Small ones are looked at here, large ones in a process.

Checking hundreds of observations field by field keeps a core busy; beside the event loop and the log's writer, in one
interpreter, it would hold both up. So every verifying thread has a child process; it sees bytes and public keys only.
"""

import logging
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ccmm_proto.envelope import STATEMENT_TYPE, Opened, parse_envelope, verify_opened
from ccmm_proto.errors import BY_NAME, Malformed, Oversize, Permanent
from ccmm_proto.v1.statement_pb2 import Statement
from ccmm_proto.wire import MAX_STATEMENT_BYTES, parse_message, parse_statement

logger = logging.getLogger(__name__)

SMALL_BYTES = 2048  # an envelope below this is checked faster than it travels
_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Verified:
    """An envelope that holds, and what placing its statement needs: no run, and of a note only its kind."""

    opened: Opened
    head: Statement


def open_statement(envelope: bytes) -> Opened:
    """The envelope taken apart; raises Oversize or Malformed."""
    if len(envelope) > MAX_STATEMENT_BYTES:
        raise Oversize(f"{len(envelope)} bytes; at most {MAX_STATEMENT_BYTES} are taken")
    opened = parse_envelope(envelope)
    if opened.payload_type != STATEMENT_TYPE:
        raise Malformed(f"payload type {opened.payload_type[:80]!r} where {STATEMENT_TYPE!r} is expected")
    return opened


def verify_statement(envelope: bytes, key: Ed25519PublicKey) -> Verified:
    """Open, verify the signature, check every field; raises Oversize, Malformed or BadSignature."""
    opened = verify_opened(open_statement(envelope), key)
    return Verified(opened, head_of(parse_statement(opened.payload)))


def head_of(statement: Statement) -> Statement:
    """What placing a statement needs of it, and nothing as long as its agent likes: the log keeps the rest as bytes."""
    head = Statement(
        schema=statement.schema,
        center=statement.center,
        agent=statement.agent,
        epoch=statement.epoch,
        sequence=statement.sequence,
        previous=statement.previous,
        created_ms=statement.created_ms,
    )
    if statement.HasField("note"):
        head.note.kind = statement.note.kind
    return head


class Verifier:
    """Verifies handfuls; one child process for each thread that asks, started when it first has large ones."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._children: list[subprocess.Popen[bytes]] = []

    def verify(self, envelopes: Sequence[bytes], key: Ed25519PublicKey) -> list[Verified | Permanent]:
        """For each envelope, in order: what it holds, or why it is refused."""
        if not envelopes or sum(map(len, envelopes)) < SMALL_BYTES * len(envelopes):  # none: a hello alone
            return [_try(envelope, key) for envelope in envelopes]
        try:
            return self._ask(envelopes, key)
        except (OSError, EOFError):
            logger.error("a verifying process died", extra={"envelopes": len(envelopes)})
            self._bury()
            return [self._ask_once_more(envelope, key) for envelope in envelopes]

    def close(self) -> None:
        """End the child processes."""
        while self._children:
            _end(self._children.pop())

    def _ask_once_more(self, envelope: bytes, key: Ed25519PublicKey) -> Verified | Permanent:
        """Alone, in a fresh process: only the one that kills it is refused."""
        try:
            self._child()
        except OSError:  # no room for another process: then here
            return _try(envelope, key)
        try:
            return self._ask([envelope], key)[0]
        except (OSError, EOFError):
            logger.error("an envelope kills the verifying process", extra={"size_bytes": len(envelope)})
            self._bury()
            return Malformed("verifying this envelope failed")

    def _ask(self, envelopes: Sequence[bytes], key: Ed25519PublicKey) -> list[Verified | Permanent]:
        child = self._child()
        assert child.stdin is not None
        assert child.stdout is not None
        # One question ahead, so that the child never waits. Two answers (at most 2 KiB each) fit into any pipe: were
        # they larger, or more, the child would wait for us to read while we wait for it to read, for ever.
        verdicts: list[Verified | Permanent] = []
        for asked, envelope in enumerate(envelopes):
            write_frame(child.stdin, key.public_bytes_raw() + envelope)
            child.stdin.flush()
            if asked:
                verdicts.append(_read_answer(child.stdout, envelopes[asked - 1]))
        verdicts.append(_read_answer(child.stdout, envelopes[-1]))
        return verdicts

    def _bury(self) -> None:
        """Let this thread's child go; the next question starts another."""
        child: subprocess.Popen[bytes] | None = getattr(self._local, "child", None)
        if child is None:  # none could be started
            return
        self._local.child = None
        self._children.remove(child)
        child.kill()
        _end(child)

    def _child(self) -> subprocess.Popen[bytes]:
        child: subprocess.Popen[bytes] | None = getattr(self._local, "child", None)
        if child is None:
            child = subprocess.Popen(
                [sys.executable, "-m", "ccmm_collector.verify_process"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            self._local.child = child
            self._children.append(child)
        return child


def _end(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    assert child.stdout is not None
    with suppress(BrokenPipeError):  # what was written and not flushed, to one that is dead
        child.stdin.close()
    child.stdout.close()
    child.wait()


def _try(envelope: bytes, key: Ed25519PublicKey) -> Verified | Permanent:
    try:
        return verify_statement(envelope, key)
    except Permanent as refused:
        return refused


def answer(question: bytes) -> bytes:
    """What the child says to `key + envelope`: `0` and the statement's head, or `1` with the error's name and text."""
    key, envelope = Ed25519PublicKey.from_public_bytes(question[:32]), question[32:]
    verdict = _try(envelope, key)
    if isinstance(verdict, Verified):
        return b"0" + verdict.head.SerializeToString()
    return f"1{verdict.name} {str(verdict)[:400]}".encode()


def _read_answer(stream: IO[bytes], envelope: bytes) -> Verified | Permanent:
    said = read_frame(stream)
    if said[:1] == b"0":
        return Verified(parse_envelope(envelope), parse_message(Statement, said[1:]))
    name, _, message = said[1:].decode().partition(" ")
    error = BY_NAME[name](message)
    assert isinstance(error, Permanent)
    return error


def write_frame(stream: IO[bytes], frame: bytes) -> None:
    """Length, 4 bytes big-endian, then the bytes."""
    stream.write(_LENGTH.pack(len(frame)))
    stream.write(frame)


def read_frame(stream: IO[bytes]) -> bytes:
    """The next frame; raises EOFError where the other side has gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError("the other side has gone")
    (size_bytes,) = _LENGTH.unpack(head)
    frame = stream.read(size_bytes)
    if len(frame) < size_bytes:
        raise EOFError("the other side has gone")
    return frame
