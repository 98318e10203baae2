import contextlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmm_proto.errors import Malformed
from ccmm_proto.v1 import statement_pb2 as pb
from ccmm_proto.v1.service_pb2 import Receipt
from ccmm_proto.wire import check_run, parse_message, parse_receipt, parse_statement, sign_receipt
from tests.unit.proto.strategies import PSEUDONYM, count, run, statement

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


def account(**attributes: pb.Value) -> pb.Observation:
    listed = [pb.Attribute(name=name, value=value) for name, value in attributes.items()]
    entry = pb.Entry(key=pb.Identity(pseudonym=PSEUDONYM), attributes=listed)
    return pb.Observation(inventory=pb.Inventory(kind="account", as_of_ms=5, complete=True, entries=[entry]))


def test_parsing_undoes_serialising() -> None:
    made = statement(run=run(count(queue="support"), account(system=pb.Value(text="ldap"))))
    assert parse_statement(made.SerializeToString()) == made


@settings(max_examples=500)
@given(st.binary(max_size=400))
def test_only_malformed_escapes_the_statement_parser(noise: bytes) -> None:
    with contextlib.suppress(Malformed):
        parse_statement(noise)


@given(st.binary(min_size=1, max_size=4), st.data())
def test_a_damaged_statement_parses_or_is_malformed(noise: bytes, pick: st.DataObject) -> None:
    payload = bytearray(
        statement(run=run(count(queue="support"), account(system=pb.Value(text="x")))).SerializeToString()
    )
    at = pick.draw(st.integers(0, len(payload) - 1))
    payload[at : at + len(noise)] = noise
    with contextlib.suppress(Malformed):
        parse_statement(bytes(payload))


def huge(id: str, **fields: object) -> pb.Observation:
    return pb.Observation(measure=pb.Measure(id=id, period_s=900, **fields))  # type: ignore[arg-type]  # by name


def roll_of(queue: str) -> pb.Observation:
    columns = [
        pb.Column(name="system", dictionary=["acd"], number=[0]),
        pb.Column(name="queue", dictionary=[queue], number=[0]),
    ]
    return pb.Observation(roll=pb.Roll(kind="call", key=[1], start_s=[1], columns=columns))


def silent(first_ms: int, last_ms: int, count: int) -> bytes:
    missed = pb.DueTimes(first_ms=first_ms, last_ms=last_ms, count=count)
    made = pb.Run(source="pbx", plugin="asterisk", run_id="r1", part=1, parts=1, missed=missed)
    made.outcome, made.reason = pb.MISSED, "agent_down"
    head = pb.Statement(schema=1, center="c", agent="a", previous=bytes(32), created_ms=1, run=made)
    return head.SerializeToString()


BROKEN = {
    "no center": statement().SerializeToString().replace(b"north", b"nor\nh"),
    "no such measure": statement(run=run(count("calls_imagined"))).SerializeToString(),
    "slot off the quarter hour": statement(run=run(count(start_ms=1))).SerializeToString(),
    "no such dimension": statement(run=run(count(colour="red"))).SerializeToString(),
    "clear name where a pseudonym belongs": statement(
        run=run(account(system=pb.Value(text="ldap"), person=pb.Value(text="u0001")))
    ).SerializeToString(),
    "short pseudonym": statement(
        run=run(account(system=pb.Value(text="ldap"), person=pb.Value(pseudonym=b"short")))
    ).SerializeToString(),
    "wrong type": statement(run=run(account(system=pb.Value(whole=3)))).SerializeToString(),
    "missing attribute": statement(run=run(account())).SerializeToString(),
    "no such attribute": statement(
        run=run(account(system=pb.Value(text="x"), salary=pb.Value(whole=1)))
    ).SerializeToString(),
    "not a number": statement(
        run=run(pb.Observation(measure=pb.Measure(id="talk_time", period_s=900, sum=pb.Sum(total=float("nan")))))
    ).SerializeToString(),
    "facts beside an unavailable run": statement(run=run(count(), outcome=pb.UNAVAILABLE)).SerializeToString(),
    "an epoch without its reason": statement(epoch=1).SerializeToString(),
    "a due time outside all calendars": statement(run=pb.Run(due_ms=2**62)).SerializeToString(),
    "finished before all calendars": statement(run=pb.Run(finished_ms=-1)).SerializeToString(),
    "a sequence that no store can hold": statement(sequence=2**63).SerializeToString(),
    "a count that no store can hold": statement(run=run(huge("calls_offered", count=2**63))).SerializeToString(),
    "more unfinished than a store can hold": statement(
        run=run(huge("calls_offered", count=1, unfinished=2**64 - 1))
    ).SerializeToString(),
    "buckets that no store can hold": statement(
        run=run(huge("wait_answered", histogram=pb.Histogram(buckets=[2**62] * 17)))
    ).SerializeToString(),
    "more summed than a store can hold": statement(
        run=run(huge("talk_time", sum=pb.Sum(total=1, count=2**63)))
    ).SerializeToString(),
    "a roll outside all calendars": statement(
        run=run(pb.Observation(roll=pb.Roll(kind="call", hour_ms=3_600_000 * 2**40)))
    ).SerializeToString(),
    "a roll with an endless word": statement(run=run(roll_of("x" * 1001))).SerializeToString(),
    "an endless list of words": statement(
        run=run(account(system=pb.Value(text="x"), groups=pb.Value(words=pb.Words(word=["x" * 1001]))))
    ).SerializeToString(),
    "an endless reason": statement(
        run=run(huge("calls_offered", count=1, revision=1, revision_reason="x" * 201))
    ).SerializeToString(),
    "an endless feed": statement(run=pb.Run(feeds=["x" * 101])).SerializeToString(),
    "an endless boot id": statement(clock=pb.Clock(boot_id="x" * 101)).SerializeToString(),
    "a digest of another length": statement(config_digest=b"short").SerializeToString(),
    "due times that run back": silent(5, 4, 1),
    "no due time at all": silent(5, 5, 0),
    "neither run nor note": pb.Statement(
        schema=1, center="c", agent="a", previous=bytes(32), created_ms=1
    ).SerializeToString(),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_not_of_its_shape_is_malformed(what: str) -> None:
    with pytest.raises(Malformed):
        parse_statement(BROKEN[what])


def test_a_missed_run_names_its_due_times() -> None:
    assert parse_statement(silent(5, 5, 1)).run.missed.count == 1


def test_a_statement_of_a_later_schema_is_read_in_its_head_only() -> None:
    later = statement(schema=7, run=run(count("calls_imagined")))
    assert parse_statement(later.SerializeToString()).schema == 7


def test_the_same_dimensions_are_checked_for_every_measure_id() -> None:
    good, bad = count(queue="support"), count(colour="red")
    with pytest.raises(Malformed, match="colour"):
        check_run(run(good, bad), clear=False)
    staff = pb.Observation(
        measure=pb.Measure(
            id="login_time", period_s=86400, dimensions=[pb.Dimension(name="agent", text="x")], sum=pb.Sum(total=1)
        )
    )
    check_run(run(good, staff), clear=True)
    with pytest.raises(Malformed, match="pseudonym"):
        check_run(run(good, staff), clear=False)


def test_a_reason_stands_beside_a_run_that_did_not_look_and_only_there() -> None:
    silent = run(outcome=pb.UNAVAILABLE)
    check_run(silent, clear=False)
    silent.reason = "because"
    with pytest.raises(Malformed, match="reason"):
        check_run(silent, clear=False)
    looked = run()
    looked.reason = "timeout"
    with pytest.raises(Malformed, match="reason"):
        check_run(looked, clear=False)


def test_a_receipt_survives_its_way() -> None:
    receipt = Receipt(agent="a", sequence=3, digest=bytes(32), log_id="log", log_index=9, recorded_ms=5, center="c")
    assert parse_receipt(sign_receipt(receipt, KEY), KEY.public_key()) == receipt


@given(st.binary(max_size=200))
def test_only_malformed_escapes_the_receipt_parser(noise: bytes) -> None:
    with pytest.raises(Malformed):
        parse_receipt(noise, KEY.public_key())


def test_a_truncated_message_is_malformed() -> None:
    with pytest.raises(Malformed, match="Receipt"):
        parse_message(Receipt, b"\x0a\xff")
