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
    "neither run nor note": pb.Statement(
        schema=1, center="c", agent="a", previous=bytes(32), created_ms=1
    ).SerializeToString(),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_not_of_its_shape_is_malformed(what: str) -> None:
    with pytest.raises(Malformed):
        parse_statement(BROKEN[what])


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
