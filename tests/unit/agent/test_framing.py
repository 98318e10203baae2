"""Frames of the reader's pipe: parsing undoes framing, and only Malformed escapes."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.framing import Frames, frame, parse_frames
from ccmm_proto.errors import Malformed

MESSAGES = st.lists(st.binary(min_size=1, max_size=50), max_size=10)


@given(MESSAGES, st.integers(1, 20))
def test_frames_come_out_as_they_went_in_whatever_the_chunks(messages: list[bytes], size: int) -> None:
    stream = b"".join(map(frame, messages))
    frames = Frames(limit_bytes=50)
    out = [one for at in range(0, len(stream), size) for one in frames.feed(stream[at : at + size])]
    assert out == messages
    assert not frames.is_torn


def test_a_torn_last_frame_is_malformed() -> None:
    with pytest.raises(Malformed, match="torn"):
        parse_frames(frame(b"whole") + frame(b"torn")[:-1], 100)


@pytest.mark.parametrize("length", [0, 101, 2**32 - 1])
def test_an_empty_or_oversize_frame_is_malformed_before_its_body_comes(length: int) -> None:
    with pytest.raises(Malformed, match="a frame of"):
        Frames(limit_bytes=100).feed(length.to_bytes(4, "big"))


def test_ten_thousand_random_streams_give_frames_or_malformed() -> None:
    source = random.Random(20261122)
    refused = 0
    for _ in range(10_000):
        stream = source.randbytes(source.randrange(64))
        if source.random() < 0.5:
            stream = bytes(3) + stream  # a small length, so that bodies are reached too
        try:
            assert b"".join(map(frame, parse_frames(stream, 200))) == stream
        except Malformed:
            refused += 1
    assert 5_000 < refused < 10_000
