import contextlib

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from ccmm_proto.errors import Malformed
from ccmm_proto.roll import check_roll, rows_of
from ccmm_proto.v1.statement_pb2 import Column, Roll

HOUR = 3_600_000


def calls(**changed: object) -> Roll:
    made = Roll(
        kind="call",
        hour_ms=HOUR,
        complete=True,
        key=[5, 9],
        start_s=[0, 3599],
        columns=[
            Column(name="system", number=[0, 0], dictionary=["acd"]),
            Column(name="queue", number=[0, -1], dictionary=["support"]),
            Column(name="answered", number=[1, 0]),
            Column(name="talk", number=[61, -1]),
            Column(name="agent", pseudonym=[77, 0]),
        ],
    )
    made.MergeFrom(Roll(**changed))  # type: ignore[arg-type]  # fields of the message, by name
    return made


def test_rows_come_back_with_what_is_present() -> None:
    assert list(rows_of(calls())) == [
        (5, HOUR, {"system": "acd", "queue": "support", "answered": True, "talk": 61, "agent": 77}),
        (9, HOUR + 3_599_000, {"system": "acd", "answered": False}),
    ]


BROKEN = {
    "a kind that does not roll": calls(kind="account"),
    "not a full hour": calls(hour_ms=HOUR + 1),
    "more keys than starts": calls(key=[11]),
    "a column twice": calls(columns=[Column(name="answered", number=[1, 1])]),
    "an unknown column": calls(columns=[Column(name="salary", number=[1, 1])]),
    "clear text": calls(columns=[Column(name="number", clear=["139", "138"])]),
    "a short column": calls(columns=[Column(name="required", number=[1])]),
    "no flag": calls(columns=[Column(name="required", number=[1, 2])]),
    "an index outside the dictionary": calls(columns=[Column(name="direction", number=[0, 1], dictionary=["in"])]),
    "negative time": calls(columns=[Column(name="wait", number=[-2, 0])]),
    "unsorted keys": Roll(kind="call", key=[9, 5], start_s=[0, 0]),
    "a start beyond the hour": Roll(kind="call", key=[5], start_s=[3600]),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_roll_that_is_not_of_its_shape_is_malformed(what: str) -> None:
    with pytest.raises(Malformed):
        list(rows_of(BROKEN[what]))


def test_clear_keys_stand_only_between_reader_and_agent() -> None:
    clear = Roll(kind="call", clear_key=["b", "a"], start_s=[1, 2])
    check_roll(clear, clear=True)
    with pytest.raises(Malformed):
        check_roll(clear, clear=False)


@given(st.binary(max_size=200))
def test_any_bytes_give_rows_or_malformed(noise: bytes) -> None:
    roll = Roll(kind="call")
    try:
        roll.MergeFromString(noise)
    except DecodeError:
        return
    with contextlib.suppress(Malformed):
        list(rows_of(roll))
