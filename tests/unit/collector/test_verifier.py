"""Verification here and in a child process: the same verdicts, whatever arrives."""

import io
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_collector.verifier import Verified, Verifier, answer, read_frame, verify_statement, write_frame
from ccmm_proto.errors import Permanent
from ccmm_proto.v1.statement_pb2 import Note
from tests.unit.collector.small_agent import Signer, some_run


@pytest.fixture
def verifier() -> Iterator[Verifier]:
    with closing(Verifier()) as opened:
        yield opened


def names(verdicts: list[Verified | Permanent]) -> list[str]:
    return ["verified" if isinstance(verdict, Verified) else verdict.name for verdict in verdicts]


def test_the_child_process_says_what_is_said_here(verifier: Verifier) -> None:
    signer, other = Signer(), Signer()
    envelopes = [
        signer.statement(run=some_run(400)),
        other.statement(run=some_run(400)),
        bytes(9000),
        bytes((4 << 20) + 1),
        signer.odd(sequence=9, previous=b"short", run=some_run(400)),
        signer.statement(note=Note(kind=Note.SPOOL_FULL, detail="full", sources=["pbx"])),
    ]
    verdicts = verifier.verify(envelopes, signer.key.public_key())
    assert names(verdicts) == ["verified", "bad_signature", "malformed", "oversize", "malformed", "verified"]
    assert verdicts[0] == verify_statement(envelopes[0], signer.key.public_key())
    assert verdicts[5] == verify_statement(envelopes[5], signer.key.public_key())


def test_a_handful_without_an_envelope_asks_nobody(verifier: Verifier) -> None:
    assert verifier.verify([], Signer().key.public_key()) == []


def test_the_head_keeps_all_but_the_run() -> None:
    signer = Signer()
    signer.statement()
    verified = verify_statement(signer.statement(), signer.key.public_key())
    head = verified.head
    assert (head.center, head.agent, head.epoch, head.sequence) == ("north", "agent-1", 0, 1)
    assert len(head.previous) == 32
    assert not head.HasField("run")


def in_time(verifier: Verifier, envelopes: list[bytes], signer: Signer) -> list[str]:
    found: list[list[str]] = []
    asking = threading.Thread(
        target=lambda: found.append(names(verifier.verify(envelopes, signer.key.public_key()))), daemon=True
    )
    asking.start()
    asking.join(30)
    if not found:
        verifier._children[-1].kill()  # else closing it waits as well
    assert found, "the verifying thread hangs"
    return found[0]


def test_long_notes_do_not_block_the_child_and_us(verifier: Verifier) -> None:
    signer = Signer()
    note = Note(kind=Note.SPOOL_FULL, detail="\u6ee1" * 500, sources=["s" * 90] * 10)
    assert in_time(verifier, [signer.statement(note=note) for _ in range(64)], signer) == ["verified"] * 64
    assert not verify_statement(signer.statement(note=note), signer.key.public_key()).head.note.detail


def test_a_note_that_names_a_hundred_thousand_sources_does_not_block_us(verifier: Verifier) -> None:
    signer = Signer()
    note = Note(kind=Note.SPOOL_FULL, sources=["s" * 30] * 100_000)
    envelopes = [signer.odd(sequence=n, previous=bytes(32), note=note) for n in range(3)]
    assert len(in_time(verifier, envelopes, signer)) == 3


def test_a_child_that_was_killed_is_replaced_and_nothing_is_lost(verifier: Verifier) -> None:
    signer = Signer()
    envelopes = [signer.statement(run=some_run(400)) for _ in range(3)]
    verifier.verify(envelopes, signer.key.public_key())
    (child,) = verifier._children
    os.kill(child.pid, signal.SIGKILL)
    assert names(verifier.verify(envelopes, signer.key.public_key())) == ["verified"] * 3


def test_where_no_process_can_be_started_verification_happens_here(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/nonexistent")
    signer = Signer()
    envelopes = [signer.statement(run=some_run(400)), bytes(9000)]
    assert names(verifier.verify(envelopes, signer.key.public_key())) == ["verified", "malformed"]


def test_only_the_envelope_that_kills_its_child_is_refused(verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = Signer()
    envelopes = [signer.statement(run=some_run(400)) for _ in range(3)]
    poison = envelopes[1]

    def write(stream: IO[bytes], frame: bytes) -> None:
        if frame.endswith(poison):
            os.kill(verifier._children[-1].pid, signal.SIGKILL)
        write_frame(stream, frame)

    monkeypatch.setattr("ccmm_collector.verifier.write_frame", write)
    for _ in range(2):
        verdicts = verifier.verify(envelopes, signer.key.public_key())
        assert names(verdicts) == ["verified", "malformed", "verified"]


@given(st.binary(max_size=400))
def test_the_child_has_an_answer_to_every_envelope(noise: bytes) -> None:
    key = Signer().key.public_key()
    said = answer(key.public_bytes_raw() + noise)
    assert said.startswith((b"1malformed ", b"1bad_signature "))


@given(st.lists(st.binary(max_size=50)))
def test_reading_frames_undoes_writing_them(frames: list[bytes]) -> None:
    pipe = io.BytesIO()
    for frame in frames:
        write_frame(pipe, frame)
    pipe.seek(0)
    assert [read_frame(pipe) for _ in frames] == frames
    with pytest.raises(EOFError):
        read_frame(pipe)


@given(st.binary(min_size=1, max_size=50), st.data())
def test_a_frame_cut_short_is_the_end(frame: bytes, data: st.DataObject) -> None:
    pipe = io.BytesIO()
    write_frame(pipe, frame)
    cut = data.draw(st.integers(0, len(frame) + 3))
    with pytest.raises(EOFError):
        read_frame(io.BytesIO(pipe.getvalue()[:cut]))
